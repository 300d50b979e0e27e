/* A kernel that lacks something of the network: `lacking_sockets WHAT PROGRAM...` executes the program so that for it
 * and all its children there are no sockets of some kind. WHAT is `nft` (nf_tables was left out, or may not be used)
 * or `ipv6`. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARGUMENT(index) (offsetof(struct seccomp_data, args) + (index) * 8)

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    int nft = strcmp(argv[1], "nft") == 0;
    unsigned family = nft ? AF_NETLINK : AF_INET6, error = nft ? EPROTONOSUPPORT : EAFNOSUPPORT;
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 5),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARGUMENT(0)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, family, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARGUMENT(2)),
        /* Of AF_NETLINK one protocol, of AF_INET6 all. */
        BPF_JUMP(BPF_JMP | (nft ? BPF_JEQ : BPF_JGE) | BPF_K, nft ? NETLINK_NETFILTER : 0, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return 3;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) return 3;
    execv(argv[2], argv + 2);
    perror(argv[2]);
    return 4;
}

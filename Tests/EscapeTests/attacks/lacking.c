/* A kernel that lacks something: `lacking NUMBER[:ARGUMENT:VALUE] ANSWER PROGRAM...` executes the program so that the
 * system call NUMBER, or only with VALUE as its argument ARGUMENT, answers with the error ANSWER, for it and all its
 * children. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    char *rest;
    unsigned number = (unsigned)strtoul(argv[1], &rest, 10), place = offsetof(struct seccomp_data, nr), value = number;
    if (*rest == ':') {
        place = offsetof(struct seccomp_data, args) + 8 * (unsigned)strtoul(rest + 1, &rest, 10);
        value = (unsigned)strtoul(rest + 1, NULL, 10);
    }
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, place),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)atoi(argv[2])),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return 3;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) return 3;
    execv(argv[3], argv + 3);
    perror(argv[3]);
    return 4;
}

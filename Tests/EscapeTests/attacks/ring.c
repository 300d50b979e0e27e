/*
 * io_uring(7), which does what its rings say without a system call that a filter sees: `ring` makes one; `ring SOCKET`
 * takes one that a process outside made, by SCM_RIGHTS, and enters it. Prints `setup`, `received`, `enter`, `register`
 * and their results.
 */
#include <errno.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static void say(const char *what, long result) {
    printf("%s %s\n", what, result < 0 ? strerrorname_np(errno) : "ok");
}

static int receive(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    if (connect(sock, (struct sockaddr *)&address, sizeof address) < 0) return -1;
    char byte, control[CMSG_SPACE(sizeof(int))];
    struct iovec io = {&byte, 1};
    struct msghdr header = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    if (recvmsg(sock, &header, 0) < 0) return -1;
    struct cmsghdr *c = CMSG_FIRSTHDR(&header);
    if (c == NULL || c->cmsg_type != SCM_RIGHTS) return -1;
    int ring;
    memcpy(&ring, CMSG_DATA(c), sizeof ring);
    return ring;
}

int main(int argc, char **argv) {
    struct io_uring_params parameters = {0};
    long ring = argc > 1 ? receive(argv[1]) : syscall(SYS_io_uring_setup, 4, &parameters);
    say(argc > 1 ? "received" : "setup", ring);
    say("enter", syscall(SYS_io_uring_enter, ring, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0));
    static char probe[sizeof(struct io_uring_probe)];
    say("register", syscall(SYS_io_uring_register, ring, IORING_REGISTER_PROBE, probe, 0));
    return 0;
}

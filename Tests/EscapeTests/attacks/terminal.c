/* What a program can do to the terminal that it has as standard input; `terminal push` only types into it. One line per
 * try: `NAME ok`, or the answer. */
#include <asm/ioctls.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static void try(const char *name, unsigned long request, uintptr_t argument) {
    long result = syscall(SYS_ioctl, 0, request, argument);
    printf("%s %s\n", name, result < 0 ? strerrorname_np(errno) : "ok");
    fflush(stdout);
}

int main(int argc, char **argv) {
    static const char pushed[] = "echo pushed\n";
    const unsigned long high = 1UL << 32;
    for (size_t i = 0; i < sizeof pushed - 1; i++) {
        try("TIOCSTI", TIOCSTI, (uintptr_t)&pushed[i]);
        try("TIOCSTI+high", TIOCSTI | high, (uintptr_t)&pushed[i]);
    }
    if (argc > 1 && strcmp(argv[1], "push") == 0) return 0;
    /* 2: select, 3: paste the selection, 4 to 17: the console's other subcommands. */
    for (char code = 0; code < 18; code++) {
        try("TIOCLINUX", TIOCLINUX, (uintptr_t)&code);
        try("TIOCLINUX+high", TIOCLINUX | high, (uintptr_t)&code);
    }
    int zero = 0, discipline = 15, packet = 1;
    try("TIOCCONS", TIOCCONS, 0);
    try("TIOCSETD", TIOCSETD, (uintptr_t)&discipline);
    try("TIOCVHANGUP", TIOCVHANGUP, 0);
    try("TIOCSIG", TIOCSIG, 2);
    try("TIOCPKT", TIOCPKT, (uintptr_t)&packet);
    try("TIOCSPTLCK", TIOCSPTLCK, (uintptr_t)&zero);
    try("TIOCGPTPEER", TIOCGPTPEER, 2);
    printf("vhangup %s\n", syscall(SYS_vhangup) < 0 ? strerrorname_np(errno) : "ok");
    struct stat status;
    if (fstat(0, &status) == 0)
        printf("terminal %lu:%lu on %lu\n", (unsigned long)major(status.st_rdev), (unsigned long)minor(status.st_rdev),
               (unsigned long)status.st_dev);
    return 0;
}

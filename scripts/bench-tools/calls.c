/*
 * Times single system calls under seccomp filters for scripts/bench, interleaved: in every round each case runs once,
 * in a process of its own. Prints a line per run: case, call, nanoseconds per call.
 *
 *     calls ROUNDS NAME=FILE,FILE NAME=...    the files are BPF programs, installed in that order; none: NAME=
 *
 * The calls fail early, so that what is timed is the way into the kernel and back: getppid
 * and read, which are allowed whatever the arguments, and ioctl, whose request Cloche's filter looks at.
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CALLS = 200000, LONGEST = 4096 };

static int install(const char *path) {
    static struct sock_filter code[LONGEST];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = read(file, code, sizeof code);
    close(file);
    if (size <= 0) return -1;
    struct sock_fprog program = {.len = (unsigned short)((size_t)size / sizeof *code), .filter = code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -1;
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

static double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void time_calls(int number) {
    static const struct {
        const char *name;
        long words[4];
    } calls[] = {{"getppid", {SYS_getppid}}, {"read", {SYS_read, -1}}, {"ioctl", {SYS_ioctl, -1, 0x5401}}};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        const long *w = calls[i].words;
        for (int n = 0; n < CALLS / 10; n++) syscall(w[0], w[1], w[2], w[3]);
        double began = now_ns();
        for (int n = 0; n < CALLS; n++) syscall(w[0], w[1], w[2], w[3]);
        printf("%d %s %.1f\n", number, calls[i].name, (now_ns() - began) / CALLS);
    }
}

int main(int count, char **words) {
    int cases = count - 2;
    if (cases < 1) return 2;
    for (int round = 0; round < atoi(words[1]); round++) {
        for (int i = 0; i < cases; i++) {
            int number = (round + i) % cases, status;
            fflush(stdout);
            pid_t pid = fork();
            if (pid == 0) {
                char *files = strchr(words[2 + number], '=');
                if (files == NULL) _exit(2);
                files++;
                for (char *file; (file = strsep(&files, ",")) != NULL;) {
                    if (*file != '\0' && install(file) < 0) _exit(1);
                }
                time_calls(number);
                fflush(stdout);
                _exit(0);
            }
            if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0) return 1;
        }
    }
    return 0;
}

/*
 * Makes system calls and tells what came of each. A request is a line of hexadecimal words: a call's number and up to
 * six arguments, zero if left out. The answer is a line: `ok`, `errno N`, `signal N`, `exit` (the call ended the
 * process) or `waits` (it did not return in time).
 *
 *     sweep process  < requests    each in a process of its own, with no descriptor open
 *     sweep terminal < requests    the same, with descriptor 0 a new terminal, its controlling one
 *     sweep here     < requests    in one process, quicker; descriptors that come of it are closed
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 1000, SYNC_PATIENCE_MS = 60000 };

struct request {
    unsigned long word[7];
};

/* Shared with the process that makes the call, because it may have no other way left to say what came of it. */
static volatile struct {
    int done;
    long result;
    int error;
} *report;

static long call(const struct request *r) {
    const unsigned long *w = r->word;
    long result;
    /* Not by syscall(3): it is what a program of ours would use, but words must arrive unchanged, the number's too. */
    register unsigned long r10 __asm__("r10") = w[4], r8 __asm__("r8") = w[5], r9 __asm__("r9") = w[6];
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(w[0]), "D"(w[1]), "S"(w[2]), "d"(w[3]), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static int begets(unsigned long number) {
    return (unsigned)number == SYS_clone || (unsigned)number == SYS_fork || (unsigned)number == SYS_vfork;
}

/* The master at 3, kept open, because its end would hang the terminal up; the terminal at 0. */
static void take_terminal(void) {
    int zero = 0, master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0 || ioctl(master, TIOCSPTLCK, &zero) < 0 || dup2(master, 3) < 0) _exit(99);
    int terminal = ioctl(3, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal < 0 || dup2(terminal, 0) < 0 || ioctl(0, TIOCSCTTY, 0) < 0) _exit(99);
}

static void child(const struct request *r, int on_terminal) {
    setsid();
    close_range(0, ~0U, 0);
    if (on_terminal) take_terminal();
    close_range(on_terminal ? 4 : 0, ~0U, 0);
    pid_t own = getpid();
    long result = call(r);
    if (begets(r->word[0]) && getpid() != own) syscall(SYS_exit, 0);
    /* A message queue outlives its maker. */
    if (r->word[0] == SYS_msgget && result >= 0) msgctl((int)result, IPC_RMID, NULL);
    report->result = result;
    report->done = 1;
    /* The one way to end that even the strict mode of seccomp leaves. */
    syscall(SYS_exit, 0);
}

static void tell(long result) {
    if (result < 0 && result > -4096) printf("errno %ld\n", -result);
    else printf("ok\n");
}

static void in_a_process(const struct request *r, int on_terminal) {
    report->done = 0;
    pid_t pid = fork();
    if (pid < 0) exit(1);
    if (pid == 0) child(r, on_terminal);
    int process = (int)syscall(SYS_pidfd_open, pid, 0), status;
    struct pollfd end = {.fd = process, .events = POLLIN};
    int is_slow = r->word[0] == SYS_sync;
    int waits = poll(&end, 1, is_slow ? SYNC_PATIENCE_MS : PATIENCE_MS) == 0;
    if (waits) kill(pid, SIGKILL);
    close(process);
    if (waitpid(pid, &status, __WALL) < 0) exit(1);
    if (report->done) tell(report->result);
    else if (waits) printf("waits\n");
    else if (WIFSIGNALED(status)) printf("signal %d\n", WTERMSIG(status));
    else if (WEXITSTATUS(status) == 0) printf("exit\n");
    else exit(1);
}

int main(int count, char **words) {
    if (count != 2) return 2;
    int here = strcmp(words[1], "here") == 0, on_terminal = strcmp(words[1], "terminal") == 0;
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    report = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (report == MAP_FAILED) return 1;
    char line[256];
    while (fgets(line, sizeof line, stdin) != NULL) {
        struct request r = {{0}};
        char *rest = line;
        for (int i = 0; i < 7; i++) r.word[i] = strtoul(rest, &rest, 16);
        if (here) {
            long result = call(&r);
            if (result > 2) close((int)result);
            tell(result);
        } else {
            fflush(stdout);
            in_a_process(&r, on_terminal);
        }
    }
    return fflush(stdout) != 0;
}

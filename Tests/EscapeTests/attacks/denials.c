/*
 * Calls that are refused, many of them, and attempts at whoever answers them.
 *
 *     denials count N THREADS      N refused calls; says how many got EPERM
 *     denials names N              N refused calls, each under another name of the program
 *     denials several              one call of each kind; lines `CALL errno N` or `CALL ok`
 *     denials ids                  its own and its parent's process id, then one refused call
 *     denials listen               tries to be the one who is asked: a listener and filters of its own, descriptors
 *     denials flip N FIRST SECOND  N executions whose path another thread changes from one to the other all the time;
 *                                  says how many ran
 *     denials storm N PROGRAM      N executions one after another; says how many microseconds each took
 *     denials pulse                a refused call, then an execution of itself that says so, every 10 ms, for ever
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long each;
static long refused;

static void *count(void *unused) {
    long mine = 0;
    for (long i = 0; i < each; i++) mine += syscall(SYS_swapon, i, 0) == -1 && errno == EPERM;
    __sync_fetch_and_add(&refused, mine);
    return unused;
}

static void many(long number, int threads) {
    pthread_t all[64];
    each = number / threads;
    for (int i = 0; i < threads; i++) pthread_create(&all[i], NULL, count, NULL);
    for (int i = 0; i < threads; i++) pthread_join(all[i], NULL);
    printf("%ld\n", refused);
}

static void rename_often(long number) {
    char name[32];
    for (long i = 0; i < number; i++) {
        pid_t child = vfork(); /* a new thread, since the name of one is looked up once a second */
        if (child == 0) {
            snprintf(name, sizeof name, "n%ld", i);
            prctl(PR_SET_NAME, name);
            syscall(SYS_swapon, i, 0);
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
}

static void tell(const char *name, long result) {
    if (result >= 0) printf("%s ok\n", name);
    else printf("%s errno %d\n", name, errno);
}

static void several(void) {
    tell("swapon", syscall(SYS_swapon, "/dev/null", 0));
    tell("socket", socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    tell("unshare", unshare(CLONE_NEWNS));
    tell("prctl", syscall(SYS_prctl, 35, 1, 2, 3, 4)); /* PR_SET_MM */
    tell("clone3", syscall(SYS_clone3, NULL, 0));
    tell("999", syscall(999));
    tell("getpid", syscall(SYS_getpid));
}

static int install(struct sock_filter *code, unsigned short length, unsigned flags) {
    struct sock_fprog program = {length, code};
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static void listen_in(void) {
    struct sock_filter asks[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET, SECCOMP_RET_ALLOW),
    };
    struct sock_filter allows[] = {BPF_STMT(BPF_RET, SECCOMP_RET_ALLOW)};
    struct sock_filter traces[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_swapon, 0, 1),
        BPF_STMT(BPF_RET, SECCOMP_RET_TRACE),
        BPF_STMT(BPF_RET, SECCOMP_RET_ALLOW),
    };
    struct sock_filter asks_too[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mount, 0, 1),
        BPF_STMT(BPF_RET, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET, SECCOMP_RET_ALLOW),
    };
    char path[64], link[256];
    int found = 0;
    for (int pid = 1; pid < 64; pid++)
        for (int fd = 0; fd < 64; fd++) {
            snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
            ssize_t length = readlink(path, link, sizeof link - 1);
            if (length <= 0) continue;
            link[length] = '\0';
            if (strstr(link, "seccomp") != NULL) found++;
        }
    printf("seen %d\n", found);
    for (int fd = 3; fd < 64; fd++) /* descriptors that somebody left open */
        if (ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &(__u64){0}) == 0 || errno != EBADF) printf("open %d\n", fd);
    tell("listener", install(asks, 4, SECCOMP_FILTER_FLAG_NEW_LISTENER));
    tell("allowing", install(allows, 1, 0));
    tell("swapon", syscall(SYS_swapon, 0, 0));
    tell("tracing", install(traces, 4, 0));
    tell("swapon-traced", syscall(SYS_swapon, 0, 0));
    tell("asking", install(asks_too, 4, 0));
    tell("mount", syscall(SYS_mount, 0, 0, 0, 0, 0));
}

static char path[4096];
static const char *names[2];
static volatile int done;

static void *flip(void *unused) {
    for (unsigned i = 0; !done; i++) memcpy(path, names[i & 1], strlen(names[i & 1]) + 1);
    return unused;
}

static void race(long number, char *first, char *second) {
    pthread_t thread;
    int ran = 0;
    names[0] = first;
    names[1] = second;
    memcpy(path, first, strlen(first) + 1);
    pthread_create(&thread, NULL, flip, NULL);
    for (long i = 0; i < number; i++) {
        pid_t pid = vfork();
        if (pid == 0) {
            char *argv[] = {path, NULL}, *envp[] = {NULL};
            execve(path, argv, envp);
            _exit(101);
        }
        int status;
        waitpid(pid, &status, 0);
        ran += !(WIFEXITED(status) && WEXITSTATUS(status) == 101);
    }
    done = 1;
    pthread_join(thread, NULL);
    printf("%d\n", ran);
}

static void storm(long number, char *program) {
    struct timespec begin, end;
    char *argv[] = {program, NULL}, *envp[] = {NULL};
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (long i = 0; i < number; i++) {
        pid_t pid = vfork();
        if (pid == 0) {
            execve(program, argv, envp);
            _exit(101);
        }
        waitpid(pid, NULL, 0);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    double time = (double)(end.tv_sec - begin.tv_sec) * 1e6 + (double)(end.tv_nsec - begin.tv_nsec) / 1e3;
    printf("%.1f\n", time / (double)number);
}

static void pulse(char *self) {
    for (;;) {
        long result = syscall(SYS_swapon, 0, 0);
        printf("%d\n", result == 0 ? 0 : errno);
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0) {
            execl(self, self, "beat", (char *)NULL);
            printf("not executed %d\n", errno);
            fflush(stdout);
            _exit(1);
        }
        waitpid(pid, NULL, 0);
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
}

int main(int argc, char **argv) {
    const char *mode = argc > 1 ? argv[1] : "";
    if (strcmp(mode, "count") == 0 && argc == 4) many(atol(argv[2]), atoi(argv[3]));
    else if (strcmp(mode, "names") == 0 && argc == 3) rename_often(atol(argv[2]));
    else if (strcmp(mode, "several") == 0) several();
    else if (strcmp(mode, "listen") == 0) listen_in();
    else if (strcmp(mode, "flip") == 0 && argc == 5) race(atol(argv[2]), argv[3], argv[4]);
    else if (strcmp(mode, "storm") == 0 && argc == 4) storm(atol(argv[2]), argv[3]);
    else if (strcmp(mode, "pulse") == 0) pulse(argv[0]);
    else if (strcmp(mode, "beat") == 0) puts("executed");
    else if (strcmp(mode, "ids") == 0) {
        printf("%d %d\n", getpid(), getppid());
        syscall(SYS_swapon, 7, 8);
    } else return 2;
    return 0;
}

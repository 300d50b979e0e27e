/*
 * Signals by every way that names a process: `signals PID...` tries each way on each; `signals everything` first sends
 * SIGKILL to all it can reach and to its own group last. One line per try: `WAY PID ok`, or the kernel's answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void tell(const char *way, int pid, long result) {
    printf("%s %d %s\n", way, pid, result < 0 ? strerrorname_np(errno) : "ok");
    fflush(stdout);
}

/* A socket whose owner gets the signal when something arrives. */
static int ready_socket(int *far) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) exit(2);
    *far = ends[1];
    return ends[0];
}

static void arrive(int near, int far) {
    fcntl(near, F_SETSIG, SIGTERM);
    fcntl(near, F_SETFL, O_ASYNC);
    (void)!write(far, "x", 1);
    close(near);
    close(far);
}

static void by_owner(int pid) {
    int far, near = ready_socket(&far);
    tell("F_SETOWN", pid, fcntl(near, F_SETOWN, pid));
    arrive(near, far);
    near = ready_socket(&far);
    struct f_owner_ex owner = {.type = F_OWNER_PID, .pid = pid};
    tell("F_SETOWN_EX", pid, fcntl(near, F_SETOWN_EX, &owner));
    arrive(near, far);
    near = ready_socket(&far);
    tell("FIOSETOWN", pid, ioctl(near, FIOSETOWN, &pid));
    arrive(near, far);
}

static void by_timer(int pid) {
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGTERM};
    event._sigev_un._tid = pid;
    timer_t timer;
    tell("timer_create", pid, syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer));
}

static void try(int pid) {
    by_owner(pid);
    by_timer(pid);
    if (isatty(0)) tell("TIOCSPGRP", pid, ioctl(0, TIOCSPGRP, &pid));
    siginfo_t information = {.si_signo = SIGTERM, .si_code = SI_QUEUE};
    tell("rt_sigqueueinfo", pid, syscall(SYS_rt_sigqueueinfo, pid, SIGTERM, &information));
    tell("tgkill", pid, syscall(SYS_tgkill, pid, pid, SIGTERM));
    int process = (int)syscall(SYS_pidfd_open, pid, 0);
    tell("pidfd_open", pid, process);
    if (process >= 0) tell("pidfd_send_signal", pid, syscall(SYS_pidfd_send_signal, process, SIGTERM, NULL, 0));
    tell("kill-group", pid, kill(-pid, SIGTERM));
    tell("kill", pid, kill(pid, SIGTERM));
}

int main(int argc, char **argv) {
    int everything = argc > 1 && strcmp(argv[1], "everything") == 0;
    for (int i = 1 + everything; i < argc; i++) try(atoi(argv[i]));
    if (!everything) return 0;
    tell("kill-all", -1, kill(-1, SIGKILL));
    tell("kill-parent", getppid(), kill(getppid(), SIGKILL));
    tell("kill-init", 1, kill(1, SIGKILL));
    tell("stop-init", 1, kill(1, SIGSTOP));
    tell("kill-group", 0, kill(0, SIGKILL));
    return 1; /* not reached */
}

/*
 * Processes that mean to stay: `orphans SECONDS FILE`. Each has left its parent, session and group, ignores what can
 * be ignored, and adds a byte to FILE now and then: one that only waits, one that starts itself anew all the time so
 * that its number is never the same for long, and one that has stopped itself. The first two end after SECONDS.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static time_t end;
static int file;

static void leave(void) {
    for (int number = 1; number < 65; number++) signal(number, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
    if (fork() != 0) _exit(0);
    setsid();
    if (fork() != 0) _exit(0);
}

static void beat(void) {
    struct timespec pause = {.tv_nsec = 10000000};
    (void)!write(file, ".", 1);
    nanosleep(&pause, NULL);
}

static int lives(void) { return time(NULL) < end; }

static void stay(void) {
    while (lives()) beat();
}

static void hop(void) {
    while (lives()) {
        beat();
        pid_t next = fork();
        if (next > 0) _exit(0);
    }
}

static void stop(void) {
    raise(SIGSTOP); /* only SIGKILL gets through to it now */
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    end = time(NULL) + atoi(argv[1]);
    file = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0) return 3;
    void (*const kinds[])(void) = {stay, hop, stop};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (fork() == 0) {
            leave();
            kinds[i]();
            _exit(0);
        }
    return 0;
}

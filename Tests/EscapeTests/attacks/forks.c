/* A fork bomb that counts: `forks MOST` makes processes that wait, until MOST or until the kernel says no, prints how
 * many there are and why it stopped, and waits with them. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int most = argc > 1 ? atoi(argv[1]) : 0, made = 0, answer = 0;
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    while (made < most) {
        pid_t pid = fork();
        if (pid == 0)
            for (;;) pause();
        if (pid < 0) {
            answer = errno;
            break;
        }
        made++;
    }
    printf("made %d then %s\n", made, answer == 0 ? "enough" : strerrorname_np(answer));
    fflush(stdout);
    for (;;) pause();
}

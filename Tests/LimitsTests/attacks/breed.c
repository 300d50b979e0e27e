/* A fork bomb: every process makes others as long as it lives, and minds no signal that it can ignore. Bounded
 * where nothing else bounds it: `breed MOST` makes MOST processes, or as many more as do so at the same time. The
 * first number of the file `made` is how many. With a second argument it also computes in each of them. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int64_t most = argc > 1 ? atol(argv[1]) : 0;
    int file = open("made", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, 4096) < 0) return 3;
    int64_t *made = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (made == MAP_FAILED) return 3;
    for (int signal = 1; signal < 32; signal++) sigaction(signal, &(struct sigaction){.sa_handler = SIG_IGN}, 0);
    for (volatile unsigned long sum = 0;;) {
        pid_t pid = __atomic_load_n(made, __ATOMIC_SEQ_CST) < most ? fork() : -1;
        /* A session of its own, so that no signal to a group finds it. */
        if (pid == 0) setsid();
        if (pid > 0) __atomic_add_fetch(made, 1, __ATOMIC_SEQ_CST);
        if (pid < 0 && argc < 3) usleep(1000);
        for (int i = 0; argc > 2 && i < 100000; i++) sum++;
    }
}

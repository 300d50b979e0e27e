/* `respawn MOST`: starts and ends MOST processes one after the other, so that there are never many; the file
 * `started` holds how many. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int file = open("started", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, 4096) < 0) return 3;
    volatile uint64_t *started = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (started == MAP_FAILED) return 3;
    for (long most = argc > 1 ? atol(argv[1]) : 0; most > 0; most--) {
        pid_t pid = fork();
        if (pid == 0) _exit(0);
        if (pid > 0) waitpid(pid, 0, 0), ++*started;
    }
    pause();
}

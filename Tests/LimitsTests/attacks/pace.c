/* A program that works: every round computes, makes a system call and uses new memory. The file `table` has
 * (nanoseconds of the monotonic clock, rounds so far), one row every 20 ms; its first row holds the number of
 * rows. */
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 1 << 16 };

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

int main(void) {
    int file = open("table", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, MOST * 16) < 0) return 3;
    uint64_t(*rows)[2] = mmap(0, MOST * 16, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (rows == MAP_FAILED) return 3;
    volatile uint64_t sum = 0;
    uint64_t rounds = 0, next = 0;
    for (uint64_t row = 1; row < MOST;) {
        for (int i = 0; i < 20000; i++) sum += (uint64_t)i * rounds;
        syscall(SYS_getppid);
        char *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED) return 4;
        *page = 1;
        munmap(page, 4096);
        rounds++;
        uint64_t t = now();
        if (t < next) continue;
        next = t + 20000000;
        rows[row][0] = t;
        rows[row][1] = rounds;
        __atomic_store_n(&rows[0][0], row++, __ATOMIC_RELEASE);
    }
}

/* Takes memory: `memory KIND MOST RATE [STEP]`, all in MiB, RATE a second (0: as fast as it goes). KIND is
 * anonymous, memfd, file:PATH (a new file that grows: memory itself where PATH is on a tmpfs), or cache:PATH (one
 * that is written over and over, as far as 1 GiB; at a rate, at most BEHIND of it is not on the disk yet, as the
 * kernel ends who writes for want of memory where the disk does not keep up). What it has taken so far is the first
 * number of the file `taken`, so that it can be read when it was killed. At MOST it says so and waits for a line. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what) {
    printf("%s: %s\n", what, strerrorname_np(errno));
    exit(3);
}

enum { MIB = 1 << 20, BEHIND = 32 * MIB };

/* What was just written goes to the disk at once; what lies BEHIND it has to be there. */
static void write_back(int file, off_t at, size_t step) {
    sync_file_range(file, at, (off_t)step, SYNC_FILE_RANGE_WRITE);
    if (at >= BEHIND) sync_file_range(file, at - BEHIND, (off_t)step, SYNC_FILE_RANGE_WAIT_BEFORE);
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    const char *kind = argv[1], *colon = strchr(kind, ':');
    size_t mib = MIB, most = strtoul(argv[2], 0, 10) * mib, rate = strtoul(argv[3], 0, 10) * mib;
    size_t step = (argc > 4 ? strtoul(argv[4], 0, 10) : 1) * mib;
    int progress = open("taken", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), file = -1;
    if (progress < 0 || ftruncate(progress, 4096) < 0) die("taken");
    volatile uint64_t *taken = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, progress, 0);
    if (taken == MAP_FAILED) die("mmap of taken");
    if (!strcmp(kind, "memfd")) file = memfd_create("memory", MFD_CLOEXEC);
    if (colon) file = open(colon + 1, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 && strcmp(kind, "anonymous")) die(kind);
    char *bytes = malloc(step);
    memset(bytes, 'm', step);
    double began = now();
    for (size_t had = 0; had < most; had += step) {
        if (file < 0) {
            char *more = mmap(0, step, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (more == MAP_FAILED) die("mmap");
            for (size_t at = 0; at < step; at += 4096) more[at] = 'm';
        } else if (pwrite(file, bytes, step, (off_t)(kind[0] == 'c' ? had % (1024 * mib) : had)) != (ssize_t)step) {
            die("write");
        }
        if (kind[0] == 'c' && rate) write_back(file, (off_t)(had % (1024 * mib)), step);
        *taken = had + step;
        double ahead = rate ? (double)*taken / (double)rate - (now() - began) : 0;
        if (ahead > 0) usleep((useconds_t)(ahead * 1e6));
    }
    printf("took %zu MiB in %.2f s\n", most / mib, now() - began);
    fflush(stdout);
    getchar();
}

/* `fill bytes DIRECTORY MOST`: writes files of 256 KiB, MOST of them. `fill files DIRECTORY MOST`: makes so many
 * empty files. `fill disk DIRECTORY MOST`: writes MOST times 256 KiB to one file, past the cache. What was made so
 * far is the first number of the file `filled`. Then it says so and waits. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    size_t size = 256 << 10;
    int files = !strcmp(argv[1], "files"), disk = !strcmp(argv[1], "disk"), most = atoi(argv[3]), file = -1;
    char *bytes = aligned_alloc(4096, size);
    int progress = open("filled", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (!bytes || progress < 0 || ftruncate(progress, 4096) < 0) return 3;
    volatile uint64_t *filled = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, progress, 0);
    if (filled == MAP_FAILED) return 3;
    for (int made = 0; made < most; made++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/f%d", argv[2], disk ? 0 : made);
        int past = disk ? O_DIRECT | O_DSYNC : 0;
        if (!disk || file < 0) file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | past, 0600);
        if (file < 0) return printf("open: %s\n", strerrorname_np(errno)), 3;
        /* Never the same, or a file system might keep it once. */
        if (!files)
            for (size_t i = 0; i < size; i += 8) *(uint64_t *)(bytes + i) = i * 2654435761u + (uint64_t)made;
        if (!files && write(file, bytes, size) != (ssize_t)size)
            return printf("write: %s\n", strerrorname_np(errno)), 3;
        if (!disk) close(file);
        *filled = files ? (uint64_t)made + 1 : ((uint64_t)made + 1) * size;
    }
    puts("filled");
    fflush(stdout);
    getchar();
}

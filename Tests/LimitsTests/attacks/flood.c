/* `flood MOST`: writes MOST KiB to its terminal, in lines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    char line[1024];
    memset(line, '#', sizeof line);
    line[1022] = '\r';
    line[1023] = '\n';
    for (int most = argc > 1 ? atoi(argv[1]) : 0, i = 0; i < most; i++)
        for (ssize_t at = 0; at < 1024;) {
            ssize_t wrote = write(1, line + at, 1024 - (size_t)at);
            if (wrote < 0) return 3;
            at += wrote;
        }
    if (write(1, "flooded\n", 8) != 8) return 3;
    pause();
}

/* Exchanges two names as fast as it can: `swap ONE OTHER STOP` until the file STOP exists, renameat2(2). */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    unsigned long count = 0;
    while (access(argv[3], F_OK) != 0)
        for (int i = 0; i < 1000; i++) {
            if (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) < 0) return 3;
            count++;
        }
    printf("exchanged %lu times\n", count);
    return 0;
}

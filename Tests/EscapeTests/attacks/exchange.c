/*
 * `exchange A B`: changes two names over as fast as it can (renameat2, RENAME_EXCHANGE), so that a path through one of
 * them means now this, now that, until a file `stop` is beside them. Prints how often.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
    long count = 0;
    if (argc != 3) return 2;
    printf("ready\n");
    fflush(stdout);
    while (access("stop", F_OK) != 0)
        for (int i = 0; i < 1000; i++) count += renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) == 0;
    printf("exchanged %ld times\n", count);
    return 0;
}

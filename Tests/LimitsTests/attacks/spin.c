/* `spin N`: N processes that compute for ever. */
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
    for (int n = argc > 1 ? atoi(argv[1]) : 1; n > 1; n--)
        if (fork() == 0) break;
    for (volatile unsigned long sum = 0;; sum++) {}
}

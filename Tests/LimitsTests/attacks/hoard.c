/* Opens what it can, says how much that was and why there is no more, closes it, and shows that it goes on. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int most = argc > 1 ? atoi(argv[1]) : 0, last = -1, opened = 0;
    for (int file; opened < most && (file = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0; opened++) last = file;
    const char *why = opened < most ? strerrorname_np(errno) : "enough";
    printf("opened up to %d then %s\n", last, why);
    for (int i = 0; i < opened; i++) close(last - i);
    puts(access("/dev/null", R_OK) == 0 && open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0 ? "goes on" : "broken");
}

/*
 * System calls by other doors than the one of x86-64: `compat x32` adds the bit of the x32 numbers, `compat int80`
 * takes the entry of i386, whose numbers mean other calls. Each asks for its own process id and exits 0 if it is told.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    if (strcmp(argv[1], "x32") == 0) {
        long answer = syscall(0x40000000 + 39);
        return answer > 0 ? 0 : errno == ENOSYS ? 38 : 1;
    }
    long answer;
    __asm__ volatile("int $0x80" : "=a"(answer) : "a"(20) : "memory");
    return answer > 0 ? 0 : answer == -ENOSYS ? 38 : 1;
}

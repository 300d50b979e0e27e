#include <stdio.h>
#include <stdlib.h>

int main(int count, char **arguments) {
    long total = 0;
    for (int i = 1; i < count; i++)
        total += strtol(arguments[i], NULL, 10);
    printf("%ld\n", total);
    return count < 2;
}

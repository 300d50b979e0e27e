// Reads a file through a mapping and adds its words to a table.
#include "words.h"
#include <ctype.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int read_words(struct table *table, const char *path) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    struct stat state;
    if (descriptor < 0 || fstat(descriptor, &state) < 0) return -1;
    char *text = mmap(NULL, (size_t)state.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    close(descriptor);
    if (text == MAP_FAILED) return -1;
    for (off_t start = 0, end; start < state.st_size; start = end + 1) {
        for (end = start; end < state.st_size && isalnum((unsigned char)text[end]);)
            end++;
        if (end > start) table_add(table, text + start, (size_t)(end - start));
    }
    return munmap(text, (size_t)state.st_size);
}

/*
 * What a program was given open: `descriptors CANARY` climbs from each descriptor, and from the working directory, to
 * the host's CANARY (an absolute path). One line per descriptor, `fd N TARGET`, and `escaped by N: TEXT` for a canary.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void climb(int fd, const char *canary) {
    char path[4096], text[64];
    for (int up = 0; up < 64; up++) {
        for (int i = 0; i < up; i++) memcpy(path + 3 * i, "../", 3);
        snprintf(path + 3 * up, sizeof path - 192, "./%s", canary + 1);
        int file = openat(fd, path, O_RDONLY | O_CLOEXEC);
        if (file >= 0) {
            ssize_t count = read(file, text, sizeof text - 1);
            text[count > 0 ? count : 0] = '\0';
            printf("escaped by %d: %s\n", fd, text);
            close(file);
            return;
        }
    }
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    for (int fd = 0; fd < 1024; fd++) {
        char link[64], target[256];
        struct stat status;
        if (fstat(fd, &status) < 0) continue;
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(link, target, sizeof target - 1);
        target[length > 0 ? length : 0] = '\0';
        printf("fd %d %s\n", fd, target);
        climb(fd, argv[1]);
        if (chdir(link) == 0) climb(AT_FDCWD, argv[1]);
    }
    if (fchdir(0) < 0) climb(AT_FDCWD, argv[1]);
    return 0;
}

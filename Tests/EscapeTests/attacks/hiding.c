/*
 * Executions that a log might not see, and calls that fill it.
 *
 *     hiding all          executes a shell by names that only the caller has; its last argument says which
 *     hiding log SECONDS  executions of names that are not there, as long in a record as can be
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char *nothing[] = {NULL};

static void finish(const char *what, pid_t child) {
    int status;
    waitpid(child, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) printf("%s did not run\n", what);
}

/* A program at a place, by execveat(2) if there is a descriptor. */
static void run(char *what, int fd, const char *path) {
    char *argv[] = {"sh", "-c", "exit 0", what, NULL};
    pid_t child = fork();
    if (child == 0) {
        if (fd < 0) execve(path, argv, nothing);
        else syscall(SYS_execveat, fd, path, argv, nothing, *path == '\0' ? AT_EMPTY_PATH : 0);
        _exit(101);
    }
    finish(what, child);
}

static int copy(int to) {
    char part[65536];
    ssize_t length;
    int from = open("/bin/sh", O_RDONLY | O_CLOEXEC);
    while ((length = read(from, part, sizeof part)) > 0)
        if (write(to, part, (size_t)length) != length) return -1;
    close(from);
    return to;
}

static void create(const char *path) { close(copy(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755))); }

/* A directory whose name is longer than any path. */
static void go_deep(void) {
    char name[201];
    memset(name, 'd', 200);
    name[200] = '\0';
    if (chdir("/tmp") != 0) return;
    for (int i = 0; i < 25; i++)
        if (mkdir(name, 0755) != 0 || chdir(name) != 0) return;
}

static void straddle(void) {
    char *argv[] = {"sh", "-c", "exit 0", "two-pages", NULL};
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(pages + 4096 - 4, argv, sizeof argv);
    pid_t child = fork();
    if (child == 0) {
        execve("/bin/sh", (char **)(void *)(pages + 4096 - 4), nothing);
        _exit(101);
    }
    finish("two-pages", child);
}

static void all(void) {
    char path[64];
    int fd = open("/bin/sh", O_RDONLY | O_CLOEXEC);
    int directory = open("/bin", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    run("self-root", -1, "/proc/self/root/bin/sh");
    run("thread-root", -1, "/proc/thread-self/root/bin/sh");
    run("self-fd", -1, path);
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
    run("dev-fd", -1, path);
    if (symlink("/proc/self/root/bin", "/tmp/link") != 0) perror("symlink");
    run("link", -1, "/tmp/link/sh");
    run("empty-path", fd, "");
    run("at-directory", directory, "sh");
    int memory = copy(memfd_create("x", MFD_CLOEXEC));
    run("memory", memory, "");
    create("/tmp/gone");
    int gone = open("/tmp/gone", O_RDONLY | O_CLOEXEC);
    unlink("/tmp/gone");
    run("unlinked", gone, "");
    create("/tmp/not\xff" "text");
    run("not-text", -1, "/tmp/not\xff" "text");
    straddle();
    if (chdir("/tmp") == 0 && mkdir("left", 0755) == 0 && chdir("left") == 0) {
        create("../kept");
        rmdir("../left");
        run("left", -1, "/proc/self/cwd/../kept");
    }
    go_deep();
    create("deep");
    run("deep", -1, "./deep");
    puts("done");
}

static void words(long seconds) {
    static char ones[4096], paths[64][PATH_MAX], name[251];
    char *argv[] = {ones, NULL};
    time_t end = time(NULL) + seconds;
    memset(ones, 1, 4095);
    memset(name, 1, 250);
    if (chdir("/tmp") != 0) return;
    for (int i = 0; i < 14; i++)
        if (mkdir(name, 0755) != 0 || chdir(name) != 0) return;
    for (int i = 0; i < 64; i++) {
        memset(paths[i], 1, 4094);
        for (int at = 0; at < 4094; at += 200) paths[i][at] = '/';
        paths[i][4093] = (char)('0' + i);
    }
    for (long i = 0; time(NULL) < end; i++) {
        execve(paths[i % 64], argv, nothing);
        nanosleep(&(struct timespec){0, 500000}, NULL);
    }
}

int main(int argc, char **argv) {
    const char *mode = argc > 1 ? argv[1] : "";
    if (strcmp(mode, "all") == 0) all();
    else if (strcmp(mode, "log") == 0 && argc == 3) words(atol(argv[2]));
    else return 2;
    return 0;
}

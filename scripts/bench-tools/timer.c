/*
 * Times commands for scripts/bench, interleaved: every round runs each case once, in rotating order, so that
 * a slow second of the machine is spread over all of them. Prints one line per run: case, milliseconds, failed.
 *
 *     timer exit RUNS WARMUP < cases            from the start of the command to its exit
 *     timer prompt RUNS WARMUP FIFO < cases     from the start to the first byte that arrives in FIFO
 *
 * A case is a line: words separated by \x1f, a tab, and a shell command that cleans up (untimed). A first word
 * "<PATH" opens PATH as descriptor 10 for the command, freshly in each run, because bwrap reads it to its end.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CASES = 16, MAX_WORDS = 256, FILTER_FD = 10, PATIENCE_MS = 10000 };

struct test_case {
    const char *filter;
    char *words[MAX_WORDS];
    char *cleanup;
};

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int read_cases(struct test_case *cases) {
    char *line = NULL;
    size_t capacity = 0;
    int count = 0;
    while (count < MAX_CASES && getline(&line, &capacity, stdin) > 0) {
        struct test_case *one = &cases[count++];
        char *text = strdup(line), *rest = text;
        char *words = strsep(&rest, "\t\n");
        one->cleanup = rest != NULL ? strsep(&rest, "\n") : NULL;
        int used = 0;
        for (char *word; used < MAX_WORDS - 1 && (word = strsep(&words, "\x1f")) != NULL;) {
            if (used == 0 && one->filter == NULL && word[0] == '<') {
                one->filter = word + 1;
            } else {
                one->words[used++] = word;
            }
        }
    }
    free(line);
    return count;
}

static pid_t start(char *const *words, const char *filter, int null_fd, int new_session) {
    pid_t pid = fork();
    if (pid != 0) return pid;
    if (new_session) setsid();
    dup2(null_fd, 0);
    dup2(null_fd, 1);
    dup2(null_fd, 2);
    if (filter != NULL) {
        int fd = open(filter, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || dup2(fd, FILTER_FD) < 0) _exit(126);
    }
    execvp(words[0], words);
    _exit(127);
}

static void clean_up(char *command, int null_fd) {
    char *words[] = {"sh", "-c", command, NULL};
    pid_t pid = start(words, NULL, null_fd, 0);
    waitpid(pid, NULL, 0);
}

/* One timed run. In prompt mode the command itself may end before or after the prompt shows. */
static double run(struct test_case *one, int fifo, int null_fd, int *failed) {
    char drain[256];
    while (fifo >= 0 && read(fifo, drain, sizeof drain) > 0) {}
    double began = now_ms(), ended;
    pid_t pid = start(one->words, one->filter, null_fd, fifo >= 0);
    int status = 0;
    if (fifo >= 0) {
        struct pollfd ready = {.fd = fifo, .events = POLLIN};
        *failed = poll(&ready, 1, PATIENCE_MS) != 1;
        ended = now_ms();
        waitpid(pid, &status, 0);
    } else {
        waitpid(pid, &status, 0);
        ended = now_ms();
        *failed = status != 0;
    }
    if (one->cleanup != NULL && one->cleanup[0] != '\0') clean_up(one->cleanup, null_fd);
    return ended - began;
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    int runs = atoi(argv[2]), warmup = atoi(argv[3]), fifo = -1;
    if (strcmp(argv[1], "prompt") == 0) {
        if (argc < 5) return 2;
        fifo = open(argv[4], O_RDWR | O_NONBLOCK | O_CLOEXEC);
        if (fifo < 0) {
            perror(argv[4]);
            return 1;
        }
    }
    static struct test_case cases[MAX_CASES];
    int count = read_cases(cases), null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int round = -warmup; round < runs; round++) {
        for (int turn = 0; turn < count; turn++) {
            int index = (turn + round + warmup) % count, failed = 0;
            double elapsed = run(&cases[index], fifo, null_fd, &failed);
            if (round >= 0) printf("%d %.4f %d\n", index, elapsed, failed);
        }
    }
    return 0;
}

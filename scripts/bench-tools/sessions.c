/* A person's terminal, measured: a command runs on a pty that this program reads as fast as it can.
 *
 *   sessions rate FIFO GO [COMMAND...]    the payload, which runs elsewhere already, waits for a line on the fifo
 *                                         GO, writes `s` to FIFO, its output, and `e` to FIFO; prints the seconds
 *   sessions read COMMAND...              reads all that the command writes, and does nothing with it
 *   sessions paint WORDS COMMAND...       prints the milliseconds from the fork until WORDS have been shown
 *   sessions type COUNT COMMAND...        types COUNT letters, each when the one before is shown; prints the
 *                                         median of the microseconds from a key to its echo
 *
 * The command is ended at the end; without one nobody is attached. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char bytes[1 << 16];
static int terminal = -1;
static pid_t child;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void begin(char **command) {
    struct winsize size = {.ws_col = 160, .ws_row = 50};
    if (command[0] == NULL) return;
    child = forkpty(&terminal, NULL, NULL, &size);
    if (child != 0) return;
    execvp(command[0], command);
    _exit(127);
}

static void finish(void) {
    if (child <= 0) return;
    close(terminal);
    kill(child, SIGHUP);
    for (int i = 0; i < 100 && waitpid(child, NULL, WNOHANG) == 0; i++) usleep(10000);
    kill(child, SIGKILL);
}

/* Reads what comes within so many seconds; how much, or -1 when nothing did or the terminal is closed. */
static ssize_t drain(double seconds) {
    struct pollfd poll_ = {.fd = terminal, .events = POLLIN};
    if (terminal < 0 || poll(&poll_, 1, (int)(seconds * 1000)) <= 0) return -1;
    return read(terminal, bytes, sizeof bytes);
}

static int rate(const char *fifo, const char *go, char **command) {
    int marks = open(fifo, O_RDWR | O_NONBLOCK | O_CLOEXEC), start = open(go, O_RDWR | O_CLOEXEC);
    if (marks < 0 || start < 0) return 2;
    begin(command);
    while (drain(0.3) > 0) continue; /* until the screen is painted */
    if (write(start, "go\n", 3) != 3) return 2;
    double from = 0, to = 0, end = now() + 120;
    while (to == 0 && now() < end) {
        struct pollfd polls[2] = {{.fd = marks, .events = POLLIN}, {.fd = terminal, .events = POLLIN}};
        poll(polls, terminal < 0 ? 1 : 2, 1000);
        char mark[8];
        ssize_t count = read(marks, mark, sizeof mark);
        for (ssize_t i = 0; i < count; i++) *(mark[i] == 's' ? &from : &to) = now();
        if (terminal >= 0 && polls[1].revents && read(terminal, bytes, sizeof bytes) <= 0) return 3;
    }
    printf("%.4f\n", to - from);
    finish();
    return to == 0 || from == 0;
}

static int read_all(char **command) {
    begin(command);
    while (drain(3600) > 0) continue;
    return waitpid(child, NULL, 0) != child;
}

static int paint(const char *words, char **command) {
    static char seen[1 << 20];
    size_t length = 0;
    double from = now(), end = from + 10;
    begin(command);
    while (now() < end && length + sizeof bytes < sizeof seen) {
        ssize_t count = drain(1);
        if (count <= 0) continue;
        memcpy(seen + length, bytes, (size_t)count);
        length += (size_t)count;
        if (memmem(seen, length, words, strlen(words)) == NULL) continue;
        printf("%.3f\n", (now() - from) * 1000);
        finish();
        return 0;
    }
    fprintf(stderr, "not shown: %s\n", words);
    finish();
    return 1;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int type_letters(int count, char **command) {
    static double took[10000];
    if (count < 1 || count > 10000) return 2;
    begin(command);
    while (drain(0.5) > 0) continue; /* until the screen is painted */
    for (int i = 0; i < count; i++) {
        char letter = (char)('a' + i % 26);
        double from = now();
        if (write(terminal, &letter, 1) != 1) return 3;
        for (ssize_t length = 0; length >= 0 && memchr(bytes, letter, (size_t)length) == NULL;) {
            length = drain(1);
            if (length < 0) return 3;
        }
        took[i] = now() - from;
        usleep(2000);
    }
    if (write(terminal, "\nx\n", 3) != 3) return 3;
    usleep(100000);
    qsort(took, (size_t)count, sizeof *took, by_size);
    printf("%.1f\n", took[count / 2] * 1e6);
    finish();
    return 0;
}

int main(int argc, char **argv) {
    if (argc >= 4 && strcmp(argv[1], "rate") == 0) return rate(argv[2], argv[3], argv + 4);
    if (argc >= 4 && strcmp(argv[1], "type") == 0) return type_letters(atoi(argv[2]), argv + 3);
    if (argc >= 3 && strcmp(argv[1], "read") == 0) return read_all(argv + 2);
    if (argc >= 4 && strcmp(argv[1], "paint") == 0) return paint(argv[2], argv + 3);
    return 2;
}

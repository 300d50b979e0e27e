/*
 * Many connections at once, and both ends of them.
 *
 *     many serve ADDRESS PORT              sends back what it gets, on any number of connections; prints `ready`
 *     many hold ADDRESS PORT COUNT         opens COUNT connections, sends a number on each and wants it back; says so,
 *                                          waits for a line on its input, does it once more on all of them, closes them
 *     many storm ADDRESS PORT COUNT        one after the other: connect, a number there and back, close
 *     many slow ADDRESS PORT COUNT TEXT    opens COUNT connections, sends one byte of TEXT on each every 100 ms, until
 *                                          all have been closed or its input ends
 *
 * Prints `opened N`, `echoed N`, and for what failed `failed STAGE ERRNO COUNT`.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_SECONDS = 20, PENDING = 256 };

union address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
};

static union address target;
static socklen_t target_size;
static int failures[256];

static void parse(const char *text, const char *port) {
    if (inet_pton(AF_INET, text, &target.four.sin_addr) == 1) {
        target.four.sin_family = AF_INET;
        target.four.sin_port = htons((uint16_t)atoi(port));
        target_size = sizeof target.four;
    } else if (inet_pton(AF_INET6, text, &target.six.sin6_addr) == 1) {
        target.six.sin6_family = AF_INET6;
        target.six.sin6_port = htons((uint16_t)atoi(port));
        target_size = sizeof target.six;
    } else {
        exit(2);
    }
}

static void tell_failures(const char *stage) {
    for (int error = 0; error < 256; error++) {
        const char *name = error ? strerrorname_np(error) : "EOF";
        if (failures[error] > 0) printf("failed %s %s %d\n", stage, name, failures[error]);
        failures[error] = 0;
    }
    fflush(stdout);
}

static int dial(void) {
    int fd = socket(target.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, &target.any, target_size) == 0) return fd;
    close(fd);
    return -1;
}

/* What is sent looks like no protocol that is recognised by its beginning. */
static uint64_t token(uint64_t number) { return number << 8 | 1; }

/* Sends each connection its number and reads it back, with a bounded number on the way. */
static int echo_all(const int *fds, int count, uint64_t salt) {
    int echoed = 0;
    for (int first = 0; first < count; first += PENDING) {
        int end = first + PENDING < count ? first + PENDING : count;
        for (int i = first; i < end; i++) {
            uint64_t number = token(salt + (uint64_t)i);
            if (fds[i] >= 0 && send(fds[i], &number, sizeof number, MSG_NOSIGNAL) < 0) failures[errno & 255]++;
        }
        for (int i = first; i < end; i++) {
            uint64_t number = 0;
            if (fds[i] < 0) continue;
            ssize_t got = recv(fds[i], &number, sizeof number, MSG_WAITALL);
            if (got == sizeof number && number == token(salt + (uint64_t)i)) echoed++;
            else failures[got < 0 ? errno & 255 : 0]++;
        }
    }
    printf("echoed %d\n", echoed);
    tell_failures("echo");
    return echoed;
}

static int *open_all(int count) {
    int *fds = calloc((size_t)count, sizeof *fds), opened = 0;
    for (int i = 0; i < count; i++) {
        fds[i] = dial();
        if (fds[i] < 0) failures[errno & 255]++;
        else opened++;
    }
    printf("opened %d\n", opened);
    tell_failures("connect");
    return fds;
}

static int hold(int count) {
    char line[64];
    int *fds = open_all(count), first = echo_all(fds, count, 1000000), again = 0;
    if (fgets(line, sizeof line, stdin) != NULL) again = echo_all(fds, count, 9000000);
    return first == count && again == count ? 0 : 1;
}

static int storm(int count) {
    int echoed = 0;
    for (int i = 0; i < count; i++) {
        uint64_t number = token((uint64_t)i), back = 0;
        int fd = dial();
        int failed = fd < 0 || send(fd, &number, sizeof number, MSG_NOSIGNAL) < 0;
        if (failed || recv(fd, &back, sizeof back, MSG_WAITALL) < 0) failures[errno & 255]++;
        else if (back == number) echoed++;
        else failures[0]++;
        if (fd >= 0) close(fd);
    }
    printf("echoed %d\n", echoed);
    tell_failures("storm");
    return echoed != count;
}

static int slow(int count, const char *text) {
    int *fds = open_all(count), living = count;
    for (size_t at = 0; living > 0; at++) {
        struct pollfd input = {.fd = 0, .events = POLLIN};
        if (poll(&input, 1, 100) != 0) break;
        for (int i = 0; i < count; i++) {
            if (fds[i] < 0) continue;
            if (send(fds[i], text + at % strlen(text), 1, MSG_NOSIGNAL) == 1) continue;
            close(fds[i]);
            fds[i] = -1;
            living--;
        }
    }
    printf("living %d\n", living);
    return 0;
}

static void reply(int epoll, int fd) {
    char buffer[65536];
    ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    if (got > 0 && send(fd, buffer, (size_t)got, MSG_NOSIGNAL) == got) return;
    epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
    close(fd);
}

static int serve(void) {
    int listener = socket(target.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, &target.any, target_size) < 0 || listen(listener, 65535) < 0) return 1;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, ready[256];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    event.data.fd = 0;
    epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &event);
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        int count = epoll_wait(epoll, ready, 256, -1);
        for (int i = 0; i < count; i++) {
            int fd = ready[i].data.fd, made;
            if (fd == 0) return 0;
            if (fd != listener) reply(epoll, fd);
            while (fd == listener && (made = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
                event.data.fd = made;
                epoll_ctl(epoll, EPOLL_CTL_ADD, made, &event);
            }
        }
    }
}

int main(int argc, char **argv) {
    struct rlimit files;
    if (argc < 4) return 2;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    parse(argv[2], argv[3]);
    if (strcmp(argv[1], "serve") == 0) return serve();
    if (argc < 5) return 2;
    if (strcmp(argv[1], "hold") == 0) return hold(atoi(argv[4]));
    if (strcmp(argv[1], "storm") == 0) return storm(atoi(argv[4]));
    return argc > 5 ? slow(atoi(argv[4]), argv[5]) : 2;
}

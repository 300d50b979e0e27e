/*
 * Both ends of what scripts/bench measures of networks; static, so that it runs in any root.
 *
 *     network serve PORT         on all addresses: 1 is answered by a byte, again and again; 2 and a number of
 *                                megabytes by so many; 3 and a number is followed by so many, and answered by a byte
 *     network dns PORT ADDRESS   every name has this address, or 127.0.0.1 where it begins with `near`; what begins
 *                                with `kept` may be kept for 300 s, and others not at all
 *     network client RESOLVER NAME PORT COUNT MEGABYTES
 *
 * The client asks for the name, connects, and has a byte there and back, COUNT times; then it loads down and up. It
 * prints microseconds (median, nine of ten) and MB/s (down, up) on one line.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Commands: no protocol that a relay might look into begins so. */
enum { ECHO = 1, DOWN, UP };

static char block[1 << 18];

static double now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int bound(int type, int port) {
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&any, sizeof any) < 0) fail("bind");
    return fd;
}

/* In a process of its own, so that the next connection is not held up. */
static void transfer(int fd, char direction) {
    struct timeval patience = {.tv_sec = 60};
    uint32_t megabytes;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (recv(fd, &megabytes, sizeof megabytes, MSG_WAITALL) != sizeof megabytes) return;
    for (long left = (long)megabytes * 1000000, moved; left > 0; left -= moved) {
        size_t size = left < (long)sizeof block ? (size_t)left : sizeof block;
        moved = direction == DOWN ? send(fd, block, size, MSG_NOSIGNAL) : recv(fd, block, size, 0);
        if (moved <= 0) return;
    }
    if (direction == UP) send(fd, &direction, 1, MSG_NOSIGNAL);
}

static void serve(int port) {
    int listener = bound(SOCK_STREAM, port), one = 1;
    signal(SIGCHLD, SIG_IGN);
    listen(listener, 512);
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        struct timeval patience = {.tv_usec = 500000};
        char command;
        if (fd < 0) continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        while (recv(fd, &command, 1, 0) == 1) {
            if (command == ECHO) {
                send(fd, &command, 1, MSG_NOSIGNAL);
                continue;
            }
            if (fork() == 0) {
                transfer(fd, command);
                _exit(0);
            }
            break;
        }
        close(fd);
    }
}

static void dns(int port, const char *address) {
    int fd = bound(SOCK_DGRAM, port), one = 1;
    unsigned char message[512];
    /* Asked at any address, it answers from that one. */
    setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof one);
    for (;;) {
        struct sockaddr_in peer;
        char control[256];
        struct iovec part = {message, sizeof message - 16};
        struct msghdr header = {&peer, sizeof peer, &part, 1, control, sizeof control, 0};
        ssize_t size = recvmsg(fd, &header, 0);
        size_t end = 12;
        if (size < 17) continue;
        while (end + 5 < (size_t)size && message[end] != 0) end += 1U + message[end];
        int is_a = message[end + 2] == 1;
        unsigned ttl = memcmp(message + 13, "kept", 4) == 0 ? 300 : 0;
        end += 5;
        /* An additional record of the question is left out of the answer. */
        memcpy(message + 2, "\x81\x80\0\1\0\0\0\0\0\0", 10);
        if (is_a) {
            const char *place = memcmp(message + 13, "near", 4) == 0 ? "127.0.0.1" : address;
            unsigned char record[16] = {0xc0, 12, 0, 1, 0, 1, 0, 0, ttl >> 8 & 255, ttl & 255, 0, 4};
            inet_pton(AF_INET, place, record + 12);
            memcpy(message + end, record, sizeof record);
            message[7] = 1;
            end += sizeof record;
        }
        part.iov_len = end;
        header.msg_flags = 0;
        sendmsg(fd, &header, 0);
    }
}

static struct in_addr resolve(const char *resolver, const char *name) {
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(53)};
    struct timeval patience = {.tv_sec = 5};
    unsigned char message[512] = {0x42, 0x42, 1, 0, 0, 1};
    size_t used = 12;
    inet_pton(AF_INET, resolver, &server.sin_addr);
    for (const char *label = name; *label != '\0'; label += label[0] == '.') {
        size_t length = strcspn(label, ".");
        message[used++] = (unsigned char)length;
        memcpy(message + used, label, length);
        used += length;
        label += length;
    }
    message[used + 2] = message[used + 4] = 1;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&server, sizeof server) < 0) fail("ask");
    if (send(fd, message, used + 5, 0) < 0) fail("ask");
    ssize_t size = recv(fd, message, sizeof message, 0);
    close(fd);
    struct in_addr found;
    if (size < 16 || (message[3] & 15) != 0 || message[7] != 1) {
        fprintf(stderr, "no address for %s\n", name);
        exit(1);
    }
    /* The one record is an address: nothing else was asked for. */
    for (used = 12; message[used] != 0; used += 1U + message[used]) {}
    memcpy(&found, message + used + 5 + 12, 4);
    return found;
}

static int dial(const char *resolver, const char *name, int port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr = resolve(resolver, name);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double load(int fd, char command, uint32_t megabytes) {
    double began = now_us();
    long wanted = (long)megabytes * 1000000, moved;
    if (send(fd, &command, 1, MSG_NOSIGNAL) != 1) fail("load");
    if (send(fd, &megabytes, sizeof megabytes, MSG_NOSIGNAL) != sizeof megabytes) fail("load");
    for (long left = wanted; left > 0; left -= moved) {
        size_t size = left < (long)sizeof block ? (size_t)left : sizeof block;
        moved = command == DOWN ? recv(fd, block, sizeof block, 0) : send(fd, block, size, MSG_NOSIGNAL);
        if (moved <= 0) fail("load");
    }
    if (command == UP && recv(fd, &command, 1, 0) != 1) fail("load");
    double rate = (double)wanted / (now_us() - began);
    close(fd);
    return rate;
}

static int client(const char *resolver, const char *name, int port, int count, uint32_t megabytes) {
    double *times = calloc((size_t)count, sizeof *times);
    char byte = ECHO;
    for (int i = 0; i < count; i++) {
        double began = now_us();
        int fd = dial(resolver, name, port);
        if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1 || recv(fd, &byte, 1, 0) != 1) fail("byte");
        times[i] = now_us() - began;
        close(fd);
    }
    qsort(times, (size_t)count, sizeof *times, compare);
    printf("%.1f %.1f", times[count / 2], times[count * 9 / 10]);
    printf(" %.1f", load(dial(resolver, name, port), DOWN, megabytes));
    printf(" %.1f\n", load(dial(resolver, name, port), UP, megabytes));
    return 0;
}

int main(int argc, char **argv) {
    if (argc > 2 && strcmp(argv[1], "serve") == 0) serve(atoi(argv[2]));
    if (argc > 3 && strcmp(argv[1], "dns") == 0) dns(atoi(argv[2]), argv[3]);
    if (argc > 6) return client(argv[2], argv[3], atoi(argv[4]), atoi(argv[5]), (uint32_t)atoi(argv[6]));
    return 2;
}

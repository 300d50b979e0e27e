/*
 * A program as Go makes them: static, with a resolver of its own, and without any idea of proxies.
 *
 *     dial HOST PORT [REQUEST]     asks the first name server of /etc/resolv.conf for A and AAAA at once, connects to
 *                                  what comes first in the answers, sends REQUEST and prints what comes back
 *     dial udp|udp-connected ADDRESS PORT, dial raw 4|6, dial packet     what is no TCP
 *
 * An address is connected to as it is. The last line is `ok` or `failed STAGE ERRNO`, and the microseconds it took.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 10000 };

union address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
};

static struct timespec began;

static void end(const char *stage, int error) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long elapsed = (now.tv_sec - began.tv_sec) * 1000000L + (now.tv_nsec - began.tv_nsec) / 1000;
    if (stage == NULL) printf("\nok %ld\n", elapsed);
    else printf("\nfailed %s %s %ld\n", stage, error > 0 ? strerrorname_np(error) : "NXDOMAIN", elapsed);
    exit(stage != NULL);
}

static int parse(const char *text, const char *port, union address *address) {
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, text, &address->four.sin_addr) == 1) {
        address->four.sin_family = AF_INET;
        address->four.sin_port = htons((uint16_t)atoi(port));
        return 1;
    }
    if (inet_pton(AF_INET6, text, &address->six.sin6_addr) == 1) {
        address->six.sin6_family = AF_INET6;
        address->six.sin6_port = htons((uint16_t)atoi(port));
        return 1;
    }
    return 0;
}

static socklen_t size(const union address *address) {
    return address->any.sa_family == AF_INET ? sizeof address->four : sizeof address->six;
}

static int ask(int fd, const char *name, int type) {
    unsigned char message[512] = {0x51, (unsigned char)type, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
    size_t used = 12;
    while (*name != '\0' && used < 300) {
        size_t length = strcspn(name, ".");
        if (length > 63) return -1;
        message[used++] = (unsigned char)length;
        memcpy(message + used, name, length);
        used += length;
        name += length + (name[length] == '.');
    }
    message[used + 2] = (unsigned char)type;
    message[used + 4] = 1;
    return send(fd, message, used + 5, 0) < 0 ? -1 : 0;
}

/* The first address of an answer; 0 for none, the answer's code as a negative number. */
static int first_address(const unsigned char *message, ssize_t length, const char *port, union address *found) {
    int code = message[3] & 15, count = message[6] << 8 | message[7];
    if (length < 17 || code != 0) return -code;
    ssize_t at = 12;
    while (at < length && message[at] != 0) at += 1 + message[at];
    at += 5;
    for (; count > 0 && at + 12 <= length; count--) {
        while (at < length && message[at] != 0 && message[at] < 64) at += 1 + message[at];
        at += message[at] >= 64 ? 2 : 1;
        if (at + 10 > length) break;
        int type = message[at] << 8 | message[at + 1], size = message[at + 8] << 8 | message[at + 9];
        char text[64];
        at += 10;
        if (at + size <= length && ((type == 1 && size == 4) || (type == 28 && size == 16))) {
            inet_ntop(type == 1 ? AF_INET : AF_INET6, message + at, text, sizeof text);
            return parse(text, port, found);
        }
        at += size;
    }
    return 0;
}

static void resolve(const char *name, const char *port, union address *found) {
    char line[256], server[64] = "";
    /* Closed on exec by the `e`. */
    FILE *file = fopen("/etc/resolv.conf", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (server[0] == '\0') sscanf(line, "nameserver %63s", server);
    union address resolver;
    if (!parse(server, "53", &resolver)) end("resolv.conf", EINVAL);
    int fd = socket(resolver.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), result = 0;
    if (connect(fd, &resolver.any, size(&resolver)) < 0) end("resolve", errno);
    if (ask(fd, name, 1) < 0 || ask(fd, name, 28) < 0) end("resolve", errno);
    for (int answers = 0; answers < 2; answers++) {
        unsigned char message[1500];
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (poll(&ready, 1, PATIENCE_MS) != 1) end("resolve", ETIMEDOUT);
        ssize_t length = recv(fd, message, sizeof message, 0);
        if (length < 0) end("resolve", errno);
        result = first_address(message, length, port, found);
        if (result > 0) {
            close(fd);
            return;
        }
    }
    end("resolve", result == -3 ? 0 : ENODATA);
}

static int other_than_tcp(char **words) {
    union address to;
    if (strcmp(words[1], "raw") == 0 && words[2] != NULL) {
        int six = words[2][0] == '6';
        int fd = socket(six ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, six ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
        end(fd < 0 ? "socket" : NULL, errno);
    }
    if (strcmp(words[1], "packet") == 0) {
        end(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0) < 0 ? "socket" : NULL, errno);
    }
    if (words[2] == NULL || words[3] == NULL || !parse(words[2], words[3], &to)) return 2;
    int fd = socket(to.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int connected = strcmp(words[1], "udp-connected") == 0;
    if (connected && connect(fd, &to.any, size(&to)) < 0) end("connect", errno);
    ssize_t sent = sendto(fd, "datagram", 8, 0, connected ? NULL : &to.any, connected ? 0 : size(&to));
    if (sent < 0) end("send", errno);
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    if (poll(&ready, 1, 1000) != 1) end("answer", ETIMEDOUT);
    char answer[64];
    end(recv(fd, answer, sizeof answer, 0) < 0 ? "answer" : NULL, errno);
    return 0;
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    clock_gettime(CLOCK_MONOTONIC, &began);
    if (argc < 3 || strncmp(argv[1], "udp", 3) == 0 || strcmp(argv[1], "raw") == 0) return other_than_tcp(argv);
    union address to;
    if (!parse(argv[1], argv[2], &to)) resolve(argv[1], argv[2], &to);
    int fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, &to.any, size(&to)) < 0) end("connect", errno);
    if (argc > 3 && send(fd, argv[3], strlen(argv[3]), MSG_NOSIGNAL) < 0) end("send", errno);
    char answer[4096];
    ssize_t count, total = 0;
    while ((count = recv(fd, answer, sizeof answer, 0)) > 0) {
        fwrite(answer, 1, (size_t)count, stdout);
        total += count;
    }
    if (count < 0) end("receive", errno);
    end(total > 0 ? NULL : "receive", ENODATA);
}

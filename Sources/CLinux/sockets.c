/* Bodies for sockets.h. */
#include "sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

ssize_t clinux_splice(int from, int to, size_t length) {
    return splice(from, NULL, to, NULL, length, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
}

int clinux_set_pipe_size(int fd, int bytes) { return fcntl(fd, F_SETPIPE_SZ, bytes); }

static void map(uint8_t *mapped, const void *ipv4) {
    memset(mapped, 0, 10);
    memset(mapped + 10, 0xff, 2);
    memcpy(mapped + 12, ipv4, 4);
}

ssize_t clinux_receive_datagram(int fd, void *data, size_t length, struct sockaddr_in6 *from, struct in6_addr *to) {
    char control[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct in_pktinfo))];
    struct iovec part = {data, length};
    struct msghdr message = {.msg_name = from, .msg_namelen = sizeof *from, .msg_iov = &part, .msg_iovlen = 1,
                             .msg_control = control, .msg_controllen = sizeof control};
    ssize_t count = recvmsg(fd, &message, MSG_DONTWAIT);
    if (count < 0) return -1;
    memset(to, 0, sizeof *to);
    if (from->sin6_family == AF_INET) {
        struct sockaddr_in ipv4;
        memcpy(&ipv4, from, sizeof ipv4);
        *from = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = ipv4.sin_port};
        map(from->sin6_addr.s6_addr, &ipv4.sin_addr);
    }
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            memcpy(to, &((struct in6_pktinfo *)(void *)CMSG_DATA(c))->ipi6_addr, sizeof *to);
        } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            map(to->s6_addr, &((struct in_pktinfo *)(void *)CMSG_DATA(c))->ipi_addr);
        }
    }
    if ((message.msg_flags & MSG_TRUNC) == 0) return count;
    errno = EMSGSIZE;
    return -1;
}

ssize_t clinux_send_datagram(int fd, const void *data, size_t length, const struct sockaddr_in6 *to,
                             const struct in6_addr *from) {
    union {
        struct cmsghdr head; /* for its alignment */
        char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
    } control = {0};
    struct iovec part = {(void *)data, length};
    struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_port = to->sin6_port};
    struct msghdr message = {.msg_name = (void *)to, .msg_namelen = sizeof *to, .msg_iov = &part, .msg_iovlen = 1,
                             .msg_control = &control, .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    int family = AF_INET6;
    socklen_t size = sizeof family;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) < 0) return -1;
    if (family == AF_INET6) {
        struct in6_pktinfo information = {.ipi6_addr = *from};
        c->cmsg_level = IPPROTO_IPV6;
        c->cmsg_type = IPV6_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof information);
        memcpy(CMSG_DATA(c), &information, sizeof information);
    } else {
        struct in_pktinfo information = {0};
        memcpy(&information.ipi_spec_dst, from->s6_addr + 12, 4);
        memcpy(&ipv4.sin_addr, to->sin6_addr.s6_addr + 12, 4);
        message.msg_name = &ipv4;
        message.msg_namelen = sizeof ipv4;
        c->cmsg_level = IPPROTO_IP;
        c->cmsg_type = IP_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof information);
        memcpy(CMSG_DATA(c), &information, sizeof information);
    }
    message.msg_controllen = CMSG_SPACE(c->cmsg_len - CMSG_LEN(0));
    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

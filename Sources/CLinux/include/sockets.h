/* Calls on internet sockets that Swift cannot reach: GNU-only ones, and control messages. */
#ifndef CLINUX_SOCKETS_H
#define CLINUX_SOCKETS_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* splice(2) with SPLICE_F_MOVE and SPLICE_F_NONBLOCK. */
ssize_t clinux_splice(int from, int to, size_t length);
/* fcntl(2), F_SETPIPE_SZ: the size it has now, or -1. */
int clinux_set_pipe_size(int fd, int bytes);
/* One datagram (recvmsg(2)) and the address that it was sent to (IP_PKTINFO, ipv6(7)); of IPv4, both are mapped.
 * Returns bytes, or -1; one that is longer than there is room for is -1 with EMSGSIZE. */
ssize_t clinux_receive_datagram(int fd, void *_Nonnull data, size_t length, struct sockaddr_in6 *_Nonnull from,
                                struct in6_addr *_Nonnull to);
/* Sends one (sendmsg(2)) from an address that need not be an interface's: bytes, or -1. */
ssize_t clinux_send_datagram(int fd, const void *_Nonnull data, size_t length,
                             const struct sockaddr_in6 *_Nonnull to, const struct in6_addr *_Nonnull from);

#endif

/*
 * The server half of libdbus asks libsystemd for sockets that systemd has opened for it, and Debian has no archive of
 * libsystemd. Cloche is a client and serves nobody: it was given none.
 */
int sd_listen_fds(int unset_environment);
int sd_is_socket(int fd, int family, int type, int listening);

int sd_listen_fds(int unset_environment) {
    (void)unset_environment;
    return 0;
}

int sd_is_socket(int fd, int family, int type, int listening) {
    (void)fd, (void)family, (void)type, (void)listening;
    return 0;
}

/* Threads of C, for what the kernel makes us wait for: a disk, and the pieces in which a pty gives what was written. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "threads.h"

static int begin(void *(*body)(void *), void *order) {
    sigset_t all, old;
    pthread_attr_t attributes;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 64 << 10);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failure = pthread_create(&(pthread_t){0}, &attributes, body, order);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attributes);
    return (errno = failure) == 0 ? 0 : -1;
}

static void *synchronize(void *order) {
    struct clinux_sync *sync = order;
    uint64_t one = 1;
    sync->failure = fdatasync(sync->fd) < 0 ? errno : 0;
    close(sync->fd);
    while (write(sync->event, &one, sizeof one) < 0 && errno == EINTR) continue;
    return NULL;
}

int clinux_sync_begin(struct clinux_sync *sync) { return begin(synchronize, sync); }

struct read_ahead {
    int from, into, patience;
};

static int put(int into, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t written = write(into, bytes, count);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return -1;
        bytes += written;
        count -= (size_t)written;
    }
    return 0;
}

/* Fills the buffer with what is there; true while there may be more later. */
static int fill(int from, char *buffer, size_t size, size_t *count) {
    for (*count = 0; *count < size;) {
        ssize_t some = read(from, buffer + *count, size - *count);
        if (some <= 0) return some < 0 && errno == EAGAIN;
        *count += (size_t)some;
    }
    return 1;
}

static void *read_ahead(void *argument) {
    struct read_ahead order = *(struct read_ahead *)argument;
    free(argument);
    char buffer[16 << 10];
    size_t count;
    struct pollfd more = {.fd = order.from, .events = POLLIN};
    do {
        int is_open = fill(order.from, buffer, sizeof buffer, &count);
        if (put(order.into, buffer, count) < 0 || !is_open) break;
    } while (count == sizeof buffer || poll(&more, 1, order.patience) > 0);
    close(order.from);
    close(order.into);
    return NULL;
}

int clinux_read_ahead(int from, int into, int patience) {
    struct read_ahead *order = malloc(sizeof *order);
    if (order == NULL) return -1;
    *order = (struct read_ahead){from, into, patience};
    if (begin(read_ahead, order) == 0) return 0;
    free(order);
    return -1;
}

/* Threads of C, for what the kernel makes us wait for: a disk, and the pieces in which a pty gives what was written. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
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

static void *read_ahead(void *order) {
    uintptr_t packed = (uintptr_t)order;
    int from = packed & 0xffffff, into = packed >> 24 & 0xffffff, patience = (int)(packed >> 48);
    char buffer[16 << 10];
    size_t count;
    struct pollfd more = {.fd = from, .events = POLLIN};
    do {
        int is_open = fill(from, buffer, sizeof buffer, &count);
        if (put(into, buffer, count) < 0 || !is_open) break;
    } while (count == sizeof buffer || poll(&more, 1, patience) > 0);
    close(from);
    close(into);
    return NULL;
}

/* The order is in the pointer itself: who frees memory in a thread gets a heap of its own for that. */
int clinux_read_ahead(int from, int into, int patience) {
    _Static_assert(sizeof(void *) == 8, "three numbers in a pointer");
    if ((from | into) >> 24 != 0 || patience >> 16 != 0) return (errno = EINVAL, -1);
    return begin(read_ahead, (void *)((uintptr_t)from | (uintptr_t)into << 24 | (uintptr_t)patience << 48));
}

/* What goes on beside the one thread of Swift: threads of C that take no signal and touch nothing but their order. */
#ifndef CLINUX_THREADS_H
#define CLINUX_THREADS_H

/* fdatasync(2) of fd, then closed: event is readable at its end, failure is its errno or 0; the struct must stay until
 * then. Kernel AIO would make our exit wait 25 ms. */
struct clinux_sync {
    int fd, event, failure;
};
int clinux_sync_begin(struct clinux_sync *_Nonnull sync);

/* Puts what can be read from `from`, which does not wait, into the pipe `into`, which does, until nothing came for
 * `patience` ms, one of them failed or nobody reads the pipe. Then both are closed. -1 and errno: neither is. */
int clinux_read_ahead(int from, int into, int patience);

#endif

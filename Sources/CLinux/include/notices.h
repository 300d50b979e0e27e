/*
 * What a seccomp filter tells of: calls that wait in the kernel until the supervisor has answered them.
 * seccomp_unotify(2).
 *
 * There are two answers: an error, or, for execve(2) and execveat(2) alone, to go on. So whatever mistake the
 * supervisor makes, no other call of an agent passes. While somebody records what a program needs (`cloche learn`),
 * other calls go on as well, and numbers in registers, as the filters have them, decide about that.
 */
#ifndef CLINUX_NOTICES_H
#define CLINUX_NOTICES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct clinux_notice {
    uint64_t id;
    pid_t thread;              /* who calls, by the supervisor's number */
    uint32_t number, architecture;
    uint64_t arguments[6];
};

/* Takes the next notice without waiting: 1, or 0 if there is none, or -1. */
int clinux_take_notice(int listener, struct clinux_notice *_Nonnull notice);
/* Whether the caller still waits: what was read of its process in between is its own. */
int clinux_notice_holds(int listener, const struct clinux_notice *_Nonnull notice);
/* The call gets this error: 0, or -1; one that waits no longer is no failure. */
int clinux_refuse_notice(int listener, const struct clinux_notice *_Nonnull notice, int error);
/* The execution goes on: 0, or -1; EINVAL for any other call, which goes on waiting. */
int clinux_continue_execution(int listener, const struct clinux_notice *_Nonnull notice);
/* Any call goes on: for recordings alone. 0, or -1. */
int clinux_continue_recorded(int listener, const struct clinux_notice *_Nonnull notice);
/* The kernel wakes the other side at once and on the same CPU, since it has nothing to do but wait (Linux 6.6). */
void clinux_make_listener_quick(int listener);

/* process_vm_readv(2): bytes, or -1. */
ssize_t clinux_read_memory(pid_t thread, uint64_t address, void *_Nonnull into, size_t length);
/* The process of a thread, and its parent, as a pid namespace (its descriptor) numbers them: 0, or -1, as before Linux
 * 6.13. It takes a fifth of the time of reading /proc/PID/status twice. */
int clinux_find_family(int pid_namespace, pid_t thread, pid_t *_Nonnull process, pid_t *_Nonnull parent);

#endif

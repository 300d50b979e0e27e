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

#include <stdbool.h>
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
/* Answers give 1; or 0 for a caller that waits no longer, and then what was read of its process in between may be
 * another's, that has its number now; or -1. */
/* The call gets this error. */
int clinux_refuse_notice(int listener, const struct clinux_notice *_Nonnull notice, int error);
/* The execution goes on; EINVAL for any other call, which goes on waiting. */
int clinux_continue_execution(int listener, const struct clinux_notice *_Nonnull notice);
/* Any call goes on: for recordings alone. */
int clinux_continue_recorded(int listener, const struct clinux_notice *_Nonnull notice);
/* Whether each side is woken on the CPU that the other one leaves, as from Linux 6.6 on; at first it is not. */
void clinux_wake_callers(int listener, bool here);

/* process_vm_readv(2): bytes, or -1. */
ssize_t clinux_read_memory(pid_t thread, uint64_t address, void *_Nonnull into, size_t length);
/* The process of its first thread, and its parent, as a pid namespace (its descriptor) numbers them: 0, or -1, as
 * for other threads and before Linux 6.13; /proc/PID/status takes five times as long. `handle`: its pidfd, or -1. */
int clinux_find_family(int pid_namespace, pid_t thread, pid_t *_Nonnull process, pid_t *_Nonnull parent,
                       int *_Nonnull handle);
/* How the process of a pidfd ended, or rather its first thread: 1; 0 while its parent has not asked; -1 before 6.13. */
int clinux_find_end(int handle, int *_Nonnull status);

#endif

/* See notices.h. */
#include "notices.h"
#include "shims.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

/* Younger than the oldest headers that we build with. */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

#define PROCESS_IN_NAMESPACE _IOR(0xb7, 9, int) /* NS_GET_TGID_IN_PIDNS */
struct process_info { /* pidfd_info, as Linux 6.13 has it, and with the end 6.15 */
    uint64_t mask, cgroup;
    uint32_t pid, process, parent, users[8];
    int32_t end;
};
#define GET_PROCESS_INFO _IOWR(0xff, 11, struct process_info) /* PIDFD_GET_INFO */

int clinux_take_notice(int listener, struct clinux_notice *notice) {
    struct seccomp_notif n = {0};
    struct pollfd ready = {.fd = listener, .events = POLLIN};
    /* The ioctl waits, whatever the descriptor's flags. */
    if (poll(&ready, 1, 0) < 0) return errno == EINTR ? 0 : -1;
    if (!(ready.revents & POLLIN)) return 0;
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &n) < 0) {
        /* Whoever called has been killed meanwhile. */
        return errno == ENOENT || errno == EINTR ? 0 : -1;
    }
    *notice = (struct clinux_notice){
        .id = n.id, .thread = (pid_t)n.pid, .number = (uint32_t)n.data.nr, .architecture = n.data.arch};
    memcpy(notice->arguments, n.data.args, sizeof notice->arguments);
    return 1;
}

static int answer(int listener, struct seccomp_notif_resp *response) {
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, response) == 0) return 1;
    return errno == ENOENT ? 0 : -1;
}

int clinux_refuse_notice(int listener, const struct clinux_notice *notice, int error) {
    /* An error of 0 would be success. */
    struct seccomp_notif_resp r = {.id = notice->id, .error = error > 0 && error < 4096 ? -error : -ENOSYS};
    return answer(listener, &r);
}

int clinux_continue_execution(int listener, const struct clinux_notice *notice) {
    if (notice->number != SYS_execve && notice->number != SYS_execveat) {
        errno = EINVAL;
        return -1;
    }
    return clinux_continue_recorded(listener, notice);
}

int clinux_continue_recorded(int listener, const struct clinux_notice *notice) {
    struct seccomp_notif_resp r = {.id = notice->id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
    return answer(listener, &r);
}

void clinux_wake_callers(int listener, bool here) {
    /* An older kernel refuses, and wakes as it did. */
    (void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, here ? SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP : 0UL);
}

ssize_t clinux_read_memory(pid_t thread, uint64_t address, void *into, size_t length) {
    struct iovec local = {.iov_base = into, .iov_len = length};
    struct iovec remote = {.iov_base = (void *)(uintptr_t)address, .iov_len = length}; // NOLINT
    return process_vm_readv(thread, &local, 1, &remote, 1, 0);
}

int clinux_find_family(int pid_namespace, pid_t thread, pid_t *process, pid_t *parent, int *handle) {
    struct process_info info = {.mask = 1}; /* PIDFD_INFO_PID */
    int pidfd = clinux_pidfd_open(thread);
    int result = ioctl(pidfd, GET_PROCESS_INFO, &info);
    *handle = pidfd;
    *process = ioctl(pid_namespace, PROCESS_IN_NAMESPACE, thread);
    *parent = ioctl(pid_namespace, PROCESS_IN_NAMESPACE, info.parent);
    return result == 0 && *process > 0 && *parent > 0 ? 0 : -1;
}

int clinux_find_end(int handle, int *status) {
    struct process_info info = {.mask = 8}; /* PIDFD_INFO_EXIT */
    int result = ioctl(handle, GET_PROCESS_INFO, &info);
    *status = info.end;
    return result < 0 && errno != ESRCH ? -1 : result == 0 && (info.mask & 8) != 0;
}

/* Bodies for shims.h: variadic and GNU-only calls that Swift cannot reach by itself. */
#include "shims.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <linux/fs.h>
#include <linux/keyctl.h>
#include <linux/landlock.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

const int clinux_O_PATH = O_PATH;
const unsigned int clinux_RENAME_NOREPLACE = RENAME_NOREPLACE;

int clinux_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
    return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof how);
}

int clinux_renameat2(int olddirfd, const char *oldpath, int newdirfd, const char *newpath, unsigned int flags) {
    return renameat2(olddirfd, oldpath, newdirfd, newpath, flags);
}

ssize_t clinux_readlink(const char *path, void *data, size_t length) { return readlink(path, data, length); }

int clinux_pipe(int *fds) { return pipe2(fds, O_CLOEXEC); }

int clinux_accept(int fd) { return accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); }

void *clinux_find(const void *bytes, size_t size, const void *word, size_t length) {
    return memmem(bytes, size, word, length);
}

int clinux_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int clinux_pidfd_send_signal(int pidfd, int signal) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

int clinux_pidfd_getfd(int pidfd, int number) { return (int)syscall(SYS_pidfd_getfd, pidfd, number, 0); }

int clinux_peer_credentials(int fd, pid_t *pid, uid_t *uid) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return -1;
    *pid = peer.pid;
    *uid = peer.uid;
    return 0;
}

long clinux_filesystem_type(int fd) {
    struct statfs fs;
    return fstatfs(fd, &fs) < 0 ? -1 : (long)fs.f_type;
}

int clinux_memory_file(void) { return memfd_create("cloche", MFD_CLOEXEC | MFD_ALLOW_SEALING); }

void clinux_host_memory(int64_t *shared, int64_t *swapped) {
    struct sysinfo host;
    sysinfo(&host); /* fails for bad addresses only */
    *shared = (int64_t)host.sharedram * host.mem_unit;
    *swapped = (int64_t)(host.totalswap - host.freeswap) * host.mem_unit;
}

int64_t clinux_free_bytes(int fd) {
    struct statvfs fs;
    return fstatvfs(fd, &fs) < 0 ? -1 : (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
}

int clinux_share_blocks(int to, int from) { return ioctl(to, FICLONE, from); }
int clinux_allocate(int fd, int back, int64_t place, int64_t count) {
    return fallocate(fd, FALLOC_FL_KEEP_SIZE | (back ? FALLOC_FL_PUNCH_HOLE : 0), place, count);
}

int clinux_set_window_size(int fd, unsigned short columns, unsigned short rows) {
    struct winsize size = {.ws_col = columns, .ws_row = rows};
    return ioctl(fd, TIOCSWINSZ, &size);
}

int clinux_get_window_size(int fd, unsigned short *columns, unsigned short *rows) {
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) < 0) return -1;
    *columns = size.ws_col;
    *rows = size.ws_row;
    return 0;
}

/* As many descriptors of one user may be on their way as the sender may have open, and a program of a sandbox may have
 * sent more than our soft limit. */
static ssize_t send_at_hard_limit(int fd, const struct msghdr *message, int flags) {
    struct rlimit usual;
    if (getrlimit(RLIMIT_NOFILE, &usual) < 0) return -1;
    struct rlimit most = {.rlim_cur = usual.rlim_max, .rlim_max = usual.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &most) < 0) return -1;
    ssize_t count = sendmsg(fd, message, flags);
    int saved = errno;
    setrlimit(RLIMIT_NOFILE, &usual);
    errno = saved;
    return count;
}

ssize_t clinux_send(int fd, const void *data, size_t length, const int *fds, size_t fd_count, int flags) {
    if (fd_count > CLINUX_MAX_DESCRIPTORS) {
        errno = EINVAL;
        return -1;
    }
    struct iovec io = {.iov_base = (void *)data, .iov_len = length};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * CLINUX_MAX_DESCRIPTORS)];
    } control;
    struct msghdr message = {.msg_iov = &io, .msg_iovlen = 1};
    if (fd_count > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(header), fds, sizeof(int) * fd_count);
    }
    ssize_t count = sendmsg(fd, &message, flags | MSG_NOSIGNAL);
    return count < 0 && errno == ETOOMANYREFS ? send_at_hard_limit(fd, &message, flags | MSG_NOSIGNAL) : count;
}

ssize_t clinux_receive(int fd, void *data, size_t length, int *fds, size_t *fd_count, int *truncated, int flags) {
    struct iovec io = {.iov_base = data, .iov_len = length};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * CLINUX_MAX_DESCRIPTORS)];
    } control;
    struct msghdr message = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t count = recvmsg(fd, &message, flags | MSG_CMSG_CLOEXEC);
    /* Told once, before what the other end sent, if it was closed with messages of ours unread. */
    if (count < 0 && errno == ECONNRESET) count = recvmsg(fd, &message, flags | MSG_CMSG_CLOEXEC);
    int saved = errno;
    size_t room = *fd_count, got = 0;
    *truncated = count >= 0 && (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    for (struct cmsghdr *h = count < 0 ? NULL : CMSG_FIRSTHDR(&message); h != NULL; h = CMSG_NXTHDR(&message, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) continue;
        size_t received = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < received; i++) {
            int one;
            memcpy(&one, CMSG_DATA(h) + i * sizeof(int), sizeof one);
            if (got < room) {
                fds[got++] = one;
            } else {
                close(one);
                *truncated = 1;
            }
        }
    }
    *fd_count = got;
    errno = saved;
    return count;
}

void clinux_move_away(pid_t child) {
    cpu_set_t all, others;
    if (sched_getaffinity(0, sizeof all, &all) < 0) return;
    others = all;
    CPU_CLR(sched_getcpu(), &others);
    if (CPU_COUNT(&others) > 0 && sched_setaffinity(child, sizeof others, &others) == 0)
        (void)!sched_setaffinity(child, sizeof all, &all);
}

int clinux_spawn(pid_t *pid, const char *program, char *const *argv, char *const *envp, const char *directory,
                 const int *stdio, const int *extra, size_t extra_count, int new_session) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int failure = posix_spawn_file_actions_init(&actions);
    if (failure != 0) return failure;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (new_session) flags |= POSIX_SPAWN_SETSID;
    /* What the caller's own parent left open must not live on in a process that outlasts us. */
    if (new_session) close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    posix_spawnattr_setflags(&attributes, flags);
    for (int i = 0; i < 3 && failure == 0; i++)
        failure = posix_spawn_file_actions_adddup2(&actions, stdio[i], i);
    /* dup2 of a descriptor onto itself clears CLOEXEC in the child (glibc 2.29). */
    for (size_t i = 0; i < extra_count && failure == 0; i++)
        failure = posix_spawn_file_actions_adddup2(&actions, extra[i], extra[i]);
    if (directory != NULL && failure == 0) failure = posix_spawn_file_actions_addchdir_np(&actions, directory);
    if (failure == 0) failure = posix_spawn(pid, program, &actions, &attributes, argv, envp);
    if (failure == 0 && new_session) clinux_move_away(*pid);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failure;
}

void clinux_limit_data(pid_t child, uint64_t bytes) {
    struct rlimit limit;
    if (prlimit(child, RLIMIT_DATA, NULL, &limit) < 0 || limit.rlim_cur <= bytes) return;
    limit.rlim_cur = bytes;
    (void)!prlimit(child, RLIMIT_DATA, &limit, NULL);
}

int clinux_try_namespaces(uint64_t flags) {
    struct clone_args args = {.flags = flags | CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD};
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    if (pid == 0) _exit(0);
    if (pid < 0) return -1;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
    return 0;
}

int clinux_close_range(unsigned int first, unsigned int last) { return close_range(first, last, 0); }

int clinux_landlock_abi(void) {
    return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

int clinux_memory_deny_write_execute(void) {
    enum { GET_MDWE = 66 }; /* PR_GET_MDWE: younger than the oldest headers that we build with */
    return prctl(GET_MDWE, 0, 0, 0, 0);
}

int clinux_leave_keyring(void) {
    /* The possessor may do all, and this user's other processes too: without that, they could not find it to join. */
    enum { EVERYTHING = 0x3f3f0000 };
    if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "cloche") < 0)
        return errno == ENOSYS || errno == EPERM ? 0 : -1;
    return (int)syscall(SYS_keyctl, KEYCTL_SETPERM, KEY_SPEC_SESSION_KEYRING, EVERYTHING);
}

/* A key's bytes are for those who possess it, and a session need not lead to the user keyring: this process does. */
static int possess_user_keyring(void) {
    return (int)syscall(SYS_keyctl, KEYCTL_LINK, KEY_SPEC_USER_KEYRING, KEY_SPEC_PROCESS_KEYRING);
}

static long find_key(const char *name) {
    if (possess_user_keyring() < 0) return -1;
    return syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, "user", name, 0);
}

int clinux_keep_key(const char *name, const void *data, size_t length, unsigned int seconds) {
    if (possess_user_keyring() < 0) return -1;
    long key = syscall(SYS_add_key, "user", name, data, length, KEY_SPEC_USER_KEYRING);
    return key < 0 ? -1 : (int)syscall(SYS_keyctl, KEYCTL_SET_TIMEOUT, key, seconds);
}

long clinux_read_key(const char *name, void *data, size_t length) {
    long key = find_key(name);
    return key < 0 ? -1 : syscall(SYS_keyctl, KEYCTL_READ, key, data, length);
}

int clinux_forget_key(const char *name) {
    long key = find_key(name);
    if (key < 0) return -1;
    /* Revoked: the bytes are gone even where somebody holds on to the key. */
    if (syscall(SYS_keyctl, KEYCTL_REVOKE, key) < 0) return -1;
    return (int)syscall(SYS_keyctl, KEYCTL_UNLINK, key, KEY_SPEC_USER_KEYRING);
}

char **clinux_environment(void) { return environ; }

void clinux_hide_memory(void) {
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int clinux_has_filters(void) { return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 0; }

int clinux_seccomp_notification(void) {
    uint32_t action = SECCOMP_RET_USER_NOTIF;
    return (int)syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action);
}

int clinux_may(const char *path, int mode) { return faccessat(AT_FDCWD, path, mode, AT_EACCESS); }

int clinux_lock(int fd, int wait) {
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &whole);
}

int clinux_lock_byte(int fd, int64_t byte, int kind, int wait) {
    struct flock one = {.l_type = (short)kind, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    return fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &one);
}

int clinux_is_locked(int fd) {
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_OFD_GETLK, &whole) < 0 ? -1 : whole.l_type != F_UNLCK;
}

static int64_t nanoseconds(struct statx_timestamp time) { return time.tv_sec * 1000000000 + time.tv_nsec; }

int clinux_entry(int dirfd, const char *name, struct clinux_entry *entry) {
    struct statx found;
    unsigned int mask = STATX_BASIC_STATS | STATX_BTIME;
    if (statx(dirfd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, mask, &found) < 0) return -1;
    entry->mode = found.stx_mode;
    entry->is_device_zero = found.stx_rdev_major == 0 && found.stx_rdev_minor == 0;
    entry->inode = found.stx_ino;
    entry->changed = nanoseconds(found.stx_ctime);
    entry->made = found.stx_mask & STATX_BTIME ? nanoseconds(found.stx_btime) : 0;
    return 0;
}

void clinux_trim_heap(void) { (void)malloc_trim(0); }

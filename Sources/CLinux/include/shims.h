/* Wrappers of single calls; each returns what the call returns and leaves errno as the call set it. */
#ifndef CLINUX_SHIMS_H
#define CLINUX_SHIMS_H

#include <fcntl.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/* Flags that glibc hides behind _GNU_SOURCE, as values Swift can import. */
extern const int clinux_O_PATH;
extern const unsigned int clinux_RENAME_NOREPLACE;

/* openat2(2): the resolve flags decide which links a path may go through. */
int clinux_openat2(int dirfd, const char *_Nonnull path, uint64_t flags, uint64_t mode, uint64_t resolve);
/* renameat2(2). */
int clinux_renameat2(int olddirfd, const char *_Nonnull oldpath, int newdirfd, const char *_Nonnull newpath,
                     unsigned int flags);
/* readlink(2) into bytes; null data is EFAULT. */
ssize_t clinux_readlink(const char *_Nonnull path, void *_Nullable data, size_t length);
/* pipe2(2) with O_CLOEXEC. */
int clinux_pipe(int *_Nonnull fds);
/* accept4(2) with SOCK_CLOEXEC | SOCK_NONBLOCK. */
int clinux_accept(int fd);
/* memmem(3). */
void *_Nullable clinux_find(const void *_Nonnull bytes, size_t size, const void *_Nonnull word, size_t length);
/* pidfd_open(2), pidfd_send_signal(2). */
int clinux_pidfd_open(pid_t pid);
int clinux_pidfd_send_signal(int pidfd, int signal);
/* pidfd_getfd(2). */
int clinux_pidfd_getfd(int pidfd, int number);
/* The peer of a connected Unix socket (SO_PEERCRED): 0, and pid and uid filled. */
int clinux_peer_credentials(int fd, pid_t *_Nonnull pid, uid_t *_Nonnull uid);
/* statfs(2)'s f_type of an open descriptor, or -1. */
long clinux_filesystem_type(int fd);
/* memfd_create(2) with MFD_CLOEXEC and MFD_ALLOW_SEALING. */
int clinux_memory_file(void);
/* sysinfo(2): bytes of the host in shared memory, and swapped out. */
void clinux_host_memory(int64_t *_Nonnull shared, int64_t *_Nonnull swapped);
/* Bytes free to this user on the file system of fd, or -1. */
int64_t clinux_free_bytes(int fd);
/* fallocate(2) with FALLOC_FL_KEEP_SIZE, and FALLOC_FL_PUNCH_HOLE if it is to be given back. */
int clinux_allocate(int fd, int back, int64_t place, int64_t count);

/* ioctl(2) is variadic and so unavailable to Swift: TIOCSWINSZ, TIOCGWINSZ. */
int clinux_set_window_size(int fd, unsigned short columns, unsigned short rows);
int clinux_get_window_size(int fd, unsigned short *_Nonnull columns, unsigned short *_Nonnull rows);

/* Most descriptors in one message. */
#define CLINUX_MAX_DESCRIPTORS 128

/* One message with up to CLINUX_MAX_DESCRIPTORS descriptors (sendmsg(2), SCM_RIGHTS). Returns bytes, or -1. */
ssize_t clinux_send(int fd, const void *_Nonnull data, size_t length, const int *_Nullable fds, size_t fd_count,
                    int flags);
/* As clinux_send, receiving; *fd_count holds the room in, the number received out. CLOEXEC is set.
 * *truncated is 1 if the message or its descriptors did not fit. */
ssize_t clinux_receive(int fd, void *_Nonnull data, size_t length, int *_Nullable fds, size_t *_Nonnull fd_count,
                       int *_Nonnull truncated, int flags);

/* Puts a new process on another CPU than ours, if there is one, and leaves it free to go anywhere: not every kernel
 * moves it away from its parent, which has work to do meanwhile. */
void clinux_move_away(pid_t child);
/* posix_spawn(3) with what Swift cannot reach of it. stdio becomes 0, 1, 2; `extra` keep their numbers; directory
 * may be null. All signals are at their defaults and unblocked in the child. Returns 0 or an errno. */
int clinux_spawn(pid_t *_Nonnull pid, const char *_Nonnull program, char *_Nullable const *_Nonnull argv,
                 char *_Nullable const *_Nonnull envp, const char *_Nullable directory, const int *_Nonnull stdio,
                 const int *_Nullable extra, size_t extra_count, int new_session);
/* prlimit(2): the soft RLIMIT_DATA of a child, never raised. */
void clinux_limit_data(pid_t child, uint64_t bytes);

/* For `cloche doctor`, which tries what the kernel gives. */
/* clone3(2) with these CLONE_NEW*, a child that ends at once: 0, or -1. */
int clinux_try_namespaces(uint64_t flags);
/* close_range(2) without flags. */
int clinux_close_range(unsigned int first, unsigned int last);
/* The Landlock ABI number (landlock_create_ruleset(2)), or -1. */
int clinux_landlock_abi(void);
/* Whether memory is denied to be written and executed (prctl(2), PR_GET_MDWE): -1 if the kernel does not know. */
int clinux_memory_deny_write_execute(void);
/* Leaves the session keyring, which holds the keys of the user's logins, for an empty one that all processes share that
 * call this as the same user (one per process would use up the user's quota): 0, or -1. A kernel or a filter that
 * refuses keyrings refuses them to programs of a sandbox as well, and that is no failure. */
int clinux_leave_keyring(void);
/* A "user" key of this name in the user keyring, which only processes of this user can reach, for so many seconds (0:
 * until reboot): 0, or -1. */
int clinux_keep_key(const char *_Nonnull name, const void *_Nonnull data, size_t length, unsigned int seconds);
/* Its bytes: how many it has, which may be more than there is room for, or -1. */
long clinux_read_key(const char *_Nonnull name, void *_Nonnull data, size_t length);
/* Takes it away: 0, or -1. */
int clinux_forget_key(const char *_Nonnull name);
/* environ(7), which Swift does not take for safe. */
char *_Nullable *_Nullable clinux_environment(void);
/* Nobody but root may look into this process from now on (prctl(2), PR_SET_DUMPABLE), and it leaves no core dump. */
void clinux_hide_memory(void);
/* Whether this process has seccomp filters (prctl(2), PR_GET_SECCOMP). */
int clinux_has_filters(void);
/* 0 if seccomp(2) can hand calls to a listener (SECCOMP_RET_USER_NOTIF), or -1. */
int clinux_seccomp_notification(void);
/* access(2) with the effective ids. */
int clinux_may(const char *_Nonnull path, int mode);

/* An exclusive lock of the whole file that belongs to the open file description (fcntl(2), F_OFD_SETLK and
 * F_OFD_SETLKW): 0, or -1. Unlike a try with flock(2), clinux_is_locked does not disturb whoever takes it. */
int clinux_lock(int fd, int wait);
/* 1 if another description holds the lock, 0 if none does, or -1. */
int clinux_is_locked(int fd);

/* The same kind of lock on one byte, F_RDLCK or F_WRLCK, or F_UNLCK to give it up: 0, or -1. */
int clinux_lock_byte(int fd, int64_t byte, int kind, int wait);

/* What statx(2) tells of a name in a directory, without following a link; `made` is 0 where the file system does not
 * tell. Times are nanoseconds since 1970. */
struct clinux_entry {
    uint32_t mode;
    int is_device_zero;
    uint64_t inode;
    int64_t changed, made;
};
int clinux_entry(int dirfd, const char *_Nonnull name, struct clinux_entry *_Nonnull entry);

/* FICLONE (ioctl_ficlone(2)): the second file's content, its blocks shared with the first: 0, or -1. */
int clinux_share_blocks(int to, int from);

/* malloc_trim(3): gives free heap back to the system. */
void clinux_trim_heap(void);

/* The wait(2) status macros. */
static inline int clinux_exited(int status) { return (status & 0x7f) == 0; }
static inline int clinux_exit_code(int status) { return (status >> 8) & 0xff; }
static inline int clinux_term_signal(int status) { return status & 0x7f; }

#endif

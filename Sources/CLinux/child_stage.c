/*
 * From clone3(2) to the exec of init. See child_stage.h for the contract: async-signal-safe, no decisions.
 *
 * Order, and why: the parent-death signal first, so that no later step can outlive the supervisor; identity before
 * mounts, so that every file made here belongs to the agent; sources before the new root, so that no mount of ours
 * changes what a path means; capabilities after the last mount; descriptors last of all.
 */
#ifndef _GNU_SOURCE
#error "child_stage.c needs _GNU_SOURCE"
#endif
#include "child_stage.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/securebits.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STAY_BELOW (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)
/* A host directory that is always there: the new root is mounted on it, out of everyone's sight, until the pivot. */
#define ROOT_POINT "/tmp"

struct stage {
    const struct clinux_program *program;
    int control;
    int root;                        /* the new root directory */
    const char *parent_path;         /* the directory that was opened last, in a target of the program */
    size_t parent_length;
    int parent;
    int mounts[CLINUX_MAX_SOURCES];  /* detached mounts of the sources */
};

static _Noreturn void fail(const struct stage *s, enum clinux_stage stage, size_t index) {
    struct clinux_message m = {
        .type = CLINUX_STAGE_FAILED, .id = (uint32_t)stage, .value = (int32_t)index, .error = errno};
    (void)!send(s->control, &m, sizeof m, MSG_NOSIGNAL);
    _exit(125);
}

static int open_below(int directory, const char *path, uint64_t flags, uint64_t mode) {
    struct open_how how = {.flags = flags | O_CLOEXEC, .mode = mode, .resolve = STAY_BELOW};
    return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

/* The directory that holds target, and target's last component. It stays open for the next target, which is mostly
 * in the same directory, until something is mounted on or above it. */
static int open_parent(struct stage *s, const char *target, const char **name) {
    const char *slash = strrchr(target, '/');
    char parent[4096];
    *name = slash == NULL ? target : slash + 1;
    if (slash == NULL) return s->root;
    size_t length = (size_t)(slash - target);
    if (s->parent >= 0 && length == s->parent_length && memcmp(target, s->parent_path, length) == 0) return s->parent;
    if (length >= sizeof parent) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(parent, target, length);
    parent[length] = '\0';
    if (s->parent >= 0) close(s->parent);
    s->parent_path = target;
    s->parent_length = length;
    s->parent = open_below(s->root, parent, O_PATH | O_DIRECTORY, 0);
    return s->parent;
}

/* Something was mounted at target: a directory there or below that was opened before is not the one that is seen. */
static void forget_parent(struct stage *s, const char *target) {
    size_t length = strlen(target);
    if (s->parent < 0 || length > s->parent_length || memcmp(target, s->parent_path, length) != 0) return;
    if (length < s->parent_length && s->parent_path[length] != '/') return;
    close(s->parent);
    s->parent = -1;
}

static int set_attributes(int mount, uint64_t attributes) {
    if (attributes == 0) return 0;
    struct mount_attr attr = {.attr_set = attributes};
    return mount_setattr(mount, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr);
}

/* Closes fd keeping errno, and passes result on. */
static int closing(int fd, int result) {
    int saved = errno;
    close(fd);
    errno = saved;
    return result;
}

static int attach(struct stage *s, int mount, const char *target) {
    int place = open_below(s->root, target, O_PATH, 0);
    if (place < 0) return -1;
    forget_parent(s, target);
    return closing(place, move_mount(mount, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

/* fsopen(2), options, fsmount(2): a detached mount, or -1. */
static int make_filesystem(const char *kind, const char *options, uint64_t attributes) {
    int context = fsopen(kind, FSOPEN_CLOEXEC);
    if (context < 0) return -1;
    for (const char *option = options; option != NULL && *option != '\0'; option += strlen(option) + 1) {
        char key[32];
        const char *equals = strchr(option, '=');
        size_t length = equals == NULL ? strlen(option) : (size_t)(equals - option);
        if (length >= sizeof key) {
            errno = EINVAL;
            return closing(context, -1);
        }
        memcpy(key, option, length);
        key[length] = '\0';
        int command = equals == NULL ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
        if (fsconfig(context, command, key, equals == NULL ? NULL : equals + 1, 0) < 0) return closing(context, -1);
    }
    if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) return closing(context, -1);
    return closing(context, fsmount(context, FSMOUNT_CLOEXEC, (unsigned)attributes));
}

static int open_source(const struct clinux_source *source) {
    if (source->fd >= 0) return source->fd;
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    int place = (int)syscall(SYS_openat2, AT_FDCWD, source->path, &how, sizeof how);
    if (place < 0) return -1;
    struct stat status;
    if (fstat(place, &status) < 0) return closing(place, -1);
    if (status.st_dev != source->device || status.st_ino != source->inode) {
        errno = ESTALE;
        return closing(place, -1);
    }
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (source->recursive ? AT_RECURSIVE : 0);
    int mount = closing(place, open_tree(place, "", flags));
    if (mount < 0) return -1;
    return set_attributes(mount, source->attributes) < 0 ? closing(mount, -1) : mount;
}

static int op_filesystem(struct stage *s, const struct clinux_operation *op) {
    int mount = make_filesystem(op->text, op->options, op->attributes);
    return mount < 0 ? -1 : closing(mount, attach(s, mount, op->target));
}

static int op_read_only(struct stage *s, const struct clinux_operation *op) {
    int place = open_below(s->root, op->target, O_PATH, 0);
    if (place < 0) return -1;
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE;
    int mount = closing(place, open_tree(place, "", flags));
    if (mount < 0) return -1;
    if (set_attributes(mount, op->attributes | MOUNT_ATTR_RDONLY) < 0) return closing(mount, -1);
    return closing(mount, attach(s, mount, op->target));
}

static int op_seal(const struct stage *s, const struct clinux_operation *op) {
    /* Closed below, long before init is executed. */
    int place = op->target[0] == '\0' ? dup(s->root) : open_below(s->root, op->target, O_PATH, 0);
    if (place < 0) return -1;
    struct mount_attr attr = {.attr_set = op->attributes};
    return closing(place, mount_setattr(place, "", AT_EMPTY_PATH, &attr, sizeof attr));
}

static int op_directory(struct stage *s, const struct clinux_operation *op) {
    const char *name;
    int parent = open_parent(s, op->target, &name);
    if (parent < 0) return -1;
    int result = mkdirat(parent, name, op->mode);
    if (result < 0 && errno == EEXIST) {
        int there = open_below(parent, name, O_PATH | O_DIRECTORY, 0);
        result = there < 0 ? -1 : closing(there, 0);
    }
    return result;
}

static int write_all(int fd, const char *text) {
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t count = write(fd, text, left);
        if (count < 0) return -1;
        text += count;
        left -= (size_t)count;
    }
    return 0;
}

static int op_file(struct stage *s, const struct clinux_operation *op) {
    const char *name;
    int parent = open_parent(s, op->target, &name);
    if (parent < 0) return -1;
    int file = open_below(parent, name, O_CREAT | O_EXCL | O_WRONLY, op->mode);
    /* A file of ours replaces whatever an earlier run of the agent left at that name. */
    if (file < 0 && errno == EEXIST && unlinkat(parent, name, 0) == 0)
        file = open_below(parent, name, O_CREAT | O_EXCL | O_WRONLY, op->mode);
    return file < 0 ? -1 : closing(file, write_all(file, op->text));
}

static int op_mount_point(struct stage *s, const struct clinux_operation *op) {
    const char *name;
    int parent = open_parent(s, op->target, &name);
    if (parent < 0) return -1;
    if (mknodat(parent, name, S_IFREG | op->mode, 0) == 0) return 0;
    /* It may be there already, on a read-only mount, but not as a link. */
    if (errno != EEXIST) return -1;
    int file = open_below(parent, name, O_PATH, 0);
    return file < 0 ? -1 : closing(file, 0);
}

static int op_symlink(struct stage *s, const struct clinux_operation *op) {
    const char *name;
    int parent = open_parent(s, op->target, &name);
    if (parent < 0) return -1;
    int result = symlinkat(op->text, parent, name);
    if (result < 0 && errno == EEXIST) result = 0; /* kept from an earlier run, in the agent's own directory */
    return result;
}

static int op_loopback(void) {
    int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sock < 0) return -1;
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    return closing(sock, ioctl(sock, SIOCSIFFLAGS, &request));
}

static int perform(struct stage *s, const struct clinux_operation *op) {
    switch ((enum clinux_operation_kind)op->kind) {
    case CLINUX_OP_FILESYSTEM: return op_filesystem(s, op);
    case CLINUX_OP_BIND: return attach(s, s->mounts[op->source], op->target);
    case CLINUX_OP_READ_ONLY: return op_read_only(s, op);
    case CLINUX_OP_SEAL: return op_seal(s, op);
    case CLINUX_OP_DIRECTORY: return op_directory(s, op);
    case CLINUX_OP_FILE: return op_file(s, op);
    case CLINUX_OP_MOUNT_POINT: return op_mount_point(s, op);
    case CLINUX_OP_SYMLINK: return op_symlink(s, op);
    case CLINUX_OP_HOSTNAME: return sethostname(op->text, strlen(op->text));
    case CLINUX_OP_LOOPBACK: return op_loopback();
    }
    errno = EINVAL;
    return -1;
}

/* Nothing is at the target, or the agent has put a link there in a directory of its own from an earlier run. */
static int is_absence(int error) { return error == ENOENT || error == ELOOP || error == ENOTDIR; }

/* Waits until the parent has written the id maps; its end of the socket closed means that it died. */
static void handshake(const struct stage *s) {
    struct clinux_message m;
    ssize_t count;
    do count = recv(s->control, &m, sizeof m, 0);
    while (count < 0 && errno == EINTR);
    if (count == (ssize_t)sizeof m && m.type == CLINUX_GO) return;
    if (count >= 0) errno = EPIPE;
    fail(s, CLINUX_STAGE_HANDSHAKE, 0);
}

static void take_identity(const struct stage *s) {
    const struct clinux_program *p = s->program;
    if (p->clear_groups && setgroups(0, NULL) < 0) fail(s, CLINUX_STAGE_IDENTITY, 0);
    if (setresgid(p->group, p->group, p->group) < 0) fail(s, CLINUX_STAGE_IDENTITY, 1);
    if (setresuid(p->user, p->user, p->user) < 0) fail(s, CLINUX_STAGE_IDENTITY, 2);
}

static void make_root(struct stage *s) {
    int mount = make_filesystem("tmpfs", s->program->root_options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    if (mount < 0) fail(s, CLINUX_STAGE_ROOT, 0);
    if (move_mount(mount, "", AT_FDCWD, ROOT_POINT, MOVE_MOUNT_F_EMPTY_PATH) < 0) fail(s, CLINUX_STAGE_ROOT, 1);
    s->root = mount;
    if (fchdir(mount) < 0) fail(s, CLINUX_STAGE_ROOT, 2);
}

static void pivot(const struct stage *s) {
    /* pivot_root(2): with both places the same, the old root ends up stacked on the new one and can be detached. */
    if (syscall(SYS_pivot_root, ".", ".") < 0) fail(s, CLINUX_STAGE_PIVOT, 0);
    if (umount2(".", MNT_DETACH) < 0) fail(s, CLINUX_STAGE_PIVOT, 1);
    if (chdir("/") < 0) fail(s, CLINUX_STAGE_PIVOT, 2);
}

static void drop_capabilities(const struct stage *s) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail(s, CLINUX_STAGE_CAPABILITIES, 0);
    if (cap_reset_ambient() < 0) fail(s, CLINUX_STAGE_CAPABILITIES, 1);
    /* Up to the first that the kernel does not know. */
    cap_value_t c = 0;
    while (cap_drop_bound(c) == 0) c++;
    if (errno != EINVAL || c == 0) fail(s, CLINUX_STAGE_CAPABILITIES, 2);
    unsigned bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |
                    SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
    if (cap_set_secbits(bits) < 0) fail(s, CLINUX_STAGE_CAPABILITIES, 3);
    if (cap_set_proc(s->program->no_capabilities) < 0) fail(s, CLINUX_STAGE_CAPABILITIES, 4);
}

/* Leaves exactly: 0, 1, 2 on /dev/null, the control socket, and the executable (CLOEXEC). Returns the last. */
static int arrange_descriptors(const struct stage *s, int executable) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) fail(s, CLINUX_STAGE_DESCRIPTORS, 0);
    /* Move ours out of the way of the low numbers first: they may be 0 to 4 themselves. */
    int high_control = fcntl(s->control, F_DUPFD_CLOEXEC, 64);
    int high_executable = fcntl(executable, F_DUPFD_CLOEXEC, 64);
    int high_null = fcntl(null, F_DUPFD_CLOEXEC, 64);
    if (high_control < 0 || high_executable < 0 || high_null < 0) fail(s, CLINUX_STAGE_DESCRIPTORS, 1);
    for (int fd = 0; fd < 3; fd++)
        if (dup2(high_null, fd) < 0) fail(s, CLINUX_STAGE_DESCRIPTORS, 2);
    if (dup2(high_control, CLINUX_INIT_SOCKET) < 0) fail(s, CLINUX_STAGE_DESCRIPTORS, 3);
    if (dup3(high_executable, CLINUX_INIT_SOCKET + 1, O_CLOEXEC) < 0) fail(s, CLINUX_STAGE_DESCRIPTORS, 4);
    if (close_range(CLINUX_INIT_SOCKET + 2, ~0U, 0) < 0) fail(s, CLINUX_STAGE_DESCRIPTORS, 5);
    return CLINUX_INIT_SOCKET + 1;
}

static _Noreturn void child(const struct clinux_program *program, int control) {
    struct stage s = {.program = program, .control = control, .root = -1, .parent = -1};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) fail(&s, CLINUX_STAGE_PARENT_DEATH, 0);
    handshake(&s);
    take_identity(&s);
    /* A change of identity clears it (prctl(2)), and the parent may have died before it was set again. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) fail(&s, CLINUX_STAGE_PARENT_DEATH, 1);
    struct pollfd hangup = {.fd = control};
    if (poll(&hangup, 1, 0) > 0 && (hangup.revents & POLLHUP)) _exit(125);
    umask(0);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) fail(&s, CLINUX_STAGE_PROPAGATION, 0);
    for (size_t i = 0; i < program->source_count; i++) {
        s.mounts[i] = open_source(&program->sources[i]);
        if (s.mounts[i] < 0) fail(&s, CLINUX_STAGE_SOURCE, i);
    }
    make_root(&s);
    for (size_t i = 0; i < program->operation_count; i++) {
        const struct clinux_operation *op = &program->operations[i];
        if (perform(&s, op) < 0 && !(op->optional && is_absence(errno))) fail(&s, CLINUX_STAGE_OPERATION, i);
    }
    pivot(&s);
    drop_capabilities(&s);
    umask(022);
    int executable = arrange_descriptors(&s, s.mounts[program->init_source]);
    char *argv[] = {CLINUX_INIT_NAME, NULL};
    char *envp[] = {NULL};
    s.control = CLINUX_INIT_SOCKET;
    syscall(SYS_execveat, executable, "", argv, envp, AT_EMPTY_PATH);
    fail(&s, CLINUX_STAGE_INIT, 0);
}

pid_t clinux_clone(const struct clinux_program *program, int control, int *pidfd) {
    if (program->source_count > CLINUX_MAX_SOURCES) {
        errno = E2BIG;
        return -1;
    }
    /* CLEAR_SIGHAND: the child starts without any handler of ours. Signals stay blocked until it says otherwise. */
    struct clone_args args = {.flags = program->namespaces | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
                              .pidfd = (uint64_t)(uintptr_t)pidfd,
                              .exit_signal = SIGCHLD};
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    if (pid == 0) child(program, control);
    return pid;
}

void *clinux_no_capabilities(void) { return cap_init(); }

void clinux_free_capabilities(void *capabilities) { cap_free(capabilities); }

static int write_map(pid_t pid, const char *name, uint32_t inside, uint32_t outside) {
    char path[64], line[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    int length = snprintf(line, sizeof line, "%u %u 1\n", inside, outside);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return -1;
    return closing(file, write(file, line, (size_t)length) == length ? 0 : -1);
}

int clinux_user_namespace(uint32_t user, uint32_t group, uint32_t host_user, uint32_t host_group) {
    /* The namespace needs a process to be made in: one that only waits for us to end it. */
    struct clone_args args = {.flags = CLONE_NEWUSER | CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD};
    pid_t parent = getpid();
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    if (pid < 0) return -1;
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        if (getppid() != parent) _exit(0); /* it died before the line above */
        for (;;) pause();
    }
    int namespace = -1;
    if (write_map(pid, "uid_map", user, host_user) == 0 && write_map(pid, "gid_map", group, host_group) == 0) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
        namespace = open(path, O_RDONLY | O_CLOEXEC);
    }
    int saved = errno;
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
    errno = saved;
    return namespace;
}

int clinux_idmapped_mount(int place, int user_namespace, uint64_t attributes, int recursive) {
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
    int mount = open_tree(place, "", flags);
    if (mount < 0) return -1;
    struct mount_attr attr = {.attr_set = attributes};
    if (user_namespace >= 0) {
        attr.attr_set |= MOUNT_ATTR_IDMAP;
        attr.userns_fd = (uint64_t)user_namespace;
    }
    int result = mount_setattr(mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof attr);
    return result < 0 ? closing(mount, -1) : mount;
}

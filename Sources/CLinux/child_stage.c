/*
 * From clone3(2) to a built sandbox. See child_stage.h for the contract: up to the exec all is async-signal-safe.
 *
 * Order, and why: the parent-death signal first, so that no later step can outlive the supervisor; identity before
 * mounts, so that every file made here belongs to the agent; sources before the new root, so that no mount of ours
 * changes what a path means; capabilities after the last mount; descriptors last of all.
 */
#ifndef _GNU_SOURCE
#error "child_stage.c needs _GNU_SOURCE"
#endif
#include "child_stage.h"
#include "shims.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/securebits.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef CLOCHE_WEAKENED
uint32_t clinux_left_out;
#endif

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
    uint32_t missing;                /* CLINUX_PART_* */
    size_t socket_count;
    int sockets[CLINUX_MAX_DESCRIPTORS]; /* for the supervisor */
};

/* What lies at a distance from the plan's start. */
static const void *at(const struct stage *s, uint32_t distance) {
    return distance == 0 ? NULL : (const char *)s->program + distance;
}

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

/* The same file under a number that nothing has in init. */
static int above_ours(int fd) { return fd < 0 ? -1 : closing(fd, fcntl(fd, F_DUPFD_CLOEXEC, CLINUX_INIT_PLAN + 1)); }

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

/* A place on the host that no symbolic link leads to. */
static int open_place(const char *path) {
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
}

static int open_source(const struct stage *s, const struct clinux_source *source) {
    if (source->fd >= 0) return source->fd;
    int place = open_place(at(s, source->path));
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
    int mount = make_filesystem(at(s, op->text), at(s, op->options), op->attributes);
    return mount < 0 ? -1 : closing(mount, attach(s, mount, at(s, op->target)));
}

/* The target bound over itself: what is a mount can be neither renamed nor removed, be it a symbolic link. */
static int op_over_itself(struct stage *s, const struct clinux_operation *op) {
    int pinned = op->kind == CLINUX_OP_PIN;
    int place = open_below(s->root, at(s, op->target), O_PATH | (pinned ? O_NOFOLLOW : 0), 0);
    if (place < 0) return -1;
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE;
    int mount = open_tree(place, "", flags);
    if (mount < 0) return closing(place, -1);
    int result = pinned ? 0 : set_attributes(mount, op->attributes | MOUNT_ATTR_RDONLY);
    if (result == 0) result = move_mount(mount, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
    if (result == 0) forget_parent(s, at(s, op->target));
    return closing(place, closing(mount, result));
}

static int op_part(struct stage *s, const struct clinux_operation *op) {
    int place = open_below(s->root, at(s, op->text), O_PATH | O_DIRECTORY, 0);
    if (place < 0) return -1;
    int mount = closing(place, open_tree(place, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH));
    return mount < 0 ? -1 : closing(mount, attach(s, mount, at(s, op->target)));
}

static int op_seal(const struct stage *s, const struct clinux_operation *op) {
    const char *target = at(s, op->target);
    int place = open_below(s->root, target[0] == '\0' ? "." : target, O_PATH, 0);
    if (place < 0) return -1;
    struct mount_attr attr = {.attr_set = op->attributes};
    return closing(place, mount_setattr(place, "", AT_EMPTY_PATH, &attr, sizeof attr));
}

static int op_directory(struct stage *s, const struct clinux_operation *op) {
    const char *name;
    int parent = open_parent(s, at(s, op->target), &name);
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
    int parent = open_parent(s, at(s, op->target), &name);
    if (parent < 0) return -1;
    int file = open_below(parent, name, O_CREAT | O_EXCL | O_WRONLY, op->mode);
    /* A file of ours replaces whatever an earlier run of the agent left at that name. */
    if (file < 0 && errno == EEXIST && unlinkat(parent, name, 0) == 0)
        file = open_below(parent, name, O_CREAT | O_EXCL | O_WRONLY, op->mode);
    return file < 0 ? -1 : closing(file, write_all(file, at(s, op->text)));
}

static int op_mount_point(struct stage *s, const struct clinux_operation *op) {
    const char *name;
    int parent = open_parent(s, at(s, op->target), &name);
    if (parent < 0) return -1;
    if (mknodat(parent, name, S_IFREG | op->mode, 0) == 0) return 0;
    /* It may be there already, on a read-only mount, but not as a link. */
    if (errno != EEXIST) return -1;
    int file = open_below(parent, name, O_PATH, 0);
    return file < 0 ? -1 : closing(file, 0);
}

static int op_symlink(struct stage *s, const struct clinux_operation *op) {
    const char *name;
    int parent = open_parent(s, at(s, op->target), &name);
    if (parent < 0) return -1;
    int result = symlinkat(at(s, op->text), parent, name);
    if (result < 0 && errno == EEXIST) result = 0; /* kept from an earlier run, in the agent's own directory */
    return result;
}

/* Each datagram that comes back answers one message; all are there when send returns. netlink(7). */
static int op_netlink(const struct stage *s, const struct clinux_operation *op) {
    struct {
        struct nlmsghdr head;
        struct nlmsgerr answer;
    } reply;
    int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, (int)op->mode);
    if (sock < 0 || send(sock, at(s, op->text), op->attributes, 0) < 0) return sock < 0 ? -1 : closing(sock, -1);
    for (uint32_t i = 0; i < op->options; i++) {
        ssize_t count = recv(sock, &reply, sizeof reply, MSG_DONTWAIT);
        if (count < 0) return closing(sock, -1);
        errno = count < (ssize_t)sizeof reply || reply.head.nlmsg_type != NLMSG_ERROR ? EPROTO : -reply.answer.error;
        if (errno != 0) return closing(sock, -1);
    }
    return closing(sock, 0);
}

static int enable(int sock, int level, int option) {
    int on = 1;
    return setsockopt(sock, level, option, &on, sizeof on);
}

/* It answers from any address that it was asked at (transparent: ip(7)); of datagrams it is told which that was. */
static int open_socket(struct stage *s, int type, uint16_t port) {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)}};
    int off = 0, result, sock = -1;
    if (!(s->missing & CLINUX_PART_IPV6)) sock = socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (sock >= 0) {
        result = setsockopt(sock, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
        if (result == 0) result = enable(sock, IPPROTO_IPV6, IPV6_TRANSPARENT);
        if (result == 0 && type == SOCK_DGRAM) result = enable(sock, IPPROTO_IPV6, IPV6_RECVPKTINFO);
    } else {
        s->missing |= CLINUX_PART_IPV6;
        address.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
        sock = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (sock < 0) return -1;
        result = enable(sock, IPPROTO_IP, IP_TRANSPARENT);
        if (result == 0 && type == SOCK_DGRAM) result = enable(sock, IPPROTO_IP, IP_PKTINFO);
    }
    if (result == 0) result = bind(sock, &address.any, sizeof address);
    if (result == 0 && type == SOCK_STREAM) result = listen(sock, SOMAXCONN);
    return result < 0 ? closing(sock, -1) : sock;
}

static int op_sockets(struct stage *s, const struct clinux_operation *op) {
    const uint16_t *ports = at(s, op->text);
    for (size_t i = 0; i < op->attributes && s->socket_count < CLINUX_MAX_DESCRIPTORS; i++) {
        int sock = open_socket(s, (int)op->mode, ports[i]);
        if (sock < 0) return -1;
        s->sockets[s->socket_count++] = sock;
    }
    return 0;
}

static int op_socket_table(struct stage *s) {
    int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (sock < 0 || s->socket_count == CLINUX_MAX_DESCRIPTORS) return closing(sock, -1);
    s->sockets[s->socket_count++] = sock;
    return 0;
}

static int op_setting(const struct stage *s, const struct clinux_operation *op) {
    int file = open_below(s->root, at(s, op->target), O_WRONLY, 0);
    return file < 0 ? -1 : closing(file, write_all(file, at(s, op->text)));
}

static int perform(struct stage *s, const struct clinux_operation *op) {
    switch ((enum clinux_operation_kind)op->kind) {
    case CLINUX_OP_FILESYSTEM: return op_filesystem(s, op);
    case CLINUX_OP_BIND: return attach(s, s->mounts[op->source], at(s, op->target));
    case CLINUX_OP_READ_ONLY:
    case CLINUX_OP_PIN: return op_over_itself(s, op);
    case CLINUX_OP_PART: return op_part(s, op);
    case CLINUX_OP_SEAL: return op_seal(s, op);
    case CLINUX_OP_DIRECTORY: return op_directory(s, op);
    case CLINUX_OP_FILE: return op_file(s, op);
    case CLINUX_OP_MOUNT_POINT: return op_mount_point(s, op);
    case CLINUX_OP_SYMLINK: return op_symlink(s, op);
    case CLINUX_OP_HOSTNAME: return sethostname(at(s, op->text), strlen(at(s, op->text)));
    case CLINUX_OP_NETLINK: return op_netlink(s, op);
    case CLINUX_OP_SOCKETS: return op_sockets(s, op);
    case CLINUX_OP_SOCKET_TABLE: return op_socket_table(s);
    case CLINUX_OP_SETTING: return op_setting(s, op);
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
    int mount = make_filesystem("tmpfs", at(s, s->program->root_options), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    if (mount < 0) fail(s, CLINUX_STAGE_ROOT, 0);
    if (move_mount(mount, "", AT_FDCWD, ROOT_POINT, MOVE_MOUNT_F_EMPTY_PATH) < 0) fail(s, CLINUX_STAGE_ROOT, 1);
    s->root = mount;
    if (fchdir(mount) < 0) fail(s, CLINUX_STAGE_ROOT, 2);
    if (CLINUX_IS_LEFT_OUT(MOUNTS) && mkdir("host", 0755) < 0) fail(s, CLINUX_STAGE_ROOT, 3);
}

static void pivot(const struct stage *s) {
    if (CLINUX_IS_LEFT_OUT(MOUNTS)) {
        if (syscall(SYS_pivot_root, ".", "host") < 0 || chdir("/") < 0) fail(s, CLINUX_STAGE_PIVOT, 3);
        return;
    }
    /* pivot_root(2): with both places the same, the old root ends up stacked on the new one and can be detached. */
    if (syscall(SYS_pivot_root, ".", ".") < 0) fail(s, CLINUX_STAGE_PIVOT, 0);
    if (umount2(".", MNT_DETACH) < 0) fail(s, CLINUX_STAGE_PIVOT, 1);
    if (chdir("/") < 0) fail(s, CLINUX_STAGE_PIVOT, 2);
}

/* Landlock, the second fence: what the mounts show can be used as its rule says and no further, and what no rule names
 * not at all. landlock(7). */
static int make_ruleset(const struct stage *s) {
    const struct clinux_program *p = s->program;
    const struct clinux_fence *fences = at(s, p->fences);
    struct { /* landlock_ruleset_attr, which the oldest headers that we build with know in part */
        uint64_t files, network, scopes;
    } attr = {.files = p->fence_access, .scopes = p->fence_scopes};
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (ruleset < 0) fail(s, CLINUX_STAGE_FENCE, 0);
    for (size_t i = 0; i < p->fence_count; i++) {
        const char *target = at(s, fences[i].target);
        int place = open_below(s->root, target[0] == '\0' ? "." : target, O_PATH, 0);
        if (place < 0 && is_absence(errno)) continue; /* an optional mount: no rule, no access */
        struct landlock_path_beneath_attr rule = {.allowed_access = fences[i].access, .parent_fd = place};
        if (place < 0 || syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
            fail(s, CLINUX_STAGE_FENCE, 1 + i);
        close(place);
    }
    return ruleset;
}

static void drop_capabilities(const struct stage *s) {
    if (CLINUX_IS_LEFT_OUT(CAPABILITIES)) return;
    if (cap_reset_ambient() < 0) fail(s, CLINUX_STAGE_CAPABILITIES, 1);
    cap_value_t c = 0;
    for (; CAP_IS_SUPPORTED(c); c++)
        if (cap_drop_bound(c) < 0) fail(s, CLINUX_STAGE_CAPABILITIES, 2);
    if (c == 0) fail(s, CLINUX_STAGE_CAPABILITIES, 3);
    if (cap_set_secbits(CLINUX_SECUREBITS) < 0) fail(s, CLINUX_STAGE_CAPABILITIES, 4);
    cap_t none = cap_init();
    if (none == NULL || cap_set_proc(none) < 0) fail(s, CLINUX_STAGE_CAPABILITIES, 5);
    cap_free(none);
}

/* Leaves exactly: 0, 1, 2 on /dev/null, and the control socket. */
static void arrange_descriptors(const struct stage *s) {
    if (CLINUX_IS_LEFT_OUT(DESCRIPTORS)) return;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) fail(s, CLINUX_STAGE_DESCRIPTORS, 0);
    for (int fd = 0; fd < 3; fd++)
        if (dup2(null, fd) < 0) fail(s, CLINUX_STAGE_DESCRIPTORS, 1);
    if (close_range(CLINUX_INIT_SOCKET + 1, ~0U, 0) < 0) fail(s, CLINUX_STAGE_DESCRIPTORS, 2);
}

/* They go with arrange_descriptors, like all that is not init's. */
static void hand_over_sockets(const struct stage *s) {
    struct clinux_message m = {.type = CLINUX_NETWORK, .value = (int32_t)s->missing};
    if (clinux_send(s->control, &m, sizeof m, s->sockets, s->socket_count, 0) < 0) fail(s, CLINUX_STAGE_SOCKETS, 0);
}

void clinux_build(void) {
    struct stage s = {.control = CLINUX_INIT_SOCKET, .root = -1, .parent = -1};
    s.program = mmap(NULL, CLINUX_PLAN_SIZE, PROT_READ, MAP_SHARED, CLINUX_INIT_PLAN, 0);
    if (s.program == MAP_FAILED) fail(&s, CLINUX_STAGE_HANDSHAKE, 1);
    handshake(&s);
    const struct clinux_program *program = s.program;
#ifdef CLOCHE_WEAKENED
    clinux_left_out = program->left_out;
#endif
    const struct clinux_source *sources = at(&s, program->sources);
    const struct clinux_operation *operations = at(&s, program->operations);
    take_identity(&s);
    /* A change of identity clears it (prctl(2)), and the parent may have died before it was set again. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) fail(&s, CLINUX_STAGE_PARENT_DEATH, 1);
    struct pollfd hangup = {.fd = s.control};
    if (poll(&hangup, 1, 0) > 0 && (hangup.revents & POLLHUP)) _exit(125);
    umask(0);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) fail(&s, CLINUX_STAGE_PROPAGATION, 0);
    for (size_t i = 0; i < program->source_count; i++) {
        s.mounts[i] = open_source(&s, &sources[i]);
        if (s.mounts[i] < 0) fail(&s, CLINUX_STAGE_SOURCE, i);
    }
    make_root(&s);
    for (size_t i = 0; i < program->operation_count; i++) {
        const struct clinux_operation *op = &operations[i];
        if ((op->without & ~s.missing) != 0 || perform(&s, op) == 0) continue;
        if (op->part == 0 && !(op->optional && is_absence(errno))) fail(&s, CLINUX_STAGE_OPERATION, i);
        s.missing |= op->part;
    }
    if (s.socket_count > 0) hand_over_sockets(&s);
    pivot(&s);
    int ruleset = program->fence_access != 0 ? make_ruleset(&s) : -1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail(&s, CLINUX_STAGE_CAPABILITIES, 0);
    drop_capabilities(&s);
    if (ruleset >= 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0) fail(&s, CLINUX_STAGE_FENCE, 0);
    umask(022);
    arrange_descriptors(&s);
    if (munmap((void *)s.program, CLINUX_PLAN_SIZE) < 0) fail(&s, CLINUX_STAGE_DESCRIPTORS, 3);
}

/* Mounts, the network, the agent's ids, the bounding set, the limit of namespaces; files, since overlayfs acts by the
 * rights of its mounter. */
static const unsigned long building_capabilities[] = {
    CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_SETUID,       CAP_SETGID, CAP_SETPCAP, CAP_CHOWN,
    CAP_FOWNER,    CAP_FSETID,    CAP_DAC_OVERRIDE, CAP_MKNOD,  CAP_SETFCAP, CAP_SYS_RESOURCE,
    CAP_NET_BIND_SERVICE,
};

/* The program that is executed next builds the sandbox: it keeps of this one's rights what it needs for that. */
static int keep_capabilities(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2];
    if (syscall(SYS_capget, &header, sets) < 0) return -1;
    for (int i = 0; i < 2; i++) sets[i].inheritable = sets[i].permitted;
    if (syscall(SYS_capset, &header, sets) < 0) return -1;
    for (size_t i = 0; i < sizeof building_capabilities / sizeof *building_capabilities; i++)
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, building_capabilities[i], 0, 0) < 0) return -1;
    return 0;
}

/* A time namespace whose clocks start now: it is entered by the exec that follows. time_namespaces(7). */
static int hide_uptime(void) {
    struct timespec monotonic, boottime;
    char text[96];
    if (unshare(CLONE_NEWTIME) < 0) return -1;
    if (clock_gettime(CLOCK_MONOTONIC, &monotonic) < 0 || clock_gettime(CLOCK_BOOTTIME, &boottime) < 0) return -1;
    int length = snprintf(text, sizeof text, "monotonic -%lld 0\nboottime -%lld 0\n", (long long)monotonic.tv_sec,
                          (long long)boottime.tv_sec);
    int file = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
    if (file < 0) return -1;
    return closing(file, write(file, text, (size_t)length) == length ? 0 : -1);
}

/* The child of clone3, up to its exec. Init's executable is a detached, read-only mount that is attached nowhere: what
 * /proc/self/exe names when a program of the agent's is executed cannot be written through it. */
static _Noreturn void enter(const struct clinux_child *c, uint64_t later, const char *executable, int file) {
    struct stage s = {.control = c->far};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) fail(&s, CLINUX_STAGE_PARENT_DEATH, 0);
    if (later != 0 && unshare((int)later) < 0) fail(&s, CLINUX_STAGE_NETWORK, 0);
    /* Not in the one call of clone3, which would take the parent's cgroup for its root: cgroup_namespaces(7). */
    if (c->cgroup >= 0 && unshare(CLONE_NEWCGROUP) < 0) fail(&s, CLINUX_STAGE_CGROUP, 0);
    if (keep_capabilities() < 0) fail(&s, CLINUX_STAGE_INIT, 0);
    if (file < 0) {
        int place = open_place(executable);
        if (place < 0) fail(&s, CLINUX_STAGE_INIT, 1);
        file = closing(place, open_tree(place, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH));
    }
    if (file < 0 || set_attributes(file, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV) < 0)
        fail(&s, CLINUX_STAGE_INIT, 2);
    const struct clinux_source *sources = (const void *)((const char *)c->program + c->program->sources);
    if (later == 0 && c->program->time_namespace && hide_uptime() < 0) fail(&s, CLINUX_STAGE_TIME, 0);
    size_t count = later == 0 ? c->program->source_count : 0;
    for (size_t i = 0; i < count; i++)
        if (sources[i].fd >= 0 && fcntl(sources[i].fd, F_SETFD, 0) < 0) fail(&s, CLINUX_STAGE_INIT, 3);
    /* Neither may be in the place of another. */
    s.control = fcntl(c->far, F_DUPFD_CLOEXEC, CLINUX_INIT_PLAN + 1);
    file = above_ours(file);
    if (s.control < 0 || file < 0) fail(&s, CLINUX_STAGE_INIT, 4);
    if (dup2(s.control, CLINUX_INIT_SOCKET) < 0) fail(&s, CLINUX_STAGE_INIT, 5);
    if (dup2(c->plan, CLINUX_INIT_PLAN) < 0) fail(&s, CLINUX_STAGE_INIT, 6);
    char *argv[] = {CLINUX_INIT_NAME, NULL};
    char *envp[] = {NULL};
    syscall(SYS_execveat, file, "", argv, envp, AT_EMPTY_PATH);
    fail(&s, CLINUX_STAGE_INIT, 7);
}

int clinux_prepare(struct clinux_child *child) {
    *child = (struct clinux_child){.plan = -1, .control = -1, .far = -1, .pidfd = -1, .cgroup = -1};
    int ends[2], plan = above_ours(memfd_create("cloche-plan", MFD_CLOEXEC));
    if (plan < 0) return -1;
    if (ftruncate(plan, CLINUX_PLAN_SIZE) < 0) return closing(plan, -1);
    void *program = mmap(NULL, CLINUX_PLAN_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, plan, 0);
    if (program == MAP_FAILED) return closing(plan, -1);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
        munmap(program, CLINUX_PLAN_SIZE);
        return closing(plan, -1);
    }
    *child = (struct clinux_child){
        .program = program, .plan = plan, .control = ends[0], .far = ends[1], .pidfd = -1, .cgroup = -1};
    return 0;
}

int clinux_clone(struct clinux_child *c, uint64_t namespaces, uint64_t later, const char *executable, int mount) {
    /* CLEAR_SIGHAND: the child starts without any handler of ours. Signals stay blocked until it says otherwise. */
    struct clone_args args = {.flags = namespaces | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
                              .pidfd = (uint64_t)(uintptr_t)&c->pidfd,
                              .exit_signal = SIGCHLD};
    if (c->cgroup >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)c->cgroup;
    }
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    if (pid < 0) return -1;
    if (pid == 0) {
        close(c->control); /* or its end would never be seen closed */
        enter(c, later, executable, mount);
    }
    close(c->far);
    c->pid = pid;
    c->far = -1;
    return 0;
}

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
    /* The copy of a shared mount is its peer: what is mounted on it in the sandbox would appear on the host, too. */
    struct mount_attr attr = {.attr_set = attributes, .propagation = MS_PRIVATE};
    if (user_namespace >= 0) {
        attr.attr_set |= MOUNT_ATTR_IDMAP;
        attr.userns_fd = (uint64_t)user_namespace;
    }
    int result = mount_setattr(mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof attr);
    return result < 0 ? closing(mount, -1) : above_ours(mount);
}

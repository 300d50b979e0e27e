/*
 * Tries to change what is mounted where: with the rights it has, and from inside each kind of user namespace it can
 * get. One line per try: `WAY CALL RESULT`; RESULT is `ok` or the name of the error. Each try has real arguments, with
 * which it succeeds for whoever has the rights.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAMESPACES (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP)

static char layers[64] = "/tmp/layers-XXXXXX";
static char point[96];

static long try_tmpfs(void) { return mount("none", point, "tmpfs", 0, NULL); }
static long try_bind(void) { return mount("/usr", point, NULL, MS_BIND | MS_REC, NULL); }
static long try_remount(void) { return mount(NULL, "/usr", NULL, MS_REMOUNT | MS_BIND, NULL); }
static long try_move(void) { return mount("/proc/sys", point, NULL, MS_MOVE, NULL); }
static long try_shared(void) { return mount(NULL, "/", NULL, MS_SHARED | MS_REC, NULL); }
static long try_cgroup1(void) { return mount("cgroup", point, "cgroup", 0, "memory"); }
static long try_cgroup2(void) { return mount("cgroup2", point, "cgroup2", 0, NULL); }
static long try_proc(void) { return mount("proc", point, "proc", 0, NULL); }
static long try_umount(void) { return umount2("/proc/sys", MNT_DETACH); }
static long try_chroot(void) { return chroot(point); }
static long try_pivot(void) { return syscall(SYS_pivot_root, "/", "/"); }
static long try_open_tree(void) { return syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE | AT_RECURSIVE); }
static long try_fspick(void) { return syscall(SYS_fspick, AT_FDCWD, "/tmp", 0); }

static long try_overlay(void) {
    char options[512];
    snprintf(options, sizeof options, "lowerdir=/usr/bin,upperdir=%s/u,workdir=%s/w,userxattr", layers, layers);
    return mount("overlay", point, "overlay", 0, options);
}

/* The whole way of the new calls, so that each of them is reached with a good descriptor. */
static long try_new_calls(void) {
    long context = syscall(SYS_fsopen, "tmpfs", 0);
    if (context < 0) return -1;
    if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) return -1;
    long made = syscall(SYS_fsmount, context, 0, 0);
    if (made < 0) return -1;
    return syscall(SYS_move_mount, made, "", AT_FDCWD, point, MOVE_MOUNT_F_EMPTY_PATH);
}

static long try_setattr(void) {
    struct mount_attr attr = {.attr_clr = MOUNT_ATTR_RDONLY};
    return syscall(SYS_mount_setattr, AT_FDCWD, "/usr", 0, &attr, sizeof attr);
}

static long try_open_tree_attr(void) {
    struct mount_attr attr = {.attr_clr = MOUNT_ATTR_RDONLY};
    return syscall(467, AT_FDCWD, "/usr", OPEN_TREE_CLONE, &attr, sizeof attr);
}

/* The rest of the family, with descriptors that are none: the filter must answer before the kernel looks. */
static long try_fsopen(void) { return syscall(SYS_fsopen, "tmpfs", 0); }
static long try_fsconfig(void) { return syscall(SYS_fsconfig, -1, FSCONFIG_CMD_CREATE, NULL, NULL, 0); }
static long try_fsmount(void) { return syscall(SYS_fsmount, -1, 0, 0); }
static long try_move_mount(void) { return syscall(SYS_move_mount, -1, "", AT_FDCWD, point, MOVE_MOUNT_F_EMPTY_PATH); }
static long try_setns(void) { return syscall(SYS_setns, -1, CLONE_NEWNS); }

static long try_statmount(void) {
    uint64_t request[4] = {24, UINT64_MAX, 1, 0};
    char answer[4096];
    return syscall(457, request, answer, sizeof answer, 0);
}

static long try_listmount(void) {
    uint64_t request[4] = {24, UINT64_MAX, 0, 0}, answer[64];
    return syscall(458, request, answer, 64, 0);
}

static const struct {
    const char *name;
    long (*function)(void);
} tries[] = {
    {"mount-tmpfs", try_tmpfs},
    {"mount-bind", try_bind},
    {"mount-remount", try_remount},
    {"mount-move", try_move},
    {"mount-shared", try_shared},
    {"mount-cgroup1", try_cgroup1},
    {"mount-cgroup2", try_cgroup2},
    {"mount-proc", try_proc},
    {"mount-overlay", try_overlay},
    {"umount2", try_umount},
    {"chroot", try_chroot},
    {"pivot_root", try_pivot},
    {"open_tree", try_open_tree},
    {"open_tree_attr", try_open_tree_attr},
    {"fsopen-to-move_mount", try_new_calls},
    {"fsopen", try_fsopen},
    {"fsconfig", try_fsconfig},
    {"fsmount", try_fsmount},
    {"move_mount", try_move_mount},
    {"fspick", try_fspick},
    {"mount_setattr", try_setattr},
    {"setns", try_setns},
    {"statmount", try_statmount},
    {"listmount", try_listmount},
};

static void say(const char *way, const char *name, long result) {
    printf("%s %s %s\n", way, name, result < 0 ? strerrorname_np(errno) : "ok");
    fflush(stdout);
}

/* Each in a child of its own, so that none changes the ground for the next. */
static void try_all(const char *way) {
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            say(way, tries[i].name, tries[i].function());
            _exit(0);
        }
        waitpid(pid, NULL, 0);
    }
}

static void write_file(const char *path, const char *text) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return;
    if (write(file, text, strlen(text)) < 0) perror(path);
    close(file);
}

static void become_root(uid_t user, gid_t group) {
    char line[64];
    write_file("/proc/self/setgroups", "deny");
    snprintf(line, sizeof line, "0 %u 1\n", (unsigned)user);
    write_file("/proc/self/uid_map", line);
    snprintf(line, sizeof line, "0 %u 1\n", (unsigned)group);
    write_file("/proc/self/gid_map", line);
}

static int in_child(void *way) {
    become_root(getuid(), getgid());
    try_all(way);
    return 0;
}

/* What clone3 and unshare give, the flags being where the call has them. */
static void with_namespaces(const char *way, long (*enter)(void)) {
    uid_t user = getuid();
    gid_t group = getgid();
    pid_t pid = fork();
    if (pid == 0) {
        long result = enter();
        say(way, "namespaces", result);
        if (result < 0) _exit(0);
        become_root(user, group);
        try_all(way);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}

static long enter_unshare(void) { return unshare(NAMESPACES); }

static long enter_unshare_user(void) {
    return unshare(CLONE_NEWUSER) < 0 ? -1 : unshare(CLONE_NEWNS | CLONE_NEWCGROUP);
}

static long enter_clone3(void) {
    uint64_t args[8] = {NAMESPACES, 0, 0, 0, SIGCHLD, 0, 0, 0};
    long pid = syscall(SYS_clone3, args, sizeof args);
    if (pid > 0) {
        waitpid((pid_t)pid, NULL, 0);
        _exit(0);
    }
    return pid;
}

int main(void) {
    char path[96];
    /* Never on the host itself: there root would really change its mounts. */
    if (geteuid() == 0) return 2;
    if (mkdtemp(layers) == NULL) return 2;
    for (const char *const *name = (const char *const[]){"u", "w", "point", NULL}; *name != NULL; name++) {
        snprintf(path, sizeof path, "%s/%s", layers, *name);
        mkdir(path, 0755);
    }
    snprintf(point, sizeof point, "%s/point", layers);
    try_all("direct");
    with_namespaces("unshare", enter_unshare);
    with_namespaces("unshare-user-first", enter_unshare_user);
    with_namespaces("clone3", enter_clone3);
    static char stack[1 << 16];
    int pid = clone(in_child, stack + sizeof stack, NAMESPACES | SIGCHLD, "clone");
    say("clone", "namespaces", pid);
    if (pid > 0) waitpid(pid, NULL, 0);
    return 0;
}

/*
 * Writes a seccomp filter of the size of Docker's to standard output, for `bwrap --seccomp`: an allow-list of
 * every system call that libseccomp knows by name but the ones that Docker's default profile leaves out,
 * for x86-64, x86 and x32, sorted into a binary tree as runc asks libseccomp to. The count goes to stderr.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const left_out[] = {
    "acct", "add_key", "bpf", "clock_adjtime", "clock_settime", "clone3", "create_module", "delete_module",
    "fanotify_init", "finit_module", "fsconfig", "fsmount", "fsopen", "fspick", "get_kernel_syms", "get_mempolicy",
    "init_module", "io_uring_enter", "io_uring_register", "io_uring_setup", "ioperm", "iopl", "kcmp",
    "kexec_file_load", "kexec_load", "keyctl", "lookup_dcookie", "mbind", "mount", "mount_setattr", "move_mount",
    "move_pages", "nfsservctl", "open_by_handle_at", "open_tree", "perf_event_open", "personality", "pivot_root",
    "process_vm_readv", "process_vm_writev", "ptrace", "query_module", "quotactl", "quotactl_fd", "reboot",
    "request_key", "set_mempolicy", "setdomainname", "sethostname", "setns", "settimeofday", "stime", "swapoff",
    "swapon", "sysfs", "syslog", "umount", "umount2", "unshare", "uselib", "userfaultfd", "ustat", "vhangup", "vm86",
    "vm86old"};

static int is_left_out(const char *name) {
    for (size_t i = 0; i < sizeof left_out / sizeof left_out[0]; i++) {
        if (strcmp(name, left_out[i]) == 0) return 1;
    }
    return 0;
}

/* Allows every call that `arch` has; a name that only 32-bit programs have becomes a rule for those. */
static int allow_calls_of(scmp_filter_ctx filter, uint32_t arch) {
    enum { HIGHEST = 512 };
    int count = 0;
    for (int number = 0; number < HIGHEST; number++) {
        char *name = seccomp_syscall_resolve_num_arch(arch, number);
        int here = name == NULL ? __NR_SCMP_ERROR : seccomp_syscall_resolve_name(name);
        int counted = arch != seccomp_arch_native() && here >= 0;
        if (here != __NR_SCMP_ERROR && !counted && !is_left_out(name)) {
            if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, here, 0) == 0) count++;
        }
        free(name);
    }
    return count;
}

int main(void) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (filter == NULL) return 1;
#if defined(__x86_64__)
    if (seccomp_arch_add(filter, SCMP_ARCH_X86) < 0 || seccomp_arch_add(filter, SCMP_ARCH_X32) < 0) return 1;
#endif
    if (seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) < 0) return 1;
    int count = allow_calls_of(filter, seccomp_arch_native()) + allow_calls_of(filter, SCMP_ARCH_X86);
    fprintf(stderr, "%d\n", count);
    int failed = seccomp_export_bpf(filter, STDOUT_FILENO) < 0;
    seccomp_release(filter);
    return failed;
}

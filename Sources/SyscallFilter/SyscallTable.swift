// Which system calls the default filter knows: data only, by subject. A call that is in no list is unknown
// and answered with ENOSYS, so that a C library falls back to an older one.

/// The lists behind the default filter.
package enum SyscallTable {
    /// Files, directories and their metadata.
    static let files = [
        "access", "chdir", "chmod", "chown", "close", "close_range", "copy_file_range", "creat", "dup",
        "dup2", "dup3", "faccessat", "faccessat2", "fadvise64", "fallocate", "fchdir", "fchmod", "fchmodat",
        "fchown", "fchownat", "fcntl", "fdatasync", "fgetxattr", "flistxattr", "flock", "fremovexattr",
        "fsetxattr", "fstat", "fstatfs", "fsync", "ftruncate", "futimesat", "getcwd", "getdents",
        "getdents64", "getxattr", "inotify_add_watch", "inotify_init", "inotify_init1", "inotify_rm_watch",
        "ioctl", "lchown", "lgetxattr", "link", "linkat", "listxattr", "llistxattr", "lremovexattr", "lseek",
        "lsetxattr", "lstat", "mkdir", "mkdirat", "mknod", "mknodat", "newfstatat", "open", "openat",
        "pread64", "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readahead", "readlink",
        "readlinkat", "readv", "removexattr", "rename", "renameat", "renameat2", "rmdir", "sendfile",
        "setxattr", "splice", "stat", "statfs", "statx", "symlink", "symlinkat", "sync", "sync_file_range",
        "syncfs", "tee", "truncate", "umask", "unlink", "unlinkat", "utime", "utimensat", "utimes",
        "vmsplice", "write", "writev", "cachestat",
    ]

    /// Memory.
    static let memory = [
        "brk", "madvise", "membarrier", "memfd_create", "mincore", "mlock", "mlock2", "mlockall", "mmap",
        "mprotect", "mremap", "msync", "munlock", "munlockall", "munmap", "pkey_alloc", "pkey_free",
        "pkey_mprotect", "remap_file_pages", "get_mempolicy", "set_mempolicy", "mbind", "map_shadow_stack",
        "mseal",
    ]

    /// Processes, threads, identity and scheduling.
    ///
    /// `clone` is limited by its flags; `clone3` is unknown on purpose, because its flags are behind a
    /// pointer that a filter cannot read.
    static let processes = [
        "arch_prctl", "capget", "capset", "clone", "execve", "execveat", "exit", "exit_group", "fork",
        "getcpu", "getegid", "geteuid", "getgid", "getgroups", "getpgid", "getpgrp", "getpid", "getppid",
        "getpriority", "getresgid", "getresuid", "getrlimit", "getrusage", "getsid", "gettid", "getuid",
        "ioprio_get", "ioprio_set", "kill", "pidfd_open", "pidfd_send_signal", "prctl", "prlimit64",
        "process_madvise", "rseq", "sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity",
        "sched_getattr", "sched_getparam", "sched_getscheduler", "sched_rr_get_interval", "sched_setaffinity",
        "sched_setattr", "sched_setparam", "sched_setscheduler", "sched_yield", "set_robust_list",
        "get_robust_list", "set_tid_address", "setfsgid", "setfsuid", "setgid", "setgroups", "setpgid",
        "setpriority", "setregid", "setresgid", "setresuid", "setreuid", "setrlimit", "setsid", "setuid",
        "tgkill", "tkill", "vfork", "wait4", "waitid", "seccomp", "landlock_create_ruleset",
        "landlock_add_rule", "landlock_restrict_self",
    ]

    /// Signals, time, waiting.
    static let events = [
        "alarm", "clock_getres", "clock_gettime", "clock_nanosleep", "epoll_create", "epoll_create1",
        "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd", "eventfd2", "futex",
        "futex_requeue", "futex_wait", "futex_waitv", "futex_wake", "getitimer", "gettimeofday", "nanosleep",
        "pause", "pipe", "pipe2", "poll", "ppoll", "pselect6", "restart_syscall", "rt_sigaction",
        "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend",
        "rt_sigtimedwait", "rt_tgsigqueueinfo", "select", "setitimer", "sigaltstack", "signalfd", "signalfd4",
        "time", "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime", "timer_settime",
        "timerfd_create", "timerfd_gettime", "timerfd_settime", "times", "io_cancel", "io_destroy",
        "io_getevents", "io_pgetevents", "io_setup", "io_submit",
    ]

    /// Sockets (`socket` and `socketpair` are limited by family, see `FilterCompiler`) and System V and POSIX message passing, which
    /// live in the sandbox's own ipc namespace.
    static let communication = [
        "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen",
        "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedsend", "mq_unlink", "msgctl",
        "msgget", "msgrcv", "msgsnd", "recvfrom", "recvmmsg", "recvmsg", "semctl", "semget", "semop",
        "semtimedop", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shmat", "shmctl", "shmdt", "shmget",
        "shutdown",
    ]

    /// Facts about the system.
    static let information = ["getrandom", "sysinfo", "uname"]

    /// Known and refused with EPERM: what reaches the kernel's privileged or little-tried parts.
    static let refused = [
        "acct", "add_key", "adjtimex", "bpf", "chroot", "clock_adjtime", "clock_settime", "delete_module",
        "fanotify_init", "fanotify_mark", "finit_module", "fsconfig", "fsmount", "fsopen", "fspick",
        "init_module", "io_uring_enter", "io_uring_register", "io_uring_setup", "ioperm", "iopl", "kcmp",
        "kexec_file_load", "kexec_load", "keyctl", "listmount", "lookup_dcookie", "memfd_secret",
        "migrate_pages", "modify_ldt", "mount", "mount_setattr", "move_mount", "move_pages",
        "name_to_handle_at", "nfsservctl", "open_by_handle_at", "open_tree", "open_tree_attr",
        "perf_event_open", "pidfd_getfd", "pivot_root", "process_vm_readv", "process_vm_writev", "ptrace",
        "quotactl", "quotactl_fd", "reboot", "request_key", "set_mempolicy_home_node", "setdomainname",
        "sethostname", "setns", "settimeofday", "statmount", "swapoff", "swapon", "syslog", "umount2",
        "unshare", "userfaultfd", "ustat", "vhangup", "vserver",
    ]

    /// Everything allowed whatever its arguments, before the argument rules.
    package static var allowed: [String] { files + memory + processes + events + communication + information }
}

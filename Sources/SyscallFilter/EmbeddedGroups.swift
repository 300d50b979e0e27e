// swift-format-ignore-file
// Written by scripts/embed-profiles from profiles/syscalls/*.yaml. Do not edit: edit those files and run it again.
// SyscallFilter reads them from here and never from the disk, so that the program needs no
// installed files beside it.

/// Changes with every change of a group or of this target's code.
let syscallRulesDigest = "0a2276ebbe19d386e7ff11e2416fb006"

/// The text of every built-in group of system calls; `path` is relative to `profiles/` and in byte order.
let embeddedSyscallGroups: [(path: String, text: String)] = [
    (
        path: "syscalls/administration.yaml",
        text: #"""
description: What belongs to the machine's administrator

refuse:
  - calls: [reboot, swapon, swapoff, acct, syslog, vhangup, sethostname, setdomainname, nfsservctl]
    why: acts on the machine
  - calls: [quotactl, quotactl_fd]
    why: acts on file systems of the host
  - calls: [settimeofday, clock_settime, clock_adjtime, adjtimex]
    why: the machine's clock
  - calls: [iopl, ioperm, modify_ldt]
    why: input and output ports and segments of the processor, for nothing written since 2000
  - calls: [ustat, uselib, vserver, sysfs, _sysctl, afs_syscall]
    why: removed or dead, kept known so that the answer is the same on every kernel

"""#
    ),
    (
        path: "syscalls/aio.yaml",
        text: #"""
description: Asynchronous input and output of the old kind, as databases use it

allow:
  - [io_setup, io_destroy, io_submit, io_cancel, io_getevents, io_pgetevents]

"""#
    ),
    (
        path: "syscalls/debugging.yaml",
        text: #"""
description: Debuggers and tracers within the sandbox (gdb, strace, rr); not in the default list

allow:
  - calls: [ptrace, process_vm_readv, process_vm_writev, pidfd_getfd, kcmp]
    why: the sandbox's own pid namespace is all that can be reached; init is not dumpable and cannot be traced

allow-when:
  - calls: [prctl]
    when: ["low32(arg0) == PR_SET_PTRACER"]
    answer: EINVAL
    why: where Yama asks for it, a program names its debugger

"""#
    ),
    (
        path: "syscalls/events.yaml",
        text: #"""
description: Signals, time and waiting

allow:
  - [rt_sigaction, rt_sigpending, rt_sigprocmask, rt_sigqueueinfo, rt_tgsigqueueinfo, rt_sigreturn, rt_sigsuspend]
  - [rt_sigtimedwait, sigaltstack, signalfd, signalfd4, pause, restart_syscall]
  - [futex, futex_wait, futex_waitv, futex_wake, futex_requeue]
  - [epoll_create, epoll_create1, epoll_ctl, epoll_wait, epoll_pwait, epoll_pwait2, poll, ppoll, select, pselect6]
  - [eventfd, eventfd2, pipe, pipe2]
  - [time, gettimeofday, clock_gettime, clock_getres, nanosleep, clock_nanosleep]
  - [alarm, getitimer, setitimer, timer_create, timer_delete, timer_getoverrun, timer_gettime, timer_settime]
  - [timerfd_create, timerfd_gettime, timerfd_settime]

"""#
    ),
    (
        path: "syscalls/files.yaml",
        text: #"""
description: Files, directories and their metadata

allow:
  - [access, faccessat, faccessat2, stat, lstat, fstat, newfstatat, statx, statfs, fstatfs, readlink, readlinkat]
  - [open, openat, creat, close, close_range, dup, dup2, dup3, fcntl, flock, ioctl, umask]
  - [read, pread64, readv, preadv, preadv2, write, pwrite64, writev, pwritev, pwritev2, lseek, readahead]
  - [sendfile, splice, tee, vmsplice, copy_file_range, fadvise64, fallocate, truncate, ftruncate, cachestat]
  - [sync, syncfs, fsync, fdatasync, sync_file_range]
  - [chdir, fchdir, getcwd, getdents, getdents64, mkdir, mkdirat, rmdir]
  - [link, linkat, symlink, symlinkat, rename, renameat, renameat2, unlink, unlinkat, mknod, mknodat]
  - [chmod, fchmod, fchmodat, fchmodat2, chown, fchown, fchownat, lchown]
  - [utime, utimes, futimesat, utimensat]
  - [getxattr, lgetxattr, fgetxattr, getxattrat, setxattr, lsetxattr, fsetxattr, setxattrat]
  - [listxattr, llistxattr, flistxattr, listxattrat, removexattr, lremovexattr, fremovexattr, removexattrat]
  - [inotify_init, inotify_init1, inotify_add_watch, inotify_rm_watch]

refuse-when:
  # Modes are 16 bits wide in the kernel (umode_t), requests and commands 32: what is above is not looked at.
  - calls: [chmod, fchmod, creat]
    when: ["arg1 & S_ISUID|S_ISGID"]
    why: a set-id file would carry the user's, or root's, identity to whoever runs it on the host
  - calls: [fchmodat, fchmodat2]
    when: ["arg2 & S_ISUID|S_ISGID"]
    why: a set-id file would carry the user's, or root's, identity to whoever runs it on the host
  - calls: [open]
    # Without these flags the third argument is no mode, and may hold anything.
    when: ["arg1 & O_CREAT|O_TMPFILE and arg2 & S_ISUID|S_ISGID"]
    why: a set-id file would carry the user's, or root's, identity to whoever runs it on the host
  - calls: [openat]
    when: ["arg2 & O_CREAT|O_TMPFILE and arg3 & S_ISUID|S_ISGID"]
    why: a set-id file would carry the user's, or root's, identity to whoever runs it on the host
  - calls: [mknod]
    when: ["arg1 & S_ISUID|S_ISGID", "arg1 & S_IFMT in (S_IFCHR, S_IFBLK)"]
    why: no set-id files; no devices, not even the white-outs of overlayfs, which need no privilege
  - calls: [mknodat]
    when: ["arg2 & S_ISUID|S_ISGID", "arg2 & S_IFMT in (S_IFCHR, S_IFBLK)"]
    why: no set-id files; no devices, not even the white-outs of overlayfs, which need no privilege
  - calls: [fcntl]
    when: ["low32(arg1) in (F_SETLEASE, F_SETDELEG)"]
    why: whoever executes or opens a leased file waits for the holder, 45 seconds by default, init too
  - calls: [ioctl]
    when: ["low32(arg1) in (TIOCSTI, TIOCLINUX)"]
    why: they type into a terminal or paste into a console, which may be the user's
  - calls: [ioctl]
    when: ["low32(arg1) == TIOCSETD"]
    why: it loads the code of a line discipline, of modems and buses, and binds it to a terminal
  - calls: [ioctl]
    # Type and number of the request; size and direction belong to one version of its structure.
    # btrfs: SNAP_CREATE, SUBVOL_CREATE, SNAP_DESTROY, INO_LOOKUP, SNAP_CREATE_V2, SUBVOL_CREATE_V2, the four of
    # subvolumes by id; bcachefs: SUBVOLUME_CREATE and SUBVOLUME_DESTROY.
    when:
      - "arg1 & 0xffff in (0x9401, 0x940e, 0x940f, 0x9412, 0x9417, 0x9418, 0x943c, 0x943d, 0x943e, 0x943f)"
      - "arg1 & 0xffff in (0xbc10, 0xbc11)"
    why: a snapshot of the subvolume that a workspace lies in would show all of it (CVE-2024-26644)
  - calls: [ioctl]
    # SIOCGIFBR, SIOCSIFBR, SIOCBRADDBR, SIOCBRDELBR, SIOCBRADDIF, SIOCBRDELIF; SIOCGIFVLAN, SIOCSIFVLAN.
    when:
      - "low32(arg1) in (0x8940, 0x8941, 0x89a0, 0x89a1, 0x89a2, 0x89a3)"
      - "low32(arg1) in (0x8982, 0x8983)"
    why: on any socket, they load the modules for bridges and VLANs before they look at capabilities

refuse:
  - calls: [openat2]
    answer: ENOSYS
    why: flags and mode are behind a pointer, where a filter cannot read them; programs fall back to openat
  - calls: [file_getattr, file_setattr]
    answer: ENOSYS
    why: too new to be needed; programs fall back to ioctl

"""#
    ),
    (
        path: "syscalls/handles.yaml",
        text: #"""
description: Files by handle, and watching whole file systems

refuse:
  - calls: [open_by_handle_at]
    why: opens any file of a file system past every directory and mount (the class of shocker)
  - calls: [name_to_handle_at]
    why: of use only with open_by_handle_at, and tells inode numbers and mounts outside the sandbox
  - calls: [fanotify_init, fanotify_mark]
    why: watches and holds up whole file systems, the host's part of them too

"""#
    ),
    (
        path: "syscalls/information.yaml",
        text: #"""
description: Facts about the system, and random numbers

allow:
  - [getrandom, sysinfo, uname]

"""#
    ),
    (
        path: "syscalls/io-uring.yaml",
        text: #"""
description: io_uring

refuse:
  - calls: [io_uring_setup, io_uring_enter, io_uring_register]
    why: what a ring does (open, connect, send) passes no system-call filter, and it has had many flaws

"""#
    ),
    (
        path: "syscalls/ipc.yaml",
        text: #"""
description: System V and POSIX message passing, which lives in the sandbox's own ipc namespace

allow:
  - [mq_open, mq_unlink, mq_getsetattr, mq_notify, mq_timedreceive, mq_timedsend]
  - [msgctl, msgget, msgrcv, msgsnd, semctl, semget, semop, semtimedop, shmat, shmctl, shmdt, shmget]

"""#
    ),
    (
        path: "syscalls/keyrings.yaml",
        text: #"""
description: The kernel's keys

refuse:
  - calls: [add_key, request_key, keyctl]
    why: keyrings are not confined to a namespace; a request may start a helper of the host (CVE-2026-46243)

"""#
    ),
    (
        path: "syscalls/memory.yaml",
        text: #"""
description: Memory

allow:
  - [brk, mmap, munmap, mremap, mprotect, madvise, msync, mincore, remap_file_pages, mseal]
  - [mlock, mlock2, mlockall, munlock, munlockall]
  - [pkey_alloc, pkey_free, pkey_mprotect, map_shadow_stack, membarrier, memfd_create]
  - [get_mempolicy, set_mempolicy, mbind]

refuse:
  - calls: [userfaultfd]
    why: lets a program hold up the kernel in the middle of a copy, which made many races exploitable
  - calls: [memfd_secret]
    why: takes pages out of the kernel's own map of memory, at the whole host's cost
  - calls: [migrate_pages, move_pages, set_mempolicy_home_node]
    why: placement of other processes' memory and rarely tried code

"""#
    ),
    (
        path: "syscalls/modules.yaml",
        text: #"""
description: Code for the kernel

refuse:
  - calls: [init_module, finit_module, delete_module, create_module, query_module, get_kernel_syms]
    why: kernel modules
  - calls: [kexec_load, kexec_file_load]
    why: another kernel
  - calls: [bpf]
    why: programs in the kernel; its verifier has been wrong often

"""#
    ),
    (
        path: "syscalls/mounts.yaml",
        text: #"""
description: Mounting, by the old calls and the new

refuse:
  - calls: [mount, umount2, pivot_root, chroot]
    why: the tree of files is the sandbox's wall
  - calls: [fsopen, fsconfig, fsmount, fspick, open_tree, open_tree_attr, move_mount, mount_setattr]
    why: the new ways to mount; whoever forgets them has no wall (CVE-2021-41133, CVE-2022-0185)
  - calls: [statmount, listmount, listns]
    answer: ENOSYS
    why: too new to be needed; programs fall back to /proc/self/mountinfo

"""#
    ),
    (
        path: "syscalls/namespaces.yaml",
        text: #"""
description: New namespaces and those of others

refuse-when:
  - calls: [clone]
    # The kernel takes the low 32 bits of the flags. CLONE_NEWTIME lies in the exit signal's bits: clone3 only.
    when:
      - "arg0 & CLONE_NEWNS|CLONE_NEWCGROUP|CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWUSER|CLONE_NEWPID|CLONE_NEWNET"
    why: a user namespace brings every capability in it, and with them the parts of the kernel made for root alone

refuse:
  - calls: [clone3]
    answer: ENOSYS
    why: flags are behind a pointer, where a filter cannot read them; C libraries fall back to clone
  - calls: [unshare, setns]
    why: the other ways into a namespace, new or old

"""#
    ),
    (
        path: "syscalls/nested-namespaces.yaml",
        text: #"""
description: Sandboxes within the sandbox (bwrap, podman, chromium's own); not in the default list

# Gives back most of the kernel that the default list keeps away. Needs leave to make namespaces, too.
allow:
  - calls: [unshare, setns, mount, umount2, pivot_root, chroot, sethostname, setdomainname]
    why: what makes and fills a namespace
  - calls: [fsopen, fsconfig, fsmount, fspick, open_tree, open_tree_attr, move_mount, mount_setattr]
    why: the new ways to mount

lift:
  - calls: [clone]
    why: flags for new namespaces pass; other groups' rules on clone no longer hold

"""#
    ),
    (
        path: "syscalls/processes.yaml",
        text: #"""
description: Processes, threads, identity and scheduling

allow:
  - [fork, vfork, clone, execve, execveat, exit, exit_group, wait4, waitid]
  - [getpid, getppid, gettid, getpgid, setpgid, getpgrp, getsid, setsid]
  - [getuid, geteuid, getgid, getegid, getresuid, getresgid, getgroups]
  - [setuid, setgid, setreuid, setregid, setresuid, setresgid, setfsuid, setfsgid, setgroups, capget, capset]
  - [kill, tkill, tgkill, pidfd_open, pidfd_send_signal]
  - [getpriority, setpriority, ioprio_get, ioprio_set, getcpu, sched_yield]
  - [sched_getaffinity, sched_setaffinity, sched_getattr, sched_setattr, sched_getparam, sched_setparam]
  - [sched_getscheduler, sched_setscheduler, sched_get_priority_max, sched_get_priority_min, sched_rr_get_interval]
  - [getrlimit, setrlimit, prlimit64, getrusage, times]
  - [set_tid_address, set_robust_list, get_robust_list, rseq, arch_prctl]
  - calls: [process_madvise]
    why: hints for one's own memory by pidfd; for another process the kernel asks for the right to trace it

allow-when:
  - calls: [prctl]
    when:
      # Names, signals at a parent's death, reaping, timer slack, names of memory.
      - "low32(arg0) in (PR_SET_NAME, PR_GET_NAME, PR_SET_PDEATHSIG, PR_GET_PDEATHSIG, PR_SET_VMA)"
      - "low32(arg0) in (PR_SET_CHILD_SUBREAPER, PR_GET_CHILD_SUBREAPER, PR_SET_TIMERSLACK, PR_GET_TIMERSLACK)"
      - "low32(arg0) in (PR_GET_TIMING, PR_SET_TIMING, PR_SET_THP_DISABLE, PR_GET_THP_DISABLE)"
      # Giving up rights.
      - "low32(arg0) in (PR_GET_DUMPABLE, PR_SET_DUMPABLE, PR_GET_SECCOMP, PR_SET_SECCOMP, PR_GET_TSC, PR_SET_TSC)"
      - "low32(arg0) in (PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS, PR_SET_MDWE, PR_GET_MDWE)"
      - "low32(arg0) in (PR_GET_SPECULATION_CTRL, PR_SET_SPECULATION_CTRL)"
      - "low32(arg0) in (PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_CAP_AMBIENT, PR_GET_KEEPCAPS, PR_SET_KEEPCAPS)"
      - "low32(arg0) in (PR_GET_SECUREBITS, PR_SET_SECUREBITS)"
      # 64-bit ARM: vector length, pointer authentication, tagged addresses, shadow stacks.
      - "low32(arg0) in (PR_SVE_SET_VL, PR_SVE_GET_VL, PR_SME_SET_VL, PR_SME_GET_VL, PR_PAC_RESET_KEYS)"
      - "low32(arg0) in (PR_PAC_SET_ENABLED_KEYS, PR_PAC_GET_ENABLED_KEYS)"
      - "low32(arg0) in (PR_SET_TAGGED_ADDR_CTRL, PR_GET_TAGGED_ADDR_CTRL)"
      - "low32(arg0) in (PR_GET_SHADOW_STACK_STATUS, PR_SET_SHADOW_STACK_STATUS, PR_LOCK_SHADOW_STACK_STATUS)"
    answer: EINVAL
    why: what programs use; not PR_SET_MM, PR_SCHED_CORE, PR_SET_MEMORY_MERGE and the like, as on a kernel without them
  - calls: [personality]
    # PER_LINUX, the query, what build tools ask for (PER_LINUX32 alone: `uname -m` says i686; with UNAME26: 2.6),
    # and no randomised addresses, for debuggers.
    when: ["low32(arg0) in (0, 0xffffffff, 0x8, UNAME26, 0x20008, ADDR_NO_RANDOMIZE)"]
    answer: EPERM
    why: other personalities weaken memory protection (READ_IMPLIES_EXEC, MMAP_PAGE_ZERO) or are little tried

refuse-when:
  - calls: [prlimit64]
    when: ["low32(arg0) == 1 and arg2 > 0"]
    why: init runs as the same user; its limits are the sandbox's

"""#
    ),
    (
        path: "syscalls/sandboxing.yaml",
        text: #"""
description: What programs confine themselves with; it only ever takes rights away

allow:
  - [seccomp, landlock_create_ruleset, landlock_add_rule, landlock_restrict_self]
  - [lsm_get_self_attr, lsm_list_modules]

refuse:
  - calls: [lsm_set_self_attr]
    why: could change to a security module's label that the host did not choose

"""#
    ),
    (
        path: "syscalls/sockets.yaml",
        text: #"""
description: Sockets of the usual families

allow:
  - [bind, listen, accept, accept4, connect, shutdown, getsockname, getpeername, getsockopt, setsockopt]
  - [sendto, sendmsg, sendmmsg, recvfrom, recvmsg, recvmmsg]

allow-when:
  - calls: [socket]
    # All three arguments are int: the kernel looks at 32 bits. The type shares its word with flags.
    when:
      - "low32(arg0) == AF_UNIX"
      - "low32(arg0) in (AF_INET, AF_INET6) and arg1 & 0xf == SOCK_STREAM and low32(arg2) in (0, IPPROTO_TCP)"
      - "low32(arg0) in (AF_INET, AF_INET6) and arg1 & 0xf == SOCK_DGRAM and low32(arg2) in (0, IPPROTO_UDP)"
      - "low32(arg0) == AF_INET and arg1 & 0xf == SOCK_DGRAM and low32(arg2) == IPPROTO_ICMP"
      - "low32(arg0) == AF_INET6 and arg1 & 0xf == SOCK_DGRAM and low32(arg2) == IPPROTO_ICMPV6"
      - "low32(arg0) == AF_NETLINK and low32(arg2) == NETLINK_ROUTE"
    answer: EAFNOSUPPORT
    why: >-
      opening a socket of a rare family or protocol (AF_ALG, AF_RXRPC, AF_VSOCK, AF_PACKET, netfilter, xfrm, SCTP, MPTCP)
      loads and reaches kernel code that many exploits came through
  - calls: [socketpair]
    when: ["low32(arg0) == AF_UNIX"]
    answer: EAFNOSUPPORT
    why: the kernel makes two sockets of any family before it finds that the family has no pairs

refuse-when:
  - calls: [sendto]
    when: ["arg3 & MSG_OOB"]
    answer: EOPNOTSUPP
    why: urgent data of Unix sockets has been a way into the kernel (CVE-2025-38236), and nothing needs it
  - calls: [sendmsg]
    when: ["arg2 & MSG_OOB"]
    answer: EOPNOTSUPP
    why: urgent data of Unix sockets has been a way into the kernel (CVE-2025-38236), and nothing needs it
  - calls: [sendmmsg]
    when: ["arg3 & MSG_OOB"]
    answer: EOPNOTSUPP
    why: urgent data of Unix sockets has been a way into the kernel (CVE-2025-38236), and nothing needs it
  - calls: [setsockopt]
    when: ["low32(arg1) == SOL_TCP and low32(arg2) == TCP_ULP"]
    answer: ENOPROTOOPT
    why: loads kernel TLS or ESP in TCP and binds it to a socket; TLS libraries do without

"""#
    ),
    (
        path: "syscalls/tracing.yaml",
        text: #"""
description: Other processes' insides, and counters

refuse:
  - calls: [ptrace, process_vm_readv, process_vm_writev, pidfd_getfd, kcmp]
    why: reading and changing other processes; the group `debugging` allows it
  - calls: [perf_event_open]
    why: counters of the whole machine and a large, often broken part of the kernel
  - calls: [lookup_dcookie]
    why: belongs to a profiler that is gone

"""#
    ),
]

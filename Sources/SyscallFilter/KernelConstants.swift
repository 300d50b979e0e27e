// The names that conditions may use for numbers, as the kernel's headers have them; the same on x86-64 and 64-bit
// ARM.

enum KernelConstants {
    static let values: [String: UInt64] = [
        // sched.h
        "CLONE_NEWNS": 0x2_0000, "CLONE_NEWCGROUP": 0x200_0000, "CLONE_NEWUTS": 0x400_0000,
        "CLONE_NEWIPC": 0x800_0000, "CLONE_NEWUSER": 0x1000_0000, "CLONE_NEWPID": 0x2000_0000,
        "CLONE_NEWNET": 0x4000_0000,
        // stat.h; O_TMPFILE without the O_DIRECTORY in it
        "S_ISUID": 0o4000, "S_ISGID": 0o2000, "S_IFMT": 0o170000, "S_IFCHR": 0o20000, "S_IFBLK": 0o60000,
        "O_CREAT": 0o100, "O_TMPFILE": 0o2000_0000, "F_SETLEASE": 1024, "F_SETDELEG": 1040,
        // ioctls.h
        "TIOCSTI": 0x5412, "TIOCLINUX": 0x541c, "TIOCSETD": 0x5423,
        // socket.h, in.h, netlink.h, tcp.h
        "AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16, "AF_PACKET": 17, "AF_VSOCK": 40,
        "SOCK_STREAM": 1, "SOCK_DGRAM": 2, "SOCK_RAW": 3, "SOCK_SEQPACKET": 5,
        "IPPROTO_ICMP": 1, "IPPROTO_TCP": 6, "IPPROTO_UDP": 17, "IPPROTO_ICMPV6": 58, "IPPROTO_SCTP": 132,
        "IPPROTO_MPTCP": 262, "NETLINK_ROUTE": 0, "NETLINK_SOCK_DIAG": 4, "NETLINK_KOBJECT_UEVENT": 15,
        "MSG_OOB": 1, "SOL_TCP": 6, "TCP_ULP": 31,
        // personality.h
        "UNAME26": 0x2_0000, "ADDR_NO_RANDOMIZE": 0x4_0000,
        // prctl.h
        "PR_SET_PDEATHSIG": 1, "PR_GET_PDEATHSIG": 2, "PR_GET_DUMPABLE": 3, "PR_SET_DUMPABLE": 4,
        "PR_GET_KEEPCAPS": 7, "PR_SET_KEEPCAPS": 8, "PR_GET_TIMING": 13, "PR_SET_TIMING": 14,
        "PR_SET_NAME": 15,
        "PR_GET_NAME": 16, "PR_GET_SECCOMP": 21, "PR_SET_SECCOMP": 22, "PR_CAPBSET_READ": 23,
        "PR_CAPBSET_DROP": 24, "PR_GET_TSC": 25, "PR_SET_TSC": 26, "PR_GET_SECUREBITS": 27,
        "PR_SET_SECUREBITS": 28, "PR_SET_TIMERSLACK": 29, "PR_GET_TIMERSLACK": 30, "PR_SET_MM": 35,
        "PR_SET_CHILD_SUBREAPER": 36, "PR_GET_CHILD_SUBREAPER": 37, "PR_SET_NO_NEW_PRIVS": 38,
        "PR_GET_NO_NEW_PRIVS": 39, "PR_SET_THP_DISABLE": 41, "PR_GET_THP_DISABLE": 42, "PR_CAP_AMBIENT": 47,
        "PR_SVE_SET_VL": 50, "PR_SVE_GET_VL": 51, "PR_GET_SPECULATION_CTRL": 52,
        "PR_SET_SPECULATION_CTRL": 53,
        "PR_PAC_RESET_KEYS": 54, "PR_SET_TAGGED_ADDR_CTRL": 55, "PR_GET_TAGGED_ADDR_CTRL": 56,
        "PR_SET_SYSCALL_USER_DISPATCH": 59, "PR_PAC_SET_ENABLED_KEYS": 60, "PR_PAC_GET_ENABLED_KEYS": 61,
        "PR_SCHED_CORE": 62, "PR_SME_SET_VL": 63, "PR_SME_GET_VL": 64, "PR_SET_MDWE": 65, "PR_GET_MDWE": 66,
        "PR_SET_MEMORY_MERGE": 67, "PR_GET_SHADOW_STACK_STATUS": 74, "PR_SET_SHADOW_STACK_STATUS": 75,
        "PR_LOCK_SHADOW_STACK_STATUS": 76, "PR_SET_VMA": 0x5356_4d41, "PR_SET_PTRACER": 0x5961_6d61,
    ]

    /// What a refused call may be answered with.
    static let errors: [String: Int32] = [
        "EPERM": 1, "ENOENT": 2, "EACCES": 13, "EINVAL": 22, "ENOTTY": 25, "ENOSYS": 38, "ENOPROTOOPT": 92,
        "EPROTONOSUPPORT": 93, "EOPNOTSUPP": 95, "EAFNOSUPPORT": 97,
    ]

    /// The name of an answer.
    static func name(of error: Int32) -> String {
        errors.first { $0.value == error }?.key ?? "errno \(error)"
    }
}

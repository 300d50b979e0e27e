// Names and numbers of system calls: libseccomp's, and those of the kernels that came after it.

internal import CSeccomp
internal import Glibc

/// The numbers of this machine's architecture.
package enum SyscallNumbers {
    /// Calls that Debian 12's libseccomp does not know, up to Linux 6.19.
    ///
    /// Since 424 a call has the same number
    /// everywhere.
    private static let newer: KeyValuePairs<String, UInt32> = [
        "cachestat": 451, "fchmodat2": 452, "map_shadow_stack": 453, "futex_wake": 454, "futex_wait": 455,
        "futex_requeue": 456, "statmount": 457, "listmount": 458, "lsm_get_self_attr": 459,
        "lsm_set_self_attr": 460, "lsm_list_modules": 461, "mseal": 462, "setxattrat": 463, "getxattrat": 464,
        "listxattrat": 465, "removexattrat": 466, "open_tree_attr": 467, "file_getattr": 468,
        "file_setattr": 469, "listns": 470,
    ]

    /// What a name stands for.
    enum Meaning: Equatable {
        case number(UInt32)
        /// Another architecture's call.
        case elsewhere
        case unknown
    }

    static func meaning(of name: String) -> Meaning {
        if let call = newer.first(where: { $0.key == name }) { return .number(call.value) }
        let number = unsafe seccomp_syscall_resolve_name(name)
        return number >= 0 ? .number(UInt32(number)) : number == -1 ? .unknown : .elsewhere
    }

    /// The number of a call on this architecture; nil if it has none of that name.
    package static func number(of name: String) -> UInt32? {
        if case .number(let number) = meaning(of: name) { return number }
        return nil
    }

    /// The kernel's number of this machine's architecture (`AUDIT_ARCH_...`).
    static var architecture: UInt32 { seccomp_arch_native() }

    /// Whether the name is that of a call, on whatever architecture.
    package static func knows(_ name: String) -> Bool { meaning(of: name) != .unknown }

    /// Every call of this architecture, by number.
    package static let all: [(number: UInt32, name: String)] = {
        let newest = newer.map(\.value).max() ?? 0
        return (0...newest).compactMap { number in
            if let call = newer.first(where: { $0.value == number }) { return (number, call.key) }
            guard let name = unsafe seccomp_syscall_resolve_num_arch(architecture, Int32(number)) else {
                return nil
            }
            defer { unsafe free(name) }
            return (number, unsafe String(cString: name))
        }
    }()

    private static let names: [UInt32: String] = Dictionary(
        uniqueKeysWithValues: all.map { ($0.number, $0.name) }
    )

    /// The name of a call of this architecture.
    package static func name(of number: UInt32) -> String? { names[number] }
}

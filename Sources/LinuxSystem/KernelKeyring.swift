// The kernel's keyring of this user: memory of the kernel's, never swapped, gone at the latest with a reboot. It keeps what
// opens the store of credentials between two commands; see `keyrings(7)`. Agents are refused all of its calls.

internal import CLinux
internal import Glibc

/// Secrets in the user keyring.
package enum KernelKeyring {
    /// Keeps a secret under a name for so many seconds; 0 means until the machine is started anew.
    package static func keep(_ name: String, _ secret: Secret, seconds: UInt32) throws(SystemError) {
        unsafe try secret.withBytes { bytes throws(SystemError) in
            guard let start = bytes.baseAddress else { throw SystemError("add_key", Errno(EINVAL), name) }
            try check("add_key", name) { unsafe clinux_keep_key(name, start, bytes.count, seconds) }
        }
    }

    /// The secret of that name; nil when there is none, or its time is over.
    package static func read(_ name: String) throws(SystemError) -> Secret? {
        do {
            return try unsafe Secret(capacity: 4096) { room throws(SystemError) in
                guard let start = room.baseAddress else { throw SystemError("keyctl", .noMemory) }
                let count = try check("keyctl", name) {
                    unsafe clinux_read_key(name, start, room.count)
                }
                guard count <= room.count else { throw SystemError("keyctl", Errno(EFBIG), name) }
                return count
            }
        } catch  where isAbsence(error) { return nil }
    }

    /// Takes it away; whether it was there.
    package static func forget(_ name: String) throws(SystemError) -> Bool {
        do {
            try check("keyctl", name) { unsafe clinux_forget_key(name) }
            return true
        } catch  where isAbsence(error) { return false }
    }

    private static func isAbsence(_ error: SystemError) -> Bool {
        [ENOKEY, EKEYEXPIRED, EKEYREVOKED].contains(error.errno.number)
    }
}

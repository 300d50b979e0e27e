// Locks that the kernel drops when their holder dies: they tell dead from alive. See `fcntl(2)`,
// open file description locks: asking whether one is held does not get in the way of whoever takes it.

internal import CLinux
internal import Glibc

/// An exclusive lock on a file, held until the value ends.
package struct FileLock: ~Copyable {
    private let file: FileDescriptor

    /// The number, for a child that is to hold the lock as long as it lives (`Subprocess.run(inheriting:)`).
    package var number: CInt { file.number }

    /// Takes the lock; nil when another process holds it and `wait` is false.
    ///
    /// - Throws: when the file cannot be made or opened.
    package init?(_ path: String, wait: Bool = false) throws(SystemError) {
        let file = try Files.open(path, O_RDWR | O_CREAT | O_NOFOLLOW)
        let number = file.number
        do {
            try check("fcntl", path) { clinux_lock(number, wait ? 1 : 0) }
        } catch  where error.errno == .wouldBlock || error.errno == .access {
            return nil
        }
        self.file = file
    }

    /// Always true; naming it keeps the lock held up to that line.
    package var isLocked: Bool { file.number >= 0 }

    /// Whether some process holds it now.
    ///
    /// A missing file means no.
    package static func isHeld(_ path: String) -> Bool {
        let number = unsafe Glibc.open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        guard number >= 0 else { return false }
        let file = FileDescriptor(owning: number)
        return clinux_is_locked(file.number) == 1
    }

    /// The process that has taken the other kind of lock on a file, `flock(2)`; nil when `/proc/locks` does not tell.
    package static func flockHolder(_ path: String) -> Int32? {
        // Only for a message.
        guard let inode = try? Files.status(path).inode, let locks = try? Files.readText("/proc/locks") else {
            return nil
        }
        for line in locks.split(separator: "\n") {
            // 1: FLOCK ADVISORY WRITE PID MAJOR:MINOR:INODE 0 EOF
            let words = line.split(separator: " ")
            guard words.count > 5, words[1] == "FLOCK", words[5].hasSuffix(":\(inode)") else { continue }
            return Int32(words[4]).flatMap { $0 > 0 ? $0 : nil }
        }
        return nil
    }
}

// What /proc tells of one process, read through one descriptor of its directory: the lookup of a process costs more than
// the reading of most of its files.

internal import CLinux
internal import Glibc

/// The directory of a process in `/proc`.
package struct ProcessFiles: ~Copyable {
    private let directory: FileDescriptor

    /// Opens it; nil is this process.
    package init(of pid: Int32?) throws(SystemError) {
        directory = try Files.open("/proc/\(pid.map(String.init) ?? "self")", clinux_O_PATH | O_DIRECTORY)
    }

    /// The number of the namespace of a kind (`mnt`, `pid`, ...) that it is in, as `readlink(2)` of `ns/KIND` tells.
    package borrowing func namespace(_ kind: StaticString) throws(SystemError) -> UInt64 {
        let number = directory.number
        var text = [CChar](repeating: 0, count: 64)
        let name = "ns/\(kind)"
        let length = try check("readlink", name) { unsafe readlinkat(number, name, &text, 64) }
        let digits = text[..<length].filter { (48...57).contains($0) }
        return digits.reduce(0) { $0 &* 10 &+ UInt64($1 - 48) }
    }

    /// One of its files.
    package borrowing func read(_ name: String) throws(SystemError) -> [UInt8] {
        let number = directory.number
        let file = FileDescriptor(
            owning: try check("openat", name) { unsafe openat(number, name, O_RDONLY | O_CLOEXEC) }
        )
        return try file.readToEnd()
    }

    /// One more than the greatest process id, as its own `/proc` has it: namespaces may differ.
    package borrowing func pidMax() throws(SystemError) -> String {
        let file = try Files.openBeneath(root(), "proc/sys/kernel/pid_max")
        return String(decoding: try file.readToEnd(limit: 32).filter { $0 > 32 }, as: UTF8.self)
    }

    /// Its root directory, as a place.
    package borrowing func root() throws(SystemError) -> FileDescriptor {
        let number = directory.number
        return FileDescriptor(
            owning: try check("openat", "root") {
                unsafe openat(number, "root", clinux_O_PATH | O_DIRECTORY | O_CLOEXEC)
            }
        )
    }
}

extension FileDescriptor {
    /// What another process has open under this number, opened here as well; nil when it has ended or refuses.
    package static func borrowed(from pid: Int32, _ number: Int32) -> FileDescriptor? {
        let process = clinux_pidfd_open(pid)
        guard process >= 0 else { return nil }
        defer { close(process) }
        let file = clinux_pidfd_getfd(process, number)
        return file < 0 ? nil : FileDescriptor(owning: file)
    }
}

extension Files {
    /// Whether a descriptor is on a file system of kind `proc`.
    package static func isProcessFileSystem(_ descriptor: CInt) -> Bool {
        clinux_filesystem_type(descriptor) == 0x9fa0
    }
}

// Paths that programs of a sandbox look for and do not find, or want to write and cannot: seen while somebody records what
// a program needs, by looking at the arguments of calls that have a path. For information alone: nothing is decided by
// it, and a program that changes its memory meanwhile deceives only the suggestions for its own profile.

internal import CLinux
internal import Glibc
internal import LinuxSystem
internal import SyscallFilter

/// A path that is not there, or cannot be written.
package struct PathInVain: Equatable, Sendable {
    /// What it was wanted for.
    package enum Purpose: Sendable { case read, look, write }

    /// Absolute, as the program said it.
    package let path: String
    /// What for.
    package let purpose: Purpose
}

/// Looks at each path once.
struct SoughtPaths {
    /// Where a call has its path, and what it is for.
    private struct Form {
        let path: Int
        /// The argument with the flags of open(2).
        var flags: Int?
        var purpose = PathInVain.Purpose.look
    }

    private static let forms: [(name: String, form: Form)] = [
        ("open", Form(path: 0, flags: 1)), ("openat", Form(path: 1, flags: 2)),
        ("creat", Form(path: 0, purpose: .write)),
        ("stat", Form(path: 0)), ("lstat", Form(path: 0)), ("newfstatat", Form(path: 1)),
        ("statx", Form(path: 1)), ("access", Form(path: 0)), ("faccessat", Form(path: 1)),
        ("faccessat2", Form(path: 1)), ("chdir", Form(path: 0, purpose: .read)),
        ("mkdir", Form(path: 0, purpose: .write)), ("mkdirat", Form(path: 1, purpose: .write)),
    ]

    /// The calls that are looked at.
    static var calls: [String] { forms.map(\.name) }

    private let forms: [UInt32: Form]
    private let root: FileDescriptor.Shared
    /// Those that were looked at, each with what it was wanted for: a digest, since a program chooses how long they are.
    private var known: Set<Int> = []

    private static let most = 50_000

    /// In the sandbox with this root directory.
    init(below root: FileDescriptor.Shared) {
        self.root = root
        var forms: [UInt32: Form] = [:]
        for (name, form) in Self.forms {
            if let number = SyscallNumbers.number(of: name) { forms[number] = form }
        }
        self.forms = forms
    }

    /// Whether a call is one that is looked at.
    func watches(_ call: SystemCall) -> Bool { forms[call.number] != nil }

    /// The path of a call, if it is in vain and has not been told.
    mutating func look(_ call: SystemCall, _ thread: Int32) -> PathInVain? {
        guard let form = forms[call.number], known.count < Self.most else { return nil }
        var words = ProcessWords(thread)
        words.readWord(at: call.arguments[form.path])
        // What is relative is in a directory that was found.
        guard let path = words.words.first, !words.isCut, path.hasPrefix("/") else { return nil }
        for kernel in ["/proc", "/sys", "/dev"] where path == kernel || path.hasPrefix(kernel + "/") {
            return nil
        }
        var purpose = form.purpose
        if let flags = form.flags {
            let flags = Int32(truncatingIfNeeded: call.arguments[flags])
            purpose = flags & (O_WRONLY | O_RDWR | O_CREAT) != 0 ? .write : .read
        }
        let mark = purpose == .write ? "w" : purpose == .read ? "r" : "l"
        guard known.insert((mark + path).hashValue).inserted else { return nil }
        let isInVain = purpose == .write ? !isWritable(path) : isMissing(path)
        return isInVain ? PathInVain(path: path, purpose: purpose) : nil
    }

    private func open(_ path: String) -> FileDescriptor? {
        let flags = UInt64(clinux_O_PATH | O_CLOEXEC)
        let resolve = UInt64(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
        let file = unsafe clinux_openat2(root.number, path, flags, 0, resolve)
        return file < 0 ? nil : FileDescriptor(owning: file)
    }

    private func isMissing(_ path: String) -> Bool {
        if open(path) != nil { return false }
        return errno == ENOENT || errno == ENOTDIR
    }

    /// Whether the file, or the directory that it would be in, can be written; not a word about what is not there.
    private func isWritable(_ path: String) -> Bool {
        let parent = path.split(separator: "/").dropLast().joined(separator: "/")
        guard let place = open(path) ?? open("/" + parent) else { return true }
        if unsafe access("/proc/self/fd/\(place.number)", W_OK) == 0 { return true }
        return errno != EROFS && errno != EACCES
    }
}

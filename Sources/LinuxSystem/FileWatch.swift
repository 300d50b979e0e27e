// Waiting until a file changes, without looking again and again: inotify(7).

internal import CLinux
internal import Glibc

/// Tells when a file was written to, or another one has its name.
package struct FileWatch {
    /// Readable when something has happened; nil where the user has too many watches already.
    package let descriptor: FileDescriptor.Shared?
    private let path: String

    /// Watches nothing yet.
    package init(_ path: String) {
        self.path = path
        let number = inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK))
        descriptor = number >= 0 ? FileDescriptor.Shared(FileDescriptor(owning: number)) : nil
    }

    /// Watches the file that has the name now; to be called before each look at it, or what happens between is missed.
    package func arm() {
        guard let number = descriptor?.number else { return }
        let events = UInt32(IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF)
        // A file that is not there yet is looked for again after a while.
        unsafe inotify_add_watch(number, path, events)
    }

    /// How long to wait at most, in milliseconds: where nothing can be watched, it must be looked from time to time.
    package func interval(_ left: Int64?) -> Int32 {
        Int32(clamping: min(left ?? .max, descriptor == nil ? 200 : 5000))
    }

    /// Forgets what has happened up to now.
    package func drain() {
        guard let number = descriptor?.number else { return }
        var room = [UInt8](repeating: 0, count: 4096)
        while unsafe Glibc.read(number, &room, room.count) > 0 {}
    }

    /// Waits until something happens, at most so many milliseconds; nil for any time.
    ///
    /// It may return before: whoever waits looks at the file, and waits again.
    package func wait(milliseconds: Int64?) throws(SystemError) {
        let interest = Poll.Interest(descriptor?.number ?? -1, readable: descriptor != nil)
        _ = try Poll.wait([interest], milliseconds: interval(milliseconds))
        drain()
    }
}

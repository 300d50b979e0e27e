// One cgroup of the v2 hierarchy: a directory whose files are the kernel's switches and counters. See cgroups(7)
// and Documentation/admin-guide/cgroup-v2.rst.

internal import Glibc
package import LinuxSystem

/// A cgroup, by its directory.
package struct ControlGroup: Equatable, Sendable {
    /// Absolute path.
    package let path: String

    /// The cgroup at a path; it need not exist.
    package init(path: String) { self.path = path }

    /// The cgroup of that name in this one.
    package func child(_ name: String) -> ControlGroup { ControlGroup(path: "\(path)/\(name)") }

    /// Whether it exists.
    package var exists: Bool { Files.isDirectory(path) }

    /// The names of the cgroups in it.
    package var children: [String] {
        // One that is gone has none.
        let names = (try? Files.list(path)) ?? []
        return names.filter { Files.isDirectory("\(path)/\($0)") }
    }

    /// The content of a file without its last newline; nil where the file's controller is not enabled.
    package func text(_ file: String) -> String? {
        guard let bytes = try? Files.read("\(path)/\(file)", limit: 65536) else { return nil }  // see above
        return String(decoding: bytes.last == UInt8(ascii: "\n") ? bytes.dropLast() : bytes, as: UTF8.self)
    }

    /// The words of a file; none where it is not.
    package func words(_ file: String) -> [String] {
        (text(file) ?? "").split(whereSeparator: \.isWhitespace).map(String.init)
    }

    /// A file that holds one number; nil for `max` and where it is not.
    package func number(_ file: String) -> Int64? { text(file).flatMap { Int64($0) } }

    /// One line of a flat keyed file: `oom_kill 3`.
    package func number(_ file: String, _ key: String) -> Int64? {
        for line in (text(file) ?? "").split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, words[0] == key { return Int64(words[1]) }
        }
        return nil
    }

    /// Writes a file of it.
    package func write(_ text: String, to file: String) throws(SystemError) {
        let name = "\(path)/\(file)"
        do {
            try Files.open(name, O_WRONLY).write(Array(text.utf8))
        } catch { throw SystemError(error.call, error.errno, "\(text) to \(name)") }
    }

    /// Makes it; one that is there stays.
    package func make() throws(SystemError) {
        do {
            try Files.makeDirectory(path, mode: 0o755)
        } catch  where error.errno == .exists { return }
    }

    /// Lets the cgroups in it have these controllers, as far as it has them itself; one that cannot be given is left
    /// out.
    package func enable(_ controllers: [String]) {
        let there = words("cgroup.controllers")
        let enabled = words("cgroup.subtree_control")
        for name in controllers where there.contains(name) && !enabled.contains(name) {
            // What it could not give shows in the child.
            try? write("+\(name)", to: "cgroup.subtree_control")
        }
    }

    /// Stops every process in it, or lets all go on, and waits until that is so.
    ///
    /// - Throws: also when it takes longer than two seconds: a process in an uninterruptible wait cannot be frozen.
    package func setFrozen(_ frozen: Bool) throws(SystemError) {
        try write(frozen ? "1" : "0", to: "cgroup.freeze")
        let end = MonotonicClock.milliseconds + 2000
        while number("cgroup.events", "frozen") != (frozen ? 1 : 0) {
            if MonotonicClock.milliseconds > end {
                if frozen { try write("0", to: "cgroup.freeze") }
                throw SystemError("cgroup.freeze", Errno(ETIMEDOUT), path)
            }
            usleep(1000)
        }
    }

    /// Kills every process in it and below, those that are being forked too; returns at once.
    package func kill() {
        // A kernel before 5.14 has no such file: the pid namespace's first process takes the others with it.
        try? write("1", to: "cgroup.kill")
    }

    /// Removes it when its last process has gone, waiting for that; false if it stays.
    @discardableResult
    package func remove() -> Bool {
        let end = MonotonicClock.milliseconds + 2000
        while true {
            if unsafe rmdir(path) == 0 || errno == ENOENT { return true }
            if errno != EBUSY || MonotonicClock.milliseconds > end { return false }
            usleep(1000)
        }
    }
}

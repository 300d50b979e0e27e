// An index of the host, changed as git changes it: `index.lock` is made, a copy is worked on, and the copy
// takes the index's place in one rename. Used for agents' worktrees and for the user's checkout during a
// merge.

internal import ClocheModel
internal import Glibc
internal import LinuxSystem

/// The lock on one git directory's index.
///
/// The caller holds a lock of ours that covers it.
struct IndexLock {
    /// What is in a lock file of ours: one that a killed cloche left is known by it, and since the caller
    /// holds our own lock, nobody is using it.
    private static let mark = [UInt8]("cloche\n".utf8)
    private static let attempts = 500

    private let directory: String
    private var index: String { directory + "/index" }
    private var lock: String { directory + "/index.lock" }
    /// The index to work on, as `GIT_INDEX_FILE`.
    var copy: String { directory + "/index.cloche" }

    /// Takes the lock of a git directory's index, waiting up to ten seconds.
    init(_ directory: String) throws(ClocheError) {
        self.directory = directory
        for _ in 0..<Self.attempts {
            do {
                // Linked into place with its mark in it: a kill between two calls leaves no lock of unknown
                // origin.
                try Files.writeAtomically(copy, Self.mark, mode: 0o644)
                try check("link", lock) { unsafe link(copy, lock) }
                return
            } catch  where error.errno == .exists {
                // It may vanish between the two calls.
                let content = try? Files.read(lock, limit: 64)
                if content == Self.mark { release() } else { usleep(20_000) }
            } catch {
                throw ClocheError(
                    "the index could not be locked",
                    error,
                    remedy: "make \(directory.visible) writable"
                )
            }
        }
        throw ClocheError(
            .git,
            "the index is locked",
            why: "\(lock.visible) exists",
            remedy: "another git is at work there, or one was killed: if none runs, remove that file"
        )
    }

    /// Copies the index, as far as there is one.
    func copyIndex() throws(ClocheError) {
        do {
            try Files.remove(copy + ".lock")
            try Files.remove(copy)
            guard Files.exists(index) else { return }
            let mode = try Files.status(index).mode
            try Files.writeAtomically(copy, try Files.read(index), mode: mode)
        } catch {
            throw ClocheError("the index could not be copied", error)
        }
    }

    /// Puts the copy in place.
    func replaceIndex() throws(ClocheError) {
        guard Files.exists(copy) else { return }
        do {
            try Files.rename(copy, index)
        } catch {
            throw ClocheError("the index could not be replaced", error)
        }
    }

    /// Gives the lock up; a copy that was not put in place goes.
    func release() {
        _ = unsafe unlink(copy)
        _ = unsafe unlink(lock)
    }
}

// One cloche at a time writes to a repository or to an agent's private state: git's own locks fail at once
// instead of waiting. The kernel drops the lock when the last process that holds it ends, our git children
// included.

internal import ClocheModel
internal import Glibc
internal import LinuxSystem

enum RepositoryLock {
    /// How long a lock is waited for, in seconds.
    ///
    /// What is done under it takes well under one.
    static let patience = 120

    /// Takes the lock at a path, waiting for its holder.
    static func take(_ path: String, waiting: (String) -> Void) throws(ClocheError) -> FileLock {
        let steps = patience * 50
        for step in 0..<steps {
            do {
                if let lock = try FileLock(path) { return lock }
            } catch {
                throw ClocheError(
                    "the lock of the repository could not be taken",
                    error,
                    remedy: "make \(path.parentPath.visible) writable for you"
                )
            }
            if step == 25 { waiting("waiting for another cloche command in this repository") }
            usleep(20_000)
        }
        throw ClocheError(
            .state,
            "another cloche command holds this repository",
            why: "\(path.visible) stayed locked for \(patience) seconds",
            remedy: "see which one it is with `fuser \(path.shellQuoted)` and let it finish"
        )
    }
}

// What a power cut leaves of a git that was writing: its lock files, which keep every later git from writing there. One that
// is older than the machine's start is nobody's; of any other, nobody can tell.

package import ClocheModel
internal import LinuxSystem

extension GitRepository {
    /// Removes the locks on refs, packed refs and configuration that were made before the machine was started.
    package func removeLocksFromBeforeBoot() throws(ClocheError) {
        let boot = (WallClock.milliseconds - BootClock.milliseconds) / 1000
        let places = ["packed-refs.lock", "config.lock"].map { commonDirectory + "/" + $0 }
        do throws(SystemError) {
            for path in places + Self.locks(below: commonDirectory + "/refs", depth: 0) {
                // Gone meanwhile: then somebody was at work there.
                guard let status = try? Files.status(path, followLinks: false), status.modified < boot else {
                    continue
                }
                try Files.remove(path)
            }
        } catch { throw ClocheError("a lock that a power cut left could not be removed", error) }
    }

    private static func locks(below directory: String, depth: Int) -> [String] {
        // A directory that went meanwhile has none.
        guard depth < 12, let names = try? Files.list(directory) else { return [] }
        return names.flatMap { name -> [String] in
            let path = directory + "/" + name
            if name.hasSuffix(".lock") { return [path] }
            return Files.isDirectory(path) ? locks(below: path, depth: depth + 1) : []
        }
    }
}

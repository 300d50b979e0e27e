// Whether an agent has written files since its work was looked at last: by their times, since asking git would read the whole
// workspace, in a sandbox. For `cloche list`, which asks for every agent.

internal import Glibc
internal import LinuxSystem

extension AgentWorktree {
    /// The most files and directories that are looked at: two milliseconds, as a dashboard asks for all agents every second.
    private static let mostEntries = 1024

    /// Whether a file of the workspace is younger than the last sync, or than the workspace; nil when that is not known: it has
    /// more files than are looked at.
    ///
    /// What git ignores counts as well. No link is followed.
    func hasFreshFiles() -> Bool? {
        guard let since = lastLook() else { return nil }
        var left = Self.mostEntries
        var folders: [[UInt8]] = [[]]
        // What is near the root comes first.
        while !folders.isEmpty {
            let folder = folders.removeFirst()
            do {
                let root = try Files.open(workspace, O_RDONLY | O_DIRECTORY)
                let name = folder.isEmpty ? "." : String(decoding: folder, as: UTF8.self)
                let stream = try DirectoryStream(Files.openBeneath(root, name, O_RDONLY | O_DIRECTORY))
                while let (path, isDirectory, modified) = try stream.nextTime(below: folder) {
                    left -= 1
                    if left < 0 { return nil }
                    if path == Array(".git".utf8) { continue }
                    if isDirectory {
                        folders.append(path)
                    } else if modified > since {
                        return true
                    }
                }
            } catch { continue }  // it is gone, or the agent has closed it to us: what is there is not known
        }
        return false
    }

    /// When the last sync was, or else when the workspace was made, in nanoseconds since 1970.
    private func lastLook() -> Int64? {
        var times: [String: Int64] = [:]
        // Without the agent's git state nothing is known.
        guard let directory = try? Files.open(metadata, O_RDONLY | O_DIRECTORY),
            let stream = try? DirectoryStream(directory)  // the same
        else { return nil }
        while let (name, _, modified) = try? stream.nextTime(below: []) {  // the same
            times[String(decoding: name, as: UTF8.self)] = modified
        }
        return times["synced"] ?? times["origin"]
    }
}

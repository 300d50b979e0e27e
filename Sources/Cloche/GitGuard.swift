// A directory of the user's as workspace: whoever writes what git keeps in it decides what the user's next git command
// runs (hooks, core.fsmonitor, filters). `.git` itself is among the names of `filesystem.protect`.

internal import ClocheModel
internal import LinuxSystem
internal import SandboxRuntime

enum GitGuard {
    /// The mounts that protect what a `.git` file names, as far as that is in the workspace, too: `git init
    /// --separate-git-dir`; a bare repository beside its worktrees.
    static func places(_ workspace: String) -> [SandboxRequest.Place] {
        let git = workspace + "/.git"
        guard Files.exists(git) else { return [] }
        var paths: [String] = []
        for directory in directories(git, workspace) {
            // One that is not there is no git directory.
            guard let real = try? Files.canonicalPath(directory), isBelow(real, workspace),
                !paths.contains(where: { real == $0 || isBelow(real, $0) })
            else { continue }
            paths.append(real)
        }
        return paths.map { path in
            let rest = String(decoding: path.utf8.dropFirst(workspace.utf8.count), as: UTF8.self)
            return .init(source: path, target: InsidePath.workspace + rest, mode: .readOnly)
        }
    }

    /// By bytes, as the kernel compares names.
    private static func isBelow(_ path: String, _ directory: String) -> Bool {
        path.utf8.starts(with: (directory + "/").utf8)
    }

    /// The git directory that a `.git` file names, and the one it shares with other worktrees.
    private static func directories(_ git: String, _ workspace: String) -> [String] {
        // A directory cannot be read as a file: then `.git` is all there is.
        guard let named = try? named(in: git, after: "gitdir: ", from: workspace) else { return [] }
        // A repository that has no other worktrees has no such file.
        let common = try? self.named(in: named + "/commondir", after: "", from: named)
        return [common, named].compactMap(\.self)
    }

    private static func named(in file: String, after prefix: String, from base: String) throws(SystemError)
        -> String?
    {
        // An agent may have put a FIFO there, which nobody would ever write to.
        guard try Files.status(file, followLinks: false).kind == .regular else { return nil }
        let text = String(decoding: try Files.read(file, limit: 4096), as: UTF8.self)
        guard text.hasPrefix(prefix) else { return nil }
        let path = text.dropFirst(prefix.count).prefix { $0 != "\n" && $0 != "\r\n" }
        return path.hasPrefix("/") ? String(path) : "\(base)/\(path)"
    }

    /// Refuses to let an agent write in a directory that is a git directory itself.
    static func refuseGitDirectory(_ workspace: String, _ mode: AccessMode) throws(ClocheError) {
        guard mode == .readWrite, Files.exists(workspace + "/HEAD"),
            Files.isDirectory(workspace + "/objects"), Files.isDirectory(workspace + "/refs")
        else { return }
        throw ClocheError(
            .usage,
            "an agent cannot work in \(workspace)",
            why: "it is a git directory: what is written there is run by your next git command",
            remedy: "start it with --workspace worktree, or --read-only-workspace"
        )
    }
}

// `config.worktree`: settings of one worktree, in its administrative directory on the host, out of the
// agent's reach. They protect the user's own git commands in an agent's worktree, where a hook path or filter
// command that is relative (`core.hooksPath = .husky`) would name a file that the agent wrote. See
// `git-worktree(1)`, CONFIGURATION FILE.

internal import ClocheModel
internal import LinuxSystem

enum WorktreeConfiguration {
    /// Lets worktrees have settings of their own, as `git sparse-checkout` does.
    ///
    /// With that, `core.bare` and `core.worktree` of the shared file would count for every worktree, so they
    /// move to the main one's own file first. Safe to repeat from any step.
    static func enable(in repository: GitRepository) throws(ClocheError) {
        let known = repository.configuration.entries.filter { $0.scope == "local" }
        let isEnabled = known.last { $0.key == "extensions.worktreeconfig" }?.value == "true"
        guard !isEnabled || known.contains(where: { moves(GitSetting($0.key, $0.value)) }) else { return }
        let shared = repository.commonDirectory + "/config"
        let moving = try movingSettings(shared, repository)
        for setting in moving {
            try write(repository.commonDirectory + "/config.worktree", setting, repository)
        }
        try write(shared, GitSetting("extensions.worktreeConfig", "true"), repository)
        for setting in moving {
            _ = try repository.git.output(
                ["config", "--file", shared, "--unset-all", setting.key],
                at: Git.Place(nil),
                "the repository's configuration could not be written"
            )
        }
    }

    /// Whether a setting of the shared file is one of the main worktree alone.
    private static func moves(_ setting: GitSetting) -> Bool {
        setting.key == "core.worktree" || (setting.key == "core.bare" && setting.value == "true")
    }

    private static func movingSettings(
        _ file: String,
        _ repository: GitRepository
    ) throws(ClocheError) -> [GitSetting] {
        var settings: [GitSetting] = []
        for key in ["core.bare", "core.worktree"] {
            let result = try repository.git.run(["config", "--file", file, "--get", key], at: Git.Place(nil))
            let setting = GitSetting(key, result.outputText.withoutFinalNewline)
            if result.status == 0, moves(setting) { settings.append(setting) }
        }
        return settings
    }

    private static func write(
        _ file: String,
        _ setting: GitSetting,
        _ repository: GitRepository
    ) throws(ClocheError) {
        _ = try repository.git.output(
            ["config", "--file", file, "--replace-all", setting.key, setting.value],
            at: Git.Place(nil),
            "the repository's configuration could not be written"
        )
    }

    /// Writes a worktree's settings: no hook, no monitor, no filter, no merge or diff driver.
    ///
    /// They are a block at the end of the file, where the last value of a setting counts; a block that is
    /// there stays.
    static func harden(_ administrativeDirectory: String, _ repository: GitRepository) throws(ClocheError) {
        let file = administrativeDirectory + "/config.worktree"
        let programs = repository.configuration.withoutDrivers + repository.configuration.withoutDiffPrograms
        let block = text(GitHardening.inWorktree + programs)
        do {
            let present = Files.exists(file) ? try Files.readText(file) : ""
            if present.utf8.count >= block.utf8.count, present.contains(block) { return }
            let joint = present.isEmpty || present.utf8.last == UInt8(ascii: "\n") ? "" : "\n"
            try Files.writeAtomically(file, [UInt8]((present + joint + block).utf8), mode: 0o644)
        } catch {
            throw ClocheError("the worktree's configuration could not be written", error)
        }
    }

    /// Settings in git's file format.
    static func text(_ settings: [GitSetting]) -> String {
        settings.map { setting in
            let parts = setting.key.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            let middle = parts.dropFirst().dropLast().joined(separator: ".")
            let section = parts.count > 2 ? "\(parts[0]) \(middle.configurationQuoted)" : parts[0]
            return "[\(section)]\n\t\(parts[parts.count - 1]) = \(setting.value.configurationQuoted)\n"
        }.joined()
    }
}

// `config.worktree`: settings of one worktree, in its administrative directory on the host, out of the agent's reach.
// They protect the user's own git commands in an agent's worktree, where a hook path or filter command that is relative
// (`core.hooksPath = .husky`) would name a file that the agent wrote. See `git-worktree(1)`, CONFIGURATION FILE.

internal import ClocheModel
internal import LinuxSystem

enum WorktreeConfiguration {
    /// Lets worktrees have settings of their own, as `git sparse-checkout` does.
    ///
    /// With that, `core.bare` and `core.worktree` of the shared file would count for every worktree, so they
    /// move to the main one's own file first. Safe to repeat from any step.
    static func enable(in repository: GitRepository) throws(ClocheError) {
        let shared = repository.commonDirectory + "/config"
        for key in ["core.bare", "core.worktree"] {
            guard let value = try read(shared, key, repository), key == "core.worktree" || value == "true"
            else {
                continue
            }
            try write(repository.commonDirectory + "/config.worktree", GitSetting(key, value), repository)
        }
        if try read(shared, "extensions.worktreeConfig", repository) != "true" {
            try write(shared, GitSetting("extensions.worktreeConfig", "true"), repository)
        }
        for key in ["core.bare", "core.worktree"] {
            guard let value = try read(shared, key, repository), key == "core.worktree" || value == "true"
            else {
                continue
            }
            _ = try repository.git.output(
                ["config", "--file", shared, "--unset-all", key],
                at: Git.Place(nil),
                "the repository's configuration could not be written"
            )
        }
    }

    /// Writes a worktree's settings: no hook, no monitor, no filter, no merge driver.
    static func harden(_ administrativeDirectory: String, _ repository: GitRepository) throws(ClocheError) {
        let file = administrativeDirectory + "/config.worktree"
        for setting in GitHardening.inWorktree + repository.configuration.withoutDrivers
        where try read(file, setting.key, repository) != setting.value {
            try write(file, setting, repository)
        }
    }

    private static func read(_ file: String, _ key: String, _ repository: GitRepository) throws(ClocheError)
        -> String?
    {
        let result = try repository.git.run(["config", "--file", file, "--get", key], at: Git.Place(nil))
        return result.status == 0 ? result.outputText.withoutFinalNewline : nil
    }

    private static func write(_ file: String, _ setting: GitSetting, _ repository: GitRepository)
        throws(ClocheError)
    {
        _ = try repository.git.output(
            ["config", "--file", file, "--replace-all", setting.key, setting.value],
            at: Git.Place(nil),
            "the repository's configuration could not be written"
        )
    }
}

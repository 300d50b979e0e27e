// The settings that keep git on the host from running anything while it looks at what an agent made. Data
// only; GitCommand turns it into each command's environment. docs/git.md gives the reason for each group.

/// One setting of git.
package struct GitSetting: Equatable, Sendable {
    /// For example `core.hooksPath`.
    package let key: String
    package let value: String

    init(_ key: String, _ value: String) {
        self.key = key
        self.value = value
    }
}

enum GitHardening {
    /// What every command of ours overrides, whatever the repository or the user has set.
    static let always = [
        GitSetting("core.hooksPath", "/dev/null"),
        GitSetting("core.fsmonitor", "false"),
        GitSetting("core.untrackedCache", "keep"),
        GitSetting("core.quotePath", "false"),
        GitSetting("core.attributesFile", "/dev/null"),
        // What is larger is streamed, and binary to a diff: of a file that is all line ends, git takes forty times its size.
        GitSetting("core.bigFileThreshold", "8m"),
        GitSetting("core.splitIndex", "false"),
        GitSetting("core.sshCommand", "false"),
        GitSetting("core.askPass", "false"),
        // A command that git runs for each repository it borrows objects from.
        GitSetting("core.alternateRefsCommand", "true"),
        GitSetting("core.editor", "false"),
        GitSetting("core.pager", "cat"),
        GitSetting("credential.helper", ""),
        GitSetting("submodule.recurse", "false"),
        GitSetting("fetch.recurseSubmodules", "false"),
        GitSetting("status.submoduleSummary", "false"),
        GitSetting("protocol.allow", "never"),
        GitSetting("fetch.fsckObjects", "true"),
        GitSetting("transfer.fsckObjects", "true"),
        GitSetting("transfer.bundleURI", "false"),
        GitSetting("fetch.prune", "false"),
        GitSetting("fetch.pruneTags", "false"),
        GitSetting("fetch.writeCommitGraph", "false"),
        GitSetting("gc.auto", "0"),
        GitSetting("maintenance.auto", "false"),
        GitSetting("commit.gpgSign", "false"),
        GitSetting("log.showSignature", "false"),
        GitSetting("gpg.program", "false"),
        GitSetting("core.filesRefLockTimeout", "10000"),
        GitSetting("core.packedRefsTimeout", "10000"),
        // In a sparse checkout git drops the skip-worktree mark of whatever is there; WorktreeIndex relies on
        // it.
        GitSetting("sparse.expectFilesOutsideOfPatterns", "true"),
        GitSetting("index.sparse", "false"),
    ]

    /// What the user's own git is told in an agent's worktree (`config.worktree`): there, hooks and filters
    /// named by a relative path would be files that the agent wrote.
    static let inWorktree = [
        GitSetting("core.bare", "false"),
        GitSetting("core.hooksPath", "/dev/null"),
        GitSetting("core.fsmonitor", "false"),
        GitSetting("submodule.recurse", "false"),
        GitSetting("status.submoduleSummary", "false"),
        GitSetting("sparse.expectFilesOutsideOfPatterns", "true"),
        GitSetting("index.sparse", "false"),
    ]

    /// git's own diff as an external one: its second and fifth arguments are the two files.
    static let plainDiff =
        "f() { git --no-pager diff --no-index --no-ext-diff --no-textconv -- \"$2\" \"$5\"; :; }; f"

    /// Settings of the user's own files that shape content or name the author, and run nothing.
    ///
    /// Ours are run without those files, so these are handed on.
    static let handedOn: Set<String> = [
        "user.name", "user.email", "author.name", "author.email", "committer.name", "committer.email",
        "core.autocrlf", "core.eol", "core.safecrlf", "core.symlinks", "core.ignorecase",
        "core.precomposeunicode",
        "core.excludesfile", "diff.algorithm", "diff.renames", "merge.renames", "merge.conflictstyle",
        "i18n.commitencoding",
    ]

    /// Settings of the user's and the repository's files that an agent's private git directory starts with.
    static let seeded: Set<String> = [
        "user.name", "user.email", "author.name", "author.email", "committer.name", "committer.email",
        "core.autocrlf", "core.eol", "core.symlinks", "core.ignorecase", "core.precomposeunicode",
        "core.filemode",
        "core.whitespace", "diff.algorithm", "diff.renames", "merge.renames", "merge.conflictstyle",
        "i18n.commitencoding", "init.defaultbranch", "pull.rebase", "pull.ff", "push.default",
        "rebase.autostash",
    ]

    /// Settings of the repository that decide which bytes a file has in a commit: the export inside the
    /// sandbox needs them.
    static let shapingContent: Set<String> = [
        "core.autocrlf", "core.eol", "core.symlinks", "core.ignorecase", "core.precomposeunicode",
        "core.filemode",
    ]

    /// How a driver that a repository defines is switched off, by section: `filter.lfs.clean` and so on.
    ///
    /// A merge driver has no empty form that is safe (an empty command counts as a merge that took our side),
    /// so it fails: a conflict.
    static let drivers: [String: [GitSetting]] = [
        "filter": [
            GitSetting("clean", ""), GitSetting("smudge", ""), GitSetting("process", ""),
            GitSetting("required", "false"),
        ],
        "merge": [GitSetting("driver", "false")],
    ]
}

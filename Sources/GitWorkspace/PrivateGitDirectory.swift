// The git directory that belongs to an agent: made once by the host, then written by the agent alone and
// never again read as git metadata outside a sandbox. It borrows the repository's objects and starts with its
// branches and tags.

internal import ClocheModel
internal import LinuxSystem

extension AgentWorktree {
    /// Makes the private directory and the files beside it.
    ///
    /// The worktree's index must be complete: it is copied.
    func makePrivateGitDirectory() throws(ClocheError) {
        let objects = try ObjectDirectories.all(of: repository.commonDirectory)
        let refs = try seededRefs()
        let index = try requiredAdministrativeDirectory() + "/index"
        do {
            for name in ["objects/info", "objects/pack", "refs/heads/cloche", "refs/tags", "info", "hooks"] {
                try Files.makeDirectories(privateGitDirectory + "/" + name)
            }
            let inside = objects.indices.map { SandboxPath.objects($0) + "\n" }.joined()
            try write("objects/info/alternates", inside)
            try write("config", configurationText())
            try write("description", "\(branchName), in a sandbox of Cloche\n")
            try write("packed-refs", refs.packed)
            try write("seeded-refs", refs.seeded)
            try write("info/exclude", excludePatterns())
            for link in refs.symbolic {
                try Files.makeDirectories(privateGitDirectory + "/" + link.name.parentPath)
                try write(link.name, "ref: \(link.target)\n")
            }
            if Files.exists(repository.commonDirectory + "/shallow") {
                try write("shallow", try Files.readText(repository.commonDirectory + "/shallow"))
            }
            try Files.writeAtomically(privateGitDirectory + "/index", try Files.read(index), mode: 0o644)
            try write("HEAD", "ref: \(branch)\n")
            try Files.writeAtomically(
                pointerFile,
                [UInt8]("gitdir: \(SandboxPath.privateGitDirectory)\n".utf8),
                mode: 0o644
            )
            try Files.writeAtomically(emptyFile, [], mode: 0o644)
        } catch {
            throw ClocheError("the agent's git directory could not be made", error)
        }
    }

    private func write(_ name: String, _ text: String) throws(SystemError) {
        try Files.writeAtomically(privateGitDirectory + "/" + name, [UInt8](text.utf8), mode: 0o644)
    }

    /// Branches, tags and remote branches of the repository, without those of other agents.
    private func seededRefs() throws(ClocheError) -> SeededRefs {
        let arguments = [
            "for-each-ref", "--format=%(objectname) %(refname) %(symref)", "refs/heads", "refs/remotes",
            "refs/tags",
        ]
        let listing = try repository.git.output(
            arguments,
            at: repository.store,
            "the repository's branches cannot be listed"
        )
        var refs = SeededRefs()
        for line in listing.split(separator: UInt8(ascii: "\n")) {
            let fields = [UInt8](line).text.split(separator: " ").map(String.init)
            guard fields.count >= 2 else { continue }
            if fields[1].hasPrefix("refs/heads/cloche/") && fields[1] != branch { continue }
            if fields.count == 3 {
                refs.symbolic.append((fields[1], fields[2]))
                continue
            }
            refs.packed += "\(fields[0]) \(fields[1])\n"
            refs.seeded += "\(fields[0]) \(fields[1].dropFirst("refs/".count))\n"
        }
        return refs
    }

    private struct SeededRefs {
        /// Text of `packed-refs`.
        ///
        /// No peeled values, which git finds out itself; and no header: GitPython, which aider has, takes one without
        /// `peeled` for a broken repository.
        var packed = ""
        /// The same without remote branches, as the export lists what is there later.
        var seeded = ""
        var symbolic: [(name: String, target: String)] = []
    }

    /// What the user's git ignores everywhere and in this repository, so that the agent's git does so as
    /// well.
    private func excludePatterns() -> String {
        let home = ProcessEnvironment.home
        let configured = repository.configuration.value("core.excludesfile").map { path in
            path.hasPrefix("~/") ? home + path.dropFirst() : path
        }
        let standard = (ProcessEnvironment.value("XDG_CONFIG_HOME") ?? home + "/.config") + "/git/ignore"
        let files = [configured ?? standard, repository.commonDirectory + "/info/exclude"]
        // Neither file has to exist.
        return files.compactMap { try? Files.readText($0) }.map { $0.hasSuffix("\n") ? $0 : $0 + "\n" }
            .joined()
    }

    /// The configuration that the agent starts with: the repository's format, the user's name and habits, and
    /// nothing that names a program, a credential or a server.
    private func configurationText() -> String {
        let isPlain = repository.objectFormat == "sha1"
        var settings = [
            GitSetting("core.repositoryformatversion", isPlain ? "0" : "1"), GitSetting("core.bare", "false"),
            GitSetting("core.logallrefupdates", "true"), GitSetting("gc.auto", "0"),
            GitSetting("maintenance.auto", "false"), GitSetting("commit.gpgsign", "false"),
            GitSetting("tag.gpgsign", "false"), GitSetting("advice.detachedhead", "false"),
        ]
        if !isPlain { settings.append(GitSetting("extensions.objectformat", repository.objectFormat)) }
        let own = repository.configuration.settings(among: GitHardening.seeded)
        settings += own
        if !own.contains(where: { $0.key == "user.name" }) { settings.append(GitSetting("user.name", agent)) }
        if !own.contains(where: { $0.key == "user.email" }) {
            settings.append(GitSetting("user.email", "\(agent)@cloche.localhost"))
        }
        return WorktreeConfiguration.text(settings)
    }
}

// `cloche init`: looks at what is installed and writes `.cloche/config.yaml`.

public import ClocheModel
internal import LinuxSystem
internal import ProfileLoading

/// An agent program that a profile can run here.
public struct FoundProgram: Equatable, Sendable {
    /// The profile.
    public let profile: String
    /// The program's name.
    public let program: String
    /// The first credential of the profile that is there, by variable name or path; nil when none is.
    public let credential: String?
    /// Where the program is on the host; nil when a sandbox cannot be given it.
    public let place: String?
    /// Why one that is there is not brought into a sandbox.
    public let refusal: String?
    /// How to install it.
    public let install: String

    /// Whether a sandbox can be given it.
    public var isInstalled: Bool { place != nil }
}

extension Project {
    /// The agent programs of the profiles that say how theirs is installed, those that can be used at once first.
    ///
    /// Of these, a program whose preferred credential is there comes before one that would take the same as its second.
    public func findPrograms() -> [FoundProgram] {
        var found: [(program: FoundProgram, rank: Int)] = []
        for name in profiles.names().map(\.name) {
            // A profile of the user's that is broken is told when it is used.
            guard let policy = try? profiles.load(name: name).policy else { continue }
            let program = policy.harness.program
            // Variants of a profile come behind it; they run the same.
            guard !program.isEmpty, !policy.harness.install.isEmpty,
                !found.contains(where: { $0.program.program == program })
            else { continue }
            let index = policy.credentials.firstIndex { CredentialChoice.isThere($0.kind) }
            let look = look(for: program, policy)
            let credential: String? = index.map { index in
                switch policy.credentials[index].kind {
                case .environment(let name): name
                case .file(let source, _): source
                }
            }
            let entry = FoundProgram(
                profile: name,
                program: program,
                credential: credential,
                place: look.place,
                refusal: look.refusal,
                install: policy.harness.install
            )
            found.append((entry, (entry.isInstalled ? 0 : 2000) + (index ?? 1000)))
        }
        let order = found.indices.sorted { (found[$0].rank, $0) < (found[$1].rank, $1) }
        return order.map { found[$0].program }
    }

    /// Where a program of the host's is, or why it is not brought in.
    private func look(for program: String, _ policy: Policy) -> (place: String?, refusal: String?) {
        let host = installation.programHost(policy, project: directory, workspace: nil)
        let lookup = ProgramLookup(policy: policy, host: host)
        switch lookup.find(program, AgentLaunch.environment(policy, [])) {
        case .visible(let path): return (path, nil)
        case .brought(let file, _): return (file.path, nil)
        case .absent(let refusal): return (nil, refusal.map { "\($0.path): \($0.why)" })
        }
    }

    /// Writes `.cloche/config.yaml` with a default profile, and returns its path.
    ///
    /// - Throws: when there is one already and `force` is false.
    public func writeConfiguration(profile: String, force: Bool) throws(ClocheError) -> String {
        let folder = directory + "/.cloche"
        let path = folder + "/config.yaml"
        if Files.exists(path) && !force {
            throw ClocheError(
                .exists,
                "this project is prepared already",
                why: path,
                remedy: "edit it, or `cloche init --force`"
            )
        }
        let text = """
            # Cloche's settings for this project; docs/profiles.md of Cloche describes every key.

            # What `cloche start` uses when no --profile is given; `cloche profile list` shows all.
            profile: \(profile)

            # Keys here are merged over whichever profile is used, for example:
            # overrides:
            #   limits: {wall-clock: 2h}

            """
        do {
            try Files.makeDirectories(folder, mode: 0o755)
            try Files.writeAtomically(path, Array(text.utf8), mode: 0o644)
        } catch {
            throw ClocheError(
                .system,
                "cannot write \(path)",
                why: "\(error.errno)",
                remedy: "make the directory writable"
            )
        }
        // The user chose this profile just now; without trust the file could not choose one that grants
        // something.
        try ProjectTrust(configDirectory: installation.configDirectory).trust(path)
        return path
    }
}

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
    /// Whether the program is where a sandbox can see it.
    public let isInstalled: Bool
    /// How to install it.
    public let install: String
}

extension Project {
    /// What of the known agent programs is installed here, and which credentials are there.
    public func findPrograms() -> [FoundProgram] {
        let bundles = profiles.bundleNames().compactMap {
            name -> (name: String, rank: Int64, policy: Policy)? in
            // A profile of the user's that is broken is told when it is used.
            guard let policy = try? profiles.load(name: name).policy, let rank = policy.harness.rank else {
                return nil
            }
            return (name, rank, policy)
        }
        return bundles.sorted { ($0.rank, $0.name) < ($1.rank, $1.name) }.map { name, _, policy in
            let program = policy.harness.program
            let spec = ProcessSpec(
                arguments: [program],
                environment: AgentLaunch.environment(policy, []),
                directory: "/"
            )
            // The listing says "not installed" instead of the reason.
            let installed = (try? ProgramLookup.check(policy, spec)) != nil
            let credential = policy.credentials.first { CredentialChoice.isThere($0.kind, installation) }.map {
                credential in
                switch credential.kind {
                case .environment(let name): name
                case .file(let source, _): source
                case .service(_, let source): source.description
                }
            }
            return FoundProgram(
                profile: name,
                program: program,
                credential: credential,
                isInstalled: installed,
                install: policy.harness.install
            )
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

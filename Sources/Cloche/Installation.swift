// Where this Cloche is installed and where it keeps things. Everything that depends on the environment is
// read here, once, so that the rest takes it as a value.

internal import AgentStore
public import ClocheModel
package import CredentialStore
internal import LinuxSystem

/// Places of one user's Cloche.
public struct Installation: Equatable, Sendable {
    /// The `cloche` program: it is executed again as supervisor and as init.
    public var executable: String
    /// Holds the state of all projects.
    public var stateDirectory: String
    /// Holds the user's configuration and profiles.
    public var configDirectory: String
    /// Holds what can be made again.
    public var cacheDirectory: String
    /// The user's home directory.
    public var home: String

    /// The places that the XDG variables and `HOME` name.
    ///
    /// - Parameter executable: the `cloche` program; nil means this very process, which is right for the
    ///   command line. A program that embeds this library names an installed one.
    /// - Throws: when the process cannot tell where its own program is.
    public init(executable: String? = nil) throws(ClocheError) {
        home = ProcessEnvironment.home
        stateDirectory = StateRoot.current.path
        configDirectory = Self.base("XDG_CONFIG_HOME", home + "/.config") + "/cloche"
        cacheDirectory = Self.base("XDG_CACHE_HOME", home + "/.cache") + "/cloche"
        if let executable {
            self.executable = executable
            return
        }
        do {
            self.executable = try Files.readLink("/proc/self/exe")
        } catch {
            throw ClocheError(
                .host,
                "cannot find Cloche's own program",
                why: error.description,
                remedy: "mount /proc"
            )
        }
    }

    private static func base(_ variable: String, _ standard: String) -> String {
        ProcessEnvironment.value(variable).flatMap { $0.hasPrefix("/") ? $0 : nil } ?? standard
    }

    /// Where it is written down what stands for absent names in directories of the user's.
    var stubRecords: String { stateDirectory + "/stubs" }

    var stateRoot: StateRoot { StateRoot(path: stateDirectory) }

    /// Refuses a working directory that holds Cloche's own files, as the home directory does: whoever writes there
    /// writes the records, profiles and filters of every sandbox, and whoever reads there reads every agent's home.
    func refuseOwnFiles(in workspace: String) throws(ClocheError) {
        try refuseCredentials(in: workspace, "an agent cannot work in \(workspace)")
        for own in [stateDirectory, configDirectory, cacheDirectory] {
            // What is not there yet has the path that it will be made at.
            let real = (try? Files.canonicalPath(own)) ?? own
            guard workspace == "/" || real == workspace || real.hasPrefix(workspace + "/") else { continue }
            throw ClocheError(
                .usage,
                "an agent cannot work in \(workspace)",
                why: "Cloche keeps its own files there, in \(own)",
                remedy: "work in a directory below it, or use --workspace none"
            )
        }
    }

    /// Refuses a bind through which an agent could write Cloche's own files or read those of other agents: a
    /// compiled filter that an agent put into the cache would be every later sandbox's.
    func refuseOwnFiles(in binds: [BindPolicy]) throws(ClocheError) {
        for bind in binds {
            // A missing source is the planner's to judge.
            guard let source = try? Files.canonicalPath(bind.source) else { continue }
            try refuseCredentials(in: source, "cannot bind \(bind.source)")
            for own in [stateDirectory, configDirectory, cacheDirectory] {
                // Agents' files alone are no other agent's to read.
                if bind.mode == .readOnly && own != stateDirectory { continue }
                // As above.
                let real = (try? Files.canonicalPath(own)) ?? own
                let holds = source == "/" || real == source || real.hasPrefix(source + "/")
                guard holds || own != stateDirectory && source.hasPrefix(real + "/") else { continue }
                throw ClocheError(
                    .configuration,
                    "cannot bind \(bind.source)",
                    why: "Cloche keeps its own files there, in \(own)",
                    remedy: "bind the directories below it that the agent needs"
                )
            }
        }
    }
}

extension Installation {
    /// Refuses a directory that is the store of credentials, or is in it: an agent gets one of them by name, or none.
    private func refuseCredentials(in place: String, _ what: String) throws(ClocheError) {
        let directory = credentials.directory
        // What is not there yet has the path that it will be made at.
        let real = (try? Files.canonicalPath(directory)) ?? directory
        guard place == real || place.hasPrefix(real + "/") else { return }
        throw ClocheError(
            .configuration,
            what,
            why: "Cloche keeps your credentials there, in \(directory)",
            remedy: "name the one that the agent needs under `credentials` in its profile"
        )
    }

    /// Locks of logins that gateways renew, and marks of those that were revoked.
    var loginDirectory: String { stateDirectory + "/logins" }

    /// The user's credentials.
    package var credentials: CredentialStore { CredentialStore(directory: stateDirectory + "/credentials") }
}

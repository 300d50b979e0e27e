// Where state lives: `$XDG_STATE_HOME/cloche/<project>/<agent>/`, directories 0700, files 0600. The project's
// folder name is readable and unique: its last path component and a hash of the whole path.

package import ClocheModel
package import LinuxSystem

/// The directory that holds the state of all projects.
package struct StateRoot: Equatable, Sendable {
    /// Absolute path.
    package let path: String

    /// The user's: `$XDG_STATE_HOME/cloche`, or `~/.local/state/cloche`.
    package static var current: StateRoot {
        let base = ProcessEnvironment.value("XDG_STATE_HOME").flatMap { $0.hasPrefix("/") ? $0 : nil }
        return StateRoot(path: (base ?? ProcessEnvironment.home + "/.local/state") + "/cloche")
    }

    /// A root at a path, for tests and embedders.
    package init(path: String) { self.path = path }

    /// The state of one project, by the project's canonical path.
    package func project(_ directory: String) -> ProjectState {
        let name = directory.lastComponent.utf8.prefix(40).map { byte -> Character in
            let character = Character(UnicodeScalar(byte))
            return character.isASCII
                && (character.isLetter || character.isNumber || "._-".contains(character))
                ? character : "_"
        }
        let folder = "\(String(name))-\(StableHash.hexadecimal(directory))"
        return ProjectState(directory: directory, path: "\(path)/\(folder)")
    }

    /// Every project that has state here.
    package func projects() -> [ProjectState] {
        // No state directory means no projects.
        let folders = (try? Files.list(path)) ?? []
        return folders.compactMap { folder in
            let file = "\(path)/\(folder)/project"
            // A folder without the file is not a project's, or one that was never finished.
            guard let directory = try? Files.readText(file) else { return nil }
            return ProjectState(directory: directory, path: "\(path)/\(folder)")
        }
    }
}

/// The state of one project.
package struct ProjectState: Equatable, Sendable {
    /// The project's own directory.
    package let directory: String
    /// Where its state is.
    package let path: String

    /// The state of the project that an agent belongs to, whose own directory is not asked for.
    package init(of agent: AgentDirectory) { (directory, path) = ("", agent.path.parentPath) }

    init(directory: String, path: String) { (self.directory, self.path) = (directory, path) }

    /// The directory of an agent; it need not exist.
    package func agent(_ name: String) -> AgentDirectory { AgentDirectory(path: "\(path)/\(name)") }

    /// The directories of all agents, sorted by name; those that are only half made included.
    package func agents() -> [AgentDirectory] {
        // No state means no agents.
        let names = (try? Files.list(path)) ?? []
        return names.filter { AgentName.isValid($0) && Files.exists("\(path)/\($0)/agent.json") }.map {
            agent($0)
        }
    }

    /// Makes the project's folder.
    package func prepare() throws(ClocheError) {
        do {
            for place in [path.parentPath, path] {
                try Files.makeDirectories(place)
                try Self.refuseForeign(place)
            }
            let file = path + "/project"
            if !Files.exists(file) { try Files.writeAtomically(file, Array(directory.utf8)) }
        } catch { throw StoreError.cannotWrite(error) }
    }
}

extension ProjectState {
    /// Refuses a state directory that another user owns or may write: whoever controls it controls every
    /// agent.
    private static func refuseForeign(_ place: String) throws(SystemError) {
        let status = try Files.status(place)
        if status.owner == CurrentUser.id && status.mode & 0o022 == 0 { return }
        throw SystemError(
            "stat",
            .access,
            "\(place) belongs to user \(status.owner) or is writable for others"
        )
    }
}

/// Failures of the state directory in words.
package enum StoreError {
    /// Writing failed: the disk is full, read-only, or not ours.
    package static func cannotWrite(_ error: SystemError) -> ClocheError {
        let remedy =
            switch error.errno {
            case .noSpace: "free some space and try again; nothing was lost"
            case .readOnly, .access, .notPermitted:
                "make the directory writable for you, or point XDG_STATE_HOME to one that is"
            default: "see where XDG_STATE_HOME points"
            }
        return ClocheError(.system, "cannot write Cloche's state", why: error.description, remedy: remedy)
    }
}

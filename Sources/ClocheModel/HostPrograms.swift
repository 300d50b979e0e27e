// Programs of the host that are brought into a sandbox: what the search for them decided, and the planner carries out.

/// A symbolic link inside, as the host has it.
public struct ProgramLink: Equatable, Sendable {
    /// Absolute path of the link itself.
    public var place: String
    /// What it says, word for word.
    public var target: String

    /// A link at `place` that says `target`.
    public init(place: String, target: String) {
        self.place = place
        self.target = target
    }
}

/// What a sandbox is shown of programs that are not in the system's directories.
public struct HostPrograms: Equatable, Sendable {
    /// Files and directories, read-only, each at the path that it has on the host: scripts and Python environments name
    /// each other by that.
    public var binds: [BindPolicy]
    /// Links on the way to them.
    public var links: [ProgramLink]
    /// Directories that come first in `PATH`.
    public var path: [String]

    /// These; by default nothing.
    public init(binds: [BindPolicy] = [], links: [ProgramLink] = [], path: [String] = []) {
        self.binds = binds
        self.links = links
        self.path = path
    }

    /// An environment with `path` in front of its `PATH`.
    public func environment(_ environment: [String]) -> [String] {
        if path.isEmpty { return environment }
        let own = path.joined(separator: ":")
        var found = false
        let changed = environment.map { entry in
            guard entry.hasPrefix("PATH=") else { return entry }
            found = true
            return "PATH=\(own):\(entry.dropFirst(5))"
        }
        return found ? changed : changed + ["PATH=\(own):/usr/bin:/bin"]
    }
}

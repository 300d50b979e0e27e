// Directories that several agents of a project have together: what each is granted of one. `AgentStore` keeps the
// directories, the planner mounts them below `/shared`.

/// What an agent may do in a shared directory; each gives more than the one before.
public enum ShareMode: String, Equatable, Sendable, CaseIterable {
    /// It reads.
    case readOnly = "ro"
    /// It reads, and what it adds goes through Cloche, to the end of a file.
    case append
    /// It makes, changes and removes files.
    case readWrite = "rw"
}

/// One shared directory that a profile grants.
public struct ShareGrant: Equatable, Sendable {
    /// The directory's name in the project.
    public var name: String
    /// What the agent may do in it.
    public var mode: ShareMode

    /// A grant.
    public init(_ name: String, _ mode: ShareMode) {
        self.name = name
        self.mode = mode
    }
}

/// The names that a shared directory may have.
public enum ShareName {
    /// Letters, digits, `_` and `-`, beginning with a letter or digit, at most 48: a name is a component of a path, and
    /// of a dotted key of profiles.
    public static func isValid(_ name: String) -> Bool {
        guard let first = name.utf8.first, name.utf8.count <= 48, isAlphanumeric(first) else { return false }
        return name.utf8.allSatisfy { isAlphanumeric($0) || $0 == 0x2d || $0 == 0x5f }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
        default: false
        }
    }

    /// Refuses a name that cannot be one.
    public static func check(_ name: String) throws(ClocheError) {
        if isValid(name) { return }
        throw ClocheError(
            .usage,
            "not a name for a shared directory: \(name.debugDescription)",
            why: "it becomes part of a path, and of a key of profiles",
            remedy: "use at most 48 letters, digits, '_' and '-', beginning with a letter or digit"
        )
    }
}

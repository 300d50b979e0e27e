// Names in a workspace that programs on the user's side obey by themselves: the entries of `filesystem.protect`.
// The planner keeps an agent from changing them in a directory of the user's; `diff` and `merge` name them.

/// One entry of `filesystem.protect`: `.vscode/`, `.mcp.json`, `**/.gitattributes`.
public struct ProtectedName: Equatable, Sendable {
    /// What stands for a name that is absent, so that nobody inside can make it.
    public enum Stub: String, Equatable, Sendable {
        case directory
        case file
    }

    /// As it is written.
    public let text: String
    /// Its path below the workspace, if it is one that can be kept from changing; nil with a star, which names places
    /// that no mount can be put on before they are there.
    public let path: String?
    /// A name that ends in a slash is a directory where it is absent.
    public let stub: Stub
    private let components: [NamePattern]

    /// An entry from its text.
    public init(_ text: String) {
        self.text = text
        var parts = text.split(separator: "/").map(String.init)
        path = text.contains("*") ? nil : parts.joined(separator: "/")
        stub = text.hasSuffix("/") ? .directory : .file
        // That is so of every entry.
        if parts.first == "**" { parts.removeFirst() }
        components = parts.map { NamePattern(Self.folded($0)) }
    }

    /// Whether a path is this name or below it, at any depth.
    public func covers(_ path: FoldedPath) -> Bool {
        let last = path.components.count - components.count
        guard last >= 0, !components.isEmpty else { return false }
        return (0...last).contains { start in
            components.indices.allSatisfy { components[$0].matches(path.components[start + $0]) }
        }
    }

    /// A path whose components are as a forgiving file system takes them.
    public struct FoldedPath: Sendable {
        fileprivate let components: [String]

        /// From a path below the workspace.
        public init(_ path: String) { components = path.split(separator: "/").map { folded(String($0)) } }
    }

    /// Letter case does not count, nor do characters without width, nor dots and spaces at the end: there are file systems
    /// on which `.VSCode.` is `.vscode`, and what is merged here may be checked out there.
    private static func folded(_ name: String) -> String {
        if name.utf8.allSatisfy({ $0 < 0x80 && !($0 >= 0x41 && $0 <= 0x5a) }), name.last != ".",
            name.last != " "
        {
            return name
        }
        // By way of capitals, because a long s is small already.
        let visible = name.unicodeScalars.filter { !$0.properties.isDefaultIgnorableCodePoint }
        var scalars = String(String.UnicodeScalarView(visible)).uppercased().lowercased().unicodeScalars
        while let last = scalars.last, last == "." || last == " " { scalars.removeLast() }
        return String(scalars)
    }
}

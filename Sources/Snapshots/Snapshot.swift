// One snapshot's record: what `cloche snapshot --list` shows, and which layers it has. The files of its trees are in a file
// beside it.

package import ClocheModel

/// An agent as it was at one moment.
public struct Snapshot: Equatable, Sendable {
    /// The format of the file; a newer one is refused.
    static let version: Int64 = 1

    /// Its name, unique for the agent.
    public let name: String
    /// When it was made, in milliseconds since 1970.
    public let created: Int64
    /// Whether Cloche made it by itself, before a rollback.
    public let isAutomatic: Bool
    /// The layers below an empty one of the agent's own, the topmost first.
    public let layers: [String]
    /// Files and directories in workspace, private git directory and home.
    public let files: Int64
    /// Bytes of files that had to be kept anew for it, where the file system cannot share them.
    public let newBytes: Int64

    /// The record as it is written and shown.
    package var document: Document {
        .object([
            "version": .integer(Self.version),
            "name": .string(name),
            "created": .integer(created),
            "automatic": .bool(isAutomatic),
            "layers": .strings(layers),
            "files": .integer(files),
            "new-bytes": .integer(newBytes),
        ])
    }
}

extension Snapshot {
    /// Reads a record; nil when a part is missing or of another version.
    init?(document: Document) {
        guard let version = document["version"]?.integer, version <= Self.version,
            let name = document["name"]?.string, let created = document["created"]?.integer,
            let layers = document["layers"]?.list?.compactMap(\.string)
        else { return nil }
        self.init(
            name: name,
            created: created,
            isAutomatic: document["automatic"] == .bool(true),
            layers: layers,
            files: document["files"]?.integer ?? 0,
            newBytes: document["new-bytes"]?.integer ?? 0
        )
    }
}

// What is known of a credential without any key: the header of its file.

package import ClocheModel

/// One credential of the store, without its bytes.
package struct CredentialEntry: Equatable, Sendable {
    /// Where the bytes are.
    package enum Place: Equatable, Sendable {
        /// In the file itself, sealed with the key of the store of this id.
        case kept(store: String)
        /// Elsewhere: read anew each time.
        case reference(CredentialSource)
    }

    /// What profiles and commands call it.
    package let name: String
    /// Where the bytes are.
    package let place: Place
    /// Milliseconds since 1970.
    package let created: Int64
    /// When it got other bytes the last time; nil when it never did.
    package let rotated: Int64?

    /// `kept`, `env`, `file` or `command`.
    package var kind: String {
        switch place {
        case .kept, .reference(.kept): "kept"
        case .reference(.environment): "env"
        case .reference(.file): "file"
        case .reference(.command): "command"
        case .reference(.login): "login"
        }
    }

    /// Refuses a name that cannot be one: it is a file's, and stands in profiles.
    package static func check(_ name: String) throws(ClocheError) {
        if isValid(name) { return }
        throw ClocheError(
            .usage,
            "not a name for a credential: \(name.debugDescription)",
            why: "it is the name of a file, and is written in profiles",
            remedy: "use at most 64 letters, digits, '.', '_' and '-', beginning with a letter or digit"
        )
    }

    static func isValid(_ name: String) -> Bool {
        guard let first = name.utf8.first, isAlphanumeric(first), name.utf8.count <= 64 else { return false }
        return name.utf8.allSatisfy { isAlphanumeric($0) || [0x2d, 0x2e, 0x5f].contains($0) }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
        default: false
        }
    }
}

extension CredentialEntry {
    /// The header of its file.
    package var header: Document {
        var entries = [
            Document.Entry("name", .string(name)), Document.Entry("created", .integer(created)),
            Document.Entry("rotated", .optional(rotated)),
        ]
        switch place {
        case .kept(let store): entries.append(Document.Entry("store", .string(store)))
        case .reference(let source): entries.append(Document.Entry("source", source.document))
        }
        return .map(entries)
    }

    /// Reads a header; nil when it is none.
    package init?(header: Document) {
        guard let name = header["name"]?.string, Self.isValid(name), let created = header["created"]?.integer
        else { return nil }
        let store = header["store"]?.string
        let source = header["source"].flatMap { CredentialSource(document: $0) }
        let place: Place
        switch (store, source) {
        case (let store?, nil): place = .kept(store: store)
        case (nil, let source?): place = .reference(source)
        default: return nil
        }
        self.init(name: name, place: place, created: created, rotated: header["rotated"]?.integer)
        // Each header has one meaning, and each meaning one header.
        guard self.header == header else { return nil }
    }
}

extension CredentialSource {
    /// As a header and `--json` have it; one that is kept is in no other's header.
    package var document: Document {
        switch self {
        case .environment(let name): .object(["env": .string(name)])
        case .file(let path): .object(["file": .string(path)])
        case .command(let words): .object(["command": .strings(words)])
        case .kept(let name): .object(["kept": .string(name)])
        case .login(let path): .object(["login": .string(path)])
        }
    }

    init?(document: Document) {
        if let name = document["env"]?.string {
            self = .environment(name: name)
        } else if let path = document["file"]?.string, path.hasPrefix("/") {
            self = .file(path: path)
        } else if let words = document["command"]?.stringList, !words.isEmpty {
            self = .command(words)
        } else {
            return nil
        }
    }

    /// In few words, for people.
    package var text: String {
        switch self {
        case .environment(let name): "variable \(name)"
        case .file(let path): "file \(path)"
        case .command(let words): "command \(words.joined(separator: " "))"
        case .kept(let name): "kept as \(name)"
        case .login(let path): "login \(path)"
        }
    }
}

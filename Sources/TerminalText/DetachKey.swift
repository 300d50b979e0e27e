// The key that leaves an attached session, as the user writes it in a profile or after `--detach-key`.
// `DetachKeyMatcher` looks for it in what is typed. The default, ctrl-] then d, is in nobody's way: tmux
// has ctrl-b, screen ctrl-a, and shells and editors leave ctrl-] alone.

/// One or two keys that detach, or none.
package struct DetachKey: Equatable, Sendable, CustomStringConvertible {
    /// The bytes that a terminal sends for the keys: none, one, or a prefix and a second key.
    package let keys: [UInt8]

    private init(keys: [UInt8]) { self.keys = keys }

    /// `ctrl-] d`.
    package static let standard = DetachKey(keys: [0x1D, UInt8(ascii: "d")])
    /// No key detaches.
    package static let none = DetachKey(keys: [])

    /// Reads a key such as `ctrl-]`, `ctrl-] d`, `ctrl-b,d` or `none`.
    ///
    /// - Throws: what is wrong with which part.
    package init(_ text: String) throws(DetachKeyError) {
        let parts = text.split { $0 == " " || $0 == "," }.map(String.init)
        if parts.count == 1, parts[0].lowercased() == "none" {
            self = .none
            return
        }
        guard let first = parts.first else { throw DetachKeyError(text, part: "", .empty) }
        guard parts.count <= 2 else { throw DetachKeyError(text, part: parts[2], .tooMany) }
        var keys: [UInt8] = []
        for part in parts {
            guard let key = DetachKey.byte(part) else { throw DetachKeyError(text, part: part, .unknown) }
            keys.append(key)
        }
        guard keys[0] < 0x20 else { throw DetachKeyError(text, part: first, .notControl) }
        if let owner = DetachKey.taken[keys[0]] { throw DetachKeyError(text, part: first, .taken(owner)) }
        self.init(keys: keys)
    }

    package var description: String {
        keys.isEmpty ? "none" : keys.map(DetachKey.name).joined(separator: " ")
    }

    /// Control keys that cannot come first, since terminals send them for a key of their own.
    static let taken: [UInt8: String] = [
        0x09: "Tab", 0x0A: "Enter", 0x0D: "Enter", 0x1B: "Escape and the arrow keys",
    ]

    /// The byte of one key: `ctrl-x`, `^x`, `space`, or a printable ASCII character.
    private static func byte(_ part: String) -> UInt8? {
        let part = part.count > 1 ? part.lowercased() : part
        if part == "space" { return UInt8(ascii: " ") }
        for mark in ["ctrl-", "ctrl+", "^"] where part.hasPrefix(mark) && part.count > mark.count {
            let key = part.dropFirst(mark.count)
            if key == "space" { return 0 }
            guard key.utf8.count == 1, let byte = key.utf8.first else { return nil }
            return "abcdefghijklmnopqrstuvwxyz@[\\]^_".utf8.contains(byte) ? byte & 0x1F : nil
        }
        guard part.utf8.count == 1, let byte = part.utf8.first, 0x21...0x7E ~= byte else { return nil }
        return byte
    }

    private static func name(_ key: UInt8) -> String {
        switch key {
        case 0x20: "space"
        case 0x01...0x1A: "ctrl-\(Character(Unicode.Scalar(key | 0x60)))"
        case 0x00...0x1F: "ctrl-\(Character(Unicode.Scalar(key | 0x40)))"
        default: "\(Character(Unicode.Scalar(key)))"
        }
    }
}

/// A detach key that cannot be used.
package struct DetachKeyError: Error, Equatable, Sendable, CustomStringConvertible {
    enum Reason: Equatable, Sendable {
        case empty
        case unknown
        case tooMany
        case notControl
        case taken(String)
    }

    /// The text as it was written.
    package let text: String
    /// The part of it that is wrong.
    package let part: String
    let reason: Reason

    init(_ text: String, part: String, _ reason: Reason) {
        self.text = text
        self.part = part
        self.reason = reason
    }

    package var description: String {
        let quoted = "'\(visible(part, limit: 40))'"
        let why =
            switch reason {
            case .empty: "it is empty"
            case .unknown: "\(quoted) is no key; keys are ctrl- with one of a-z @[\\]^_, and characters"
            case .tooMany: "\(quoted) is one key too many, there may be two"
            case .notControl: "\(quoted) comes first and is no ctrl- key, so it could not be typed any more"
            case .taken(let owner): "\(quoted) is what terminals send for \(owner)"
            }
        return "detach key '\(visible(text, limit: 80))' cannot be used: \(why);"
            + " write for example 'ctrl-] d', or 'none'"
    }
}

// File names with a star, as the `filesystem.etc` list of a profile has them. The planner matches them
// against what the host's /etc holds.

/// A name in which `*` stands for any characters, none included; nothing else is special.
public struct NamePattern: Equatable, Sendable {
    private let parts: [[UInt8]]

    /// A pattern from its text.
    public init(_ text: String) {
        parts = text.utf8.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false).map {
            Array($0)
        }
    }

    /// Whether there is a star at all.
    public var isPlain: Bool { parts.count == 1 }

    /// Whether a name (one component of a path) fits; a star matches no leading dot.
    public func matches(_ name: String) -> Bool {
        let name = Array(name.utf8)
        guard let first = parts.first, let last = parts.last else { return false }
        if isPlain { return name == first }
        if first.isEmpty && name.first == UInt8(ascii: ".") { return false }
        guard name.count >= first.count + last.count, name.starts(with: first),
            name.reversed().starts(with: last.reversed())
        else { return false }
        var rest = name.dropFirst(first.count).dropLast(last.count)
        for part in parts.dropFirst().dropLast() where !part.isEmpty {
            guard let end = NamePattern.end(of: part, in: rest) else { return false }
            rest = rest[end...]
        }
        return true
    }

    /// The index after the first place of `part` in `bytes`.
    private static func end(of part: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
        var start = bytes.startIndex
        while start + part.count <= bytes.endIndex {
            if bytes[start...].starts(with: part) { return start + part.count }
            start += 1
        }
        return nil
    }
}

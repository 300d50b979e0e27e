// OSC 8 hyperlinks, the one kind of OSC string that reaches the user's terminal. A click opens the target
// with the user's rights, so only web addresses pass; of anything else the text stays, without a link.
// Used by `AttachFilter`. The format: https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda

/// A hyperlink sequence, made harmless: it opens a web address or ends a link.
package struct Hyperlink: Hashable, Sendable {
    /// The longest target, in bytes; VTE has the same limit.
    static let longestTarget = 2083
    /// The longest `id=`, in bytes; VTE has the same limit.
    static let longestParameters = 250

    private let parameters: [UInt8]
    private let bytes: [UInt8]

    /// Where it leads; nothing for the end of a link.
    package var target: String { String(decoding: bytes, as: UTF8.self) }

    /// Whether it ends a link and begins none.
    package var isEnd: Bool { bytes.isEmpty }

    /// The end of a link.
    package static let end = Hyperlink(parameters: [], bytes: [])

    private init(parameters: [UInt8], bytes: [UInt8]) {
        (self.parameters, self.bytes) = (parameters, bytes)
    }

    /// Reads the content of an OSC string; nil when it is about something else.
    ///
    /// A target that may not pass becomes the end of a link, so that the text under it does not
    /// belong to the link before.
    package init?(_ payload: [UInt8]) {
        let separator = UInt8(ascii: ";")
        let parts = payload.split(separator: separator, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].elementsEqual("8".utf8) else { return nil }
        bytes = Hyperlink.isWebAddress(parts[2]) ? Array(parts[2]) : []
        parameters = !bytes.isEmpty && Hyperlink.isIdentity(parts[1]) ? Array(parts[1]) : []
    }

    /// What stands in the OSC string.
    package var payload: [UInt8] { Array("8;".utf8) + parameters + [UInt8(ascii: ";")] + bytes }

    /// The sequence to send.
    package var sequence: [UInt8] { Array("\u{1B}]".utf8) + payload + Array("\u{1B}\\".utf8) }

    private static func isWebAddress(_ target: ArraySlice<UInt8>) -> Bool {
        guard target.count <= longestTarget, target.allSatisfy({ 0x21...0x7E ~= $0 }) else { return false }
        let start = String(decoding: target.prefix(8), as: UTF8.self).lowercased()
        return start.hasPrefix("http://") || start.hasPrefix("https://")
    }

    private static func isIdentity(_ parameters: ArraySlice<UInt8>) -> Bool {
        parameters.count <= longestParameters && parameters.starts(with: "id=".utf8)
            && parameters.allSatisfy { 0x21...0x7E ~= $0 && $0 != UInt8(ascii: ":") }
    }
}

// What a client speaks, by its first bytes, on a port whose protocol is not known. The recognition is wider than the
// parsers: what some server could take for TLS or HTTP counts as that, so that what passes unread is neither.

/// What a connection begins with.
package enum ClientProtocol: Equatable, Sendable {
    /// A record of TLS, or the old form of a hello that servers of today still take.
    case tls
    /// A request of HTTP/1, however malformed, or the preface of HTTP/2.
    case http
    /// Neither.
    case other

    /// So many bytes without a decision are taken for HTTP, whose parser then refuses them.
    private static let limit = 8192
    /// They begin a request whatever else the line has: lenient servers take the old form without a version.
    private static let methods = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "PRI", "PROPFIND",
        "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT", "SEARCH",
    ]

    /// What the first bytes of a client begin; nil when more are needed to say it.
    package static func recognize(_ bytes: Span<UInt8>) -> ClientProtocol? {
        guard let first = bytes.isEmpty ? nil : bytes[0] else { return nil }
        // Servers skip alerts and other records before a hello, so that any type of record counts.
        if 0x14...0x18 ~= first {
            guard bytes.count > 1 else { return nil }
            if bytes[1] == 3 { return .tls }
        }
        // SSL 2: two bytes of length, 1 for a hello, then the highest version: 0.2 or 3.x.
        if first >= 0x80 {
            guard bytes.count > 2 else { return nil }
            if bytes[2] == 1 {
                guard bytes.count > 3 else { return nil }
                if bytes[3] == 0 || bytes[3] == 3 { return .tls }
            }
        }
        return recognizeHTTP(bytes.extracting(first: limit))
    }

    /// Reads a request line as the most lenient server does: any white space before it and between its words.
    private static func recognizeHTTP(_ bytes: Span<UInt8>) -> ClientProtocol? {
        let undecided: ClientProtocol? = bytes.count < limit ? nil : .http
        var start = 0
        while start < bytes.count, isSpace(bytes[start]) { start += 1 }
        var end = start
        while end < bytes.count, ByteSet.token.contains(bytes[end]) { end += 1 }
        guard end < bytes.count else { return undecided }
        guard end > start, isSpace(bytes[end]) else { return .other }
        let word = bytes.extracting(start..<end)
        var position = end
        while position < bytes.count, isSpace(bytes[position]), bytes[position] != .lineFeed { position += 1 }
        let next = position < bytes.count ? bytes[position] : nil
        for method in methods where word.isSame(as: method) {
            if !isAnotherCommand(word, next) { return next == nil ? undecided : .http }
        }
        // Else it is a request if the line names the version, or a place. Some servers take CR for a space.
        position = end
        while position < bytes.count {
            if bytes[position] == .lineFeed { return .other }
            let mark = bytes[position].lowercased == UInt8(ascii: "h") ? "HTTP/" : "://"
            if position + mark.utf8.count <= bytes.count,
                bytes.extracting(position..<position + mark.utf8.count).isSame(as: mark)
            {
                return .http
            }
            position += 1
        }
        return undecided
    }

    /// Commands of other protocols that have the name of a method: `get KEY` of memcached, in small letters, which no server
    /// takes for a method without a path, and `CONNECT {...}` of NATS.
    private static func isAnotherCommand(_ word: Span<UInt8>, _ next: UInt8?) -> Bool {
        if word.isSame(as: "CONNECT") { return next == UInt8(ascii: "{") }
        guard let next, word[0] == UInt8(ascii: "g"), word[1] == UInt8(ascii: "e"),
            word[2] == UInt8(ascii: "t")
        else { return false }
        return next != UInt8(ascii: "/") && next != UInt8(ascii: "*")
    }

    /// What some server splits a request line at; Python's takes two bytes of Latin-1 too.
    private static func isSpace(_ byte: UInt8) -> Bool {
        0x09...0x0D ~= byte || 0x1C...0x20 ~= byte || byte == 0x85 || byte == 0xA0
    }
}

// The head of a message of HTTP/1 out of what has come so far. Its end is searched for from where the last search
// ended, and it is read as a whole when it is there: each byte is looked at twice, however it comes.

/// Finds the end of a head: the empty line after its last field.
struct HTTPHeadScanner: Sendable {
    /// The longest head.
    static let limit = 65536

    private var position = 0
    private var lineStart = 0
    /// Where the first line begins: after one empty line, which old clients send behind a body.
    private(set) var start = 0

    /// Where the head ends; nil while its end is not there.
    mutating func end(_ bytes: Span<UInt8>) throws(Malformed) -> Int? {
        while position < bytes.count {
            let byte = bytes[position]
            if byte == .carriageReturn {
                guard position + 1 < bytes.count else { break }
                guard bytes[position + 1] == .lineFeed else { throw Malformed("CR without LF in the head") }
                position += 2
                let isEmpty = position - lineStart == 2
                lineStart = position
                guard isEmpty else { continue }
                guard position == 2 else { return position <= Self.limit ? position : try tooLong() }
                start = position
            } else if byte >= 0x20 && byte != 0x7F || byte == .tab {
                position += 1
            } else {
                throw Malformed(
                    byte == .lineFeed ? "LF without CR in the head" : "control character in the head"
                )
            }
        }
        return bytes.count < Self.limit ? nil : try tooLong()
    }

    private func tooLong() throws(Malformed) -> Int? { throw Malformed("head is too long") }
}

/// Finds the requests of a connection, one at a time.
package struct HTTPRequestReader: Sendable {
    private var scanner = HTTPHeadScanner()

    /// A reader at the beginning of a request.
    package init() {}

    /// Looks at everything that has come of this request; each call with at least the bytes of the last one.
    package mutating func read(_ bytes: Span<UInt8>) -> ParseResult<HTTPRequestHead> {
        do throws(Malformed) {
            guard let end = try scanner.end(bytes) else { return .needMore }
            return .found(try HTTPRequestHead(head: bytes.extracting(scanner.start..<end)), length: end)
        } catch { return .malformed(error.why) }
    }
}

/// What a server answers, as far as it says what becomes of the connection.
package struct HTTPResponseHead: Equatable, Sendable {
    /// The status, from 100 to 999.
    package let status: Int

    /// Whether another head follows: 100 and the like, but not the change to another protocol.
    package var isInterim: Bool { 100...199 ~= status && status != 101 }
}

/// Finds the heads of responses.
package struct HTTPResponseReader: Sendable {
    private var scanner = HTTPHeadScanner()

    /// A reader at the beginning of a response.
    package init() {}

    /// Looks at everything that has come of this response; each call with at least the bytes of the last one.
    package mutating func read(_ bytes: Span<UInt8>) -> ParseResult<HTTPResponseHead> {
        if case .malformed(let why) = HTTPResponseHead.parseStatus(bytes) { return .malformed(why) }
        do throws(Malformed) {
            guard let end = try scanner.end(bytes) else { return .needMore }
            guard case .found(let head, _) = HTTPResponseHead.parseStatus(bytes) else { return .needMore }
            return .found(head, length: end)
        } catch { return .malformed(error.why) }
    }
}

extension HTTPResponseHead {
    /// The status at the beginning of a response, `HTTP/1.1 101`; the rest of the head need not be there.
    package static func parseStatus(_ bytes: Span<UInt8>) -> ParseResult<HTTPResponseHead> {
        let pattern = "HTTP/1.".utf8.span
        var status = 0
        for index in 0..<min(bytes.count, 13) {
            let byte = bytes[index]
            let fits =
                switch index {
                case 0..<7: byte == pattern[index]
                case 7: byte == UInt8(ascii: "0") || byte == UInt8(ascii: "1")
                case 8: byte == .space
                case 9: UInt8(ascii: "1")...UInt8(ascii: "9") ~= byte
                case 10, 11: ByteSet.digit.contains(byte)
                default: byte == .space || byte == .carriageReturn
                }
            guard fits else { return .malformed("response has no status line of HTTP/1") }
            if 9...11 ~= index { status = status * 10 + Int(byte - UInt8(ascii: "0")) }
        }
        return bytes.count < 13 ? .needMore : .found(HTTPResponseHead(status: status), length: 12)
    }
}

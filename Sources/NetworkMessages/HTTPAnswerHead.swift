// The head of an answer of HTTP/1 with its fields, read by a gateway that writes it anew: where the body ends is said
// once, in one way.

/// An answer without its body.
package struct HTTPAnswerHead: Equatable, Sendable {
    /// Where the body ends.
    package enum Body: Equatable, Sendable {
        /// There is none.
        case none
        /// After so many bytes.
        case length(Int)
        /// As `ChunkDecoder` says.
        case chunked
        /// With the connection.
        case untilEnd
    }

    /// A field as it was written.
    package struct Field: Equatable, Sendable {
        /// The name in small letters.
        package let name: String
        /// The value, without spaces around it.
        package let value: String
    }

    /// The status, from 100 to 999.
    package let status: Int
    /// The fields that are not about the connection or the body's form.
    package let fields: [Field]
    /// Whether the server takes another request on this connection.
    package let keepsAlive: Bool
    private let framing: Body

    private static let fieldLimit = 256

    /// Whether another head follows.
    package var isInterim: Bool { 100...199 ~= status && status != 101 }

    /// The value of the first field of a name in small letters.
    package subscript(name: String) -> String? { fields.first { $0.name == name }?.value }

    /// Where the body ends, which depends on the request.
    package func body(ofMethod method: String) -> Body {
        method == "HEAD" || status == 204 || status == 304 ? .none : framing
    }

    init(head: Span<UInt8>) throws(Malformed) {
        guard case .found(let line, _) = HTTPResponseHead.parseStatus(head) else {
            throw Malformed("answer has no status line of HTTP/1")
        }
        status = line.status
        var position = (head.firstIndex(of: .carriageReturn) ?? 0) + 2
        var collected = AnswerFields()
        while position + 2 < head.count {
            var end = position
            while end < head.count, head[end] != .carriageReturn { end += 1 }
            try collected.take(position..<end, of: head)
            guard collected.fields.count <= Self.fieldLimit else {
                throw Malformed("answer has too many fields")
            }
            position = end + 2
        }
        fields = collected.fields
        framing = try collected.framing
        keepsAlive = head[7] == UInt8(ascii: "1") && !collected.closes && framing != .untilEnd
    }
}

/// What the fields say.
private struct AnswerFields {
    var fields: [HTTPAnswerHead.Field] = []
    var length: Int?
    var isChunked = false
    var closes = false

    var framing: HTTPAnswerHead.Body {
        get throws(Malformed) {
            guard isChunked else { return length.map { .length($0) } ?? .untilEnd }
            guard length == nil else {
                throw Malformed("answer has both Content-Length and Transfer-Encoding")
            }
            return .chunked
        }
    }

    mutating func take(_ line: Range<Int>, of head: Span<UInt8>) throws(Malformed) {
        var end = line.lowerBound
        while end < line.upperBound, ByteSet.token.contains(head[end]) { end += 1 }
        guard end < line.upperBound, end > line.lowerBound, head[end] == .colon else {
            throw Malformed("answer has a field without a name")
        }
        let name = head.extracting(line.lowerBound..<end).text.lowercased()
        let value = head.extracting(head.trimmed(end + 1..<line.upperBound)).text
        switch name {
        case "content-length":
            guard 1...18 ~= value.utf8.count, value.utf8.allSatisfy({ ByteSet.digit.contains($0) }),
                let number = Int(value), length ?? number == number
            else { throw Malformed("answer has no clear Content-Length") }
            length = number
        case "transfer-encoding":
            guard value.lowercased() == "chunked", !isChunked else {
                throw Malformed("answer has a Transfer-Encoding that is not just `chunked`")
            }
            isChunked = true
        case "connection":
            let members = value.lowercased().split(separator: ",")
            closes = closes || members.contains { $0.filter { $0 != " " && $0 != "\t" } == "close" }
        // For one connection only (RFC 9110, 7.6.1), or for a proxy.
        case "keep-alive", "proxy-connection", "proxy-authenticate", "te", "trailer", "upgrade": break
        default: fields.append(HTTPAnswerHead.Field(name: name, value: value))
        }
    }
}

/// Finds the heads of answers, one at a time.
package struct HTTPAnswerReader: Sendable {
    private var scanner = HTTPHeadScanner()

    /// A reader at the beginning of an answer.
    package init() {}

    /// Looks at everything that has come of this answer; each call with at least the bytes of the last one.
    package mutating func read(_ bytes: Span<UInt8>) -> ParseResult<HTTPAnswerHead> {
        if case .malformed(let why) = HTTPResponseHead.parseStatus(bytes) { return .malformed(why) }
        do throws(Malformed) {
            guard let end = try scanner.end(bytes) else { return .needMore }
            return .found(try HTTPAnswerHead(head: bytes.extracting(0..<end)), length: end)
        } catch { return .malformed(error.why) }
    }
}

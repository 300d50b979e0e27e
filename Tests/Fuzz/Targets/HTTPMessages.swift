// HTTP/1 as an agent sends it. The second readings here are lenient, as servers are: whatever passed our reader means the
// same to them, and so does what we write.

import NetworkMessages

/// The head of a request, and of a response.
@Sendable func fuzzHTTPHead(_ bytes: [UInt8]) {
    requireSteady(bytes)
    let response = readResponse(bytes)
    requireConsistent(bytes, response, readResponse)
    let whole = HTTPRequestHead.parse(bytes.span)
    requireConsistent(bytes, whole) { HTTPRequestHead.parse($0.span) }
    var reader = HTTPRequestReader()
    var last = ParseResult<HTTPRequestHead>.needMore
    // A byte at a time, unless it is long.
    for end in stride(from: 1, through: bytes.count, by: 1 + bytes.count / 600) where last == .needMore {
        last = reader.read(bytes.span.extracting(first: end))
    }
    if last == .needMore { last = reader.read(bytes.span) }
    require(last == whole, "pieces make no difference")
    guard case .found(let head, let length) = whole else { return }
    require(ClientProtocol.recognize(bytes.span) == .http, "a request is known for HTTP")
    guard let read = LenientHead(Array(bytes[..<length])) else {
        fatalError("does not hold: a lenient server reads a request")
    }
    requireSame(head, read)
    requireWritten(head, head.forServer(keepsAlive: head.keepsAlive), keepsAlive: head.keepsAlive)
    requireWritten(head, head.forServer(keepsAlive: false, forProxy: true), keepsAlive: false)
    if let upgrade = head.upgrades.first(where: { !$0.isEmpty }) {
        let written = head.forServer(keepsAlive: true, upgrade: upgrade)
        requireWritten(head, written, keepsAlive: head.minorVersion == 1)
        guard case .found(let again, _) = HTTPRequestHead.parse(written.span) else { return }
        require(again.upgrades == [upgrade], "the protocol is offered")
    }
}

private func readResponse(_ bytes: [UInt8]) -> ParseResult<HTTPResponseHead> {
    var reader = HTTPResponseReader()
    return reader.read(bytes.span)
}

/// What a server gets is one request, and the one that was read.
private func requireWritten(_ head: HTTPRequestHead, _ written: [UInt8], keepsAlive: Bool) {
    let followed = written + Array("GET / HTTP/1.1\r\n\r\n".utf8)
    guard case .found(let again, written.count) = HTTPRequestHead.parse(followed.span) else {
        fatalError(
            "does not hold: what is written is one request: \(String(decoding: written, as: UTF8.self))"
        )
    }
    require(again.method == head.method && again.path == head.path, "the same request")
    require(again.authority == head.authority, "the same host")
    require(again.body == head.body && again.minorVersion == head.minorVersion, "the same body")
    require(again.keepsAlive == (keepsAlive && head.minorVersion == 1), "the connection")
    guard let read = LenientHead(written) else { fatalError("does not hold: a lenient server reads it") }
    requireSame(head, read)
    require(read.values("host").count == (head.authority == nil ? 0 : 1), "one host")
    for name in ["proxy-connection", "proxy-authorization", "keep-alive", "te", "trailer"] {
        require(read.values(name).isEmpty, "\(name) is not passed on")
    }
}

/// Host and framing, as the other reader sees them.
private func requireSame(_ head: HTTPRequestHead, _ read: LenientHead) {
    require(read.words.count == 3 && read.words[0] == head.method, "the same method")
    let hosts = read.values("host")
    require(hosts.count <= 1, "one host")
    if let host = hosts.first {
        let port = head.authority?.port.map { ":\($0)" } ?? ""
        let name = (head.authority?.host ?? "").lowercased()
        let same = ["", ":80", port].map { name + $0 }
        require(same.contains(host.lowercased()), "the host is the one that was read")
    }
    let lengths = read.values("content-length")
    let codings = read.values("transfer-encoding")
    switch head.body {
    case .none: require(lengths.isEmpty && codings.isEmpty, "no body")
    case .length(let length):
        require(lengths.map { Int($0) } == [length] && codings.isEmpty, "the same length")
    case .chunked: require(lengths.isEmpty && codings.map { $0.lowercased() } == ["chunked"], "in chunks")
    }
}

/// A head as a lenient server reads it: lines end with LF or CR, words are parted by any white space, names of fields
/// may have some around them, and a line that begins with some goes on the last one.
struct LenientHead {
    let words: [String]
    private var fields: [(name: String, value: String)] = []

    init?(_ bytes: [UInt8]) {
        // Bytes as characters, as Latin-1: UTF-8 would make one of several.
        let text = bytes.map { Character(UnicodeScalar($0)) }
        let lines = text.split { $0 == "\n" || $0 == "\r" || $0 == "\0" }
        guard let first = lines.first else { return nil }
        words = first.split { $0.isWhitespace }.map { String($0) }
        for line in lines.dropFirst() {
            if line.first?.isWhitespace == true, let last = fields.indices.last {
                fields[last].value += String(line)
                continue
            }
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { return nil }
            fields.append((Self.trimmed(parts[0]).lowercased(), Self.trimmed(parts[1])))
        }
    }

    func values(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }

    private static func trimmed(_ text: ArraySlice<Character>) -> String {
        let start = text.drop { $0.isWhitespace }
        return String(start.reversed().drop { $0.isWhitespace }.reversed())
    }
}

/// A body in chunks.
@Sendable func fuzzChunked(_ bytes: [UInt8]) {
    var body = ChunkedBody()
    let whole = body.read(bytes.span)
    // In two pieces, and a byte at a time.
    for size in [max(1, cut(bytes)), 1] {
        var other = ChunkedBody()
        var end = 0
        var last = ChunkedBody.Progress.more
        while end < bytes.count, last == .more {
            let start = end
            end = min(start + size, bytes.count)
            last = other.read(bytes.span.extracting(start..<end))
            if case .done(let length) = last { last = .done(length: start + length) }
        }
        require(last == whole, "pieces make no difference")
    }
    guard case .done(let length) = whole else { return }
    require(5...bytes.count ~= length, "a body is within the bytes")
    require(lenientEnd(bytes) == length, "lenient servers see the same end")
    require(lenientEnd(Array(bytes[..<length])) == length, "what follows changes nothing")
    require(lenientEnd(Array(bytes[..<(length - 1)])) == nil, "a byte less is not enough")
}

/// Where a lenient server sees the end of a body: sizes end where their digits do, lines with LF, what else is in a line
/// does not count, and a trailer is read up to an empty line.
func lenientEnd(_ bytes: [UInt8]) -> Int? {
    var position = 0
    func line() -> ArraySlice<UInt8>? {
        guard let end = bytes[position...].firstIndex(of: 0x0A) else { return nil }
        defer { position = end + 1 }
        return bytes[position..<end]
    }
    while true {
        guard let head = line() else { return nil }
        let digits = head.prefix { Character(UnicodeScalar($0)).isHexDigit }
        guard let size = Int(String(decoding: digits, as: UTF8.self), radix: 16) else { return nil }
        if size == 0 { break }
        guard size <= bytes.count - position else { return nil }
        position += size
        guard line() != nil else { return nil }
    }
    while let trailer = line() {
        if trailer.allSatisfy({ $0 == 0x0D }) { return position }
    }
    return nil
}

// A whole head to a request. Lines end with CR LF, and there are no control characters: HTTPHeadScanner has seen to it.

extension HTTPRequestHead {
    /// More fields than any client sends; some searches are quadratic.
    private static let fieldLimit = 256
    /// Fields that `Connection` names.
    private static let nominationLimit = 32

    /// Reads a head, with the empty line at its end.
    init(head: Span<UInt8>) throws(Malformed) {
        let lineEnd = head.firstIndex(of: .carriageReturn) ?? 0
        let line = try RequestLine(head.extracting(0..<lineEnd))
        var collected = CollectedFields()
        var position = lineEnd + 2
        // The empty line is the last one.
        while position + 2 < head.count {
            var end = position
            while end < head.count, head[end] != .carriageReturn { end += 1 }
            try collected.take(position..<end, of: head)
            guard collected.count <= Self.fieldLimit else { throw Malformed("request has too many fields") }
            position = end + 2
        }
        method = line.method
        form = line.form
        path = line.path
        minorVersion = line.minorVersion
        authority = try Self.authority(line, collected)
        body = try Self.body(line, collected)
        upgrades = collected.upgrades
        expectsContinue = collected.expectsContinue
        keepsAlive = line.minorVersion == 1 && !collected.closes
        guard collected.nominated.count <= Self.nominationLimit else {
            throw Malformed("field Connection is too long")
        }
        if !collected.nominated.isEmpty {
            collected.others.removeAll { field in
                for nominated in collected.nominated where nominated.count == field.name.count {
                    if head.extracting(nominated).isSame(as: head.extracting(field.name)) { return true }
                }
                return false
            }
        }
        fields = collected.others
        bytes = head.array
    }

    private static func authority(
        _ line: RequestLine,
        _ fields: CollectedFields
    ) throws(Malformed) -> HTTPAuthority? {
        guard let target = line.authority else {
            guard fields.host != nil || line.minorVersion == 0 else {
                throw Malformed("request has no field Host")
            }
            return fields.host
        }
        guard let host = fields.host else {
            // For CONNECT there is nothing that the field could add.
            guard line.form == .authority || line.minorVersion == 0 else {
                throw Malformed("request has no field Host")
            }
            return target
        }
        // With CONNECT, clients write the port or leave it out.
        let port = line.form == .authority ? target.port : 80
        guard target.isSame(as: host, defaultPort: port) else {
            throw Malformed("field Host is not the host of the target")
        }
        return target
    }

    private static func body(_ line: RequestLine, _ fields: CollectedFields) throws(Malformed) -> Body {
        if fields.isChunked {
            guard fields.length == nil else {
                throw Malformed("request has both Content-Length and Transfer-Encoding")
            }
            guard line.minorVersion == 1 else { throw Malformed("HTTP/1.0 has no Transfer-Encoding") }
            guard line.form != .authority else { throw Malformed("CONNECT has no body") }
            return .chunked
        }
        guard let length = fields.length else { return .none }
        guard line.form != .authority || length == 0 else { throw Malformed("CONNECT has no body") }
        return .length(length)
    }
}

/// The first line.
private struct RequestLine {
    let method: String
    let form: HTTPRequestHead.Form
    let authority: HTTPAuthority?
    let path: String
    let minorVersion: Int

    init(_ line: Span<UInt8>) throws(Malformed) {
        guard let first = line.firstIndex(of: .space), 1...32 ~= first,
            line.extracting(0..<first).isAll(.token)
        else { throw Malformed("request has no method") }
        method = line.extracting(0..<first).text
        let rest = line.extracting(droppingFirst: first + 1)
        guard let second = rest.firstIndex(of: .space), second > 0 else {
            throw Malformed("request line has not three words")
        }
        let target = rest.extracting(0..<second)
        let version = rest.extracting(droppingFirst: second + 1)
        // Not in whatever case: some servers take `http/1.1` for HTTP/0.9.
        guard version.text == "HTTP/1.1" || version.text == "HTTP/1.0" else {
            throw Malformed("version of the request is not HTTP/1.1 or HTTP/1.0")
        }
        minorVersion = version[7] == UInt8(ascii: "1") ? 1 : 0
        guard target.isAll(.target) else {
            throw Malformed("target of the request has a character of no URL")
        }
        if method == "CONNECT" {
            let authority = try HTTPAuthority(target)
            guard authority.port != nil else { throw Malformed("target of CONNECT has no port") }
            (form, self.authority, path) = (.authority, authority, "")
        } else if target[0] == UInt8(ascii: "/") {
            (form, authority, path) = (.origin, nil, target.text)
        } else if target.count == 1, target[0] == UInt8(ascii: "*"), method == "OPTIONS" {
            (form, authority, path) = (.asterisk, nil, "*")
        } else {
            let scheme = "http://"
            guard target.count > scheme.utf8.count,
                target.extracting(0..<scheme.utf8.count).isSame(as: scheme)
            else { throw Malformed("target of the request is neither a path nor a URL of http") }
            let rest = target.extracting(droppingFirst: scheme.utf8.count)
            var end = 0
            while end < rest.count, rest[end] != UInt8(ascii: "/"), rest[end] != UInt8(ascii: "?") {
                end += 1
            }
            authority = try HTTPAuthority(rest.extracting(0..<end))
            form = .absolute
            let path = rest.extracting(droppingFirst: end)
            // RFC 9112, 3.2.4: without a path, OPTIONS is about the server as a whole.
            if path.isEmpty {
                self.path = method == "OPTIONS" ? "*" : "/"
            } else {
                self.path = path[0] == UInt8(ascii: "/") ? path.text : "/" + path.text
            }
        }
    }
}

/// The fields, sorted by whose business they are.
private struct CollectedFields {
    var count = 0
    var host: HTTPAuthority?
    var length: Int?
    var isChunked = false
    var closes = false
    var upgrades: [String] = []
    var expectsContinue = false
    /// What `Connection` names, which is for this connection only.
    var nominated: [Range<Int>] = []
    /// What goes to the server.
    var others: [HTTPRequestHead.Field] = []

    mutating func take(_ line: Range<Int>, of head: Span<UInt8>) throws(Malformed) {
        count += 1
        var end = line.lowerBound
        while end < line.upperBound, ByteSet.token.contains(head[end]) { end += 1 }
        guard end < line.upperBound, end > line.lowerBound, head[end] == .colon else {
            let isFolded = head[line.lowerBound] == .space || head[line.lowerBound] == .tab
            throw Malformed(
                isFolded ? "field goes on in the next line" : "field has no name, or none that is allowed"
            )
        }
        let name = head.extracting(line.lowerBound..<end)
        let range = head.trimmed(end + 1..<line.upperBound)
        let value = head.extracting(range)
        switch name.count {
        case 4 where name.isSame(as: "host"):
            guard host == nil else { throw Malformed("request has two fields Host") }
            host = try HTTPAuthority(value)
            return
        case 6 where name.isSame(as: "expect"):
            expectsContinue = expectsContinue || value.isSame(as: "100-continue")
        case 7 where name.isSame(as: "upgrade"):
            for member in try Self.members(range, of: head) {
                upgrades.append(head.extracting(member).text.lowercased())
            }
            return
        case 10 where name.isSame(as: "connection"):
            for member in try Self.members(range, of: head) {
                if head.extracting(member).isSame(as: "close") { closes = true }
                nominated.append(member)
            }
            return
        case 14 where name.isSame(as: "content-length"):
            guard length == nil else { throw Malformed("request has two fields Content-Length") }
            length = try Self.length(value)
            return
        case 17 where name.isSame(as: "transfer-encoding"):
            guard !isChunked else { throw Malformed("request has two fields Transfer-Encoding") }
            guard value.isSame(as: "chunked") else {
                throw Malformed("Transfer-Encoding is not just `chunked`")
            }
            isChunked = true
            return
        // For a proxy, or for one connection only (RFC 9110, 7.6.1).
        case 2 where name.isSame(as: "te"), 7 where name.isSame(as: "trailer"),
            10 where name.isSame(as: "keep-alive"), 16 where name.isSame(as: "proxy-connection"),
            18 where name.isSame(as: "proxy-authenticate"), 19 where name.isSame(as: "proxy-authorization"):
            return
        default: break
        }
        others.append(HTTPRequestHead.Field(name: line.lowerBound..<end, value: range))
    }

    private static func length(_ digits: Span<UInt8>) throws(Malformed) -> Int {
        guard 1...18 ~= digits.count, digits.isAll(.digit) else {
            throw Malformed("Content-Length is no number")
        }
        var number = 0
        for index in digits.indices { number = number * 10 + Int(digits[index] - UInt8(ascii: "0")) }
        return number
    }

    /// The tokens of a list; with `/` for the versions of protocols.
    private static func members(_ list: Range<Int>, of head: Span<UInt8>) throws(Malformed) -> [Range<Int>] {
        var members: [Range<Int>] = []
        var position = list.lowerBound
        while position < list.upperBound {
            var end = position
            while end < list.upperBound, head[end] != UInt8(ascii: ",") { end += 1 }
            let member = head.trimmed(position..<end)
            guard head.extracting(member).isAll(.protocolName) else {
                throw Malformed("list in a field is none")
            }
            if !member.isEmpty { members.append(member) }
            position = end + 1
        }
        return members
    }
}

// The head as it goes on to the server: what is for a proxy or for this connection only is left out, and host, length of
// the body and connection are written from what was read.

extension HTTPRequestHead {
    /// The head for a server; for the next proxy if `forProxy`, then with the host in the target too.
    ///
    /// Without `keepsAlive` the server is told to close the connection after its answer. A protocol to change to,
    /// one of `upgrades`, is offered only if it is given.
    package func forServer(
        keepsAlive: Bool,
        upgrade: String? = nil,
        forProxy: Bool = false
    ) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count + 64)
        output.append(contentsOf: method.utf8)
        output.append(.space)
        switch form {
        case .authority: output.append(contentsOf: (authority?.text ?? "").utf8)
        case .asterisk: output.append(UInt8(ascii: "*"))
        case .origin, .absolute:
            if forProxy, let authority { output.append(contentsOf: "http://\(authority.text)".utf8) }
            // RFC 9112, 3.2.4: a proxy is asked about a server as a whole by a URL without a path.
            if !forProxy || path != "*" { output.append(contentsOf: path.utf8) }
        }
        output.append(contentsOf: minorVersion == 1 ? " HTTP/1.1\r\n".utf8 : " HTTP/1.0\r\n".utf8)
        if let authority { output.append("Host", authority.text) }
        for field in fields {
            output.append(contentsOf: bytes[field.name])
            output.append(contentsOf: ": ".utf8)
            output.append(contentsOf: bytes[field.value])
            output.append(contentsOf: "\r\n".utf8)
        }
        switch body {
        case .none: break
        case .length(let length): output.append("Content-Length", String(length))
        case .chunked: output.append("Transfer-Encoding", "chunked")
        }
        if let upgrade {
            output.append("Connection", "Upgrade")
            output.append("Upgrade", upgrade)
        } else if !keepsAlive {
            output.append("Connection", "close")
        }
        output.append(contentsOf: "\r\n".utf8)
        return output
    }
}

extension HTTPRequestHead {
    /// The head for a service behind a gateway: with another target and host, without some fields, and without the end, so
    /// that more fields can follow.
    ///
    /// - Parameters:
    ///   - path: path and query, which begin with `/`.
    ///   - host: the field `Host`.
    ///   - isDropped: asked with each field's name in small letters.
    package func forService(path: String, host: String, isDropped: (String) -> Bool) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count + 256)
        output.append(contentsOf: "\(method) \(path) HTTP/1.1\r\n".utf8)
        output.append("Host", host)
        for field in fields {
            let name = String(decoding: bytes[field.name], as: UTF8.self).lowercased()
            if name == "expect" || isDropped(name) { continue }
            output.append(contentsOf: bytes[field.name])
            output.append(contentsOf: ": ".utf8)
            output.append(contentsOf: bytes[field.value])
            output.append(contentsOf: "\r\n".utf8)
        }
        switch body {
        case .none: break
        case .length(let length): output.append("Content-Length", String(length))
        case .chunked: output.append("Transfer-Encoding", "chunked")
        }
        return output
    }
}

extension [UInt8] {
    fileprivate mutating func append(_ name: String, _ value: String) {
        append(contentsOf: name.utf8)
        append(contentsOf: ": ".utf8)
        append(contentsOf: value.utf8)
        append(contentsOf: "\r\n".utf8)
    }
}

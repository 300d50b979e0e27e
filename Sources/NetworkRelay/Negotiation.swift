// What a program says to the proxy at 127.0.0.1:3128: HTTP (CONNECT, or a request for a whole URL) or SOCKS5, told
// apart by the first byte. Bytes in, the next step out.

internal import NetworkMessages
internal import NetworkRules

/// A client of the proxy, until it has said where it wants to go.
struct Negotiation {
    /// What is to be done.
    enum Step: Equatable {
        /// Nothing yet.
        case needMore
        /// So many bytes are done with; this is the answer.
        case reply([UInt8], dropping: Int)
        /// It wants to go there; so many bytes are done with.
        case found(Destination, ConnectionPath, dropping: Int)
        /// It cannot have what it asks for.
        case refuse(Refusal)
    }

    private enum Speech { case unknown, socksGreeting, socksRequest, http }
    private var speech = Speech.unknown
    private var reader = HTTPRequestReader()
    private(set) var path = ConnectionPath.connect

    /// What follows, given all bytes that have come and are not done with.
    mutating func next(_ bytes: ArraySlice<UInt8>) -> Step {
        guard let first = bytes.first else { return .needMore }
        switch speech {
        case .unknown:
            speech = first == 5 ? .socksGreeting : .http
            if first == 5 { path = .socks }
            return next(bytes)
        case .socksGreeting: return greeting(bytes)
        case .socksRequest: return request(bytes)
        case .http: return http(bytes)
        }
    }

    private mutating func greeting(_ bytes: ArraySlice<UInt8>) -> Step {
        switch SocksGreeting.parse(bytes.span) {
        case .needMore: return .needMore
        case .malformed(let why): return .refuse(Refusal(.malformed, "SOCKS: \(why)"))
        case .found(let greeting, let length):
            guard greeting.offersNoAuthentication else {
                return .refuse(Refusal(.unsupported, "SOCKS with a password is not spoken here"))
            }
            speech = .socksRequest
            return .reply(greeting.reply, dropping: length)
        }
    }

    private func request(_ bytes: ArraySlice<UInt8>) -> Step {
        switch SocksRequest.parse(bytes.span) {
        case .needMore: return .needMore
        case .malformed(let why): return .refuse(Refusal(.invalidHost, "SOCKS: \(why)"))
        case .found(let request, let length):
            guard request.command == .connect else {
                return .refuse(Refusal(.unsupported, "of SOCKS, only CONNECT is spoken here"))
            }
            do throws(HostError) {
                let host: Host
                switch request.host {
                case .name(let name): host = try Host(parsing: name)
                case .address(let bytes):
                    guard let address = IPAddress(bytes: bytes) else { return .needMore }
                    host = .address(address.unmapped)
                }
                return found(host, request.port, .socks, length)
            } catch { return .refuse(Refusal(.invalidHost, "the host cannot be used: \(error)")) }
        }
    }

    private func found(_ host: Host, _ port: UInt16, _ path: ConnectionPath, _ length: Int) -> Step {
        if port == 0 { return .refuse(Refusal(.invalidHost, "there is no port 0")) }
        return .found(Destination(host, port: port), path, dropping: length)
    }

    private mutating func http(_ bytes: ArraySlice<UInt8>) -> Step {
        switch reader.read(bytes.span) {
        case .needMore: return .needMore
        case .malformed(let why):
            return .refuse(Refusal(.malformed, "the request is not well-formed: \(why)"))
        case .found(let head, let length):
            let isConnect = head.form == .authority
            path = isConnect ? .connect : .http
            guard isConnect || head.form == .absolute, let authority = head.authority else {
                return .refuse(
                    Refusal(
                        .unsupported,
                        "this is Cloche's proxy for the programs of a sandbox, and no server"
                    )
                )
            }
            do throws(HostError) {
                let host = try Host(parsing: authority.host)
                return found(host, authority.port ?? 80, path, isConnect ? length : 0)
            } catch {
                let host = ShownText.of(authority.host)
                return .refuse(Refusal(.invalidHost, "the host \(host) cannot be used: \(error)"))
            }
        }
    }

    // MARK: Answers

    /// That the connection is there; nothing for a request with a URL, whose answer is the server's.
    var success: [UInt8] {
        switch path {
        case .socks: SocksReply.succeeded.bytes
        case .connect: Array("HTTP/1.1 200 Connection established\r\n\r\n".utf8)
        default: []
        }
    }

    /// That it is not allowed.
    func refusal(_ refusal: Refusal) -> [UInt8] {
        guard path == .socks else { return HTTPAnswer.refusal(refusal) }
        // The answer to a greeting is shorter than the one to a request.
        if speech == .socksGreeting { return [5, 0xff] }
        return (refusal.reason == .unsupported ? SocksReply.commandNotSupported : .notAllowed).bytes
    }

    /// That it could not be made.
    func failure(_ why: String, isRefused: Bool) -> [UInt8] {
        if path == .socks {
            return (isRefused ? SocksReply.connectionRefused : .hostUnreachable).bytes
        }
        return HTTPAnswer.failure(why)
    }
}

/// Answers of HTTP that are ours.
enum HTTPAnswer {
    /// 403, with what would allow it.
    static func refusal(_ refusal: Refusal) -> [UInt8] {
        var text = "Cloche does not allow this: \(refusal.text).\n"
        if let rule = refusal.rule { text += "Denied by: \(rule)\n" }
        if let suggestion = refusal.suggestion {
            text += "To allow it, add to network.allow in the profile:\n  - \(suggestion)\n"
        }
        return answer(refusal.reason == .malformed ? "400 Bad Request" : "403 Forbidden", text)
    }

    /// 502, with the reason.
    static func failure(_ why: String) -> [UInt8] { answer("502 Bad Gateway", "Cloche: \(why).\n") }

    private static func answer(_ status: String, _ text: String) -> [UInt8] {
        let body = Array(text.utf8)
        let head =
            "HTTP/1.1 \(status)\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: \(body.count)\r\n"
            + "Connection: close\r\nX-Cloche: refused\r\n\r\n"
        return Array(head.utf8) + body
    }
}

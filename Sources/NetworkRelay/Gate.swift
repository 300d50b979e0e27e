// What a client says on an allowed connection before it is believed: TLS with the name that was asked for, requests of HTTP
// one by one, or something else where that is allowed. Bytes in, the next step out; sockets are not known here.

internal import NetworkMessages
internal import NetworkRules

/// Stands between a client and the server until nothing more is to be looked at.
struct Gate {
    /// What is to be done with the bytes that have come.
    enum Step: Equatable {
        /// Nothing yet.
        case needMore
        /// So many may go, or these in their place.
        case pass(Int, instead: [UInt8]? = nil)
        /// So many may go without being looked at; `max` for all that ever come.
        case unseen(Int64)
        /// What the server answers decides how it goes on.
        case awaitAnswer
        /// The client has no more to say on this connection.
        case done
        /// They must not go, nor anything after them.
        case refuse(Refusal)
    }

    private enum State {
        case start
        case tls(TLSHelloReader, after: TLSHello?)
        case retry(TLSHello)
        case head(HTTPRequestReader)
        case body(HTTPRequestHead.Body, isLast: Bool)
        case chunks(ChunkedBody, isLast: Bool)
        case switching
        case free
        case done
    }

    let destination: Destination
    private(set) var grant: Grant
    /// Each request came with a URL, to be sent on without it, and is the only one of its connection.
    private let isProxied: Bool
    private var state = State.start
    private(set) var seen: ClientProtocol?
    private var requests = 0
    /// The last request that was let through.
    private var lastRequest: (method: String, target: String)?
    /// TLS was let through although it names no server, or hides the name.
    private var isNameHidden = false

    init(_ destination: Destination, _ grant: Grant, isProxied: Bool = false) {
        self.destination = destination
        self.grant = grant
        self.isProxied = isProxied
        if grant.demand == .any && !isProxied { state = .free }
    }

    /// Whether bytes go through as they come.
    var isFree: Bool { if case .free = state { true } else { false } }
    /// Whether the server's next answer decides how it goes on.
    var awaitsAnswer: Bool {
        switch state {
        case .switching, .retry: true
        default: false
        }
    }
    /// Whether no request and no hello has been let through.
    var isUntouched: Bool { requests == 0 && !isFree && !awaitsAnswer }

    /// Why it waits no longer for what a client has begun to say.
    var impatience: Refusal {
        guard case .start = state else {
            return Refusal(.malformed, "what was begun to be said was not finished in time")
        }
        return Refusal(
            .malformed,
            "what the program says could still become HTTP, and it did not go on",
            suggestion: "{host: \"\(destination)\", protocol: any}"
        )
    }

    /// What follows, given all bytes that have come and did not go yet.
    mutating func next(_ bytes: ArraySlice<UInt8>, _ policy: NetworkPolicy) -> Step {
        switch state {
        case .start: return recognize(bytes, policy)
        case .tls(let reader, let first): return hello(bytes, reader, after: first, policy)
        case .head(let reader): return head(bytes, reader, policy)
        case .body(let body, let isLast):
            state = isLast ? .done : .head(HTTPRequestReader())
            if case .length(let length) = body { return .unseen(Int64(length)) }
            if case .chunked = body { state = .chunks(ChunkedBody(), isLast: isLast) }
            return next(bytes, policy)
        case .chunks(let body, let isLast): return chunks(bytes, body, isLast)
        case .switching, .retry: return .awaitAnswer
        case .free: return .unseen(.max)
        case .done: return .done
        }
    }

    private mutating func recognize(_ bytes: ArraySlice<UInt8>, _ policy: NetworkPolicy) -> Step {
        guard let found = ClientProtocol.recognize(bytes.span) else { return .needMore }
        seen = found
        if let refusal = Self.refusal(of: found, grant.demand, destination) { return .refuse(refusal) }
        if isProxied && found != .http {
            return .refuse(Refusal(.malformed, "the request is none of HTTP/1"))
        }
        switch found {
        case .tls: state = .tls(TLSHelloReader(), after: nil)
        case .http: state = .head(HTTPRequestReader())
        case .other: state = .free
        }
        return next(bytes, policy)
    }

    private static func refusal(
        of found: ClientProtocol,
        _ demand: ProtocolDemand,
        _ destination: Destination
    )
        -> Refusal?
    {
        let fits =
            switch demand {
            case .any, .checked: true
            case .tls: found == .tls
            case .http: found == .http
            case .tlsOrHTTP: found != .other
            }
        if fits { return nil }
        let wanted = demand == .tls ? "TLS" : demand == .http ? "plain HTTP" : "TLS or HTTP"
        return Refusal(
            .wrongProtocol,
            "the rule for \(destination) wants \(wanted), and that is not what the program speaks",
            suggestion: "{host: \"\(destination)\", protocol: any}"
        )
    }

    // MARK: TLS

    private mutating func hello(
        _ bytes: ArraySlice<UInt8>,
        _ reader: TLSHelloReader,
        after first: TLSHello?,
        _ policy: NetworkPolicy
    ) -> Step {
        var reader = reader
        switch reader.read(bytes.span) {
        case .needMore:
            state = .tls(reader, after: first)
            return .needMore
        case .malformed(let why):
            return .refuse(Refusal(.malformed, "the TLS hello is not well-formed: \(why)"))
        case .found(let hello, let length):
            if let refusal = refusal(of: hello, policy) { return .refuse(refusal) }
            if let first, !first.isContinued(by: hello) {
                return .refuse(
                    Refusal(.nameMismatch, "the second TLS hello is for another server than the first")
                )
            }
            guard first == nil, case .name = destination.host else {
                state = .free
                return .unseen(.max)
            }
            isNameHidden = hello.isEncrypted || hello.serverName == nil
            // A server may ask for a second one, and go by the name in that.
            state = .retry(hello)
            return .pass(length)
        }
    }

    private func refusal(of hello: TLSHello, _ policy: NetworkPolicy) -> Refusal? {
        // An address was allowed as an address: no name is promised.
        guard case .name(let name) = destination.host else { return nil }
        if hello.isEncrypted && !policy.allowsHiddenNames {
            return Refusal(
                .nameHidden,
                "TLS hides the name of the server (encrypted client hello), and 'network.hidden-names' is refuse"
            )
        }
        guard let named = hello.serverName else {
            if policy.allowsHiddenNames { return nil }
            return Refusal(.nameHidden, "TLS names no server, and 'network.hidden-names' is refuse")
        }
        return mismatch(name, named, "TLS")
    }

    private func mismatch(_ name: HostName, _ named: String, _ what: String) -> Refusal? {
        // What cannot be read is no name that was asked for.
        if (try? Host(parsing: named)) == .name(name) { return nil }
        return Refusal(
            .nameMismatch,
            "\(what) names \(ShownText.of(named)), and the connection was made to \(name)"
        )
    }

    // MARK: HTTP

    private mutating func head(
        _ bytes: ArraySlice<UInt8>,
        _ reader: HTTPRequestReader,
        _ policy: NetworkPolicy
    ) -> Step {
        if bytes.isEmpty { return .needMore }
        var reader = reader
        switch reader.read(bytes.span) {
        case .needMore:
            state = .head(reader)
            return .needMore
        case .malformed(let why):
            return .refuse(Refusal(.malformed, "the HTTP request is not well-formed: \(why)"))
        case .found(let head, let length):
            if let refusal = refusal(of: head, policy) { return .refuse(refusal) }
            let wantsWebSocket = head.upgrades.contains("websocket")
            let isLast = isProxied || !head.keepsAlive
            requests += 1
            lastRequest = (head.method, Self.target(of: head))
            state = wantsWebSocket ? .switching : .body(head.body, isLast: isLast)
            let written = head.forServer(keepsAlive: !isLast, upgrade: wantsWebSocket ? "websocket" : nil)
            return .pass(length, instead: written)
        }
    }

    private func refusal(of head: HTTPRequestHead, _ policy: NetworkPolicy) -> Refusal? {
        if head.form == .authority {
            return Refusal(.upgrade, "CONNECT asks a server to connect elsewhere")
        }
        if let refusal = refusal(ofHostOf: head, policy) { return refusal }
        let target = Self.target(of: head)
        if let refusal = policy.refusal(method: head.method, target: target, for: destination, grant) {
            return refusal
        }
        // Any other protocol to change to, such as HTTP/2, is not offered to the server: what follows stays readable.
        guard head.upgrades.contains("websocket") else { return nil }
        if grant.requests != nil {
            return Refusal(.upgrade, "a WebSocket is not among the requests that the rule allows")
        }
        // Which answer belongs to which request is not followed.
        if requests > 0 || head.body != .none {
            return Refusal(.upgrade, "a WebSocket must be the first request of its connection")
        }
        return nil
    }

    private static func target(of head: HTTPRequestHead) -> String { head.path.isEmpty ? "*" : head.path }

    private func refusal(ofHostOf head: HTTPRequestHead, _ policy: NetworkPolicy) -> Refusal? {
        // As with TLS, an address promises no name.
        guard case .name(let name) = destination.host else { return nil }
        guard let authority = head.authority else {
            if policy.allowsHiddenNames { return nil }
            return Refusal(
                .nameHidden,
                "the HTTP request names no host, and 'network.hidden-names' is refuse"
            )
        }
        if let refusal = mismatch(name, authority.host, "HTTP") { return refusal }
        if (authority.port ?? 80) == destination.port { return nil }
        return Refusal(
            .nameMismatch,
            "HTTP names port \(authority.port ?? 80), and the connection was made to \(destination)"
        )
    }

    private mutating func chunks(_ bytes: ArraySlice<UInt8>, _ body: ChunkedBody, _ isLast: Bool) -> Step {
        if bytes.isEmpty { return .needMore }
        var body = body
        switch body.read(bytes.span) {
        case .more:
            state = .chunks(body, isLast: isLast)
            return .pass(bytes.count)
        case .done(let length):
            state = isLast ? .done : .head(HTTPRequestReader())
            return .pass(length)
        case .malformed(let why): return .refuse(Refusal(.malformed, "the body is not well-formed: \(why)"))
        }
    }

    // MARK: Changes

    /// Nothing more comes: whether what has come may go, although it was too little to tell what it is.
    ///
    /// Where anything but TLS and HTTP passes, it may: neither can follow.
    mutating func ended() -> Bool {
        guard case .start = state, grant.demand == .checked, !isProxied else { return false }
        seen = .other
        state = .free
        return true
    }

    /// Reads what the server has sent since its answer was waited for; false when more is needed to decide.
    ///
    /// If it has not agreed to change the protocol, requests follow.
    mutating func answered(_ bytes: ArraySlice<UInt8>, isAll: Bool) -> Bool {
        switch state {
        case .switching:
            let agreement = Array("HTTP/1.1 101 ".utf8)
            if bytes.count < agreement.count && !isAll { return false }
            let hasSwitched = bytes.starts(with: agreement)
            state = hasSwitched ? .free : isProxied ? .done : .head(HTTPRequestReader())
        case .retry(let first):
            guard let asks = TLSHello.isRetryRequest(bytes.span) ?? (isAll ? false : nil) else {
                return false
            }
            state = asks ? .tls(TLSHelloReader(afterRetry: true), after: first) : .free
        default: break
        }
        return true
    }

    /// Puts another grant in force; false when what was let through already is not what it allows.
    mutating func replace(_ grant: Grant, _ policy: NetworkPolicy) -> Bool {
        self.grant = grant
        guard let seen else {
            // What has passed was not looked at.
            if isFree { return grant.demand == .any }
            if grant.demand == .any && !isProxied { state = .free }
            return true
        }
        if Self.refusal(of: seen, grant.demand, destination) != nil { return false }
        if isNameHidden && !policy.allowsHiddenNames && grant.demand != .any { return false }
        if seen == .http && isFree && grant.requests != nil { return false }
        guard let last = lastRequest else { return true }
        return policy.refusal(method: last.method, target: last.target, for: destination, grant) == nil
    }
}

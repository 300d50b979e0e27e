// What stands between an agent and a server: the proxy's negotiation, and the gate that reads what a client says on an
// allowed connection. However it is cut, the decision is the same; what goes to the server is for the host that was allowed.

import ClocheModel
import NetworkMessages
import NetworkRules

@testable import NetworkRelay

/// The choices of an input, and what the client says.
private struct Case {
    let entry: NetworkEntry
    let destination: Destination
    let policy: NetworkPolicy
    let grant: Grant
    let isProxied: Bool
    let serverAgrees: Bool
    let words: [UInt8]

    /// The first two bytes choose; nil for less.
    init?(_ bytes: [UInt8]) {
        guard bytes.count >= 2 else { return nil }
        let demands: [NetworkProtocol?] = [nil, .tls, .http, .any]
        let port = [80, 443, 8080][Int(bytes[0] & 3) % 3]
        let limits = bytes[0] & 0x10 != 0
        let demand = demands[Int(bytes[0] >> 2) & 3]
        entry = NetworkEntry(
            "a.test:\(port)",
            methods: limits ? ["GET", "PUT"] : [],
            paths: limits ? ["/v1/*"] : [],
            demand: limits ? .http : demand
        )
        var settings = NetworkSettings(mode: .allow, allow: [entry])
        settings.allowsHiddenNames = bytes[0] & 0x20 != 0
        isProxied = bytes[0] & 0x40 != 0
        serverAgrees = bytes[0] & 0x80 != 0
        words = Array(bytes[2...])
        do {
            policy = try NetworkPolicy(settings)
            destination = try Destination(authority: "a.test:\(port)")
        } catch { fatalError("the rule of a case is one") }
        guard let grant = policy.decide(destination).grant else { fatalError("the rule of a case allows it") }
        self.grant = grant
    }
}

/// A gate, and what came of it.
private struct Passage {
    var gate: Gate
    let policy: NetworkPolicy
    let serverAgrees: Bool
    /// What the server was sent, and from where on it was not looked at for good.
    var passed: [UInt8] = []
    var free: Int?
    var refusal: Refusal?
    var isDone = false
    private var words: [UInt8] = []
    private var allowance: Int64 = 0

    init(_ input: Case) {
        gate = Gate(input.destination, input.grant, isProxied: input.isProxied)
        policy = input.policy
        serverAgrees = input.serverAgrees
    }

    mutating func say(_ bytes: ArraySlice<UInt8>) {
        words += bytes
        while refusal == nil, !isDone {
            if allowance > 0 {
                let count = Int(min(allowance, Int64(words.count)))
                passed += words.prefix(count)
                words.removeFirst(count)
                if allowance != .max { allowance -= Int64(count) }
                if words.isEmpty { return }
            }
            switch gate.next(words[...], policy) {
            case .needMore: return
            case .pass(let count, let instead):
                require(1...max(1, words.count) ~= count, "what goes has come")
                passed += instead ?? Array(words.prefix(count))
                words.removeFirst(count)
            case .unseen(let count):
                require(count >= 0, "so many bytes")
                if count == .max { free = passed.count }
                allowance = count
            case .awaitAnswer: answer()
            case .done: isDone = true
            case .refuse(let refusal):
                require(!refusal.text.isEmpty, "a refusal says why")
                self.refusal = refusal
            }
        }
    }

    /// A server that agrees changes the protocol, or wants another hello.
    private mutating func answer() {
        var bytes = Array((serverAgrees ? "HTTP/1.1 101 x\r\n" : "HTTP/1.1 200 x\r\n").utf8)
        if gate.seen == .tls {
            bytes = [22, 3, 3, 0, 40, 2, 0, 0, 36, 3, 3] + (serverAgrees ? retryRandom : bytes) + [0]
        }
        require(gate.answered(bytes[...], isAll: true), "all of an answer decides")
    }
}

private let retryRandom: [UInt8] = [
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91, 0xC2,
    0xA2, 0x11,
    0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
]

/// A client on an allowed connection.
@Sendable func fuzzGate(_ bytes: [UInt8]) {
    guard let input = Case(bytes) else { return }
    var whole = Passage(input)
    whole.say(input.words[...])
    let step = max(1, input.words.count / 2048)
    for size in [Int(bytes[1]) % 64 + 1, step] {
        var pieces = Passage(input)
        for start in stride(from: 0, to: input.words.count, by: size) {
            pieces.say(input.words[start..<min(start + size, input.words.count)])
        }
        require(pieces.refusal == whole.refusal, "pieces make no difference to the decision")
        require(
            pieces.isDone == whole.isDone && pieces.gate.seen == whole.gate.seen,
            "nor to where it stands"
        )
        // Of a body that turns out to be none, what came before may have gone.
        let isSame =
            whole.refusal == nil ? pieces.passed == whole.passed : pieces.passed.starts(with: whole.passed)
        require(isSame, "nor to what goes")
        requireAllowed(pieces, input)
    }
    requireAllowed(whole, input)
}

/// What the server was sent is what the rule allows.
private func requireAllowed(_ passage: Passage, _ input: Case) {
    if passage.passed.isEmpty { return }
    switch passage.gate.seen {
    case .tls:
        require(fits(input, .tls), "TLS where the rule has it")
        guard case .found(let hello, _) = TLSHello.parse(passage.passed.span) else {
            fatalError("does not hold: TLS begins with a hello")
        }
        let name = hello.serverName?.lowercased() ?? (input.policy.allowsHiddenNames ? "a.test" : "")
        require(name == "a.test" || name == "a.test.", "the hello is for the host")
        require(!hello.isEncrypted || input.policy.allowsHiddenNames, "and hides no other")
    case .http:
        require(fits(input, .http), "HTTP where the rule has it")
        requireRequests(Array(passage.passed[..<(passage.free ?? passage.passed.count)]), input)
    case .other:
        require(fits(input, .other), "anything where the rule has it")
        require(ClientProtocol.recognize(passage.passed.span) == .other, "what is not read is neither")
    case nil: require(input.grant.demand == .any, "only what need not be looked at goes unseen")
    }
}

private func fits(_ input: Case, _ seen: ClientProtocol) -> Bool {
    switch input.grant.demand {
    case .any: true
    case .checked: !input.isProxied || seen == .http
    case .tls: seen == .tls
    case .http: seen == .http
    case .tlsOrHTTP: seen != .other
    }
}

/// Requests as a lenient server reads them, to the end of what it was sent.
private func requireRequests(_ stream: [UInt8], _ input: Case) {
    var rest = stream[...]
    var count = 0
    while !rest.isEmpty {
        guard let length = headLength(rest), let head = LenientHead(Array(rest.prefix(length))) else {
            fatalError("does not hold: a request goes as a whole")
        }
        rest = rest.dropFirst(length)
        count += 1
        require(!input.isProxied || count == 1, "one request of a proxy's connection")
        let hosts = head.values("host").map { $0.lowercased() }
        let port = input.destination.port
        let own = ["a.test:\(port)", "a.test.:\(port)"] + (port == 80 ? ["a.test", "a.test."] : [])
        if let host = hosts.first {
            require(hosts.count == 1 && own.contains(host), "a request is for the host")
        } else {
            require(input.policy.allowsHiddenNames, "a request names its host")
        }
        require(head.words.count == 3 && head.words[0] != "CONNECT", "and not for a proxy")
        require(head.words[1].hasPrefix("/") || head.words[1] == "*", "nor with a URL")
        if !input.entry.paths.isEmpty {
            require(["GET", "PUT"].contains(head.words[0]), "the method is the rule's")
            require(head.words[1].hasPrefix("/v1/"), "the path is the rule's")
            require(head.values("upgrade").isEmpty, "no change of protocol")
        }
        if let length = head.values("content-length").first.flatMap({ Int($0) }) {
            rest = rest.dropFirst(length)
        } else if !head.values("transfer-encoding").isEmpty {
            rest = rest.dropFirst(lenientEnd(Array(rest)) ?? rest.count)
        }
    }
}

private func headLength(_ bytes: ArraySlice<UInt8>) -> Int? {
    let end = bytes.indices.first { bytes[$0...].starts(with: [13, 10, 13, 10]) }
    return end.map { $0 - bytes.startIndex + 4 }
}

/// A client of the proxy, up to where it has said where it wants to go.
@Sendable func fuzzNegotiation(_ bytes: [UInt8]) {
    let whole = negotiate(bytes, max(1, bytes.count))
    for size in [max(1, cut(bytes)), max(1, bytes.count / 2048)] {
        require(negotiate(bytes, size) == whole, "pieces make no difference")
    }
    switch whole.step {
    case .found(let destination, let path, _):
        require(destination.port > 0, "a port")
        // What is no host is not the same one.
        let again = try? Host(parsing: "\(destination.host)")
        require(again == destination.host, "the host is what it is called")
        if case .address(let address) = destination.host {
            require(address == address.unmapped, "one of each address")
        }
        if path == .http { requireProxied(Array(bytes[whole.dropped...]), destination) }
    case .refuse(let refusal): require(!refusal.text.isEmpty, "a refusal says why")
    case .needMore, .reply: break
    }
}

private struct Negotiated: Equatable {
    var step = Negotiation.Step.needMore
    var replies: [UInt8] = []
    var dropped = 0
}

private func negotiate(_ bytes: [UInt8], _ size: Int) -> Negotiated {
    var negotiation = Negotiation()
    var result = Negotiated()
    for start in stride(from: 0, to: bytes.count, by: size) {
        let end = min(start + size, bytes.count)
        while true {
            let step = negotiation.next(bytes[result.dropped..<end])
            switch step {
            case .needMore: break
            case .reply(let reply, let count):
                require(count > 0 && result.dropped + count <= end, "what is done with has come")
                result.replies += reply
                result.dropped += count
                continue
            case .found(_, _, let count):
                result.dropped += count
                result.step = step
                return result
            case .refuse:
                result.step = step
                return result
            }
            break
        }
    }
    return result
}

/// What goes to the server of a request for a URL is for the host that was decided on.
private func requireProxied(_ words: [UInt8], _ destination: Destination) {
    let entry = NetworkEntry("\(destination)", demand: .http)
    // Names that no rule can have, such as one with a number at its end, are refused for that.
    guard let policy = try? NetworkPolicy(NetworkSettings(mode: .open, allow: [entry])),
        let grant = policy.decide(destination).grant
    else { return }
    var gate = Gate(destination, grant, isProxied: true)
    switch gate.next(words[...], policy) {
    case .refuse: break
    case .pass(_, let instead):
        guard let instead, let head = LenientHead(instead), let host = head.values("host").first else {
            fatalError("does not hold: a request for a URL is written anew, with its host")
        }
        // What is no host is not the same one.
        let named = try? Destination(authority: host, standardPort: 80)
        require(named == destination, "the request is for the host that was decided on")
    case .needMore, .unseen, .awaitAnswer, .done: fatalError("does not hold: the head is there")
    }
}

// The resolver inside: allowed names get an address that stands for them, others do not exist. Nothing is asked outside.

internal import LinuxSystem
internal import NetworkMessages
internal import NetworkRules

extension AgentNetwork {
    /// The answer to a message; nil when none is due.
    func answer(_ message: ArraySlice<UInt8>, overTCP: Bool) -> [UInt8]? {
        switch DNSRequest.parse(message.span) {
        case .malformed: return nil
        case .refused(let reply, _): return reply
        case .query(let query):
            let (answer, verdict) = judge(query)
            let type = Self.typeName(query.type)
            switch verdict {
            case .allowed: event(.question(name: query.name, type: type, nil))
            case .refused(let refusal): event(.question(name: query.name, type: type, refusal))
            case .isAskedAbout: event(.askable(name: query.name, type: type))
            }
            return query.reply(answer, secondsToLive: 60, overTCP: overTCP)
        }
    }

    private enum NameVerdict {
        case allowed
        case refused(Refusal)
        /// A person is asked when a connection is made.
        case isAskedAbout
    }

    private func judge(_ query: DNSQuery) -> (DNSAnswer, NameVerdict) {
        let name: HostName
        do throws(HostError) {
            name = try HostName(query.name)
        } catch { return (.noSuchName, .refused(Refusal(.invalidHost, "\(query.name): \(error)"))) }
        if let own = ownNames[name.text] {
            return (query.type == DNSQuery.RecordType.a ? .addresses([own.bytes]) : .empty, .allowed)
        }
        guard let refusal = policy.decide(name: name).refusal else {
            return (answer(query, for: name), .allowed)
        }
        // The address says nothing of the name; that is looked up when a person has agreed.
        guard refusal.isOfNewHost, judgeNewHost != nil, names.hasRoom(forAsked: name) else {
            return (.blocked(refusal.text), .refused(refusal))
        }
        return (answer(query, for: name), .isAskedAbout)
    }

    private func answer(_ query: DNSQuery, for name: HostName) -> DNSAnswer {
        guard query.type == DNSQuery.RecordType.a || query.type == DNSQuery.RecordType.aaaa else {
            return .empty
        }
        guard let addresses = names.addresses(of: name) else { return .failure }
        if query.type == DNSQuery.RecordType.a {
            return .addresses([IPAddress.v4(addresses.ipv4).bytes])
        }
        guard hasIPv6 else { return .empty }
        return .addresses([IPAddress.v6(addresses.high, addresses.low).bytes])
    }

    private static func typeName(_ type: UInt16) -> String {
        let names: [UInt16: String] = [
            1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV",
            64: "SVCB",
            65: "HTTPS", 255: "ANY",
        ]
        return names[type] ?? "TYPE\(type)"
    }
}

/// Questions over UDP.
final class NameService: Watcher {
    private unowned let network: AgentNetwork
    private let socket: FileDescriptor.Shared

    /// Answered in one turn.
    private static let turn = 64

    init(_ network: AgentNetwork, _ socket: FileDescriptor.Shared) {
        self.network = network
        self.socket = socket
        network.watch(socket.number, network.register(self), 0, readable: true, writable: false)
    }

    func ready(_ side: Int, _ event: Readiness) {
        for count in 0..<Self.turn {
            // Those that are left make it ready again.
            if count > 0 && network.isTurnOver { return }
            guard let question = DatagramSocket.receive(socket.number) else { return }
            if let answer = network.answer(question.bytes[...], overTCP: false) {
                DatagramSocket.answer(socket.number, question, answer)
            }
        }
    }

    func timeUp() {}
}

/// Questions over one TCP connection.
final class NameConnection: Watcher, TurnTaker {
    private unowned let network: AgentNetwork
    private let socket: FileDescriptor.Shared
    private let closed: () -> Void
    private var bytes: [UInt8] = []
    private var answers: [UInt8] = []
    private var id: UInt64 = 0
    private var end: Int64
    private var isOver = false
    var isQueued = false

    private static let patience: Int64 = 10_000
    private static let most = 65537

    init(_ network: AgentNetwork, _ socket: FileDescriptor.Shared, _ closed: @escaping () -> Void) {
        self.network = network
        self.socket = socket
        self.closed = closed
        end = MonotonicClock.milliseconds + Self.patience
        id = network.register(self)
        network.watch(socket.number, id, 0, readable: true, writable: false)
        network.wake(id, at: end)
    }

    func ready(_ side: Int, _ event: Readiness) {
        guard answers.isEmpty else { return write() }
        // One that has questions left is not read from.
        guard !isQueued else { return }
        let result = StreamSocket.receive(socket.number, upTo: 4096, into: &bytes)
        if result == .wouldBlock { return }
        guard case .moved = result, bytes.count <= Self.most else { return close() }
        end = MonotonicClock.milliseconds + Self.patience
        network.change(socket.number, id, 0, readable: false, writable: false)
        network.later(self)
    }

    /// Answers one question: with many rules, each takes its time.
    func advance() {
        guard !isOver else { return }
        if let question {
            let length = question.count
            guard let answer = network.answer(question, overTCP: true) else { return close() }
            answers += [UInt8(answer.count >> 8), UInt8(truncatingIfNeeded: answer.count)] + answer
            bytes.removeFirst(2 + length)
        }
        write()
    }

    /// The next message, if it is there as a whole.
    private var question: ArraySlice<UInt8>? {
        guard bytes.count >= 2 else { return nil }
        let end = 2 + (Int(bytes[0]) << 8 | Int(bytes[1]))
        return bytes.count < end ? nil : bytes[2..<end]
    }

    private func write() {
        while !answers.isEmpty {
            switch StreamSocket.send(socket.number, answers[...]) {
            case .moved(let count): answers.removeFirst(count)
            case .wouldBlock: return network.change(socket.number, id, 0, readable: false, writable: true)
            case .end, .failed: return close()
            }
        }
        let hasQuestion = question != nil
        network.change(socket.number, id, 0, readable: !hasQuestion, writable: false)
        if hasQuestion { network.later(self) }
    }

    func timeUp() {
        let now = MonotonicClock.milliseconds
        if now >= end { close() } else { network.wake(id, at: end) }
    }

    private func close() {
        isOver = true
        network.forget(socket.number)
        network.unregister(id)
        closed()
    }
}

// A network of an agent's with all that it speaks to, in one thread: programs inside, servers and a resolver on the host.
// Nothing sleeps: whoever waits lets everybody do what can be done, until it is so.

import ClocheModel
import Glibc
import LinuxSystem
import NetworkMessages
import NetworkRules
import Testing

@testable import NetworkRelay

/// What did not happen.
struct Missing: Error, CustomStringConvertible {
    let description: String
}

/// Who has a socket, and does what it can when that is ready.
protocol Party: AnyObject {
    var number: CInt { get }
    func advance(_ world: World) throws
}

/// All of it.
final class World {
    let network: AgentNetwork
    let names: NameServer
    private let told: Told
    private let question: Datagrams
    private let questions: Datagrams
    private let epoll: Epoll
    private var parties: [UInt64: Weak] = [:]
    private var nextToken: UInt64 = 2

    private final class Told { var events: [NetworkEvent] = [] }
    private struct Weak { weak var object: (any Party)? }

    /// What was told for the audit log.
    var events: [NetworkEvent] { told.events }

    /// A network with these rules, whose names lead to the host's loopback.
    init(
        _ allow: [NetworkEntry] = [],
        deny: [NetworkEntry] = [],
        mode: NetworkMode = .allow,
        proxy: String? = nil,
        hiddenNames: Bool = false,
        servers: [String]? = nil,
        listeners: [FileDescriptor.Shared] = []
    ) throws {
        // As in the program: splice(2) has no other way not to be killed by it.
        signal(SIGPIPE, SIG_IGN)
        names = try NameServer()
        questions = try Datagrams(receivesTarget: true)
        question = try Datagrams()
        told = Told()
        var settings = NetworkSettings(mode: mode, allow: allow, deny: deny)
        settings.dnsServers = servers ?? ["127.0.0.1:\(names.port)"]
        settings.upstreamProxy = proxy
        settings.allowsHiddenNames = hiddenNames
        let sockets = NetworkSockets(listeners: listeners, names: questions.socket, hasIPv6: true)
        network = try AgentNetwork(settings, sockets) { [told] in told.events.append($0) }
        epoll = try Epoll()
        try epoll.add(network.descriptor, token: 0)
        try epoll.add(names.number, token: 1)
    }

    deinit { network.end() }

    /// Other rules, as `cloche policy set` puts them in force.
    func replace(
        _ allow: [NetworkEntry],
        deny: [NetworkEntry] = [],
        proxy: String? = nil,
        hiddenNames: Bool = false
    ) throws {
        var settings = network.settings
        (settings.allow, settings.deny, settings.upstreamProxy) = (allow, deny, proxy)
        settings.allowsHiddenNames = hiddenNames
        try network.replace(settings)
    }

    // MARK: Time

    /// Lets everybody do what can be done until it is so.
    func until(
        _ what: @autoclosure () -> String,
        within milliseconds: Int64 = 15_000,
        _ isSo: () throws -> Bool
    ) throws {
        let end = MonotonicClock.milliseconds + milliseconds
        while try !isSo() {
            let now = MonotonicClock.milliseconds
            guard now < end else { throw Missing(description: "\(what()); told: \(events.map(\.words))") }
            try turn(most: min(100, end - now))
        }
    }

    /// The same for each of many.
    func untilEach(_ peers: [Peer], _ what: String, _ isSo: (Peer) -> Bool) throws {
        var done = 0
        try until("\(what) of \(peers.count)") {
            while done < peers.count, isSo(peers[done]) { done += 1 }
            return done == peers.count
        }
    }

    /// One wait and what it brings.
    func turn(most milliseconds: Int64) throws {
        let due = network.nextDeadline.map { max(0, $0 - MonotonicClock.milliseconds) } ?? milliseconds
        let events = try epoll.wait(milliseconds: Int32(min(milliseconds, due)))
        network.handle()
        names.serve()
        for event in events { try parties[event.token]?.object?.advance(self) }
    }

    // MARK: Whom it speaks to

    func add(_ party: any Party) throws {
        nextToken += 1
        parties[nextToken] = Weak(object: party)
        try epoll.add(party.number, token: nextToken, readable: true, writable: true, edge: true)
    }

    /// A server on the host's loopback.
    func serve(_ greeting: String? = nil) throws -> Server {
        let server = try Server(greeting)
        try add(server)
        return server
    }

    /// What the resolver inside says of a name; nil that there is none.
    func address(of name: String, type: UInt16 = 1) throws -> IPAddress? {
        let labels = name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        question.send(
            [7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0] + labels + [0, 0, UInt8(type), 0, 1],
            to: questions.address
        )
        var reply: [UInt8] = []
        try until("an answer for \(name)") {
            reply = question.receive() ?? []
            return !reply.isEmpty
        }
        guard reply[7] == 1 else { return nil }
        return IPAddress(bytes: Array(reply.suffix(type == 1 ? 4 : 16)))
    }

    /// A program inside connects, having asked for the address if it is a name.
    func connect(_ authority: String) throws -> Peer {
        let destination = try Destination(authority: authority)
        switch destination.host {
        case .address(let address): return try connect(to: address, destination.port)
        case .name(let name):
            guard let address = try address(of: name.text) else { throw Missing(description: "\(name)") }
            return try connect(to: address, destination.port)
        }
    }

    /// A program inside connects to the proxy.
    func connectToProxy() throws -> Peer { try connect(to: .v4(0x7f00_0001), AgentNetwork.proxyPort) }

    private func connect(to address: IPAddress, _ port: UInt16) throws -> Peer {
        let (program, accepted) = try Peer.pair()
        try add(program)
        network.accept(accepted, at: SocketAddress(address, port: port))
        return program
    }
}

extension NetworkEvent {
    /// Enough of it to compare.
    var words: String {
        switch self {
        case .question(let name, let type, let refusal):
            "question \(name) \(type) \(refusal?.reason.rawValue ?? "allowed")"
        case .askable(let name, let type): "askable \(name) \(type)"
        case .connected(let facts): "connected \(facts.id) \(facts.path.rawValue) \(facts.address ?? "-")"
        case .disconnected(let facts, _, let why):
            "disconnected \(facts.id) \(facts.sent) \(facts.received) \(why ?? "-")"
        case .refused(let facts, let refusal): "refused \(facts.id) \(refusal.reason.rawValue)"
        case .failed(let facts, let why): "failed \(facts.id) \(why)"
        case .untold(let count): "untold \(count)"
        }
    }
}

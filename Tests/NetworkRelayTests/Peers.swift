// Programs and servers of a World: sockets that never wait, and what came of them.

import Glibc
import LinuxSystem
import NetworkMessages
import NetworkRules

@testable import NetworkRelay

/// One end of a connection.
final class Peer: Party {
    /// How the other side has ended.
    enum End: Equatable { case closed, reset }

    private(set) var socket: FileDescriptor.Shared?
    private(set) var received: [UInt8] = []
    private(set) var receivedCount = 0
    private(set) var ended: End?
    private var outgoing: ArraySlice<UInt8> = []
    private var endsOutput = false
    /// Whether what comes is read.
    var reads = true { didSet { advance() } }
    /// Whether what comes is kept; its number is counted in any case.
    var keeps = true

    init(_ socket: FileDescriptor.Shared) {
        self.socket = socket
        StreamSocket.sendAtOnce(socket.number)
    }

    /// Both ends of a connection over loopback.
    static func pair() throws -> (Peer, FileDescriptor.Shared) {
        let listener = try StreamSocket.listen(SocketAddress(ipv4: 0x7f00_0001, port: 0))
        let socket = FileDescriptor.Shared(try StreamSocket.make(isIPv4: true))
        guard let address = StreamSocket.localAddress(listener.number) else {
            throw Missing(description: "address")
        }
        try StreamSocket.connect(socket.number, to: address)
        guard let accepted = try StreamSocket.accept(listener.number) else {
            throw Missing(description: "pair")
        }
        return (Peer(socket), FileDescriptor.Shared(accepted))
    }

    var text: String { String(decoding: received, as: UTF8.self) }
    /// Whether all that was to be sent is with the kernel.
    var isSent: Bool { outgoing.isEmpty }
    var unsent: Int { outgoing.count }

    var number: CInt { socket?.number ?? -1 }

    func advance(_ world: World) throws { advance() }

    func send(_ text: String) { send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) {
        outgoing.append(contentsOf: bytes)
        advance()
    }

    /// Says that nothing more comes, when all is sent.
    func endOutput() {
        endsOutput = true
        advance()
    }

    func close() { socket = nil }

    func reset() {
        if let socket { StreamSocket.resetOnClose(socket.number) }
        socket = nil
    }

    /// Forgets what has come.
    func forget() { received = [] }

    func advance() {
        guard let socket else { return }
        while !outgoing.isEmpty {
            guard case .moved(let count) = StreamSocket.send(socket.number, outgoing) else { break }
            outgoing = outgoing.dropFirst(count)
        }
        if outgoing.isEmpty, endsOutput {
            endsOutput = false
            StreamSocket.endOutput(socket.number)
        }
        guard reads, ended == nil else { return }
        while true {
            var part: [UInt8] = []
            switch StreamSocket.receive(socket.number, upTo: 65536, into: &part) {
            case .moved(let count):
                receivedCount += count
                if keeps { received += part }
                continue
            case .wouldBlock: return
            case .end: ended = .closed
            case .failed: ended = .reset
            }
            return
        }
    }
}

/// A listener of the host's, and the connections that came.
final class Server: Party {
    private let listener: FileDescriptor
    private let greeting: String?
    let port: UInt16
    private(set) var accepted: [Peer] = []
    var number: CInt { listener.number }
    /// What is done with a connection when it comes.
    var onAccept: ((Peer) -> Void)?

    init(_ greeting: String?) throws {
        listener = try StreamSocket.listen(SocketAddress(ipv4: 0x7f00_0001, port: 0))
        port = StreamSocket.localAddress(listener.number)?.port ?? 0
        self.greeting = greeting
    }

    func advance(_ world: World) throws {
        while let socket = try StreamSocket.accept(listener.number) {
            let peer = Peer(FileDescriptor.Shared(socket))
            accepted.append(peer)
            try world.add(peer)
            if let greeting { peer.send(greeting) }
            onAccept?(peer)
        }
    }
}

/// A socket of UDP on loopback.
final class Datagrams {
    let socket: FileDescriptor.Shared
    let address: SocketAddress
    var number: CInt { socket.number }

    init(receivesTarget: Bool = false) throws {
        let type = CInt(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        socket = FileDescriptor.Shared(
            FileDescriptor(owning: Glibc.socket(AF_INET, type, CInt(IPPROTO_UDP)))
        )
        if receivesTarget {
            var on: CInt = 1
            _ = unsafe setsockopt(socket.number, CInt(IPPROTO_IP), IP_PKTINFO, &on, socklen_t(4))
        }
        var local = Self.address(0)
        let number = socket.number
        let result = unsafe withUnsafePointer(to: &local) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(number, $0, socklen_t(16))
            }
        }
        guard result == 0, let bound = StreamSocket.localAddress(number) else {
            throw Missing(description: "bind")
        }
        address = bound
    }

    private static func address(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }

    /// Sends to a port of loopback.
    func send(_ bytes: [UInt8], to target: SocketAddress) {
        var target = Self.address(target.port)
        let number = socket.number
        _ = unsafe withUnsafePointer(to: &target) { target in
            unsafe target.withMemoryRebound(to: sockaddr.self, capacity: 1) { target in
                unsafe bytes.withUnsafeBytes {
                    unsafe sendto(number, $0.baseAddress, $0.count, 0, target, 16)
                }
            }
        }
    }

    func receive() -> [UInt8]? { DatagramSocket.receive(socket.number)?.bytes }
}

/// The resolver of the host: answers as it is told, from a real socket that c-ares asks.
final class NameServer {
    /// What becomes of a question.
    enum Answer {
        case addresses([String], seconds: UInt32)
        case nothing
        case silence
    }

    private let datagrams: Datagrams
    var port: UInt16 { datagrams.address.port }
    var number: CInt { datagrams.number }
    /// What each name leads to; the first one of several is used up.
    var answers: [String: [Answer]] = [:]
    /// The names that were asked for, in order, with the number of the type.
    private(set) var asked: [String] = []

    init() throws { datagrams = try Datagrams(receivesTarget: true) }

    func serve() {
        while let question = DatagramSocket.receive(datagrams.number) {
            guard case .query(let query) = DNSRequest.parse(question.bytes.span) else { continue }
            if let answer = answer(query) { DatagramSocket.answer(datagrams.number, question, answer) }
        }
    }

    private func answer(_ query: DNSQuery) -> [UInt8]? {
        asked.append("\(query.name) \(query.type)")
        let all = answers[query.name] ?? [.addresses(["127.0.0.1"], seconds: 60)]
        // Both questions for a name have the same answer; that for IPv4 comes first.
        if query.type == DNSQuery.RecordType.aaaa, all.count > 1 {
            answers[query.name] = Array(all.dropFirst())
        }
        switch all[0] {
        case .silence: return nil
        case .nothing: return query.reply(.noSuchName)
        case .addresses(let texts, let seconds):
            let wanted = texts.compactMap { IPAddress($0) }.filter {
                $0.isIPv4 == (query.type == DNSQuery.RecordType.a)
            }
            return query.reply(
                wanted.isEmpty ? .empty : .addresses(wanted.map(\.bytes)),
                secondsToLive: seconds
            )
        }
    }
}

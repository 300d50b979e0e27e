// Names to addresses, by c-ares: nothing here waits for a server. Several who ask for one name share a question, and an
// answer is kept as long as its server says.

internal import CCares
internal import Glibc
package import LinuxSystem
package import NetworkRules

/// What a name leads to.
package enum Resolution {
    /// To these, one at least.
    case addresses([IPAddress])
    /// To none; why, in words.
    case failed(String)
}

/// A resolver of names.
@safe package final class Resolver: Watcher {
    private struct Known {
        let resolution: Resolution
        let until: Int64
    }

    private unowned let network: any SocketLoop
    private let servers: [String]
    private var channel: ares_channel?
    private var known: [HostName: Known] = [:]
    private var waiting: [HostName: [(Resolution) -> Void]] = [:]
    /// Answers that have come within a call of c-ares: nobody is told before it returns, lest it is called in its own.
    private var answers: [(name: HostName, resolution: Resolution)] = []
    private var sockets: [CInt: ResolverSocket] = [:]
    private var configuration: FileFingerprint?
    private var id: UInt64 = 0
    private var nextWake: Int64 = .max

    private static let mostKnown = 4096
    /// Answers are not kept for longer, whatever their server says.
    private static let longest: Int64 = 300
    /// That a name leads nowhere is kept for so long.
    private static let refused: Int64 = 5

    /// Asks these servers; without any, those of the host.
    package init(_ network: any SocketLoop, servers: [String]) {
        self.network = network
        self.servers = servers
        id = network.register(self)
    }

    deinit { unsafe channel.map { unsafe ares_destroy($0) } }

    /// Finds the addresses, now or later.
    package func resolve(_ name: HostName, _ completion: @escaping (Resolution) -> Void) {
        let now = MonotonicClock.milliseconds
        if let known = known[name], known.until > now { return completion(known.resolution) }
        if waiting[name] != nil {
            waiting[name]?.append(completion)
            return
        }
        guard unsafe open() != nil else { return completion(.failed("the resolver cannot be set up")) }
        waiting[name] = [completion]
        ask(name, network.reachesIPv6 ? AF_UNSPEC : AF_INET)
        tellAnswers()
        schedule()
    }

    /// Asks for addresses of a family; a host without IPv6 asks for it only where there is nothing else.
    private func ask(_ name: HostName, _ family: CInt) {
        var hints = ares_addrinfo_hints()
        hints.ai_family = family
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        // To sort by family takes a socket for each address.
        hints.ai_flags = family == AF_INET ? CInt(ARES_AI_NOSORT) : 0
        let question = unsafe Unmanaged.passRetained(Question(self, name, family)).toOpaque()
        unsafe ares_getaddrinfo(
            channel,
            name.text,
            nil,
            &hints,
            { (argument, status, _, found) in
                guard let argument = unsafe argument else { return }
                let question = unsafe Unmanaged<Question>.fromOpaque(argument).takeRetainedValue()
                unsafe question.answered(status, found)
                if let found = unsafe found { unsafe ares_freeaddrinfo(found) }
            },
            question
        )
    }

    /// Who is told of an answer.
    private final class Question {
        weak var resolver: Resolver?
        let name: HostName
        let family: CInt

        init(_ resolver: Resolver, _ name: HostName, _ family: CInt) {
            self.resolver = resolver
            self.name = name
            self.family = family
        }

        func answered(_ status: CInt, _ found: UnsafeMutablePointer<ares_addrinfo>?) {
            var addresses: [IPAddress] = []
            var seconds = Resolver.longest
            var node = unsafe found?.pointee.nodes
            while let entry = unsafe node {
                if let address = unsafe Self.address(entry.pointee.ai_addr), !addresses.contains(address) {
                    addresses.append(address)
                }
                seconds = unsafe min(seconds, Int64(max(0, entry.pointee.ai_ttl)))
                unsafe node = entry.pointee.ai_next
            }
            let isThere = status == ARES_SUCCESS && !addresses.isEmpty
            if !isThere, family == AF_INET, [ARES_SUCCESS, ARES_ENODATA, ARES_ENOTFOUND].contains(status) {
                return resolver?.ask(name, AF_INET6) ?? ()
            }
            let text = unsafe String(cString: ares_strerror(status))
            let resolution: Resolution = isThere ? .addresses(addresses) : .failed(text)
            resolver?.answered(name, resolution, keptFor: isThere ? seconds : Resolver.refused)
        }

        private static func address(_ address: UnsafeMutablePointer<sockaddr>?) -> IPAddress? {
            guard let address = unsafe address else { return nil }
            if unsafe address.pointee.sa_family == sa_family_t(AF_INET) {
                return unsafe address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                    unsafe IPAddress.v4(UInt32(bigEndian: $0.pointee.sin_addr.s_addr))
                }
            }
            guard unsafe address.pointee.sa_family == sa_family_t(AF_INET6) else { return nil }
            return unsafe address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                let bytes = unsafe withUnsafeBytes(of: $0.pointee.sin6_addr) { unsafe Array($0) }
                return IPAddress(bytes: bytes)?.unmapped
            }
        }
    }

    private func answered(_ name: HostName, _ resolution: Resolution, keptFor seconds: Int64) {
        if known.count >= Self.mostKnown { known = [:] }
        let until = MonotonicClock.milliseconds + seconds * 1000
        if seconds > 0 { known[name] = Known(resolution: resolution, until: until) }
        answers.append((name, resolution))
    }

    private func tellAnswers() {
        let answers = self.answers
        self.answers = []
        for (name, resolution) in answers {
            for completion in waiting.removeValue(forKey: name) ?? [] { completion(resolution) }
        }
    }

    // MARK: The channel

    /// The host's resolver can change while an agent runs: another network, another file.
    private func open() -> ares_channel? {
        if servers.isEmpty, waiting.isEmpty {
            let now = FileFingerprint(["/etc/resolv.conf"])
            if now != configuration {
                unsafe channel.map { unsafe ares_destroy($0) }
                unsafe channel = nil
            }
            configuration = now
        }
        if let channel = unsafe channel { return unsafe channel }
        unsafe channel = channel(ARES_FLAG_NOSEARCH)
        // On loopback nobody else can answer in its place, and one port will do for all questions.
        if asksThisMachine {
            // First: a channel has 100 KiB.
            unsafe channel.map { unsafe ares_destroy($0) }
            unsafe channel = channel(ARES_FLAG_NOSEARCH | ARES_FLAG_STAYOPEN)
        }
        return unsafe channel
    }

    private func channel(_ flags: CInt) -> ares_channel? {
        var options = unsafe ares_options()
        unsafe options.flags = flags
        unsafe options.timeout = 2000
        unsafe options.tries = 3
        unsafe options.sock_state_cb = { (data, socket, readable, writable) in
            guard let data = unsafe data else { return }
            let resolver = unsafe Unmanaged<Resolver>.fromOpaque(data).takeUnretainedValue()
            resolver.watch(socket, readable: readable != 0, writable: writable != 0)
        }
        unsafe options.sock_state_cb_data = Unmanaged.passUnretained(self).toOpaque()
        let mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB
        var made: ares_channel?
        guard unsafe ares_init_options(&made, &options, CInt(mask)) == ARES_SUCCESS else { return nil }
        // Those of the host would be asked else.
        if !servers.isEmpty,
            unsafe ares_set_servers_ports_csv(made, servers.joined(separator: ",")) != ARES_SUCCESS
        {
            unsafe made.map { unsafe ares_destroy($0) }
            return nil
        }
        return unsafe made
    }

    /// Whether all servers are on loopback.
    private var asksThisMachine: Bool {
        var first: UnsafeMutablePointer<ares_addr_port_node>?
        guard unsafe ares_get_servers_ports(channel, &first) == ARES_SUCCESS else { return false }
        defer { unsafe ares_free_data(first) }
        var next = unsafe first
        while let server = unsafe next {
            let isIPv4 = unsafe server.pointee.family == AF_INET
            let bytes = unsafe withUnsafeBytes(of: server.pointee.addr) {
                unsafe Array($0.prefix(isIPv4 ? 4 : 16))
            }
            guard let address = IPAddress(bytes: bytes), SocketAddress(address, port: 0).isLoopback else {
                return false
            }
            unsafe next = server.pointee.next
        }
        return unsafe first != nil
    }

    private func watch(_ socket: CInt, readable: Bool, writable: Bool) {
        if !readable && !writable {
            sockets.removeValue(forKey: socket)?.end()
        } else if let watcher = sockets[socket] {
            watcher.change(readable: readable, writable: writable)
        } else {
            sockets[socket] = ResolverSocket(network, socket, readable: readable, writable: writable) {
                [unowned self] readable, writable in
                unsafe ares_process_fd(channel, readable ? socket : -1, writable ? socket : -1)
                tellAnswers()
                schedule()
            }
        }
    }

    private func schedule() {
        guard !waiting.isEmpty, unsafe channel != nil else { return }
        var time = timeval()
        guard unsafe ares_timeout(channel, nil, &time) != nil else { return }
        // Rounded up, lest it is woken before.
        let milliseconds = Int64(time.tv_sec) * 1000 + Int64(time.tv_usec + 999) / 1000
        let next = MonotonicClock.milliseconds + milliseconds + 1
        guard next < nextWake else { return }
        nextWake = next
        network.wake(id, at: next)
    }

    /// See `Watcher.ready`.
    package func ready(_ side: Int, _ event: Readiness) {}

    /// Asks the next server, or gives up.
    package func timeUp() {
        nextWake = .max
        guard !waiting.isEmpty else { return }
        unsafe ares_process_fd(channel, -1, -1)
        tellAnswers()
        schedule()
    }

    /// Forgets what is known and closes its sockets; whoever waits is told.
    func end() {
        unsafe channel.map { unsafe ares_destroy($0) }
        unsafe channel = nil
        known = [:]
        network.unregister(id)
        tellAnswers()
    }
}

/// A socket of c-ares.
private final class ResolverSocket: Watcher {
    private unowned let network: any SocketLoop
    private let number: CInt
    private let process: (Bool, Bool) -> Void
    private var id: UInt64 = 0

    init(
        _ network: any SocketLoop,
        _ number: CInt,
        readable: Bool,
        writable: Bool,
        _ process: @escaping (Bool, Bool) -> Void
    ) {
        self.network = network
        self.number = number
        self.process = process
        id = network.register(self)
        network.watch(number, id, 0, readable: readable, writable: writable)
    }

    func change(readable: Bool, writable: Bool) {
        network.change(number, id, 0, readable: readable, writable: writable)
    }

    func end() {
        network.forget(number)
        network.unregister(id)
    }

    func ready(_ side: Int, _ event: Readiness) {
        process(event.readable || event.hangup, event.writable)
    }

    func timeUp() {}
}

// One connection of a program inside, from its first byte to its last: what it may be (Gate), the other end (Connection+
// Opening), two flows. It goes as far as it can each time that one of its sockets is ready.

internal import LinuxSystem
internal import NetworkMessages
internal import NetworkRules

/// A connection that is relayed.
final class Connection: Watcher, TurnTaker {
    /// How far it has come.
    enum Phase {
        /// The proxy's client has not said where it wants to go.
        case negotiating
        /// A person is being asked about the destination.
        case held
        /// The other end is being looked for and connected to.
        case opening
        /// Both ends are there.
        case open
        /// It was refused; what the client speaks decides how it is told.
        case refusing(Refusal)
        /// It could not be made, for this reason; that is told likewise.
        case failing(String)
        /// The last answer is on its way.
        case closing
        case closed
    }

    let network: AgentNetwork
    let number: UInt64
    private(set) var id: UInt64 = 0
    var phase = Phase.negotiating
    var facts: ConnectionFacts
    var client: End
    var server: End?
    var gate: Gate?
    var negotiation: Negotiation?
    var asking = Asking.none
    var dialer: Dialer?
    var handshake: ProxyHandshake?
    /// Of the other end.
    var address: SocketAddress?
    private var upload = Flow()
    var download = Flow()
    /// What the client has sent and was not looked at yet.
    private var words: [UInt8] = [] {
        didSet {
            network.heldBytes += words.count - heldBytes
            heldBytes = words.count
        }
    }
    private var heldBytes = 0
    /// When something must have been said, or whatever the phase waits for be over.
    private var deadline: Int64 = .max
    /// The soonest time that the network was asked for and has not come.
    private var nextWake: Int64 = .max
    private var isUploadEnded = false
    /// The proxy's client has been told, or is being told, that it is connected.
    private var isTunnel = false
    /// The server's answer that is waited for, as far as it came.
    private var answer: [UInt8]?
    /// Whether the network has it in its queue.
    var isQueued = false

    private static let piece = 16384
    /// So many pieces are looked at in one turn.
    private static let turn = 64
    private static let mostWords = 80 << 10
    /// What nearly every hello and head fits into: more only while there is memory.
    private static let fewWords = 4096
    /// How long a refused client is given to show what it speaks, that it may be told in its own terms.
    private static let courtesy: Int64 = 40
    private static let farewell: Int64 = 500

    init(_ network: AgentNetwork, _ number: UInt64, _ socket: FileDescriptor.Shared) {
        self.network = network
        self.number = number
        client = End(socket)
        // A program that has connected says something at once, as a rule.
        client.isReadable = true
        facts = ConnectionFacts(
            id: number,
            path: .transparent,
            began: MonotonicClock.milliseconds,
            socket: socket.number
        )
        id = network.register(self)
        network.watch(socket.number, id, 0, readable: true, writable: true, edge: true)
        wake(after: network.patience)
    }

    /// Bytes of the program inside, sent and received.
    var carried: (sent: Int64, received: Int64) {
        // From the host inwards, the client is outside.
        facts.path == .forward ? (download.moved, upload.moved) : (upload.moved, download.moved)
    }

    // MARK: Events

    func ready(_ side: Int, _ event: Readiness) {
        if side == 0 { client.note(event) } else { server?.note(event) }
        network.later(self)
    }

    func wake(after milliseconds: Int64) { wake(at: MonotonicClock.milliseconds + milliseconds) }

    private func wake(at time: Int64) {
        deadline = time
        // Asked for too early rather than twice.
        guard time < nextWake else { return }
        nextWake = time
        network.wake(id, at: time)
    }

    func timeUp() {
        nextWake = .max
        guard MonotonicClock.milliseconds >= deadline else {
            return deadline == .max ? () : wake(at: deadline)
        }
        deadline = .max
        switch phase {
        case .negotiating: close(why: nil)
        case .refusing(let refusal): tellRefusal(refusal)
        case .failing(let why): tellFailure(why)
        case .closing: close(why: nil)
        case .opening, .open:
            guard !words.isEmpty, gate?.isFree == false else { return }
            // What was said before waits for the server.
            guard upload.isEmpty, answer == nil else { return wake(after: network.patience) }
            refuse(
                gate?.impatience ?? Refusal(.malformed, "what was begun to be said was not finished in time")
            )
        case .held, .closed: return
        }
    }

    /// Goes as far as it can.
    func advance() {
        switch phase {
        case .negotiating: negotiate()
        case .held: watchHeld()
        case .opening: advanceUpload()
        case .open:
            advanceUpload()
            advanceDownload()
            endIfDone()
            endIfGone()
        case .refusing(let refusal): if readWords() != .wouldBlock { tellRefusal(refusal) }
        case .failing(let why): if readWords() != .wouldBlock { tellFailure(why) }
        case .closing: discard()
        case .closed: return
        }
    }

    /// Reads what the client has sent; `.moved` if there is more than before.
    func readWords() -> IOResult {
        guard client.isReadable else { return .wouldBlock }
        guard words.count < Self.mostWords, !network.holdsMuch || words.count < Self.fewWords else {
            return .failed(.noMemory)
        }
        let isFirst = words.isEmpty
        let most = network.holdsMuch ? Self.fewWords : Self.piece
        let result = StreamSocket.receive(client.number, upTo: most, into: &words)
        if result == .wouldBlock { client.isReadable = false }
        if isFirst, case .moved = result {
            switch phase {
            case .refusing, .failing, .held: return result
            case .negotiating, .opening, .open, .closing, .closed: break
            }
            wake(after: network.patience)
        }
        return result
    }

    // MARK: The proxy's clients

    /// Asks where the client wants to go.
    func negotiate() {
        if negotiation == nil { negotiation = Negotiation() }
        while case .negotiating = phase, let step = negotiation?.next(words[...]) {
            facts.path = negotiation?.path ?? .connect
            switch step {
            case .needMore:
                switch readWords() {
                case .moved: continue
                case .wouldBlock: return
                case .end, .failed: return close(why: nil)
                }
            case .reply(let bytes, let count):
                words.removeFirst(count)
                _ = StreamSocket.send(client.number, bytes[...])
            case .found(let destination, let path, let count):
                words.removeFirst(count)
                facts.path = path
                go(to: network.named(destination))
            case .refuse(let refusal): refuse(refusal)
            }
        }
    }

    // MARK: Flows

    private func advanceUpload() {
        for _ in 0..<Self.turn {
            switch phase {
            case .opening: if !upload.held.isEmpty || upload.allowance > 0 { return }
            case .open: break
            default: return
            }
            if server != nil, let pause = runUpload() {
                switch pause {
                case .held: break
                case .more: return network.later(self)
                case .waits, .ended: return
                case .broken(let errno): return broken(errno)
                }
            }
            if !takeStep() { return }
        }
        network.later(self)
    }

    private func runUpload() -> Flow.Pause? {
        guard var end = server else { return nil }
        let before = upload.moved
        defer {
            server = end
            network.linger.moved(upload.moved - before)
        }
        return upload.run(from: &client, to: &end, network.pipes, isLast: download.isEnded)
    }

    /// Looks at what the client has said; false when there is nothing to be done with it now.
    private func takeStep() -> Bool {
        guard let step = gate?.next(words[...], network.policy) else { return false }
        switch step {
        case .needMore:
            switch readWords() {
            case .moved: return true
            case .wouldBlock: return false
            case .failed(let errno):
                broken(errno)
                return false
            case .end:
                if words.isEmpty {
                    upload.isSourceEnded = true
                    return server != nil
                }
                if gate?.ended() == true { return true }
                refuse(Refusal(.malformed, "the connection ended in the middle of what is looked at"))
                return false
            }
        case .pass(let count, let instead):
            upload.held = instead?[...] ?? words[..<count]
            words.removeFirst(count)
            if gate?.awaitsAnswer == true {
                answer = []
                download.allowance = 0
            }
        case .unseen(let count):
            let now = Int(min(Int64(words.count), count))
            upload.held = words[..<now]
            words.removeFirst(now)
            upload.allowance = count == .max ? .max : count - Int64(now)
            if count == .max { words = [] }
        case .awaitAnswer: return false
        case .done:
            isUploadEnded = true
            switch drop() {
            case .end: upload.isSourceEnded = true
            case .failed(let errno): broken(errno)
            case .moved, .wouldBlock: break
            }
            return upload.isSourceEnded
        case .refuse(let refusal):
            refuse(refusal)
            return false
        }
        return true
    }

    private func advanceDownload() {
        guard case .open = phase, server != nil else { return }
        if answer != nil { readAnswer() }
        guard var end = server else { return }
        let before = download.moved
        let pause = download.run(from: &end, to: &client, network.pipes, isLast: upload.isEnded)
        server = end
        network.linger.moved(download.moved - before)
        switch pause {
        case .more: network.later(self)
        case .broken(let errno): broken(errno)
        case .waits, .ended, .held: return
        }
    }

    /// What the server says first: whether it agrees to change the protocol, or wants another hello.
    private func readAnswer() {
        guard var bytes = answer, server?.isReadable == true, let number = server?.number else { return }
        let result = StreamSocket.receive(number, upTo: Self.piece, into: &bytes)
        answer = bytes
        if result == .wouldBlock {
            server?.isReadable = false
            return
        }
        var isAll = true
        if case .moved = result { isAll = bytes.count >= Self.piece }
        guard gate?.answered(bytes[...], isAll: isAll) != false else { return readAnswer() }
        answer = nil
        // The proxy's client may not have been told yet that it is connected.
        download.held += bytes
        download.allowance = .max
        network.later(self)
    }

    private func endIfDone() {
        guard case .open = phase else { return }
        let noMore = upload.isEnded || isUploadEnded
        if download.isEnded && noMore { close(why: nil) }
    }

    /// An end that is gone altogether, though nothing reads from it that would say so.
    private func endIfGone() {
        guard case .open = phase, let server else { return }
        let isUploadQuiet = upload.isEnded || isUploadEnded || answer != nil
        if client.isGone && isUploadQuiet && !download.isEnded
            || server.isGone && download.isEnded && !upload.isEnded
        {
            broken(.connectionReset)
        }
    }

    // MARK: Both ends

    /// The other end is there; `first` are bytes of it that were read already.
    func opened(_ socket: FileDescriptor.Shared, first: [UInt8] = []) {
        server = End(socket)
        server?.isWritable = true
        phase = .open
        download.allowance = answer == nil ? .max : 0
        download.held = first[...]
        if let success = negotiation?.success, !success.isEmpty {
            isTunnel = true
            download.held = (success + first)[...]
        }
        network.event(.connected(facts))
        guard network.watch(socket.number, id, 1, readable: true, writable: true, edge: true) else {
            return broken(.noMemory)
        }
        advance()
        // What has been said already was not held up by that.
        StreamSocket.sendAtOnce(socket.number)
        StreamSocket.keepAlive(socket.number)
    }

    /// Bytes from the host's side go into the sandbox, and nothing of them is looked at.
    func relay(to inside: FileDescriptor.Shared, _ port: UInt16) {
        facts.path = .forward
        facts.destination = Destination(.address(.v4(0x7f00_0001)), port: port)
        upload.allowance = .max
        opened(inside)
    }

    // MARK: The end

    private func broken(_ errno: Errno) {
        if let server { StreamSocket.resetOnClose(server.number) }
        StreamSocket.resetOnClose(client.number)
        close(why: "\(errno)")
    }

    /// Not allowed: the other end is left, and the client is told.
    func refuse(_ refusal: Refusal) {
        network.event(.refused(facts, refusal))
        leaveOpening()
        if server != nil {
            // An answer of ours could be taken for the server's to another request.
            guard isUntouched else { return broken(.access) }
            leaveServer(why: "refused")
        }
        phase = .refusing(refusal)
        if spoken != nil || negotiation != nil && !isTunnel {
            tellRefusal(refusal)
        } else {
            wake(after: Self.courtesy)
            advance()
        }
    }

    /// Whether neither end has been sent anything of the other's.
    private var isUntouched: Bool {
        let own = isTunnel ? negotiation?.success.count ?? 0 : 0
        return download.isEmpty && download.moved == Int64(own) && gate?.isUntouched != false
    }

    /// What the client speaks, if that is known.
    private var spoken: ClientProtocol? {
        if let seen = gate?.seen { return seen }
        let words = words
        return ClientProtocol.recognize(words.span)
    }

    /// It could not be made.
    func fail(_ why: String, isRefused: Bool) {
        network.event(.failed(facts, why: why))
        if let negotiation { return answer(negotiation.failure(why, isRefused: isRefused)) }
        phase = .failing(why)
        if spoken != nil { return tellFailure(why) }
        // Known at once, perhaps before its first word.
        wake(after: Self.courtesy)
        advance()
    }

    private func tellFailure(_ why: String) {
        if spoken == .http { return answer(HTTPAnswer.failure(why)) }
        StreamSocket.resetOnClose(client.number)
        close(why: nil)
    }

    private func tellRefusal(_ refusal: Refusal) {
        if let negotiation, !isTunnel { return answer(negotiation.refusal(refusal)) }
        switch spoken {
        case .tls?: answer(TLSHello.accessDenied)
        case .http?: answer(HTTPAnswer.refusal(refusal))
        case .other?, nil:
            StreamSocket.resetOnClose(client.number)
            close(why: nil)
        }
    }

    private func leaveOpening() {
        dialer?.cancel()
        dialer = nil
        handshake?.cancel()
        handshake = nil
    }

    private func leaveServer(why: String) {
        guard let server else { return }
        network.forget(server.number)
        StreamSocket.resetOnClose(server.number)
        tellEnd(why: why)
        self.server = nil
    }

    private func tellEnd(why: String?) {
        (facts.sent, facts.received) = carried
        network.event(.disconnected(facts, milliseconds: MonotonicClock.milliseconds - facts.began, why: why))
    }

    private func answer(_ bytes: [UInt8]) {
        words = []
        // So little fits into the buffer of a connection on which nothing was sent.
        _ = StreamSocket.send(client.number, bytes[...])
        StreamSocket.endOutput(client.number)
        phase = .closing
        wake(after: Self.farewell)
        discard()
    }

    /// What still comes is not read by anybody; left unread, it would turn the end into a reset, and the answer be lost.
    private func discard() {
        switch drop() {
        case .end, .failed: close(why: nil)
        case .moved, .wouldBlock: return
        }
    }

    /// Reads what goes nowhere, some of it in one turn.
    private func drop() -> IOResult {
        for _ in 0..<Self.turn {
            guard client.isReadable else { return .wouldBlock }
            words = []
            let result = StreamSocket.receive(client.number, upTo: Self.piece, into: &words)
            words = []
            if result == .wouldBlock { client.isReadable = false }
            guard case .moved = result else { return result }
        }
        network.later(self)
        return .wouldBlock
    }

    /// Closes both ends.
    func close(why: String?) {
        if case .closed = phase { return }
        phase = .closed
        leaveOpening()
        leaveAsking()
        // Closing takes them out of the set: nobody else has them.
        if server != nil { tellEnd(why: why) }
        server = nil
        upload.close(network.pipes)
        download.close(network.pipes)
        words = []
        network.unregister(id)
        network.ended(self)
    }

    // MARK: Another policy

    /// Closes it if the policy does not allow it any more.
    func judgeAgain() {
        guard let destination = facts.destination, facts.path != .forward else { return }
        switch phase {
        case .held: return judgeHeld(destination)
        case .opening, .open: break
        default: return
        }
        let decision = network.policy.decide(destination)
        var grant = decision.grant
        if let refusal = decision.refusal {
            // What a person has said of this very connection holds on, as long as no rule is against it.
            guard refusal.isOfNewHost, case .approved(let approved) = asking else { return withdraw(refusal) }
            grant = approved
        }
        guard let grant else { return }
        if let address, address.port == destination.port,
            let refusal = network.refusal(of: IPAddress(address).unmapped, for: destination, grant)
        {
            return withdraw(refusal)
        }
        if gate?.replace(grant, network.policy) == false {
            withdraw(Refusal(.wrongProtocol, "the new rules for \(destination) want another protocol"))
        }
        facts.rule = grant.rule
        facts.origin = grant.origin
    }

    private func withdraw(_ refusal: Refusal) {
        network.event(.refused(facts, refusal))
        StreamSocket.resetOnClose(client.number)
        if let server { StreamSocket.resetOnClose(server.number) }
        close(why: "no longer allowed")
    }
}

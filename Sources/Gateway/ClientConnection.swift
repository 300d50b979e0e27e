// A connection of the agent's to its gateway: requests, one after the other, and what becomes of each. What the agent
// sends goes on no faster than the service takes it, and the other way round.

internal import ClocheModel
internal import LinuxSystem
internal import ModelUsage
internal import NetworkMessages

/// One connection of the agent's.
final class ClientConnection: Continuing {
    private unowned let gateway: Gateway
    private let client: AgentStream
    /// The service that its address is of.
    private let only: String?
    private var id: UInt64 = 0
    private var watched: Watched
    private var phase = ClientPhase.head
    private var input = ByteQueue()
    private var output = ByteQueue()
    private var reader = HTTPRequestReader()
    private var deadline: Int64
    /// The soonest time that the loop will tell of.
    private var timer: Int64
    private var isQueued = false
    private var held = 0
    private var hasEnded = false

    // Of the request that is under way.
    private var request: HTTPRequestHead?
    private var target = ServiceTarget()
    private var told: GatewayRequest?
    private var question: Int64 = 0
    private var body = RequestBody.done
    private var scan: RequestScan?
    /// What was said of it when the supervisor was asked.
    private var judged: ModelRequest?
    private var usage: UsageReader?
    /// Whether the service has got any of the request.
    private var wasSent = false
    /// What is taken out of the answer: the key that was sent, whatever has become of it meanwhile.
    private var filter = SecretFilter([])
    private var replay = RequestReplay(isKept: false)
    private var interimHeads = 0
    private var outcome = GatewayOutcome()
    private var began: Int64 = 0
    private var isCounted = false
    private var giveUp: (() -> Void)?
    private var stream: ServiceStream?
    private var streamWatched: Watched?
    /// With the key in it: kept apart, and never moved.
    private var headToService: [UInt8] = []
    private var headSent = 0
    private var toService = ByteQueue()
    private var answerReader = HTTPAnswerReader()
    private var answerHead: [UInt8] = []
    private var answer: AnswerBody?
    private var answerKeepsAlive = false
    private var clientKeepsAlive = false

    /// So much waits for the slower side.
    private static let limit = 256 << 10
    private static let headTime: Int64 = 30_000
    private static let idleTime: Int64 = 300_000
    /// A model may think for long before its first word.
    private static let exchangeTime: Int64 = 1_800_000
    /// What one turn moves before others have theirs.
    private static let turn = 1 << 20
    private static let longestDropped: Int64 = 64 << 20
    private static let mostInterim = 16

    init(_ gateway: Gateway, _ client: AgentStream, only: String?) {
        self.gateway = gateway
        self.client = client
        self.only = only
        if client.isIntercepted { phase = .securing }
        watched = Watched(client.socket.number, side: 0)
        deadline = MonotonicClock.milliseconds + Self.headTime
        timer = deadline
        id = gateway.loop.register(self)
        gateway.loop.wake(id, at: deadline)
        update()
    }

    /// The service that is being spoken to.
    var service: String? { stream == nil && giveUp == nil ? nil : target.service }

    // MARK: Events

    func ready(_ side: Int, _ event: Readiness) {
        if side == 0 {
            if case .securing = phase { secure() }
            if event.readable || event.hangup || client.readWantsWrite { readClient() }
            if !hasEnded, event.writable || client.writeWantsRead { writeClient() }
        } else {
            advanceService()
        }
        update()
    }

    func goOn() {
        isQueued = false
        if hasEnded { return }
        if case .head = phase { readNext() } else { advanceService() }
        update()
    }

    func timeUp() {
        guard !hasEnded else { return }
        let now = MonotonicClock.milliseconds
        // An earlier one that is not the last any more is let pass.
        guard now >= timer else { return }
        if now < deadline { return setTimer() }
        switch phase {
        case .exchanging where answer == nil && answerHead.isEmpty:
            refuse(GatewayRefusal(504, "\(target.service) did not answer in time"))
            update()
        // The supervisor has a time of its own for that.
        case .asking: extend(Self.exchangeTime)
        default: close(why: "nothing came for too long")
        }
    }

    private func extend(_ time: Int64) {
        deadline = MonotonicClock.milliseconds + time
        // One that comes before is set anew when it does.
        if deadline < timer { setTimer() }
    }

    private func setTimer() {
        timer = deadline
        gateway.loop.wake(id, at: timer)
    }

    /// Adds what waits here to what waits in all connections.
    private func account() {
        let now = input.count + output.count + toService.count + replay.held
        gateway.held += now - held
        held = now
    }

    /// Watches both sides for what can be done with them.
    private func update() {
        if hasEnded { return }
        account()
        let mayRead: Bool
        switch phase {
        case .head, .dropping: mayRead = output.count < Self.limit && gateway.hasRoom
        // An agent that has gone is seen.
        case .collecting, .asking, .connecting: mayRead = input.count < Self.limit && gateway.hasRoom
        case .exchanging:
            mayRead = input.count < Self.limit && toService.count < (gateway.hasRoom ? Self.limit : 1)
        case .closing: mayRead = false
        case .securing: mayRead = true
        }
        let wantsClient = mayRead && !client.readWantsWrite || client.writeWantsRead
        let hasOutput = !output.isEmpty && !client.writeWantsRead || client.readWantsWrite
        watched.want(wantsClient, hasOutput, of: id, in: gateway.loop)
        guard let stream, case .exchanging = phase else { return }
        let mayAnswer = output.count < (gateway.hasRoom ? Self.limit : 1)
        let wantsRead = mayAnswer && !stream.readWantsWrite || stream.writeWantsRead
        let wantsWrite = isSending && !stream.writeWantsRead || stream.readWantsWrite
        streamWatched?.want(wantsRead, wantsWrite, of: id, in: gateway.loop)
        if mayAnswer, stream.hasPending { later() }
    }

    private func later() {
        if isQueued { return }
        isQueued = true
        gateway.loop.later(id)
    }

    // MARK: The agent's side

    /// Goes on with TLS; what it is for is known by the name in it, and one that is for nothing ends.
    private func secure() {
        switch client.handshake() {
        case .done: phase = .head
        case .waits: return
        case .failed(let failure):
            if client.isDistrusted, let host = client.host { gateway.distrusted(host) }
            close(why: failure.why)
        }
    }

    private func readClient() {
        if hasEnded { return }
        if case .securing = phase { return }
        var moved = 0
        while moved < Self.turn, input.count < Self.limit {
            // A record of TLS is shorter than the room: nothing of one stays behind in the stream.
            let result = unsafe client.read(into: gateway.room)
            guard case .moved(let count) = result else {
                if result == .wouldBlock { break }
                return close(why: "the agent has closed the connection")
            }
            moved += count
            if case .closing = phase { return }
            unsafe input.append(UnsafeRawBufferPointer(rebasing: gateway.room[..<count]))
            process()
            account()
            let isAll = unsafe !client.isIntercepted && count < gateway.room.count
            if hasEnded || isAll { break }
        }
    }

    private func writeClient() {
        while !output.isEmpty {
            switch unsafe output.slice.withUnsafeBytes({ unsafe client.write($0) }) {
            case .moved(let count): output.consume(count)
            case .wouldBlock: return
            case .end, .failed: return close(why: "the agent has closed the connection")
            }
        }
        if case .closing = phase { return close(why: nil) }
        if case .exchanging = phase, stream?.hasPending ?? false { later() }
        if case .head = phase, !input.isEmpty { later() }
    }

    /// The next request, if it has come, as long as the agent reads its answers.
    private func readNext() {
        if !input.isEmpty, output.count < Self.limit { readHead() }
    }

    private func process() {
        switch phase {
        case .head: if !isQueued { readNext() }
        case .collecting: collect()
        case .exchanging: passBody()
        case .dropping: dropBody()
        case .securing, .asking, .connecting, .closing: return
        }
    }

    private func readHead() {
        let result = reader.read(input.slice.span)
        switch result {
        case .needMore:
            if !input.isEmpty, began == 0 {
                began = MonotonicClock.milliseconds
                extend(Self.headTime)
            }
        case .malformed(let why):
            clientKeepsAlive = false
            respond(GatewayRefusal(400, why))
        case .found(let head, let length):
            input.consume(length)
            reader = HTTPRequestReader()
            begin(head)
        }
    }

    private func begin(_ head: HTTPRequestHead) {
        request = head
        body = RequestBody(head.body)
        clientKeepsAlive = head.keepsAlive
        outcome = GatewayOutcome()
        (judged, wasSent, interimHeads) = (nil, false, 0)
        began = MonotonicClock.milliseconds
        extend(Self.exchangeTime)
        do throws(GatewayRefusal) {
            target = try client.target(head, only: only)
            try gateway.checkMethod(head.method, target)
            var request = GatewayRequest(service: target.service, method: head.method, path: target.path)
            if case .length(let length) = head.body { request.length = Int64(length) }
            if case .none = head.body { request.length = 0 }
            told = request
            let form = try gateway.check(target)
            if form != nil, let encoding = head["content-encoding"], encoding.lowercased() != "identity" {
                throw GatewayRefusal(400, "a request whose body is encoded cannot be counted")
            }
            scan = RequestScan(head, form, path: target.path)
            replay = RequestReplay(isKept: gateway.isLogin(target.service))
            usage = nil
            phase = .collecting
            if head.expectsContinue && head.minorVersion == 1 && !body.isDone {
                output.append("HTTP/1.1 100 Continue\r\n\r\n".utf8)
                writeClient()
            }
            if !hasEnded { collect() }
        } catch {
            // Its client may send the body or not: what comes next has two meanings.
            if head.expectsContinue, !body.isDone { clientKeepsAlive = false }
            refuse(error)
        }
    }

    /// Asks the supervisor when it is known what for: all of the request is there, or more of it than tells.
    private func collect() {
        guard let told else { return }
        scan?.look(at: input)
        guard let scan, scan.isDone || scan.request == nil || input.count >= Self.limit else { return }
        judged = scan.request.map { request in
            guard case .length(let length) = self.request?.body else { return request }
            return ModelRequest(billing: request.billing, model: request.model, bytes: Int64(length))
        }
        if judged == nil, gateway.isPublic(target.service) {
            judged = ModelRequest(billing: .free, model: nil, bytes: 0)
        }
        question = gateway.ask(told, judged, self)
        phase = .asking(question)
    }

    /// What the supervisor says.
    ///
    /// - Returns: whether that is of the request that waits; if not, it is of none any more.
    func decided(_ question: Int64, _ refusal: GatewayRefusal?) -> Bool {
        guard case .asking(question) = phase else { return false }
        if let refusal {
            refuse(refusal)
        } else {
            isCounted = true
            // Its time begins now: a person may have been asked.
            extend(Self.exchangeTime)
            connect()
        }
        update()
        return true
    }

    private func connect() {
        phase = .connecting
        let giveUp = gateway.connect(target.service) { [weak self] result in
            guard let self, !hasEnded, case .connecting = phase else { return }
            self.giveUp = nil
            switch result {
            case .failure(let refusal): refuse(refusal)
            case .success(let stream): send(on: stream)
            }
            update()
        }
        if case .connecting = phase { self.giveUp = giveUp }
    }

    private func send(on stream: ServiceStream) {
        guard let request else { return }
        if gateway.isForgotten(target.service) {
            // The login is another one since the connection was asked for.
            gateway.keep(stream, for: target.service)
            return connect()
        }
        do throws(GatewayRefusal) {
            headToService = try gateway.head(request, target)
            headSent = 0
            filter = gateway.filter(target.service)
            replay.begins(with: gateway.key(target.service))
        } catch { return refuse(error) }
        self.stream = stream
        streamWatched = Watched(stream.socket.number, side: 1)
        phase = .exchanging
        answer = nil
        answerHead = []
        answerReader = HTTPAnswerReader()
        passBody()
    }

    /// Passes on what has come of the request's body.
    private func passBody() {
        scan?.look(at: input)
        if scan?.request?.billing == .deferred, judged?.billing != .deferred {
            return refuse(
                GatewayRefusal(400, "what makes the service answer later stands too late in the request")
            )
        }
        while !input.isEmpty, !body.isDone, toService.count < Self.limit {
            guard let count = bodyCount() else { return }
            scan?.passed(count)
            toService.append(input.slice.prefix(count))
            // What could be sent again is kept while there is room: an agent decides how much that would be.
            if gateway.hasRoom { replay.passed(input.slice.prefix(count)) } else { replay.forget() }
            input.consume(count)
            outcome.sent += Int64(count)
        }
        writeService()
    }

    /// How much of what has come is of the body; nil if it is none, and the connection is closed.
    private func bodyCount() -> Int? {
        switch body.take(input.slice.span) {
        case .success(let count): return count
        case .failure(let malformed):
            close(why: malformed.why)
            return nil
        }
    }

    private func dropBody() {
        while !input.isEmpty, !body.isDone {
            guard let count = bodyCount() else { return }
            input.consume(count)
            outcome.sent += Int64(count)
            if outcome.sent > Self.longestDropped { return close(why: nil) }
        }
        if body.isDone { next() }
    }

    // MARK: The service's side

    private func advanceService() {
        guard case .exchanging = phase else { return }
        if !body.isDone, !input.isEmpty, toService.count < Self.limit { passBody() } else { writeService() }
        if !hasEnded, case .exchanging = phase { readService() }
    }

    private func writeService() {
        guard let stream else { return }
        while isSending {
            let isHead = !headToService.isEmpty
            let bytes = isHead ? headToService[headSent...] : toService.slice
            let result = unsafe bytes.withUnsafeBytes { unsafe stream.write($0) }
            guard case .moved(let count) = result else {
                // It may have answered before it closed.
                if result != .wouldBlock { readService() }
                return
            }
            wasSent = true
            if isHead { headSent += count } else { toService.consume(count) }
            if headSent == headToService.count { headToService.wipe() }
        }
        if !body.isDone, !input.isEmpty { later() }
    }

    private func readService() {
        guard let stream else { return }
        var moved = 0
        while moved < Self.turn, output.count < Self.limit {
            let result = unsafe stream.read(into: gateway.room)
            guard case .moved(let count) = result else {
                if result == .wouldBlock { return }
                return serviceEnded(isClean: result == .end)
            }
            moved += count
            extend(Self.exchangeTime)
            unsafe took(UnsafeMutableRawBufferPointer(rebasing: gateway.room[..<count]))
            if hasEnded { return }
            writeClient()
            guard !hasEnded, self.stream === stream else { return }
        }
        if output.count < Self.limit { later() }
    }

    private func took(_ bytes: UnsafeMutableRawBufferPointer) {
        if answer != nil { return unsafe tookBody(bytes) }
        unsafe answerHead.append(contentsOf: bytes)
        while true {
            switch answerReader.read(answerHead.span) {
            case .needMore: return
            case .malformed(let why): return refuse(GatewayRefusal(502, "\(target.service): \(why)"))
            case .found(let head, let length):
                answerHead.removeFirst(length)
                answerReader = HTTPAnswerReader()
                if head.isInterim {
                    interimHeads += 1
                    if interimHeads <= Self.mostInterim { continue }
                    return refuse(GatewayRefusal(502, "\(target.service) does not come to its answer"))
                }
                var rest = answerHead
                answerHead = []
                beginAnswer(head, isFollowed: !rest.isEmpty)
                if answer != nil { unsafe rest.withUnsafeMutableBytes { unsafe tookBody($0) } }
                return
            }
        }
    }

    private func beginAnswer(_ head: HTTPAnswerHead, isFollowed: Bool) {
        guard let request, head.status != 101 else {
            return refuse(GatewayRefusal(502, "\(target.service) wants to change to another protocol"))
        }
        if isRepeated(head) { return }
        let encoding = head["content-encoding"]?.lowercased() ?? "identity"
        guard encoding == "identity" else {
            // Not quoted: nobody has looked for the key in it.
            let why = "\(target.service) answers in an encoding that was not asked for"
            return refuse(GatewayRefusal(502, why))
        }
        let framing = head.body(ofMethod: request.method)
        // What follows an answer without a body was not asked for.
        answerKeepsAlive = head.keepsAlive && !(isFollowed && AnswerBody.isEmpty(framing))
        outcome.status = Int64(head.status)
        let links = gateway.links(target.service)
        let shown = AgentAnswerHead(head, to: request, links, keepsAlive: clientKeepsAlive)
        clientKeepsAlive = shown.keepsAlive
        var filter = filter
        var bytes = Array(shown.text.utf8)
        unsafe bytes.withUnsafeMutableBytes { room in
            unsafe filter.feed(room) { unsafe output.append($0) }
        }
        unsafe filter.finish { unsafe output.append($0) }
        outcome.hadKey = filter.hasFound
        if let form = gateway.form(target.service), 200..<300 ~= head.status, judged?.billing != .free {
            let type = head["content-type"]?.lowercased() ?? ""
            usage = UsageReader(form, isEventStream: type.hasPrefix("text/event-stream"))
        }
        answer = AnswerBody(
            framing,
            isChunked: shown.isChunked,
            self.filter,
            links?.filter(head, ofMethod: request.method)
        )
        if answer?.isDone ?? false { answerEnded() }
    }

    /// Whether the request is sent once more, with another key: the service does not take this one.
    private func isRepeated(_ head: HTTPAnswerHead) -> Bool {
        guard head.status == 401, let key = replay.key, gateway.isLogin(target.service) else { return false }
        // Nor was the key before it taken: it may not be the key's fault.
        if replay.count > 0 { return false }
        gateway.rejected(key, by: target.service)
        guard replay.isPossible else {
            refuse(GatewayRefusal(503, "the login for \(target.service) is being renewed: ask again"))
            return true
        }
        let framing = head.body(ofMethod: request?.method ?? "")
        var isShort = AnswerBody.isEmpty(framing)
        if case .length(let length) = framing { isShort = length <= Self.limit }
        answerKeepsAlive = head.keepsAlive
        if isShort, body.isDone, !isSending {
            replay.isDropping = true
            answer = AnswerBody(framing, isChunked: false, SecretFilter([]))
            if answer?.isDone ?? false { sendAgain() }
        } else {
            answerKeepsAlive = false
            sendAgain()
        }
        return true
    }

    private func sendAgain() {
        let kept = answerKeepsAlive && !(answer?.hasMore ?? false) ? stream : nil
        answer = nil
        letGo()
        if let kept { gateway.keep(kept, for: target.service) }
        toService.append(replay.again())
        connect()
    }

    /// An answer that is not the agent's.
    private func drop(_ bytes: UnsafeMutableRawBufferPointer) {
        var dropped = ByteQueue()
        if unsafe answer?.feed(bytes, &dropped, { _ in }) != nil { answerKeepsAlive = false }
        if !answerKeepsAlive || answer?.isDone ?? true { sendAgain() }
    }

    private func tookBody(_ bytes: UnsafeMutableRawBufferPointer) {
        if replay.isDropping { return unsafe drop(bytes) }
        let why = unsafe answer?.feed(bytes, &output) { [self] in unsafe usage?.feed($0) }
        if let why {
            return close(why: "\(target.service): \(why)")
        }
        if answer?.isDone ?? false { answerEnded() }
    }

    private func serviceEnded(isClean: Bool) {
        if replay.isDropping {
            answerKeepsAlive = false
            return sendAgain()
        }
        guard answer != nil else {
            return refuse(GatewayRefusal(502, "\(target.service) closed the connection without an answer"))
        }
        // An end that could be a cut one is told as one: the agent's connection breaks off, too.
        guard isClean, answer?.end(&output) ?? false else {
            writeClient()
            return close(why: "\(target.service) broke its answer off")
        }
        answerEnded()
        writeClient()
    }

    private func answerEnded() {
        guard let stream else { return }
        let isWhole = body.isDone && !isSending
        if isWhole, answerKeepsAlive, !(answer?.hasMore ?? true) {
            letGo()
            gateway.keep(stream, for: target.service)
        } else {
            letGo()
        }
        report()
        if isWhole { return next() }
        // The service did not want the rest.
        clientKeepsAlive = false
        phase = .dropping
        dropBody()
    }

    private var isSending: Bool { !headToService.isEmpty || !toService.isEmpty }

    private func letGo() {
        streamWatched?.want(false, false, of: id, in: gateway.loop)
        streamWatched = nil
        stream = nil
        headToService.wipe()
        toService = ByteQueue()
    }

    // MARK: Answers of the gateway's own, and the end

    /// Answers in the service's place.
    func refuse(_ refusal: GatewayRefusal) {
        if replay.isDropping {
            (answer, replay) = (nil, RequestReplay(isKept: false))
        }
        if answer != nil { return close(why: refusal.why) }
        giveUp?()
        giveUp = nil
        if case .asking(let question) = phase { gateway.withdraw(question) }
        letGo()
        outcome.why = refusal.why
        outcome.status = Int64(refusal.status)
        report()
        respond(refusal)
        update()
    }

    /// The key of its service is gone: nothing more of an exchange under way.
    func revoked() {
        refuse(GatewayRefusal(403, "the key for \(target.service) was revoked"))
    }

    private func respond(_ refusal: GatewayRefusal) {
        let text = GatewayAnswer.body(refusal)
        let isShown = request?.method != "HEAD"
        output.append(
            GatewayAnswer.head(refusal.status, length: text.count, keepsAlive: clientKeepsAlive).utf8
        )
        if isShown { output.append(text) }
        phase = .dropping
        if request == nil { phase = .closing }
        writeClient()
        if !hasEnded, case .dropping = phase { dropBody() }
    }

    /// Tells how a request that was let through has ended.
    private func report() {
        guard isCounted, let told else { return }
        isCounted = false
        outcome.received = answer?.count ?? 0
        // A model may have answered what nobody has heard: that is estimated, and never nothing.
        if usage == nil, answer == nil, wasSent, judged?.billing != .free,
            let form = gateway.form(target.service)
        {
            usage = UsageReader(form, isEventStream: false)
        }
        outcome.usage = usage?.finish(
            isWhole: answer?.isDone ?? false,
            requestBytes: outcome.sent,
            requestModel: judged?.model
        )
        usage = nil
        outcome.hadKey = outcome.hadKey || answer?.hasFound ?? false
        outcome.milliseconds = MonotonicClock.milliseconds - began
        gateway.tell(.ended(id: question, told, outcome))
    }

    /// Waits for the next request, which may have come already.
    private func next() {
        (answer, request, replay) = (nil, nil, RequestReplay(isKept: false))
        told = nil
        began = 0
        guard clientKeepsAlive else {
            phase = .closing
            return writeClient()
        }
        phase = .head
        extend(Self.idleTime)
        // In another turn: thousands of requests that have come at once are not served one within the other.
        if !input.isEmpty { later() }
    }

    private func close(why: String?) {
        if hasEnded { return }
        hasEnded = true
        if case .asking(let question) = phase { gateway.withdraw(question) }
        giveUp?()
        giveUp = nil
        outcome.why = outcome.why ?? why
        report()
        letGo()
        // An answer that was broken off is not said to be whole.
        if why == nil { client.finish() }
        (input, output) = (ByteQueue(), ByteQueue())
        account()
        watched.want(false, false, of: id, in: gateway.loop)
        gateway.loop.unregister(id)
        gateway.ended(id)
    }

    /// Its number in the loop.
    var number: UInt64 { id }
}

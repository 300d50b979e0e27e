// One request for a renewal and its answer, over the gateway's own connection: bounded, and in memory that is overwritten.

internal import ClocheModel
internal import Glibc
internal import LinuxSystem
internal import NetworkMessages
internal import NetworkRelay

/// A request that is sent, and its answer.
@safe final class TokenExchange: Watcher {
    /// An answer, or why there is none.
    typealias Completion = (Result<(status: Int, body: Secret), LoginFailure>) -> Void

    private unowned let loop: GatewayLoop
    private let stream: ServiceStream
    private var completion: Completion?
    private var id: UInt64 = 0
    private var watched: Watched
    private var request: [UInt8]
    private var sent = 0
    private let room: UnsafeMutableRawBufferPointer
    private var filled = 0
    private var head: (value: HTTPAnswerHead, length: Int)?

    private static let patience: Int64 = 30_000
    /// A longer answer is none.
    static let limit = 64 << 10

    /// Sends a request, which is wiped.
    init(
        _ loop: GatewayLoop,
        _ stream: ServiceStream,
        _ request: inout [UInt8],
        _ completion: @escaping Completion
    ) {
        (self.loop, self.stream, self.completion) = (loop, stream, completion)
        self.request = request
        request = []
        watched = Watched(stream.socket.number, side: 0)
        unsafe room = .allocate(byteCount: Self.limit, alignment: 64)
        id = loop.register(self)
        loop.wake(id, at: MonotonicClock.milliseconds + Self.patience)
    }

    deinit {
        if let start = unsafe room.baseAddress { unsafe explicit_bzero(start, room.count) }
        unsafe room.deallocate()
        request.wipe()
    }

    /// Begins.
    func begin() { advance() }

    func ready(_ side: Int, _ event: Readiness) { advance() }

    func timeUp() { finish(.failure(LoginFailure(why: "the server of its tokens did not answer in time"))) }

    private func advance() {
        while sent < request.count {
            let result = unsafe request[sent...].withUnsafeBytes { unsafe stream.write($0) }
            guard case .moved(let count) = result else {
                if result == .wouldBlock { return wait() }
                break
            }
            sent += count
        }
        if sent == request.count {
            request.wipe()
            sent = 0
        }
        while completion != nil {
            guard filled < Self.limit else { return fail("is too long") }
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: room[filled...])
            switch unsafe stream.read(into: rest) {
            case .moved(let count):
                filled += count
                look(isEnded: false)
            case .wouldBlock: return wait()
            case .end: return look(isEnded: true)
            case .failed: return fail("broke off")
            }
        }
    }

    private func wait() {
        let isSending = !request.isEmpty
        watched.want(
            !isSending && !stream.readWantsWrite || stream.writeWantsRead,
            isSending && !stream.writeWantsRead || stream.readWantsWrite,
            of: id,
            in: loop
        )
    }

    private func look(isEnded: Bool) {
        while head == nil {
            var reader = HTTPAnswerReader()
            let text = unsafe UnsafeRawBufferPointer(rebasing: room[..<filled])
            switch unsafe reader.read(text.bindMemory(to: UInt8.self).span) {
            case .needMore: return isEnded ? fail("broke off") : ()
            case .malformed: return fail("is no answer of HTTP")
            case .found(let value, let length):
                guard value.isInterim else {
                    head = (value, length)
                    break
                }
                filled -= length
                move(length, filled, to: 0)
            }
        }
        guard let head else { return }
        guard head.value["content-encoding"].map({ $0.lowercased() == "identity" }) ?? true else {
            return fail("is in an encoding that was not asked for")
        }
        switch head.value.body(ofMethod: "POST") {
        case .none: finish(head.value.status, head.length..<head.length)
        case .length(let length):
            guard length <= Self.limit - head.length else { return fail("is too long") }
            if filled >= head.length + length {
                finish(head.value.status, head.length..<(head.length + length))
            } else if isEnded {
                fail("broke off")
            }
        case .untilEnd: if isEnded { finish(head.value.status, head.length..<filled) }
        case .chunked: lookAtChunks(head, isEnded)
        }
    }

    /// An answer of a few kilobytes is read from its beginning each time.
    private func lookAtChunks(_ head: (value: HTTPAnswerHead, length: Int), _ isEnded: Bool) {
        var decoder = ChunkDecoder()
        var ranges: [Range<Int>] = []
        var position = 0
        let body = unsafe UnsafeRawBufferPointer(rebasing: room[head.length..<filled])
        while true {
            switch unsafe decoder.next(body.bindMemory(to: UInt8.self).span, &position) {
            case .data(let range): ranges.append(range)
            case .needMore: return isEnded ? fail("broke off") : ()
            case .malformed: return fail("is no answer of HTTP")
            case .done:
                var end = head.length
                for range in ranges {
                    move(head.length + range.lowerBound, range.count, to: end)
                    end += range.count
                }
                return finish(head.value.status, head.length..<end)
            }
        }
    }

    private func move(_ start: Int, _ count: Int, to end: Int) {
        let source = unsafe UnsafeRawBufferPointer(rebasing: room[start..<(start + count)])
        unsafe UnsafeMutableRawBufferPointer(rebasing: room[end...]).copyMemory(from: source)
    }

    private func fail(_ why: String) {
        finish(.failure(LoginFailure(why: "what the server of its tokens answered \(why)")))
    }

    private func finish(_ status: Int, _ body: Range<Int>) {
        do throws(SystemError) {
            let text = try unsafe Secret(UnsafeRawBufferPointer(rebasing: room[body]))
            finish(.success((status, text)))
        } catch { finish(.failure(LoginFailure(why: "no memory for a login"))) }
    }

    private func finish(_ result: Result<(status: Int, body: Secret), LoginFailure>) {
        guard let completion else { return }
        self.completion = nil
        watched.want(false, false, of: id, in: loop)
        loop.unregister(id)
        completion(result)
    }
}

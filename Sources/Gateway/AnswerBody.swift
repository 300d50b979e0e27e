// The body of an answer on its way to the agent: taken out of the service's framing, looked at for the key, and framed
// anew.

internal import NetworkMessages

/// An answer's body.
struct AnswerBody {
    private enum Source {
        case length(Int)
        case chunked(ChunkDecoder)
        case untilEnd
        case done
    }

    private var source: Source
    private let isChunked: Bool
    private var filter: SecretFilter
    private var links: LinkFilter?
    /// Bytes of the body so far.
    private(set) var count: Int64 = 0
    /// Bytes behind the body: no other request was sent, so that nothing may be there.
    private(set) var hasMore = false

    /// Whether its end has come.
    var isDone: Bool { if case .done = source { true } else { false } }
    /// Whether a key was found in it.
    var hasFound: Bool { filter.hasFound }

    /// - Parameters:
    ///   - isChunked: whether the agent is sent chunks; otherwise the bytes as they are.
    ///   - links: changes lengths, so that the agent must not be told one.
    init(_ body: HTTPAnswerHead.Body, isChunked: Bool, _ filter: SecretFilter, _ links: LinkFilter? = nil) {
        self.isChunked = isChunked
        self.filter = filter
        self.links = links
        switch body {
        case .none, .length(0): source = .done
        case .length(let length): source = .length(length)
        case .chunked: source = .chunked(ChunkDecoder())
        case .untilEnd: source = .untilEnd
        }
    }

    /// Whether such a body has no bytes.
    static func isEmpty(_ body: HTTPAnswerHead.Body) -> Bool { body == .none || body == .length(0) }

    /// Takes bytes of the service; what goes to the agent is appended.
    ///
    /// - Parameter look: is shown the bytes of the body, out of their framing.
    /// - Returns: why they are no body; nil if they are.
    mutating func feed(
        _ bytes: UnsafeMutableRawBufferPointer,
        _ output: inout ByteQueue,
        _ look: (UnsafeRawBufferPointer) -> Void
    ) -> String? {
        switch source {
        case .done: hasMore = hasMore || bytes.count > 0
        case .untilEnd: unsafe pass(bytes, &output, look)
        case .length(let length):
            let taken = min(length, bytes.count)
            unsafe pass(UnsafeMutableRawBufferPointer(rebasing: bytes[..<taken]), &output, look)
            source = .length(length - taken)
            if taken == length { finish(&output) }
            hasMore = taken < bytes.count
        case .chunked(var decoder):
            var position = 0
            while true {
                let piece = unsafe decoder.next(bytes.bindMemory(to: UInt8.self).span, &position)
                switch piece {
                case .data(let range):
                    unsafe pass(UnsafeMutableRawBufferPointer(rebasing: bytes[range]), &output, look)
                case .needMore:
                    source = .chunked(decoder)
                    return nil
                case .done(let end):
                    finish(&output)
                    hasMore = end < bytes.count
                    return nil
                case .malformed(let why): return why
                }
            }
        }
        return nil
    }

    /// The service has closed the connection; false if the body is not whole.
    mutating func end(_ output: inout ByteQueue) -> Bool {
        if case .untilEnd = source { finish(&output) }
        return isDone
    }

    private mutating func pass(
        _ bytes: UnsafeMutableRawBufferPointer,
        _ output: inout ByteQueue,
        _ look: (UnsafeRawBufferPointer) -> Void
    ) {
        if bytes.count == 0 { return }
        unsafe look(UnsafeRawBufferPointer(bytes))
        count += Int64(bytes.count)
        var queue = ByteQueue()
        swap(&queue, &output)
        let chunked = isChunked
        var links = links
        unsafe filter.feed(bytes) { piece in
            guard links != nil else { return unsafe Self.emit(piece, chunked, &queue) }
            unsafe links?.feed(piece) { unsafe Self.emit($0, chunked, &queue) }
        }
        self.links = links
        swap(&queue, &output)
    }

    private mutating func finish(_ output: inout ByteQueue) {
        source = .done
        let chunked = isChunked
        var links = links
        unsafe filter.finish { piece in
            guard links != nil else { return unsafe Self.emit(piece, chunked, &output) }
            unsafe links?.feed(piece) { unsafe Self.emit($0, chunked, &output) }
        }
        unsafe links?.finish { unsafe Self.emit($0, chunked, &output) }
        if isChunked { output.append("0\r\n\r\n".utf8) }
    }

    private static func emit(_ bytes: UnsafeRawBufferPointer, _ isChunked: Bool, _ output: inout ByteQueue) {
        if isChunked { output.append("\(String(bytes.count, radix: 16))\r\n".utf8) }
        unsafe output.append(bytes)
        if isChunked { output.append("\r\n".utf8) }
    }
}

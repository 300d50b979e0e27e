// One direction of a connection: what was read already, then what is spliced, and the end.

internal import LinuxSystem

/// One end of a connection: its socket, and what epoll has told of it and was not used up yet.
struct End {
    let socket: FileDescriptor.Shared
    var isReadable = false
    var isWritable = false
    /// Neither direction is left, or it is broken.
    private(set) var isGone = false

    var number: CInt { socket.number }

    init(_ socket: FileDescriptor.Shared) { self.socket = socket }

    mutating func note(_ event: Readiness) {
        isGone = isGone || event.hangup
        // An error shows itself in the next call.
        if event.readable || event.hangup { isReadable = true }
        if event.writable || event.hangup { isWritable = true }
    }
}

/// One direction.
struct Flow {
    /// Where it stands when it cannot go on.
    enum Pause: Equatable {
        /// An event of one of the sockets will tell.
        case waits
        /// It has had its turn; there is more.
        case more
        /// All that may pass has passed, and the source has more or may have.
        case held
        /// The end of the source has been passed on.
        case ended
        /// A connection broke.
        case broken(Errno)
    }

    /// Bytes that were read to be looked at and may pass.
    var held: ArraySlice<UInt8> = []
    /// How many bytes more may pass without being looked at.
    var allowance: Int64 = 0
    /// Bytes that the sink has taken.
    private(set) var moved: Int64 = 0
    /// The source has said that nothing more comes.
    var isSourceEnded = false
    private(set) var isEnded = false
    private var pipe: RelayPipe?
    /// What came last filled its room, so that more will come: from here on a pipe is worth what it costs.
    private var isBulk = false

    /// What moves in one turn before others have theirs.
    private static let turn = 4 << 20
    /// Little, since thousands may hold so much.
    private static let piece = 8 << 10

    /// Whether all that may pass now has passed.
    var isEmpty: Bool { held.isEmpty && pipe == nil }

    /// Moves what can be moved.
    ///
    /// - Parameter isLast: whether the other direction has ended, so that the sink is closed after this one.
    mutating func run(from source: inout End, to sink: inout End, _ pipes: PipePool, isLast: Bool) -> Pause {
        if isEnded { return .ended }
        var left = Self.turn
        while left > 0 {
            if !held.isEmpty {
                guard let pause = sendHeld(&sink, &left) else { continue }
                return pause
            }
            if let pipe {
                guard let pause = drain(pipe, &sink, pipes) else { continue }
                return pause
            }
            if isSourceEnded {
                if !isLast { StreamSocket.endOutput(sink.number) }
                isEnded = true
                return .ended
            }
            if allowance == 0 { return .held }
            guard source.isReadable else { return .waits }
            if let pause = fill(&source, &left, pipes) { return pause }
        }
        return .more
    }

    private mutating func sendHeld(_ sink: inout End, _ left: inout Int) -> Pause? {
        switch StreamSocket.send(sink.number, held) {
        case .moved(let count):
            held = held.dropFirst(count)
            if held.isEmpty { held = [] }  // lets go of the memory
            moved += Int64(count)
            left -= count
            return nil
        case .wouldBlock, .end:
            sink.isWritable = false
            return .waits
        case .failed(let errno): return .broken(errno)
        }
    }

    private mutating func drain(_ pipe: RelayPipe, _ sink: inout End, _ pipes: PipePool) -> Pause? {
        switch Splice.move(from: pipe.pipe.readEnd.number, to: sink.number, upTo: pipe.count) {
        case .moved(let count):
            pipe.count -= count
            moved += Int64(count)
            if pipe.count == 0 { release(pipes) }
            return nil
        case .wouldBlock, .end:
            sink.isWritable = false
            return .waits
        case .failed(let errno): return .broken(errno)
        }
    }

    private mutating func fill(_ source: inout End, _ left: inout Int, _ pipes: PipePool) -> Pause? {
        guard isBulk, let pipe = pipes.take() else { return fillHeld(&source, &left) }
        let most = min(Int(clamping: allowance), pipe.size)
        switch Splice.move(from: source.number, to: pipe.pipe.writeEnd.number, upTo: most) {
        case .moved(let count):
            pipe.count = count
            self.pipe = pipe
            isBulk = count >= Self.piece
            if allowance != .max { allowance -= Int64(count) }
            left -= count
            return nil
        case .wouldBlock:
            source.isReadable = false
            pipes.give(pipe)
            return .waits
        case .end:
            isSourceEnded = true
            pipes.give(pipe)
            return nil
        case .failed(let errno):
            pipes.give(pipe)
            return .broken(errno)
        }
    }

    /// Reads what is small, or where there is no pipe to be had.
    private mutating func fillHeld(_ source: inout End, _ left: inout Int) -> Pause? {
        var bytes: [UInt8] = []
        switch StreamSocket.receive(
            source.number,
            upTo: min(Int(clamping: allowance), Self.piece),
            into: &bytes
        ) {
        case .moved(let count):
            held = bytes[...]
            isBulk = count == Self.piece
            if allowance != .max { allowance -= Int64(count) }
            left -= count
            return nil
        case .wouldBlock:
            source.isReadable = false
            return .waits
        case .end:
            isSourceEnded = true
            return nil
        case .failed(let errno): return .broken(errno)
        }
    }

    private mutating func release(_ pipes: PipePool) {
        if let pipe { pipes.give(pipe) }
        pipe = nil
    }

    /// Gives back what it holds.
    mutating func close(_ pipes: PipePool) {
        release(pipes)
        held = []
    }
}

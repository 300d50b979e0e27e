// A program of a sandbox in the foreground of the user's shell: with pipes between the two worlds, or with
// the user's terminal in raw mode before a pty of the sandbox.
//
// No descriptor of the user's but /dev/null is ever passed inside: through /proc/self/fd a program could open
// the file behind it anew, with rights the user never meant to give. That holds for a pipe, too: its reader
// could write into it, and a shell that takes its script from the same pipe would execute that.

internal import ClocheModel
internal import Glibc
package import LinuxSystem
internal import TerminalText

/// Runs programs in the foreground.
package enum ForegroundSession {
    /// ctrl-d.
    private static let endOfInput: UInt8 = 0x04

    /// The signals that a person or a script sends to a foreground command.
    private static let forwarded = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]

    /// Holds back what is to be passed on to a program, from now on: one that runs already may be what a person
    /// reacts to.
    package static func signals() throws(SystemError) -> SignalDescriptor { try SignalDescriptor(forwarded) }

    /// Standard input, output and error as a program in the sandbox gets them.
    package struct Streams: ~Copyable {
        /// For the program: its 0, 1, 2.
        package let inside: [FileDescriptor.Shared]
        fileprivate var relays: [Relay]

        /// The numbers to pass on.
        package var numbers: [CInt] { inside.map(\.number) }

        /// /dev/null is passed on as it is, anything else is relayed through a pipe of ours.
        package init() throws(SystemError) {
            var inside: [FileDescriptor.Shared] = []
            var relays: [Relay] = []
            for number in 0...2 as ClosedRange<CInt> {
                if try Self.isNull(number) {
                    inside.append(FileDescriptor.Shared(FileDescriptor(owning: dup(number))))
                } else if number == 2, try Self.isPipeOfOutput(2), let output = inside.last {
                    // As `2>&1 |` made it: what is written to the two stays in order.
                    inside.append(output)
                } else {
                    let (read, write) = try Pipe().shared()
                    inside.append(number == 0 ? read : write)
                    relays.append(number == 0 ? Relay(user: 0, pipe: write) : Relay(user: number, pipe: read))
                }
            }
            self.inside = inside
            self.relays = relays
        }

        private static func isNull(_ number: CInt) throws(SystemError) -> Bool {
            guard let copy = FileDescriptor(duplicating: number) else { return false }
            let status = try Files.status(of: copy)
            guard status.kind == .characterDevice else { return false }
            let null = try Files.status("/dev/null")
            return status.device == null.device && status.inode == null.inode
        }

        /// Whether a descriptor is the same pipe as standard output.
        private static func isPipeOfOutput(_ number: CInt) throws(SystemError) -> Bool {
            guard let copy = FileDescriptor(duplicating: number),
                let output = FileDescriptor(duplicating: 1)
            else { return false }
            let (one, other) = (try Files.status(of: output), try Files.status(of: copy))
            return one.kind == .fifo && one.device == other.device && one.inode == other.inode
        }
    }

    /// Relays until the program has ended, and returns its exit code.
    ///
    /// - Parameter signals: those of `signals()`, made before the program was asked for.
    package static func run(
        _ program: any RunningProgram,
        _ streams: consuming Streams,
        _ signals: consuming SignalDescriptor
    ) throws -> Int32 {
        var relays = streams.relays
        _ = consume streams  // our copies of the inner ends: while we hold them, nobody sees an end of file
        var interrupts = 0
        while true {
            var interests = [
                Poll.Interest(signals.descriptor.number, readable: true),
                Poll.Interest(program.descriptor, readable: true),
            ]
            interests += relays.map(\.interest)
            let ready = try Poll.wait(interests, milliseconds: patience(program))
            program.holdLimits()
            for index in relays.indices where ready[index + 2] { relays[index].advance() }
            if ready[0] { forward(signals, to: program, &interrupts) }
            guard ready[1], let event = try program.next(wait: false) else { continue }
            switch consume event {
            case .started: continue
            case .failed(let error): throw error
            case .limited(let error):
                for index in relays.indices where relays[index].isOutput { relays[index].drain() }
                for relay in relays { relay.finish() }
                throw error
            case .lost:
                for relay in relays { relay.finish() }
                return 137
            case .exited(let code):
                for index in relays.indices where relays[index].isOutput { relays[index].drain() }
                for relay in relays { relay.finish() }
                return code
            }
        }
    }

    /// How long to wait for events; -1 for ever.
    private static func patience(_ program: any RunningProgram) -> Int32 {
        program.nextLook.map { Int32(clamping: max(0, $0 - MonotonicClock.milliseconds)) } ?? -1
    }

    private static func forward(
        _ signals: borrowing SignalDescriptor,
        to program: any RunningProgram,
        _ interrupts: inout Int
    ) {
        for number in signals.take() {
            interrupts += 1
            // Whoever asks three times means it.
            if interrupts >= 3 { program.kill() } else { program.signal(number) }
        }
    }

    /// Connects the user's terminal with the pty that the program brings, and returns its exit code.
    package static func runOnTerminal(_ program: any RunningProgram) throws -> Int32 {
        // Before the size is looked at again, so that no change of it is missed.
        let signals = try SignalDescriptor([SIGWINCH, SIGTERM, SIGHUP])
        guard let terminal = try awaitTerminal(program) else { return 137 }
        if let size = Terminal.size(0) { terminal.setTerminalSize(size) }
        let raw = Terminal.RawMode(0)
        defer { _ = raw != nil }  // keeps raw mode until here
        var filter = AttachFilter()
        var (isOpen, isTyped) = (true, true)
        while true {
            let ready = try Poll.wait(
                [
                    Poll.Interest(signals.descriptor.number, readable: true),
                    Poll.Interest(program.descriptor, readable: true),
                    Poll.Interest(terminal.number, readable: isOpen),
                    Poll.Interest(0, readable: isOpen && isTyped),
                ],
                milliseconds: patience(program)
            )
            program.holdLimits()
            if ready[0] { react(signals, terminal, program) }
            if ready[2] { isOpen = show(terminal, &filter) }
            if ready[3] { isTyped = pass(to: terminal) }
            guard ready[1], let event = try program.next(wait: false) else { continue }
            switch consume event {
            case .started: continue
            case .failed(let error): throw error
            case .limited(let error):
                leave(filter)
                throw error
            case .lost: return 137
            case .exited(let code):
                // Bounded, since other programs of the sandbox may go on writing for ever.
                for _ in 0..<256
                where try isOpen
                    && Poll.wait([Poll.Interest(terminal.number, readable: true)], milliseconds: 0)[0]
                {
                    isOpen = show(terminal, &filter)
                }
                leave(filter)
                return code
            }
        }
    }

    /// Leaves the user's terminal, if there is one, as a shell expects it.
    private static func leave(_ filter: AttachFilter) {
        if Terminal.isTerminal(1) { UserOutput.write(filter.leaving) }
    }

    private static func awaitTerminal(_ program: any RunningProgram) throws -> FileDescriptor.Shared? {
        while let event = try program.next(wait: true) {
            switch consume event {
            case .started(let terminal): return terminal
            case .failed(let error): throw error
            case .limited(let error): throw error
            case .exited: return nil
            case .lost: return nil
            }
        }
        return nil
    }

    private static func react(
        _ signals: borrowing SignalDescriptor,
        _ terminal: FileDescriptor.Shared,
        _ program: any RunningProgram
    ) {
        for number in signals.take() {
            if number == SIGWINCH, let size = Terminal.size(0) {
                terminal.setTerminalSize(size)
            } else if number != SIGWINCH {
                program.signal(number)
            }
        }
    }

    /// Shows what the program wrote; false when its terminal is closed.
    private static func show(_ terminal: FileDescriptor.Shared, _ filter: inout AttachFilter) -> Bool {
        // EIO means that no program has it open any more.
        guard let bytes = try? terminal.read(upTo: 65536), !bytes.isEmpty else { return false }
        var output: [UInt8] = []
        var replies: [UInt8] = []
        filter.feed(bytes[...], into: &output, replies: &replies)
        UserOutput.write(output)
        if !replies.isEmpty { try? terminal.write(replies) }  // a closed terminal is found at the next read
        return true
    }

    /// Passes on what was typed; false when either side is closed: of ours, the program is told as a terminal tells it.
    private static func pass(to terminal: FileDescriptor.Shared) -> Bool {
        let typed = UserInput.read()
        let isOpen = (try? terminal.write(typed.isEmpty ? [endOfInput] : typed)) != nil  // closed: see above
        return isOpen && !typed.isEmpty
    }
}

/// One direction between a descriptor of the user's and a pipe of the sandbox.
///
/// What goes to a terminal is made harmless, and each piece is written whole: between two halves of a sequence the
/// other relay could put words that complete it to one that the filter would not have let through.
struct Relay {
    /// 0, 1 or 2 of this process.
    let user: CInt
    private var pipe: FileDescriptor.Shared?
    private var buffer: [UInt8] = []
    /// Nil when `user` is no terminal.
    private var filter: AttachFilter?
    /// Whether the terminal was sent anything but text.
    private var sentSequences = false

    init(user: CInt, pipe: FileDescriptor.Shared) {
        self.user = user
        self.pipe = pipe
        if user != 0 && Terminal.isTerminal(user) { filter = AttachFilter() }
    }

    var isOutput: Bool { user != 0 }

    var interest: Poll.Interest {
        guard let pipe else { return Poll.Interest(-1) }
        let source = isOutput ? pipe.number : user
        let sink = isOutput ? user : pipe.number
        return buffer.isEmpty ? Poll.Interest(source, readable: true) : Poll.Interest(sink, writable: true)
    }

    /// Reads if there is nothing to write, writes otherwise.
    ///
    /// At most a pipe's atomic part (PIPE_BUF) is written at a time, so that a descriptor that `poll` found
    /// writable does not block.
    mutating func advance() {
        guard let pipe else { return }
        if buffer.isEmpty {
            // An error of either side ends this direction; the program then sees end of file or SIGPIPE.
            buffer = isOutput ? ((try? pipe.read(upTo: 65536)) ?? []) : UserInput.read()
            if buffer.isEmpty { self.pipe = nil }
            showOnTerminal()
            return
        }
        let part = buffer.prefix(4096)
        // As above: an error ends this direction.
        let written = isOutput ? UserOutput.writeOnce(part, to: user) : (try? pipe.writeSome(part)) ?? nil
        guard let written, written > 0 else {
            self.pipe = nil
            buffer = []
            return
        }
        buffer.removeFirst(written)
    }

    /// Shows what was read, if this is a terminal's relay.
    private mutating func showOnTerminal() {
        guard filter != nil, !buffer.isEmpty else { return }
        var shown: [UInt8] = []
        filter?.feed(buffer, into: &shown)
        buffer = []
        sentSequences = sentSequences || shown.contains(0x1b)
        UserOutput.write(shown, to: user)
    }

    /// Leaves a terminal as a shell expects it.
    func finish() {
        if sentSequences, let filter { UserOutput.write(filter.leaving, to: user) }
    }

    /// The most that a pipe holds of what an ordinary user's program has written (`fs.pipe-max-size`).
    private static let pipeLimit = 1 << 20

    /// Writes out what the pipe still holds; what other programs go on writing is not waited for.
    mutating func drain() {
        var left = Self.pipeLimit
        while pipe != nil && left > 0 {
            // Without an answer nothing waits; what was read already is still written.
            let ready = try? Poll.wait([Poll.Interest(pipe?.number ?? -1, readable: true)], milliseconds: 0)
            if buffer.isEmpty && ready?.first != true { return }
            left -= buffer.isEmpty ? 1 : min(buffer.count, 4096)
            advance()
        }
    }
}

/// The user's standard input.
package enum UserInput {
    /// Reads once; empty at the end and on errors.
    package static func read() -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 65536)
        let count = unsafe Glibc.read(0, &buffer, buffer.count)
        return count > 0 ? Array(buffer[..<count]) : []
    }
}

/// The user's standard output and error.
package enum UserOutput {
    /// Writes all of it; returns the kernel's answer if that was not possible.
    @discardableResult
    package static func write(_ bytes: [UInt8], to number: CInt = 1) -> Errno? {
        var rest = bytes[...]
        while !rest.isEmpty {
            guard let count = writeOnce(rest, to: number) else { return Errno(errno) }
            rest = rest.dropFirst(count)
        }
        return nil
    }

    static func writeOnce(_ bytes: ArraySlice<UInt8>, to number: CInt) -> Int? {
        while true {
            let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(number, $0.baseAddress, $0.count) }
            if count >= 0 { return count }
            if errno == EAGAIN {
                // Somebody else made the terminal non-blocking.
                guard (try? Poll.wait([Poll.Interest(number, writable: true)])) != nil else { return nil }
            } else if errno != EINTR {
                return nil
            }
        }
    }
}

// `cloche replay` on a terminal: the events of a recording at their times, and a few keys. A recording is a file that
// somebody may have changed, so it passes the filter again; and what it says of keys and mouse does not pass, or a
// recording could take away the key that ends it.

internal import Glibc
internal import LinuxSystem
package import SessionRecording
internal import TerminalText

/// What a person presses while a recording is played.
package enum ReplayKey: Equatable, Sendable {
    /// Stops the time, or lets it go on.
    case pause
    /// Shows the next event, and stops.
    case step
    /// Five seconds on.
    case forward
    /// Five seconds back.
    case back
    /// Ends it.
    case quit

    /// The keys among what was typed; anything else is passed over, whole escape sequences included.
    package static func keys(_ typed: [UInt8]) -> [ReplayKey] {
        var keys: [ReplayKey] = []
        var rest = typed[...]
        while let byte = rest.popFirst() {
            if byte == 0x1b, let next = rest.first, next == UInt8(ascii: "[") || next == UInt8(ascii: "O") {
                rest.removeFirst()
                let end = rest.firstIndex { 0x40...0x7e ~= $0 } ?? rest.endIndex
                if end < rest.endIndex, rest[end] == UInt8(ascii: "C") { keys.append(.forward) }
                if end < rest.endIndex, rest[end] == UInt8(ascii: "D") { keys.append(.back) }
                rest = rest[min(end + 1, rest.endIndex)...]
                continue
            }
            switch Unicode.Scalar(byte) {
            case " ": keys.append(.pause)
            case ".": keys.append(.step)
            case "q", "Q", "\u{3}": keys.append(.quit)
            default: break
            }
        }
        return keys
    }
}

/// Playing a recording.
package final class ReplaySession {
    /// How it ended.
    package enum Outcome: Equatable, Sendable {
        /// With the last event.
        case ended
        /// The user left.
        case left
        /// A signal.
        case signal(Int32)
    }

    /// How far the arrows go, in microseconds.
    private static let leap: Int64 = 5_000_000
    /// Clears the screen, for another beginning.
    private static let clear = AttachFilter.reset + Array("\u{1B}[H\u{1B}[2J".utf8)

    private let files: RecordingFiles
    private let pace: ReplayPace
    private var filter = AttachFilter(drawsOnly: true)
    /// Events that were read, and the place of the next.
    private var events: [RecordingEvent] = []
    private var index = 0
    /// Up to where it was played, in microseconds of the recording.
    private var position: Int64 = 0
    /// When the next event is due, in microseconds of the monotonic clock.
    private var due: Int64 = 0
    /// While it is paused, how long the next event was still away.
    private var left: Int64?
    private var endsLine = true
    private var terminalIsGone = false

    /// The largest size that the recorded terminal had so far.
    package private(set) var largest = TerminalExtent(columns: 0, rows: 0)

    /// A player at the beginning of a recording.
    package init(_ files: RecordingFiles, _ pace: ReplayPace) {
        self.files = files
        self.pace = pace
    }

    /// Plays from a time on, in microseconds; what was before is shown at once.
    ///
    /// The terminal is left as a shell expects it.
    package func run(from start: Int64) throws -> Outcome {
        let signals = try SignalDescriptor([SIGINT, SIGTERM, SIGHUP, SIGQUIT])
        let raw = Terminal.RawMode(0)
        defer {
            write(AttachFilter.reset + (endsLine ? [] : [0x0d, 0x0a]))
            _ = raw != nil  // keeps raw mode until here
        }
        // What is on the screen goes up, where a person finds it again.
        let rows = Int(Terminal.size(1)?.rows ?? 24)
        write([UInt8](repeating: 0x0a, count: rows) + Self.clear)
        try leap(to: start)
        let readsKeys = raw != nil
        while let event = try nextEvent(), !terminalIsGone {
            let now = MonotonicClock.microseconds
            if left == nil && due <= now {
                play(event)
                try wait(behind: event)
            }
            let ready = try Poll.wait(
                [
                    Poll.Interest(signals.descriptor.number, readable: true),
                    Poll.Interest(0, readable: readsKeys),
                ],
                milliseconds: left == nil
                    ? Int32(clamping: (max(0, due - MonotonicClock.microseconds) + 999) / 1000) : -1
            )
            if ready[0], let number = signals.take().first { return .signal(number) }
            if ready[1] {
                let typed = UserInput.read()
                if typed.isEmpty { return .left }
                for key in ReplayKey.keys(typed) {
                    if try !press(key) { return .left }
                }
            }
        }
        return terminalIsGone ? .left : .ended
    }

    // MARK: Time

    private func nextEvent() throws -> RecordingEvent? {
        while index >= events.count {
            guard let more = try files.next() else { return nil }
            (events, index) = (more, 0)
        }
        return events[index]
    }

    /// Waits for the event behind one that was just shown.
    private func wait(behind event: RecordingEvent) throws {
        guard let next = try nextEvent() else { return }
        // From when it was due, so that small delays do not add up.
        due += pace.delay(from: event.time, to: next.time)
        if left != nil { left = pace.delay(from: event.time, to: next.time) }
    }

    /// Where in the recording one is now.
    private func current() throws -> Int64 {
        guard let next = try nextEvent() else { return position }
        let rest = left ?? due - MonotonicClock.microseconds
        return pace.position(from: position, to: next.time, left: rest)
    }

    /// Shows at once what is before a time, and goes on from there.
    private func leap(to target: Int64) throws {
        if target < position || target == 0 {
            try files.rewind()
            (events, index, position) = ([], 0, 0)
            filter = AttachFilter(drawsOnly: true)
            write(Self.clear)
        }
        while let event = try nextEvent(), event.time <= target, !terminalIsGone { play(event) }
        position = max(position, target)
        guard let next = try nextEvent() else { return }
        let delay = pace.delay(from: position, to: next.time)
        due = MonotonicClock.microseconds + delay
        if left != nil { left = delay }
    }

    // MARK: Keys

    /// False when it is to end.
    private func press(_ key: ReplayKey) throws -> Bool {
        switch key {
        case .quit: return false
        case .pause:
            if let rest = left {
                due = MonotonicClock.microseconds + rest
                left = nil
            } else {
                left = max(0, due - MonotonicClock.microseconds)
            }
        case .step:
            left = left ?? 0
            if let event = try nextEvent() {
                play(event)
                try wait(behind: event)
            }
        case .forward: try leap(to: current() + Self.leap)
        case .back: try leap(to: max(0, current() - Self.leap))
        }
        return true
    }

    // MARK: Showing

    private func play(_ event: RecordingEvent) {
        index += 1
        position = event.time
        if let size = event.size {
            largest.columns = max(largest.columns, size.columns)
            largest.rows = max(largest.rows, size.rows)
        }
        guard event.kind == .output else { return }
        var shown: [UInt8] = []
        filter.feed(event.bytes, into: &shown)
        if let last = shown.last { endsLine = last == 0x0a }
        write(shown)
    }

    private func write(_ bytes: [UInt8]) {
        if !terminalIsGone && UserOutput.write(bytes) != nil { terminalIsGone = true }
    }
}

/// A size of a terminal.
package struct TerminalExtent: Equatable, Sendable {
    /// Characters in a line.
    package var columns: Int
    /// Lines.
    package var rows: Int
}

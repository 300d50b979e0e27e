// The FIFO by which an agent program, or a hook of it, says what it does: `echo waiting > "$CLOCHE_STATE"`. It lies in the
// agent's directory and is bound into the sandbox, where it can be written and not read.
//
// What comes in is hostile. It is read at a bounded pace, so that whoever writes more waits, and costs nobody anything; and
// since this end is open for both directions, nobody waits who writes a line now and then, and no end of file comes.

internal import ClocheModel
internal import Glibc
internal import LinuxSystem
internal import TerminalText

/// The reading end.
final class StatePipe {
    /// The most that is read at once, in bytes.
    private static let part = 4096
    /// Between two reads, in milliseconds.
    static let interval: Int64 = 50

    let descriptor: FileDescriptor
    private let path: String
    private var lines = StateLines()
    /// While it is not read: until when, in milliseconds of the monotonic clock.
    var pausedUntil: Int64?

    /// Makes the FIFO; one that is there is of a supervisor that died.
    init(_ path: String) throws(SystemError) {
        self.path = path
        try Files.remove(path)
        try Files.makePipe(path)
        descriptor = try Files.open(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW)
        // Inside, the same user must not read from it what others write.
        try descriptor.setMode(0o200)
    }

    /// Nobody writes to it any more.
    func remove() {
        // Else only a name is left; the next supervisor removes it.
        try? Files.remove(path)
    }

    /// Takes what has been written: the states, in order.
    func take(at now: Int64) -> [StateLines.Line] {
        pausedUntil = now + Self.interval
        // Nothing to read: then there is nothing.
        guard let bytes = try? descriptor.read(upTo: Self.part) else { return [] }
        return lines.feed(bytes)
    }
}

/// Lines with states, out of bytes that come in pieces.
struct StateLines {
    /// One that counts.
    struct Line: Equatable {
        var activity: HarnessState.Activity
        /// What stands behind the word, as one harmless line.
        var text: String
    }

    /// A longer line is none, in bytes.
    static let longest = 1024
    private static let longestText = 200

    private var line: [UInt8] = []
    private var isTooLong = false

    /// The lines that have ended, of those that begin with a known word.
    mutating func feed(_ bytes: [UInt8]) -> [Line] {
        var found: [Line] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                if !isTooLong, let one = Self.read(line) { found.append(one) }
                line.removeAll(keepingCapacity: true)
                isTooLong = false
            } else if line.count < Self.longest {
                line.append(byte)
            } else {
                isTooLong = true
            }
        }
        return found
    }

    private static func read(_ line: [UInt8]) -> Line? {
        let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 1)
        // That it starts is not the program's to say.
        guard let word = parts.first,
            let activity = HarnessState.Activity(rawValue: String(decoding: word, as: UTF8.self)),
            activity != .starting
        else { return nil }
        let text = parts.count > 1 ? String(decoding: parts[1], as: UTF8.self) : ""
        return Line(activity: activity, text: visible(text, limit: longestText))
    }
}

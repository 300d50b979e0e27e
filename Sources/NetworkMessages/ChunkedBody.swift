// The end of a body of HTTP/1 that comes in chunks (RFC 9112, 7.1). The bytes go on to the server as they came, so they
// must be such that every server sees the same end: no extensions of chunks and no trailer, which some read otherwise
// and hardly any client sends.

/// A body that is being read.
package struct ChunkedBody: Equatable, Sendable {
    /// What some bytes were.
    package enum Progress: Equatable, Sendable {
        /// All of them are of the body, and it goes on.
        case more
        /// The body ended after so many of them; the next request follows.
        case done(length: Int)
        /// They are no chunks; why, for the audit log.
        case malformed(String)
    }

    private enum State: Equatable {
        case size(digits: Int)
        case endOfSize
        case data
        case carriageReturnAfterData
        case endOfData
        case carriageReturnOfTrailer
        case endOfTrailer
        case done
    }

    /// Digits of a size, leading zeros with them: below the sign of 64 bits.
    private static let digitLimit = 15

    private var state = State.size(digits: 0)
    /// The size as read so far, then the bytes of the chunk that are to come.
    private var remaining = 0

    /// A body whose first byte comes next.
    package init() {}

    /// Takes the next bytes of a connection; after `done` nothing more is read.
    package mutating func read(_ bytes: Span<UInt8>) -> Progress {
        var position = 0
        while position < bytes.count, state != .done {
            if state == .data {
                let taken = min(remaining, bytes.count - position)
                position += taken
                remaining -= taken
                if remaining == 0 { state = .carriageReturnAfterData }
                continue
            }
            if let why = step(bytes[position]) { return .malformed(why) }
            position += 1
        }
        return state == .done ? .done(length: position) : .more
    }

    /// Takes a byte that is no data; a text says why it is wrong.
    private mutating func step(_ byte: UInt8) -> String? {
        switch state {
        case .size(let digits):
            if let value = byte.hexValue {
                guard digits < Self.digitLimit else { return "size of a chunk is too long" }
                remaining = remaining << 4 | value
                state = .size(digits: digits + 1)
                return nil
            }
            guard digits > 0 else { return "size of a chunk is no number" }
            if byte == UInt8(ascii: ";") { return "chunk has an extension" }
            guard byte == .carriageReturn else { return "size of a chunk is no number" }
            state = .endOfSize
        case .endOfSize:
            guard byte == .lineFeed else { return "CR without LF after the size of a chunk" }
            state = remaining == 0 ? .carriageReturnOfTrailer : .data
        case .carriageReturnAfterData:
            guard byte == .carriageReturn else { return "chunk is longer than its size" }
            state = .endOfData
        case .endOfData:
            guard byte == .lineFeed else { return "CR without LF after a chunk" }
            state = .size(digits: 0)
        case .carriageReturnOfTrailer:
            guard byte == .carriageReturn else { return "body in chunks has a trailer" }
            state = .endOfTrailer
        case .endOfTrailer:
            guard byte == .lineFeed else { return "CR without LF after the last chunk" }
            state = .done
        case .data, .done: break
        }
        return nil
    }
}

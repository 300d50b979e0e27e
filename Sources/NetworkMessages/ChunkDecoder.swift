// What an answer's body in chunks holds (RFC 9112, 7.1). Who reads it writes it in chunks of its own, so extensions and
// trailers, which servers do send, end here.

/// A body in chunks that is being read.
package struct ChunkDecoder: Equatable, Sendable {
    private enum State: Equatable {
        case size(digits: Int)
        case toLineEnd
        case data
        case endOfData
        case trailer(lineLength: Int, total: Int)
        case done
    }

    /// What comes next.
    package enum Piece: Equatable, Sendable {
        /// So many bytes of the body, at this place of what was given.
        case data(Range<Int>)
        /// Nothing more in what was given.
        case needMore
        /// The body ended here.
        case done(at: Int)
        /// They are no chunks; why.
        case malformed(String)
    }

    private static let digitLimit = 15
    private static let lineLimit = 4096
    private static let trailerLimit = 16384

    private var state = State.size(digits: 0)
    private var remaining = 0
    private var lineLength = 0

    /// A body whose first byte comes next.
    package init() {}

    /// The next piece of some bytes, from `position` on, which is moved behind it.
    package mutating func next(_ bytes: Span<UInt8>, _ position: inout Int) -> Piece {
        while position < bytes.count, state != .done {
            if state == .data {
                let end = min(position + remaining, bytes.count)
                let piece = position..<end
                remaining -= piece.count
                position = end
                if remaining == 0 { state = .endOfData }
                return .data(piece)
            }
            if let why = step(bytes[position]) { return .malformed(why) }
            position += 1
        }
        return state == .done ? .done(at: position) : .needMore
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
            switch byte {
            case UInt8(ascii: ";"), .space, .tab: (state, lineLength) = (.toLineEnd, 0)
            case .carriageReturn: (state, lineLength) = (.toLineEnd, 0)
            default: return "size of a chunk is no number"
            }
        case .toLineEnd:
            lineLength += 1
            guard lineLength <= Self.lineLimit else { return "line of a chunk's size is too long" }
            guard byte == .lineFeed else { return nil }
            state = remaining == 0 ? .trailer(lineLength: 0, total: 0) : .data
        case .endOfData:
            if byte == .carriageReturn { return nil }
            guard byte == .lineFeed else { return "chunk is longer than its size" }
            state = .size(digits: 0)
        case .trailer(let length, let total):
            guard total < Self.trailerLimit else { return "trailer is too long" }
            if byte == .carriageReturn { return nil }
            if byte == .lineFeed {
                state = length == 0 ? .done : .trailer(lineLength: 0, total: total + 1)
            } else {
                state = .trailer(lineLength: length + 1, total: total + 1)
            }
        case .data, .done: break
        }
        return nil
    }
}

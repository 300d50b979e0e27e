// A TLS hello out of what a client has sent so far. A hello may be spread over many records, and a record over many
// reads; each byte is looked at once, however it comes.

/// Finds the hello at the beginning of a connection.
package struct TLSHelloReader: Sendable {
    /// The longest hello, with the headers of its records.
    package static let limit = 65536

    /// Where the next record begins.
    private var position = 0
    /// What the records before it held; empty as long as one record may hold all.
    private var message: [UInt8] = []

    /// A reader at the beginning of a connection.
    package init() {}

    /// Looks at everything that has come, from the first byte of the connection on; each call with at least the bytes
    /// of the last one.
    package mutating func read(_ bytes: Span<UInt8>) -> ParseResult<TLSHello> {
        do throws(Malformed) {
            while let record = try nextRecord(bytes) {
                position = record.upperBound
                let content = bytes.extracting(record)
                if message.isEmpty, let size = try Self.size(content), size == content.count {
                    return .found(try TLSHello(body: content.extracting(droppingFirst: 4)), length: position)
                }
                message += content.array
                if let size = try Self.size(message.span), size == message.count {
                    return .found(
                        try TLSHello(body: message.span.extracting(droppingFirst: 4)),
                        length: position
                    )
                }
            }
            return .needMore
        } catch { return .malformed(error.why) }
    }

    /// Where the content of the next record is; nil while it is not all there.
    private func nextRecord(_ bytes: Span<UInt8>) throws(Malformed) -> Range<Int>? {
        var header = bytes.extracting(droppingFirst: min(position, bytes.count))
        guard let type = header.takeByte() else { return nil }
        if type >= 0x80, position == 0 { throw Malformed("hello is in the form of SSL 2") }
        guard type == 22 else { throw Malformed("record is no handshake") }
        guard let major = header.takeByte() else { return nil }
        guard major == 3 else { throw Malformed("record is of an unknown version of TLS") }
        guard header.skip(1), let length = header.takeUInt16() else { return nil }
        guard 1...16384 ~= length else { throw Malformed("record has a length that no record has") }
        let content = position + 5..<position + 5 + Int(length)
        guard content.upperBound <= Self.limit else { throw Malformed("hello is too long") }
        return bytes.count >= content.upperBound ? content : nil
    }

    /// The size of the message that begins here, with its header; nil while that is not all there.
    private static func size(_ bytes: Span<UInt8>) throws(Malformed) -> Int? {
        guard bytes[0] == 1 else { throw Malformed("handshake does not begin with the hello of a client") }
        guard bytes.count >= 4 else { return nil }
        let size = 4 + (Int(bytes[1]) << 16 | Int(bytes[2]) << 8 | Int(bytes[3]))
        guard size <= limit else { throw Malformed("hello is too long") }
        guard bytes.count <= size else { throw Malformed("record goes on after the hello") }
        return size
    }
}

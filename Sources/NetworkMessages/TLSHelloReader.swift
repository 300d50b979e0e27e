// A TLS hello out of what a client has sent so far. A hello may be spread over many records, and a record over many
// reads; each byte is looked at once, however it comes.
//
// A server may ask for a second hello (HelloRetryRequest; RFC 8446, 4.1.4), to which the first one does not bind a client
// of its own making: OpenSSL 3.0 chooses host and certificate by the name in the second. So nothing but the first hello
// goes to the server until it is seen whether it asks for another, and that one has to be read too.

/// Finds the hello at the beginning of a connection, or the one after a retry request.
package struct TLSHelloReader: Sendable {
    /// The longest hello, with the headers of its records.
    package static let limit = 65536

    /// Where the next record begins.
    private var position = 0
    /// What the records before it held; empty as long as one record may hold all.
    private var message: [UInt8] = []

    /// Whether other records may come before the hello.
    private let isSecond: Bool

    /// A reader at the beginning of a connection; `afterRetry`, of what follows the first hello.
    package init(afterRetry: Bool = false) { isSecond = afterRetry }

    /// Looks at everything that has come since that place; each call with at least the bytes of the last one.
    ///
    /// The length that is found is that of all up to the end of the hello.
    package mutating func read(_ bytes: Span<UInt8>) -> ParseResult<TLSHello> {
        do throws(Malformed) {
            while let record = try nextRecord(bytes) {
                position = record.upperBound
                if bytes[record.lowerBound - 5] != RecordType.handshake { continue }
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
        guard type == RecordType.handshake || mayBeSkipped(type) else {
            throw Malformed("record is no handshake")
        }
        guard let major = header.takeByte() else { return nil }
        guard major == 3 else { throw Malformed("record is of an unknown version of TLS") }
        guard header.skip(1), let length = header.takeUInt16() else { return nil }
        guard 1...(type == RecordType.handshake ? 16384 : 16640) ~= length else {
            throw Malformed("record has a length that no record has")
        }
        let content = position + 5..<position + 5 + Int(length)
        guard content.upperBound <= Self.limit else { throw Malformed("hello is too long") }
        return bytes.count >= content.upperBound ? content : nil
    }

    /// Before a second hello, a client changes the cipher for the sake of middleboxes, and has perhaps sent data early.
    private func mayBeSkipped(_ type: UInt8) -> Bool {
        isSecond && message.isEmpty && (type == RecordType.cipherChange || type == RecordType.data)
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

private enum RecordType {
    static let cipherChange: UInt8 = 20
    static let handshake: UInt8 = 22
    static let data: UInt8 = 23
}

extension TLSHello {
    /// Whether a server that has answered a hello with these bytes asks for a second one; nil when more are needed.
    package static func isRetryRequest(_ bytes: Span<UInt8>) -> Bool? {
        // A record with a ServerHello, whose random bytes are the hash of "HelloRetryRequest".
        for index in 0..<min(bytes.count, 43) {
            let fits =
                switch index {
                case 0: bytes[index] == RecordType.handshake
                case 5: bytes[index] == 2
                case 11...: bytes[index] == retryRandom[index - 11]
                default: true
                }
            if !fits { return false }
        }
        return bytes.count < 43 ? nil : true
    }

    /// Whether a second hello is for the same server as this one.
    package func isContinued(by second: TLSHello) -> Bool {
        second.serverName == serverName && second.isEncrypted == isEncrypted
    }

    private static let retryRandom: [UInt8] = [
        0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
        0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
    ]
}

// Bodies in chunks: where they end, however they are cut, and what is no chunk.

import Testing

@testable import NetworkMessages

@Suite struct ChunkedBodyTests {
    @Test(arguments: [
        // As curl and Node send them.
        "b\r\nhello=world\r\n0\r\n\r\n", "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
        "0\r\n\r\n", "000\r\n\r\n", "A\r\n0\r\n\r\n56789\r\n00\r\n\r\n",
        "00000000000000a\r\n0123456789\r\n0\r\n\r\n",
        "2\r\n\r\n\r\n0\r\n\r\n",
    ]) func endsWhereItEnds(_ text: String) {
        let bytes = Array(text.utf8)
        for rest in ["", "0\r\n\r\n", "GET / HTTP/1.1\r\n"] {
            var body = ChunkedBody()
            #expect(body.read((bytes + Array(rest.utf8)).span) == .done(length: bytes.count))
        }
        for cut in 0..<bytes.count {
            var body = ChunkedBody()
            #expect(body.read(bytes.span.extracting(0..<cut)) == .more)
            #expect(body.read(bytes.span.extracting(droppingFirst: cut)) == .done(length: bytes.count - cut))
        }
        var body = ChunkedBody()
        for byte in bytes.dropLast() { #expect(body.read([byte].span) == .more) }
        #expect(body.read([0x0A, 0x30].span) == .done(length: 1))
        #expect(body.read(bytes.span) == .done(length: 0))
    }

    @Test(arguments: [
        ("\r\n", "size of a chunk is no number"),
        ("g\r\n", "size of a chunk is no number"),
        ("-1\r\n", "size of a chunk is no number"),
        ("0x1\r\n", "size of a chunk is no number"),
        (" 1\r\n", "size of a chunk is no number"),
        ("1 \r\n", "size of a chunk is no number"),
        ("1\n", "size of a chunk is no number"),
        ("1\0\r\n", "size of a chunk is no number"),
        ("1;a=b\r\n", "chunk has an extension"),
        ("0;\r\n\r\n", "chunk has an extension"),
        ("1\r1", "CR without LF after the size of a chunk"),
        ("1\r\r\n", "CR without LF after the size of a chunk"),
        ("1000000000000000\r\n", "size of a chunk is too long"),
        ("0000000000000001\r\n", "size of a chunk is too long"),
        ("fffffffffffffffff\r\n", "size of a chunk is too long"),
        ("1\r\nab\r\n", "chunk is longer than its size"),
        ("1\r\na\n", "chunk is longer than its size"),
        ("2\r\na\r\n0\r\n\r\n", "chunk is longer than its size"),
        ("1\r\na\rb", "CR without LF after a chunk"),
        ("1\r\na\r\n\r\n", "size of a chunk is no number"),
        ("0\r\nX: y\r\n\r\n", "body in chunks has a trailer"),
        ("0\r\n\n", "body in chunks has a trailer"),
        ("0\r\n\rG", "CR without LF after the last chunk"),
    ]) func refuses(_ text: String, _ why: String) {
        var body = ChunkedBody()
        #expect(body.read(Array(text.utf8).span) == .malformed(why))
        // A byte at a time the same.
        var single = ChunkedBody()
        let last = text.utf8.lazy.map { single.read([$0].span) }.first { $0 != .more }
        #expect(last == .malformed(why))
    }

    @Test func countsLongChunks() {
        var body = ChunkedBody()
        #expect(body.read(Array("fffffffffffffff\r\n".utf8).span) == .more)
        let data = [UInt8](repeating: 0x0D, count: 1 << 20)
        for _ in 0..<16 { #expect(body.read(data.span) == .more) }
    }
}

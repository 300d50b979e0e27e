// Hellos of real clients, whole and in pieces, and hellos that no server and no policy may read in two ways.

import Testing

@testable import NetworkMessages

@Suite struct TLSHelloTests {
    @Test(arguments: HelloSample.all) func readsWhatClientsSend(_ sample: HelloSample) {
        let hello = TLSHello(
            serverName: sample.serverName,
            isEncrypted: sample.isEncrypted,
            applicationProtocols: sample.protocols
        )
        #expect(TLSHello.parse(sample.bytes.span) == .found(hello, length: sample.bytes.count))
        // What follows, early data for one, is not looked at.
        #expect(
            TLSHello.parse((sample.bytes + [0x17, 3, 3]).span) == .found(hello, length: sample.bytes.count)
        )
    }

    @Test(arguments: HelloSample.all) func readsPieces(_ sample: HelloSample) {
        for size in [1, 2, 3, 7, 500] {
            let bytes = records(handshake(sample.bytes), size)
            let whole = TLSHello.parse(bytes.span)
            guard case .found(let hello, bytes.count) = whole else {
                Issue.record("records of \(size) bytes: \(whole)")
                continue
            }
            #expect(hello.serverName == sample.serverName)
            var reader = TLSHelloReader()
            for end in 0..<bytes.count {
                #expect(reader.read(bytes.span.extracting(0..<end)) == .needMore)
            }
            #expect(reader.read(bytes.span) == whole)
        }
    }

    @Test func looksAtEachByteOnce() {
        // The longest hello that there may be, in records of one byte, a byte at a time: what is looked at again with
        // every byte would take minutes.
        let body = [UInt8](repeating: 0, count: 65536 / 6 - 16)
        let bytes = records([1, 0, UInt8(body.count >> 8), UInt8(body.count & 255)] + body, 1)
        var reader = TLSHelloReader()
        for end in 0..<bytes.count { #expect(reader.read(bytes.span.extracting(0..<end)) == .needMore) }
        #expect(reader.read(bytes.span) == .malformed("cipher suites of the hello are wrong"))
    }

    @Test func seesWhatIsHidden() {
        #expect(parse(hello([name("a.example")])) == .found(named("a.example"), 0))
        let outer = TLSHello(serverName: "a.example", isEncrypted: true, applicationProtocols: [])
        // The extension of RFC 9849 and of its drafts, as outer hello; the inner one is in clear.
        for type: UInt16 in [0xFE0D, 0xFE0A, 0xFE08] {
            #expect(parse(hello([name("a.example"), (type, [0, 0, 1])])) == .found(outer, 0))
            #expect(parse(hello([name("a.example"), (type, [1])])) == .found(named("a.example"), 0))
            #expect(parse(hello([(type, [])])) == .malformed("encrypted hello is empty"))
        }
        #expect(parse(hello([(0xFFCE, [1, 2]), name("a.example")])) == .found(outer, 0))
        // Without any extension, and with none in the list.
        let nothing = TLSHello(serverName: nil, isEncrypted: false, applicationProtocols: [])
        #expect(parse(hello([])) == .found(nothing, 0))
        #expect(parse(hello(nil)) == .found(nothing, 0))
        // GREASE (RFC 8701): types and protocols that mean nothing.
        let grease = TLSHello(
            serverName: "a.example",
            isEncrypted: false,
            applicationProtocols: ["\u{FFFD}\u{FFFD}", "h2"]
        )
        let protocols: [UInt8] = [0, 6, 2, 0x8A, 0x8A, 2, 0x68, 0x32]
        #expect(
            parse(hello([(0x1A1A, []), name("a.example"), (16, protocols), (0xEAEA, [0])]))
                == .found(grease, 0)
        )
    }

    static let malformed: [(hello: [UInt8], why: String)] = [
        (hello([name("a"), name("b")]), "extension of the hello is there twice"),
        (hello([(0x0A0A, []), (0x0A0A, [])]), "extension of the hello is there twice"),
        (hello([(0, nameList([(0, "a"), (0, "b")]))]), "hello has more than one server name"),
        (hello([(0, nameList([(1, "a")]))]), "hello has more than one server name"),
        (hello([(0, nameList([]))]), "server name of the hello is cut off"),
        (hello([(0, [])]), "server name of the hello is cut off"),
        (hello([(0, nameList([(0, "")]))]), "server name of the hello is cut off"),
        (hello([(0, nameList([(0, "a")]) + [0])]), "server name of the hello is cut off"),
        (hello([(0, nameList([(0, "a")], lengthOff: 1))]), "server name of the hello is cut off"),
        (hello([(0, [0, 5, 0, 0, 3, 0x61, 0x62])]), "server name of the hello is cut off"),
        (hello([(0, [0, 5, 0, 0, 1, 0x61, 0x62])]), "hello has more than one server name"),
        (hello([name("evil\0.a.example")]), "server name of the hello is no host name"),
        (hello([name("a.example\r\n")]), "server name of the hello is no host name"),
        (hello([name("a%00")]), "server name of the hello is no host name"),
        (hello([name("a b")]), "server name of the hello is no host name"),
        (hello([name("ä.example")]), "server name of the hello is no host name"),
        (hello([name(String(repeating: "a", count: 256))]), "server name of the hello is no host name"),
        (hello([(16, [])]), "protocols of the hello are cut off"),
        (hello([(16, [0, 0])]), "protocols of the hello are cut off"),
        (hello([(16, [0, 1, 0])]), "protocols of the hello are cut off"),
        (hello([(16, [0, 3, 3, 0x68, 0x32])]), "protocols of the hello are cut off"),
        (hello([(16, [0, 3, 2, 0x68, 0x32, 9])]), "protocols of the hello are cut off"),
        (hello([name("a")], trailing: [0]), "extensions of the hello do not end with it"),
        (hello([name("a")], trailing: [0, 0]), "extensions of the hello do not end with it"),
        (hello(nil, trailing: [0]), "extensions of the hello do not end with it"),
        (hello(nil, trailing: [0, 3, 0, 0, 9]), "extension of the hello is cut off"),
        (hello(nil, trailing: [0, 5, 0, 1, 0, 2, 9]), "extension of the hello is cut off"),
        (hello((0..<129).map { (UInt16(0x100 + $0), []) }), "hello has too many extensions"),
        (hello(nil, session: [UInt8](repeating: 1, count: 33)), "session id of the hello is wrong"),
        (hello(nil, suites: []), "cipher suites of the hello are wrong"),
        (hello(nil, suites: [1, 2, 3]), "cipher suites of the hello are wrong"),
        (hello(nil, methods: []), "compression methods of the hello are wrong"),
        ([3, 3], "hello is too short"),
        (Array(hello(nil).prefix(34)), "session id of the hello is wrong"),
    ]

    @Test(arguments: malformed.indices) func refuses(_ index: Int) {
        let sample = Self.malformed[index]
        #expect(parse(sample.hello) == .malformed(sample.why))
    }

    @Test func refusesRecordsThatAreNoHello() {
        func why(_ bytes: [UInt8]) -> String? {
            guard case .malformed(let why) = TLSHello.parse(bytes.span) else { return nil }
            return why
        }
        let message: [UInt8] = [1, 0, 0, 2, 3, 3]
        #expect(why([0x80, 0x2E, 1, 3, 1]) == "hello is in the form of SSL 2")
        #expect(why([0x15, 3, 3, 0, 2, 1, 0]) == "record is no handshake")
        #expect(why([0x17]) == "record is no handshake")
        #expect(why(Array("GET / HTTP/1.1\r\n".utf8)) == "record is no handshake")
        #expect(why([0x16, 2]) == "record is of an unknown version of TLS")
        #expect(why([0x16, 3, 1, 0, 0]) == "record has a length that no record has")
        #expect(why([0x16, 3, 1, 0x40, 1]) == "record has a length that no record has")
        #expect(why([0x16, 3, 1, 0, 4, 2, 0, 0, 0]) == "handshake does not begin with the hello of a client")
        #expect(why([0x16, 3, 1, 0, 1, 2]) == "handshake does not begin with the hello of a client")
        #expect(why([0x16, 3, 1, 0, 4, 1, 1, 0, 0]) == "hello is too long")
        #expect(why(records(message + [0], 100)) == "record goes on after the hello")
        #expect(why(records(message + message, 7)) == "record goes on after the hello")
        // Two records, the second of another type, or with nothing in it.
        let first: [UInt8] = [0x16, 3, 1, 0, 1, 1]
        #expect(why(first + [0x17, 3, 1, 0, 1, 0]) == "record is no handshake")
        #expect(why(first + [0x16, 3, 1, 0, 0]) == "record has a length that no record has")
        #expect(why(first + [0x80, 3, 1, 0, 1]) == "record is no handshake")
        // Records of one byte make a hello of 64 KiB six times as long.
        let long = records([1, 0, 0xFF, 0xFB] + [UInt8](repeating: 0, count: 0xFFFB), 1)
        #expect(why(long) == "hello is too long")
    }

    @Test func readsASecondHello() {
        func read(_ bytes: [UInt8]) -> ParseResult<TLSHello> {
            var reader = TLSHelloReader(afterRetry: true)
            for end in 0..<bytes.count {
                let part = reader.read(bytes.span.extracting(0..<end))
                if part != .needMore { return part }
            }
            return reader.read(bytes.span)
        }
        let body = hello([name("a.example")])
        let second = records([1, 0, 0, UInt8(body.count)] + body, 30)
        let change: [UInt8] = [20, 3, 3, 0, 1, 1]
        let early: [UInt8] = [23, 3, 3, 0x41, 0] + [UInt8](repeating: 1, count: 16640)
        for before in [[], change, early, change + early + early] {
            #expect(read(before + second) == .found(named("a.example"), length: before.count + second.count))
        }
        // Not between the records of a hello, nor before the first one.
        #expect(read(second[..<35] + change + second[35...]) == .malformed("record is no handshake"))
        #expect(TLSHello.parse((change + second).span) == .malformed("record is no handshake"))
        #expect(read([21, 3, 3, 0, 2, 2, 40]) == .malformed("record is no handshake"))
        #expect(
            read([UInt8]((0..<4).map { _ in early }.joined()) + second) == .malformed("hello is too long")
        )

        #expect(named("a.example").isContinued(by: named("a.example")))
        #expect(!named("a.example").isContinued(by: named("b.example")))
        let hidden = TLSHello(serverName: "a.example", isEncrypted: true, applicationProtocols: [])
        #expect(!named("a.example").isContinued(by: hidden))
    }

    @Test func knowsRetryRequests() {
        // The answers of OpenSSL 3.0 s_server -groups X25519 to `-groups P-521:X25519`, and to the second hello.
        let retry = hex(
            "1603030058020000540303cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c20658385615c"
                + "bea7de375c002d6a345841208cb76f5d491bce1c4c7758bf429f63130200000c002b0002030400330002001d140303000101"
        )
        let answer = hex(
            "160303007a020000760303f32ed48cecebfcf6e9d03003a0ef331908a9c4d3f9e3c8896a8e0b35e7de23da20658385615c"
        )
        #expect(TLSHello.isRetryRequest(retry.span) == true)
        for end in 0..<43 { #expect(TLSHello.isRetryRequest(retry.span.extracting(0..<end)) == nil) }
        #expect(TLSHello.isRetryRequest(answer.span) == false)
        #expect(TLSHello.isRetryRequest([21].span) == false)
        #expect(TLSHello.isRetryRequest(Array("HTTP/1.1 400 Bad Request\r\n".utf8).span) == false)
    }

    @Test func tellsWhyItRefuses() {
        // Alert, TLS 1.2 as all records say, fatal, access_denied.
        #expect(TLSHello.accessDenied == [21, 3, 3, 0, 2, 2, 49])
    }
}

private func named(_ name: String) -> TLSHello {
    TLSHello(serverName: name, isEncrypted: false, applicationProtocols: [])
}

/// A result without its length.
private enum Outcome: Equatable {
    case found(TLSHello, Int)
    case needMore
    case malformed(String)
}

/// Reads the body of a hello as one record.
private func parse(_ body: [UInt8]) -> Outcome {
    let message = [1, UInt8(body.count >> 16), UInt8(body.count >> 8 & 255), UInt8(body.count & 255)] + body
    return switch TLSHello.parse(records(message, 16384).span) {
    case .found(let hello, _): .found(hello, 0)
    case .needMore: .needMore
    case .malformed(let why): .malformed(why)
    }
}

/// The handshake message in records.
private func handshake(_ bytes: [UInt8]) -> [UInt8] {
    var rest = bytes[...]
    var message: [UInt8] = []
    while rest.count >= 5 {
        let length = Int(rest[rest.startIndex + 3]) << 8 | Int(rest[rest.startIndex + 4])
        message += rest.dropFirst(5).prefix(length)
        rest = rest.dropFirst(5 + length)
    }
    return message
}

/// A handshake message as records with so many bytes each.
private func records(_ message: [UInt8], _ size: Int) -> [UInt8] {
    stride(from: 0, to: message.count, by: size).flatMap { start in
        let part = message[start..<min(start + size, message.count)]
        return [0x16, 3, 1, UInt8(part.count >> 8), UInt8(part.count & 255)] + part
    }
}

private func lengthed(_ bytes: [UInt8]) -> [UInt8] {
    [UInt8(bytes.count >> 8), UInt8(bytes.count & 255)] + bytes
}

/// The content of the extension for server names.
private func nameList(_ names: [(type: UInt8, text: String)], lengthOff: Int = 0) -> [UInt8] {
    var list = lengthed(names.flatMap { [$0.type] + lengthed(Array($0.text.utf8)) })
    list[1] += UInt8(lengthOff)
    return list
}

private func name(_ text: String) -> (UInt16, [UInt8]) { (0, nameList([(0, text)])) }

/// The body of a hello; without extensions at all for nil.
private func hello(
    _ extensions: [(type: UInt16, content: [UInt8])]?,
    session: [UInt8] = [],
    suites: [UInt8] = [0x13, 1],
    methods: [UInt8] = [0],
    trailing: [UInt8] = []
) -> [UInt8] {
    let list = extensions?.flatMap { [UInt8($0.type >> 8), UInt8($0.type & 255)] + lengthed($0.content) }
    return [3, 3] + [UInt8](repeating: 7, count: 32) + [UInt8(session.count)] + session + lengthed(suites)
        + [UInt8(methods.count)] + methods + (list.map(lengthed) ?? []) + trailing
}

// Questions as resolvers of all kinds ask them (taken on loopback, November 2026), and the replies.

import Testing

@testable import NetworkMessages

@Suite struct DNSTests {
    /// A question, and what is understood of it.
    static let questions: [(client: String, name: String, type: UInt16, hasEDNS: Bool, bytes: String)] = [
        (
            "glibc", "api.example.com", 1, false,
            "5a530100000100000000000003617069076578616d706c6503636f6d0000010001"
        ),
        (
            "glibc", "api.example.com", 28, false,
            "c85f0100000100000000000003617069076578616d706c6503636f6d00001c0001"
        ),
        (
            "glibc, edns0 trust-ad", "edns.example.com", 1, true,
            "6334012000010000000000010465646e73076578616d706c6503636f6d000001000100002904b0000000000000"
        ),
        (
            "dig", "api.example.com", 1, true,
            "0b870120000100000000000103617069076578616d706c6503636f6d000001000100002904d000000000000c000a000877bffd"
                + "5af8fc8722"
        ),
        (
            "dig +dnssec", "API.Example.COM", 28, true,
            "84160120000100000000000103415049074578616d706c6503434f4d00001c000100002904d000008000000c000a00088bb1f2"
                + "4e72a2c5fa"
        ),
        ("dig +noedns", "x.test", 16, false, "6f6501200001000000000000017804746573740000100001"),
        (
            "dig of the root", ".", 2, true,
            "102c01200001000000000001000002000100002904d000000000000c000a0008256fccc4d6e3165f"
        ),
        (
            "dig HTTPS", "www.example.com", 65, true,
            "59e00120000100000000000103777777076578616d706c6503636f6d000041000100002904d000000000000c000a000876f5f6"
                + "b8afe2efba"
        ),
        (
            "dig -x", "7.0.18.198.in-addr.arpa", 12, true,
            "fcd501200001000000000001013701300231380331393807696e2d61646472046172706100000c000100002904d00000000000"
                + "0c000a0008631e010adf293e20"
        ),
        (
            "dig +padding +subnet", "a.test", 1, true,
            "a6410120000100000000000101610474657374000001000100002904d000000000005d00080005000108000a000a00087ac82b"
                + "66e9c0540b000c0044" + String(repeating: "00", count: 68)
        ),
        (
            "c-ares of Node", "node.example.com", 1, false,
            "72bc01000001000000000000046e6f6465076578616d706c6503636f6d0000010001"
        ),
        (
            "Go", "go.example.com", 28, true,
            "b3f00100000100000000000102676f076578616d706c6503636f6d00001c000100002904d0000000000000"
        ),
    ]

    @Test(arguments: questions.indices) func readsQuestions(_ index: Int) throws {
        let sample = Self.questions[index]
        let bytes = hex(sample.bytes)
        guard case .query(let query) = DNSRequest.parse(bytes.span) else {
            Issue.record("\(sample.client): \(DNSRequest.parse(bytes.span))")
            return
        }
        #expect(query.name == sample.name && query.type == sample.type && query.hasEDNS == sample.hasEDNS)
        #expect(query.id == UInt16(bytes[0]) << 8 | UInt16(bytes[1]))
        // What is cut off is no question, and nor is more.
        for end in 0..<bytes.count {
            switch DNSRequest.parse(bytes.span.extracting(0..<end)) {
            case .query: Issue.record("\(sample.client): \(end) bytes are a question")
            case .malformed: #expect(end < 12)
            case .refused(let reply, _):
                // The header alone: a format error, with the asker's id.
                #expect(end >= 12 && reply.count == 12 && reply[..<2] == bytes[..<2] && reply[3] & 15 == 1)
            }
        }
        guard case .refused(_, "DNS message goes on after its end") = DNSRequest.parse((bytes + [0]).span)
        else {
            Issue.record("\(sample.client): a question with a byte more")
            return
        }
    }

    @Test func answersWithAddresses() {
        let four = query(Self.questions[0].bytes)
        #expect(
            four.reply(.addresses([[198, 18, 0, 7]]), secondsToLive: 60)
                == hex(
                    "5a538180 0001 0001 0000 0000 03617069076578616d706c6503636f6d0000010001"
                        + "c00c 0001 0001 0000003c 0004 c6120007"
                )
        )
        let six = query(Self.questions[4].bytes)
        #expect(
            six.reply(.addresses([[UInt8](repeating: 0xFD, count: 16)]), secondsToLive: 0x0102_0304)
                == hex(
                    "84168180 0001 0001 0000 0001 03415049074578616d706c6503434f4d00001c0001"
                        + "c00c 001c 0001 01020304 0010 fdfdfdfdfdfdfdfdfdfdfdfdfdfdfdfd 00 0029 04d0 00008000 0000"
                )
        )
    }

    @Test func answersWithoutAddresses() {
        let plain = query(Self.questions[0].bytes)
        let question = "03617069076578616d706c6503636f6d0000010001"
        #expect(plain.reply(.empty) == hex("5a538180 0001 0000 0000 0000" + question))
        #expect(plain.reply(.noSuchName) == hex("5a538183 0001 0000 0000 0000" + question))
        #expect(plain.reply(.blocked("not allowed")) == hex("5a538183 0001 0000 0000 0000" + question))
        #expect(plain.reply(.failure) == hex("5a538182 0001 0000 0000 0000" + question))
        #expect(plain.reply(.notImplemented) == hex("5a538184 0001 0000 0000 0000" + question))
        // "no" and the code 15, Blocked, in the option 15.
        let edns = query(Self.questions[2].bytes)
        #expect(
            edns.reply(.blocked("no"))
                == hex(
                    "63348183 0001 0000 0000 0001 0465646e73076578616d706c6503636f6d0000010001"
                        + "00 0029 04d0 00000000 0008 000f 0004 000f 6e6f"
                )
        )
        #expect(edns.reply(.blocked(String(repeating: "ä", count: 999))).count <= 512)
    }

    @Test func repliesFit() {
        let addresses = DNSAnswer.addresses((0..<100).map { [10, 0, 0, $0] })
        for (index, limit) in [(0, 512), (2, 1200), (3, 1232)] {
            let query = query(Self.questions[index].bytes)
            let cut = query.reply(addresses)
            #expect(cut[2] & 2 == 2 && cut[7] == 0 && cut.count <= limit)
            let fitting = (limit - 60) / 16
            let short = query.reply(.addresses((0..<fitting).map { [10, 0, 0, UInt8($0)] }))
            #expect(short[2] & 2 == 0 && short[7] == UInt8(fitting))
            #expect(query.reply(addresses, overTCP: true)[7] == 100)
        }
    }

    /// What is refused: the code of the reply, and why.
    static let refused: [(bytes: String, code: UInt8, why: String)] = [
        ("1111 0100 0000 0000 0000 0000", 1, "DNS message has not one question"),
        (
            "1111 0100 0002 0000 0000 0000 0161000001 0001 0162000001 0001", 1,
            "DNS message has not one question"
        ),
        ("1111 0100 0001 0001 0000 0000 0161000001 0001", 1, "DNS question comes with other records"),
        ("1111 0100 0001 0000 0001 0000 0161000001 0001", 1, "DNS question comes with other records"),
        ("1111 0100 0001 0000 0000 0002 0161000001 0001", 1, "DNS question comes with other records"),
        // A pointer to itself, one to the header, one behind a label, a length of the reserved kind.
        ("1111 0100 0001 0000 0000 0000 c00c 0001 0001", 1, "name in a DNS question is compressed"),
        ("1111 0100 0001 0000 0000 0000 c000 0001 0001", 1, "name in a DNS question is compressed"),
        ("1111 0100 0001 0000 0000 0000 0161c00c 0001 0001", 1, "name in a DNS question is compressed"),
        ("1111 0100 0001 0000 0000 0000 4161 0001 0001", 1, "name in a DNS question is compressed"),
        ("1111 0100 0001 0000 0000 0000 0561", 1, "name in a DNS question is cut off"),
        ("1111 0100 0001 0000 0000 0000 0161", 1, "name in a DNS question is cut off"),
        ("1111 0100 0001 0000 0000 0000 016100 0001 00", 1, "DNS question is cut off"),
        // Opcodes 1, 4 and 15; the reply has them.
        ("1111 0800 0001 0000 0000 0000 016100 0001 0001", 4, "DNS operation is not QUERY"),
        ("1111 2120 0001 0000 0000 0000 016100 0001 0001", 4, "DNS operation is not QUERY"),
        ("1111 7800 0001 0000 0000 0000 016100 0001 0001", 4, "DNS operation is not QUERY"),
        // Classes CHAOS, NONE and ANY.
        ("1111 0100 0001 0000 0000 0000 016100 0010 0003", 5, "class of the question is not IN"),
        ("1111 0100 0001 0000 0000 0000 016100 0001 00fe", 5, "class of the question is not IN"),
        ("1111 0100 0001 0000 0000 0000 016100 0001 00ff", 5, "class of the question is not IN"),
        // A dot, a null, a space, a byte of no ASCII within a label.
        (
            "1111 0100 0001 0000 0000 0000 03612e6200 0001 0001", 3,
            "name has characters that no host name has"
        ),
        (
            "1111 0100 0001 0000 0000 0000 0361006200 0001 0001", 3,
            "name has characters that no host name has"
        ),
        (
            "1111 0100 0001 0000 0000 0000 0361206200 0001 0001", 3,
            "name has characters that no host name has"
        ),
        ("1111 0100 0001 0000 0000 0000 02c3a400 0001 0001", 3, "name has characters that no host name has"),
        // An additional record that is not OPT, one with a name, one cut off, an option cut off, a later version.
        (
            "1111 0100 0001 0000 0000 0001 016100 0001 0001 00 0001 0001 00000000 0004 01020304", 1,
            "additional record of a DNS question is not that of EDNS"
        ),
        (
            "1111 0100 0001 0000 0000 0001 016100 0001 0001 016100 0029 04d0 00000000 0000", 1,
            "additional record of a DNS question is not that of EDNS"
        ),
        (
            "1111 0100 0001 0000 0000 0001 016100 0001 0001 00 0029 04d0 00000000 0001", 1,
            "additional record of a DNS question is not that of EDNS"
        ),
        (
            "1111 0100 0001 0000 0000 0001 016100 0001 0001 00 0029 04d0 00000000 0005 000a000200", 1,
            "option of EDNS is cut off"
        ),
        (
            "50e4 0120 0001 0000 0000 0001 016100 0001 0001 00 0029 04d0 00010000 0000", 0,
            "version of EDNS is not 0"
        ),
        ("1111 0100 0001 0000 0000 0000 016100 0001 0001 00", 1, "DNS message goes on after its end"),
    ]

    @Test(arguments: refused.indices) func refuses(_ index: Int) {
        let sample = Self.refused[index]
        let bytes = hex(sample.bytes)
        guard case .refused(let reply, let why) = DNSRequest.parse(bytes.span) else {
            Issue.record("\(DNSRequest.parse(bytes.span))")
            return
        }
        #expect(why == sample.why)
        #expect(reply[..<2] == bytes[..<2] && reply[2] == bytes[2] | 0x80 && reply[3] & 15 == sample.code)
    }

    @Test func namesHaveALimit() {
        func message(_ labels: [Int]) -> [UInt8] {
            let name = labels.flatMap { [UInt8($0)] + [UInt8](repeating: 0x61, count: $0) }
            return hex("1111 0100 0001 0000 0000 0000") + name + hex("00 0001 0001")
        }
        // 255 bytes with the lengths and the null, and one more.
        guard case .query(let query) = DNSRequest.parse(message([63, 63, 63, 61]).span) else {
            Issue.record("the longest name")
            return
        }
        #expect(query.name.utf8.count == 253)
        #expect(query.reply(.noSuchName).count == 12 + 255 + 4)
        for labels in [[63, 63, 63, 62], [63, 63, 63, 61, 1], [Int](repeating: 1, count: 128)] {
            guard
                case .refused(_, "name in a DNS question is too long") = DNSRequest.parse(
                    message(labels).span
                )
            else {
                Issue.record("a name that is too long")
                continue
            }
        }
    }

    @Test func laterVersionsAreToldOurs() {
        // BADVERS is 16: the low bits in the header, the high ones in the record of EDNS, whose version is 0.
        let bytes = hex("50e4 0120 0001 0000 0000 0001 016100 0001 0001 00 0029 04d0 00010000 0000")
        guard case .refused(let reply, _) = DNSRequest.parse(bytes.span) else {
            Issue.record("a later version of EDNS")
            return
        }
        #expect(reply == hex("50e4 8180 0001 0000 0000 0001 016100 0001 0001 00 0029 04d0 01000000 0000"))
    }

    @Test func staysSilent() {
        let nothing: [UInt8] = []
        #expect(DNSRequest.parse(nothing.span) == .malformed("DNS message is too short"))
        #expect(
            DNSRequest.parse(hex("1111 0100 0001 0000 0000 00").span)
                == .malformed("DNS message is too short")
        )
        #expect(
            DNSRequest.parse(hex("1111 8100 0001 0000 0000 0000 016100 0001 0001").span)
                == .malformed("DNS message is a response")
        )
    }
}

private func query(_ digits: String) -> DNSQuery {
    guard case .query(let query) = DNSRequest.parse(hex(digits).span) else {
        fatalError("no question: \(digits)")
    }
    return query
}

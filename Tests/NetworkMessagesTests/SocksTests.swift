// SOCKS 5 as curl 7.88 speaks it (taken on loopback, November 2026), and what nobody may say.

import Testing

@testable import NetworkMessages

@Suite struct SocksTests {
    @Test func greets() {
        let plain = SocksGreeting(offersNoAuthentication: true)
        #expect(SocksGreeting.parse(hex("05020001").span) == .found(plain, length: 4))
        #expect(SocksGreeting.parse(hex("0503000102").span) == .found(plain, length: 5))
        #expect(SocksGreeting.parse(hex("050100 0501").span) == .found(plain, length: 3))
        #expect(plain.reply == [5, 0])
        // Methods that need a password or a key.
        let other = SocksGreeting(offersNoAuthentication: false)
        #expect(SocksGreeting.parse(hex("05020102").span) == .found(other, length: 4))
        #expect(other.reply == [5, 0xFF])
        for digits in ["", "05", "0502", "050200"] {
            #expect(SocksGreeting.parse(hex(digits).span) == .needMore)
        }
        #expect(SocksGreeting.parse(hex("04").span) == .malformed("version of SOCKS is not 5"))
        #expect(SocksGreeting.parse(hex("0500").span) == .malformed("SOCKS greeting without a method"))
    }

    static let requests: [(bytes: String, request: SocksRequest)] = [
        (
            "050100030f6170692e6578616d706c652e636f6d01bb",
            SocksRequest(command: .connect, host: .name("api.example.com"), port: 443)
        ),
        (
            "050100017f0000011f90",
            SocksRequest(command: .connect, host: .address([127, 0, 0, 1]), port: 8080)
        ),
        (
            "0501000420010db80000000000000000000000010051",
            SocksRequest(command: .connect, host: .address(hex("20010db8000000000000000000000001")), port: 81)
        ),
        ("0502000161000000 0000", SocksRequest(command: .bind, host: .address([97, 0, 0, 0]), port: 0)),
        ("05030003016100ff", SocksRequest(command: .associate, host: .name("a"), port: 255)),
        ("05010003055b3a3a315d0050", SocksRequest(command: .connect, host: .name("[::1]"), port: 80)),
    ]

    @Test(arguments: requests.indices) func readsRequests(_ index: Int) {
        let sample = Self.requests[index]
        let bytes = hex(sample.bytes)
        #expect(SocksRequest.parse((bytes + [0x16, 3]).span) == .found(sample.request, length: bytes.count))
        for end in 0..<bytes.count {
            #expect(SocksRequest.parse(bytes.span.extracting(0..<end)) == .needMore)
        }
    }

    @Test(arguments: [
        ("04", "version of SOCKS is not 5"),
        ("0500", "unknown command of SOCKS"),
        ("0504", "unknown command of SOCKS"),
        ("050101", "reserved byte of a SOCKS request is not 0"),
        ("05010000", "unknown type of address in a SOCKS request"),
        ("05010002", "unknown type of address in a SOCKS request"),
        ("0501000300", "SOCKS request with an empty name"),
        ("05010003046576 0061 0050", "name in a SOCKS request is no host name"),
        ("0501000302610a 0050", "name in a SOCKS request is no host name"),
        ("050100030261ff 0050", "name in a SOCKS request is no host name"),
        ("05010003022061 0050", "name in a SOCKS request is no host name"),
        ("05010003022561 0050", "name in a SOCKS request is no host name"),
        ("05010003024061 0050", "name in a SOCKS request is no host name"),
    ]) func refuses(_ digits: String, _ why: String) {
        #expect(SocksRequest.parse(hex(digits).span) == .malformed(why))
    }

    @Test func replies() {
        #expect(SocksReply.succeeded.bytes == hex("05000001 00000000 0000"))
        #expect(SocksReply.notAllowed.bytes == hex("05020001 00000000 0000"))
        // RFC 1928, 6.
        let codes: [SocksReply] = [
            .succeeded, .generalFailure, .notAllowed, .networkUnreachable, .hostUnreachable,
            .connectionRefused,
            .timedOut, .commandNotSupported, .addressTypeNotSupported,
        ]
        #expect(codes.map(\.rawValue) == Array(0...8))
    }
}

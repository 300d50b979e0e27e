// Where the proxy's clients want to go, in HTTP and in SOCKS, and what they are told.

import NetworkRules
import Testing

@testable import NetworkRelay

@Suite struct NegotiationTests {
    /// What comes of some bytes, all at once and one at a time; and whatever was answered meanwhile.
    private func outcome(_ bytes: [UInt8]) -> (Negotiation.Step, replies: [UInt8], rest: [UInt8]) {
        let whole = run([bytes])
        let pieces = run(bytes.map { [$0] })
        #expect(whole.0 == pieces.0 && whole.replies == pieces.replies && whole.rest == pieces.rest)
        return whole
    }

    private func run(_ pieces: [[UInt8]]) -> (Negotiation.Step, replies: [UInt8], rest: [UInt8]) {
        var negotiation = Negotiation()
        var words: [UInt8] = []
        var replies: [UInt8] = []
        var found: Negotiation.Step?
        for piece in pieces {
            words += piece
            while found == nil {
                let step = negotiation.next(words[...])
                if step == .needMore { break }
                guard case .reply(let bytes, let count) = step else {
                    if case .found(_, _, let count) = step { words.removeFirst(count) }
                    found = step
                    break
                }
                replies += bytes
                words.removeFirst(count)
            }
        }
        return (found ?? .needMore, replies, words)
    }

    private func socks(_ host: [UInt8], port: UInt16 = 443, command: UInt8 = 1) -> [UInt8] {
        [5, 1, 0, 5, command, 0] + host + [UInt8(port >> 8), UInt8(truncatingIfNeeded: port)]
    }

    private func name(_ text: String) -> [UInt8] { [3, UInt8(text.utf8.count)] + Array(text.utf8) }

    private func refusal(_ bytes: [UInt8]) -> RefusalReason? {
        if case .refuse(let refusal) = outcome(bytes).0 { refusal.reason } else { nil }
    }

    private func destination(_ bytes: [UInt8]) -> String? {
        if case .found(let destination, let path, _) = outcome(bytes).0 {
            "\(path.rawValue) \(destination)"
        } else {
            nil
        }
    }

    @Test func socksNamesAHost() {
        #expect(destination(socks(name("A.Test."))) == "socks a.test:443")
        #expect(destination(socks([1, 192, 0, 2, 1], port: 80)) == "socks 192.0.2.1:80")
        #expect(destination(socks([4] + [UInt8](repeating: 0, count: 15) + [1])) == "socks [::1]:443")
        // A mapped address is the one that it maps.
        let mapped = [UInt8](repeating: 0, count: 10) + [255, 255, 127, 0, 0, 1]
        #expect(destination(socks([4] + mapped)) == "socks 127.0.0.1:443")
        #expect(destination(socks(name("[::ffff:127.0.0.1]"))) == "socks 127.0.0.1:443")
        let (_, replies, rest) = outcome(socks(name("a.test")) + [22, 3, 1])
        #expect(replies == [5, 0])
        #expect(rest == [22, 3, 1])
    }

    @Test func socksIsReadStrictly() {
        for host in [
            "evil.test\0.a.test", "a.test\r\n", "a%00.test", "a test", "a..test", "0x7f.1", "2130706433",
            "127.1", "::1%lo", "ä.test",
        ] {
            #expect(refusal(socks(name(host))) == .invalidHost, "\(host)")
        }
        #expect(refusal(socks([3, 0])) == .invalidHost)
        #expect(refusal(socks(name("a.test"), port: 0)) == .invalidHost)
        #expect(refusal(socks(name("a.test"), command: 2)) == .unsupported)
        #expect(refusal(socks(name("a.test"), command: 3)) == .unsupported)
        #expect(refusal([5, 1, 2]) == .unsupported)
        #expect(refusal([5, 0]) == .malformed)
        #expect(outcome([5]).0 == .needMore)
        #expect(outcome([]).0 == .needMore)
    }

    @Test func connectNamesAHostAndAPort() {
        let connect = "CONNECT A.test:443 HTTP/1.1\r\nHost: a.test\r\n\r\n"
        #expect(destination(Array(connect.utf8)) == "connect a.test:443")
        #expect(outcome(Array((connect + "early").utf8)).rest == Array("early".utf8))
        for target in [
            "a.test", "a.test:0", "a.test:65536", "a.test:+1", "evil\0.a.test:443", "a@b.test:443",
            "[::1%25lo]:443", "127.1:443", "0177.0.0.1:443", "/",
        ] {
            let reason = refusal(Array("CONNECT \(target) HTTP/1.1\r\nHost: a.test\r\n\r\n".utf8))
            #expect(reason == .malformed || reason == .invalidHost, "\(target)")
        }
        #expect(refusal(Array("CONNECT a.test:443 HTTP/1.1\r\nHost: b.test:443\r\n\r\n".utf8)) == .malformed)
    }

    @Test func aURLNamesAHost() {
        let get = Array("GET http://a.test/x HTTP/1.1\r\nHost: a.test\r\n\r\n".utf8)
        #expect(destination(get) == "http a.test:80")
        // The request itself is for the gate.
        #expect(outcome(get).rest == get)
        #expect(
            destination(Array("GET http://a.test:8080/ HTTP/1.1\r\nHost: a.test:8080\r\n\r\n".utf8))
                == "http a.test:8080"
        )
        #expect(refusal(Array("GET http://a.test/ HTTP/1.1\r\nHost: b.test\r\n\r\n".utf8)) == .malformed)
        #expect(refusal(Array("GET http://a@b.test/ HTTP/1.1\r\nHost: b.test\r\n\r\n".utf8)) == .malformed)
        #expect(refusal(Array("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n".utf8)) == .unsupported)
        #expect(refusal(Array("OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n".utf8)) == .unsupported)
        #expect(refusal([4, 1, 0, 80, 1, 2, 3, 4, 0]) == .malformed)
        #expect(refusal([22, 3, 1, 0, 5]) == .malformed)
        #expect(refusal(Array(repeating: UInt8(ascii: "A"), count: 70_000)) == .malformed)
    }

    @Test func eachIsToldInItsOwnTerms() {
        let refusal = Refusal(.hostNotAllowed, "why not", rule: "evil.test", suggestion: "a.test:443")
        var http = Negotiation()
        _ = http.next(Array("CONNECT a.test:443 HTTP/1.1\r\nHost: a.test\r\n\r\n".utf8)[...])
        let text = String(decoding: http.refusal(refusal), as: UTF8.self)
        #expect(text.hasPrefix("HTTP/1.1 403 Forbidden\r\n"))
        #expect(
            text.contains("why not") && text.contains("  - a.test:443\n")
                && text.contains("Denied by: evil.test")
        )
        let parts = text.split(separator: "\r\n\r\n", maxSplits: 1)
        #expect(text.contains("Content-Length: \(parts[1].utf8.count)\r\n"))
        #expect(
            String(decoding: http.failure("no way", isRefused: true), as: UTF8.self).hasPrefix(
                "HTTP/1.1 502 "
            )
        )
        #expect(
            String(decoding: http.success, as: UTF8.self) == "HTTP/1.1 200 Connection established\r\n\r\n"
        )
        let malformed = Refusal(.malformed, "x")
        #expect(String(decoding: http.refusal(malformed), as: UTF8.self).hasPrefix("HTTP/1.1 400 "))

        var socks = Negotiation()
        _ = socks.next([5, 1, 2][...])
        #expect(socks.refusal(Refusal(.unsupported, "x")) == [5, 0xff])
        socks = Negotiation()
        _ = socks.next([5, 1, 0][...])
        _ = socks.next(([5, 1, 0] + name("a.test") + [1, 187])[...])
        #expect(socks.refusal(refusal).prefix(2) == [5, 2])
        #expect(socks.failure("no", isRefused: true).prefix(2) == [5, 5])
        #expect(socks.failure("no", isRefused: false).prefix(2) == [5, 4])
        #expect(socks.success.prefix(2) == [5, 0] && socks.success.count == 10)
        #expect(socks.refusal(Refusal(.unsupported, "x")).prefix(2) == [5, 7])

        var url = Negotiation()
        _ = url.next(Array("GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n".utf8)[...])
        #expect(url.success.isEmpty)
    }
}

// What a client must say on an allowed connection, for each demand of a rule, and what of it goes to the server.

import ClocheModel
import NetworkRules
import Testing

@testable import NetworkRelay

@Suite struct GateTests {
    private static let get = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
    private static let hello = TLSSample.hello("a.test")

    /// A gate to `a.test`, whose port has a demand of its own if none is given.
    private func gate(
        _ port: Int = 80,
        _ demand: NetworkProtocol? = nil,
        methods: [String] = [],
        paths: [String] = [],
        isProxied: Bool = false,
        hiddenNames: Bool = false
    ) throws -> Passage {
        let rule = NetworkEntry("a.test:\(port)", methods: methods, paths: paths, demand: demand)
        return try Passage([rule], to: "a.test:\(port)", isProxied: isProxied, hiddenNames: hiddenNames)
    }

    // MARK: Demands

    @Test func eachPortWantsItsProtocol() throws {
        let other = Array("SSH-2.0-OpenSSH_9\r\n".utf8)
        let http = Array(Self.get.utf8)
        let odd = Array("GET / HTTP/1.1\r\nHost: a.test:8080\r\n\r\n".utf8)
        let cases: [(port: Int, demand: NetworkProtocol?, says: [UInt8], Passage.Outcome)] = [
            (443, nil, Self.hello, .awaitsAnswer), (443, nil, http, .refused(.wrongProtocol)),
            (443, nil, other, .refused(.wrongProtocol)), (443, .any, other, .waits),
            (443, .any, http, .waits),
            (80, nil, http, .waits), (80, nil, Self.hello, .refused(.wrongProtocol)),
            (80, nil, other, .refused(.wrongProtocol)),
            (80, .tls, Self.hello, .awaitsAnswer), (80, .tls, http, .refused(.wrongProtocol)),
            (8080, nil, odd, .waits), (8080, nil, http, .refused(.nameMismatch)),
            (8080, nil, Self.hello, .awaitsAnswer), (8080, nil, other, .waits),
            (8080, nil, TLSSample.hello("b.test"), .refused(.nameMismatch)),
            (8080, .http, other, .refused(.wrongProtocol)), (8080, .tls, odd, .refused(.wrongProtocol)),
            (8080, .any, TLSSample.hello("b.test"), .waits),
        ]
        for (port, demand, says, outcome) in cases {
            var whole = try gate(port, demand)
            #expect(whole.say(says) == outcome, "\(port) \(String(describing: demand))")
            if case .refused = outcome {
                #expect(whole.passed.isEmpty)
            } else {
                #expect(whole.passed == says)
            }
            // It does not matter how it comes.
            var pieces = try gate(port, demand)
            var last = Passage.Outcome.waits
            for byte in says { last = pieces.say([byte]) }
            #expect(last == outcome && pieces.passed == whole.passed)
        }
    }

    @Test func twoRulesAdmitBoth() throws {
        let rules = [NetworkEntry("a.test:443", demand: .tls), NetworkEntry("a.test:443", demand: .http)]
        for (says, outcome) in [
            (Self.hello, Passage.Outcome.awaitsAnswer),
            (Array("GET / HTTP/1.1\r\nHost: a.test:443\r\n\r\n".utf8), .waits),
            (Array("SSH-2.0-x\r\n".utf8), .refused(.wrongProtocol)),
        ] {
            var gate = try Passage(rules, to: "a.test:443")
            #expect(gate.say(says) == outcome)
        }
    }

    @Test func whatEndsBeforeItIsKnownPassesWhereAnythingDoes() throws {
        var checked = try gate(8080)
        #expect(checked.say("hello") == .waits)
        #expect(checked.passed.isEmpty)
        let mayPass = checked.gate.ended()
        #expect(mayPass)
        #expect(checked.say([]) == .waits && checked.text == "hello")
        var http = try gate(80)
        #expect(http.say("hello") == .waits)
        let mayNot = http.gate.ended()
        #expect(!mayNot)
        // A request that was begun is no few letters.
        var begun = try gate(8080)
        #expect(begun.say("GET / HTTP/1.1\r\nHo") == .waits)
        let isRequest = begun.gate.ended()
        #expect(!isRequest)
    }

    // MARK: TLS

    @Test func tlsNamesTheServer() throws {
        for name in ["a.test", "A.TEST", "a.test."] {
            var gate = try gate(443)
            #expect(gate.say(TLSSample.hello(name)) == .awaitsAnswer)
        }
        for name in ["b.test", "a.test.evil.example", "evil.a.test", "127.0.0.1", "a_test", "xn--a.test"] {
            var gate = try gate(443)
            #expect(gate.say(TLSSample.hello(name)) == .refused(.nameMismatch))
        }
        for hello in [TLSSample.hello(nil), TLSSample.hello("a.test", isEncrypted: true)] {
            var gate = try gate(443)
            #expect(gate.say(hello) == .refused(.nameHidden))
            var open = try self.gate(443, hiddenNames: true)
            #expect(open.say(hello) == .awaitsAnswer)
        }
        // Not even where names may be hidden.
        var mismatch = try gate(443, hiddenNames: true)
        #expect(mismatch.say(TLSSample.hello("b.test")) == .refused(.nameMismatch))
        // An address promises no name.
        var address = try Passage([NetworkEntry("192.0.2.1:443")], to: "192.0.2.1:443")
        #expect(address.say(TLSSample.hello("b.test")) == .waits)
        var old = try gate(443)
        #expect(old.say([0x80, 0x2e, 1, 3, 1]) == .refused(.malformed))
    }

    @Test func aSecondHelloIsReadToo() throws {
        let early = TLSSample.record(23, [1, 2, 3])
        var plain = try gate(443)
        #expect(plain.say(Self.hello + early) == .awaitsAnswer)
        #expect(plain.passed == Self.hello)
        #expect(plain.answer(TLSSample.answer(asksAgain: false)) == .waits)
        #expect(plain.passed == Self.hello + early)

        var again = try gate(443)
        #expect(again.say(Self.hello) == .awaitsAnswer)
        #expect(again.answer(TLSSample.answer(asksAgain: true)) == .waits)
        let second = TLSSample.record(20, [1]) + Self.hello
        #expect(again.say(second) == .waits)
        #expect(again.say("anything") == .waits)
        #expect(again.passed == Self.hello + second + Array("anything".utf8))

        var other = try gate(443)
        #expect(other.say(Self.hello) == .awaitsAnswer)
        #expect(other.answer(TLSSample.answer(asksAgain: true)) == .waits)
        #expect(other.say(TLSSample.hello("b.test")) == .refused(.nameMismatch))
        #expect(other.passed == Self.hello)
    }

    // MARK: HTTP

    @Test func requestsAreReadOneByOne() throws {
        var gate = try gate()
        #expect(gate.say(Self.get + "GET /2 HTTP/1.1\r\nHost: a.test\r\n\r\n") == .waits)
        #expect(gate.text.hasSuffix("GET /2 HTTP/1.1\r\nHost: a.test\r\n\r\n"))
        let before = gate.passed
        #expect(gate.say("GET /3 HTTP/1.1\r\nHost: b.test\r\n\r\n") == .refused(.nameMismatch))
        #expect(gate.passed == before)
    }

    @Test func theHostIsThatOfTheConnection() throws {
        let hosts: [(String, Passage.Outcome)] = [
            ("Host: a.test", .waits), ("Host: A.test.", .waits), ("Host: a.test:80", .waits),
            ("Host: b.test", .refused(.nameMismatch)), ("Host: a.test:8080", .refused(.nameMismatch)),
            ("Host: 127.0.0.1", .refused(.nameMismatch)), ("Host: [::1]", .refused(.nameMismatch)),
            ("Host: a.test\r\nHost: b.test", .refused(.malformed)), ("Host : a.test", .refused(.malformed)),
            ("Host: a.test\0", .refused(.malformed)), ("X: y", .refused(.malformed)),
        ]
        for (field, outcome) in hosts {
            var gate = try gate()
            #expect(gate.say("GET / HTTP/1.1\r\n\(field)\r\n\r\n") == outcome, "\(field)")
        }
        var absolute = try gate()
        #expect(absolute.say("GET http://b.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n") == .refused(.malformed))
        var both = try gate()
        #expect(both.say("GET http://b.test/ HTTP/1.1\r\nHost: b.test\r\n\r\n") == .refused(.nameMismatch))
        var own = try gate()
        #expect(own.say("GET http://a.test/x HTTP/1.1\r\nHost: a.test\r\n\r\n") == .waits)
        #expect(own.text == "GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n")
        var connect = try gate()
        #expect(connect.say("CONNECT a.test:80 HTTP/1.1\r\nHost: a.test\r\n\r\n") == .refused(.upgrade))
        var old = try gate()
        #expect(old.say("GET / HTTP/1.0\r\n\r\n") == .refused(.nameHidden))
        var two = try gate()
        #expect(two.say("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == .refused(.malformed))
    }

    @Test func bodiesGoThroughAndNoFurther() throws {
        var gate = try gate()
        #expect(gate.say("PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nGET /") == .waits)
        #expect(gate.say("GET / HTTP/1.1\r\nHost: b.test\r\n\r\n") == .refused(.nameMismatch))
        #expect(gate.text.hasSuffix("Content-Length: 5\r\n\r\nGET /"))

        var chunked = try self.gate()
        let head = "PUT / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
        #expect(chunked.say(head + "5\r\nGET /\r\n0\r\n") == .waits)
        #expect(chunked.say("\r\n" + Self.get) == .waits)
        #expect(chunked.text == head + "5\r\nGET /\r\n0\r\n\r\n" + Self.get)

        var wrong = try self.gate()
        #expect(wrong.say(head + "5;x=y\r\nGET /\r\n0\r\n\r\n") == .refused(.malformed))
        #expect(wrong.text == head)
        var both = try self.gate()
        let smuggled = "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        #expect(both.say("PUT / HTTP/1.1\r\nHost: a.test\r\n" + smuggled) == .refused(.malformed))
        #expect(both.passed.isEmpty)
    }

    @Test func theLastRequestIsTheLast() throws {
        for head in [
            "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n",
            "GET / HTTP/1.0\r\nHost: a.test\r\n\r\n",
        ] {
            var gate = try gate()
            #expect(gate.say(head + Self.get) == .done)
            #expect(gate.text.components(of: "GET ") == 1)
        }
        var proxied = try gate(isProxied: true)
        #expect(proxied.say("GET http://a.test/x HTTP/1.1\r\nHost: a.test\r\n\r\n" + Self.get) == .done)
        #expect(proxied.text == "GET /x HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
    }

    @Test func requestsAreThoseOfTheRule() throws {
        var gate = try gate(methods: ["GET"], paths: ["/v1/*"])
        #expect(gate.say("GET /v1/a HTTP/1.1\r\nHost: a.test\r\n\r\n") == .waits)
        #expect(gate.say("POST /v1/a HTTP/1.1\r\nHost: a.test\r\n\r\n") == .refused(.methodNotAllowed))
        for (path, reason) in [
            ("/v2", RefusalReason.pathNotAllowed), ("/v1/../v2", .pathNotAllowed),
            ("/v1/%2e%2e/v2", .pathUnclear),
            ("/v1//a", .pathUnclear),
        ] {
            var gate = try self.gate(methods: ["GET"], paths: ["/v1/*"])
            let outcome = gate.say("GET \(path) HTTP/1.1\r\nHost: a.test\r\n\r\n")
            guard case .refused(let found) = outcome else {
                Issue.record("\(path): \(outcome)")
                continue
            }
            #expect([reason, .pathUnclear, .pathNotAllowed].contains(found))
            #expect(gate.passed.isEmpty)
        }
    }

    /// A rule's protocol holds for a request with a URL as for every other way.
    @Test func aRequestForAURLIsPlainHTTPAllTheSame() throws {
        let get = "GET http://a.test:443/ HTTP/1.1\r\nHost: a.test:443\r\n\r\n"
        var tls = try gate(443, isProxied: true)
        #expect(tls.say(get) == .refused(.wrongProtocol))
        #expect(tls.passed.isEmpty)
        for demand in [NetworkProtocol.http, .any] {
            var gate = try gate(443, demand, isProxied: true)
            #expect(gate.say(get) == .done)
        }
    }

    // MARK: Changes of protocol

    private static let upgrade =
        "GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

    @Test func aWebSocketIsFreeWhenTheServerAgrees() throws {
        var gate = try gate()
        #expect(gate.say(Self.upgrade + "frame") == .awaitsAnswer)
        #expect(gate.text == Self.upgrade)
        #expect(!gate.gate.isUntouched)
        let isEnough = gate.gate.answered(Array("HTTP/1.1 101".utf8)[...], isAll: false)
        #expect(!isEnough)
        #expect(gate.answer("HTTP/1.1 101 Switching\r\n") == .waits)
        #expect(gate.text == Self.upgrade + "frame")
    }

    @Test(arguments: ["HTTP/1.1 200 OK\r\n", "HTTP/1.1 1010 x", "HTTP/1.0 101 x", "", "HTTP/1.1 101"])
    func andReadOtherwise(_ answer: String) throws {
        var gate = try gate()
        #expect(gate.say(Self.upgrade) == .awaitsAnswer)
        #expect(gate.answer(answer) == .waits)
        #expect(gate.say(Self.get) == .waits)
        #expect(gate.text == Self.upgrade + Self.get)
        #expect(gate.say("\u{1}frame") == .refused(.malformed))
        var other = try self.gate()
        _ = other.say(Self.upgrade)
        _ = other.answer(answer)
        #expect(other.say("GET / HTTP/1.1\r\nHost: b.test\r\n\r\n") == .refused(.nameMismatch))
    }

    @Test func nothingElseIsOffered() throws {
        var late = try gate()
        #expect(late.say(Self.get + Self.upgrade) == .refused(.upgrade))
        var limited = try gate(methods: ["GET"])
        #expect(limited.say(Self.upgrade) == .refused(.upgrade))
        var h2c = try gate()
        let fields =
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
        #expect(h2c.say("GET / HTTP/1.1\r\nHost: a.test\r\n\(fields)\r\n") == .waits)
        #expect(h2c.text == Self.get)
        var proxied = try gate(isProxied: true)
        let get = Self.upgrade.replacing("GET /ws", with: "GET http://a.test/ws")
        #expect(proxied.say(get + Self.get) == .awaitsAnswer)
        #expect(proxied.answer("HTTP/1.1 403 x") == .done)
    }

    // MARK: Other rules

    /// Whether a connection may stay when the rule for it is another.
    private func stays(
        _ port: Int,
        _ before: NetworkEntry,
        _ says: [UInt8],
        _ after: NetworkEntry,
        answer: String? = nil,
        hiddenNames: (Bool, Bool) = (false, false)
    ) throws -> Bool {
        var passage = try Passage([before], to: "a.test:\(port)", hiddenNames: hiddenNames.0)
        _ = passage.say(says)
        if let answer { _ = passage.answer(answer) }
        let other = try Passage([after], to: "a.test:\(port)", hiddenNames: hiddenNames.1)
        return passage.gate.replace(other.gate.grant, other.policy)
    }

    @Test func otherRulesCloseWhatTheyWouldNotHaveLetThrough() throws {
        let plain = NetworkEntry("a.test:80")
        let any = NetworkEntry("a.test:80", demand: .any)
        let get = Array(Self.get.utf8)
        #expect(try stays(80, plain, get, plain))
        #expect(try stays(80, plain, get, any))
        #expect(try !stays(80, plain, get, NetworkEntry("a.test:80", demand: .tls)))
        // What passed was not looked at.
        #expect(try stays(80, any, get, any))
        #expect(try !stays(80, any, get, plain))
        #expect(try !stays(80, any, [], plain))
        #expect(try stays(80, plain, [], any))
        let tls = NetworkEntry("a.test:443")
        let anything = NetworkEntry("a.test:443", demand: .any)
        #expect(try stays(443, tls, Self.hello, tls))
        #expect(try !stays(443, anything, Self.hello, tls))
        // The last request.
        let readOnly = NetworkEntry("a.test:80", methods: ["GET"])
        let v1 = NetworkEntry("a.test:80", paths: ["/v1/*"])
        #expect(try stays(80, plain, get, readOnly))
        #expect(try !stays(80, plain, get, v1))
        let put = Array("PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 99\r\n\r\n".utf8)
        #expect(try !stays(80, plain, put, readOnly))
        // A WebSocket under rules for requests.
        #expect(try !stays(80, plain, Array(Self.upgrade.utf8), readOnly, answer: "HTTP/1.1 101 x\r\n"))
        // A name that is hidden.
        for hello in [TLSSample.hello(nil), TLSSample.hello("a.test", isEncrypted: true)] {
            #expect(try stays(443, tls, hello, tls, hiddenNames: (true, true)))
            #expect(try !stays(443, tls, hello, tls, hiddenNames: (true, false)))
        }
        #expect(try stays(443, tls, Self.hello, tls, hiddenNames: (true, false)))
    }

    @Test func otherRulesHoldForTheNextRequest() throws {
        var passage = try gate()
        #expect(passage.say(Self.get) == .waits)
        let other = try gate(methods: ["GET"])
        let stays = passage.gate.replace(other.gate.grant, other.policy)
        #expect(stays)
        let post = "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n"
        #expect(passage.say(post) == .refused(.methodNotAllowed))
    }
}

extension String {
    /// How often the text occurs.
    func components(of text: String) -> Int { ranges(of: text).count }
}

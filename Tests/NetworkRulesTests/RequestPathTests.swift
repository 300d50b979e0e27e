// Rules for single requests of plain HTTP (T92 and T103 of the escape list).

import ClocheModel
import NetworkRules
import Testing

@Suite struct RequestPathTests {
    private func refusal(
        _ method: String,
        _ target: String,
        methods: [String] = [],
        paths: [String] = []
    ) throws -> Refusal? {
        let entry = NetworkEntry("api.test:80", methods: methods, paths: paths)
        let policy = try NetworkPolicy(NetworkSettings(mode: .allow, allow: [entry]))
        let destination = try Destination(authority: "api.test:80")
        let grant = try #require(policy.decide(destination).grant)
        #expect(grant.demand == .http)
        return policy.refusal(method: method, target: target, for: destination, grant)
    }

    @Test(arguments: [
        ("/v1/*", "/v1/a"), ("/v1/*", "/v1/a?b=/../c"), ("/v1/*", "/v1/%61%2d"), ("/v1/**", "/v1/a/b/c"),
        ("/v1/**", "/v1/"), ("/v1/", "/v1/"), ("/", "/"), ("/", "/?q"), ("/**", "/a/b"), ("/*.git", "/x.git"),
        ("/a*b*c", "/aXXbYYc"), ("/**/x", "/a/x/b/x"), ("/\u{e9}", "/%c3%a9"), ("/a b", "/a%20b"),
        ("/~a", "/%7Ea"),
        ("/v1/a:b", "/v1/a:b"),
    ])
    func pathsThatFit(pattern: String, target: String) throws {
        #expect(try refusal("GET", target, paths: [pattern]) == nil)
    }

    @Test(arguments: [
        ("/v1/*", "/v1"), ("/v1/*", "/v1/"), ("/v1/*", "/v1/a/b"), ("/v1/*", "/V1/a"), ("/v1/**", "/v1"),
        ("/v1", "/v1/"),
        ("/", "/a"), ("/*.git", "/x.gita"), ("/**/x", "/x"), ("/a", "/b?/a"),
    ])
    func pathsThatDoNotFit(pattern: String, target: String) throws {
        #expect(try refusal("GET", target, paths: [pattern])?.reason == .pathNotAllowed)
    }

    /// Each of these is another path to some server: refused even where all paths are allowed.
    @Test(arguments: [
        "/allowed/../denied", "/allowed/%2e%2e/denied", "/allowed/%2E./denied", "/./a", "/a/.", "/a/..",
        "/%2e",
        "/a%2fb", "/a%2Fb", "/a%5cb", "/a\\b", "//a", "/a//b", "/a;x=1", "/a/..;/b", "/a%3bx", "/a%3fb",
        "/a%23b", "/a#b",
        "/a%00", "/a%0d%0a", "/a%7f", "/a%", "/a%2", "/a%zz", "/a%252e", "/%c0%ae%c0%ae/x", "/%ff", "/a b",
        "/a\u{e9}",
        "", "a", "*", "http://api.test/a", "/a\0", "/a\tb",
    ])
    func pathsThatServersReadInTwoWays(target: String) throws {
        #expect(try refusal("GET", target, paths: ["/**", "/*", "/"])?.reason == .pathUnclear, "\(target)")
        #expect(try refusal("GET", target) == nil, "nothing is said of paths")
        #expect(try refusal("GET", target, methods: ["GET"]) == nil, "nothing is said of paths")
    }

    @Test func methodsAreTakenAsTheyAre() throws {
        #expect(try refusal("GET", "/a", methods: ["GET", "HEAD"]) == nil)
        for method in ["POST", "get", "", "GET ", "CONNECT"] {
            #expect(try refusal(method, "/a", methods: ["GET", "HEAD"])?.reason == .methodNotAllowed)
        }
        let refused = try #require(try refusal("POST", "/a?b", methods: ["GET"], paths: ["/a"]))
        #expect(refused.reason == .methodNotAllowed)
        #expect(refused.suggestion == "{host: api.test:80, methods: [POST], paths: [/a]}")
    }

    @Test func aSuggestionAllowsThisRequestAlone() throws {
        #expect(try refusal("GET", "/a*", paths: ["/b"])?.suggestion == nil)
        #expect(try refusal("G T", "/a", methods: ["GET"])?.suggestion == nil)
        let hostile = try #require(try refusal("X\u{1b}[2J", "/%1b", methods: ["GET"]))
        #expect(!hostile.text.contains("\u{1b}"))
        #expect(try refusal("GET", "/%e2%80%ae", paths: ["/b"])?.suggestion == nil)
    }

    @Test(arguments: ["", "a", "/a?b", "/a%20", "/a/../b", "//", "/a//b", "/a;b", "/a\\b", "/a#", "/\n"])
    func patternsThatNoRequestCouldFitAreErrors(pattern: String) {
        #expect(throws: ClocheError.self) { try NetworkRule(NetworkEntry("a.b:80", paths: [pattern])) }
    }

    @Test func matchingTakesNoMoreThanTheProductOfBothLengths() throws {
        let pattern = String(repeating: "/**/a", count: 30) + "/b"
        let target = String(repeating: "/a", count: 30_000)
        #expect(try refusal("GET", target, paths: [pattern])?.reason == .pathNotAllowed)
        let stars = "/" + String(repeating: "*a", count: 30) + "b"
        let long = "/" + String(repeating: "a", count: 60_000)
        #expect(try refusal("GET", long, paths: [stars])?.reason == .pathNotAllowed)
    }
}

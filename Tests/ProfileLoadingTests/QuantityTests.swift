// Sizes, durations, signals and names as people write them.

import Testing

@testable import ProfileLoading

@Suite struct QuantityTests {
    static let sizes: [(text: String, bytes: Int64?)] = [
        ("4096", 4096), ("1B", 1), ("1KiB", 1024), ("512MiB", 536_870_912), ("2GiB", 2_147_483_648),
        ("2 GiB", 2_147_483_648),
        ("1TiB", 1_099_511_627_776), ("5kB", 5000), ("1MB", 1_000_000), ("3GB", 3_000_000_000),
        ("1TB", 1_000_000_000_000),
        ("", nil), ("GiB", nil), ("1.5GiB", nil), ("-1", nil), ("1gib", nil), ("1K", nil),
        ("9000000TiB", nil),
        ("99999999999999999999", nil), ("1GiB ", nil), ("٣MiB", nil),
    ]

    @Test(arguments: sizes)
    func readsSizes(_ text: String, _ bytes: Int64?) { #expect(Quantity.bytes(text) == bytes) }

    static let durations: [(text: String, seconds: Int64?)] = [
        ("45", 45), ("0", 0), ("90s", 90), ("30m", 1800), ("1h30m", 5400), ("2d", 172_800),
        ("1w2d3h4m5s", 788_645),
        ("", nil), ("m", nil), ("30m1h", nil), ("1h1h", nil), ("1.5h", nil), ("-5s", nil), ("-5", nil),
        ("5 m", nil),
        ("5min", nil), ("30m5", nil), ("99999999999999999w", nil),
    ]

    @Test(arguments: durations)
    func readsDurations(_ text: String, _ seconds: Int64?) { #expect(Quantity.seconds(text) == seconds) }

    @Test(arguments: [
        ("TERM", 15), ("SIGTERM", 15), ("INT", 2), ("HUP", 1), ("USR2", 12), ("term", nil), ("STOP", nil),
    ])
    func knowsSignals(_ name: String, _ number: Int32?) { #expect(SignalName.number(of: name) == number) }

    static let near: [(word: String, suggestion: String?)] = [
        ("netwrk", "network"), ("enviroment", "environment"), ("limit", "limits"), ("sotp", "stop"),
        ("x", nil),
        ("rootfs", nil), ("Harness", "harness"),
    ]

    @Test(arguments: near)
    func suggestsTheNearestWord(_ word: String, _ suggestion: String?) {
        #expect(Suggestion.nearest(to: word, in: ProfileSchema.keys.map(\.name)) == suggestion)
    }

    static let expansions: [(path: String, host: String, inside: String)] = [
        ("~", "/u/me", "/home/agent"), ("~/x/", "/u/me/x", "/home/agent/x"),
        ("$HOME/x", "/u/me/x", "/home/agent/x"),
        ("${HOME}/x", "/u/me/x", "/home/agent/x"), ("$HOST_HOME/x", "/u/me/x", "/u/me/x"), ("/~", "/~", "/~"),
        ("~root/x", "~root/x", "~root/x"), ("$HOMES", "$HOMES", "$HOMES"), ("/", "/", "/"),
        ("//x//", "//x", "//x"),
    ]

    @Test(arguments: expansions)
    func expandsHomes(_ path: String, _ host: String, _ inside: String) {
        #expect(PathExpansion.host.expand(path, hostHome: "/u/me") == host)
        #expect(PathExpansion.inside.expand(path, hostHome: "/u/me") == inside)
    }
}

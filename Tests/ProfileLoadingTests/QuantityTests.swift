// Sizes, rates, cores, durations, signals and names as people write them.

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

    static let rates: [(text: String, bytes: Int64?)] = [
        ("4096", 4096), ("50MiB", 52_428_800), ("50MiB/s", 52_428_800), ("50 MB/s", 50_000_000),
        ("4096/s", 4096),
        ("", nil), ("/s", nil), ("50MiB/S", nil), ("50MiB/m", nil), ("50MiB/s/s", nil), ("50MiB /s", nil),
        ("9000000TiB/s", nil),
    ]

    @Test(arguments: rates)
    func readsRates(_ text: String, _ bytes: Int64?) { #expect(Quantity.bytesPerSecond(text) == bytes) }

    static let decimals: [(text: String, thousandths: Int64?)] = [
        ("2", 2000), ("1.5", 1500), ("0.25", 250), (".25", 250), ("1.", 1000), ("0.1", 100), ("0.010", 10),
        ("1.50000000000000000000", 1500), ("0.001", 1), ("0", 0), ("00", 0), ("9223372036854775.807", .max),
        ("", nil), (".", nil), ("..5", nil), ("1.2.3", nil), ("-1", nil), ("+1", nil), ("1,5", nil),
        ("0.3333", nil),
        ("1e3", nil), ("inf", nil), ("nan", nil), ("٣", nil), ("1.٣", nil), ("1.5 ", nil),
        ("9223372036854775.808", nil), ("9223372036854776", nil),
        ("99999999999999999999999999999999", nil),
    ]

    @Test(arguments: decimals)
    func readsThousandths(_ text: String, _ thousandths: Int64?) {
        #expect(Quantity.thousandths(text) == thousandths)
    }

    static let sizesMeant: [(text: String, suggestions: [String])] = [
        ("2G", ["2GiB", "2GB"]), ("2g", ["2GiB", "2GB"]), ("2gb", ["2GB", "2GiB"]), ("2Gi", ["2GiB"]),
        ("512m", ["512MiB", "512MB"]), ("512 mib", ["512MiB"]), ("1k", ["1KiB", "1kB"]),
        ("1KB", ["1kB", "1KiB"]),
        ("1.5GiB", ["1536MiB"]), ("1.5G", ["1536MiB", "1500MB"]), ("0.5t", ["512GiB", "500GB"]),
        ("2G/s", ["2GiB/s", "2GB/s"]),
        ("1.333GiB", []), ("G", []), ("0G", []), ("", []), ("2", []), ("2X", []), ("2Gbit", []), ("-2G", []),
        ("99999999999999G", []),
        ("9000000000000T", []), ("2\u{130}", []),
    ]

    @Test(arguments: sizesMeant)
    func knowsTheSizesOfOthers(_ text: String, _ suggestions: [String]) {
        #expect(Quantity.sizes(meantBy: text) == suggestions)
        for suggestion in suggestions { #expect(Quantity.bytesPerSecond(suggestion) != nil) }
    }

    static let coresMeant: [(text: String, suggestions: [String])] = [
        ("1.5 cores", ["1.5"]), ("1 core", ["1"]), ("2CPUs", ["2"]), ("1500m", ["1.5"]), ("150%", ["1.5"]),
        ("12.5%", ["0.125"]), ("50m", ["0.05"]), ("0.05%", []), ("0%", []), ("1.5 horses", []), ("%", []),
        ("", []),
        ("9000000000000000 cores", []),
    ]

    @Test(arguments: coresMeant)
    func knowsTheCoresOfOthers(_ text: String, _ suggestions: [String]) {
        #expect(Quantity.cores(meantBy: text) == suggestions)
    }

    @Test(arguments: [(1, "1B"), (1024, "1KiB"), (1_048_576, "1MiB"), (65536, "64KiB"), (1025, "1025B")])
    func writesSizes(_ bytes: Int64, _ text: String) { #expect(Quantity.text(bytes: bytes) == text) }

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

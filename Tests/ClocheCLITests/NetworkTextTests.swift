// What people read of an agent's network: refusals with what would allow them, events in columns, ports.

import Cloche
import ClocheModel
import Testing

@testable import ClocheCLI

@Suite struct NetworkTextTests {
    private static func event(_ name: String, _ time: Int, _ facts: KeyValuePairs<String, Document>)
        -> Document
    {
        var event = Document.object([
            "time": .string("2026-11-21T10:00:0\(time).123Z"), "event": .string(name),
        ])
        for (key, value) in facts { event[key] = value }
        return event
    }

    private static func connection(_ time: Int, _ host: String, path: String = "transparent") -> Document {
        event(
            "connect",
            time,
            [
                "path": .string(path), "host": .string(host), "port": .integer(443),
                "verdict": .string("refused"), "reason": .string("host-not-allowed"),
                "why": .string("no rule names \(host)"), "would-allow": .string("\(host):443"),
            ]
        )
    }

    // MARK: why

    @Test func equalRefusalsAreOneAndTheLatestIsLast() throws {
        let found = NetworkRefusals([
            Self.connection(1, "a.test"), Self.connection(2, "b.test"),
            Self.event("connect", 3, ["verdict": .string("allowed"), "host": .string("c.test")]),
            Self.connection(4, "a.test", path: "connect"), Self.connection(5, "a.test"),
            Self.event("network-untold", 6, ["count": .integer(7)]),
            Self.event("connect", 7, ["verdict": .string("failed"), "host": .string("d.test")]),
            Self.event("exec", 8, ["verdict": .string("refused")]),
        ])
        #expect(found.list.map(\.host) == ["b.test", "a.test"])
        let last = try #require(found.list.last)
        #expect(last.count == 3 && last.paths == ["transparent", "connect"])
        #expect(last.first.contains("00:01") && last.last.contains("00:05"))
        #expect(found.untold == 7 && found.failed == 1)
        #expect(
            WhyText.lines(last, agent: "fixer") == [
                "2026-11-21T10:00:05Z  a connection to a.test:443, made directly and through the proxy (CONNECT), "
                    + "3 times since 2026-11-21T10:00:01Z",
                "no rule names a.test", "to allow   cloche policy allow fixer a.test:443",
            ]
        )
        #expect(WhyText.notes(found, shown: 1, agent: "fixer").count == 3)
    }

    @Test func aCommandIsOneWordForTheShellWhateverTheAgentAskedFor() throws {
        func command(_ rule: String) throws -> String? {
            var event = Self.connection(1, "a.test")
            event["would-allow"] = .string(rule)
            return WhyText.command(try #require(NetworkRefusals([event]).list.first), agent: "a")
        }
        #expect(try command("[2001:db8::1]:443") == "cloche policy allow a '[2001:db8::1]:443'")
        #expect(try command("*.a.test:443") == "cloche policy allow a '*.a.test:443'")
        #expect(
            try command("{host: \"a.test:80\", paths: [\"/$(reboot)'x\"]}")
                == "cloche policy allow a '{host: \"a.test:80\", paths: [\"/$(reboot)'\\''x\"]}'"
        )
        #expect(try command("-x") == "cloche policy allow a '-x'")
        // What a terminal would obey is in no command.
        #expect(try command("a.test\u{1b}[2J:443") == nil)
    }

    @Test(
        arguments: [
            ("denied", "take the rule out of network.deny"), ("name-hidden", "network.hidden-names=allow"),
            ("name-mismatch", "no rule does"), ("unresolved", nil),
        ] as [(String, String?)]
    )
    func whatNoRuleAllowsSaysSo(_ reason: String, _ words: String?) throws {
        var event = Self.connection(1, "a.test")
        event["would-allow"] = nil
        event["reason"] = .string(reason)
        let lines = WhyText.lines(try #require(NetworkRefusals([event]).list.first), agent: "a")
        #expect(lines.count == (words == nil ? 2 : 3))
        #expect(words.map { lines.last?.contains($0) == true } ?? true)
    }

    @Test func theAgentsWordsDriveNoTerminal() throws {
        let event = Self.connection(1, "a\u{1b}]0;x\u{7}\n.test")
        let lines = WhyText.lines(try #require(NetworkRefusals([event]).list.first), agent: "a")
        for line in lines + [AuditText.line(event)] {
            #expect(!line.unicodeScalars.contains { $0.value < 32 }, "\(line)")
        }
    }

    // MARK: audit

    @Test func eventsOfTheNetworkHaveColumns() {
        let facts = Self.connection(1, "a.test")
        #expect(
            AuditText.line(facts)
                == "2026-11-21T10:00:01.123Z  connect     refused   a.test:443  transparent  no rule names a.test"
        )
        let end = Self.event(
            "disconnect",
            2,
            [
                "host": .string("a.test"), "port": .integer(443), "address": .string("192.0.2.1"),
                "sent": .integer(5), "received": .integer(3 << 20), "milliseconds": .integer(70),
            ]
        )
        #expect(
            AuditText.line(end)
                == "2026-11-21T10:00:02.123Z  disconnect  ended     a.test:443 (192.0.2.1)  sent 5 B, received 3.0 MiB in 70 ms"
        )
        let question = Self.event(
            "dns",
            3,
            ["name": .string("a.test"), "type": .string("A"), "verdict": .string("allowed")]
        )
        #expect(AuditText.line(question).hasSuffix("  dns         allowed   a.test  A"))
        let forward = Self.event(
            "forward",
            4,
            [
                "address": .string("::1"), "port": .integer(8080), "target": .integer(80),
                "action": .string("added"),
            ]
        )
        #expect(AuditText.line(forward).hasSuffix("  forward     added     [::1]:8080 to port 80"))
        let other = Self.event("new-kind", 5, ["user": .integer(0), "x": .null, "y": .strings(["z"])])
        #expect(AuditText.line(other) == "2026-11-21T10:00:05.123Z  new-kind              user=0 y=[\"z\"]")
        #expect(
            AuditText.line(Self.event("end", 6, ["reason": .string("exited")]), agent: "fixer ")
                == "2026-11-21T10:00:06.123Z  fixer   end         exited    the agent ended by itself"
        )
    }

    // MARK: forward

    @Test(
        arguments: [
            ("3000", nil, 3000), ("8080:3000", 8080, 3000), ("0:3000", 0, 3000), (":3000", 0, 3000),
            ("65535:1", 65535, 1),
        ] as [(String, UInt16?, UInt16)]
    )
    func portsAreRead(_ word: String, _ port: UInt16?, _ target: UInt16) throws {
        let ports = try ForwardedPorts(word)
        #expect(ports.port == port && ports.target == target)
    }

    @Test(arguments: ["", "0", ":", "1:", "1:0", "+1", "-1", "65536", "1:2:3", "a", "1 ", "٣", "1:+2"])
    func whatIsNoPortIsRefused(_ word: String) {
        #expect(throws: ClocheError.self) { try ForwardedPorts(word) }
    }

    // MARK: inspect

    @Test func theStateOfTheNetworkIsOneLineAndOneForEachForward() {
        var report = NetworkReport(mode: .allow, initProcess: 1)
        (report.catchesAllPorts, report.hasIPv6, report.connections) = (false, false, 1)
        report.ports = Array(1...20)
        report.forwards = [PortForward(address: "127.0.0.1", port: 8080, target: 80)]
        let lines = NetworkText.lines(report)
        #expect(
            lines == [
                "allow; connections to ports 1 2 3 4 5 6 7 8 9 10 11 12 ... are judged, others are refused by the kernel; "
                    + "IPv4 alone; 1 connection open", "127.0.0.1:8080 leads to port 80",
            ]
        )
        #expect(NetworkText.lines(NetworkReport(mode: .none, initProcess: 1)) == ["none"])
        #expect(NetworkReport(document: report.document) == report)
    }
}

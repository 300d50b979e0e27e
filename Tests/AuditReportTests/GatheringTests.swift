// What a report makes of events: hosts with their bytes, programs as a tree, runs, curves, changes of a policy.

import ClocheModel
import Testing

@testable import AuditReport

@Suite struct GatheringTests {
    func report(_ events: [Document]) -> AuditReport {
        var report = AuditReport(subject())
        for event in events { report.add(event) }
        return report
    }

    // MARK: Hosts

    @Test func bytesOfOneHostAreAddedUp() throws {
        func connect(_ at: Int, _ port: Int64, _ verdict: String) -> Document {
            event(
                "connect",
                at,
                ["host": .string("a.test"), "port": .integer(port), "verdict": .string(verdict)]
            )
        }
        func end(_ at: Int, _ sent: Int64, _ received: Int64) -> Document {
            event(
                "disconnect",
                at,
                [
                    "host": .string("a.test"), "sent": .integer(sent), "received": .integer(received),
                    "program": .string("curl"),
                ]
            )
        }
        let report = report([
            connect(1, 443, "allowed"), end(2, 10, 100), connect(3, 22, "refused"),
            connect(4, 443, "allowed"),
            end(5, 5, .max), end(6, -7, 0),
        ])
        let host = try #require(report.hosts["a.test"])
        #expect(host.ports == [443, 22] && host.allowed == 2 && host.refused == 1 && host.failed == 0)
        #expect(host.sent == 15 && host.received == .max && host.programs == ["curl"])
        #expect(host.verdict == "2 allowed, 1 refused" && host.lastTime.hasSuffix(":00.006Z"))
        #expect(report.sent == 15 && report.received == .max && report.connections == 2 && report.denied == 1)
        let page = report.page()
        #expect(
            page.contains("<b>a.test</b>") && page.contains("2 allowed, 1 refused") && page.contains("15 B")
        )
    }

    // MARK: Programs

    @Test func programsAreATreeAndRepetitionsOneNode() {
        var events = [event("start", 0), exec(1, 2, 1, "bash", "-c", "make"), exec(2, 3, 2, "make")]
        for number in 0..<1000 { events.append(exec(3 + number, 4 + Int64(number), 3, "true")) }
        // Behind one of the thousand: below the same node.
        events.append(exec(1100, 2000, 500, "ls", "a b"))
        let tree = report(events).processes
        #expect(tree.starts == 1003 && tree.roots == [0])
        #expect(tree.nodes.map(\.command) == ["bash -c make", "make", "true", "ls 'a b'"])
        #expect(tree.nodes.map(\.count) == [1, 1, 1000, 1] && tree.nodes.map(\.parent) == [nil, 0, 1, 2])
        let page = page(events)
        #expect(page.contains("<code>true</code> <b class=\"count\">×1000</b>"))
        #expect(page.contains("<code>ls &#39;a b&#39;</code>"))
        #expect(page.ranges(of: "<details open>").count == 3)
    }

    @Test func filesCredentialsAndTerminalsAreShown() {
        let events = [
            event("start", 0),
            event("credential", 1, ["kind": .string("variable"), "name": .string("API_KEY")]),
            event("detach", 2, ["typed": .integer(12), "milliseconds": .integer(90_000), "by": .integer(0)]),
            event(
                "file",
                3,
                ["path": .string("/etc/<b>"), "change": .string("modified"), "where": .string("upper")]
            ),
            event("files-untold", 4, ["count": .integer(17), "where": .string("home"), "cut": .bool(true)]),
            event("exit", 5, ["number": .integer(3), "exit-code": .integer(137), "signal": .integer(9)]),
        ]
        let page = page(events)
        for text in [
            "API_KEY", "12 B typed in", "by user 0", "/etc/&lt;b&gt;", "17 more changes",
            "Not everything was looked at",
        ] {
            #expect(page.contains(text), "\(text)")
        }
        #expect(EventWords(events[5]).text == "command 3  signal 9")
        #expect(
            EventWords(events[4]).text
                == "17 more files changed in home, and perhaps others, for there is too much to look at"
        )
    }

    @Test func aProgramInThePlaceOfAnotherStandsBelowIt() {
        let tree = report([
            event("start", 0), exec(1, 2, 1, "sh"), exec(2, 2, 1, "env"), exec(3, 2, 1, "node"),
            exec(4, 9, 2, "git"),
        ]).processes
        #expect(tree.nodes.map(\.parent) == [nil, 0, 1, 2])
        #expect(tree.nodes.map(\.isReplacement) == [false, true, true, false])
    }

    @Test func aRunHasProcessIdsOfItsOwn() {
        let tree = report([
            event("start", 0), exec(1, 2, 1, "sh"), event("end", 2), event("start", 3), exec(4, 3, 2, "ls"),
        ]).processes
        #expect(tree.nodes.map(\.parent) == [nil, nil] && tree.roots == [0, 1])
    }

    @Test func aChainDeeperThanABrowserNestsIsShownWhole() {
        var events = [event("start", 0)]
        for number in 0..<1500 { events.append(exec(number, 2, 1, "step-\(number)")) }
        let page = page(events)
        for number in [0, 23, 24, 1499] { #expect(page.contains("<code>step-\(number)</code>")) }
        #expect(page.ranges(of: "<ul>").count == 24 && page.ranges(of: "</ul>").count == 25)
    }

    @Test func whatIsCountedCounts() {
        let report = report([
            event(
                "exec",
                1,
                ["program": .string("/bin/true"), "arguments": .strings(["true"]), "count": .integer(500)]
            ),
            event(
                "exec",
                2,
                ["program": .string("/bin/no"), "arguments": .strings(["no"]), "found": .bool(false)]
            ),
            event(
                "denied",
                3,
                ["call": .string("ptrace"), "errno": .string("EPERM"), "count": .integer(1_000_000)]
            ),
            event(
                "denied",
                4,
                ["call": .string("ptrace"), "errno": .string("EPERM"), "count": .integer(.max)]
            ),
            event("calls-untold", 5, ["denied": .integer(7), "executed": .integer(8)]),
        ])
        #expect(
            report.processes.starts == 500 && report.processes.missing == 1
                && report.processes.nodes.count == 1
        )
        #expect(report.calls.values.map(\.count) == [.max] && report.denied == .max)
        let page = report.page()
        for text in [
            "and 499 more starts of /bin/true, with other arguments perhaps",
            "1 times a program was asked for", "8 more starts were counted", "7 more denied calls",
        ] {
            #expect(page.contains(text), "\(text)")
        }
    }

    @Test func thePolicyOfARecordIsNotInThePage() {
        let page = page([
            event(
                "start",
                1,
                [
                    "policy": .object(["environment": .object(["TOKEN": .string("s3cret")])]),
                    "policy-hash": .string("abc1"),
                ]
            )
        ])
        #expect(!page.contains("s3cret") && page.contains("abc1"))
    }

    @Test func failuresAreSeen() {
        let page = page([
            event("start", 0), exec(1, 2, 1, "make"),
            event("exit", 2, ["pid": .integer(2), "exit-code": .integer(7)]),
        ])
        #expect(page.contains("exit code 7"))
    }

    // MARK: Runs

    @Test func runsAreDrawnEachOverItsOwnTime() {
        let report = report([
            event("start", 0), event("connect", 50, ["verdict": .string("refused"), "host": .string("x")]),
            event("end", 1000, ["reason": .string("exited"), "exit-code": .integer(3)]),
            event("sync", 2000), event("start", 3_000_000), event("attach", 3_000_100),
        ])
        let runs = report.shownRuns
        #expect(runs.map(\.number) == [1, 2] && runs[0].reason == "exited" && runs[1].reason == nil)
        #expect(runs[0].endedAt - runs[0].beganAt == 1000 && runs[1].endedAt - runs[1].beganAt == 100)
        #expect(runs[0].lanes[Lane.denials.rawValue].counts == [0, 1])
        #expect(runs[0].lanes[Lane.people.rawValue].counts.isEmpty)
        let page = report.page()
        #expect(page.contains("<span>1s</span>") && page.contains("exit code 3"))
        #expect(page.contains("its end is not on record") && page.contains("10:00:00 UTC</time>"))
    }

    @Test func aRunThatGoesOnIsAsLongAsTheReportIsLate() {
        let made = subject()
        let running = ReportSubject(made.record, state: .running, made: made.made, version: "1")
        let there = page([event("start", 94_000), event("attach", 94_042)], running)
        #expect(there.contains("<span>running for 6s</span>") && !there.contains("42 ms"))
        // Of one that was lost, nobody knows.
        let lost = ReportSubject(made.record, state: .lost, made: made.made, version: "1")
        let gone = page([event("start", 94_000), event("attach", 94_042)], lost)
        #expect(gone.contains("<span>42 ms</span>") && gone.contains("its end is not on record"))
    }

    @Test func barsAreReadOut() {
        let page = page([event("start", 0), event("attach", 10), event("detach", 20), event("attach", 5000)])
        #expect(page.contains("aria-label=\"People, counts by time in UTC: 10:00:00: 2, 10:00:05: 1\""))
    }

    // MARK: What is not on record

    @Test(
        arguments: [
            (["none"], "The agent had no network; attempts to connect are not recorded."),
            (["allow", "none"], "In 1 of 2 runs it had no network"), (["allow"], nil),
        ] as [([String], String?)]
    )
    func whoeverHadNoNetworkIsTold(_ modes: [String], _ sentence: String?) {
        let events = modes.enumerated().map { number, mode in
            event("start", number * 1000, ["network": .string(mode)])
        }
        let page = page(events)
        #expect(sentence.map { page.contains($0) } ?? !page.contains("had no network"))
    }

    // MARK: What would allow it

    @Test func remediesAreWhatAProfileTakes() {
        var report = report([event("denied", 1, ["call": .string("mount")]), event("denied", 2)])
        report.callReasons["mount"] = CallReason(
            why: "mounts",
            lines: ["syscalls: {groups+: [nested-namespaces]}", "confinement: {landlock: off}"]
        )
        report.denials = [denial("evil.example:80")]
        let page = report.page()
        for text in [
            "<code class=\"fix\">syscalls: {groups+: [nested-namespaces]}</code>",
            "<code class=\"fix\">confinement: {landlock: off}</code>", "start an agent with it",
            "<code class=\"fix\">network: {allow+: [evil.example:80]}</code>", "nothing that is recommended",
        ] {
            #expect(page.contains(text), "\(text)")
        }
    }

    @Test func slotsGrowAndLoseNothing() {
        var slots = Slots()
        for second in 0..<100_000 { slots.add(at: Int64(second) * 1000) }
        #expect(slots.counts.count <= Slots.most && slots.counts.reduce(0, +) == 100_000)
        slots.add(at: -5, .max)
        slots.widen(to: 1 << 40)
        #expect(slots.counts == [.max])
    }

    @Test func endsKeepTheFirstAndTheLast() {
        var ends = Ends<Int>(first: 2, last: 3)
        for number in 0..<10 { ends.append(number) }
        #expect(ends.first == [0, 1] && ends.last == [7, 8, 9] && ends.left == 5 && ends.count == 10)
        var tail = Tail(bytes: 10)
        for number in 0..<5000 { tail.append("\(number)") }
        #expect(Array(tail.kept) == ["4998", "4999"] && tail.count == 5000)
        tail.append(String(repeating: "x", count: 100))
        #expect(tail.kept.count == 1)
    }

    /// Records come by their time; those that were written together can have it in another order.
    @Test func linesAreInTheOrderOfTheirNumbers() {
        var tail = Tail(bytes: 100)
        for (number, line) in [(1, "a"), (4, "d"), (nil, "e"), (2, "b"), (3, "c")] as [(Int64?, String)] {
            tail.append(line, number: number)
        }
        #expect(tail.kept == ["a", "b", "c", "d", "e"])
    }

    // MARK: Curves

    @Test func samplesBecomeCurves() {
        func sample(_ second: Int, _ cpu: Int64, _ memory: Int64) -> Document {
            var report = ResourceReport(measuredAt: Int64(second) * 1000, source: .supervisor)
            report.cpuMicroseconds = cpu
            report.memoryBytes = memory
            var event = event("sample", second * 1000)
            for entry in report.document.entries ?? [] { event[entry.key] = entry.value }
            return event
        }
        let report = report([
            sample(0, 0, 1 << 20), sample(1, 1_500_000, 4 << 20), sample(2, 1_600_000, 2 << 20),
            sample(3, 5, 1),
        ])
        #expect(
            report.samples.curve("cpu-microseconds", isRate: true, perSecond: 1).map(\.value) == [1500, 100]
        )
        let page = report.page()
        #expect(
            page.contains("id=\"resources\"") && page.contains("at most 150%")
                && page.contains("at most 4.0M")
        )
        // Nobody knew these.
        #expect(!page.contains("Processes and threads"))
    }

    @Test func manySamplesAreThinned() {
        var samples = Samples()
        for number in 0..<100_000 {
            samples.add(event("sample", number, ["memory": .integer(Int64(number))]), at: Int64(number))
        }
        #expect(samples.points.count < 480 && samples.points.count > 200)
        #expect(samples.points.last.map { $0.time > 99_000 } == true)
    }

    // MARK: Words

    @Test func aChangeOfThePolicyIsToldAsADifference() throws {
        let change = event(
            "policy",
            1,
            [
                "old": .object([
                    "mode": .string("allow"), "allow": .strings(["a.test:443", "b.test:443", "b.test:443"]),
                    "deny": .list([]),
                    "origins": .object(["allow": .strings(["x:1"])]),
                ]),
                "new": .object([
                    "mode": .string("open"),
                    "allow": .list([
                        .string("b.test:443"), .string("evil.example:443"),
                        .object(["host": .string("c.test:80")]),
                    ]),
                    "deny": .strings(["d.test"]), "definitions": .object(["github": .null]),
                ]),
            ]
        )
        #expect(
            try #require(PolicyChange(change)).items.map(\.line) == [
                "- mode allow", "+ mode open", "- a.test:443", "- b.test:443", "+ evil.example:443",
                "+ {\"host\":\"c.test:80\"}", "+ deny d.test",
            ]
        )
        let words = EventWords(change)
        #expect(
            words.text.hasPrefix("- mode allow  + mode open  - a.test:443")
                && words.text.hasSuffix("by user 1000")
        )
        #expect(PolicyChange(event("policy", 1)) == nil && PolicyChange(event("start", 1)) == nil)
    }

    @Test(arguments: [(2, true), (0, false)])
    func callsThatAreOnlyCountedAreDenials(_ count: Int64, _ isDenial: Bool) {
        let one = event("calls-untold", 1, ["denied": .integer(count), "executed": .integer(3)])
        #expect(EventWords.isDenial(one) == isDenial)
    }

    @Test(
        arguments: [
            (
                exec(1, 7, 2, "git", "commit", "-m", "a b"), "",
                "git commit -m 'a b' [/usr/bin/git]  pid 7, parent 2  in /workspace"
            ),
            (event("exec", 1, ["arguments": .strings(["ls"])]), "", "ls  by user 1000"),
            (event("command", 1, ["arguments": .strings(["ls"])]), "", "ls  by user 1000"),
            (
                event(
                    "exec",
                    1,
                    [
                        "program": .string("/bin/x"), "arguments": .strings(["x"]), "found": .bool(false),
                        "count": .integer(3),
                    ]
                ),
                "",
                "x [/bin/x]  not there  and 2 more attempts to start /bin/x, with other arguments perhaps"
            ),
            (
                event(
                    "exec",
                    1,
                    [
                        "program": .string("/bin/true"), "arguments": .strings(["/bin/true", "2220"]),
                        "count": .integer(707),
                    ]
                ),
                "", "/bin/true 2220  and 706 more starts of /bin/true, with other arguments perhaps"
            ),
            (
                event("calls-untold", 1, ["denied": .integer(2), "executed": .integer(3)]), "",
                "2 more calls denied and 3 more programs started, of too many kinds to tell"
            ),
            (
                event("end", 1, ["reason": .string("idle"), "exit-code": .integer(143)]), "idle",
                "the agent was silent for longer than `limits.idle` allows  exit code 143"
            ),
            (
                event(
                    "denied",
                    1,
                    [
                        "call": .string("ptrace"), "program": .string("gdb"), "pid": .integer(3),
                        "errno": .string("EPERM"), "count": .integer(9),
                    ]
                ), "denied", "ptrace  gdb (3)  answered EPERM  9 times"
            ),
            (
                event(
                    "sync",
                    1,
                    ["head": .string("0123456789abcdef"), "commits": .integer(1), "uncommitted": .bool(true)]
                ),
                "", "1 commit and uncommitted changes  head 0123456789ab  by user 1000"
            ),
            (
                event("file", 1, ["path": .string("/etc/x\n"), "change": .string("made")]), "made",
                "/etc/x\\n"
            ),
            (event("attach", 1, ["read-only": .bool(false)]), "", "to type  by user 1000"),
            (
                event(
                    "budget",
                    1,
                    [
                        "limit": .string("project.budget.cost"), "state": .string("reached"),
                        "used": .integer(5_020_000_000), "most": .integer(5_000_000_000),
                        "per": .string("day"), "pauses": .bool(true),
                    ]
                ),
                "reached", "project.budget.cost  $5.02 of $5.00 a day  the agent is frozen"
            ),
            (
                event(
                    "budget",
                    1,
                    [
                        "limit": .string("budget.requests"), "state": .string("warning"), "used": .integer(8),
                        "most": .integer(10), "per": .string("total"), "pauses": .bool(false),
                    ]
                ),
                "warning", "budget.requests  8 requests of 10 requests"
            ),
        ] as [(Document, String, String)]
    )
    func eventsHaveWords(_ event: Document, _ verdict: String, _ text: String) {
        let words = EventWords(event)
        #expect(words.verdict == verdict && words.text == text)
    }
}

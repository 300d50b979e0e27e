// What an agent gives to one that it starts, tried on random profiles: the child may do nothing that its parent may not. What
// each may do is asked of those who decide in earnest: the network's policy, the table of calls, the typed limits.

import ClocheModel
import SyscallFilter
import Testing

@testable import NetworkRules
@testable import ProfileLoading

@Suite struct AttenuationTests {
    private static let base: Document = {
        let loader = ProfileLoader(home: "/home/u", configDirectory: "/nonexistent", projectDirectory: nil)
        do { return try loader.load(name: "shell").document } catch { fatalError("\(error)") }
    }()

    // MARK: Random profiles

    private static let rules: [Document] =
        [
            "a.test", "b.a.test", "*.a.test", "**.a.test", "a.test:80,443", "a.test:*", "b.test:1-1000",
            "10.0.0.0/8:*",
            "10.1.2.3:22", "8.8.8.8:53", "[fd00::/8]:443", "pypi",
        ].map { .string($0) } + [
            .object([
                "host": .string("a.test"), "ports": .strings(["80"]), "methods": .strings(["GET"]),
            ]),
            .object(["host": .string("b.test"), "ports": .strings(["*"]), "protocol": .string("any")]),
            .object(["host": .string("c.test"), "addresses": .strings(["10.0.0.0/8"])]),
        ]
    private static let binds: [Document] = ["/srv", "/opt/data"].flatMap { path in
        ["ro", "rw"].map { mode in
            Document.object([
                "source": .string(path), "target": .string(path), "mode": .string(mode),
                "optional": .bool(false), "sockets": .bool(false),
            ])
        }
    }
    private static let credentials: [Document] = ["KEY", "TOKEN", "OTHER"].map {
        .object(["env": .string($0), "required": .bool(false)])
    }

    private func some(_ items: [Document]) -> Document { .list(items.filter { _ in Bool.random() }) }

    private func pick(_ words: [String]) -> Document { .string(words.randomElement() ?? "") }

    private func amount(_ unit: Int64) -> Document {
        Int.random(in: 0..<4) == 0 ? .string("none") : .integer(unit * Int64.random(in: 1...6))
    }

    /// Changes keys of a profile at random.
    private func change(_ profile: Document, most: Int) -> Document {
        var new = profile
        for _ in 0..<Int.random(in: 0...most) {
            switch Int.random(in: 0..<17) {
            case 0: new["network"]?["mode"] = pick(["none", "allow", "open", "host"])
            case 1, 2: new["network"]?["allow"] = some(Self.rules)
            case 3:
                new["network"]?["deny"] = some([
                    .string("a.test"), .string("10.0.0.0/8"), .string("b.test:80"),
                ])
            case 4: new["limits"]?["memory"] = amount(1 << 30)
            case 5: new["limits"]?["processes"] = amount(100)
            case 6: new["limits"]?["wall-clock"] = amount(60)
            case 7: new["budget"]?["requests"] = amount(10)
            case 8: new["filesystem"]?["binds"] = some(Self.binds)
            case 9: new["credentials"] = some(Self.credentials)
            case 10:
                new["syscalls"]?["groups"] = some(
                    (Self.base["syscalls"]?["groups"]?.list ?? []) + [.string("debugging")]
                )
            case 11: new["syscalls"]?["allow"] = some([.string("ptrace"), .string("bpf")])
            case 12: new["agents"]?["verbs"] = some(AgentVerb.allCases.map { .string($0.rawValue) })
            case 13: new["agents"]?["depth"] = .integer(Int64.random(in: 0...3))
            case 14:
                new["shares"] = .map(
                    ["a", "b"].filter { _ in Bool.random() }.map {
                        Document.Entry($0, pick(["ro", "append", "rw"]))
                    }
                )
            case 15: new["confinement"]?["mode"] = pick(["strict", "standard"])
            default: new["ask"] = some([.string("push"), .string("network:new-host")])
            }
        }
        return new
    }

    private func record(_ effective: Document, access: AccessMode = Bool.random() ? .readWrite : .readOnly)
        -> AgentRecord
    {
        var record = AgentRecord(
            name: "p",
            project: "/p",
            workspace: .empty,
            access: access,
            workspacePath: "/w",
            profile: "shell",
            effective: effective,
            task: "",
            created: 0
        )
        let count = effective["credentials"]?.list?.count ?? 0
        record.given = (0..<Int64(count)).filter { _ in Bool.random() }
        return record
    }

    // MARK: What a profile allows

    private static let places: [Destination] = {
        let hosts = [
            "a.test", "b.a.test", "c.b.a.test", "b.test", "c.test", "10.1.2.3", "10.9.9.9", "8.8.8.8",
            "9.9.9.9",
            "127.0.0.1", "fd00::1",
        ]
        return hosts.flatMap { host in
            [22, 53, 80, 443, 8080].compactMap { port in
                // All of them are.
                (try? Host(parsing: host)).map { Destination($0, port: port) }
            }
        }
    }()

    /// What a child may do that its parent may not; nil if there is nothing.
    private func gain(_ child: Policy, _ parent: Policy, _ record: AgentRecord, calls: Bool) throws -> String?
    {
        let (own, other) = (try NetworkPolicy(child.network), try NetworkPolicy(parent.network))
        for place in Self.places {
            guard let grant = own.decide(place).grant else { continue }
            guard let above = other.decide(place).grant else { return "network \(place)" }
            if grant.demand.union(above.demand) != above.demand { return "protocol at \(place)" }
            if grant.demand != .tls, let most = above.requests,
                grant.requests.map({ !$0.allSatisfy(most.contains) }) ?? true
            {
                return "requests at \(place)"
            }
            if !grant.addresses.allSatisfy({ part in above.addresses.contains { $0.contains(part) } }),
                parent.network.mode != .host
            {
                return "addresses at \(place)"
            }
        }
        func exceeds(_ own: Int64?, _ most: Int64?) -> Bool { (own ?? .max) > (most ?? .max) }
        let (less, more) = (child.limits, parent.limits)
        if exceeds(less.shares.memoryBytes, more.shares.memoryBytes) { return "memory" }
        if exceeds(less.shares.processes, more.shares.processes) { return "processes" }
        if exceeds(less.wallClockSeconds, more.wallClockSeconds) { return "wall-clock" }
        if exceeds(child.budget.most(.requests), parent.budget.most(.requests)) { return "budget" }
        if !child.filesystem.binds.allSatisfy(parent.filesystem.binds.contains) { return "binds" }
        let given = record.given(of: parent.credentials)
        if !child.credentials.allSatisfy({ given.contains($0) }) { return "credentials" }
        if child.filesystem.workspace == .readWrite, record.access == .readOnly { return "workspace" }
        if !child.agents.verbs.allSatisfy(parent.agents.verbs.contains) { return "verbs" }
        if child.agents.depth >= max(parent.agents.depth, 1), child.agents.depth > 0 { return "depth" }
        if !parent.ask.classes.allSatisfy({ $0 == .newHost || child.ask.classes.contains($0) }) {
            return "ask"
        }
        if child.ask.classes.contains(.newHost), !parent.ask.classes.contains(.newHost) {
            return "ask new hosts"
        }
        return calls ? try gainedCall(child.syscalls, parent.syscalls) : nil
    }

    private func gainedCall(_ child: SyscallPolicy, _ parent: SyscallPolicy) throws -> String? {
        for (own, above) in zip(try SyscallTable(child).rows, try SyscallTable(parent).rows) {
            if case .refuse = own.verdict { continue }
            if case .refuse = above.verdict { return own.name }
            if own.verdict == .allow, above.verdict != .allow { return own.name }
        }
        return nil
    }

    // MARK: The property

    /// Of 10,000 pairs, whatever is not refused gives the child nothing that the parent has not; and what a profile is cut
    /// to is never refused.
    @Test func childrenHaveNoMoreThanTheirParents() throws {
        var (allowed, refused, seen) = (0, 0, 0)
        for number in 0..<10_000 {
            let effective = change(Self.base, most: 10)
            let record = record(effective)
            let bound = Attenuation.bound(of: record)
            // Near the parent, so that a good part of them is allowed.
            let asked = change(bound, most: number % 3)
            let parent = Policy(checked: effective)
            let calls = number % 100 == 0
            if Attenuation.widenings(of: asked, beyond: bound, base: bound).isEmpty {
                allowed += 1
                #expect(
                    try gain(Policy(checked: asked), parent, record, calls: calls) == nil,
                    "\(asked)\n\(effective)"
                )
            } else {
                refused += 1
                // The probes see most of what is refused: that they find nothing above says something.
                if try gain(Policy(checked: asked), parent, record, calls: false) != nil { seen += 1 }
            }
            if number % 5 != 0 { continue }
            let cut = Attenuation.cut(change(Self.base, most: 10), to: bound).document
            #expect(Attenuation.widenings(of: cut, beyond: bound, base: cut).isEmpty)
            let gained = try gain(Policy(checked: cut), parent, record, calls: calls)
            #expect(gained == nil, "\(cut["network"] ?? .null)\n\(effective["network"] ?? .null)")
        }
        #expect(allowed > 2000 && refused > 1000 && seen * 3 > refused, "\(allowed) \(refused) \(seen)")
    }

    /// Every key of the schema says what gives less; one that decides what the host does cannot be asked for.
    @Test func whatTheHostDoesCannotBeAskedFor() throws {
        let record = record(Self.base)
        let bound = Attenuation.bound(of: record)
        var asked = bound
        asked["session"]?["on-state"] = .object(["done": .string("touch /tmp/x")])
        asked["audit"]?["export"] = .list([])
        asked["audit"]?["keep"] = .integer(1)
        asked["network"]?["upstream-proxy"] = .string("http://proxy.test:3128")
        let keys = Attenuation.widenings(of: asked, beyond: bound, base: bound).map(\.key)
        #expect(Set(keys) == ["session.on-state", "audit.keep", "network.upstream-proxy"])
    }

    /// Each start again takes time of the host: fewer are less.
    @Test func restartsAreNotWidened() {
        let word = Document.string("on-failure")
        let times = { (count: Int64) in Document.object(["on-failure": .integer(count)]) }
        func isRefused(_ asked: Document, beyond restart: Document) -> Bool {
            var parent = Self.base
            parent["restart"] = restart
            let bound = Attenuation.bound(of: record(parent))
            var child = bound
            child["restart"] = asked
            return Attenuation.widenings(of: child, beyond: bound, base: bound).map(\.key) == ["restart"]
        }
        #expect(isRefused(word, beyond: .string("no")) && isRefused(times(1), beyond: .string("no")))
        #expect(isRefused(times(6), beyond: word) && isRefused(word, beyond: times(4)))
        #expect(!isRefused(times(5), beyond: word) && !isRefused(.string("no"), beyond: times(1)))
    }

    /// Of a map each entry counts: a shared directory that the parent has not, or may only read.
    @Test func sharedDirectoriesAreNotWidened() {
        var parent = Self.base
        parent["shares"] = .object(["notes": .string("append"), "data": .string("ro")])
        let bound = Attenuation.bound(of: record(parent, access: .readWrite))
        func keys(_ shares: KeyValuePairs<String, Document>) -> [String] {
            var asked = bound
            asked["shares"] = .object(shares)
            return Attenuation.widenings(of: asked, beyond: bound, base: bound).map(\.key)
        }
        #expect(keys(["notes": .string("ro")]) == [] && keys(["notes": .string("append")]) == [])
        #expect(
            keys(["notes": .string("rw"), "data": .string("append")]) == ["shares.notes", "shares.data"]
        )
        #expect(keys(["other": .string("ro")]) == ["shares.other"])
        var wide = Self.base
        wide["shares"] = .object(["notes": .string("rw"), "other": .string("ro")])
        let cut = Attenuation.cut(wide, to: bound)
        #expect(cut.document["shares"] == .object(["notes": .string("append")]))
        #expect(cut.narrowed == ["shares"])
    }

    // MARK: Shares of limits

    @Test func shareAreTakenFromWhatThereIs() {
        var whole = Self.base
        whole["limits"]?["memory"] = .string("8GiB")
        whole["limits"]?["cpu"] = .string("2.5")
        whole["budget"]?["cost"] = .string("5 USD")
        var child = whole
        child["limits"]?["memory"] = .string("3GiB")
        child["limits"]?["cpu"] = .string("0.5")
        child["budget"]?["cost"] = .string("1.25")
        let left = Policy(checked: FamilyShares.remaining(of: whole, after: [child, child]))
        #expect(left.limits.shares.memoryBytes == 2 << 30 && left.limits.shares.cpuMillicores == 1500)
        #expect(left.budget.most(.cost) == 2_500_000_000)
        let rest = FamilyShares.remaining(of: whole, after: [child, child])
        let part = Policy(checked: FamilyShares.part(whole, of: whole, left: rest, count: 2))
        #expect(part.limits.shares.memoryBytes == 2 << 30 && part.limits.shares.cpuMillicores == 1250)
        let none = FamilyShares.remaining(of: whole, after: [whole, child])
        #expect(none.value(at: ["limits", "memory"]) == .integer(0))
        // What has no limit stays without.
        #expect(none.value(at: ["limits", "disk"]) == .string("none"))
    }
}

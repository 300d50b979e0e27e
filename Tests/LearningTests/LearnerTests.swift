// From facts to a profile: what is kept, taken away, added, and left to a person.

import ClocheModel
import Testing

@testable import Learning

@Suite struct LearnerTests {
    private func policy(_ network: NetworkSettings = NetworkSettings()) -> Policy {
        Policy(profile: "p", harness: HarnessPolicy(command: ["sh"]), network: network)
    }

    private func context(_ policy: Policy, hostFiles: [String] = [])
        -> LearningContext
    {
        LearningContext(
            name: "n",
            base: "p",
            policy: policy,
            command: ["make"],
            groups: [
                "getrandom": "information", "shmget": "ipc", "ptrace": "debugging", "keyctl": "keyrings",
            ],
            reasons: ["keyctl": "keys of the user"],
            home: "/home/user",
            hostFiles: Dictionary(
                uniqueKeysWithValues: hostFiles.map { path in
                    let place = LearningContext.hostPath(path, home: "/home/user")
                    return (path, LearningContext.HostFile(.file, at: place))
                }
            )
        )
    }

    private func texts(_ profile: LearnedProfile, _ key: String, _ sign: LearnedLine.Sign) -> [String] {
        profile.lines.filter { $0.key == key && $0.sign == sign }.map(\.text)
    }

    @Test func theRecordingPolicyOffersGroupsAndPublicHostsOnly() {
        var before = policy(NetworkSettings(mode: .none, deny: [NetworkEntry("bad.test")]))
        before.syscalls = SyscallPolicy(groups: ["files", "ours"], allow: ["kcmp"], deny: ["mount"])
        let after = RecordingPolicy.recording(before)
        #expect(after.network.mode == .open && after.network.deny == before.network.deny)
        #expect(after.syscalls.groups.contains("ours") && after.syscalls.groups.contains("debugging"))
        #expect(!after.syscalls.groups.contains("nested-namespaces"))
        #expect(after.syscalls.allow == ["kcmp"] && after.syscalls.deny == ["mount"])
        #expect(after.filesystem == before.filesystem && after.credentials == before.credentials)
        #expect(RecordingPolicy.smallest(before.syscalls).groups == RecordingPolicy.neededGroups)
        #expect(RecordingPolicy.smallest(before.syscalls).deny == ["mount"])
    }

    @Test func whatWasNotUsedIsTakenAway() {
        var facts = RunFacts()
        facts.passed("getrandom", Evidence(3, by: "sh", pid: 2))
        let rules = ["a.test:443", "b.test:443"].map { NetworkEntry($0) }
        let profile = Learner.learn(facts, context(policy(NetworkSettings(mode: .allow, allow: rules))))
        #expect(texts(profile, "network.mode", .added) == ["none"])
        #expect(texts(profile, "network.allow", .removed) == ["a.test:443", "b.test:443"])
        #expect(texts(profile, "syscalls.groups", .removed) == ["aio", "sandboxing", "ipc"])
        #expect(texts(profile, "syscalls.groups", .kept).contains("information"))
        #expect(profile.yaml.contains("\n  allow: []"))
        #expect(profile.yaml.contains("- information"))
        #expect(profile.yaml.contains("getrandom 3 times, first by sh (pid 2)"))
    }

    @Test func whatWasUsedIsAddedByItsExactName() {
        var facts = RunFacts()
        facts.passed("ptrace", Evidence(by: "gdb", pid: 7))
        facts.connected(Contact("a.test", 443), Evidence(by: "pip", pid: 3))
        facts.connected(Contact("a.test", 443), Evidence())
        facts.connected(Contact("[2001:db8::1]", 8443), Evidence())
        let rules = [NetworkEntry("*.test:443")]
        let profile = Learner.learn(facts, context(policy(NetworkSettings(mode: .allow, allow: rules))))
        #expect(texts(profile, "network.allow", .added) == ["\"[2001:db8::1]:8443\"", "a.test:443"])
        #expect(texts(profile, "network.allow", .removed) == ["*.test:443"])
        #expect(texts(profile, "network.mode", .added) == [])
        #expect(texts(profile, "syscalls.groups", .added) == ["debugging"])
        #expect(profile.yaml.contains("connected 2 times, first by pip (pid 3)"))
    }

    @Test func aRuleThatSaysMoreStays() {
        var facts = RunFacts()
        facts.connected(Contact("a.test", 80), Evidence())
        let rule = NetworkEntry("a.test:80", methods: ["GET"])
        var context = context(
            policy(NetworkSettings(mode: .allow, allow: [rule, NetworkEntry("b.test:443")]))
        )
        context.rules = [Contact("a.test", 80): rule]
        let profile = Learner.learn(facts, context)
        #expect(texts(profile, "network.allow", .kept) == ["{host: a.test:80, methods: [GET]}"])
        #expect(texts(profile, "network.allow", .removed) == ["b.test:443"])
    }

    @Test func refusalsAreLeftToAPerson() {
        var facts = RunFacts()
        facts.refused("keyctl", error: "EPERM", Evidence(by: "login"))
        facts.refused("openat2", error: "ENOSYS", Evidence())
        facts.refused(
            RefusedContact("a connection to 10.0.0.1:5432", why: "private", suggestion: "10.0.0.1:5432"),
            Evidence()
        )
        facts.asked("seen.test")
        let profile = Learner.learn(facts, context(policy()))
        #expect(
            profile.leftOut.map(\.line) == [
                "network: {allow+: [10.0.0.1:5432]}", "network: {allow+: [seen.test:443]}", "",
            ]
        )
        #expect(profile.leftOut.last?.why == "keyctl got EPERM, once, by login: keys of the user")
        #expect(profile.lines.allSatisfy { !$0.text.contains("10.0.0.1") && !$0.text.contains("seen.test") })
    }

    @Test(arguments: [
        "/home/agent/.ssh/id_rsa", "/home/agent/.aws/credentials", "/home/agent/x/.env",
        "/home/agent/x/.env.local",
        "/srv/app/server.pem", "/home/agent/.netrc", "/home/agent/.config/gcloud/x.json", "/run/docker.sock",
        "/var/run/docker.sock", "/srv/My-Secrets.txt", "/home/agent/.bash_history",
        "/home/agent/.claude.json",
        "/home/agent", "/home", "/", "/srv", "/root/x", "/home/other/x", "/run/user/1000/bus",
        "/etc/hosts.allow",
        "/etc/shadow", "/home/agent/.toolrc",
    ])
    func secretsAndBroadPathsAreNotAdded(path: String) {
        var facts = RunFacts()
        facts.exitCode = 1
        facts.sought(SoughtPath(path, .read), Evidence())
        let profile = Learner.learn(
            facts,
            context(policy(), hostFiles: [path])
        )
        #expect(!profile.lines.contains { $0.key.hasPrefix("filesystem") }, "\(profile.lines)")
        #expect(profile.leftOut.contains { $0.why.contains(path) })
    }

    @Test func filesThatWereOpenedAreAdded() {
        var facts = RunFacts()
        for (path, purpose) in [
            ("/srv/data/a.csv", SoughtPath.Purpose.read), ("/home/agent/project/b.csv", .read),
            ("/srv/data/looked", .look), ("/usr/share/thing/file", .write), ("/tmp/x", .read),
        ] {
            facts.sought(SoughtPath(path, purpose), Evidence())
        }
        let there = ["/srv/data/a.csv", "/home/agent/project/b.csv", "/srv/data/looked"]
        var profile = Learner.learn(facts, context(policy(), hostFiles: there))
        #expect(
            texts(profile, "filesystem.binds", .added)
                == ["{source: /home/user/project/b.csv}", "{source: /srv/data/a.csv}"]
        )
        #expect(texts(profile, "filesystem.writable", .added) == [])
        #expect(profile.leftOut.count == 2)
        // A program that failed may have needed the others, too.
        facts.exitCode = 1
        profile = Learner.learn(facts, context(policy(), hostFiles: there))
        #expect(texts(profile, "filesystem.binds", .added).count == 3)
        #expect(texts(profile, "filesystem.writable", .added) == ["/usr/share/thing"])
        #expect(profile.yaml.contains("\n  binds+:\n    - {source:"))
    }

    @Test func aFileIsShownWhereTheProgramLookedForIt() {
        var facts = RunFacts()
        let there = ["/home/user/project/a.csv", "/home/agent/project/b.csv", "/home/users/c.csv"]
        for path in there { facts.sought(SoughtPath(path, .read), Evidence()) }
        var context = context(policy(), hostFiles: there)
        let profile = Learner.learn(facts, context)
        #expect(
            texts(profile, "filesystem.binds", .added) == [
                "{source: /home/user/project/b.csv}",
                "{source: /home/user/project/a.csv, target: \"$HOST_HOME/project/a.csv\"}",
            ]
        )
        // Where both homes are the same, so is the place.
        context.home = LearningContext.homeInside
        context.hostFiles = [
            "/home/agent/project/b.csv": LearningContext.HostFile(.file, at: "/home/agent/project/b.csv")
        ]
        #expect(
            texts(Learner.learn(facts, context), "filesystem.binds", .added)
                == ["{source: /home/agent/project/b.csv}"]
        )
    }

    @Test func whatIsToldIsCountedInGoodEnglish() {
        var facts = RunFacts()
        facts.used(memory: nil, tasks: 3)
        facts.connected(Contact("a.test", 443), Evidence())
        var before = policy(NetworkSettings(mode: .none))
        before.limits.shares.processes = 8192
        let profile = Learner.learn(facts, context(before))
        #expect(profile.yaml.contains("\n  mode: allow  # it connected to 1 place\n"))
        let told = profile.difference.map { "\($0.mark) \($0.text)" }
        #expect(told.contains("~ network.mode: none -> allow"))
        #expect(told.contains("+ network.allow[]: a.test:443"))
        #expect(told.contains("~ limits.processes: 8192 -> 64"))
        facts.connected(Contact("b.test", 443), Evidence())
        #expect(Learner.learn(facts, context(before)).yaml.contains("it connected to 2 places"))
    }

    @Test func refusalsAreSummedUp() {
        var facts = RunFacts()
        #expect(
            RunFacts.summary(of: facts.refusals(beside: RunFacts()))
                == "no refused call and no refused connection"
        )
        facts.refused("keyctl", error: "EPERM", Evidence(7))
        #expect(RunFacts.summary(of: facts.refusals(beside: RunFacts())) == "1 refusal")
        #expect(
            RunFacts.summary(of: facts.refusals(beside: facts)) == "no refusal but those of the recording"
        )
        facts.refused(RefusedContact("the name a.test", why: "no", suggestion: nil), Evidence())
        #expect(RunFacts.summary(of: facts.refusals(beside: RunFacts())) == "2 refusals")
    }

    @Test func limitsHaveHeadRoomAndAreNeverRaised() {
        var facts = RunFacts()
        facts.used(memory: 300 << 20, tasks: 5)
        facts.used(memory: 200 << 20, tasks: 50)
        var policy = policy()
        var profile = Learner.learn(facts, context(policy))
        #expect(texts(profile, "limits.memory", .added) == ["640MiB"])
        #expect(texts(profile, "limits.processes", .added) == ["112"])
        policy.limits.shares.memoryBytes = 512 << 20
        policy.limits.shares.processes = 8192
        profile = Learner.learn(facts, context(policy))
        #expect(texts(profile, "limits.memory", .added) == [])
        #expect(texts(profile, "limits.processes", .removed) == ["8192"])
    }

    @Test func aProgramWritesNoLines() {
        var facts = RunFacts()
        facts.exitCode = 1
        let path = "/srv/x/a\nnetwork: {mode: host}"
        facts.passed("shmget", Evidence(by: "a\nnetwork: {mode: host} #"))
        facts.sought(SoughtPath(path, .read), Evidence(by: "\u{85}\u{2028}x"))
        facts.sought(SoughtPath("/usr/share/a\n/b", .write), Evidence())
        let profile = Learner.learn(facts, context(policy(), hostFiles: [path]))
        let lines = profile.yaml.split(whereSeparator: \.isNewline)
        #expect(lines.allSatisfy { !$0.hasPrefix("network") })
        #expect(profile.lines.allSatisfy { !$0.key.hasPrefix("filesystem") })
    }

    @Test func thingsAreBounded() {
        var facts = RunFacts()
        for number in 0..<10_000 {
            facts.sought(SoughtPath("/srv/data/\(number)", .read), Evidence())
            facts.connected(Contact("h\(number).test", 443), Evidence())
            facts.asked("n\(number).test")
        }
        #expect(facts.paths.count == 4096 && facts.contacts.count == 4096 && facts.untold > 10_000)
        #expect(Learner.learn(facts, context(policy())).leftOut.count <= 66)
    }

    @Test func linksAreFollowedBeforeAnythingIsGiven() {
        var facts = RunFacts()
        facts.exitCode = 1
        for path in ["/srv/data/a", "/srv/data/b", "/usr/share/locale/locale.alias"] {
            facts.sought(SoughtPath(path, .read), Evidence())
        }
        var context = context(policy())
        context.hostFiles = [
            "/srv/data/a": LearningContext.HostFile(.file, at: "/home/user/.ssh/id"),
            "/srv/data/b": LearningContext.HostFile(.file, at: "/srv/other/b"),
            "/usr/share/locale/locale.alias": LearningContext.HostFile(.file, at: "/etc/locale.alias"),
        ]
        let profile = Learner.learn(facts, context)
        #expect(profile.lines.allSatisfy { !$0.key.hasPrefix("filesystem") })
        #expect(profile.leftOut.count == 2)
        #expect(profile.leftOut[0].why.hasPrefix("looks like a secret"))
        #expect(profile.leftOut[1].why.hasPrefix("a link to /srv/other/b"))
    }
}

// How layers meet: replace, append, key by key, take back; and what `explain` says about each value.

import ClocheModel
import StructuredText
import Testing

@testable import ProfileLoading

@Suite struct MergingTests {
    /// All layers say something about `claude`.
    static let layers: KeyValuePairs<String, String> = [
        "user/config.yaml": "overrides:\n  limits: {idle: 2h}\n  environment: {set: {A: user}}\n",
        "user/profiles/claude.yaml": "limits: {wall-clock: 8h}\nharness: {seeds: {.claude.json: '{}'}}\n",
        "project/config.yaml":
            "profile: claude\noverrides:\n  limits: {idle: 1h}\n  syscalls: {deny+: [ptrace]}\n",
        "project/profiles/claude.yaml": "limits:\n  wall-clock: 4h\nfilesystem: {workspace: ro}\n",
        "file.yaml": "extends: claude\nlimits: {idle: 30m}\nnetwork: {mode: none}\n",
    ]

    private func rows(_ profile: EffectiveProfile, _ tree: ConfigurationTree) -> [String: String] {
        var rows: [String: String] = [:]
        for row in profile.explainRows { rows[row.key] = row.value + " <- " + tree.shorten(row.origin) }
        return rows
    }

    @Test func aHigherLayerWinsKeyByKey() throws {
        let tree = try ConfigurationTree(MergingTests.layers)
        _ = try tree.loader.trustProject()
        let profile = try tree.loader.load(overrides: ["stop.grace=3s", "environment.set.B=2"])
        let rows = self.rows(profile, tree)
        #expect(profile.name == "claude")
        #expect(profile.chain == ["base", "agent", "claude"])
        #expect(rows["limits.idle"] == "1h <- project/config.yaml:3")
        #expect(rows["limits.wall-clock"] == "4h <- project/profiles/claude.yaml:2")
        #expect(rows["filesystem.workspace"] == "ro <- project/profiles/claude.yaml:3")
        #expect(rows["environment.set.A"] == "user <- user/config.yaml:3")
        #expect(rows["environment.set.B"] == "2 <- --set environment.set.B=2")
        #expect(rows["stop.grace"] == "3s <- --set stop.grace=3s")
        #expect(rows["syscalls.deny"] == "[ptrace] <- project/config.yaml:4")
        #expect(rows["harness.seeds[\".claude.json\"]"] == "{} <- user/profiles/claude.yaml:2")
        #expect(rows["session.columns"] == "120 <- default")
        #expect(rows["network.mode"]?.hasPrefix("allow <- built-in profile agent, line ") == true)
        #expect(rows["extends"] == nil)
    }

    @Test func aFileOnTheCommandLineStandsAboveTheProjectsOverrides() throws {
        let tree = try ConfigurationTree(MergingTests.layers)
        _ = try tree.loader.trustProject()
        let profile = try tree.loader.load(name: tree.path("file.yaml"))
        let rows = self.rows(profile, tree)
        #expect(profile.name == "file")
        #expect(profile.chain == ["base", "agent", "claude", "file"])
        #expect(rows["limits.idle"] == "30m <- file.yaml:2")
        #expect(rows["limits.wall-clock"] == "4h <- project/profiles/claude.yaml:2")
        #expect(profile.policy.network.mode == .none)
        #expect(profile.policy.limits.idleSeconds == 1800)
    }

    @Test func listsReplaceOrAppend() throws {
        let tree = try ConfigurationTree([
            "user/profiles/a.yaml": "filesystem: {system: [/usr, /opt], writable: [/opt/a]}\n",
            "user/profiles/b.yaml": "extends: a\nfilesystem:\n  writable+: [/opt/b]\n  system: [/opt]\n",
        ])
        let profile = try tree.loader.load(
            name: "b",
            overrides: ["filesystem.writable+=[/opt/c]", "filesystem.writable+=[/etc]"]
        )
        #expect(profile.policy.filesystem.system == ["/opt"])
        #expect(profile.policy.filesystem.writable == ["/opt/a", "/opt/b", "/opt/c", "/etc"])
        #expect(
            rows(profile, tree)["filesystem.writable"]
                == "[/opt/a, /opt/b, /opt/c, /etc] <- user/profiles/a.yaml:1, "
                + "then user/profiles/b.yaml:3, then --set filesystem.writable+=[/opt/c], "
                + "then --set filesystem.writable+=[/etc]"
        )
        #expect(profile.itemOrigins("filesystem.writable").map(\.line) == [1, 3, 0, 0])
    }

    @Test func nullTakesBackWhatLowerLayersSay() throws {
        let tree = try ConfigurationTree([
            "user/profiles/a.yaml":
                "environment: {set: {A: '1', B: '2'}}\nlimits: {idle: 5m}\nrestart: on-failure\n",
            "user/profiles/b.yaml":
                "extends: a\nenvironment: {set: {A: null}}\nlimits: {idle: ~}\nrestart:\n",
            "user/profiles/c.yaml": "extends: b\nenvironment: {set: ~}\n",
        ])
        let b = try tree.loader.load(name: "b").policy
        #expect(b.environment.set.filter { $0.key.count == 1 } == [.init("B", .string("2"))])
        #expect(b.limits.idleSeconds == nil)
        #expect(b.restart == .never)
        #expect(try tree.loader.load(name: "c").policy.environment.set.isEmpty)
    }

    @Test func profilesMayStandInConfigurationFiles() throws {
        let tree = try ConfigurationTree([
            "user/config.yaml": "profile: t\nprofiles:\n  t:\n    description: Tests\n    extends: shell\n",
            "user/profiles/t.yaml": "limits: {wall-clock: 10m}\n",
        ])
        let profile = try tree.loader.load()
        #expect(profile.policy.summary == "Tests")
        #expect(profile.policy.limits.wallClockSeconds == 600)
        #expect(profile.chain == ["base", "shell", "t"])
        #expect(
            tree.loader.names().first { $0.name == "t" }
                == ProfileSummary(name: "t", layers: [.user], description: "Tests")
        )
        #expect(tree.loader.names().first { $0.name == "claude" }?.description == "Claude Code")
        #expect(tree.loader.defaultName() == "t")
    }

    @Test func scalarsAreTakenAsTheyAreWrittenWhereTextIsMeant() throws {
        let tree = try ConfigurationTree([
            "user/profiles/p.yaml":
                "harness: {command: [sleep, 0x10, 1.50]}\nenvironment: {set: {A: 1_0, B: true}}\n"
        ])
        let policy = try tree.loader.load(name: "p").policy
        #expect(policy.harness.command == ["sleep", "0x10", "1.50"])
        #expect(policy.environment.set.suffix(2).map(\.value) == [.string("1_0"), .string("true")])
    }

    static let values: [(option: String, holds: @Sendable (Policy) -> Bool)] = [
        ("limits.idle=90", { $0.limits.idleSeconds == 90 }),
        ("limits={idle: 1m, open-files: 64}", { $0.limits.idleSeconds == 60 && $0.limits.openFiles == 64 }),
        ("limits.file-size=1GiB", { $0.limits.fileBytes == 1 << 30 }),
        ("limits.log-size=4096", { $0.limits.logBytes == 4096 }),
        ("limits.processes=none", { $0.limits.shares.processes == nil }),
        ("limits.memory=2GiB", { $0.limits.shares.memoryBytes == 2 << 30 }),
        ("limits.memory=none", { $0.limits.shares.memoryBytes == nil }),
        ("limits.memory-high=1536MiB", { $0.limits.shares.memoryHighBytes == 1536 << 20 }),
        ("limits.swap=0", { $0.limits.shares.swapBytes == 0 }),
        ("limits.swap=1GB", { $0.limits.shares.swapBytes == 1_000_000_000 }),
        ("limits.cpu=1.5", { $0.limits.shares.cpuMillicores == 1500 }),
        ("limits.cpu=0.1", { $0.limits.shares.cpuMillicores == 100 }),
        ("limits.cpu=0.010", { $0.limits.shares.cpuMillicores == 10 }),
        ("limits.cpu=.25", { $0.limits.shares.cpuMillicores == 250 }),
        ("limits.cpu=2", { $0.limits.shares.cpuMillicores == 2000 }),
        ("limits.cpu=1.5e1", { $0.limits.shares.cpuMillicores == 15000 }),
        ("limits.cpu='2.125'", { $0.limits.shares.cpuMillicores == 2125 }),
        ("limits.cpu-weight=50", { $0.limits.shares.cpuWeight == 50 }),
        ("limits.cpu-weight=100", { $0.limits.shares.cpuWeight == nil }),
        ("limits.io-read=50MiB", { $0.limits.shares.ioReadBytes == 50 << 20 }),
        ("limits.io-read=50 MB/s", { $0.limits.shares.ioReadBytes == 50_000_000 }),
        ("limits.io-write=65536", { $0.limits.shares.ioWriteBytes == 65536 }),
        ("limits.io-read-operations=300", { $0.limits.shares.ioReadOperations == 300 }),
        ("limits.io-write-operations=2", { $0.limits.shares.ioWriteOperations == 2 }),
        ("limits.cpu-time=2h", { $0.limits.cpuSeconds == 7200 }),
        ("limits.process-starts=600", { $0.limits.startsPerMinute == 600 }),
        ("limits.disk=20GiB", { $0.limits.diskBytes == 20 << 30 }),
        ("limits.disk-files=100000", { $0.limits.diskFiles == 100_000 }),
        ("limits.output=64MiB", { $0.limits.outputBytes == 64 << 20 }),
        ("limits.enforcement=strict", { $0.limits.enforcement == .strict }),
        ("limits.enforcement=~", { $0.limits.enforcement == .available }),
        ("project.limits.memory=8GiB", { $0.projectLimits == ResourceLimits(memoryBytes: 8 << 30) }),
        (
            "project={limits: {cpu: 3.5, processes: 4000, io-read: 1MiB/s}}",
            {
                $0.projectLimits
                    == ResourceLimits(processes: 4000, cpuMillicores: 3500, ioReadBytes: 1 << 20)
                    && $0.limits.shares == ResourceLimits(processes: 8192)
            }
        ),
        ("restart=on-failure", { $0.restart == .onFailure(attempts: 5) }),
        ("restart={on-failure: 2}", { $0.restart == .onFailure(attempts: 2) }),
        ("restart=no", { $0.restart == .never }),
        ("stop.signal=SIGINT", { $0.stop.signal == 2 }),
        ("session.detach-keys=ctrl-a d", { $0.session.detachKeys == "ctrl-a d" }),
        (
            "filesystem.binds=[{source: ~/x, mode: rw}]",
            {
                $0.filesystem.binds.first?.target == "/home/agent/x"
                    && $0.filesystem.binds.first?.mode == .readWrite
            }
        ),
        ("filesystem.binds=[{source: /srv/x}]", { $0.filesystem.binds.first?.target == "/srv/x" }),
        (
            "credentials=[{env: A, required: true}]",
            { $0.credentials == [CredentialPolicy(.environment(name: "A"), required: true)] }
        ),
        ("harness.seeds.a/b.txt=x", { $0.harness.seeds.last == HomeSeed(path: "a/b.txt", content: "x") }),
        ("harness.command=[make, \"{task}\"]", { $0.harness.command == ["make", "{task}"] }),
        (
            "environment.set.URL=http://a=b",
            { $0.environment.set.last == .init("URL", .string("http://a=b")) }
        ),
    ]

    @Test(arguments: values)
    func decodesEveryKind(_ option: String, _ holds: @Sendable (Policy) -> Bool) throws {
        let profile = try ConfigurationTree().loader.load(name: "shell", overrides: [option])
        #expect(holds(profile.policy))
        #expect(try Policy(document: profile.document) == profile.policy)
    }

    static let badOptions: [(option: String, message: String)] = [
        ("limits.idle.x=1", "`limits.idle` has no keys below it"),
        ("environment.set.A+=1", "`environment.set.A` is no list, so nothing can be appended to it"),
        ("stop.grace+=1", "`stop.grace+` would append, but `stop.grace` is no list"),
        (
            "harness.command=[a",
            "did not find expected ',' or ']' (while parsing a flow sequence, begun on line 1)"
        ),
        ("extends=claude", "`extends` belongs to a profile; use `--profile` to choose one"),
        ("lmits=1", "unknown key `lmits`; did you mean `limits`?"),
        ("=1", "there is no `KEY=VALUE` here"),
    ]

    @Test(arguments: badOptions)
    func saysWhichOptionIsWrong(_ option: String, _ message: String) throws {
        let failure = try ConfigurationTree().failure("shell", [option])
        #expect(failure == "the configuration is not valid: --set \(option): \(message)")
    }

    @Test func aStoredPolicyIsCheckedAgain() throws {
        var document = try ConfigurationTree().loader.load(name: "shell").document
        document["limits"]?["idle"] = .string("never")
        let error = #expect(throws: ClocheError.self) { try Policy(document: document) }
        #expect(error?.why.hasPrefix("the stored policy: `limits.idle` must be a duration") == true)
        #expect(try Policy(document: .object(["profile": .string("old")])).profile == "old")
    }
}

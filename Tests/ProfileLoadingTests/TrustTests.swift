// A project's file may narrow and never widen, until the user trusts it as it is.

import ClocheModel
import LinuxSystem
import Testing

@testable import ProfileLoading

@Suite struct TrustTests {
    static let remedy = "\n  read the file; if you agree with it, run `cloche config trust`"
    static let ending = ", and this project's file is not trusted"

    /// What a project's `overrides` may not do over `claude`.
    static let widening: [(text: String, message: String)] = [
        (
            "filesystem: {binds+: [{source: /srv}]}",
            "`filesystem.binds` gives the agent more than your settings"
        ),
        ("filesystem: {system+: [/srv]}", "`filesystem.system` gives the agent more than your settings"),
        ("filesystem: {protect: [.git/]}", "`filesystem.protect` gives the agent more than your settings"),
        ("filesystem: {protect: ~}", "`filesystem.protect` gives the agent more than your settings"),
        ("filesystem: {etc: [shadow]}", "`filesystem.etc` gives the agent more than your settings"),
        (
            "filesystem: {tmp-size: 64GiB}",
            "`filesystem.tmp-size` gives the agent more than your settings (1GiB)"
        ),
        (
            "credentials+: [{env: AWS_SECRET_ACCESS_KEY}]",
            "`credentials` gives the agent more than your settings"
        ),
        ("ask: [network:new-host]", "`ask` gives the agent more than your settings"),
        ("ask+: [push, network:new-host]", "`ask` gives the agent more than your settings"),
        ("ask-timeout: 6m", "`ask-timeout` gives the agent more than your settings (5m)"),
        ("environment: {pass+: [SECRET]}", "`environment.pass` gives the agent more than your settings"),
        ("syscalls: {allow: [ptrace]}", "`syscalls.allow` gives the agent more than your settings ([])"),
        ("syscalls: {deny: []}", "`syscalls.deny` gives the agent more than your settings ([bpf])"),
        ("syscalls: {groups+: [debugging]}", "`syscalls.groups` gives the agent more than your settings"),
        (
            "syscalls: {groups: [files, debugging]}",
            "`syscalls.groups` gives the agent more than your settings"
        ),
        ("limits: {processes: 9000}", "`limits.processes` gives the agent more than your settings (8192)"),
        ("limits: {processes: ~}", "`limits.processes` gives the agent more than your settings (8192)"),
        ("restart: on-failure", "`restart` gives the agent more than your settings (no)"),
        ("limits: {idle: 3h}", "`limits.idle` gives the agent more than your settings (2h)"),
        ("limits: {idle: none}", "`limits.idle` gives the agent more than your settings (2h)"),
        ("limits: {memory: 4GiB}", "`limits.memory` gives the agent more than your settings (2GiB)"),
        ("limits: {memory: none}", "`limits.memory` gives the agent more than your settings (2GiB)"),
        ("limits: {cpu: 2}", "`limits.cpu` gives the agent more than your settings (1.5)"),
        ("limits: {cpu: 1.501}", "`limits.cpu` gives the agent more than your settings (1.5)"),
        ("limits: {cpu-weight: 101}", "`limits.cpu-weight` gives the agent more than your settings (100)"),
        ("limits: {io-read: 51MiB/s}", "`limits.io-read` gives the agent more than your settings (50MiB/s)"),
        ("limits: {io-read: 51MiB}", "`limits.io-read` gives the agent more than your settings (50MiB/s)"),
        ("limits: {swap: 1}", "`limits.swap` gives the agent more than your settings (0)"),
        (
            "limits: {enforcement: available}",
            "`limits.enforcement` gives the agent more than your settings (strict)"
        ),
        (
            "project: {limits: {memory: 9GiB}}",
            "`project.limits.memory` gives the agent more than your settings (8GiB)"
        ),
        ("project: {limits: {cpu: ~}}", "`project.limits.cpu` gives the agent more than your settings (6.5)"),
        (
            "harness: {command: [curl]}",
            "`harness.command` could use what the profile grants (network.mode, credentials, "
                + "environment.pass)"
        ),
        ("harness: {seeds: {.bashrc: x}}", "`harness.seeds[\".bashrc\"]` could use what the profile grants"),
        (
            "environment: {set: {ANTHROPIC_BASE_URL: http://x}}",
            "`environment.set.ANTHROPIC_BASE_URL` could use"
        ),
        ("environment: {set: ~}", "`environment.set.PATH` could use what the profile grants"),
    ]

    private func tree(_ overrides: String) throws -> ConfigurationTree {
        try ConfigurationTree([
            "user/config.yaml": """
            profile: claude
            overrides:
              limits: {idle: 2h, memory: 2GiB, cpu: 1.5, io-read: 50MiB/s, swap: 0, enforcement: strict}
              project: {limits: {memory: 8GiB, cpu: 6.5}}
              syscalls: {deny: [bpf]}
            """,
            "project/config.yaml": "overrides:\n  \(overrides)\n",
        ])
    }

    @Test(arguments: widening)
    func anUntrustedFileCannotWiden(_ text: String, _ message: String) throws {
        let tree = try tree(text)
        let failure = tree.failure()
        #expect(failure.contains("project/config.yaml:2:") && failure.contains(message), "\(failure)")
        #expect(failure.contains(TrustTests.ending) && failure.hasSuffix(TrustTests.remedy))
        #expect(try tree.loader.trustProject() == [tree.path("project/config.yaml")])
        #expect(throws: Never.self) { try tree.loader.load() }
    }

    /// What was said before counts for nothing, in the same file or in another one of the project's.
    @Test(arguments: widening)
    func anUntrustedFileCannotWidenBySayingItTwice(_ text: String, _ message: String) throws {
        let user = """
            profile: claude
            overrides:
              limits: {idle: 2h, memory: 2GiB, cpu: 1.5, io-read: 50MiB/s, swap: 0, enforcement: strict}
              project: {limits: {memory: 8GiB, cpu: 6.5}}
              syscalls: {deny: [bpf]}
            """
        let once = "overrides:\n  \(text)\n"
        let trees = [
            try ConfigurationTree([
                "user/config.yaml": user,
                "project/config.yaml": "profiles:\n  claude:\n    \(text)\n" + once,
            ]),
            try ConfigurationTree([
                "user/config.yaml": user, "project/config.yaml": once,
                "project/profiles/claude.yaml": text + "\n",
            ]),
        ]
        for tree in trees {
            let failure = tree.failure()
            #expect(failure.contains(TrustTests.ending) && failure.hasSuffix(TrustTests.remedy), "\(failure)")
        }
    }

    static let narrowing = [
        "filesystem: {workspace: ro, binds: [], system: [/usr, /bin], etc: [ssl/certs], tmp-size: 1MiB}",
        "credentials: [{env: ANTHROPIC_API_KEY}]", "environment: {pass: [LANG]}",
        "syscalls: {deny: [bpf, ptrace]}", "syscalls: {groups: [files, memory, processes]}",
        "syscalls: {groups: []}",
        "syscalls: {deny+: [ptrace]}", "limits: {idle: 1h, wall-clock: 1h, processes: 100}",
        "limits: {memory: 1GiB, memory-high: 900MiB, cpu: 0.25, cpu-weight: 10, io-read: 52428800, io-write: 1MiB/s}",
        "limits: {disk: 1GiB, disk-files: 1000, output: 1MiB, cpu-time: 1h, process-starts: 10, enforcement: strict}",
        "project: {limits: {memory: 8GiB, cpu: 6, processes: 100, cpu-weight: 1}}",
        "network: {mode: none}",
        "ask+: [push]", "ask-timeout: 30s",
        "restart: no", "stop: {grace: 1s}", "session: {rows: 50}",
        "filesystem: {writable+: [/var/x], protect+: [x/]}",
        "description: x",
    ]

    @Test(arguments: narrowing)
    func anUntrustedFileMayNarrow(_ text: String) throws {
        let tree = try tree(text)
        #expect(throws: Never.self) { try tree.loader.load() }
    }

    @Test(arguments: [
        ("notes: ro", false), ("log: rw", false), ("log: append", true), ("log: ro", true), ("log: ~", true),
        ("other: append", false), ("other: ro", true),
    ])
    func sharedDirectoriesAreOnlyNarrowed(_ share: String, _ isNarrower: Bool) throws {
        let tree = try ConfigurationTree([
            "user/config.yaml": "profile: shell\noverrides: {shares: {log: append, other: ro}}\n",
            "project/config.yaml": "overrides: {shares: {\(share)}}\n",
        ])
        if isNarrower {
            let shares = try tree.loader.load().policy.shares
            #expect(shares.count == (share.hasSuffix("~") ? 1 : 2))
        } else {
            #expect(tree.failure().contains(" gives the agent more than your settings"))
        }
    }

    @Test func whatOthersWroteIsAGrant() throws {
        let tree = try ConfigurationTree([
            "user/config.yaml": "profile: shell\noverrides: {shares: {log: ro}, network: {mode: none}}\n",
            "project/config.yaml": "overrides: {harness: {command: [curl]}}\n",
        ])
        #expect(tree.failure().contains("shares"))
    }

    @Test func widenedWorkspaceAndNetworkAreRefused() throws {
        let tree = try ConfigurationTree([
            "user/config.yaml": "profile: shell-readonly",
            "project/config.yaml": "overrides: {network: {mode: host}, filesystem: {workspace: rw}}",
        ])
        let failure = tree.failure()
        #expect(
            failure == """
                the configuration has 2 mistakes:
                  project/config.yaml:1:60: `filesystem.workspace` gives the agent more than your settings (ro), \
                and this project's file is not trusted
                  project/config.yaml:1:29: `network.mode` gives the agent more than your settings (none), \
                and this project's file is not trusted
                  read the file; if you agree with it, run `cloche config trust`
                """
        )
    }

    @Test func whatTheUserSaysOnTheCommandLineIsNotJudged() throws {
        let tree = try tree("network: {mode: allow}")
        try tree.write("project/wide.yaml", "extends: claude\ncredentials+: [{env: OTHER}]\n")
        #expect(throws: Never.self) { try tree.loader.load(name: tree.path("project/wide.yaml")) }
        #expect(throws: Never.self) { try tree.loader.load(name: "shell", overrides: ["network.mode=none"]) }
        #expect(throws: Never.self) { try tree.loader.load(name: "claude", overrides: ["network.mode=host"]) }
        #expect(tree.failure("shell").contains("`network.mode` gives the agent more"))
    }

    @Test func aProjectMayChooseAndExtendWhatGrantsNothing() throws {
        let tree = try ConfigurationTree([
            "project/config.yaml": "profile: tests\nprofiles: {paid: {extends: claude}}",
            "project/profiles/tests.yaml": "harness: {command: [make, test]}\nenvironment: {set: {CI: 1}}\n",
        ])
        #expect(try tree.loader.load().policy.harness.command == ["make", "test"])
        #expect(
            tree.failure("paid").contains(
                "project/config.yaml:2:28: `extends: claude` takes over what grants more"
            )
        )
        try tree.write("project/config.yaml", "profile: claude")
        #expect(
            tree.failure()
                == "the configuration is not valid: project/config.yaml:1:10: `profile: claude` chooses what "
                + "grants more (network.mode, credentials, environment.pass)"
                + TrustTests.ending + TrustTests.remedy
        )
        #expect(throws: Never.self) { try tree.loader.load(name: "claude") }
    }

    @Test func anEditEndsTheTrust() throws {
        let tree = try tree("network: {mode: host}")
        let file = tree.path("project/config.yaml")
        let trust = ProjectTrust(configDirectory: tree.config)
        #expect(!trust.isTrusted(file))
        try trust.trust(file)
        #expect(trust.isTrusted(file))
        #expect(try Files.status(tree.config + "/trusted").mode == 0o700)
        try tree.write("project/config.yaml", "overrides: {network: {mode: host}, limits: {idle: none}}")
        #expect(!trust.isTrusted(file))
        #expect(tree.failure().contains(TrustTests.ending))
        try trust.trust(file)
        try trust.distrust(file)
        #expect(!trust.isTrusted(file))
        #expect(!trust.isTrusted(file + ".none"))
    }

    @Test func trustDoesNotGoOverLinks() throws {
        let tree = try ConfigurationTree(["project/config.yaml": "overrides: {network: {mode: host}}\n"])
        let trust = ProjectTrust(configDirectory: tree.config)
        let file = tree.path("project/config.yaml")
        try trust.trust(file)
        let other = tree.config + "/../other/.cloche"
        try Files.makeDirectories(other)
        try Files.makeSymbolicLink(other + "/config.yaml", to: file)
        #expect(trust.isTrusted(file) && !trust.isTrusted(other + "/config.yaml"))
    }

    @Test func trustIsOfOneFileAtOnePlace() throws {
        let tree = try tree("network: {mode: host}")
        try tree.write("project/profiles/claude.yaml", "limits: {idle: none}")
        try ProjectTrust(configDirectory: tree.config).trust(tree.path("project/config.yaml"))
        #expect(tree.failure("claude").contains("project/profiles/claude.yaml:1:") == false)
        #expect(tree.loader.projectFiles().map(\.isTrusted) == [true, false])
        let other = ProfileLoader(
            home: tree.home,
            configDirectory: tree.config,
            projectDirectory: tree.root + "/elsewhere"
        )
        try tree.write("elsewhere/.cloche/config.yaml", "overrides:\n  limits: {idle: none}\n")
        #expect(throws: ClocheError.self) { try other.load() }
        #expect(throws: ClocheError.self) {
            try ProjectTrust(configDirectory: tree.config).trust(tree.path("project/none.yaml"))
        }
    }
}

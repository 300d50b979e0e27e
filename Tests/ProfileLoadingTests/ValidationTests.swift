// Bad profiles and the exact words about them: every mistake of a file at once, each with its place.

import ClocheModel
import Testing

@testable import ProfileLoading

@Suite struct ValidationTests {
    /// A profile `p` of the user, and what is said about it after `user/profiles/p.yaml:`.
    static let mistakes: [(text: String, message: String)] = [
        ("netwrk: {mode: none}", "1:1: unknown key `netwrk`; did you mean `network`?"),
        ("limits:\n  idel: 5m", "2:3: unknown key `idel` in `limits`; did you mean `idle`?"),
        ("memory: 2GiB", "1:1: unknown key `memory`"),
        ("limits: 5", "1:9: `limits` must be a map"),
        ("- a", "1:1: a profile must be a map of keys"),
        (
            "limits: {idle: soon}",
            "1:16: `limits.idle` must be a duration such as 90s, 30m or 1h30m, and not zero, "
                + "or `none`, not the text `soon`"
        ),
        (
            "limits: {idle: 0}",
            "1:16: `limits.idle` must be a duration such as 90s, 30m or 1h30m, and not zero, "
                + "or `none`, not `0`"
        ),
        (
            "filesystem: {tmp-size: 1.5}",
            "1:24: `filesystem.tmp-size` must be a size such as 512MiB or 2GiB, not `1.5`"
        ),
        (
            "filesystem: {tmp-size: 0}",
            "1:24: `filesystem.tmp-size` must be a size such as 512MiB or 2GiB, not `0`"
        ),
        (
            "limits: {memory: 2G}",
            "1:18: `limits.memory` must be a size such as 512MiB or 2GiB, and at least 1MiB, or `none`, "
                + "not the text `2G`; did you mean `2GiB` or `2GB`?"
        ),
        (
            "limits: {memory: 512}",
            "1:18: `limits.memory` must be a size such as 512MiB or 2GiB, and at least 1MiB, or `none`, "
                + "not `512`; a number without a unit is bytes: did you mean `512MiB`?"
        ),
        (
            "limits: {disk: 9000000TB}",
            "1:16: `limits.disk` must be a size such as 512MiB or 2GiB, and at least 1MiB, or `none`, "
                + "not the text `9000000TB`; that is too large"
        ),
        (
            "limits: {swap: -1}",
            "1:16: `limits.swap` must be a size such as 512MiB or 2GiB, or `none`, not `-1`"
        ),
        (
            "limits: {wall-clock: 9223372036854775807}",
            "1:22: `limits.wall-clock` must be a duration such as 90s, 30m or 1h30m, and not zero, "
                + "or `none`, not `9223372036854775807`; that is too long"
        ),
        (
            "limits: {cpu: 1.5 cores}",
            "1:15: `limits.cpu` must be a number of cores such as 2, 1.5 or 0.25, in thousandths and at least 0.01, "
                + "or `none`, not the text `1.5 cores`; did you mean `1.5`?"
        ),
        (
            "limits: {cpu: 0.005}",
            "1:15: `limits.cpu` must be a number of cores such as 2, 1.5 or 0.25, in thousandths and at least 0.01, "
                + "or `none`, not `0.005`"
        ),
        (
            "limits: {cpu: 0.3333}",
            "1:15: `limits.cpu` must be a number of cores such as 2, 1.5 or 0.25, in thousandths and at least 0.01, "
                + "or `none`, not `0.3333`"
        ),
        (
            "limits: {cpu: .inf}",
            "1:15: `limits.cpu` must be a number of cores such as 2, 1.5 or 0.25, in thousandths and at least 0.01, "
                + "or `none`, not `.inf`"
        ),
        (
            "limits: {cpu-weight: none}",
            "1:22: `limits.cpu-weight` must be a whole number from 1 to 10000, not the text `none`"
        ),
        (
            "limits: {io-read: 50m/s}",
            "1:19: `limits.io-read` must be bytes per second such as 50MiB or 50MiB/s, and at least 64KiB, "
                + "or `none`, not the text `50m/s`; did you mean `50MiB/s` or `50MB/s`?"
        ),
        (
            "limits: {io-write-operations: 1}",
            "1:31: `limits.io-write-operations` must be a whole number from 2 to 4294967294, or `none`, not `1`"
        ),
        (
            "limits: {enforcement: hard}",
            "1:23: `limits.enforcement` must be one of `strict`, `available`, `measured`, not the text `hard`"
        ),
        ("limits: {memmory: 2GiB}", "1:10: unknown key `memmory` in `limits`; did you mean `memory`?"),
        (
            "project: {limits: {wall-clock: 1h}}",
            "1:20: unknown key `wall-clock` in `project.limits`"
        ),
        ("project: {limit: {}}", "1:11: unknown key `limit` in `project`; did you mean `limits`?"),
        (
            "session: {columns: '80'}",
            "1:20: `session.columns` must be a whole number from 20 to 1000, not the text `80`"
        ),
        ("session: {columns: 5}", "1:20: `session.columns` must be a whole number from 20 to 1000, not `5`"),
        (
            "filesystem: {workspace: rx}",
            "1:25: `filesystem.workspace` must be one of `ro`, `rw`, not the text `rx`"
        ),
        ("harness: {command: claude}", "1:20: `harness.command` must be a list, not the text `claude`"),
        ("harness: {command: [a, [b]]}", "1:24: `harness.command[1]` must be text, not a list"),
        (
            "harness: {seeds: {/etc/x: a}}",
            "1:19: a key of `harness.seeds` must be a path below the agent's home, "
                + "without .. and no leading /, not `/etc/x`"
        ),
        (
            "harness: {seeds: {a/../../x: a}}",
            "1:19: a key of `harness.seeds` must be a path below the agent's home, "
                + "without .. and no leading /, not `a/../../x`"
        ),
        (
            "filesystem: {system: [usr]}",
            "1:23: `filesystem.system[0]` must be an absolute path, or one that begins "
                + "with ~ or $HOME, not the text `usr`"
        ),
        ("filesystem: {binds: [{target: /x}]}", "1:22: `filesystem.binds[0]` needs the key `source`"),
        (
            "filesystem: {binds: [{source: ~/x, mod: ro}]}",
            "1:36: unknown key `mod` in `filesystem.binds[0]`; "
                + "did you mean `mode`?"
        ),
        (
            "filesystem: {binds: [{source: ~/../x}]}",
            "1:31: `filesystem.binds[0].source` must be an absolute path, or "
                + "one that begins with ~ or $HOME, not the text `~/../x`"
        ),
        (
            "credentials: [{env: A, file: ~/x}]",
            "1:15: `credentials[0]` needs exactly one of the keys `env`, `file`, `command`, `kept`, `login` or `public`"
        ),
        (
            "credentials: [{required: true}]",
            "1:15: `credentials[0]` needs exactly one of the keys `env`, `file`, `command`, `kept`, `login` or `public`"
        ),
        (
            "credentials: [{env: A, target: /x}]",
            "1:15: `credentials[0].target` goes with `file`, and not with `service`"
        ),
        (
            "credentials: [{env: A=1}]",
            "1:21: `credentials[0].env` must be the name of a variable, not the text `A=1`"
        ),
        (
            "credentials: [{env: A, required: yes}]",
            "1:34: `credentials[0].required` must be true or false, "
                + "not the text `yes`"
        ),
        (
            "environment: {set: {A B: x}}",
            "1:21: a key of `environment.set` must be the name of a variable, not `A B`"
        ),
        ("environment: {set: {A: [x]}}", "1:24: `environment.set.A` must be text, not a list"),
        (
            "syscalls: {deny: [Ptrace]}",
            "1:19: `syscalls.deny[0]` must be the name of a system call, "
                + "not the text `Ptrace`"
        ),
        (
            "network: {mode: full}",
            "1:17: `network.mode` must be one of `none`, `allow`, `open`, `host`, not the text `full`"
        ),
        (
            "restart: always",
            "1:10: `restart` must be one of `no`, `on-failure` or `{on-failure: TIMES}`, "
                + "not the text `always`"
        ),
        (
            "restart: {on-failure: 0}",
            "1:10: `restart` must be one of `no`, `on-failure` or `{on-failure: TIMES}`, "
                + "not a map"
        ),
        (
            "stop: {signal: STOP}",
            "1:16: `stop.signal` must be a signal such as TERM, INT or HUP, not the text `STOP`"
        ),
        (
            "session: {detach-keys: ctrl-}",
            "1:24: `session.detach-keys` must be one to four keys such as `ctrl-] d`, "
                + "each a character or ctrl- and a character, not the text `ctrl-`"
        ),
        ("network+: {}", "1:11: `network+` would append, but `network` is no list"),
        ("extends: /etc/passwd", "1:10: `extends` must be the name of a profile, not the text `/etc/passwd`"),
        ("a: [", "2:1: did not find expected node content (while parsing a flow node, begun on line 2)"),
    ]

    @Test(arguments: mistakes)
    func saysWhatIsWrongAndWhere(_ text: String, _ message: String) throws {
        let tree = try ConfigurationTree(["user/profiles/p.yaml": text])
        #expect(tree.failure("p") == "the configuration is not valid: user/profiles/p.yaml:" + message)
    }

    @Test func saysAllOfThemAtOnce() throws {
        let tree = try ConfigurationTree([
            "user/profiles/p.yaml": "extends: q\nlimits: {idle: x}\nnetwrk: 1\n",
            "user/profiles/q.yaml": "stop: [1]\n",
            "user/config.yaml": "profil: p\nlimits: {}\noverrides: {extends: q}\n",
        ])
        #expect(
            tree.failure("p", ["limits.wall-clock=1y", "limits.idel=5m", "nothing"]) == """
                the configuration has 9 mistakes:
                  user/config.yaml:1:1: unknown key `profil`; did you mean `profile`?
                  user/config.yaml:2:1: unknown key `limits`; keys of a profile stand under `overrides` here
                  user/profiles/q.yaml:1:7: `stop` must be a map
                  user/profiles/p.yaml:2:16: `limits.idle` must be a duration such as 90s, 30m or 1h30m, and not zero, \
                or `none`, not the text `x`
                  user/profiles/p.yaml:3:1: unknown key `netwrk`; did you mean `network`?
                  user/config.yaml:3:22: `extends` belongs to a profile; to choose one here, use the key `profile`
                  --set limits.wall-clock=1y: `limits.wall-clock` must be a duration such as 90s, 30m or 1h30m, \
                and not zero, or `none`, not the text `1y`
                  --set limits.idel=5m: unknown key `limits.idel`; did you mean `limits.idle`?
                  --set nothing: there is no `KEY=VALUE` here
                """
        )
    }

    static let contradictions: [(text: String, message: String)] = [
        (
            "filesystem: {writable: [/opt/x, /srv/x]}",
            "1: `filesystem.writable`: /srv/x is not below /etc, /var, /usr, /opt or a directory of `filesystem.system`"
        ),
        ("filesystem: {etc: [passwd]}", "1: `filesystem.etc`: passwd is made for each agent"),
        ("filesystem: {system: [/usr, /proc]}", "1: `filesystem.system`: /proc is Cloche's own"),
        (
            "filesystem:\n  writable: []\n  binds:\n    - source: /srv\n      target: /dev/shm\n",
            "4: `filesystem.binds`: {source: /srv, target: /dev/shm, mode: ro, optional: false, sockets: false} "
                + "has a target that is Cloche's own"
        ),
        (
            "limits:\n  memory: 2GiB\n  memory-high: 3GiB\n",
            "3: `limits.memory-high`: 3GiB is not below `limits.memory` (2GiB), so that the agent would be killed before "
                + "it is slowed down"
        ),
        (
            "limits:\n  memory-high: 2048MiB\n  memory: 2GiB\n",
            "2: `limits.memory-high`: 2048MiB is not below `limits.memory` (2GiB), so that the agent would be killed "
                + "before it is slowed down"
        ),
        (
            "project: {limits: {memory: 8GiB, memory-high: 9GiB}}",
            "1: `project.limits.memory-high`: 9GiB is not below `project.limits.memory` (8GiB), so that the agent would be "
                + "killed before it is slowed down"
        ),
    ]

    @Test(arguments: contradictions)
    func findsContradictions(_ text: String, _ message: String) throws {
        let tree = try ConfigurationTree(["user/profiles/p.yaml": text])
        let lines = tree.failure("p").split(separator: "\n")
        #expect(lines.contains { $0.hasSuffix("user/profiles/p.yaml:" + message) }, "\(lines)")
    }

    @Test func aContradictionIsToldWhereItWasMadeLast() throws {
        let tree = try ConfigurationTree([
            "user/profiles/p.yaml": "limits: {memory: 4GiB, memory-high: 3GiB, swap: 0}\n"
        ])
        #expect(
            tree.failure("p", ["limits.memory=2GiB"]) == """
                the configuration is not valid: --set limits.memory=2GiB: `limits.memory-high`: 3GiB is not below \
                `limits.memory` (2GiB), so that the agent would be killed before it is slowed down
                  lower `limits.memory-high`, or take it away with `none`
                """
        )
        // What the kernel holds, one without the other, is no contradiction.
        for option in [
            "limits={memory: 2GiB, memory-high: none}", "limits.memory=none", "project.limits.memory=1GiB",
        ] {
            #expect(throws: Never.self) { try tree.loader.load(name: "p", overrides: [option]) }
        }
    }

    static let chains: [(files: KeyValuePairs<String, String>, message: String)] = [
        (
            ["user/profiles/p.yaml": "extends: p"],
            "the configuration is not valid: user/profiles/p.yaml:1:10: a profile cannot extend itself: p > p"
        ),
        (
            ["user/profiles/p.yaml": "extends: q", "user/profiles/q.yaml": "\nextends: p"],
            "the configuration is not valid: user/profiles/q.yaml:2:10: a profile cannot extend itself: p > q > p"
        ),
        (
            ["user/profiles/p.yaml": "extends: clade"],
            "the configuration is not valid: user/profiles/p.yaml:1:10: there is no profile `clade` to extend; "
                + "did you mean `claude`?"
        ),
        (
            ["user/config.yaml": "profile: p"],
            "there is no profile `p`\n  `cloche profile list` lists them all"
        ),
    ]

    @Test(arguments: chains)
    func followsExtendsToItsEnd(_ files: KeyValuePairs<String, String>, _ message: String) throws {
        let tree = try ConfigurationTree(files)
        #expect(tree.failure(tree.loader.defaultName() == "p" ? nil : "p") == message)
    }

    @Test func namesWhatDoesNotExist() throws {
        let tree = try ConfigurationTree()
        #expect(
            tree.failure("clade")
                == "there is no profile `clade`\n  did you mean `claude`? `cloche profile list` lists them all"
        )
        #expect(tree.failure("../x").hasPrefix("there is no profile file ../x"))
        #expect(tree.failure("a b") == "there is no profile `a b`\n  `cloche profile list` lists them all")
    }

    @Test func refusesAFIFOInsteadOfWaiting() throws {
        let tree = try ConfigurationTree(["user/profiles/p.yaml": "{}"])
        try tree.makeFIFO("project/profiles/p.yaml")
        #expect(
            tree.failure("p")
                == "the configuration is not valid: project/profiles/p.yaml: cannot be read: it is no regular file"
        )
    }
}

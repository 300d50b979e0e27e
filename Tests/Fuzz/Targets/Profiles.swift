// Profiles and configuration files, through the loader that every command uses. Whatever the text, there is
// a policy or an error with a place; a policy survives the state file; an untrusted project gets no more
// than the user gave.

import ClocheModel
import Glibc
import LinuxSystem
import StructuredText

@testable import ProfileLoading

/// A home and a project of this process.
private struct Configuration {
    static let shared = Configuration()
    let root: String
    var home: String { root + "/home" }
    var project: String { root + "/project" }

    init() {
        // scripts/fuzz removes it.
        root = (ProcessEnvironment.value("TMPDIR") ?? "/tmp") + "/cloche-fuzz-\(getpid())"
        for directory in [home + "/.config/cloche/profiles", project + "/.cloche/profiles"] {
            do { try Files.makeDirectories(directory) } catch { fatalError("\(error)") }
        }
    }

    func write(_ name: String, _ bytes: [UInt8]) {
        do {
            let file = try Files.open(root + "/" + name, O_WRONLY | O_CREAT | O_TRUNC)
            try file.write(bytes)
        } catch { fatalError("\(error)") }
    }

    /// The profile, or nil for an error, which `mustLoad` does not admit.
    func load(_ name: String? = nil, overrides: [String] = [], mustLoad: Bool = false) -> EffectiveProfile? {
        let loader = ProfileLoader(
            home: home,
            configDirectory: home + "/.config/cloche",
            projectDirectory: project
        )
        do throws(ClocheError) {
            let profile = try loader.load(name: name, overrides: overrides)
            requireRoundTrip(profile)
            return profile
        } catch {
            require(!mustLoad, "the fuzz target's own files are valid: \(error)")
            require(!error.why.isEmpty || !error.remedy.isEmpty, "an error says why: \(error)")
            return nil
        }
    }
}

/// What `agent.json` keeps of a profile is read as the same policy by the next command.
private func requireRoundTrip(_ profile: EffectiveProfile) {
    require(!profile.explainRows.isEmpty, "explain shows the profile")
    do {
        let stored = try JSONText.parse(JSONText.serializeBytes(profile.document))
        require(try Policy(document: stored) == profile.policy, "the stored policy is the one of the profile")
    } catch { fatalError("the effective profile is not read again: \(error)") }
}

/// A profile's file named on the command line; its first line also as a `--set`.
@Sendable func fuzzProfile(_ bytes: [UInt8]) {
    let tree = Configuration.shared
    tree.write("one.yaml", bytes)
    _ = tree.load(tree.root + "/one.yaml")
    if let line = bytes.split(separator: UInt8(ascii: "\n")).first, line.contains(UInt8(ascii: "=")) {
        _ = tree.load("shell", overrides: [String(decoding: line, as: UTF8.self)])
    }
}

/// The user's own configuration.
@Sendable func fuzzConfig(_ bytes: [UInt8]) {
    let tree = Configuration.shared
    tree.write("home/.config/cloche/config.yaml", bytes)
    _ = tree.load()
}

/// A project's file that nobody trusts, as `config.yaml` or as a profile, above a user's profile that grants
/// something or one that grants nothing: one of the four by the input's length, since each takes milliseconds.
@Sendable func fuzzProject(_ bytes: [UInt8]) {
    let tree = Configuration.shared
    let isGranting = bytes.count % 2 == 0
    let user = isGranting ? grantingUser : plainUser
    let names = ["config.yaml", "profiles/shell.yaml"]
    let chosen = bytes.count / 2 % 2
    tree.write("home/.config/cloche/config.yaml", Array(user.utf8))
    tree.write("project/.cloche/\(names[1 - chosen])", [])
    tree.write("project/.cloche/\(names[chosen])", bytes)
    guard let after = tree.load(), let before = isGranting ? grantedBefore : ungrantedBefore else { return }
    requireNoMore(after.policy, than: before, granting: isGranting)
}

private let grantedBefore = policy(of: grantingUser)
private let ungrantedBefore = policy(of: plainUser)

/// What the user's own files give.
private func policy(of user: String) -> Policy? {
    let tree = Configuration.shared
    tree.write("home/.config/cloche/config.yaml", Array(user.utf8))
    for name in ["config.yaml", "profiles/shell.yaml"] { tree.write("project/.cloche/\(name)", []) }
    return tree.load(mustLoad: true)?.policy
}

private let plainUser = """
    profile: shell
    overrides:
      limits: {processes: 100, wall-clock: 1h, memory: 2GiB, cpu: 1.5, io-read: 50MiB/s, disk: 10GiB}
      project: {limits: {memory: 8GiB, cpu: 6, io-write-operations: 1000}}
    """

private let grantingUser = """
    profile: shell
    overrides:
      filesystem:
        binds+:
          - {source: ~/data, target: /data, mode: ro, optional: true}
          - {source: ~/work, target: /work, mode: rw, optional: true}
      environment:
        pass+: [SECRET]
      credentials+:
        - env: TOKEN
      network:
        mode: open
        allow: [github, "*.example.com:443", "10.1.0.0/16:5432", {host: a.test, ports: [80], methods: [GET]}]
        deny: [pypi, evil.test]
        dns: {servers: ["127.0.0.1:5353"]}
        upstream-proxy: http://proxy.example:3128
      limits:
        wall-clock: 1h
        processes: 100
        file-size: 1GiB
        memory-high: 1GiB
        swap: 0
        cpu-weight: 50
        io-write: 1048576
        io-read-operations: 500
        cpu-time: 2h
        process-starts: 600
        disk-files: 100000
        output: 64MiB
        enforcement: strict
      project:
        limits: {swap: 1GiB, processes: 500, io-read: 100 MB/s, cpu-weight: 200}
    """

/// Written apart from Narrowing.swift: what an untrusted file must never bring about, by the policy that
/// comes out.
private func requireNoMore(_ after: Policy, than before: Policy, granting: Bool) {
    requireNoMore(after.network, than: before.network)
    let binds = after.filesystem.binds.allSatisfy { bind in
        before.filesystem.binds.contains {
            $0.source == bind.source && $0.target == bind.target
                && ($0.mode == bind.mode || bind.mode == .readOnly)
        }
    }
    require(binds, "binds: \(after.filesystem.binds)")
    require(
        after.filesystem.workspace == before.filesystem.workspace || after.filesystem.workspace == .readOnly,
        "the workspace"
    )
    require(after.filesystem.system.allSatisfy(before.filesystem.system.contains), "system directories")
    require(after.filesystem.etc.allSatisfy(before.filesystem.etc.contains), "files of /etc")
    require(after.credentials.allSatisfy(before.credentials.contains), "credentials")
    require(after.environment.pass.allSatisfy(before.environment.pass.contains), "passed variables")
    require(after.syscalls.allow.allSatisfy(before.syscalls.allow.contains), "system calls")
    require(before.syscalls.deny.allSatisfy(after.syscalls.deny.contains), "denied system calls")
    requireLimit(after.limits.wallClockSeconds, before.limits.wallClockSeconds, "wall clock")
    requireLimit(after.limits.idleSeconds, before.limits.idleSeconds, "idle")
    requireLimit(after.limits.openFiles, before.limits.openFiles, "open files")
    requireLimit(after.limits.fileBytes, before.limits.fileBytes, "file size")
    requireLimit(after.limits.logBytes, before.limits.logBytes, "log size")
    requireLimit(after.limits.cpuSeconds, before.limits.cpuSeconds, "processor time")
    requireLimit(after.limits.startsPerMinute, before.limits.startsPerMinute, "process starts")
    requireLimit(after.limits.diskBytes, before.limits.diskBytes, "disk")
    requireLimit(after.limits.diskFiles, before.limits.diskFiles, "files on disk")
    requireLimit(after.limits.outputBytes, before.limits.outputBytes, "output")
    require(
        after.limits.enforcement == before.limits.enforcement || after.limits.enforcement == .strict,
        "enforcement"
    )
    requireLimits(after.limits.shares, before.limits.shares, "limits")
    requireLimits(after.projectLimits, before.projectLimits, "project.limits")
    requireLimit(after.filesystem.temporaryBytes, before.filesystem.temporaryBytes, "size of /tmp")
    if granting { require(after.harness == before.harness, "the command of a profile that grants something") }
}

/// What a rule gives is one more item, what is denied one fewer; where the agent may reach less altogether, the rest may
/// be anything.
private func requireNoMore(_ after: NetworkSettings, than before: NetworkSettings) {
    let order: [NetworkMode] = [.none, .allow, .open, .host]
    require(order.firstIndex(of: after.mode) ?? 9 <= order.firstIndex(of: before.mode) ?? 0, "the network")
    let targets = Set(before.allow.map(\.description))
    require(after.allow.allSatisfy { targets.contains($0.description) }, "network.allow")
    let denied = Set(after.deny.map(\.description))
    require(before.deny.allSatisfy { denied.contains($0.description) }, "network.deny")
    require(after.dnsServers == before.dnsServers, "name servers")
    require(after.upstreamProxy == before.upstreamProxy, "the host's proxy")
    require(!after.allowsHiddenNames || before.allowsHiddenNames, "hidden names")
}

private func requireLimits(_ after: ResourceLimits, _ before: ResourceLimits, _ section: String) {
    requireLimit(after.memoryBytes, before.memoryBytes, "\(section).memory")
    requireLimit(after.memoryHighBytes, before.memoryHighBytes, "\(section).memory-high")
    requireLimit(after.swapBytes, before.swapBytes, "\(section).swap")
    requireLimit(after.processes, before.processes, "\(section).processes")
    requireLimit(after.cpuMillicores, before.cpuMillicores, "\(section).cpu")
    requireLimit(after.cpuWeight ?? 100, before.cpuWeight ?? 100, "\(section).cpu-weight")
    requireLimit(after.ioReadBytes, before.ioReadBytes, "\(section).io-read")
    requireLimit(after.ioWriteBytes, before.ioWriteBytes, "\(section).io-write")
    requireLimit(after.ioReadOperations, before.ioReadOperations, "\(section).io-read-operations")
    requireLimit(after.ioWriteOperations, before.ioWriteOperations, "\(section).io-write-operations")
}

private func requireLimit(_ after: Int64?, _ before: Int64?, _ name: String) {
    require((after ?? .max) <= (before ?? .max), "the limit: \(name)")
}

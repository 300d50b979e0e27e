// Plans for simple policies: their order, what they refuse, and the flags that every mount has. The host is
// only looked at; nothing is mounted.

import ClocheModel
import Glibc
import LinuxSystem
import Testing

@testable import SandboxRuntime

/// What a policy of these tests names on the host; removed when the value goes.
private final class HostPlaces {
    let path: String

    init() throws {
        path = "/tmp/cloche-planner-test.\(getpid()).\(UInt32.random(in: 0...UInt32.max))"
        for name in ["work", "home", "data"] { try Files.makeDirectories("\(path)/\(name)") }
        try Files.writeAtomically("\(path)/token", Array("secret".utf8))
        try Files.makeSymbolicLink("\(path)/link", to: "data")
    }

    // What stays behind is in the temporary directory.
    deinit { try? Files.removeTree(path) }
}

@Suite struct PlannerTests {
    private let places: HostPlaces
    private var folder: String { places.path }

    init() throws { places = try HostPlaces() }

    private func request(_ change: (inout Policy) -> Void = { _ in }) -> SandboxRequest {
        var policy = Policy(
            profile: "test",
            harness: HarnessPolicy(command: ["sh"]),
            filesystem: FilesystemPolicy(system: ["/usr", "/etc/none"], etc: ["passwd", "none"])
        )
        change(&policy)
        return SandboxRequest(
            policy: policy,
            identity: SandboxIdentity(
                user: 1000,
                group: 1000,
                hostUser: 1000,
                hostGroup: 1000,
                startedByRoot: false
            ),
            hostname: "fixer",
            executable: "/bin/sh",
            workspace: SandboxRequest.Place(source: folder + "/work", target: "/workspace", mode: .readWrite),
            home: folder + "/home"
        )
    }

    private func plan(_ change: (inout Policy) -> Void = { _ in }) throws -> SandboxPlan {
        try Planner.plan(request(change))
    }

    /// The step that fills a target last.
    private func last(_ target: String, in plan: SandboxPlan) throws -> PlanOperation {
        try #require(plan.operations.last { $0.target == target })
    }

    private func source(_ operation: PlanOperation, in plan: SandboxPlan) throws -> MountSource {
        guard case .bind(let index) = operation.action else {
            throw ClocheError(.sandbox, "no bind at \(operation.target)")
        }
        return plan.sources[index]
    }

    // MARK: Order

    @Test func isTheSameEachTime() throws {
        let request = request {
            $0.filesystem.writable = ["/usr/local", "/var/cache"]
            $0.filesystem.binds = [BindPolicy(source: folder + "/data", target: "/opt/data")]
        }
        let plans = try [Planner.plan(request), Planner.plan(request)]
        #expect(plans[0] == plans[1])
        #expect(plans[0].lines == plans[1].lines)
    }

    @Test func theExecutableHasNoLinksAndTheRootIsSealedLast() throws {
        let plan = try plan()
        #expect(plan.executable == (try Files.canonicalPath("/bin/sh")))
        #expect(plan.operations.last?.action == .seal([.readOnly, .noSetID, .noDevices]))
        #expect(plan.operations.last?.target == "")
    }

    /// What is mounted later may cover what came before: the agent's own things come after the system's, and
    /// the credentials after everything.
    @Test func partsComeInTheirOrder() throws {
        let plan = try plan {
            $0.filesystem.binds = [BindPolicy(source: folder + "/data", target: "/opt/data")]
            $0.credentials = [
                CredentialPolicy(.file(source: folder + "/token", target: "/home/agent/.token"))
            ]
        }
        let targets = [
            "usr", "etc", "home/agent", "workspace", "tmp", "run", "dev", "proc", "opt/data",
            "home/agent/.token",
        ]
        let positions = try targets.map { target in
            try #require(
                plan.operations.firstIndex {
                    switch $0.action {
                    case .bind, .filesystem: $0.target == target
                    default: false
                    }
                },
                "\(target)"
            )
        }
        #expect(positions == positions.sorted())
    }

    @Test func everyMountHasAPlaceThatWasMadeBefore() throws {
        let plan = try plan {
            $0.filesystem.writable = ["/usr/local", "/var/cache"]
            $0.filesystem.binds = [
                BindPolicy(source: folder + "/data", target: "/a/b/c"),
                BindPolicy(source: folder + "/token", target: "/a/b/file"),
            ]
        }
        var made: Set<String> = [""]
        var covered: Set<String> = []
        for operation in plan.operations {
            switch operation.action {
            case .directory, .mountPoint, .symlink, .file:
                made.insert(operation.target)
            case .bind, .filesystem:
                let isMade = made.contains(operation.target)
                // Below another mount the place is part of what is mounted there.
                let isBelow = covered.contains { operation.target.hasPrefix($0 + "/") }
                #expect(isMade || isBelow, "\(operation.target)")
                covered.insert(operation.target)
            default: continue
            }
        }
    }

    // MARK: Flags

    @Test func nothingCarriesSetIDAndNothingButDevicesIsADevice() throws {
        let plan = try plan {
            $0.filesystem.writable = ["/usr/local"]
            $0.filesystem.binds = [
                BindPolicy(source: folder + "/data", target: "/opt/data", mode: .readWrite)
            ]
            $0.credentials = [
                CredentialPolicy(.file(source: folder + "/token", target: "/home/agent/.token"))
            ]
        }
        for source in plan.sources {
            #expect(source.attributes.contains(.noSetID), "\(source.path)")
            let isDevice = source.path.hasPrefix("/dev/")
            #expect(source.attributes.contains(.noDevices) != isDevice, "\(source.path)")
        }
        for operation in plan.operations {
            guard case .filesystem(let kind, _, let attributes) = operation.action else { continue }
            #expect(attributes.contains(.noSetID), "\(operation.target)")
            // The tmpfs that the devices are bound into holds none itself; devpts is made of them.
            let holdsDevices = operation.target == "dev" || kind == "devpts"
            #expect(attributes.contains(.noDevices) != holdsDevices, "\(operation.target)")
        }
    }

    @Test func writableIsOnlyWhatIsTheAgentsOwn() throws {
        let plan = try plan {
            $0.filesystem.binds = [
                BindPolicy(source: folder + "/data", target: "/opt/read"),
                BindPolicy(source: folder + "/data", target: "/opt/write", mode: .readWrite),
            ]
        }
        let writable = plan.sources.filter {
            !$0.attributes.contains(.readOnly) && $0.path.hasPrefix("/dev/") == false
        }
        #expect(writable.map(\.path) == [folder + "/home", folder + "/work", folder + "/data"])
        #expect(try source(last("opt/write", in: plan), in: plan).attributes == [.noSetID, .noDevices])
        #expect(try source(last("opt/read", in: plan), in: plan).attributes.contains(.readOnly))
        #expect(try source(last("usr", in: plan), in: plan).attributes.contains(.readOnly))
    }

    @Test func procIsMasked() throws {
        let plan = try plan()
        for name in ["keys", "kallsyms", "kcore"] {
            // Not in this kernel.
            guard let status = try? Files.status("/proc/\(name)") else { continue }
            let masked = plan.operations.contains { $0.target == "proc/\(name)" }
            // What only the host's root may open is closed to everyone inside already.
            #expect(masked == (status.mode & 0o066 != 0), "\(name)")
        }
        #expect(try last("proc/sys", in: plan).action == .readOnly)
    }

    // MARK: Agent's own

    @Test func credentialsAreFilesThatNobodyChangesOrRuns() throws {
        let plan = try plan {
            $0.credentials = [
                CredentialPolicy(.environment(name: "KEY"), required: true),
                CredentialPolicy(.file(source: folder + "/token", target: "/home/agent/.config/token")),
                CredentialPolicy(.file(source: folder + "/none", target: "/home/agent/.none")),
            ]
        }
        let credential = try source(last("home/agent/.config/token", in: plan), in: plan)
        #expect(credential.path == folder + "/token")
        #expect(credential.attributes == [.readOnly, .noSetID, .noDevices, .noExec])
        #expect(!plan.operations.contains { $0.target.hasSuffix(".none") })
        // The plan is printed and kept: it names the file and never holds what is in it.
        #expect(!"\(plan)".contains("secret"))
    }

    @Test func aRequiredCredentialMustBeThere() throws {
        let error = #expect(throws: ClocheError.self) {
            try plan {
                $0.credentials = [
                    CredentialPolicy(
                        .file(source: folder + "/none", target: "/home/agent/.none"),
                        required: true
                    )
                ]
            }
        }
        #expect(error?.code == .configuration && error?.why.contains(folder + "/none") == true)
    }

    @Test func aSourceIsWhatALinkNamesNow() throws {
        let data = try Files.status(folder + "/data")
        let plan = try plan {
            $0.filesystem.binds = [BindPolicy(source: folder + "/link", target: "/opt/data")]
        }
        let bound = try source(last("opt/data", in: plan), in: plan)
        #expect(bound.path == folder + "/data" && bound.inode == data.inode && bound.device == data.device)
    }

    @Test func onlyOptionalSourcesMayBeMissing() throws {
        let missing = BindPolicy(source: folder + "/none", target: "/opt/none", optional: true)
        #expect(throws: Never.self) { try Planner.plan(request { $0.filesystem.binds = [missing] }) }
        var required = missing
        required.optional = false
        let error = #expect(throws: ClocheError.self) { try plan { $0.filesystem.binds = [required] } }
        #expect(error?.code == .configuration && error?.what.contains(folder + "/none") == true)
    }

    static let refused = [
        "/proc", "/proc/", "//proc", "/proc/sys", "/sys", "/sys/fs/cgroup", "/dev", "/dev/null", "/dev//shm",
        "/run/cloche", "/run/cloche/git", "/", "", "relative", "/opt/../proc", "/..", "/./proc", "/a/./b",
        "/a/..",
    ]

    @Test(arguments: refused) func noBindTakesTheSandboxsOwnPlaces(_ target: String) throws {
        let error = #expect(throws: ClocheError.self) {
            try plan { $0.filesystem.binds = [BindPolicy(source: folder + "/data", target: target)] }
        }
        #expect(error?.code == .configuration)
    }

    @Test(arguments: refused) func noCredentialDoesEither(_ target: String) throws {
        let credential = CredentialPolicy(.file(source: folder + "/token", target: target))
        let error = #expect(throws: ClocheError.self) { try plan { $0.credentials = [credential] } }
        #expect(error?.code == .configuration)
    }

    static let allowed = ["/process", "/system/x", "/devices", "/run/clochette", "/opt/..data", "/a//b"]

    @Test(arguments: allowed) func namesThatOnlyLookLikeThemAreFine(_ target: String) throws {
        let plan = try plan { $0.filesystem.binds = [BindPolicy(source: folder + "/data", target: target)] }
        #expect(plan.sources.contains { $0.path == folder + "/data" })
    }

    // MARK: Network, identity

    @Test func withoutANetworkThereIsLoopbackOnly() throws {
        let plan = try plan()
        #expect(!plan.sharesNetwork && plan.namespaces.contains("net"))
        #expect(plan.operations.contains { $0.action == .loopback })
    }

    @Test func withTheHostsNetworkItsNamespaceIsShared() throws {
        let plan = try plan { $0.network.mode = .host }
        #expect(plan.sharesNetwork && !plan.namespaces.contains("net"))
        #expect(!plan.operations.contains { $0.action == .loopback })
    }

    @Test func generatedFilesNameTheAgentAndNobodyOfTheHost() throws {
        let plan = try plan { $0.filesystem.etc = [] }
        // In the agent's own layer, before it is joined with the host's.
        guard case .file(let content, 0o644) = try last("run/memory/layers/etc/files/passwd", in: plan).action
        else {
            Issue.record("etc/passwd is no generated file")
            return
        }
        #expect(
            content.split(separator: "\n").map { $0.split(separator: ":").first } == [
                "root", "agent", "nobody",
            ]
        )
        #expect(content.contains("agent:x:1000:1000:"))
    }
}

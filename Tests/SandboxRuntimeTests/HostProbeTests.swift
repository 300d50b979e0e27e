// The parts of `doctor` that decide by text: facts, mount table, cgroups, versions, and the form of a check.

import ClocheModel
import ControlGroups
import LinuxSystem
import Testing

@testable import SandboxRuntime

@Suite struct HostFactsTests {
    private func facts(_ files: [String: String], isRoot: Bool = false) -> HostFacts {
        HostFacts(isRoot: isRoot, exists: { files[$0] != nil }, read: { files[$0] })
    }

    private static let root = "22 1 8:1 / / rw - ext4 /dev/vda rw\n"
    private static let hosts = "30 22 0:5 /x /etc/hosts rw - ext4 /dev/vda rw\n"

    @Test func settings() {
        let found = facts([
            "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1\n",
            "/proc/sys/kernel/unprivileged_userns_clone": "0\n",
            "/proc/sys/user/max_user_namespaces": "0\n",
            "/proc/sys/user/max_net_namespaces": "96000\n",
            "/proc/self/ns/user": "",
            "/proc/self/status": "Name:\tcloche\nSeccomp:\t2\nSeccomp_filters:\t1\n",
        ])
        #expect(found.appArmorRestricts && found.debianForbids && found.seccompFiltered)
        #expect(found.hasUserNamespaces)
        #expect(found.zeroLimits == ["user.max_user_namespaces"])
    }

    @Test func nothingReadableForbidsNothing() {
        let found = facts([:])
        #expect(!found.appArmorRestricts && !found.debianForbids && !found.seccompFiltered)
        #expect(found.zeroLimits.isEmpty && found.rootIsMount && found.container == nil)
        #expect(found.isInitialUserNamespace && found.hasUserID(1_878_000_001))
    }

    @Test func noFilterIsNoFilter() {
        #expect(!facts(["/proc/self/status": "Seccomp:\t0\nSeccomp_filters:\t2\n"]).seccompFiltered)
    }

    @Test func aChrootHasNoMountAtItsRoot() {
        #expect(facts(["/proc/self/mountinfo": Self.root]).rootIsMount)
        #expect(!facts(["/proc/self/mountinfo": "30 22 0:5 / /proc rw - proc proc rw\n"]).rootIsMount)
    }

    private static let containers: [(files: [String: String], engine: String?)] = [
        (["/.dockerenv": "", "/proc/self/mountinfo": root], nil),
        (["/.dockerenv": "", "/proc/self/mountinfo": root + hosts], "docker"),
        (["/run/.containerenv": "", "/proc/self/mountinfo": root + hosts], "podman"),
        (["/var/run/secrets/kubernetes.io": "", "/proc/self/mountinfo": root + hosts], "kubernetes"),
        (["/run/systemd/container": "systemd-nspawn\n", "/proc/self/mountinfo": root], "systemd-nspawn"),
    ]

    @Test(arguments: containers.indices) func engines(index: Int) {
        let item = Self.containers[index]
        #expect(facts(item.files).container == item.engine)
    }

    @Test func idsOfAUserNamespace() {
        let found = facts([
            "/proc/self/uid_map": "         0       1000          1\n         1     100000      65536\n"
        ])
        #expect(!found.isInitialUserNamespace)
        #expect(found.hasUserID(0) && found.hasUserID(65536) && !found.hasUserID(65537))
        #expect(facts(["/proc/self/uid_map": "         0          0 4294967295\n"]).isInitialUserNamespace)
    }

    @Test func mountPointsWithBlanks() {
        let table =
            Self.root
            + "31 22 8:1 / /mnt/my\\040disk\\134x rw shared:1 master:2 - ext4 /dev/vdb rw\nnonsense\n"
        let found = facts(["/proc/self/mountinfo": table])
        #expect(found.mountPoints == ["/", "/mnt/my disk\\x"])
        #expect(found.mounts(below: "/mnt") == ["/mnt/my disk\\x"])
        #expect(found.mounts(below: "/") == ["/mnt/my disk\\x"])
        #expect(found.mounts(below: "/mn").isEmpty)
    }
}

@Suite struct CgroupCheckTests {
    private func place(_ way: CgroupPlace.Way, _ controllers: [String] = []) -> CgroupPlace {
        var place = CgroupPlace(way)
        place.controllers = controllers
        return place
    }

    @Test func controllersThatTheManagerKeeps() {
        let found = place(.systemd(sockets: ["/run/user/1000/bus"]), ["memory", "pids"])
        let check = HostProbe.cgroup(found, systemd: true, HostFacts())
        #expect(check.status == .degraded && check.detail.hasSuffix("without cpu, io"))
        #expect(check.remedy.contains("/etc/systemd/system/user@.service.d/delegate.conf"))
    }

    @Test func allControllers() {
        let found = place(.tree("/sys/fs/cgroup/mine"), ["cpuset", "cpu", "io", "memory", "pids"])
        #expect(HostProbe.cgroup(found, systemd: false, HostFacts()).status == .ok)
    }

    @Test func noneAtAll() {
        let found = place(.none(.notDelegated))
        #expect(HostProbe.cgroup(found, systemd: false, HostFacts()).remedy.contains("chown"))
        var inside = HostFacts()
        inside.container = "docker"
        #expect(HostProbe.cgroup(found, systemd: false, inside).remedy.contains("--cgroupns=private"))
        #expect(
            HostProbe.cgroup(place(.none(.notMounted)), systemd: false, HostFacts()).remedy.contains(
                "mount -t cgroup2"
            )
        )
    }

    @Test func legacyHierarchies() {
        var found = place(.none(.notDelegated))
        found.isLegacy = true
        let check = HostProbe.cgroup(found, systemd: true, HostFacts())
        #expect(check.detail.contains("cgroup v1") && check.remedy.contains("unified_cgroup_hierarchy"))
    }

    @Test func processesInTheWay() {
        var found = place(.tree("/sys/fs/cgroup/mine"), [])
        found.crowdedBy = "/sys/fs/cgroup/mine"
        let check = HostProbe.cgroup(found, systemd: false, HostFacts())
        #expect(
            check.detail.contains("directly in") && check.remedy.contains("mkdir /sys/fs/cgroup/mine/shell")
        )
    }
}

@Suite struct HostCheckTests {
    @Test(arguments: [
        ("git version 2.38.0\n", true), ("git version 2.39.5 (Apple Git-154)\n", true),
        ("git version 3.0\n", true),
        ("git version 2.37.9\n", false), ("git version 1.99\n", false),
    ])
    func gitVersions(text: String, good: Bool) throws {
        #expect((try #require(GitVersion(text)) >= .oldest) == good)
    }

    @Test(arguments: ["", "git version", "git version two", "hub version 2.50.1", "git version 2"])
    func whatIsNoVersion(text: String) { #expect(GitVersion(text) == nil) }

    @Test func theDocument() {
        let check = HostFeature("own-proc", "an own /proc", for: "every sandbox").missing(
            "mount: no",
            "unmask it"
        )
        #expect(
            check.document
                == .object([
                    "id": .string("own-proc"), "title": .string("an own /proc"), "status": .string("missing"),
                    "detail": .string("mount: no"), "remedy": .string("unmask it"),
                    "required-for": .string("every sandbox"),
                ])
        )
    }

    @Test func rootOfAUserNamespaceHasNoIdmappedMounts() {
        var facts = HostFacts()
        #expect(HostProbe.idmapRemedy(.notPermitted, facts).contains("CAP_SYS_ADMIN"))
        facts.userIDs = [SubordinateRange(first: 0, count: 1)]
        #expect(HostProbe.idmapRemedy(.notPermitted, facts).contains("root of a user namespace"))
        #expect(HostProbe.idmapRemedy(Errno(22), HostFacts()).contains("ext4"))
    }
}

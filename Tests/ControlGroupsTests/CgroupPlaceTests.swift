// Where cgroups can be made, decided by what the host's files say.

import Testing

@testable import ControlGroups

@Suite struct CgroupPlaceTests {
    private static let v2 = "30 22 0:5 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
    private static let v1 = "31 22 0:6 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    private static let manager = "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service"
    private static let bus = "/run/user/1000/bus"

    private func find(
        _ files: [String: String],
        writable: [String] = [],
        there: [String] = [],
        user: UInt32 = 1000
    ) -> CgroupPlace {
        CgroupPlace.find(
            CgroupPlace.Questions(
                user: user,
                mayWrite: { path in
                    writable.contains { path == $0 || path.hasPrefix($0 + "/") }
                },
                exists: { there.contains($0) },
                read: { files[$0] }
            )
        )
    }

    private var session: [String: String] {
        [
            "/proc/self/mountinfo": Self.v2,
            "/proc/self/cgroup": "0::/user.slice/user-1000.slice/session-3.scope\n",
            "/sys/fs/cgroup/cgroup.controllers": "cpu io memory pids\n",
            Self.manager + "/cgroup.controllers": "memory pids\n",
        ]
    }

    @Test func theUserManagerIsAsked() {
        let found = find(session, writable: [Self.manager], there: ["/run/systemd/system", Self.bus])
        #expect(found.way == .systemd(sockets: [Self.bus]))
        #expect(found.lacking == ["cpu", "io"] && found.mount == "/sys/fs/cgroup")
    }

    @Test func aManagerWithoutASocketOrWithoutACgroupOfOursIsNone() {
        let without = find(session, writable: [Self.manager], there: ["/run/systemd/system"])
        let foreign = find(session, there: ["/run/systemd/system", Self.bus])
        #expect(without.way == .none(.notDelegated) && foreign.way == .none(.notDelegated))
    }

    @Test func rootAsksTheSystemsManager() {
        let socket = "/run/dbus/system_bus_socket"
        let found = find(
            session,
            writable: ["/sys/fs/cgroup"],
            there: ["/run/systemd/system", socket],
            user: 0
        )
        #expect(found.way == .systemd(sockets: [socket]) && found.lacking.isEmpty)
    }

    private func tree(_ more: [String: String], _ writable: [String]) -> CgroupPlace {
        let files = [
            "/proc/self/mountinfo": Self.v2, "/proc/self/cgroup": "0::/mine/shell\n",
            "/sys/fs/cgroup/mine/cgroup.controllers": "cpuset cpu io memory pids\n",
            "/sys/fs/cgroup/mine/cgroup.type": "domain\n",
        ]
        return find(files.merging(more) { $1 }, writable: writable)
    }

    @Test func theUppermostCgroupThatMayBeWritten() {
        let found = tree([:], ["/sys/fs/cgroup/mine"])
        #expect(found.way == .tree("/sys/fs/cgroup/mine") && found.lacking.isEmpty)
        #expect(tree([:], ["/sys/fs/cgroup/mine/shell"]).way == .tree("/sys/fs/cgroup/mine/shell"))
    }

    @Test func processesInItKeepItsControllers() {
        let found = tree(
            [
                "/sys/fs/cgroup/mine/cgroup.procs": "17\n",
                "/sys/fs/cgroup/mine/cgroup.subtree_control": "pids\n",
            ],
            ["/sys/fs/cgroup/mine"]
        )
        #expect(found.controllers == ["pids"] && found.crowdedBy == "/sys/fs/cgroup/mine")
    }

    @Test func noneAtAll() {
        #expect(
            find(["/proc/self/mountinfo": Self.v2, "/proc/self/cgroup": "0::/\n"]).way == .none(.notDelegated)
        )
        #expect(find(["/proc/self/mountinfo": Self.v1]).way == .none(.notMounted))
    }

    @Test func controllersThatVersionOneHolds() {
        let files = ["/proc/self/mountinfo": Self.v1 + Self.v2, "/proc/self/cgroup": "4:memory:/\n0::/\n"]
        #expect(find(files).isLegacy)
        let bound = files.merging(["/sys/fs/cgroup/cgroup.controllers": "memory"]) { $1 }
        #expect(!find(bound).isLegacy)
    }

    @Test(
        arguments: [
            ("0::/a/b\n", "/", "/a/b"), ("1:name=systemd:/x\n0::/\n", "/", ""), ("0::/a/b\n", "/a", "/b"),
            ("0::/a\n", "/a", ""), ("0::/ab\n", "/a", nil), ("4:memory:/a\n", "/", nil),
        ] as [(String, String, String?)]
    )
    func ownPath(text: String, root: String, path: String?) {
        #expect(CgroupPlace.path(text, below: root) == path)
    }
}

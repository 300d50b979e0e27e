// The copy of /etc: that it is kept, made anew when it is not true any more, and cleared away when nobody uses it.

import ClocheModel
import Glibc
import LinuxSystem
import Testing

@testable import SandboxRuntime

private final class Cache {
    let path = "/tmp/cloche-etc-test.\(getpid()).\(UInt32.random(in: 0...UInt32.max))"

    // What stays behind is in the temporary directory.
    deinit { try? Files.removeTree(path) }

    var trees: [String] {
        get throws { try Files.list(path).filter { Files.isDirectory("\(path)/\($0)") } }
    }
}

@Suite struct EtcTreeTests {
    private let cache = Cache()

    private func make(_ names: [String]) -> EtcTree? {
        let filesystem = FilesystemPolicy(etc: names)
        let policy = Policy(profile: "test", harness: HarnessPolicy(command: ["sh"]), filesystem: filesystem)
        return EtcTree.current(policy, cache: cache.path)
    }

    @Test func holdsWhatEverybodyMayReadAndNothingElse() throws {
        let tree = try #require(make(["passwd", "shadow", "none", "*-release"]))
        #expect(try Files.read(tree.path + "/passwd") == Files.read("/etc/passwd"))
        #expect(try Files.read(tree.path + "/os-release") == Files.read("/etc/os-release"))
        #expect(!Files.exists(tree.path + "/shadow") && !Files.exists(tree.path + "/none"))
    }

    @Test func isKept() throws {
        let first = try #require(make(["passwd"])).path
        let inode = try Files.status(first).inode
        let second = try #require(make(["passwd"])).path
        #expect(try second == first && Files.status(second).inode == inode)
    }

    /// The manifest of another state of the host: the tree of that state is not used, and goes with the next.
    @Test func isMadeAnewWhenItIsNotTrueAnyMore() throws {
        let path = try #require(make(["passwd"])).path
        try Files.rename(path, path + "0")
        let fresh = try #require(make(["passwd"]))
        #expect(fresh.path == path)
        #expect(try cache.trees == [path.lastComponent])
    }

    @Test func isNotRemovedWhileItIsUsed() throws {
        let used = try #require(make(["passwd"]))
        try Files.rename(used.path, used.path + "0")
        _ = make(["passwd"])
        #expect(try cache.trees.count == 2)
        withExtendedLifetime(used) {}
    }

    @Test func isNotTakenFromWhereOthersMayWrite() throws {
        try Files.makeDirectory(cache.path, mode: 0o777)
        unsafe chmod(cache.path, 0o777)
        #expect(make(["passwd"]) == nil)
    }
}

// Protected names of a directory: which places they are, what is made for those that are absent, and when that goes. The
// mounts themselves are tried in Tests/EscapeTests.

import ClocheModel
import Glibc
import LinuxSystem
import Testing

@testable import SandboxRuntime

private final class Directory {
    let path: String
    let records: String

    init() throws {
        let base = "/tmp/cloche-guard-test.\(getpid()).\(UInt32.random(in: 0...UInt32.max))"
        (path, records) = (base + "/work", base + "/records")
        try Files.makeDirectories(path)
    }

    // What stays behind is in the temporary directory.
    deinit { try? Files.removeTree(path.parentPath) }

    func write(_ name: String, _ text: String = "x") throws {
        try Files.makeDirectories("\(path)/\(name)".parentPath)
        try Files.writeAtomically("\(path)/\(name)", Array(text.utf8))
    }

    func link(_ name: String, to target: String) throws {
        try Files.makeSymbolicLink("\(path)/\(name)", to: target)
    }

    /// The places of names: an exclamation mark before those in which nothing may change.
    func places(_ names: [String]) throws -> [String] {
        try ProtectedPlaces(names.map { ProtectedName($0) }, in: path).all.map {
            ($0.isFixed ? "!" : "") + $0.path
        }
    }

    func stubs(_ names: [String]) throws -> [PlanStub] {
        try ProtectedPlaces(names.map { ProtectedName($0) }, in: path).stubs
    }

    func request(_ names: [String]) -> SandboxRequest {
        let filesystem = FilesystemPolicy(protect: names)
        return SandboxRequest(
            policy: Policy(profile: "test", harness: HarnessPolicy(command: []), filesystem: filesystem),
            identity: .current(key: path),
            hostname: "test",
            executable: "/bin/sh",
            workspace: .init(source: path, target: "/workspace", mode: .readWrite, isResolved: true),
            stubRecords: records
        )
    }

    /// What a sandbox with these names does before it is built.
    func guarded(_ names: [String]) throws -> WorkspaceGuard {
        let guardian = try #require(try WorkspaceGuard(of: request(names)))
        try guardian.make(stubs(names))
        return guardian
    }

    var names: [String] { get throws { try Files.list(path) } }
}

@Suite struct ProtectedPlacesTests {
    private let directory: Directory

    init() throws { directory = try Directory() }

    @Test func whatIsThereIsKeptWithTheDirectoriesAboveIt() throws {
        try directory.write("a/b/c")
        try directory.write("f")
        #expect(try directory.places(["a/b/c", "f", "a/b"]) == ["a", "!a/b", "!a/b/c", "!f"])
        #expect(try directory.stubs(["a/b/c", "f"]).isEmpty)
    }

    @Test func whatIsAbsentGetsAStub() throws {
        try directory.write("a/x")
        #expect(try directory.places(["a/b/c", "d/", "*.x", "**/y"]) == ["a", "a/b", "!a/b/c", "!d"])
        #expect(
            try directory.stubs(["a/b/c", "d/", "*.x", "**/y"]) == [
                PlanStub(path: "a/b", kind: .directory), PlanStub(path: "a/b/c", kind: .file),
                PlanStub(path: "d", kind: .directory),
            ]
        )
    }

    @Test func nothingIsMadeInWhatIsKept() throws {
        try directory.write(".vscode/settings.json")
        #expect(try directory.places([".vscode/", ".vscode/tasks.json"]) == ["!.vscode"])
        #expect(try directory.stubs([".vscode/", ".vscode/tasks.json", ".x/", ".x/y"]).map(\.path) == [".x"])
    }

    @Test func aFileWhereADirectoryIsWantedStaysAFile() throws {
        try directory.write("a")
        #expect(try directory.places(["a/b"]) == ["!a"])
    }

    /// Every link on the way stays, and so does what the last one leads to.
    @Test func linksAreFollowedInTheDirectory() throws {
        try directory.write("real/deep/settings.json")
        try directory.link("one", to: "real/../two")
        try directory.link("two", to: "./real/deep")
        #expect(
            try directory.places(["one/settings.json"]).sorted() == [
                "!real/deep/settings.json", "one", "real", "real/deep", "two",
            ]
        )
        try directory.link("loose", to: "real/new")
        #expect(try directory.places(["loose"]).sorted() == ["!real/new", "loose", "real"])
        #expect(try directory.stubs(["loose/"]) == [PlanStub(path: "real/new", kind: .directory)])
    }

    @Test func aLinkOutIsKeptAsItIs() throws {
        try directory.link("out", to: "/usr/share")
        try directory.link("up", to: "../..")
        #expect(try directory.places(["out/", "up"]) == ["out", "up"])
    }

    @Test(arguments: ["nowhere", "back", "self", "loop", "odd"])
    func linksThatCannotBeKeptAreRefused(_ name: String) throws {
        try directory.link("nowhere", to: "/nonexistent/x")
        try directory.link("back", to: directory.path + "/real")
        try directory.link("self", to: ".")
        try directory.link("loop", to: "loop")
        try directory.link("odd", to: "missing/../x")
        try directory.write("real/x")
        #expect(throws: ClocheError.self) { try directory.places([name]) }
    }
}

@Suite struct WorkspaceGuardTests {
    private let directory: Directory
    private let names = [".git/", ".mcp.json", ".github/hooks/", ".npmrc"]
    private let made = [".git", ".github", ".mcp.json", ".npmrc"]

    init() throws { directory = try Directory() }

    @Test func stubsGoWithTheirHolder() throws {
        let guardian = try directory.guarded(names)
        #expect(try directory.names == made)
        #expect(try Files.readText(directory.path + "/.mcp.json") == "{}\n")
        #expect(try Files.readText(directory.path + "/.npmrc") == "")
        #expect(Files.isDirectory(directory.path + "/.github/hooks"))
        withExtendedLifetime(guardian) {}
        _ = consume guardian
        #expect(try directory.names.isEmpty)
        #expect(try Files.list(directory.records).isEmpty)
    }

    @Test func stubsStayUntilTheLastHolderIsGone() throws {
        var holders = [try directory.guarded(names), try directory.guarded(names + [".envrc/"])]
        holders.removeFirst()
        #expect(try directory.names == [".envrc"] + made)
        holders.removeAll()
        #expect(try directory.names.isEmpty)
    }

    @Test func whatSomebodyUsesStays() throws {
        let guardian = try directory.guarded(names)
        try directory.write(".github/CODEOWNERS")
        try directory.write(".mcp.json", "{\"a\": 1}")
        // Made while the other is there: one that is made afterwards may be given its inode, and is then taken for it.
        try directory.write("new", "")
        try Files.rename(directory.path + "/new", directory.path + "/.npmrc")
        withExtendedLifetime(guardian) {}
        _ = consume guardian
        #expect(try directory.names == [".github", ".mcp.json", ".npmrc"])
        #expect(try Files.list(directory.path + "/.github") == ["CODEOWNERS"])
        #expect(try Files.list(directory.records).isEmpty)
    }

    /// A holder that was killed leaves its stubs and its record; also one that was killed while it made them.
    @Test(arguments: ["", "directory 0 .hg\n"])
    func theNextHolderTakesAwayWhatAKilledOneLeft(_ more: String) throws {
        let guardian = try directory.guarded(names)
        let record = "\(directory.records)/\(try #require(try Files.list(directory.records).first))"
        let text = try Files.readText(record)
        _ = consume guardian
        for name in [".git", ".github/hooks"] { try Files.makeDirectories("\(directory.path)/\(name)") }
        try directory.write(".mcp.json", "{}\n")
        try Files.writeAtomically(record, Array((text.replacingInode() + more).utf8))
        let next = try directory.guarded([".git/", ".npmrc"])
        #expect(try directory.names == made)
        withExtendedLifetime(next) {}
        _ = consume next
        #expect(try directory.names.isEmpty)
    }

    @Test func nothingToProtectIsNoGuard() throws {
        #expect(try WorkspaceGuard(of: directory.request([])) == nil)
        var request = directory.request(names)
        request.workspace?.mode = .readOnly
        #expect(try WorkspaceGuard(of: request) == nil)
        request = directory.request(names)
        request.stubRecords = nil
        #expect(try WorkspaceGuard(of: request) == nil)
    }
}

extension String {
    /// As a record is before the inodes are known.
    fileprivate func replacingInode() -> String {
        split(separator: "\n").map { line in
            let fields = line.split(separator: " ", maxSplits: 2)
            return "\(fields[0]) 0 \(fields[2])\n"
        }.joined()
    }
}

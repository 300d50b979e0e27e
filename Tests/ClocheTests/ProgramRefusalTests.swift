// What is refused: whatever somebody else can have put there. Each beside what is brought in without it.

import ClocheModel
import Glibc
import LinuxSystem
import Testing

@testable import Cloche

@Suite struct ProgramRefusalTests {
    private let tree: ProgramTree
    private let home = "/home/me"

    init() throws { tree = try ProgramTree() }

    /// Expects that the program is brought in as things are, and no longer after the change.
    private func expectRefusal(_ why: String, after change: () throws -> Void) rethrows {
        #expect(tree.bring().file != nil && tree.bring().refusal == nil, "the control")
        try change()
        let brought = tree.bring()
        #expect(brought.file == nil && brought.programs == HostPrograms())
        #expect(brought.refusal?.why.contains(why) == true, "\(String(describing: brought.refusal))")
    }

    @Test func linksInAWorkspace() throws {
        try tree.binary("\(home)/apps/tool")
        try tree.link("\(home)/work/repo/tool", "../../apps/tool")
        try tree.link("\(home)/.local/bin/tool", "../../work/repo/tool")
        expectRefusal("agents can write in \(home)/work/repo") { tree.writable = ["\(home)/work/repo"] }
        // One that lies elsewhere is taken as if there were no other.
        try tree.binary("\(home)/bin/tool")
        #expect(tree.bring().binds == ["\(home)/bin/tool"])
    }

    @Test func directoriesOnTheWay() throws {
        try tree.binary("\(home)/real/app/tool")
        try tree.link("\(home)/shared/app", "../real/app")
        try tree.link("\(home)/.local/bin/tool", "\(home)/shared/app/tool")
        expectRefusal("agents can write") { tree.writable = ["\(home)/shared"] }
    }

    @Test func programsInAWorkspace() throws {
        try tree.binary("\(home)/work/tool")
        tree.variables["PATH"] = "\(home)/work"
        expectRefusal("agents can write") { tree.writable = ["\(home)/work"] }
    }

    @Test func interpretersInAWorkspace() throws {
        try tree.binary("\(home)/work/python")
        try tree.script("\(home)/bin/tool", "\(home)/work/python")
        expectRefusal("agents can write") { tree.writable = ["\(home)/work"] }
    }

    @Test func interpretersByNameInAWorkspace() throws {
        try tree.binary("\(home)/work/node")
        try tree.package("\(home)/.npm-global", "tool")
        tree.variables["PATH"] = "\(home)/work:/usr/bin"
        expectRefusal("agents can write") { tree.writable = ["\(home)/work"] }
        try tree.binary("/usr/bin/node")
        #expect(tree.bring().binds == ["\(home)/.npm-global/lib/node_modules/tool"])
    }

    @Test func bindsInsideAPackage() throws {
        let path = "\(home)/.local/share/pipx/venvs/tool"
        try tree.environment(path, python: "/usr/bin/python3", program: "tool")
        expectRefusal("agents can write") { tree.writable = ["\(path)/lib"] }
    }

    @Test func basesOfEnvironmentsInAWorkspace() throws {
        let path = "\(home)/.local/share/pipx/venvs/tool"
        try tree.environment(path, python: "/usr/bin/python3", program: "tool")
        try tree.binary("\(home)/work/python/bin/python3")
        try tree.file("\(home)/work/python/lib/python3.11/os.py", "")
        try tree.file("\(path)/pyvenv.cfg", "home = \(home)/work/python/bin\n")
        expectRefusal("agents can write") { tree.writable = ["\(home)/work"] }
    }

    @Test(arguments: [".local/bin", ".local", "."])
    func directoriesThatOthersCanWrite(_ directory: String) throws {
        try tree.binary("\(home)/.local/bin/tool")
        try expectRefusal("others can write") { try tree.setMode("\(home)/\(directory)", 0o777) }
    }

    @Test func programsThatOthersCanWrite() throws {
        try tree.binary("\(home)/bin/tool")
        try expectRefusal("others can write") { try tree.setMode("\(home)/bin/tool", 0o757) }
    }

    @Test func groups() throws {
        try tree.binary("\(home)/bin/tool")
        tree.user = HostUser(id: CurrentUser.id) { _ in true }
        try tree.setMode("\(home)/bin", 0o775)
        expectRefusal("others can write") { tree.user = HostUser(id: CurrentUser.id) { _ in false } }
    }

    @Test func groupsWithoutOtherMembers() {
        let users = "root:x:0:0::/:\nme:x:1000:1000::/:\nyou:x:1001:100::/:\nbrother:x:1002:1003::/:\n"
        let groups = "root:x:0:\nme:x:1000:\nusers:x:100:\nwheel:x:10:me,you\nalone:x:11:me\nfamily:x:1003:\n"
        func isPrivate(_ group: UInt32) -> Bool {
            HostUser.isPrivate(group, of: "me", users: users, groups: groups)
        }
        #expect(isPrivate(1000) && isPrivate(11) && isPrivate(0))
        #expect(!isPrivate(100) && !isPrivate(10) && !isPrivate(1003) && !isPrivate(4242))
    }

    @Test func filesOfOtherUsers() throws {
        try tree.binary("\(home)/bin/tool")
        try expectRefusal("belongs to another user") {
            if CurrentUser.isRoot {
                try check("chown") { unsafe chown(tree.root + "\(home)/bin/tool", 12345, 12345) }
            } else {
                tree.user = HostUser(id: CurrentUser.id + 1) { _ in false }
            }
        }
    }

    @Test func packagesWithCredentials() throws {
        try tree.package("\(home)/.npm-global", "tool")
        try tree.binary("/usr/bin/node")
        try expectRefusal("may hold credentials") {
            try tree.file("\(home)/.npm-global/lib/node_modules/tool/.netrc", "")
        }
    }

    @Test func packagesWithCredentialsOfTheProfile() throws {
        let path = "\(home)/.local/share/pipx/venvs/tool"
        try tree.environment(path, python: "/usr/bin/python3", program: "tool")
        expectRefusal("holds credentials") {
            tree.policy.credentials = [CredentialPolicy(.file(source: "\(path)/share/key", target: "/key"))]
        }
    }

    @Test(arguments: [
        ("", "holds much"), ("/.local", "holds much"), ("/.config", "holds much"),
        ("/.local/share", "holds much"), ("/.ssh", "credentials"), ("/.cargo", "credentials"),
    ])
    func directoriesThatHoldMore(_ directory: String, _ why: String) throws {
        tree.variables["PATH"] = "\(home)\(directory)/bin"
        try tree.binary("\(home)\(directory)/bin/tool")
        // An environment right there would give all of it.
        try expectRefusal(why) {
            try Files.removeTree(tree.root + "\(home)\(directory)/bin")
            try tree.environment(home + directory, python: "/usr/bin/python3", program: "tool")
        }
    }

    @Test func linksThatLeadInCircles() throws {
        try tree.link("\(home)/bin/tool", "tool")
        #expect(tree.bring().file == nil && tree.bring().programs == HostPrograms())
    }

    @Test func systemLinksOfAnUnmappedRoot() throws {
        // As in a user namespace: whoever owns /bin, it leads to the system's programs.
        try tree.binary("/usr/bin/tool")
        tree.variables["PATH"] = "/bin"
        tree.user = HostUser(id: 4242) { _ in false }
        #expect(tree.bring().file?.real == "/usr/bin/tool" && tree.bring().refusal == nil)
    }
}

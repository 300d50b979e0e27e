// A host in a directory of the test's own: a home at /home/me, and what package managers make there.

import ClocheModel
import Glibc
import LinuxSystem

@testable import Cloche

/// Goes away with the test.
final class ProgramTree {
    let root: String
    let home = "/home/me"
    var variables: [String: String] = ["PATH": "/usr/local/bin:/usr/bin:/bin"]
    var writable: [String] = []
    var user = HostUser(id: CurrentUser.id) { _ in false }
    var policy: Policy

    init() throws {
        root = "/tmp/cloche-programs-test.\(getpid()).\(UInt32.random(in: 0...UInt32.max))"
        policy = Policy(profile: "test", harness: HarnessPolicy(command: ["tool"]))
        for directory in [home, "/usr/bin", "/usr/local/bin", "/etc/alternatives"] { try make(directory) }
        try link("/bin", "usr/bin")
        for name in ["env", "sh", "python3.11"] { try binary("/usr/bin/\(name)") }
        try link("/usr/bin/python3", "python3.11")
    }

    // What stays behind is in the temporary directory.
    deinit { try? Files.removeTree(root) }

    func make(_ directory: String) throws { try Files.makeDirectories(root + directory, mode: 0o755) }

    func file(_ path: String, _ text: String, mode: UInt32 = 0o644) throws {
        try make(path.parentPath)
        try Files.writeAtomically(root + path, Array(text.utf8), mode: mode)
    }

    func binary(_ path: String) throws { try file(path, "\u{7F}ELF", mode: 0o755) }

    func script(_ path: String, _ interpreter: String) throws {
        try file(path, "#!\(interpreter)\n", mode: 0o755)
    }

    func link(_ path: String, _ target: String) throws {
        try make(path.parentPath)
        try Files.makeSymbolicLink(root + path, to: target)
    }

    func setMode(_ path: String, _ mode: UInt32) throws {
        try check("chmod", path) { unsafe chmod(root + path, mode) }
    }

    /// A Python environment as `python -m venv` makes it.
    func environment(_ path: String, python: String, program: String) throws {
        try file("\(path)/pyvenv.cfg", "home = \(python.parentPath)\nversion = 3.11\n")
        try link("\(path)/bin/python", python)
        try script("\(path)/bin/\(program)", "\(path)/bin/python")
        try file("\(path)/lib/python3.11/site-packages/token.py", "")
    }

    /// A package as `npm install -g` makes it, with its link.
    func package(_ prefix: String, _ name: String, program: String = "tool") throws {
        try script("\(prefix)/lib/node_modules/\(name)/cli.js", "/usr/bin/env node")
        try file("\(prefix)/lib/node_modules/\(name)/package.json", "{}")
        try link("\(prefix)/bin/\(program)", "../lib/node_modules/\(name)/cli.js")
    }

    var host: ProgramHost {
        let (variables, writable) = (self.variables, self.writable)
        return ProgramHost(
            tree: HostTree(root: root),
            home: home,
            user: user,
            variable: { variables[$0] },
            writable: { writable }
        )
    }

    /// What is brought in for a program.
    func bring(_ name: String = "tool") -> Brought {
        var gathering = ProgramGathering(
            host,
            policy,
            insidePath: ["/usr/local/bin", "/usr/bin", "/bin"]
        )
        let file = gathering.bring(name)
        return Brought(file: file, programs: gathering.programs, refusal: gathering.refusal)
    }

    struct Brought {
        let file: FoundFile?
        let programs: HostPrograms
        let refusal: ProgramRefusal?

        var binds: [String] { programs.binds.map(\.source).sorted() }
        var links: [String] { programs.links.map { "\($0.place) -> \($0.target)" }.sorted() }
    }
}

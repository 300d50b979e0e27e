// A repository in a temporary directory with one agent's worktree, and the two people who work there: the
// user, with plain git and a configuration of their own, and the agent, with the private git directory only.

import ClocheModel
import Glibc
import LinuxSystem

@testable import GitWorkspace

/// What a test starts from; removed with everything below it when the value goes.
final class Fixture {
    let root: String
    let repositoryPath: String

    /// - Parameter name: the repository's directory below the temporary one; it may hold any character.
    init(name: String = "repo", format: String = "sha1", commits: Bool = true) throws {
        root = "/tmp/cloche-git-test.\(getpid()).\(UInt32.random(in: 0...UInt32.max))"
        repositoryPath = root + "/" + name
        try Files.makeDirectories(repositoryPath)
        try Files.makeDirectories(root + "/home")
        try user("init", "-q", "-b", "main", "--object-format=\(format)")
        try user("config", "user.name", "The User")
        try user("config", "user.email", "user@example.org")
        guard commits else { return }
        try write("a.txt", "one\n")
        try write("dir/b.txt", "two\n")
        try user("add", ".")
        try user("commit", "-q", "-m", "first")
    }

    // What stays behind is in the temporary directory.
    deinit { try? Files.removeTree(root) }

    var repository: GitRepository { get throws { try GitRepository.discover(from: repositoryPath) } }

    func worktree(_ agent: String = "fixer") throws -> AgentWorktree {
        try AgentWorktree(
            repository: repository,
            agent: agent,
            workspace: "\(root)/agents/\(agent)/workspace",
            metadata: "\(root)/agents/\(agent)/git"
        )
    }

    /// A worktree that is there.
    @discardableResult
    func made(_ agent: String = "fixer", base: String? = nil) throws -> AgentWorktree {
        let worktree = try worktree(agent)
        try worktree.create(base: base)
        return worktree
    }

    /// Plain git as the user runs it in a directory, their configuration in force.
    @discardableResult
    func user(_ arguments: String..., in directory: String? = nil, allowFailure: Bool = false) throws
        -> String
    {
        try Self.run("/usr/bin/git", arguments, userEnvironment, directory ?? repositoryPath, allowFailure)
    }

    private var userEnvironment: [String] {
        ["PATH=/usr/bin:/bin", "HOME=\(root)/home", "LC_ALL=C.UTF-8", "GIT_CONFIG_NOSYSTEM=1"]
    }

    /// git as the agent runs it, which sees its private directory.
    @discardableResult
    func agent(_ worktree: AgentWorktree, _ arguments: String..., allowFailure: Bool = false) throws -> String
    {
        try Self.agent(worktree, arguments, allowFailure: allowFailure)
    }

    @discardableResult
    static func agent(
        _ worktree: AgentWorktree,
        _ arguments: [String],
        allowFailure: Bool = false
    ) throws -> String {
        let objects = try ObjectDirectories.all(of: worktree.repository.commonDirectory)
        return try run(
            "/usr/bin/git",
            arguments,
            [
                "PATH=/usr/bin:/bin", "HOME=/nonexistent", "LC_ALL=C.UTF-8", "GIT_CONFIG_NOSYSTEM=1",
                "GIT_DIR=\(worktree.privateGitDirectory)", "GIT_WORK_TREE=\(worktree.workspace)",
                "GIT_ALTERNATE_OBJECT_DIRECTORIES=\(objects.joined(separator: ":"))",
            ],
            worktree.workspace,
            allowFailure
        )
    }

    @discardableResult
    func shell(_ script: String, in directory: String) throws -> String {
        try Self.run("/bin/sh", ["-c", script], userEnvironment, directory, false)
    }

    private static func run(
        _ program: String,
        _ arguments: [String],
        _ environment: [String],
        _ directory: String,
        _ allowFailure: Bool
    ) throws -> String {
        let process = Subprocess(program, arguments, environment: environment, directory: directory)
        let result = try process.run()
        guard allowFailure || result.status == 0 else {
            throw Failed(command: ([program] + arguments).joined(separator: " "), text: result.errorText)
        }
        return result.outputText + (allowFailure ? result.errorText : "")
    }

    struct Failed: Error {
        let command: String
        let text: String
    }

    /// Writes a file of the main checkout.
    func write(_ path: String, _ text: String) throws { try write(path, text, below: repositoryPath) }

    /// Writes a file below a directory.
    func write(_ path: String, _ text: String, below directory: String) throws {
        try Self.write(path, text, below: directory)
    }

    static func write(_ path: String, _ text: String, below directory: String) throws {
        let full = directory + "/" + path
        try Files.makeDirectories(full.parentPath, mode: 0o755)
        let file = try Files.open(full, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
        try file.write([UInt8](text.utf8))
    }

    func read(_ path: String) throws -> String { try Files.readText(repositoryPath + "/" + path) }

    /// The export without a sandbox: the script with the four directories as variables.
    func exporter(_ worktree: AgentWorktree, snapshotSeconds: Int = 60) throws -> [String] {
        try Self.exporter(worktree, root: root, snapshotSeconds: snapshotSeconds)
    }

    static func exporter(
        _ worktree: AgentWorktree,
        root: String,
        snapshotSeconds: Int = 60
    ) throws -> [String] {
        let objects = root + "/objects.\(worktree.agent)"
        try Files.removeTree(objects)
        try Files.makeDirectories(objects)
        for (index, path) in try ObjectDirectories.all(of: worktree.repository.commonDirectory).enumerated() {
            try Files.makeSymbolicLink(objects + (index == 0 ? "/objects" : "/objects.\(index)"), to: path)
        }
        let variables = [
            "CLOCHE_WORKSPACE=\(worktree.workspace)", "CLOCHE_GIT=\(worktree.privateGitDirectory)",
            "CLOCHE_OBJECTS=\(objects)/objects", "CLOCHE_SNAPSHOT_SECONDS=\(snapshotSeconds)",
            "TMPDIR=\(root)",
        ]
        return try ["/usr/bin/env"] + variables + worktree.exportCommand(seconds: 100)
    }

    @discardableResult
    func sync(_ worktree: AgentWorktree) throws -> SyncResult {
        try worktree.sync(uploadPackCommand: exporter(worktree))
    }
}

// What agents have had brought into the user's repository by requests of their own. It counts for who asked and for those above
// it: a child can be deleted, and another one started.

internal import AgentStore
internal import ClocheModel
internal import GitWorkspace
internal import LinuxSystem
internal import ProfileLoading

struct FetchAccount {
    /// Who pays: an agent, its parent, and so on.
    private let agents: [(directory: AgentDirectory, record: AgentRecord)]

    /// That of an agent that asks for something.
    init(_ project: Project, _ agent: AgentDirectory) throws(ClocheError) {
        var agents = [(agent, try agent.read())]
        // No tree is deeper; see `ActingAgent.relation`.
        while agents.count < 32, let parent = agents[agents.count - 1].1.parent {
            let directory = project.state.agent(parent.name)
            // One that is gone cannot ask for anything any more.
            guard let record = try? directory.read(), record.auditLog == parent.auditLog else { break }
            agents.append((directory, record))
        }
        self.agents = agents
    }

    /// Where an agent's count is, out of its reach.
    private static func file(_ directory: AgentDirectory) -> String { directory.path + "/fetched-bytes" }

    /// Refuses what would bring more when there is too much already.
    func refuseIfSpent() throws(ClocheError) {
        for (directory, record) in agents {
            let most = TreeBounds(try Policy(document: record.effective).limits).contentBytes
            let count = try Self.count(directory)
            if count <= most { continue }
            throw ClocheError(
                .state,
                "\(record.name) has had too much brought into the repository",
                why:
                    "\(Amount.bytes(count)) by requests of its own and of its children, at most \(Amount.bytes(most)) may be"
                    + " (limits.disk)",
                remedy: "a person can still fetch and merge: `cloche merge`; or raise `limits.disk`"
            )
        }
    }

    /// Counts what has been brought.
    func add(_ bytes: Int64) throws(ClocheError) {
        if bytes == 0 { return }
        for (directory, _) in agents where directory.exists {
            do throws(SystemError) {
                // Several children may ask at once.
                guard let lock = try FileLock(Self.file(directory) + ".lock", wait: true) else {
                    throw SystemError("fcntl", .wouldBlock, directory.path)
                }
                defer { _ = lock.isLocked }
                let old = (try? Self.count(directory)) ?? .max / 2  // nobody knows any more what there was
                let text = String(old + bytes)
                try Files.writeAtomically(Self.file(directory), Array(text.utf8), mode: 0o600, sync: false)
            } catch { throw StoreError.cannotWrite(error) }
        }
    }

    private static func count(_ directory: AgentDirectory) throws(ClocheError) -> Int64 {
        guard Files.exists(file(directory)) else { return 0 }
        do throws(SystemError) {
            return Int64(try Files.readText(file(directory))) ?? .max / 2
        } catch { throw StoreError.cannotWrite(error) }
    }
}

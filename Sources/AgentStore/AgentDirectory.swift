// One agent's directory and the files in it. Every change of `agent.json` is one atomic replacement, so that
// a crash at any instruction leaves a record that the next command can read.

package import ClocheModel
package import LinuxSystem
internal import StructuredText

/// One agent's place on the host.
package struct AgentDirectory: Equatable, Sendable {
    /// Absolute path.
    package let path: String

    /// An agent's directory by its path.
    package init(path: String) { self.path = path }

    /// The agent's name.
    package var name: String { path.lastComponent }
    /// The record.
    package var recordFile: String { path + "/agent.json" }
    /// Held by the supervisor as long as it lives.
    package var supervisorLock: String { path + "/supervisor.lock" }
    /// Held by a command that changes the agent.
    package var operationLock: String { path + "/operation.lock" }
    /// What the agent program does, as the supervisor saw it last: a `HarnessState`.
    package var activityFile: String { path + "/activity.json" }
    /// What the agent has said with `cloche report done` or `failed`: a `HarnessState`; what its program does later changes
    /// nothing of it.
    package var resultFile: String { path + "/result.json" }
    /// Where the program and its hooks write what it does: a FIFO, there while the agent runs.
    package var statePipe: String { path + "/state.pipe" }
    /// The socket that is bound into the agent's sandbox, by name in this directory.
    package static let agentSocketName = "agent.sock"
    /// The supervisor's socket, by name in this directory.
    package static let socketName = "control.sock"
    /// The recording of the terminal; with `.1` behind the name the part before it.
    package var recording: String { path + "/session.cast" }
    /// What the terminal showed, as versions before recordings kept it.
    package var sessionLog: String { path + "/session.log" }
    /// The audit log: the file that is written to now.
    package var auditLog: String { path + "/audit.jsonl" }
    /// How far the audit log is known to be on disk.
    package var auditHead: String { path + "/audit.head" }
    /// One of the audit log's earlier files; they are numbered from 1.
    package func auditPart(_ number: Int64) -> String { "\(path)/audit.\(number).jsonl" }
    /// What `cloche audit sign` signed last; the signature is beside it, with `.sig` behind the name.
    package var auditSigned: String { path + "/audit.signed" }
    /// Names of what was in home and layers when the agent ended last.
    package var keptFiles: String { path + "/files.kept" }
    /// The private git directory.
    package var git: String { path + "/git" }
    /// The agent's home.
    package var home: String { path + "/home" }
    /// The agent's own layers over the system directories, `/etc` and `/var`.
    package var upper: String { path + "/upper" }
    /// The worktree, or the empty workspace.
    package var workspace: String { path + "/workspace" }

    /// Whether there is an agent here, finished or not.
    package var exists: Bool { Files.exists(recordFile) }

    /// Whether a supervisor lives.
    package var isSupervised: Bool { FileLock.isHeld(supervisorLock) }

    /// Makes the directory with its first record, in one step: either both are there afterwards or neither
    /// is.
    ///
    /// - Returns: the right to change the agent, held from before the first moment that others can see it.
    package func create(_ record: AgentRecord) throws(ClocheError) -> FileLock {
        let temporary = "\(path.parentPath)/.new-\(name)-\(record.created)"
        do throws(SystemError) {
            try Files.makeDirectory(temporary)
            do throws(SystemError) {
                try Files.makeDirectory(temporary + "/home", mode: 0o755)
                try Self.makeUpper(temporary + "/upper")
                let bytes = Array(JSONText.serialize(record.document, pretty: true).utf8)
                try Files.writeAtomically(temporary + "/agent.json", bytes, sync: false)
                // The lock is on the open file and stays through the rename.
                guard let lock = try FileLock(temporary + "/operation.lock") else {
                    throw SystemError("fcntl", .wouldBlock, temporary)
                }
                try Files.renameWithoutReplacing(temporary, path)
                return lock
            } catch {
                // The failure that matters is the one above.
                try? Files.removeTree(temporary)
                throw error
            }
        } catch  where error.errno == .exists {
            throw ClocheError(
                .exists,
                "an agent named \(name) exists already",
                why: path,
                remedy: "choose another name, or `cloche delete \(name)` first"
            )
        } catch { throw StoreError.cannotWrite(error) }
    }

    /// Makes an agent's own layers, with nothing in them.
    package static func makeUpper(_ path: String) throws(SystemError) {
        try Files.makeDirectory(path)
        for folder in ["/layers", "/var"] { try Files.makeDirectory(path + folder, mode: 0o755) }
    }

    /// Reads the record.
    package func read() throws(ClocheError) -> AgentRecord {
        do {
            let bytes = try Files.read(recordFile)
            let document = try JSONText.parse(bytes, file: recordFile)
            if let version = document["version"]?.integer, version > AgentRecord.version {
                throw ClocheError(
                    .state,
                    "agent \(name) was made by a newer Cloche",
                    why: "\(recordFile) has version \(version)",
                    remedy: "use that version, or one later"
                )
            }
            guard let record = AgentRecord(document: document) else {
                throw ClocheError(
                    .state,
                    "cannot read agent \(name)",
                    why: "\(recordFile) is not complete",
                    remedy: "`cloche delete --force \(name)` removes it"
                )
            }
            return record
        } catch let error as SystemError where error.errno == .noEntry || error.errno == .notDirectory {
            throw ClocheError(
                .notFound,
                "no agent named \(name)",
                why: "\(path) does not exist",
                remedy: "`cloche list --all` shows the agents of this project"
            )
        } catch let error as SystemError {
            throw ClocheError(.system, "cannot read agent \(name)", why: error.description)
        } catch let error as ClocheError {
            throw error
        } catch {
            throw ClocheError(
                .state,
                "cannot read agent \(name)",
                why: "\(error)",
                remedy: "`cloche delete --force \(name)` removes it"
            )
        }
    }

    /// Replaces the record.
    package func write(_ record: AgentRecord) throws(ClocheError) {
        do {
            try Files.writeAtomically(
                recordFile,
                Array(JSONText.serialize(record.document, pretty: true).utf8),
                // A state that passes by itself is not worth a disk's time: after a power cut nothing runs anyway.
                sync: !record.state.isSupervised
            )
        } catch { throw StoreError.cannotWrite(error) }
    }

    /// What the agent program does, as its supervisor wrote it last; nil when nothing is known.
    package func readActivity() -> HarnessState? {
        // No file: then nothing is known.
        guard let bytes = try? Files.read(activityFile, limit: 1 << 20) else { return nil }
        // Of another version: the same.
        return (try? JSONText.parse(bytes)).flatMap { HarnessState(document: $0) }
    }

    /// What the agent has reported as its result since it was last started; nil if nothing.
    package func readResult() -> HarnessState? {
        // No file, or one of another version: nothing is known.
        guard let bytes = try? Files.read(resultFile, limit: 1 << 16) else { return nil }
        return (try? JSONText.parse(bytes)).flatMap { HarnessState(document: $0) }  // as above
    }

    /// Keeps what the agent reports as its result; nil takes an earlier one away.
    package func write(result: HarnessState?) throws(ClocheError) {
        do throws(SystemError) {
            guard let result else { return try Files.remove(resultFile) }
            try Files.writeAtomically(resultFile, JSONText.serializeBytes(result.document))
        } catch { throw StoreError.cannotWrite(error) }
    }

    /// Keeps what the agent program does.
    package func write(_ activity: HarnessState) throws(SystemError) {
        // After a power cut nothing runs anyway.
        try Files.writeAtomically(activityFile, JSONText.serializeBytes(activity.document), sync: false)
    }

    /// Takes the right to change this agent; another command that holds it is waited for, or named.
    package func lockForOperation(wait: Bool = false) throws(ClocheError) -> FileLock {
        do {
            if let lock = try FileLock(operationLock, wait: wait) { return lock }
        } catch  where error.errno == .noEntry {
            throw ClocheError(
                .notFound,
                "no agent named \(name)",
                why: "\(path) does not exist",
                remedy: "`cloche list --all` shows the agents of this project"
            )
        } catch { throw StoreError.cannotWrite(error) }
        throw ClocheError(
            .state,
            "agent \(name) is being changed by another command",
            why: "\(operationLock) is held",
            remedy:
                "wait for that command, or the supervisor it has started; `fuser \(operationLock)` shows which it is"
        )
    }

    /// Removes everything.
    ///
    /// The directory is renamed first, so that what a crash leaves is no agent any more.
    package func remove() throws(ClocheError) {
        let doomed = "\(path.parentPath)/.deleted-\(name)-\(WallClock.milliseconds)"
        do {
            try Files.rename(path, doomed)
            try Files.removeTree(doomed)
        } catch { throw ClocheError(.system, "cannot remove agent \(name)", why: error.description) }
    }
}

/// What a person sees: the record judged together with the supervisor's lock.
package struct AgentStatus: Equatable, Sendable {
    package let record: AgentRecord
    package let state: AgentState
    /// What the agent program does; nil when it never ran.
    package let activity: HarnessState?

    /// Looks at an agent.
    package init(of directory: AgentDirectory) throws(ClocheError) {
        let before = try directory.read()
        let supervised = directory.isSupervised
        let operated = FileLock.isHeld(directory.operationLock)
        // Either may have ended between the looks; what it wrote last is the truth then.
        record = supervised || operated ? before : try directory.read()
        state = Self.judge(record.state, supervised: supervised, operated: operated)
        // Of one that has ended, the record says all.
        let needsLast = state.isSupervised || state == .lost
        activity = HarnessState(of: record, in: state, last: needsLast ? directory.readActivity() : nil)
    }

    /// A record that says `running` without a living supervisor is of one that was lost; one that says `creating`
    /// or `deleting` without a command at work is of one that was ended half-way.
    static func judge(_ recorded: AgentState, supervised: Bool, operated: Bool) -> AgentState {
        switch recorded {
        case .running, .starting, .paused, .stopping: supervised ? recorded : .lost
        case .creating, .deleting: operated ? recorded : .incomplete
        default: recorded
        }
    }

    /// Whether a sandbox exists for it now.
    package var isRunning: Bool { state.isSupervised }
}

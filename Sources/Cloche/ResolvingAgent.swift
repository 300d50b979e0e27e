// An agent that resolves a conflict of a merge: started at a commit of both sides, waited for, and judged by GitWorkspace.
// It stays afterwards, as any agent does, so that a person can see what it did, or finish it.

internal import AgentStore
package import ClocheModel
internal import GitWorkspace
internal import Glibc
internal import LinuxSystem

/// One conflict in the hands of an agent.
final class ResolvingAgent {
    /// What came of it.
    enum Outcome {
        /// These files, as a tree, and the agent that made them.
        case resolved(String, MergedAgent)
        /// Nothing that can be taken; why.
        case unresolved(String)
    }

    /// The agent.
    let name: String
    private let project: Project
    private let repository: GitRepository
    private let conflict: MergeConflict
    private let signals: SignalDescriptor
    /// What tells it from an agent of somebody else under its name.
    private let mark: String

    /// Finds a name for an agent; from here on a signal that would end us ends the agent first.
    init(_ project: Project, _ repository: GitRepository, _ conflict: MergeConflict) throws(ClocheError) {
        (self.project, self.repository, self.conflict) = (project, repository, conflict)
        name = try Self.freeName(project, repository, conflict.agent)
        mark = AgentRecord.resolvingMark + String(WallClock.milliseconds, radix: 36)
        do throws(SystemError) {
            signals = try SignalDescriptor([SIGINT, SIGTERM, SIGHUP])
        } catch { throw ClocheError(.system, "signals cannot be read", why: error.description) }
    }

    deinit { signals.unblock() }

    /// `resolve-NAME`, or with a number when that is taken.
    private static func freeName(_ project: Project, _ repository: GitRepository, _ agent: String)
        throws(ClocheError) -> String
    {
        let long = "resolve-" + agent
        let plain = AgentName.isValid(long + "-999") ? long : "resolve"
        var name = plain
        var number = 1
        while try isTaken(name, project, repository) {
            number += 1
            name = "\(plain)-\(number)"
        }
        return name
    }

    private static func isTaken(_ name: String, _ project: Project, _ repository: GitRepository)
        throws(ClocheError) -> Bool
    {
        if try project.agentDirectory(name).exists { return true }
        return try repository.commit("refs/heads/cloche/" + name) != nil
    }

    /// Starts the agent, and waits until it has resolved the conflict or cannot.
    ///
    /// - Throws: `.interrupted` when a person ends us; the agent is removed then.
    func resolve(
        _ profile: String,
        _ settings: [String],
        _ agents: [AgentRecord],
        _ progress: (String) -> Void
    ) throws(ClocheError) -> Outcome {
        let start = try repository.commit(of: conflict)
        var options = StartOptions(
            name: name,
            task: try task(agents),
            profile: profile,
            overrides: settings,
            workspace: .worktree(base: start)
        )
        options.variables = [Document.Entry(TaskAgent.variable, .string(mark))]
        do throws(ClocheError) {
            _ = try project.start(options, progress: progress)
        } catch {
            // The terminal's Ctrl-C goes to each git of ours, too.
            if !signals.take().isEmpty { throw Self.interrupted }
            throw error
        }
        let files = conflict.files.count == 1 ? "1 file" : "\(conflict.files.count) files"
        progress(
            "\(name) resolves the conflict of \(conflict.agent) in \(files); `cloche attach \(name)` shows it"
        )
        let failure = try awaitEnd(progress)
        try project.stop(name)
        if let failure { return .unresolved(failure) }
        return try take(start)
    }

    private static let interrupted = ClocheError(
        .interrupted,
        "interrupted; nothing was merged and no file was touched",
        remedy: "merge again"
    )

    /// Waits for its end, or until it says that it is done; why it failed, nil when it did not.
    private func awaitEnd(_ progress: (String) -> Void) throws(ClocheError) -> String? {
        let agent = TaskAgent(try project.agentDirectory(name), mark: mark)
        var shown: HarnessState.Activity?
        while true {
            let isReady = try poll(agent)
            if !signals.take().isEmpty {
                progress("removing \(name)")
                try project.delete(name, force: true)
                throw Self.interrupted
            }
            switch try agent.news(isReady: isReady) {
            case .finished?, .reportedDone?: return nil
            case .failed(let why)?, .lost(let why)?: return why
            case .foreign?: return "an agent of this name that is none of ours took its place"
            case nil: break
            }
            if let activity = agent.activity?.activity, activity != shown {
                shown = activity
                progress("\(name) is \(activity.rawValue)")
            }
        }
    }

    /// Between two looks at an agent that has no socket yet, in milliseconds.
    private static let lookInterval: Int32 = 100

    private func poll(_ agent: TaskAgent) throws(ClocheError) -> Bool {
        let interests = [agent.interest, Poll.Interest(signals.descriptor.number, readable: true)]
        do throws(SystemError) {
            return try Poll.wait(interests, milliseconds: agent.needsLook ? Self.lookInterval : -1)[0]
        } catch { throw ClocheError(.system, "cannot wait for the agent", why: error.description) }
    }

    private func take(_ start: String) throws(ClocheError) -> Outcome {
        let agent: MergedAgent
        do throws(ClocheError) {
            agent = try project.mergedAgent(name)
        } catch  where error.code == .git {
            return .unresolved(error.why.isEmpty ? error.what : "\(error.what): \(error.why)")
        }
        switch try agent.worktree.resolution(of: conflict, from: start, agent.synced) {
        case .files(let tree): return .resolved(tree, agent)
        case .unusable(let why): return .unresolved(why)
        }
    }

    // MARK: its task

    /// Bytes of its task for lists, and for what each side was asked for: the kernel takes 128 KiB as one argument.
    private static let mostListed = 40_000
    private static let mostQuoted = 4000

    private func task(_ agents: [AgentRecord]) throws(ClocheError) -> String {
        let others = conflict.merged.filter { name in
            conflict.files.contains { $0.others.contains("agent " + name) }
        }
        let tasks = ([conflict.agent] + others).compactMap { name in
            agents.first { $0.name == name && !$0.task.isEmpty }.map { "agent \(name): \(Self.cut($0.task))" }
        }
        let files = conflict.files.map { file in
            "\(file.path.visible): agent \(conflict.agent) and \(file.others.map(\.visible).joined(separator: ", "))"
        }
        let sections = [
            """
            Resolve a merge conflict. Two sides have been merged in your working directory. HEAD holds them as far as \
            they go together; where they do not, the files have conflict markers:
              <<<<<<< \(conflict.tip)  what has been merged so far
              >>>>>>> \(conflict.offered)  the work of agent \(conflict.agent)
            """,
            Self.section("Files in conflict, and who changed them", files),
            Self.section("What git says", try repository.description(of: conflict)),
            Self.section("What they were asked for", tasks),
            """
            Keep what both sides mean to do. Leave no conflict marker, and change nothing that the conflict does not call \
            for; tests that you can run should pass. `git show COMMIT:PATH` shows a file as one side has it. Where only one \
            side has a file, decide whether it stays; a file named PATH~COMMIT must get its name back or go.
            Then commit all of it on top of HEAD, with `git commit --allow-empty` if the files are right as they are; do not \
            amend, rebase or reset. Then end; if you cannot, run `cloche report done`.
            """,
        ]
        return sections.filter { !$0.isEmpty }.joined(separator: "\n\n")
    }

    private static func section(_ title: String, _ lines: [String]) -> String {
        if lines.isEmpty { return "" }
        var text = title + ":"
        for (index, line) in lines.enumerated() {
            guard text.utf8.count + line.utf8.count <= mostListed else {
                return text + "\n  and \(lines.count - index) more"
            }
            text += "\n  " + line
        }
        return text
    }

    private static func cut(_ text: String) -> String {
        text.utf8.count <= mostQuoted
            ? text : String(decoding: text.utf8.prefix(mostQuoted), as: UTF8.self) + " ..."
    }
}

extension AgentRecord {
    fileprivate static let resolvingMark = "merge/"

    /// Whether it was started to resolve a conflict of a merge.
    package var resolvesConflict: Bool { TaskAgent.mark(of: self)?.hasPrefix(Self.resolvingMark) == true }
}

// An agent that does something with others. It is known by the directory that its supervisor named; what it may do is read
// from its record, each time.

internal import AgentStore
package import ClocheModel
internal import Glibc
internal import LinuxSystem
internal import ProfileLoading
internal import TerminalText

/// What another agent is to one.
package enum Relation: String, Sendable {
    /// It itself.
    case itself = "self"
    /// The one that started it.
    case parent
    /// One that it started.
    case child
    /// Further down.
    case descendant
    /// Of the same parent.
    case sibling
    /// None of these.
    case other
}

/// An agent as another one of its family sees it.
package struct FamilyMember: Sendable {
    /// What was recorded last.
    package let record: AgentRecord
    /// Where it is in its life.
    package let state: AgentState
    /// What its program does.
    package let activity: HarnessState?
    /// What it has reported as its result since it was last started.
    package let result: HarnessState?
    /// What it is to who asks.
    package let relation: Relation

    /// Whether it has not ended.
    package var isLiving: Bool { state.isSupervised || state == .creating }
}

/// An agent as one that acts.
package struct ActingAgent {
    /// Its project.
    package let project: Project
    /// Its record as it is now.
    package let record: AgentRecord
    /// What it may do with others.
    package let policy: AgentsPolicy
    let directory: AgentDirectory

    /// The agent of a directory.
    package init(_ path: String, _ installation: Installation) throws(ClocheError) {
        directory = AgentDirectory(path: path)
        record = try directory.read()
        policy = try Policy(document: record.effective).agents
        var project = try Project(at: record.project, installation: installation)
        project.requester = directory
        self.project = project
        guard project.state.agent(record.name).path == path else {
            throw ClocheError(.state, "agent \(record.name) is not where its project keeps agents", why: path)
        }
    }

    /// The agent of a record that is not written yet.
    init(_ project: Project, _ record: AgentRecord, _ directory: AgentDirectory) throws(ClocheError) {
        (self.project, self.record, self.directory) = (project, record, directory)
        policy = try Policy(document: record.effective).agents
    }

    /// Refuses a verb that its profile does not grant.
    package func require(_ verb: AgentVerb) throws(ClocheError) {
        if policy.verbs.contains(verb) { return }
        throw ClocheError(
            .state,
            "\(record.name) may not `cloche \(verb.rawValue)`",
            why: "its profile does not grant it (agents.verbs)",
            remedy: "`cloche whoami` tells what it may do"
        )
    }

    /// Who it is for the records of its children; nil for one of a version without ids.
    package var reference: ParentReference? {
        record.auditLog.map { ParentReference(name: record.name, auditLog: $0) }
    }

    /// What another is to it.
    package func relation(to other: AgentRecord) -> Relation {
        if other.name == record.name { return .itself }
        if let parent = record.parent, parent.name == other.name, parent.auditLog == other.auditLog {
            return .parent
        }
        if let parent = other.parent {
            if parent == reference { return .child }
            if parent == record.parent { return .sibling }
            if descends(from: parent) { return .descendant }
        }
        return .other
    }

    /// Whether an agent is this one's child, or further down.
    private func descends(from first: ParentReference) -> Bool {
        var next = first
        // No tree is deeper; a record that somebody has changed may name itself.
        for _ in 0..<32 {
            // One that is gone has no parent that could be found.
            guard let record = try? project.state.agent(next.name).read(), record.auditLog == next.auditLog,
                let parent = record.parent
            else { return false }
            if parent == reference { return true }
            next = parent
        }
        return false
    }

    /// The agents that it can see, itself included.
    package func family() -> [FamilyMember] {
        project.state.agents().compactMap { directory in
            // One whose record cannot be read is a person's to see to.
            (try? member(directory)).flatMap { $0.relation == .other ? nil : $0 }
        }
    }

    private func member(_ directory: AgentDirectory) throws(ClocheError) -> FamilyMember {
        let status = try AgentStatus(of: directory)
        return FamilyMember(
            record: status.record,
            state: status.state,
            activity: status.activity,
            result: directory.readResult(),
            relation: relation(to: status.record)
        )
    }

    /// One of its children, or further down.
    package func child(_ name: String) throws(ClocheError) -> FamilyMember {
        // Whether there is another of that name is not its to know.
        if AgentName.isValid(name), let agent = try? member(project.state.agent(name)),
            [.child, .descendant].contains(agent.relation)
        {
            return agent
        }
        throw ClocheError(
            .notFound,
            "\(record.name) has no child named \(name.debugDescription)",
            remedy: "`cloche list --all` shows those that there are"
        )
    }

    /// Its children that have not ended.
    func livingChildren() -> [FamilyMember] { family().filter { $0.relation == .child && $0.isLiving } }

    /// Says what it does, as a hook of its program would.
    ///
    /// That it is done, or has failed, stays so until it says something else or is started again: a program that has reported its
    /// result goes on to wait for whoever is there.
    package func report(_ activity: HarnessState.Activity, _ text: String) throws(ClocheError) {
        let line = visible(text.split { $0.isNewline }.joined(separator: " "), limit: 400)
        switch activity {
        case .done, .failed:
            let now = WallClock.milliseconds
            try directory.write(result: HarnessState(activity, since: now, by: .hook, text: line))
        case .working: try directory.write(result: nil)
        default: break
        }
        do throws(SystemError) {
            // Nobody reads it when the supervisor has gone.
            let pipe = try Files.open(directory.statePipe, O_WRONLY | O_NONBLOCK | O_NOFOLLOW)
            try pipe.write(Array("\(activity.rawValue) \(line)\n".utf8))
        } catch {
            throw ClocheError(.state, "cannot report", why: error.description, remedy: "try again")
        }
    }
}

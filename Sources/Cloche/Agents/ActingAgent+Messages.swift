// What an agent says to others and to the person, as far as its profile lets it.

internal import AgentStore
package import ClocheModel
internal import LinuxSystem
package import Messaging

extension ActingAgent {
    /// Its own inbox.
    package var inbox: InboxOwner { .agent(record.name) }

    /// Sends a message to those whom it may write to.
    ///
    /// - Parameter target: `parent`, `children`, `siblings`, `@person`, a name, a pattern of names, or a label.
    package func post(_ message: NewMessage, to target: String) throws(ClocheError) -> [Posted] {
        if target == MessageSender.personName {
            try require(.ask)
            return [try project.ask(message, from: try project.messageSender(record.name))]
        }
        let names = try recipients(target)
        let sender = try project.messageSender(record.name)
        var posted: [Posted] = []
        for name in names {
            do throws(ClocheError) {
                posted += try project.post(message, from: sender, to: .agent(name))
            } catch {
                if names.count == 1 { throw error }
                posted.append(
                    Posted(recipient: name, id: nil, isDuplicate: false, report: nil, refusal: error)
                )
            }
        }
        return posted
    }

    /// The names of those who are meant, of those whom it may write to.
    private func recipients(_ target: String) throws(ClocheError) -> [String] {
        let wanted = try Recipients(target)
        let found = project.agents().agents.filter { agent in
            let relation = relation(to: agent.record)
            guard relation != .itself, agent.state != .creating, mayWrite(to: agent.record, relation) else {
                return false
            }
            return switch target {
            case "parent": relation == .parent
            case "children": relation == .child
            case "siblings": relation == .sibling
            default: wanted.include(agent.record.name, labels: agent.record.labels)
            }
        }
        if !found.isEmpty { return found.map(\.record.name) }
        // Whether there is such an agent is not told to one that may not write to it.
        throw ClocheError(
            .state,
            "\(record.name) may not write to \(target.debugDescription), or there is no such agent",
            why:
                "its profile lets it write to: \(policy.recipients.joined(separator: ", ")) (agents.message)",
            remedy: "`cloche list` shows agents that it can see; `cloche ask` asks the person"
        )
    }

    private func mayWrite(to other: AgentRecord, _ relation: Relation) -> Bool {
        policy.recipients.contains { rule in
            switch rule {
            case "parent": relation == .parent
            case "children": relation == .child || relation == .descendant
            case "siblings": relation == .sibling
            // What is no rule was refused when the profile was read.
            default: (try? Recipients(rule))?.include(other.name, labels: other.labels) ?? false
            }
        }
    }

    /// Puts a question, or something to be known, to the person.
    package func ask(_ question: NewMessage) throws(ClocheError) -> Posted {
        try project.ask(question, from: try project.messageSender(record.name))
    }

    /// The answer to what was asked, if it has come within so many milliseconds.
    package func answer(to posted: Posted, within milliseconds: Int64) throws(ClocheError) -> Message? {
        try project.waitForAnswer(
            to: posted,
            from: try project.messageSender(record.name),
            milliseconds: milliseconds
        )
    }
}

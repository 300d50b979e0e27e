// What happens to a graph, as its journal has it: one JSON map a line. The state of a run is nothing but these, applied in
// their order, so that whoever reads the journal knows what the process knew that wrote it.

package import ClocheModel

/// One thing that has happened.
package enum GraphEvent: Equatable, Sendable {
    /// A run begins, or goes on with a plan that was changed: the text of it, and what its revisions stood for.
    case plan(text: String, run: String, pins: [String: String])
    /// A person has answered a gate.
    case gate(task: String, approved: Bool)
    /// An agent is about to be started at a commit.
    case begin(TaskUnit, base: String)
    /// An agent is gone before it was done, through no fault of its own; it begins anew.
    case lost(TaskUnit, why: String)
    /// An agent is done, or has failed.
    case ended(TaskUnit, failure: String?)
    /// What it made is in this commit.
    case result(TaskUnit, commit: String)
    /// The check of its result went well, or did not.
    case checked(TaskUnit, failure: String?)
    /// A judge has chosen this candidate.
    case chosen(task: String, candidate: Int)
    /// A task cannot be done, whatever is tried.
    case failed(task: String, why: String)
    /// What has failed is tried again.
    case again
    /// The end result is this commit, for the branch as it was then.
    case merged(commit: String, previous: String?)
    /// The results do not go together: which files of whom.
    case conflict(why: String)
    /// The branch has it.
    case landed
    /// The branch that had it is gone, or was taken back.
    case gone
}

extension GraphEvent {
    /// The event as the journal has it.
    package var document: Document {
        switch self {
        case .plan(let text, let run, let pins):
            let pins = pins.sorted { $0.key < $1.key }.map { Document.Entry($0.key, .string($0.value)) }
            return .object([
                "event": .string("plan"), "run": .string(run), "pins": .map(pins), "text": .string(text),
            ])
        case .gate(let task, let approved):
            return .object(["event": .string("gate"), "task": .string(task), "approved": .bool(approved)])
        case .begin(let unit, let base): return Self.entry("begin", unit, [("base", .string(base))])
        case .lost(let unit, let why): return Self.entry("lost", unit, [("why", .string(why))])
        case .ended(let unit, let failure):
            return Self.entry("ended", unit, [("failure", .optional(failure))])
        case .result(let unit, let commit): return Self.entry("result", unit, [("commit", .string(commit))])
        case .checked(let unit, let failure):
            return Self.entry("checked", unit, [("failure", .optional(failure))])
        case .chosen(let task, let candidate):
            return .object([
                "event": .string("chosen"), "task": .string(task), "candidate": .integer(Int64(candidate)),
            ])
        case .failed(let task, let why):
            return .object(["event": .string("failed"), "task": .string(task), "why": .string(why)])
        case .again: return .object(["event": .string("again")])
        case .merged(let commit, let previous):
            return .object([
                "event": .string("merged"), "commit": .string(commit), "previous": .optional(previous),
            ])
        case .conflict(let why): return .object(["event": .string("conflict"), "why": .string(why)])
        case .landed: return .object(["event": .string("landed")])
        case .gone: return .object(["event": .string("gone")])
        }
    }

    private static func entry(_ event: String, _ unit: TaskUnit, _ more: [(String, Document)]) -> Document {
        .map(
            [
                Document.Entry("event", .string(event)), Document.Entry("task", .string(unit.task)),
                Document.Entry("part", .string(unit.part.text)),
            ] + more.map { Document.Entry($0.0, $0.1) }
        )
    }

    /// Reads an event; nil when it is none of this version.
    package init?(document: Document) {
        let task = document["task"]?.string
        let unit = task.flatMap { task in
            TaskUnit.Part(text: document["part"]?.string ?? "").map { TaskUnit(task, $0) }
        }
        let (why, commit) = (document["why"]?.string, document["commit"]?.string)
        let failure = document["failure"]?.string
        switch document["event"]?.string {
        case "plan":
            guard let text = document["text"]?.string, let run = document["run"]?.string,
                let pins = document["pins"]?.entries
            else { return nil }
            let values = pins.compactMap { pin in pin.value.string.map { (pin.key, $0) } }
            self = .plan(text: text, run: run, pins: Dictionary(values) { $1 })
        case "gate":
            guard let task, let approved = document["approved"]?.bool else { return nil }
            self = .gate(task: task, approved: approved)
        case "begin":
            guard let unit, let base = document["base"]?.string else { return nil }
            self = .begin(unit, base: base)
        case "lost":
            guard let unit, let why else { return nil }
            self = .lost(unit, why: why)
        case "ended":
            guard let unit else { return nil }
            self = .ended(unit, failure: failure)
        case "result":
            guard let unit, let commit else { return nil }
            self = .result(unit, commit: commit)
        case "checked":
            guard let unit else { return nil }
            self = .checked(unit, failure: failure)
        case "chosen":
            guard let task, let candidate = document["candidate"]?.integer else { return nil }
            self = .chosen(task: task, candidate: Int(clamping: candidate))
        case "failed":
            guard let task, let why else { return nil }
            self = .failed(task: task, why: why)
        case "again": self = .again
        case "merged":
            guard let commit else { return nil }
            self = .merged(commit: commit, previous: document["previous"]?.string)
        case "conflict":
            guard let why else { return nil }
            self = .conflict(why: why)
        case "landed": self = .landed
        case "gone": self = .gone
        default: return nil
        }
    }
}

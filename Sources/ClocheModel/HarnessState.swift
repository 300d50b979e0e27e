// What an agent program is doing, as far as that is known: beside the agent's run state (running, paused, ended), not in
// its place. Values only: how it becomes known is StateWatch's, and where it is kept AgentDirectory's.

/// What an agent program does, since when, and by what that is known.
public struct HarnessState: Equatable, Sendable {
    /// What it does.
    public enum Activity: String, Equatable, Sendable, CaseIterable {
        /// It was started and has shown nothing yet.
        case starting
        /// It is at work.
        case working
        /// It waits for a person.
        case waiting
        /// It has nothing to do.
        case idle
        /// It has ended well, or says that its task is done.
        case done
        /// It has failed.
        case failed
    }

    /// By what it is known.
    public enum Source: String, Equatable, Sendable, CaseIterable {
        /// It was started, and nothing has been seen of it since.
        case start
        /// A line that the program or a hook of its wrote to `CLOCHE_STATE`.
        case hook
        /// Marks of a prompt and of commands: OSC 133.
        case mark
        /// The title of its window.
        case title
        /// What stands on its screen.
        case screen
        /// The terminal's bell.
        case bell
        /// A notification of its: OSC 9 or OSC 777.
        case notification
        /// It shows something, and says nothing of its state.
        case output
        /// It shows nothing any more, and says nothing of its state.
        case silence
        /// Something that it does is held until a person approves of it.
        case approval
        /// It has ended.
        case exit
    }

    /// What it does.
    public var activity: Activity
    /// Since when, in milliseconds since 1970.
    public var since: Int64
    /// By what that is known.
    public var source: Source
    /// What the program said with it, as one harmless line; empty when nothing.
    public var text: String
    /// What is held until a person approves of it, the oldest first.
    public var requests: [HeldRequest] = []

    /// A state.
    public init(_ activity: Activity, since: Int64, by source: Source, text: String = "") {
        self.activity = activity
        self.since = since
        self.source = source
        self.text = text
    }
}

extension HarnessState {
    /// The state as it is kept and as `--json` prints it: `state`, `since`, `by`, and `text` and `requests`
    /// where there are any.
    public func document(since format: (Int64) -> Document) -> Document {
        var document = Document.object([
            "state": .string(activity.rawValue), "since": format(since), "by": .string(source.rawValue),
        ])
        if !text.isEmpty { document["text"] = .string(text) }
        if !requests.isEmpty { document["requests"] = .list(requests.map { $0.document(time: format) }) }
        return document
    }

    /// The state as it is kept: `since` is a number.
    public var document: Document { document { .integer($0) } }

    /// Reads what was kept; nil when a part is missing or unknown.
    public init?(document: Document) {
        guard let activity = document["state"]?.string.flatMap(Activity.init),
            let since = document["since"]?.integer,
            let source = document["by"]?.string.flatMap(Source.init)
        else { return nil }
        self.init(activity, since: since, by: source, text: document["text"]?.string ?? "")
        requests = (document["requests"]?.list ?? []).compactMap(HeldRequest.init(document:))
    }

    /// What an agent's program does, judged from the record, the agent's life, and what its supervisor wrote last.
    ///
    /// A program that does not run is done when it returned 0 or a person ended it, and has failed otherwise; nil for an
    /// agent that never ran or is not whole. What an earlier run left counts for nothing.
    public init?(of record: AgentRecord, in state: AgentState, last: HarnessState?) {
        switch state {
        case .creating, .deleting, .incomplete: return nil
        case .starting, .running, .paused, .stopping:
            let began = record.started ?? record.created
            if let last, last.since >= began {
                self = last
            } else {
                self.init(.starting, since: began, by: .start)
            }
        case .stopped: self.init(.done, since: record.ended ?? record.created, by: .exit)
        case .exited:
            let isGood = record.exitCode == 0
            self.init(isGood ? .done : .failed, since: record.ended ?? record.created, by: .exit)
        case .failed: self.init(.failed, since: record.ended ?? record.created, by: .exit)
        case .lost:
            // When it was lost is not known; what it did last is.
            self.init(.failed, since: last?.since ?? record.started ?? record.created, by: .exit)
        }
    }
}

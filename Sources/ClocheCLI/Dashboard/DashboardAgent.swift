// An agent as the dashboard shows it: words and a tone, with everything that it chose itself made harmless.

internal import Cloche
internal import ClocheModel
internal import LinuxSystem
internal import Messaging
internal import TerminalText

/// One line of the dashboard's list.
struct DashboardAgent: Equatable {
    /// How a state is to strike a person.
    enum Tone: Equatable {
        /// It waits for somebody.
        case attention
        /// It is at work.
        case busy
        /// Nothing happens, and nothing need.
        case calm
        /// What it had to do is done.
        case done
        /// A person has ended it.
        case over
        /// It has failed or is lost.
        case bad
    }

    var name: String
    /// Its state in a word or two.
    var word: String
    var tone: Tone
    /// Since when, in milliseconds since 1970.
    var since: Int64
    /// A supervisor is at work for it.
    var isLive: Bool
    var isPaused = false
    var changes = "-"
    var profile = ""
    var branch: String?
    var task = ""
    /// What its program said of its state.
    var remark = ""
    /// What it asks for, the oldest first; shown by whoever makes it harmless.
    var requests: [HeldRequest] = []
    /// Its questions to the person, the oldest first; shown by whoever makes them harmless.
    var questions: [Message] = []

    /// Whether `resume` may start it again.
    var canResume: Bool { !isLive }
}

extension DashboardAgent {
    init(_ agent: AgentInfo) {
        let record = agent.record
        name = visible(record.name, limit: 64)
        isLive = agent.isRunning
        isPaused = agent.state == .paused
        (word, tone) = Self.words(agent)
        changes = visible(agent.changes, limit: 20)
        profile = visible(record.profile, limit: 64)
        branch = record.branch.map { visible($0, limit: 100) }
        task = visible(record.task.split(separator: "\n").first.map(String.init) ?? "", limit: 200)
        since = record.ended ?? record.started ?? record.created
        questions = agent.questions
        if let question = questions.first {
            (tone, remark) = (.attention, "asks: \(visible(question.content.text))")
        }
        // Of one that runs, what its program does matters.
        guard agent.state == .running, let activity = agent.activity else { return }
        (word, since) = (activity.activity.rawValue, activity.since)
        if questions.isEmpty || activity.requests.isEmpty == false {
            tone = Self.tone(activity.activity)
            remark = visible(activity.text, limit: 200)
        }
        requests = activity.requests
    }

    private static func tone(_ activity: HarnessState.Activity) -> Tone {
        switch activity {
        case .waiting: .attention
        case .starting, .working: .busy
        case .idle: .calm
        case .done: .done
        case .failed: .bad
        }
    }

    private static func words(_ agent: AgentInfo) -> (String, Tone) {
        switch (agent.state, agent.record.exitCode) {
        case (.exited, 0?): ("done", .done)
        case (.exited, let code?): ("exited(\(code))", .bad)
        case (.failed, _), (.lost, _), (.incomplete, _): (agent.state.rawValue, .bad)
        case (.running, _), (.starting, _), (.creating, _): (agent.state.rawValue, .busy)
        case (.paused, _): (agent.state.rawValue, .calm)
        case (.exited, _), (.stopped, _), (.stopping, _), (.deleting, _): (agent.state.rawValue, .over)
        }
    }

    /// How long it is so, in few characters.
    func age(now: Int64) -> String {
        let seconds = max(0, (now - since) / 1000)
        switch seconds {
        case ..<120: return "\(seconds)s"
        case ..<7200: return "\(seconds / 60)m"
        case ..<172_800: return "\(seconds / 3600)h"
        default: return "\(seconds / 86400)d"
        }
    }

    /// `fixer: running since 12:03`, with the day where it is another.
    func sentence(now: Int64) -> String {
        let (then, today) = (WallClock.syslogStamp(since), WallClock.syslogStamp(now))
        let time =
            then.prefix(6) == today.prefix(6) ? String(then.dropFirst(7).prefix(5)) : String(then.prefix(12))
        return "\(name): \(word) since \(time)"
    }

    /// Those that live first, each group by name.
    static func sorted(_ agents: [DashboardAgent]) -> [DashboardAgent] {
        agents.sorted { one, other in
            one.isLive == other.isLive ? one.name < other.name : one.isLive
        }
    }
}

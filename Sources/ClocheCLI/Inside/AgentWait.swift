// wait, inside: until children have ended, or say that they are done.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import LinuxSystem
internal import ProfileLoading
internal import TerminalText

enum AgentWait {
    /// Between two looks, in milliseconds: what is looked at are two small files each.
    private static let interval: Int32 = 100

    /// How a child is that need not be waited for any more.
    private struct Outcome {
        let agent: FamilyMember
        /// `done`, `failed`, or the state that it is in.
        let word: String
        let text: String

        var isGood: Bool { word != HarnessState.Activity.failed.rawValue }
    }

    static func run(_ context: AgentContext) throws(ClocheError) -> Int32 {
        let command = context.command
        var pending: [String] = []
        for name in command.rest where !pending.contains(name) { pending.append(name) }
        let limit = try timeout(command)
        let deadline = limit.map { MonotonicClock.milliseconds + $0 * 1000 }
        var found: [Outcome] = []
        while true {
            for name in pending {
                guard let one = outcome(try context.agent.child(name), idle: command.flag("idle")) else {
                    continue
                }
                found.append(one)
                pending.removeAll { $0 == name }
                if !command.flag("json") { show(one, context.output) }
            }
            let isOver = deadline.map { MonotonicClock.milliseconds >= $0 } ?? false
            if pending.isEmpty || isOver || command.flag("any") && !found.isEmpty { break }
            if context.connection.hasEnded(after: interval) { return ExitCode.negative }
        }
        // What ended ones had is there again.
        try context.agent.settleShares()
        return tell(found, pending, context)
    }

    private static func tell(_ found: [Outcome], _ pending: [String], _ context: AgentContext) -> Int32 {
        let isAny = context.command.flag("any") && !found.isEmpty
        if context.command.flag("json") {
            context.output.json(
                .object([
                    "agents": .list(found.map(document)), "pending": .strings(pending),
                    "timeout": .bool(!pending.isEmpty && !isAny),
                ])
            )
        }
        if !pending.isEmpty && !isAny {
            context.output.note("the time is over; not yet: \(pending.joined(separator: ", "))")
            return ExitCode.timeout
        }
        return found.allSatisfy(\.isGood) ? ExitCode.success : ExitCode.negative
    }

    private static func timeout(_ command: ParsedCommand) throws(ClocheError) -> Int64? {
        guard let text = command.value("timeout") else { return nil }
        if let seconds = Quantity.seconds(text) { return min(seconds, 1_000_000_000) }
        throw ClocheError(
            .usage,
            "bad time '\(visible(text, limit: 40))'",
            why: "it must be seconds or a duration",
            remedy: "for example 30, 10m or 1h30m"
        )
    }

    private static func outcome(_ agent: FamilyMember, idle: Bool) -> Outcome? {
        let activity = agent.activity
        if agent.isLiving {
            // What it has said of its work, whatever its program does now.
            if let result = agent.result {
                return Outcome(agent: agent, word: result.activity.rawValue, text: result.text)
            }
            let text = activity?.text ?? ""
            switch activity?.activity {
            case .done?, .failed?:
                return Outcome(agent: agent, word: activity?.activity.rawValue ?? "", text: text)
            // A program that has shown nothing yet is no idle one.
            case .waiting?, .idle?:
                return idle ? Outcome(agent: agent, word: activity?.activity.rawValue ?? "", text: text) : nil
            default: return nil
            }
        }
        let hasEndedWell = agent.state == .exited && agent.record.exitCode == 0 || agent.state == .stopped
        let isGood = hasEndedWell && agent.result?.activity != .failed
        let text = agent.record.failure ?? agent.result?.text ?? agent.state.rawValue
        return Outcome(agent: agent, word: isGood ? "done" : "failed", text: text)
    }

    private static func show(_ outcome: Outcome, _ output: Output) {
        let text = outcome.text.isEmpty ? "" : ": " + visible(outcome.text, limit: 400)
        output.line("\(outcome.agent.record.name) \(outcome.word)\(text)")
    }

    private static func document(_ outcome: Outcome) -> Document {
        var fields = AgentFunctions.document(outcome.agent)
        fields["outcome"] = .string(outcome.word)
        return fields
    }
}

// wait --for: until an agent's terminal is silent, or shows something.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import LinuxSystem
internal import ProfileLoading
internal import TerminalText

enum WaitForCommand {
    /// What `--for` says; nil for the end of agents, which `WaitCommand` waits for.
    static func condition(_ command: ParsedCommand) throws(ClocheError) -> AwaitedCondition? {
        let text = command.value("for") ?? "exit"
        let (kind, rest) = split(text)
        let sinceStart = command.flag("since-start")
        if sinceStart, kind != "output" {
            throw ClocheError(
                .usage,
                "--since-start goes with --for output:REGEX",
                remedy: "leave it out, or say what to look for"
            )
        }
        switch (kind, rest) {
        case ("exit", nil): return nil
        case ("idle", let rest):
            // A fraction is finer than what durations are written with.
            let time = rest ?? "2"
            guard let milliseconds = Quantity.thousandths(time) ?? Quantity.seconds(time).map({ $0 * 1000 }),
                1...1_000_000_000 ~= milliseconds
            else {
                throw bad(text, "the time must be seconds or a duration, such as idle:5, idle:0.5 or idle:1m")
            }
            return .idle(milliseconds: milliseconds)
        case ("output", let pattern?) where !pattern.isEmpty:
            do throws(PosixRegexError) {
                return .output(try PosixRegex(pattern), sinceStart: sinceStart)
            } catch { throw bad(text, "the regular expression is wrong: \(error.why)") }
        case ("screen", let pattern?) where !pattern.isEmpty:
            do throws(PosixRegexError) {
                return .screen(try PosixRegex(pattern))
            } catch { throw bad(text, "the regular expression is wrong: \(error.why)") }
        case ("state", let names?):
            let words = names.split(separator: ",", omittingEmptySubsequences: false)
            let states = words.compactMap { HarnessState.Activity(rawValue: String($0)) }
            guard states.count == words.count else {
                let known = HarnessState.Activity.allCases.map(\.rawValue).joined(separator: ", ")
                throw bad(text, "a state is one of \(known), and commas stand between several")
            }
            return .state(Set(states))
        default:
            throw bad(
                text,
                "it must be exit, idle, idle:SECONDS, output:REGEX, screen:REGEX or state:STATE"
            )
        }
    }

    private static func split(_ text: String) -> (kind: String, rest: String?) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        return (String(parts[0]), parts.count > 1 ? String(parts[1]) : nil)
    }

    private static func bad(_ text: String, _ why: String) -> ClocheError {
        ClocheError(
            .usage,
            "bad condition '\(visible(text, limit: 80))'",
            why: why,
            remedy: "for example --for idle:5 or --for 'output:tests? passed'"
        )
    }

    static func run(_ context: Context, _ condition: AwaitedCondition, milliseconds: Int64?)
        throws(ClocheError)
        -> Int32
    {
        let command = context.command
        guard let name = command.rest.first, command.rest.count == 1, !command.flag("any") else {
            throw ClocheError(
                .usage,
                "--for \(condition.name) is for one agent",
                why: "only for the end of agents several can be waited for",
                remedy: "give one name, without --all and --any"
            )
        }
        let outcome = try context.project.wait(for: name, until: condition, milliseconds: milliseconds)
        if command.flag("json") {
            context.output.json(document(name, condition, outcome))
        } else {
            show(context, name, outcome)
        }
        return switch outcome {
        case .met, .reached: ExitCode.success
        case .timeout: ExitCode.timeout
        case .ended: ExitCode.negative
        }
    }

    private static func show(_ context: Context, _ name: String, _ outcome: AwaitedOutcome) {
        switch outcome {
        case .met(let line?): context.output.line(visible(line, limit: 4000))
        case .met: context.output.line("\(name) is idle")
        case .reached(let state):
            let text = state.text.isEmpty ? "" : ": " + visible(state.text, limit: 200)
            context.output.line("\(name) is \(state.activity.rawValue)\(text)")
        case .timeout: context.output.note("the time is over; what was waited for has not come")
        case .ended(let why): context.output.note("\(name) \(why) before what was waited for came")
        }
    }

    private static func document(_ name: String, _ condition: AwaitedCondition, _ outcome: AwaitedOutcome)
        -> Document
    {
        var line: String?
        var failure: String?
        var activity: HarnessState?
        switch outcome {
        case .met(let found): line = found
        case .reached(let found): activity = found
        case .timeout: failure = "timeout"
        case .ended: failure = "ended"
        }
        return .object([
            "name": .string(name), "for": .string(condition.name), "met": .bool(failure == nil),
            "line": .optional(line),
            "activity": activity?.document { .string(WallClock.format($0)) } ?? .null,
            "failure": .optional(failure),
        ])
    }
}

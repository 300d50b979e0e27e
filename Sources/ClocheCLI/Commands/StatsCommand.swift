// stats: what agents use, once or again and again. The drawing is in Stats/.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import LinuxSystem
internal import StructuredText
internal import Supervision

enum StatsCommand {
    /// How long a supervisor is waited for.
    static let patience: Int64 = 1000
    /// Between the two samples of a rate, where there is no interval.
    static let firstInterval: Int64 = 300

    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let interval = try interval(command)
        let watch = try ResourceWatch(context.project, names: command.rest)
        var history = UsageHistory()
        history.add(try watch.round(milliseconds: patience))
        Pause.milliseconds(Int32(firstInterval))
        history.add(try watch.round(milliseconds: patience))
        guard command.flag("watch") else {
            show(history, context)
            return ExitCode.success
        }
        var printed = 0
        while true {
            let next = MonotonicClock.milliseconds + interval
            printed = showAgain(history, context, over: printed)
            if context.output.problem != nil { return ExitCode.success }
            let isOver = !history.now.contains { $0.state.isSupervised }
            if !command.rest.isEmpty && isOver { return ExitCode.success }
            Pause.milliseconds(Int32(clamping: max(0, next - MonotonicClock.milliseconds)))
            history.add(try watch.round(milliseconds: min(interval, patience)))
        }
    }

    /// What `--interval` says, in milliseconds.
    static func interval(_ command: ParsedCommand) throws(ClocheError) -> Int64 {
        guard let text = command.value("interval") else { return 1000 }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let fraction = parts.count > 1 ? parts[1] : "0"
        let isDecimal =
            parts.count <= 2
            && parts.allSatisfy { part in
                !part.isEmpty && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
            }
        if isDecimal, fraction.count <= 3, let whole = Int64(parts[0]), whole <= 3600,
            let thousandths = Int64(fraction + String(repeating: "0", count: 3 - fraction.count)),
            whole * 1000 + thousandths >= 100
        {
            return whole * 1000 + thousandths
        }
        throw ClocheError(
            .usage,
            "bad interval \(text.debugDescription)",
            why: "it must be a number of seconds from 0.1 to 3600",
            remedy: "for example --interval 0.5"
        )
    }

    static func sort(_ command: ParsedCommand, standard: UsageSort) -> UsageSort {
        command.value("sort").flatMap(UsageSort.init) ?? standard
    }

    static func style(_ output: Output) -> UsageStyle {
        UsageStyle(unicode: UsageStyle.isUnicode(ProcessEnvironment.value), colors: output.usesColors)
    }

    private static func show(_ history: UsageHistory, _ context: Context) {
        let rows = history.rows(sort(context.command, standard: .name))
        if context.command.flag("json") {
            return context.output.json(.list(rows.map { $0.document(time: history.time) }))
        }
        let width = Terminal.size(1).map { Int($0.columns) }
        for line in UsageTable(rows, style(context.output)).lines(width: width) { context.output.line(line) }
        if rows.isEmpty { context.output.note("no agent runs") }
    }

    /// On a terminal in the place of what was shown before; returns how many lines that is now.
    private static func showAgain(_ history: UsageHistory, _ context: Context, over before: Int) -> Int {
        let output = context.output
        let rows = history.rows(sort(context.command, standard: .name))
        if context.command.flag("json") {
            output.line(JSONText.serialize(.list(rows.map { $0.document(time: history.time) })))
            return 0
        }
        let table = UsageTable(rows, style(output))
        guard let size = Terminal.size(1), ProcessEnvironment.value("TERM") != "dumb" else {
            output.line(table.lines().joined(separator: "\n") + "\n")
            return 0
        }
        let lines = table.lines(width: max(1, Int(size.columns) - 1), height: max(1, Int(size.rows) - 1))
        output.bytes(Array(ScreenBytes.inPlace(lines, before: min(before, Int(size.rows) - 1)).utf8))
        return lines.count
    }
}

/// The newest samples, and of each agent the one before, for rates.
struct UsageHistory {
    private(set) var now: [AgentSample] = []
    private var before: [AgentSample] = []
    /// When the newest samples were taken, in milliseconds since 1970.
    private(set) var time: Int64 = 0

    mutating func add(_ samples: [AgentSample]) {
        time = WallClock.milliseconds
        let known = Dictionary(now.map { ($0.name, $0) }) { first, _ in first }
        let older = Dictionary(before.map { ($0.name, $0) }) { first, _ in first }
        // Of one that was silent last time, the sample before that serves.
        before = samples.compactMap { sample in
            known[sample.name].flatMap { $0.usage == nil ? nil : $0 } ?? older[sample.name]
        }
        now = samples
    }

    func rows(_ sort: UsageSort) -> [UsageRow] { UsageRow.rows(now, since: before, by: sort) }
}

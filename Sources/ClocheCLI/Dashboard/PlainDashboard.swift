// The dashboard for screen readers, dumb terminals and pipes: a line for each agent, and one whenever an agent changes.

internal import Cloche
internal import Glibc
internal import LinuxSystem
internal import Supervision
internal import TerminalText

/// What changed, in lines; pure.
struct PlainChanges {
    private var known: [DashboardAgent]?

    /// The lines that tell what is new since the last call; at first, what there is.
    mutating func lines(_ agents: [DashboardAgent], now: Int64) -> [String] {
        defer { known = agents }
        guard let known else {
            return agents.isEmpty ? ["no agents yet"] : agents.map { $0.sentence(now: now) }
        }
        let before = Dictionary(known.map { ($0.name, $0) }) { first, _ in first }
        let names = Set(agents.map(\.name))
        let changed = agents.filter { agent in
            before[agent.name].map { $0.word != agent.word } ?? true
        }
        return changed.map { $0.sentence(now: now) }
            + known.filter { !names.contains($0.name) }.map { "\($0.name): deleted" }
    }
}

/// The dashboard as lines.
final class PlainDashboard {
    private static let pace: Int64 = 1000

    private let agents: AgentWatch
    private let rings: Bool
    private var changes = PlainChanges()
    private var model = DashboardModel()

    init(_ project: Project, rings: Bool) {
        agents = AgentWatch(project)
        self.rings = rings
    }

    /// Prints until the person leaves, a signal comes, or nobody reads; returns the exit code.
    func run() throws(SystemError) -> Int32 {
        let signals = try SignalDescriptor([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT])
        let settings = Terminal.Settings(0)
        settings?.makeRaw()
        defer { settings?.restore() }
        // In raw mode a line feed goes down only.
        let end = settings == nil ? "\n" : "\r\n"
        var next = MonotonicClock.milliseconds
        if settings != nil, UserOutput.write(Array("q leaves\(end)".utf8)) != nil {
            return ExitCode.brokenPipe
        }
        while true {
            if MonotonicClock.milliseconds >= next {
                next = MonotonicClock.milliseconds + Self.pace
                if !tell(end) { return ExitCode.brokenPipe }
            }
            let ready = try Poll.wait(
                [
                    Poll.Interest(signals.descriptor.number, readable: true),
                    Poll.Interest(0, readable: settings != nil),
                ],
                milliseconds: Int32(clamping: max(0, next - MonotonicClock.milliseconds))
            )
            if ready[0] {
                for number in signals.take() {
                    switch number {
                    case SIGCONT: settings?.makeRaw()
                    case SIGTSTP: Self.suspend(settings)
                    default: return 128 + number
                    }
                }
            }
            guard ready[1] else { continue }
            let typed = UserInput.read()
            if typed.isEmpty { return 128 + SIGHUP }
            for byte in typed {
                if byte == UInt8(ascii: "q") || byte == 0x03 { return ExitCode.success }
                if byte == 0x1A { Self.suspend(settings) }
            }
        }
    }

    private static func suspend(_ settings: borrowing Terminal.Settings?) {
        settings?.restore()
        kill(getpid(), SIGSTOP)
        settings?.makeRaw()
    }

    /// False when nobody reads.
    private func tell(_ end: String) -> Bool {
        let now = DashboardAgent.sorted(agents.agents().map(DashboardAgent.init))
        let waiting = model.take(agents: now)
        let lines = changes.lines(now, now: WallClock.milliseconds)
        if lines.isEmpty { return true }
        let bell = rings && !waiting.isEmpty ? "\u{07}" : ""
        return UserOutput.write(Array((bell + lines.map { $0 + end }.joined()).utf8)) == nil
    }
}

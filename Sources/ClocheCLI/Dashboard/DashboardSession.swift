// The dashboard at work: one thread and one poll over the person's keys, signals, supervisors' answers and commands
// that run. Nothing here waits for a supervisor or a command; what is shown is the model's, drawn by DashboardView.

internal import Cloche
internal import ClocheModel
internal import Glibc
internal import LinuxSystem
internal import StructuredText
internal import Supervision
internal import TerminalScreen
internal import TerminalText

/// The full-screen view of a project.
final class DashboardSession {
    /// What a command was started for.
    enum Purpose: Equatable {
        /// Its words are shown.
        case words
        /// Its output goes to the pager.
        case pager(String)
        /// Its output is the last screen of an agent that has ended.
        case lastScreen(String, key: String)
    }

    /// How often what is asked, in milliseconds.
    private static let listPace: Int64 = 1000
    private static let usagePace: Int64 = 2000
    private static let screenPace: Int64 = 250
    /// A supervisor that owes an answer for so long is said not to answer.
    private static let patience: Int64 = 2000
    /// So long commands that were begun are waited for at the end.
    private static let leavingPatience: Int64 = 5000
    /// More commands at once are refused.
    private static let mostChildren = 16

    let commands: DashboardCommands
    private let project: Project
    private let look: DashboardLook
    private let rings: Bool
    private let agents: AgentWatch
    private let screens: ScreenWatch
    private let usage: ResourceWatch
    private var history = UsageHistory()
    private var model = DashboardModel()
    private var keys = KeyReader()
    private var lastKey: Int64 = 0
    private var children: [(child: CommandChild, purpose: Purpose)] = []
    /// Of which agent and time the last screen is there or asked for.
    private var lastScreen = ""
    private var auditSize: (name: String, size: Int64)?

    /// When what is due; milliseconds of the monotonic clock.
    private var due: (list: Int64, usage: Int64, screen: Int64) = (0, 0, 0)
    private var usageEnd: Int64?
    private var rounds = 0

    private var painter: FramePainter?
    private var painted: Canvas?
    /// The exit code with which it ends.
    private var ending: Int32?
    /// After `q`, until when commands that were begun are waited for.
    private var patienceEnd: Int64?
    /// Another program has had the screen.
    private var hasShownOthers = false

    init(_ project: Project, _ look: DashboardLook, rings: Bool, _ commands: DashboardCommands)
        throws(ClocheError)
    {
        (self.project, self.look, self.rings, self.commands) = (project, look, rings, commands)
        agents = AgentWatch(project)
        screens = ScreenWatch(project)
        usage = try ResourceWatch(project)
        model.project = visible(String(project.directory.split(separator: "/").last ?? "/"), limit: 100)
    }

    /// Shows the dashboard until the person leaves or a signal ends it; returns the exit code.
    func run() throws(SystemError) -> Int32 {
        let signals = try SignalDescriptor([
            SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH, SIGCHLD,
        ])
        guard let settings = Terminal.Settings(0) else { throw SystemError("tcgetattr", .noEntry) }
        enter(settings)
        defer { leave(settings) }
        while ending == nil {
            advance()
            paint()
            let fixed = [
                Poll.Interest(signals.descriptor.number, readable: true),
                Poll.Interest(0, readable: true), screens.interest,
            ]
            let watched = usage.interests
            let ready = try Poll.wait(
                fixed + watched + children.flatMap(\.child.interests),
                milliseconds: wait()
            )
            usage.take(Array(ready[3..<3 + watched.count]))
            for (number, entry) in children.enumerated() {
                let start = 3 + watched.count + 3 * number
                entry.child.take(Array(ready[start..<start + 3]))
            }
            if ready[2], let answer = screens.take() { take(answer) }
            if ready[0] {
                for number in signals.take() { try react(number, settings, signals) }
            }
            try readKeys(ready[1], settings, signals)
            if let patienceEnd, !isBusy || MonotonicClock.milliseconds >= patienceEnd { end() }
        }
        return ending ?? ExitCode.success
    }

    // MARK: The terminal

    private func enter(_ settings: borrowing Terminal.Settings) {
        settings.makeRaw()
        painter = nil
        measure()
    }

    private func leave(_ settings: borrowing Terminal.Settings) {
        UserOutput.write(AttachFilter.reset)
        // What a program left is on the whole screen, and where its cursor was is forgotten.
        if hasShownOthers { UserOutput.write(Array("\u{1B}[\(model.rows);1H\r\n".utf8)) }
        settings.restore()
        painter = nil
    }

    private func measure() {
        let size = Terminal.size(1) ?? TerminalSize(columns: 80, rows: 24)
        let (columns, rows) = (Int(size.columns), Int(size.rows))
        if (model.columns, model.rows) != (columns, rows) { painter = nil }
        (model.columns, model.rows) = (columns, rows)
    }

    private func paint() {
        let canvas = DashboardView.draw(model, look)
        if painter == nil {
            painter = FramePainter(columns: model.columns, rows: model.rows)
            painted = nil
        }
        guard canvas != painted else { return }
        painted = canvas
        if let frame = painter?.frame(canvas.screen), UserOutput.write(frame) != nil { end(by: SIGHUP) }
    }

    private func suspend(_ settings: borrowing Terminal.Settings) {
        leave(settings)
        kill(getpid(), SIGSTOP)
        // Here it goes on.
        enter(settings)
    }

    private func react(
        _ number: CInt,
        _ settings: borrowing Terminal.Settings,
        _ signals: borrowing SignalDescriptor
    ) throws(SystemError) {
        switch number {
        case SIGCHLD: try reap(settings, signals)
        case SIGWINCH: measure()
        case SIGTSTP: suspend(settings)
        // Whoever stopped it from outside may have changed the terminal.
        case SIGCONT: enter(settings)
        default: end(by: number)
        }
    }

    /// This round is the last; the first reason counts.
    private func end(by signal: CInt? = nil) {
        ending = ending ?? signal.map { 128 + $0 } ?? ExitCode.success
    }

    /// Commands that a person has begun have not ended.
    private var isBusy: Bool { children.contains { $0.purpose == .words } }

    /// One that is left while it runs would find nobody who reads what it says, and end by that.
    private func quit() {
        if !isBusy || patienceEnd != nil { return end() }
        patienceEnd = MonotonicClock.milliseconds + Self.leavingPatience
        tell("waiting for what was begun; q leaves at once")
    }

    // MARK: Keys

    private func readKeys(
        _ isReady: Bool,
        _ settings: borrowing Terminal.Settings,
        _ signals: borrowing SignalDescriptor
    ) throws(SystemError) {
        let now = MonotonicClock.milliseconds
        var events: [InputEvent]
        if isReady {
            let typed = UserInput.read()
            // The terminal has gone.
            if typed.isEmpty { return end(by: SIGHUP) }
            lastKey = now
            events = keys.feed(typed)
        } else {
            events = keys.silence(now - lastKey)
        }
        while !events.isEmpty, ending == nil {
            let event = events.removeFirst()
            let before = model.selected
            let effect = model.take(event, at: now)
            if model.selected != before { (due.screen, auditSize) = (0, nil) }
            if let effect { try carryOut(effect, settings, signals) }
        }
    }

    private func carryOut(
        _ effect: DashboardEffect,
        _ settings: borrowing Terminal.Settings,
        _ signals: borrowing SignalDescriptor
    ) throws(SystemError) {
        switch effect {
        case .quit: quit()
        case .suspend: suspend(settings)
        case .redraw: painter = nil
        case .attach(let name): try attach(name, settings, signals)
        case .message(let name, let text): start(["message", name, "-"], input: Array(text.utf8))
        case .reply(let question, let text): start(["answer", question, "-"], input: Array(text.utf8))
        case .stop(let name):
            tell("stopping \(name)")
            start(["stop", name])
        case .resume(let name):
            tell("resuming \(name)")
            start(["resume", name])
        case .answer(let request, let isApproval, let isLasting):
            start([isApproval ? "approve" : "deny", request] + (isLasting ? ["--always"] : []))
        case .pause(let name): start(["pause", name])
        case .unpause(let name): start(["unpause", name])
        case .diff(let name):
            tell("fetching from \(name)")
            let colour = look.colours ? "always" : "never"
            start(["diff", "--for-terminal", "--color", colour, name], for: .pager(name))
        }
    }

    private func tell(_ text: String, isBad: Bool = false) {
        model.tell(text, isBad: isBad, at: MonotonicClock.milliseconds)
    }

    private func attach(
        _ name: String,
        _ settings: borrowing Terminal.Settings,
        _ signals: borrowing SignalDescriptor
    ) throws(SystemError) {
        leave(settings)
        let program = ForegroundProgram(commands.command(["attach", name]), keepsErrors: true)
        let outcome = try program.run(signals)
        hasShownOthers = true
        enter(settings)
        let words = String(decoding: outcome.errors, as: UTF8.self).split(separator: "\n")
            .map { $0.hasPrefix("cloche: ") ? $0.dropFirst(8) : $0 }.joined(separator: ";")
        if !words.isEmpty { tell(words, isBad: outcome.code != 0) }
        // Everything may have changed meanwhile.
        due = (0, due.usage, 0)
        if let signal = outcome.signal { end(by: signal) }
        // Ends of others were told meanwhile.
        try reap(settings, signals)
    }

    // MARK: Commands

    private func start(_ words: [String], input: [UInt8] = [], for purpose: Purpose = .words) {
        guard children.count < Self.mostChildren else {
            return tell("too many commands have not ended yet", isBad: true)
        }
        do throws(SystemError) {
            let child = try CommandChild(commands.command(words), input: input)
            children.append((child, purpose))
        } catch { tell("cannot run cloche: \(error.description)", isBad: true) }
    }

    /// Takes in what commands that have ended left.
    private func reap(_ settings: borrowing Terminal.Settings, _ signals: borrowing SignalDescriptor)
        throws(SystemError)
    {
        var left: [(child: CommandChild, purpose: Purpose)] = []
        var ended: [(child: CommandChild, purpose: Purpose, code: Int32)] = []
        for (child, purpose) in children {
            if let code = try child.status() {
                ended.append((child, purpose, code))
            } else {
                left.append((child, purpose))
            }
        }
        children = left
        for (child, purpose, code) in ended {
            due.list = 0
            switch purpose {
            case .words: if !child.words.isEmpty { tell(child.words, isBad: code != 0) }
            case .lastScreen(let name, let key):
                // What cannot be read is no screen.
                let report = (try? JSONText.parse(child.output)).flatMap(ScreenReport.init(document:))
                let words = "nothing is kept of its screen"
                model.take(preview: report.map { .last($0) } ?? .words(words), of: name)
                if key != lastScreen { due.screen = 0 }
            case .pager(let name):
                guard code == 0, !child.output.isEmpty else {
                    tell(code == 0 ? "\(name) has changed nothing" : child.words, isBad: code != 0)
                    continue
                }
                let isCut = child.output.count >= CommandChild.mostOutput
                let note = "\ncloche: the rest is left out; `cloche diff \(name)` has it\n"
                try page(child.output + (isCut ? Array(note.utf8) : []), settings, signals)
            }
        }
    }

    private func page(
        _ output: [UInt8],
        _ settings: borrowing Terminal.Settings,
        _ signals: borrowing SignalDescriptor
    ) throws(SystemError) {
        // A person who types a message is not interrupted; `d` brings it again.
        guard model.mode == .browse else { return tell("the diff is there: d shows it") }
        model.expire(at: .max)
        leave(settings)
        let began = MonotonicClock.milliseconds
        let outcome = try ForegroundProgram(commands.pager(), input: output).run(signals)
        hasShownOthers = true
        if let signal = outcome.signal { end(by: signal) }
        if outcome.code == 127 { tell("the pager was not found: see PAGER", isBad: true) }
        // One that shows nothing by itself, such as cat: a person must be able to read what it wrote.
        if MonotonicClock.milliseconds - began < 1000 { try awaitEnter(signals) }
        enter(settings)
        // Ends of others were told meanwhile.
        try reap(settings, signals)
    }

    private func awaitEnter(_ signals: borrowing SignalDescriptor) throws(SystemError) {
        if ending == nil { UserOutput.write(Array("\u{1B}[7m Enter goes back \u{1B}[0m".utf8)) }
        while ending == nil {
            let ready = try Poll.wait([
                Poll.Interest(0, readable: true), Poll.Interest(signals.descriptor.number, readable: true),
            ])
            if ready[0] {
                if UserInput.read().isEmpty { end(by: SIGHUP) }
                return
            }
            for number in signals.take() {
                if [SIGTERM, SIGHUP].contains(number) { end(by: number) }
                if number == SIGTSTP { kill(getpid(), SIGSTOP) }
                if number == SIGINT { return }
            }
        }
    }

    // MARK: What is asked again and again

    private func wait() -> Int32 {
        let now = MonotonicClock.milliseconds
        var next = min(due.list, due.screen, usageEnd ?? due.usage, patienceEnd ?? .max)
        if let patience = keys.patience { next = min(next, lastKey + patience) }
        return Int32(clamping: max(0, next - now))
    }

    private func advance() {
        let now = MonotonicClock.milliseconds
        model.now = WallClock.milliseconds
        model.expire(at: now)
        if now >= due.list {
            let before = model.selected
            let waiting = model.take(agents: agents.agents().map(DashboardAgent.init))
            if rings && !waiting.isEmpty { UserOutput.write([0x07]) }
            if model.selected != before { due.screen = 0 }
            due.list = now + Self.listPace
            readRefusals()
        }
        advanceUsage(now)
        if now >= due.screen {
            due.screen = now + Self.screenPace
            askScreen(now)
        }
    }

    private func advanceUsage(_ now: Int64) {
        if usageEnd == nil && now >= due.usage {
            usage.begin()
            rounds += 1
            usageEnd = now + StatsCommand.patience
            // The first rates come soon.
            due.usage = now + (rounds == 1 ? StatsCommand.firstInterval : Self.usagePace)
        }
        if let end = usageEnd, usage.isComplete || now >= end {
            usageEnd = nil
            history.add(usage.samples)
            model.take(usage: history.rows(.name))
        }
    }

    private func askScreen(_ now: Int64) {
        guard let agent = model.current else { return screens.forget() }
        guard agent.isLive else {
            screens.forget()
            let key = "\(agent.name) \(agent.since) \(agent.word)"
            let isAsked = children.contains { entry in
                if case .lastScreen = entry.purpose { true } else { false }
            }
            if isAsked || (key == lastScreen && model.preview != .none) { return }
            lastScreen = key
            start(["look", "--json", agent.name], for: .lastScreen(agent.name, key: key))
            return
        }
        if let answer = screens.ask(agent.name) { take(answer) }
        if let asked = screens.asked, now - asked > Self.patience {
            model.take(preview: .words("its supervisor does not answer"), of: agent.name)
        }
    }

    private func take(_ answer: ScreenWatch.Answer) {
        guard let name = screens.name, case .screen(let report) = answer else { return }
        model.take(preview: .screen(report), of: name)
    }

    private func readRefusals() {
        guard let name = model.selected, let size = project.auditSize(ofAgent: name) else { return }
        if let auditSize, auditSize == (name, size) { return }
        auditSize = (name, size)
        // A log that cannot be read is told by `why`.
        model.take(refusals: (try? project.lateRefusals(ofAgent: name)) ?? [], of: name)
    }
}

/// Programs that the dashboard starts.
struct DashboardCommands {
    private let executable: String
    private let project: String
    private let environment: [String]

    init(executable: String, project: String) throws(SystemError) {
        (self.executable, self.project) = (executable, project)
        environment = try ProcessEnvironment.atStart()
    }

    /// A command of Cloche in this project.
    func command(_ words: [String]) -> Subprocess {
        Subprocess(executable, ["-C", project] + words, environment: environment)
    }

    /// `$PAGER`, which the user has chosen, as a shell reads it; else less.
    func pager() -> Subprocess {
        let chosen = ProcessEnvironment.value("PAGER") ?? ""
        // Colours pass, and a short text stays until it is left.
        let less = (ProcessEnvironment.value("LESS") ?? "") + " -R -+F"
        return Subprocess(
            "/bin/sh",
            ["-c", chosen.isEmpty ? "less" : chosen],
            environment: environment.filter { !$0.hasPrefix("LESS=") } + ["LESS=\(less)"]
        )
    }
}

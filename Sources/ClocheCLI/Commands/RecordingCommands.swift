// logs, replay: what an agent's terminal showed, from its recording.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import Glibc
internal import LinuxSystem
internal import SessionRecording
internal import Supervision
internal import TerminalText

enum LogsCommand {
    /// How often is looked for more, in milliseconds.
    private static let interval: Int32 = 100

    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let project = try context.project
        let name = command.required("name")
        let files = try project.recording(name)
        var text = LogText(lines: command.number("lines"), context.output)
        if !files.exists { text.feed(try project.earlierLog(name)) }
        let follows = command.flag("follow")
        var isRunning = follows
        repeat {
            // Before it is read: what an agent shows last is there when it has ended.
            if follows { isRunning = try project.agent(name).isRunning }
            do throws(SystemError) {
                try files.refresh()
                while let events = try files.next() {
                    for event in events where event.kind == .output { text.feed(event.bytes) }
                }
            } catch { throw Project.cannotRead(name, error) }
            if !isRunning { text.finish() }
            text.show()
            if context.output.problem != nil { break }
            if isRunning { Pause.milliseconds(interval) }
        } while isRunning
        return ExitCode.success
    }
}

/// The lines of a terminal's output on their way to a person.
private struct LogText {
    /// So much is held before it is shown, or cut down to the last lines.
    private var enough = 1 << 20

    private let output: Output
    private var filter = PlainTextFilter()
    private var text: [UInt8] = []
    /// Only so many of the last lines are wanted; nil once they were shown.
    private var lines: Int?

    init(lines: Int?, _ output: Output) {
        self.lines = lines
        self.output = output
    }

    mutating func feed(_ bytes: [UInt8]) {
        filter.feed(bytes, into: &text)
        guard text.count > enough else { return }
        if let lines {
            text = Self.last(text, lines)
            enough = max(enough, 2 * text.count)
        } else {
            show()
        }
    }

    mutating func finish() { filter.finish(into: &text) }

    mutating func show() {
        if let lines { text = Self.last(text, lines) }
        lines = nil
        if !text.isEmpty { output.bytes(text) }
        text.removeAll(keepingCapacity: true)
    }

    /// The last lines.
    private static func last(_ text: [UInt8], _ lines: Int) -> [UInt8] {
        var rest = text[...]
        if rest.last == 0x0a { rest = rest.dropLast() }
        var left = lines
        var start = rest.endIndex
        while start > rest.startIndex && left > 0 {
            let newline = rest[..<start].lastIndex(of: 0x0a)
            left -= 1
            guard let newline else { return text }
            if left == 0 { return Array(text[(newline + 1)...]) }
            start = newline
        }
        return lines == 0 ? [] : text
    }
}

enum ReplayCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let name = command.required("name")
        let pace = ReplayPace(
            speed: try speed(command),
            idleLimit: try time(command, "idle-limit", "a number of seconds, such as 2 or 0.5")
        )
        let at = try time(command, "at", "an offset in the recording, such as 10:32, 1:02:03 or 632")
        let start = at ?? 0
        let files = try context.project.recording(name)
        guard files.exists else {
            throw ClocheError(
                .notFound,
                "there is no recording of \(name)",
                why: "it has not run since Cloche makes recordings",
                remedy: "`cloche logs \(name)` shows what was kept of its output"
            )
        }
        do throws(SystemError) {
            if command.flag("json") {
                context.output.json(document(try RecordingTotals(files), of: files))
                return ExitCode.success
            }
        } catch { throw Project.cannotRead(name, error) }
        if let file = command.value("still") {
            let form = try Still.form(of: file)
            let still = Still(report: try context.project.still(name, at: at), title: "\(name), recorded")
            try still.write(form, to: file, context.output)
            return ExitCode.success
        }
        if let file = command.value("export") {
            return try RecordingExport.run(files, name, to: file, context.output)
        }
        return Terminal.isTerminal(1)
            ? try play(files, name, pace, from: start, context.output)
            : try print(files, name, from: start, context.output)
    }

    // MARK: Options

    private static func speed(_ command: ParsedCommand) throws(ClocheError) -> Double {
        guard let text = command.value("speed") else { return 1 }
        // A decimal as times have it.
        if let value = RecordingTime.microseconds(text), !text.contains(":"), 10_000...1_000_000_000 ~= value
        {
            return Double(value) / 1e6
        }
        throw ClocheError(
            .usage,
            "bad speed \(text.debugDescription)",
            why: "it must be a number from 0.01 to 1000",
            remedy: "such as 4, or 0.5 for half as fast"
        )
    }

    private static func time(_ command: ParsedCommand, _ option: String, _ wanted: String)
        throws(ClocheError) -> Int64?
    {
        guard let text = command.value(option) else { return nil }
        if let time = RecordingTime.microseconds(text) { return time }
        throw ClocheError(
            .usage,
            "bad value \(text.debugDescription) of --\(option)",
            why: "it must be \(wanted)"
        )
    }

    // MARK: Ways to show it

    private static func document(_ totals: RecordingTotals, of files: RecordingFiles) -> Document {
        .object([
            "file": .string(files.path),
            "width": .optional(totals.header.map { Int64($0.columns) }),
            "height": .optional(totals.header.map { Int64($0.rows) }),
            "started": .optional(totals.header?.began),
            "duration": .real(Double(totals.duration) / 1e6),
            "events": .integer(totals.events),
            "bytes": .integer(totals.bytes),
            "skipped": .integer(totals.skipped),
        ])
    }

    /// All output at once, as it would be shown; what is before `start` is left out.
    private static func print(
        _ files: RecordingFiles,
        _ name: String,
        from start: Int64,
        _ output: Output
    ) throws(ClocheError) -> Int32 {
        var hasShown = false
        // What changes keys and mouse is for a terminal that is played to, not for what reads a pipe or a file.
        var filter = AttachFilter(drawsOnly: true)
        do throws(SystemError) {
            while let events = try files.next(), output.problem == nil {
                var shown: [UInt8] = []
                for event in events where event.kind == .output && event.time >= start {
                    filter.feed(event.bytes, into: &shown)
                }
                if !shown.isEmpty { output.bytes(shown) }
                hasShown = hasShown || shown.contains(0x1b)
            }
        } catch { throw Project.cannotRead(name, error) }
        if hasShown { output.bytes(filter.leaving) }
        return ExitCode.success
    }

    private static func play(
        _ files: RecordingFiles,
        _ name: String,
        _ pace: ReplayPace,
        from start: Int64,
        _ output: Output
    ) throws(ClocheError) -> Int32 {
        let session = ReplaySession(files, pace)
        let outcome: ReplaySession.Outcome
        do {
            outcome = try session.run(from: start)
        } catch { throw ClocheError(.system, "cannot play the recording of \(name)", why: "\(error)") }
        let size = Terminal.size(1) ?? TerminalSize(columns: 80, rows: 24)
        var recorded = session.largest
        recorded.columns = max(recorded.columns, files.header?.columns ?? 0)
        recorded.rows = max(recorded.rows, files.header?.rows ?? 0)
        if recorded.columns > Int(size.columns) || recorded.rows > Int(size.rows) {
            output.note(
                "recorded on a terminal of \(recorded.columns)x\(recorded.rows), and this one has only "
                    + "\(size.columns)x\(size.rows): lines may be in wrong places"
            )
        }
        if files.skipped > 0 { output.note("\(files.skipped) lines of the recording are no events") }
        if case .signal(let number) = outcome { return 128 + number }
        return ExitCode.success
    }
}

/// `replay --export`: both files as one, for other programs.
private enum RecordingExport {
    static func run(
        _ files: RecordingFiles,
        _ name: String,
        to file: String,
        _ output: Output
    ) throws(ClocheError) -> Int32 {
        if file == "-" {
            try write(files, name) { (bytes: [UInt8]) throws(SystemError) in
                output.bytes(bytes)
                return output.problem == nil
            }
            return ExitCode.success
        }
        let target: FileDescriptor.Shared
        do throws(SystemError) {
            target = FileDescriptor.Shared(try Files.open(file, O_WRONLY | O_CREAT | O_EXCL))
        } catch  where error.errno == .exists {
            throw ClocheError(
                .exists,
                "\(visible(file)) is there already",
                remedy: "another name, or remove it first"
            )
        } catch { throw cannotWrite(error) }
        try write(files, name) { (bytes: [UInt8]) throws(SystemError) in
            try target.write(bytes)
            return true
        }
        output.note("wrote \(visible(file))")
        return ExitCode.success
    }

    private static func cannotWrite(_ error: SystemError) -> ClocheError {
        ClocheError(
            .system,
            "cannot write the recording",
            why: error.description,
            remedy: "another place with --export"
        )
    }

    /// Hands the lines to `take` until that wants no more.
    private static func write(
        _ files: RecordingFiles,
        _ name: String,
        _ take: ([UInt8]) throws(SystemError) -> Bool
    ) throws(ClocheError) {
        // What changes keys and mouse is for a terminal that is played to, not for what reads a pipe or a file.
        var filter = AttachFilter(drawsOnly: true)
        var lines: [UInt8] = []
        var isBegun = false
        while true {
            let events: [RecordingEvent]?
            do throws(SystemError) {
                events = try files.next()
            } catch { throw Project.cannotRead(name, error) }
            if !isBegun, events == nil || files.header != nil || events?.isEmpty == false {
                isBegun = true
                var header = files.header ?? RecordingHeader(columns: 80, rows: 24, title: name)
                header.repeated = 0
                RecordingLine.append(header, to: &lines)
            }
            for event in events ?? [] { append(event, &filter, to: &lines) }
            do throws(SystemError) {
                if try !take(lines) || events == nil { return }
            } catch { throw cannotWrite(error) }
            lines.removeAll(keepingCapacity: true)
        }
    }

    /// What the file says is not believed here either: other programs show it as it is.
    private static func append(_ event: RecordingEvent, _ filter: inout AttachFilter, to lines: inout [UInt8])
    {
        var event = event
        if event.kind == .output {
            var shown: [UInt8] = []
            filter.feed(event.bytes, into: &shown)
            if shown.isEmpty { return }
            event.bytes = shown
        } else {
            event.bytes = Array(String(decoding: event.bytes, as: UTF8.self).utf8)
        }
        RecordingLine.append(event, to: &lines)
    }
}

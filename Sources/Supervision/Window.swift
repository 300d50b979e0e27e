// One terminal of an agent: the pty of a program in the sandbox, and the screen that its output has drawn. Window 0 is the
// harness's; `exec` with a terminal opens others. The loop reads and writes the pty; nothing here waits.

internal import LinuxSystem
internal import TerminalScreen
internal import TerminalText

final class Window {
    /// The harness has 0.
    let number: Int
    /// The program's id at init.
    var program: UInt32
    /// What was started in it.
    let arguments: [String]
    /// When it was opened, in milliseconds since 1970.
    let opened: Int64

    /// The pty's master; nil while no program is on it.
    var terminal: FileDescriptor?
    /// What a thread reads from it, while much is written.
    var ahead: ReadAhead?
    /// For both.
    var token: UInt64 = 0
    /// No process has the pty's slave open.
    var rests = false
    /// Its program has written too much: when it is read again, in milliseconds of the monotonic clock.
    var pausedUntil: Int64?
    var pace = OutputPace()
    var burst = OutputBurst()
    private(set) var size: TerminalSize
    private(set) var screen: Screen
    private var filter = AttachFilter()
    /// Bytes for the pty that it has not taken yet.
    private(set) var input: [UInt8] = []

    /// The longest that keys typed ahead may be, in bytes.
    static let inputLimit = 1 << 20

    var isOpen: Bool { terminal != nil }

    init(_ number: Int, _ program: UInt32, _ arguments: [String], _ size: TerminalSize, opened: Int64) {
        (self.number, self.program, self.arguments, self.opened) = (number, program, arguments, opened)
        screen = Screen(columns: Int(size.columns), rows: Int(size.rows))
        self.size = TerminalSize(columns: UInt16(screen.columns), rows: UInt16(screen.rows))
    }

    /// Takes what the program wrote; returns what of it may be shown, which the screen shows already.
    func take(_ bytes: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        var replies: [UInt8] = []
        filter.feed(bytes[...], into: &output, replies: &replies)
        var fed = 0
        var answers: [UInt8] = []
        var copied = 0
        for question in filter.positions {
            screen.feed(output[fed..<question.output])
            fed = question.output
            answers += replies[copied..<question.reply]
            answers += Array("\u{1B}[\(screen.cursor.row + 1);\(screen.cursor.column + 1)R".utf8)
            copied = question.reply + QueryAnswers.position.count
        }
        if fed < output.count { screen.feed(output[fed...]) }
        answers += replies[copied...]
        // Who asks without reading makes nothing grow, and takes no room from what people type.
        if !answers.isEmpty && input.count <= QueryAnswers.limit { enqueue(answers) }
        return output
    }

    /// What the program has told its terminal in the piece taken last, as OSC strings.
    var signals: [[UInt8]] { filter.signals }

    /// Forgets what waits for a program that is gone.
    func dropInput() { input.removeAll() }

    /// Puts modes and styles back, and leaves what was shown; returns how it is done.
    ///
    /// What the last program has begun to write is not the beginning of what the next one writes.
    func resetModes() -> [UInt8] {
        let leaving = filter.leaving
        filter = AttachFilter()
        screen.feed(leaving)
        return leaving
    }

    /// Puts bytes into the queue for the pty, as if typed.
    func enqueue(_ bytes: [UInt8]) {
        if input.count + bytes.count > Self.inputLimit { return }  // nobody reads: what is typed is lost
        input += bytes
    }

    /// Writes what the pty takes.
    func flush() throws(SystemError) {
        guard terminal != nil else {
            input.removeAll()
            return
        }
        while !input.isEmpty {
            guard let count = try terminal?.writeSome(input[...]) ?? nil else { return }
            input.removeFirst(count)
        }
    }

    /// Gives the pty and the screen another size; false when it has it already.
    func resize(_ wanted: TerminalSize) -> Bool {
        guard wanted != size, wanted.columns > 0, wanted.rows > 0 else { return false }
        let most = UInt16(Screen.largest)
        size = TerminalSize(columns: min(wanted.columns, most), rows: min(wanted.rows, most))
        screen.resize(columns: Int(size.columns), rows: Int(size.rows))
        applySize()
        return true
    }

    /// Tells a new pty the size.
    func applySize() {
        guard let held = terminal.take() else { return }
        Terminal.setSize(held, size)
        terminal = consume held
    }
}

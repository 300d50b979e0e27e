// One command of `hooks` while it runs: what it is, how long it may, and the end of what it printed.

internal import ClocheModel
internal import LinuxSystem
internal import SandboxRuntime
internal import TerminalText

/// A command of `hooks`.
final class RunningHook {
    /// Bytes of its output that are kept, of the end.
    private static let most = 4096
    /// Lines of it that an error has, and characters of each.
    private static let (lines, width) = (5, 160)

    let id: UInt32
    let stage: HookStage
    let arguments: [String]
    /// The token under which its output is waited for.
    let token: UInt64
    private let began: Int64
    /// When it has taken too long, in milliseconds of the monotonic clock.
    let deadline: Int64
    /// The end of what it prints; nil when it, and all that it has started, prints no more.
    var output: FileDescriptor?
    private var tail: [UInt8] = []
    /// How it ended.
    var end: ProcessEnd?
    /// Why it could not be started.
    var failure: ClocheError?
    /// It has taken too long.
    var isLate = false

    init(
        _ id: UInt32,
        _ stage: HookStage,
        _ arguments: [String],
        token: UInt64,
        output: consuming FileDescriptor,
        seconds: Int64
    ) {
        (self.id, self.stage, self.arguments, self.token) = (id, stage, arguments, token)
        self.output = consume output
        began = MonotonicClock.milliseconds
        deadline = began + seconds * 1000
    }

    /// Nothing of it is waited for any more.
    var isOver: Bool { end != nil || failure != nil || isLate }

    /// It did what it should.
    var isGood: Bool { end == .exited(0) }

    /// How long it has run.
    var milliseconds: Int64 { MonotonicClock.milliseconds - began }

    /// Takes some of what it has printed; false when there will be no more.
    func read() -> Bool {
        guard let part = output?.readAvailable(upTo: 65536) else { return false }
        tail = (tail + part.bytes).suffix(Self.most)
        switch part.end {
        case nil: return true
        case .failed(let error): return error.errno == .wouldBlock
        case .closed: return false
        }
    }

    /// The last lines that it printed, harmless, as one.
    var lastWords: String {
        let text = String(decoding: tail, as: UTF8.self)
        let lines = text.split(whereSeparator: \.isNewline).suffix(Self.lines)
        return lines.map { visible(String($0), limit: Self.width) }.joined(separator: " / ")
    }

    /// How it failed, in words.
    var failureText: String {
        let words = lastWords.isEmpty ? "it printed nothing" : "its last words: \(lastWords)"
        if let failure { return [failure.what, failure.why].filter { !$0.isEmpty }.joined(separator: ": ") }
        if isLate { return "it took longer than \(Amount.duration((deadline - began) / 1000)); \(words)" }
        switch end {
        case .exited(let code)?: return "it ended with exit code \(code); \(words)"
        case .signalled(let signal)?: return "it was killed by signal \(signal); \(words)"
        case nil: return "it was ended with the sandbox"
        }
    }
}

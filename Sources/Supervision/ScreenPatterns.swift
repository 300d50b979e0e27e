// What lines of a screen, or a title, mean by the patterns of a profile. The lines are an agent's: what is looked at is
// bounded, and expressions have no back references (`TextForm.expression`), so that none takes for ever. A look that took
// long is followed by a long rest.

internal import ClocheModel
internal import LinuxSystem
internal import TerminalScreen

/// Patterns, compiled.
struct ScreenPatterns {
    /// Bytes of a line that are looked at.
    private static let longest = 512
    /// A look ends after so long, in microseconds.
    private static let patience: Int64 = 50_000

    private struct Item {
        var pattern: StatePolicy.Pattern
        var expression: PosixRegex
    }

    private var patterns: [Item]

    init(_ patterns: [StatePolicy.Pattern]) {
        self.patterns = patterns.compactMap { pattern in
            // The profile was checked; one of another version may have what this one cannot read.
            (try? PosixRegex(pattern.match)).map { Item(pattern: pattern, expression: $0) }
        }
    }

    var isEmpty: Bool { patterns.isEmpty }

    /// What lines mean: the first pattern counts that any of them matches.
    func meaning(of lines: [String]) -> HarnessState.Activity? {
        if patterns.isEmpty { return nil }
        let lines = lines.filter { !$0.isEmpty }.map { Array($0.utf8.prefix(Self.longest)) }
        let end = ThreadClock.microseconds + Self.patience
        for index in patterns.indices {
            for line in lines {
                if patterns[index].expression.matches(line) { return patterns[index].pattern.activity }
                if ThreadClock.microseconds > end { return nil }
            }
        }
        return nil
    }

    /// What a screen means.
    func meaning(of screen: Screen) -> HarnessState.Activity? {
        meaning(of: (0..<screen.rows).map { screen.text(row: $0) })
    }
}

/// When a screen is looked at: once it rests, or has not rested for a while, and never too often.
struct ScreenPace: Equatable {
    /// Without output for so long it rests, in milliseconds.
    static let rest: Int64 = 60
    /// At the latest so long after output, though it does not rest.
    static let patience: Int64 = 1000
    /// Between two looks.
    static let interval: Int64 = 250

    private var firstOutput: Int64?
    private var lastOutput: Int64 = 0
    private var lastLook: Int64 = -Self.interval

    mutating func output(at now: Int64) {
        firstOutput = firstOutput ?? now
        lastOutput = now
    }

    /// When to look, in milliseconds of the monotonic clock; nil when nothing is new.
    var due: Int64? {
        firstOutput.map { max(min(lastOutput + Self.rest, $0 + Self.patience), lastLook + Self.interval) }
    }

    /// A look took so many microseconds: in the long run, looking takes a twentieth of a processor at most.
    mutating func took(_ cost: Int64) { lastLook += max(0, cost * 20 / 1000 - Self.interval) }

    /// Whether to look now; if so, that is noted.
    mutating func looks(at now: Int64) -> Bool {
        guard let due, now >= due else { return false }
        (firstOutput, lastLook) = (nil, now)
        return true
    }
}

// What commands print: plain text, tables, JSON; colours only where a person reads them.

internal import ClocheModel
internal import CommandSyntax
internal import LinuxSystem
internal import StructuredText
internal import Supervision
internal import TerminalText

/// The two outputs of one command.
struct Output {
    private let colors: Bool
    /// Standard error is a terminal: progress makes sense.
    private let showsProgress: Bool

    init(color: String?) {
        let wanted =
            switch color {
            case "always": true
            case "never": false
            default:
                (ProcessEnvironment.value("NO_COLOR") ?? "").isEmpty
                    && ProcessEnvironment.value("TERM") != "dumb" && Terminal.isTerminal(1)
            }
        colors = wanted
        showsProgress = Terminal.isTerminal(2)
    }

    enum Style: String {
        case bold = "1"
        case faint = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"

        func paint(_ text: String) -> String { "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" }
    }

    func styled(_ text: String, _ style: Style) -> String {
        colors ? style.paint(text) : text
    }

    var usesColors: Bool { colors }

    /// The first failure of standard output; a command whose answer did not arrive has not succeeded.
    private final class Failure {
        var answer: Errno?
    }
    private let failure = Failure()

    /// What to return instead of success when standard output took not all of it.
    var problem: ClocheError? {
        failure.answer.map { answer in
            ClocheError(
                .system,
                "cannot write the output",
                why: answer.description,
                remedy: "what the command did is done; only its words are missing"
            )
        }
    }

    /// Whether the reader of our output has gone, as `head` does; that is no failure.
    var isReaderGone: Bool { failure.answer == .brokenPipe }

    func line(_ text: String = "") { bytes(Array((text + "\n").utf8)) }

    func bytes(_ bytes: [UInt8]) {
        if failure.answer == nil { failure.answer = UserOutput.write(bytes) }
    }

    func json(_ document: Document) { line(JSONText.serialize(document, pretty: true)) }

    func note(_ text: String) { UserOutput.write(Array("cloche: \(text)\n".utf8), to: 2) }

    /// A line about what takes a while; only a terminal gets it.
    func progress(_ text: String) {
        if showsProgress { UserOutput.write(Array("\(text) ...\n".utf8), to: 2) }
    }

    /// Columns as wide as their widest cell; the last takes what it needs.
    func table(_ rows: [[String]], header: [String]?) {
        let all = (header.map { [$0] } ?? []) + rows
        let widths = (0..<(all.first?.count ?? 0)).map { column in all.map { $0[column].count }.max() ?? 0 }
        for (index, row) in all.enumerated() {
            let cells = row.enumerated().map { column, cell in
                column == row.count - 1
                    ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
            }
            var text = cells.joined(separator: "  ")
            while text.last == " " { text.removeLast() }
            line(index == 0 && header != nil ? styled(text, .bold) : text)
        }
    }

    /// An error on standard error: what failed and why, then what to do.
    func report(_ error: ClocheError, json: Bool) {
        if json {
            let document = Document.object(["error": error.document])
            UserOutput.write(Array((JSONText.serialize(document) + "\n").utf8), to: 2)
            return
        }
        var text = "cloche: " + Self.safe(error.what)
        if !error.why.isEmpty { text += ": " + Self.safe(error.why) }
        text += "\n"
        if !error.remedy.isEmpty { text += "  " + Self.safe(error.remedy) + "\n" }
        UserOutput.write(Array(text.utf8), to: 2)
    }

    /// Line breaks stay, everything else that could drive a terminal is shown as an escape.
    static func safe(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false)
            .map { visible(String($0), limit: 4000) }.joined(separator: "\n")
    }
}

// A screen as a file: text, text with colours, SVG or PNG. `look` and `replay` make one.

internal import ClocheModel
internal import Glibc
internal import LinuxSystem
internal import Supervision
internal import TerminalScreen
internal import TerminalText

/// What a screen showed at one moment, for people and other programs.
struct Still {
    enum Form: String, CaseIterable {
        case text = "txt"
        case ansi
        case svg
        case png
    }

    private static let converter = "rsvg-convert"

    let report: ScreenReport
    let title: String

    /// The lines above, the screen, and not the blank lines below what the program wrote.
    private var lines: [ScreenLine] {
        var lines = report.above + report.lines
        while let last = lines.last, last.text.allSatisfy({ $0 == " " }), last.runs.allSatisfy(\.isPlain) {
            lines.removeLast()
        }
        return lines
    }

    /// The form that the end of a file's name says.
    static func form(of file: String) throws(ClocheError) -> Form {
        let name = file.split(separator: "/").last ?? ""
        let ending = name.split(separator: ".", omittingEmptySubsequences: false).dropFirst().last ?? ""
        if let form = Form(rawValue: String(ending)) { return form }
        throw ClocheError(
            .usage,
            "what \(visible(file)) should be is not known",
            why: "its name ends in none of .txt, .ansi, .svg and .png",
            remedy: "such as screen.svg"
        )
    }

    /// The file's content.
    func bytes(_ form: Form) throws(ClocheError) -> [UInt8] {
        switch form {
        case .text, .ansi:
            return lines.flatMap { Array((Self.text($0, styled: form == .ansi) + "\n").utf8) }
        case .svg: return Array(image.svg.utf8)
        case .png: return try png()
        }
    }

    private var image: StillImage {
        StillImage(
            columns: report.columns,
            lines: report.above + report.lines,
            cursor: report.showsCursor ? (report.above.count + report.cursorRow, report.cursorColumn) : nil,
            title: title
        )
    }

    private static func text(_ line: ScreenLine, styled: Bool) -> String {
        guard styled else {
            var text = line.text[...]
            while text.last == " " { text = text.dropLast() }
            return inOrder(String(text))
        }
        let runs = line.runs.map { run in
            let text = "\u{1B}[\(run.selection)m\(inOrder(run.text))"
            guard let link = run.decoration.link else { return text }
            return String(decoding: link.sequence, as: UTF8.self) + text
                + String(decoding: Hyperlink.end.sequence, as: UTF8.self)
        }
        return runs.isEmpty ? "" : runs.joined() + "\u{1B}[0m"
    }

    /// By a program of the host's that is fed the SVG; the agent's text is in no argument.
    private func png() throws(ClocheError) -> [UInt8] {
        guard let program = ProcessEnvironment.findProgram(Self.converter) else {
            throw ClocheError(
                .system,
                "a PNG cannot be made",
                why: "\(Self.converter) is not installed",
                remedy: "`apt-get install librsvg2-bin`; an SVG needs nothing (--svg)"
            )
        }
        let environment = ["HOME=\(ProcessEnvironment.home)", "LANG=C.UTF-8", "PATH=/usr/bin:/bin"]
        let result: SubprocessResult
        do throws(SystemError) {
            result = try Subprocess(program, ["--format=png"], environment: environment)
                .run(input: Array(image.svg.utf8))
        } catch { throw ClocheError(.system, "a PNG cannot be made", why: error.description) }
        guard result.status == 0, !result.output.isEmpty else {
            throw ClocheError(
                .system,
                "a PNG cannot be made",
                why: "\(Self.converter) ended with \(result.status): \(visible(result.errorText))",
                remedy: "an SVG needs nothing (--svg)"
            )
        }
        return result.output
    }

    /// Writes a new file; `-` is standard output.
    func write(_ form: Form, to file: String, _ output: Output) throws(ClocheError) {
        let content = try bytes(form)
        if file == "-" { return output.bytes(content) }
        do throws(SystemError) {
            try FileDescriptor.Shared(try Files.open(file, O_WRONLY | O_CREAT | O_EXCL)).write(content)
        } catch  where error.errno == .exists {
            throw ClocheError(
                .exists,
                "\(visible(file)) is there already",
                remedy: "another name, or remove it first"
            )
        } catch {
            throw ClocheError(.system, "cannot write the still", why: error.description)
        }
        output.note("wrote \(visible(file))")
    }
}

extension ScreenLine.Run {
    fileprivate var isPlain: Bool { style == .standard && decoration == .none }
}

// keys, resize: an agent's terminal without attaching to it.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import LinuxSystem
internal import Supervision
internal import TerminalText

enum KeysCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let form: KeysRequest.Form = command.flag("literal") ? .literal : command.flag("hex") ? .hex : .names
        let place = try WindowPlace(command.required("name"))
        let isInterrupt = command.flag("interrupt")
        let words = isInterrupt ? try context.project.interruptKeys(ofAgent: place.agent) : command.rest
        if form == .names { for word in words { try check(word) } }
        var request = KeysRequest(form, words, repeats: Int64(command.number("repeat") ?? 1))
        request.window = place.window
        let report = try context.project.type(request, into: place.agent)
        if command.flag("json") { context.output.json(report) }
        return ExitCode.success
    }

    /// The supervisor reads words again; here, names are known that were perhaps meant.
    private static func check(_ word: String) throws(ClocheError) {
        do throws(UnknownKey) {
            _ = try KeyWord(word)
        } catch { throw ClocheError(unknownKey: error, near: near(error.name)) }
    }

    static func near(_ name: String) -> [String] {
        let found = Suggestion.nearest(to: name.lowercased(), among: KeyWord.names.map { $0.lowercased() })
        return KeyWord.names.filter { found.contains($0.lowercased()) }
    }
}

enum ResizeCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let name = command.required("name")
        let wanted = try size(command.required("size"))
        let report = try context.project.resize(name, wanted)
        if command.flag("json") {
            context.output.json(report)
        } else {
            context.output.line("\(name): \(text(report["old"])) -> \(text(report["new"]))")
        }
        return ExitCode.success
    }

    private static func text(_ size: Document?) -> String {
        "\(size?["columns"]?.integer ?? 0)x\(size?["rows"]?.integer ?? 0)"
    }

    static func size(_ text: String) throws(ClocheError) -> TerminalSize {
        let parts = text.split(separator: "x", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { part in
            part.utf8.allSatisfy { 0x30...0x39 ~= $0 }
                ? UInt16(part).flatMap { 1...1000 ~= $0 ? $0 : nil } : nil
        }
        guard parts.count == 2, numbers.count == 2 else {
            throw ClocheError(
                .usage,
                "bad size '\(visible(text, limit: 40))'",
                why: "it must be COLUMNSxROWS, each from 1 to 1000",
                remedy: "for example 120x40"
            )
        }
        return TerminalSize(columns: numbers[0], rows: numbers[1])
    }
}

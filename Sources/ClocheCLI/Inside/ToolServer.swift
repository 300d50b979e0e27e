// `cloche mcp`, inside: the agents' commands as tools of the Model Context Protocol (2025-06-18), JSON-RPC 2.0 over standard
// input and output, one message a line. It runs in the sandbox with nothing but the agent's rights: a tool is a command.

internal import ClocheModel
internal import CommandSyntax
internal import LinuxSystem
internal import StructuredText
internal import Supervision

struct ToolServer {
    private let socket: String
    private let tools: [CommandLocation]

    private static let versions = ["2025-06-18", "2025-03-26", "2024-11-05"]
    /// A longer line is no message.
    private static let longest = 1 << 20

    init(_ socket: String) throws(ClocheError) {
        self.socket = socket
        let answer = try AgentClient.ask(["whoami", "--json"], [], socket)
        // Without `whoami`, all are shown; those that are not granted are refused when they are called.
        let verbs = (try? JSONText.parse(answer.output))?["verbs"]?.stringList
        let known = ToolSpec.agents(verbs: verbs).locations
        tools = known.filter { AgentVerb(rawValue: $0.path[0]) != nil && $0.spec.subcommands.isEmpty }
    }

    /// Answers until standard input ends.
    func serve() throws(ClocheError) -> Int32 {
        var line: [UInt8] = []
        while case let part = UserInput.read(), !part.isEmpty {
            for byte in part {
                if byte != UInt8(ascii: "\n") {
                    line.append(byte)
                    guard line.count <= Self.longest else {
                        throw ClocheError(
                            .usage,
                            "a message is too long",
                            why: "the most is \(Self.longest) bytes"
                        )
                    }
                } else {
                    if !line.isEmpty { answer(line) }
                    line.removeAll(keepingCapacity: true)
                }
            }
        }
        return ExitCode.success
    }

    private func answer(_ line: [UInt8]) {
        // What is no JSON has no id that could be answered.
        guard let message = try? JSONText.parse(line) else {
            return send(.object(["id": .null, "error": Self.failure(-32700, "no JSON")]))
        }
        guard let id = message["id"], id != .null else { return }
        switch message["method"]?.string {
        case "initialize":
            let asked = message.value(at: ["params", "protocolVersion"])?.string ?? ""
            result(
                id,
                .object([
                    "protocolVersion": .string(Self.versions.contains(asked) ? asked : Self.versions[0]),
                    "capabilities": .object(["tools": .map([])]),
                    "serverInfo": .object([
                        "name": .string("cloche"), "version": .string(ClocheCommandLine.version),
                    ]),
                    "instructions": .string(ToolSpec.agents().discussion),
                ])
            )
        case "ping": result(id, .map([]))
        case "tools/list": result(id, .object(["tools": .list(tools.map(Self.tool))]))
        case "tools/call": call(id, message["params"] ?? .map([]))
        case let method?: send(.object(["id": id, "error": Self.failure(-32601, "no method \(method)")]))
        case nil: send(.object(["id": id, "error": Self.failure(-32600, "no request")]))
        }
    }

    private func result(_ id: Document, _ result: Document) { send(.object(["id": id, "result": result])) }

    private static func failure(_ code: Int64, _ text: String) -> Document {
        .object(["code": .integer(code), "message": .string(text)])
    }

    private func send(_ message: Document) {
        guard let entries = message.entries else { return }
        let whole = Document.map([Document.Entry("jsonrpc", .string("2.0"))] + entries)
        UserOutput.write(Array((JSONText.serialize(whole) + "\n").utf8))
    }

    // MARK: Tools

    private static func name(of place: CommandLocation) -> String { place.path.joined(separator: "-") }

    /// A command as a tool: its arguments and options are properties.
    private static func tool(_ place: CommandLocation) -> Document {
        let spec = place.spec
        var properties: [Document.Entry] = []
        var required: [String] = []
        for argument in spec.arguments {
            let text = Document.object(["type": .string("string"), "description": .string(argument.summary)])
            let list = Document.object([
                "type": .string("array"), "items": .object(["type": .string("string")]),
                "description": .string(argument.summary),
            ])
            properties.append(Document.Entry(argument.name, argument.isRest ? list : text))
            if argument.isRequired { required.append(argument.name) }
        }
        for option in spec.options where option.name != "json" {
            let kind: Document =
                switch option.kind {
                case .flag: .object(["type": .string("boolean"), "description": .string(option.summary)])
                case .value: .object(["type": .string("string"), "description": .string(option.summary)])
                case .repeated:
                    .object([
                        "type": .string("array"), "items": .object(["type": .string("string")]),
                        "description": .string(option.summary),
                    ])
                }
            properties.append(Document.Entry(option.name, kind))
        }
        let text = spec.discussion.isEmpty ? spec.summary : "\(spec.summary). \(spec.discussion)"
        return .object([
            "name": .string(name(of: place)), "description": .string(text),
            "inputSchema": .object([
                "type": .string("object"), "properties": .map(properties), "required": .strings(required),
                "additionalProperties": .bool(false),
            ]),
        ])
    }

    private func call(_ id: Document, _ params: Document) {
        guard let name = params["name"]?.string, let tool = tools.first(where: { Self.name(of: $0) == name })
        else {
            return send(.object(["id": id, "error": Self.failure(-32602, "no such tool")]))
        }
        do throws(ClocheError) {
            let words = try Self.words(tool, params["arguments"] ?? .map([]))
            let answer = try AgentClient.ask(words, [], socket)
            let text = String(decoding: answer.output + answer.errors, as: UTF8.self)
            finish(id, text.isEmpty && answer.code == 0 ? "done" : text, isError: answer.code != 0)
        } catch { finish(id, error.description, isError: true) }
    }

    private func finish(_ id: Document, _ text: String, isError: Bool) {
        result(
            id,
            .object([
                "content": .list([.object(["type": .string("text"), "text": .string(text)])]),
                "isError": .bool(isError),
            ])
        )
    }

    /// The command line of a call; `=` and `--` keep values from being taken for options.
    static func words(_ place: CommandLocation, _ arguments: Document) throws(ClocheError) -> [String] {
        let spec = place.spec
        var words = place.path
        var rest: [String] = []
        for entry in arguments.entries ?? [] {
            if let option = spec.options.first(where: { $0.name == entry.key }) {
                switch option.kind {
                case .flag: if entry.value.bool == true { words.append("--\(option.name)") }
                case .value: words.append("--\(option.name)=\(try text(entry.value, entry.key))")
                case .repeated:
                    for item in entry.value.list ?? [] {
                        words.append("--\(option.name)=\(try text(item, entry.key))")
                    }
                }
            } else if !spec.arguments.contains(where: { $0.name == entry.key }) {
                throw ClocheError(.usage, "\(spec.name) has no property \(entry.key)")
            }
        }
        for argument in spec.arguments {
            guard let value = arguments[argument.name] else { continue }
            if argument.isRest, let list = value.list {
                for item in list { rest.append(try text(item, argument.name)) }
            } else {
                rest.append(try text(value, argument.name))
            }
        }
        return words + ["--"] + rest
    }

    private static func text(_ value: Document, _ key: String) throws(ClocheError) -> String {
        switch value {
        case .string(let text): return text
        case .integer(let number): return String(number)
        default: throw ClocheError(.usage, "\(key) must be text")
        }
    }
}

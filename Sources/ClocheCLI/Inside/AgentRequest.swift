// `cloche internal agent-request`: a process that carries out one request of an agent's, on the host and with the user's
// rights. It was started by that agent's supervisor, which is how it knows for whom it acts; what it is told comes from
// inside and is hostile.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import Glibc
internal import LinuxSystem

/// What every function gets that does something for an agent.
struct AgentContext {
    let command: ParsedCommand
    let output: Output
    let installation: Installation
    let agent: ActingAgent
    let connection: AgentConnection
}

/// The connection to the program inside.
final class AgentConnection {
    private let socket: FileDescriptor

    /// How long the other end has to say what it wants, in milliseconds.
    private static let patience: Int64 = 10_000
    private static let mostInput = 1 << 20

    init(_ socket: consuming FileDescriptor) { self.socket = socket }

    /// What is asked for; nil when the other end says nothing that could be understood.
    func request() throws(SystemError) -> (words: [String], input: [UInt8])? {
        var words: [String]?
        var input: [UInt8] = []
        let end = MonotonicClock.milliseconds + Self.patience
        while true {
            let left = end - MonotonicClock.milliseconds
            let interest = Poll.Interest(socket.number, readable: true)
            guard left > 0, try Poll.wait([interest], milliseconds: Int32(clamping: left))[0],
                let received = try UnixSocket.receive(socket, wait: false, room: 0)
            else { return nil }
            switch AgentMessage(received.bytes) {
            case .words(let all)? where words == nil: words = all
            case .input(let part)?: input += part
            case .go?: return words.map { ($0, input) }
            default: return nil
            }
            if input.count > Self.mostInput { return nil }
        }
    }

    /// Whether the program that asked has gone; waits so long for that.
    func hasEnded(after milliseconds: Int32) -> Bool {
        // Nothing more is expected, so that whatever comes is the end; so is a failure to wait.
        (try? Poll.wait([Poll.Interest(socket.number, readable: true)], milliseconds: milliseconds))?[0]
            ?? true
    }

    /// Sends what came of it; whoever does not take it has gone, or waits for nothing.
    func answer(_ answer: AgentAnswer) {
        let messages =
            AgentMessage.parts(answer.output) { .output($0) }
            + AgentMessage.parts(answer.errors) { .errors($0) }
            + [.exited(UInt8(truncatingIfNeeded: answer.code))]
        do throws(SystemError) {
            for message in messages {
                let interest = Poll.Interest(socket.number, writable: true)
                guard try Poll.wait([interest], milliseconds: 10_000)[0] else { return }
                guard try UnixSocket.send(socket, message.bytes, wait: false) else { return }
            }
        } catch {}  // see above
    }
}

/// The process.
enum AgentRequestProgram {
    /// What is shown of an answer at most, in bytes.
    static let mostOutput = 1 << 20

    /// Carries out the request at standard input, for the agent of a directory, and returns an exit code.
    static func run(_ path: String) -> Int32 {
        guard let socket = FileDescriptor(duplicating: 0) else { return ExitCode.cloche }
        let connection = AgentConnection(socket)
        do throws(SystemError) {
            guard let (words, input) = try connection.request() else { return ExitCode.usage }
            let streams = try Streams(input)
            let code = carryOut(words, path, connection)
            connection.answer(try streams.answer(code))
            return ExitCode.success
        } catch { return ExitCode.cloche }
    }

    /// Standard input and output as files in memory: who asks is answered when all is done, and keeps nothing waiting.
    private struct Streams {
        private let output: FileDescriptor.Shared
        private let errors: FileDescriptor.Shared
        init(_ input: [UInt8]) throws(SystemError) {
            let file = try MemoryFile.make()
            try file.write(input)
            try file.rewind()
            try file.replace(0)
            output = try Self.file(standingFor: 1)
            errors = try Self.file(standingFor: 2)
        }

        private static func file(standingFor number: CInt) throws(SystemError) -> FileDescriptor.Shared {
            let file = try MemoryFile.make()
            try file.replace(number)
            return FileDescriptor.Shared(file)
        }

        func answer(_ code: Int32) throws(SystemError) -> AgentAnswer {
            AgentAnswer(output: try Self.content(output), errors: try Self.content(errors), code: code)
        }

        private static func content(_ file: FileDescriptor.Shared) throws(SystemError) -> [UInt8] {
            lseek(file.number, 0, SEEK_SET)
            var all: [UInt8] = []
            while all.count < AgentRequestProgram.mostOutput {
                let part = try file.read(upTo: min(65536, AgentRequestProgram.mostOutput - all.count))
                if part.isEmpty { break }
                all += part
            }
            return all
        }
    }

    private static func carryOut(_ words: [String], _ path: String, _ connection: AgentConnection) -> Int32 {
        let output = Output(color: "never")
        do throws(ClocheError) {
            let installation = try Installation()
            let agent = try ActingAgent(path, installation)
            let tool = ToolSpec.agents(
                verbs: agent.policy.verbs.map(\.rawValue) + ["mcp", "help", "version"]
            )
            switch try parse(words, tool, agent) {
            case .help(let path):
                output.bytes(Array(HelpText(tool, width: 100).text(for: path).utf8))
            case .version: output.line("cloche \(ClocheCommandLine.version)")
            case .run(let command):
                return try AgentFunctions.run(
                    AgentContext(
                        command: command,
                        output: output,
                        installation: installation,
                        agent: agent,
                        connection: connection
                    )
                )
            }
            return ExitCode.success
        } catch {
            output.report(error, json: words.contains("--json"))
            return ExitCode.of(error)
        }
    }

    private static func parse(_ words: [String], _ tool: ToolSpec, _ agent: ActingAgent) throws(ClocheError)
        -> Invocation
    {
        do throws(SyntaxError) {
            return try CommandParser(tool).parse(words)
        } catch {
            // One that there is, and that is not granted, is told apart from one that there is not.
            if let verb = words.first.flatMap({ AgentVerb(rawValue: $0) }) { try agent.require(verb) }
            let usage = error.usage.isEmpty ? "" : "\n  usage: \(error.usage)"
            throw ClocheError(.usage, error.what, why: error.why, remedy: error.remedy + usage)
        }
    }
}

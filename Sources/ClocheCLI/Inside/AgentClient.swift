// `cloche` in a sandbox: what was typed goes to the agent's own socket, and what comes back is shown. Nothing is decided
// here; a program of the agent's could say the same to the socket itself.

internal import ClocheModel
internal import Glibc
internal import LinuxSystem
internal import Supervision

/// What came of a request.
struct AgentAnswer {
    var output: [UInt8] = []
    var errors: [UInt8] = []
    var code: Int32
}

/// The end inside.
enum AgentClient {
    /// The most of standard input that is passed on, in bytes.
    private static let mostInput = 1 << 20

    /// The socket, if this process runs where an agent does.
    static var socketPath: String? {
        ProcessEnvironment.value("CLOCHE_SOCKET").flatMap { $0.hasPrefix("/") ? $0 : nil }
    }

    /// Runs one command, and returns its exit code.
    static func run(_ words: [String], _ socket: String) -> Int32 {
        do throws(ClocheError) {
            if words.first == "mcp", words.count == 1 { return try ToolServer(socket).serve() }
            var words = words
            // Without a text it is standard input, as outside.
            if words.count == 4, words.starts(with: ["share", "add"]),
                !words.contains(where: { $0.hasPrefix("-") })
            {
                words.append("-")
            }
            let input = words.contains("-") ? try standardInput() : []
            let answer = try ask(words, input, socket)
            UserOutput.write(answer.output)
            UserOutput.write(answer.errors, to: 2)
            return answer.code
        } catch {
            Output(color: "never").report(error, json: words.contains("--json"))
            return ExitCode.of(error)
        }
    }

    /// Asks for one command to be run.
    static func ask(_ words: [String], _ input: [UInt8], _ path: String) throws(ClocheError) -> AgentAnswer {
        do throws(SystemError) {
            let folder = try Files.open(path.parentPath, O_RDONLY | O_DIRECTORY)
            let socket = try UnixSocket.connect(in: folder, name: path.lastComponent)
            let messages = [.words(words)] + AgentMessage.parts(input) { .input($0) } + [.go]
            for message in messages { try UnixSocket.send(socket, message.bytes) }
            var answer = AgentAnswer(code: ExitCode.cloche)
            while let received = try UnixSocket.receive(socket) {
                switch AgentMessage(received.bytes) {
                case .output(let data)?: answer.output += data
                case .errors(let data)?: answer.errors += data
                case .exited(let code)?:
                    answer.code = Int32(code)
                    return answer
                default: throw SystemError("recvmsg", .wouldBlock, path)
                }
            }
            return answer
        } catch {
            throw ClocheError(
                .system,
                "cannot speak to what runs this agent",
                why: error.description,
                remedy: "try again; if it goes on, tell the person"
            )
        }
    }

    private static func standardInput() throws(ClocheError) -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let part = UserInput.read()
            if part.isEmpty { return bytes }
            bytes += part
            if bytes.count > mostInput {
                throw ClocheError(
                    .usage,
                    "standard input is too long",
                    why: "the most is \(mostInput) bytes",
                    remedy: "commit it, or put it into a file, and name that"
                )
            }
        }
    }
}

// What commands and a supervisor say to each other on the agent's socket (SOCK_SEQPACKET, one message each):
//
//   command                         supervisor
//      | status, stats, requests ---->|   report
//      | what changes the agent ----->|   report, failed
//      | attach request ------------->|   output* ... left, ended, exited
//      | input, resize, repaint, detach: to the window that this connection is attached to
//      | look ----------------------->|   output* report, failed
//      | keys, changeKey (+ 1 fd); resize otherwise -> report, failed
//      | follow --------------------->|   started, output* ... ended
//      | awaitState ----------------->|   report at once, and at each change ... ended
//      | exec request (+ 3 fds) ----->|   started, failed; on a terminal as after attach; later exited
//      | signal, stop --------------->|   to the program of this connection; to the agent
//
// The first byte is the kind; the rest raw bytes, little-endian numbers or JSON. The peer's user is checked first.

package import ClocheModel
package import LinuxSystem
internal import StructuredText

/// A program to run in a running sandbox.
package struct ExecRequest: Equatable, Sendable {
    /// The program and its arguments; never empty on the wire.
    package var arguments: [String]
    /// `NAME=value`, added to the harness's environment.
    package var environment: [String]
    /// Working directory inside.
    package var directory: String
    /// On a pty of its own, of this size; nil when the three descriptors come along.
    package var terminal: TerminalSize?
    /// Whether its terminal becomes a window of the agent; else its pty's master comes with the answer.
    package var opensWindow: Bool

    /// A request.
    package init(
        arguments: [String],
        environment: [String],
        directory: String,
        terminal: TerminalSize?,
        opensWindow: Bool = false
    ) {
        self.opensWindow = opensWindow
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
        self.terminal = terminal
    }
}

/// A port of the host that is to lead into a running sandbox, or to do so no more.
package struct ForwardRequest: Equatable, Sendable {
    /// The host's address to listen on.
    package var address: String
    /// The host's port; 0 for any, nil for the same as inside.
    ///
    /// To end forwards, nil is for any.
    package var port: UInt16?
    /// The port inside.
    package var target: UInt16
    /// Whether it is to end.
    package var ends: Bool

    /// A request.
    package init(address: String, port: UInt16?, target: UInt16, ends: Bool = false) {
        self.address = address
        self.port = port
        self.target = target
        self.ends = ends
    }
}

/// One message of either side.
package enum ControlMessage: Equatable, Sendable {
    /// Asks for a report.
    case status
    /// Asks for the sandbox's plan and reality side by side.
    case inspect
    /// Asks what the agent uses; the report is an `AgentUsage`.
    case stats
    /// Freezes the agent; the report has its state, and whether that has changed.
    case pause
    /// Lets a frozen agent go on, with the same report.
    case unpause
    /// Asks what its network is like; the report is a `NetworkReport`.
    case network
    /// Puts another section `network` of the profile in force; the report says what came of it.
    case setNetwork(Document)
    /// Lets a port of the host lead inside; the report has `forwards`, those that were made or ended.
    case forward(ForwardRequest)
    /// Asks to be shown a window.
    case attach(AttachRequest)
    /// Asks to be shown the window anew.
    case repaint
    /// The terminal leaves; the program of its window goes on.
    case detach
    /// Asks what a window shows; a `ScreenReport` comes as output, in pieces, and an empty report ends it.
    case look(LookRequest)
    /// What was typed.
    case input([UInt8])
    /// The attached terminal has another size now; of a connection that is not attached, window 0 shall have it, and
    /// the report has the `old` and the `new` one.
    case resize(TerminalSize)
    /// Types keys or, at once, a message into window 0; the report says how many `bytes`.
    case keys(KeysRequest)
    /// Something came into the inbox. Asked after a message, the report says whether it was `delivered`, or else its
    /// `position` among those that wait; without, there is none.
    case messages(awaiting: Int64?)
    /// Changes the agent's labels: `KEY=VALUE`, `KEY`, `KEY-`; the report has `labels`.
    case label([String])
    /// Asks what the program of window 0 does, now and from now on; each report is a `HarnessState` with `settled`, which is
    /// false while the program has had no time to react to a message.
    case awaitState
    /// Asks for what window 0 shows from now on; after `started` comes `output`.
    case follow
    /// Starts a program.
    case exec(ExecRequest)
    /// The gateway's key for a service is gone, or another one comes through a pipe that comes along, or the service's login
    /// is read anew from its file; the report comes when the gateway has done it.
    case changeKey(service: String, isRevoked: Bool)
    /// Asks what is held until a person approves of it; the report has `requests`.
    case requests
    /// A person's answer to one of them; the report says what it was about.
    case decide(ApprovalRequest)
    /// What is left of limits and budget for the agent itself beside those that it started; the report says nothing.
    case setShares(Document)
    /// The keys of these services, for the gateway of an agent that this one starts: with the report comes a pipe.
    case copyKeys([String])
    /// A signal for the program that this connection started.
    case signal(Int32)
    /// Ends the agent; without a grace the profile's counts.
    case stop(graceSeconds: Int32?)

    /// The answer to `status`, `inspect`, `stats`, `pause`, `unpause`, `network`, `setNetwork`, `forward`, `keys`, and
    /// to `resize` of a connection that is not attached.
    case report(Document)
    /// What window 0 shows, made harmless.
    case output([UInt8])
    /// The program of `exec` runs, or output follows.
    case started
    /// The request failed.
    case failed(ClocheError)
    /// The program of `exec` ended: its exit code, or 128 plus a signal.
    case exited(Int32)
    /// Another terminal has taken the window over.
    case left
    /// The agent has ended, for this reason: the name of an `EndReason`.
    case ended(String)

    /// The message as bytes.
    package var bytes: [UInt8] {
        switch self {
        case .status: [UInt8(ascii: "S")]
        case .inspect: [UInt8(ascii: "C")]
        case .stats: [UInt8(ascii: "M")]
        case .pause: [UInt8(ascii: "P")]
        case .unpause: [UInt8(ascii: "U")]
        case .network: [UInt8(ascii: "N")]
        case .setNetwork(let document): [UInt8(ascii: "W")] + Array(JSONText.serialize(document).utf8)
        case .forward(let request): [UInt8(ascii: "F")] + Array(JSONText.serialize(request.document).utf8)
        case .attach(let request): [UInt8(ascii: "A")] + Array(JSONText.serialize(request.document).utf8)
        case .repaint: [UInt8(ascii: "r")]
        case .detach: [UInt8(ascii: "D")]
        case .look(let request): [UInt8(ascii: "L")] + Array(JSONText.serialize(request.document).utf8)
        case .input(let data): [UInt8(ascii: "I")] + data
        case .resize(let size): [UInt8(ascii: "R")] + size.bytes
        case .keys(let request): [UInt8(ascii: "k")] + Array(JSONText.serialize(request.document).utf8)
        case .messages(let id): [UInt8(ascii: "j")] + Array(JSONText.serialize(.optional(id)).utf8)
        case .label(let changes): [UInt8(ascii: "g")] + Array(JSONText.serialize(.strings(changes)).utf8)
        case .follow: [UInt8(ascii: "f")]
        case .awaitState: [UInt8(ascii: "w")]
        case .exec(let request): [UInt8(ascii: "X")] + Array(JSONText.serialize(request.document).utf8)
        case .changeKey(let service, let isRevoked):
            [UInt8(ascii: isRevoked ? "V" : "v")] + Array(service.utf8)
        case .requests: [UInt8(ascii: "H")]
        case .decide(let request): [UInt8(ascii: "Y")] + Array(JSONText.serialize(request.document).utf8)
        case .setShares(let shares): [UInt8(ascii: "Z")] + Array(JSONText.serialize(shares).utf8)
        case .copyKeys(let services):
            [UInt8(ascii: "z")] + Array(JSONText.serialize(.strings(services)).utf8)
        case .signal(let number): [UInt8(ascii: "K")] + littleEndian(number)
        case .stop(let grace): [UInt8(ascii: "T")] + littleEndian(grace ?? -1)
        case .report(let document): [UInt8(ascii: "s")] + Array(JSONText.serialize(document).utf8)
        case .output(let data): [UInt8(ascii: "o")] + data
        case .started: [UInt8(ascii: "m")]
        case .failed(let error): [UInt8(ascii: "e")] + Array(JSONText.serialize(error.document).utf8)
        case .exited(let code): [UInt8(ascii: "x")] + littleEndian(code)
        case .left: [UInt8(ascii: "l")]
        case .ended(let text): [UInt8(ascii: "q")] + Array(text.utf8)
        }
    }

    /// Reads a message; nil when it is none.
    package init?(_ bytes: [UInt8]) {
        guard let kind = bytes.first else { return nil }
        let body = Array(bytes.dropFirst())
        switch UnicodeScalar(kind) {
        case "S": self = .status
        case "C": self = .inspect
        case "M": self = .stats
        case "P": self = .pause
        case "U": self = .unpause
        case "N": self = .network
        case "W":
            guard let document = Self.json(body) else { return nil }
            self = .setNetwork(document)
        case "F":
            guard let request = Self.json(body).flatMap(ForwardRequest.init(document:)) else { return nil }
            self = .forward(request)
        case "A":
            guard let request = Self.json(body).flatMap(AttachRequest.init(document:)) else { return nil }
            self = .attach(request)
        case "r": self = .repaint
        case "D": self = .detach
        case "L":
            guard let request = Self.json(body).flatMap(LookRequest.init(document:)) else { return nil }
            self = .look(request)
        case "l": self = .left
        case "I": self = .input(body)
        case "R":
            guard let size = TerminalSize(bytes: body) else { return nil }
            self = .resize(size)
        case "k":
            guard let request = Self.json(body).flatMap(KeysRequest.init(document:)) else { return nil }
            self = .keys(request)
        case "j":
            guard let id = Self.json(body) else { return nil }
            self = .messages(awaiting: id.integer)
        case "g":
            guard let changes = Self.json(body)?.stringList else { return nil }
            self = .label(changes)
        case "f": self = .follow
        case "w": self = .awaitState
        case "X":
            guard let request = Self.json(body).flatMap(ExecRequest.init(document:)) else { return nil }
            self = .exec(request)
        case "V", "v":
            self = .changeKey(
                service: String(decoding: body, as: UTF8.self),
                isRevoked: kind == UInt8(ascii: "V")
            )
        case "H": self = .requests
        case "Y":
            guard let request = Self.json(body).flatMap(ApprovalRequest.init(document:)) else { return nil }
            self = .decide(request)
        case "z":
            guard let services = Self.json(body)?.stringList else { return nil }
            self = .copyKeys(services)
        case "Z":
            guard let shares = Self.json(body) else { return nil }
            self = .setShares(shares)
        case "K":
            guard let number = number(body) else { return nil }
            self = .signal(number)
        case "T":
            guard let grace = number(body) else { return nil }
            self = .stop(graceSeconds: grace < 0 ? nil : grace)
        case "s":
            guard let document = Self.json(body) else { return nil }
            self = .report(document)
        case "o": self = .output(body)
        case "m": self = .started
        case "e":
            guard let error = Self.json(body).flatMap(ClocheError.init(document:)) else { return nil }
            self = .failed(error)
        case "x":
            guard let code = number(body) else { return nil }
            self = .exited(code)
        case "q": self = .ended(String(decoding: body, as: UTF8.self))
        default: return nil
        }
    }

    // A body that does not parse is no message; the caller closes the connection.
    private static func json(_ bytes: [UInt8]) -> Document? { try? JSONText.parse(bytes) }
}

private func littleEndian(_ value: Int32) -> [UInt8] {
    let bits = UInt32(bitPattern: value)
    return (0..<4).map { UInt8(truncatingIfNeeded: bits >> ($0 * 8)) }
}

private func number(_ bytes: [UInt8]) -> Int32? {
    guard bytes.count == 4 else { return nil }
    return Int32(
        bitPattern: bytes.enumerated().reduce(UInt32(0)) { $0 | UInt32($1.element) << ($1.offset * 8) }
    )
}

extension TerminalSize {
    fileprivate var bytes: [UInt8] {
        [columns, rows].flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
    }

    fileprivate init?(bytes: [UInt8]) {
        guard bytes.count >= 4 else { return nil }
        self.init(
            columns: UInt16(bytes[0]) | UInt16(bytes[1]) << 8,
            rows: UInt16(bytes[2]) | UInt16(bytes[3]) << 8
        )
    }
}

extension ExecRequest {
    fileprivate var document: Document {
        .object([
            "arguments": .strings(arguments), "environment": .strings(environment),
            "directory": .string(directory),
            "columns": .optional(terminal.map { Int64($0.columns) }),
            "rows": .optional(terminal.map { Int64($0.rows) }), "opens-window": .bool(opensWindow),
        ])
    }

    fileprivate init?(document: Document) {
        guard let arguments = document["arguments"]?.stringList, !arguments.isEmpty,
            let environment = document["environment"]?.stringList,
            let directory = document["directory"]?.string,
            let opensWindow = document["opens-window"]?.bool
        else { return nil }
        var size: TerminalSize?
        if let columns = document["columns"]?.integer, let rows = document["rows"]?.integer {
            size = TerminalSize(columns: UInt16(clamping: columns), rows: UInt16(clamping: rows))
        }
        self.init(
            arguments: arguments,
            environment: environment,
            directory: directory,
            terminal: size,
            opensWindow: opensWindow
        )
    }
}

extension ForwardRequest {
    fileprivate var document: Document {
        .object([
            "address": .string(address), "port": .optional(port.map { Int64($0) }),
            "target": .integer(Int64(target)),
            "ends": .bool(ends),
        ])
    }

    fileprivate init?(document: Document) {
        guard let address = document["address"]?.string, let ends = document["ends"]?.bool,
            let target = document["target"]?.integer.flatMap(UInt16.init(exactly:))
        else { return nil }
        var port: UInt16?
        if let number = document["port"]?.integer {
            guard let exact = UInt16(exactly: number) else { return nil }
            port = exact
        }
        self.init(address: address, port: port, target: target, ends: ends)
    }
}

extension ClocheError {
    /// The error as it is sent and as `--json` prints it.
    package var document: Document {
        .object([
            "code": .string(code.name), "what": .string(what), "why": .string(why), "remedy": .string(remedy),
        ])
    }

    /// Reads an error that another process of ours wrote.
    package init?(document: Document) {
        guard let code = document["code"]?.string.flatMap(Code.named), let what = document["what"]?.string
        else {
            return nil
        }
        self.init(code, what, why: document["why"]?.string ?? "", remedy: document["remedy"]?.string ?? "")
    }
}

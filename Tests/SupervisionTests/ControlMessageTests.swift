// Messages between commands and supervisors: each survives the way through bytes, and nothing else is one.

import ClocheModel
import LinuxSystem
import Testing

@testable import Supervision

@Suite struct ControlMessageTests {
    private static let size = TerminalSize(columns: 300, rows: 65535)
    private static let request = ExecRequest(
        arguments: ["sh", "-c", "echo \"a\nb\" \u{1}ü"],
        environment: ["A=1", "B="],
        directory: "/workspace",
        terminal: size
    )

    static let messages: [ControlMessage] = [
        .status, .stats, .pause, .unpause, .repaint, .detach, .left,
        .attach(AttachRequest(size: size)), .look(LookRequest(window: 2, linesAbove: 100)),
        .attach(AttachRequest(size: size, window: 3, readOnly: true, steals: true, linesAbove: 9)),
        .input([]),
        .input([0, 0xff, 0x1b]), .resize(TerminalSize(columns: 0, rows: 256)), .exec(request),
        .exec(ExecRequest(arguments: ["true"], environment: [], directory: "/", terminal: nil)),
        .network, .setNetwork(.object(["mode": .string("allow"), "allow": .strings(["a.test:443"])])),
        .forward(ForwardRequest(address: "127.0.0.1", port: nil, target: 3000)),
        .forward(ForwardRequest(address: "::1", port: 0, target: 65535, ends: true)),
        .keys(KeysRequest(.names, ["C-x", "a\nb"], repeats: 3)),
        .keys(KeysRequest(.message, ["ü"], enter: true, isUrgent: true)), .follow, .awaitState,
        .messages(awaiting: nil), .messages(awaiting: 7), .label(["a=b", "c-"]),
        .requests, .decide(ApprovalRequest(number: .max, isApproval: true, isLasting: false)),
        .signal(15), .signal(-1), .stop(graceSeconds: nil), .stop(graceSeconds: 0), .stop(graceSeconds: .max),
        .report(.object(["state": .string("running"), "viewers": .integer(2)])), .output([]),
        .output(Array("x\r\n".utf8)), .started,
        .failed(ClocheError(.notFound, "what", why: "why", remedy: "remedy")),
        .failed(ClocheError(.system, "what")), .exited(0), .exited(.min), .exited(137), .ended(""),
        .ended("wall-clock"),
    ]

    @Test(arguments: messages) func survivesTheWire(_ message: ControlMessage) {
        #expect(ControlMessage(message.bytes) == message)
    }

    @Test func everyMessageHasItsOwnKind() {
        let kinds = Dictionary(grouping: Self.messages) { $0.bytes[0] }
        // 30 cases; two that shared a byte would give fewer.
        #expect(kinds.count == 30)
    }

    static let noMessages: [(name: String, bytes: [UInt8])] = [
        ("nothing", []),
        ("unknown kind", [0]),
        ("unknown letter", Array("Q{}".utf8)),
        ("attach without JSON", Array("A".utf8)),
        ("attach without a size", Array(#"A{"window":0}"#.utf8)),
        ("look of no window", Array(#"L{"lines-above":0}"#.utf8)),
        ("half a size", Array("R".utf8) + [80, 0, 24]),
        ("half a number", Array("K".utf8) + [9, 0, 0]),
        ("a number and more", Array("x".utf8) + [9, 0, 0, 0, 0]),
        ("stop without a number", Array("T".utf8)),
        ("exec without JSON", Array("X".utf8)),
        ("exec with broken JSON", Array("X{\"arguments\":".utf8)),
        ("exec without arguments", Array(#"X{"arguments":[],"environment":[],"directory":"/"}"#.utf8)),
        ("exec of numbers", Array(#"X{"arguments":[1],"environment":[],"directory":"/"}"#.utf8)),
        ("exec without a directory", Array(#"X{"arguments":["a"],"environment":[]}"#.utf8)),
        ("a forward without a port inside", Array(#"F{"address":"127.0.0.1","ends":false}"#.utf8)),
        ("a forward to no port", Array(#"F{"address":"::1","target":65536,"ends":false}"#.utf8)),
        ("a forward from no port", Array(#"F{"address":"::1","target":1,"port":-1,"ends":false}"#.utf8)),
        ("keys of no form", Array(#"k{"form":"odd","words":[],"repeats":1}"#.utf8)),
        ("keys without a repeat", Array(#"k{"form":"hex","words":[]}"#.utf8)),
        ("keys never", Array(#"k{"form":"hex","words":["0"],"repeats":0}"#.utf8)),
        ("a network of no JSON", Array("W".utf8)),
        ("two values for one key", Array(#"s{"a":1,"a":2}"#.utf8)),
        ("an error of no known code", Array(#"e{"code":"odd","what":"x"}"#.utf8)),
        ("an error without words", Array(#"e{"code":"system"}"#.utf8)),
    ]

    @Test(arguments: noMessages) func refusesWhatIsNone(_ name: String, _ bytes: [UInt8]) {
        #expect(ControlMessage(bytes) == nil, "\(name)")
    }

    @Test func aHalfSizeMeansThatTheDescriptorsComeAlong() {
        let text = #"X{"arguments":["a"],"environment":[],"directory":"/","opens-window":false,"columns":80}"#
        let plain = ExecRequest(arguments: ["a"], environment: [], directory: "/", terminal: nil)
        #expect(ControlMessage(Array(text.utf8)) == .exec(plain))
    }

    @Test func anErrorKeepsItsPartsAndItsKind() throws {
        let error = ClocheError(.wouldLose, "cannot \"delete\"", why: "a\nb", remedy: "c")
        let read = try #require(ClocheError(document: error.document))
        #expect(read == error)
        #expect(read.code == .wouldLose)
    }
}

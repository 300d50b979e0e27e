// What the `cloche` in a sandbox and the process that serves it say to each other (SOCK_SEQPACKET, one message each):
//
//   inside                      outside
//     | words ------------------->|   what was typed
//     | input* ------------------>|   standard input, where the words ask for it
//     | go ---------------------->|
//     |<------------ output, errors*
//     |<--------------------- exited
//
// The first byte is the kind. What comes from inside is hostile; no descriptor is taken from there, and none given.

internal import LinuxSystem

/// One message of either side.
enum AgentMessage: Equatable {
    case words([String])
    case input([UInt8])
    case go
    case output([UInt8])
    case errors([UInt8])
    case exited(UInt8)

    /// The most bytes of data in one message.
    static let part = 65536

    /// The message as bytes.
    var bytes: [UInt8] {
        switch self {
        case .words(let words): [UInt8(ascii: "w")] + words.flatMap { Array($0.utf8) + [0] }
        case .input(let data): [UInt8(ascii: "i")] + data
        case .go: [UInt8(ascii: "g")]
        case .output(let data): [UInt8(ascii: "o")] + data
        case .errors(let data): [UInt8(ascii: "e")] + data
        case .exited(let code): [UInt8(ascii: "x"), code]
        }
    }

    /// Reads a message; nil when it is none.
    init?(_ bytes: [UInt8]) {
        guard let kind = bytes.first else { return nil }
        let body = bytes.dropFirst()
        switch UnicodeScalar(kind) {
        case "w":
            guard body.last == 0 || body.isEmpty else { return nil }
            // Text that is none would be another word than was typed.
            let words = body.dropLast().split(separator: 0, omittingEmptySubsequences: false)
                .map { String(validating: $0, as: UTF8.self) }
            if body.isEmpty {
                self = .words([])
            } else if words.contains(nil) {
                return nil
            } else {
                self = .words(words.compactMap { $0 })
            }
        case "i": self = .input(Array(body))
        case "g": self = .go
        case "o": self = .output(Array(body))
        case "e": self = .errors(Array(body))
        case "x":
            guard body.count == 1, let code = body.first else { return nil }
            self = .exited(code)
        default: return nil
        }
    }

    /// Data in pieces that are messages.
    static func parts(_ data: [UInt8], _ make: ([UInt8]) -> AgentMessage) -> [AgentMessage] {
        stride(from: 0, to: data.count, by: part).map { make(Array(data[$0..<min(data.count, $0 + part)])) }
    }
}

// What a gate lets through of what a client says, in pieces: what a Connection does with its steps, without sockets.

import ClocheModel
import NetworkMessages
import NetworkRules

@testable import NetworkRelay

/// A gate with a client before it and a server behind it.
struct Passage {
    /// Where it stands when a client has said all.
    enum Outcome: Equatable {
        case waits
        case awaitsAnswer
        case done
        case refused(RefusalReason)
    }

    let policy: NetworkPolicy
    var gate: Gate
    /// What the server was sent.
    private(set) var passed: [UInt8] = []
    private var words: [UInt8] = []
    private var allowance: Int64 = 0
    private(set) var refusal: Refusal?

    var text: String { String(decoding: passed, as: UTF8.self) }

    init(
        _ rules: [NetworkEntry],
        to authority: String,
        isProxied: Bool = false,
        hiddenNames: Bool = false
    ) throws {
        policy = try NetworkPolicy(
            NetworkSettings(mode: .allow, allow: rules, allowsHiddenNames: hiddenNames)
        )
        let destination = try Destination(authority: authority)
        guard let grant = policy.decide(destination).grant else { throw Missing(description: "a grant") }
        gate = Gate(destination, grant, isProxied: isProxied)
    }

    /// The client says this.
    mutating func say(_ text: String) -> Outcome { say(Array(text.utf8)) }

    mutating func say(_ bytes: [UInt8]) -> Outcome {
        words += bytes
        while refusal == nil {
            if allowance > 0 {
                let count = Int(min(allowance, Int64(words.count)))
                passed += words.prefix(count)
                words.removeFirst(count)
                if allowance != .max { allowance -= Int64(count) }
                if words.isEmpty { return .waits }
            }
            switch gate.next(words[...], policy) {
            case .needMore: return .waits
            case .pass(let count, let instead):
                passed += instead ?? Array(words.prefix(count))
                words.removeFirst(count)
            case .unseen(let count): allowance = count
            case .awaitAnswer: return .awaitsAnswer
            case .done: return .done
            case .refuse(let refusal): self.refusal = refusal
            }
        }
        return .refused(refusal?.reason ?? .malformed)
    }

    /// The server answers this, and the client's words go on.
    mutating func answer(_ bytes: [UInt8]) -> Outcome {
        _ = gate.answered(bytes[...], isAll: true)
        return say([])
    }

    mutating func answer(_ text: String) -> Outcome { answer(Array(text.utf8)) }
}

/// Messages of TLS as clients and servers send them.
enum TLSSample {
    /// The hello of a client that asks for the name.
    static func hello(_ name: String?, isEncrypted: Bool = false) -> [UInt8] {
        var extensions: [UInt8] = []
        if let name {
            let text = Array(name.utf8)
            extensions += [0, 0] + lengthed(lengthed([0] + lengthed(text)))
        }
        if isEncrypted { extensions += [0xfe, 0x0d] + lengthed([0, 0, 1]) }
        let body =
            [3, 3] + [UInt8](repeating: 9, count: 32) + [0] + lengthed([0x13, 1]) + [1, 0]
            + lengthed(extensions)
        return record(22, [1, 0] + lengthed(body))
    }

    /// What a server answers; with the random bytes that ask for another hello (RFC 8446, 4.1.3).
    static func answer(asksAgain: Bool) -> [UInt8] {
        let again: [UInt8] = [
            0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
            0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
        ]
        let random = asksAgain ? again : [UInt8](repeating: 5, count: 32)
        return record(22, [2, 0] + lengthed([3, 3] + random + [0, 0x13, 1, 0]))
    }

    static func record(_ type: UInt8, _ content: [UInt8]) -> [UInt8] { [type, 3, 3] + lengthed(content) }

    private static func lengthed(_ bytes: [UInt8]) -> [UInt8] {
        [UInt8(bytes.count >> 8), UInt8(truncatingIfNeeded: bytes.count)] + bytes
    }
}

// What a program tells its terminal beside what it shows: its title, notifications, marks of prompts. None of it reaches a
// person's terminal (`AttachFilter` drops it); the supervisor reads from it what the program does. Hostile as all output.

/// Something that a program says by an OSC string.
package enum TerminalSignal: Equatable, Sendable {
    /// The title of its window.
    case title(String)
    /// A notification, with its text.
    case notification(String)
    /// A prompt begins, or the line that is typed at it: OSC 133;A and B.
    case prompt
    /// A command begins to run: OSC 133;C.
    case commandBegins
    /// It has ended: OSC 133;D.
    case commandEnds

    /// The longest payload that is looked at, in bytes.
    static let longest = 512
    /// The most characters of a text.
    private static let longestText = 200

    /// Whether a payload may be one; cheap, as it is asked of every OSC string.
    static func isOne(_ payload: [UInt8]) -> Bool {
        guard payload.count <= longest, let first = payload.first else { return false }
        return "01279".utf8.contains(first) && payload.prefix(4).contains(UInt8(ascii: ";"))
    }

    /// Reads the content of an OSC string; nil when it is none of these.
    package init?(_ payload: [UInt8]) {
        let text = String(decoding: payload.prefix(Self.longest), as: UTF8.self)
        let parts = text.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        switch parts[0] {
        case "0", "2": self = .title(Self.line(parts[1]))
        case "9":
            // ConEmu's commands begin with a number: progress (`9;4;...`), a directory.
            let number = parts[1].prefix { $0 != ";" }
            if !number.isEmpty, number.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) { return nil }
            self = .notification(Self.line(parts[1]))
        case "777":
            let words = parts[1].split(separator: ";", maxSplits: 2, omittingEmptySubsequences: false)
            guard words[0] == "notify", words.count > 1 else { return nil }
            self = .notification(Self.line(words.dropFirst().filter { !$0.isEmpty }.joined(separator: ": ")))
        case "133":
            switch parts[1].split(separator: ";", omittingEmptySubsequences: false).first {
            case "A"?, "B"?: self = .prompt
            case "C"?: self = .commandBegins
            case "D"?: self = .commandEnds
            default: return nil
            }
        default: return nil
        }
    }

    private static func line(_ text: some StringProtocol) -> String {
        visible(String(text), limit: longestText)
    }
}

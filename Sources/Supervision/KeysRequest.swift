// What is to be typed into an agent's terminal by somebody who is not attached, as it is sent to the supervisor, and
// what it is as bytes. The supervisor makes the bytes: it alone knows what the program asked of its terminal.

package import ClocheModel
package import TerminalText

/// Keys for a window, or a message for window 0.
package struct KeysRequest: Equatable, Sendable {
    /// How the words are read.
    package enum Form: String, Sendable {
        /// Keys by their names, and text.
        case names
        /// Text alone.
        case literal
        /// Bytes as hexadecimal numbers.
        case hex
        /// One text, to be taken for one message.
        case message
    }

    /// The most that may be typed at once, in bytes.
    package static let limit = 65536

    /// How the words are read.
    package var form: Form
    /// What is to be typed.
    package var words: [String]
    /// How many times.
    package var repeats: Int64
    /// Where; a message is for the harness, which is in window 0.
    package var window = 0
    /// Of a message: whether Enter follows.
    package var enter: Bool
    /// Of a message: whether it is typed at once, whatever the program does.
    package var isUrgent: Bool

    /// A request.
    package init(
        _ form: Form,
        _ words: [String],
        repeats: Int64 = 1,
        enter: Bool = false,
        isUrgent: Bool = false
    ) {
        self.enter = enter
        self.isUrgent = isUrgent
        self.form = form
        self.words = words
        self.repeats = repeats
    }

    /// What is typed.
    ///
    /// - Throws: which word it is that cannot be.
    package func bytes(_ modes: KeyModes) throws(ClocheError) -> [UInt8] {
        var once: [UInt8] = []
        for word in words { once += try bytes(word, modes) }
        let (count, isHuge) = Int64(once.count).multipliedReportingOverflow(by: max(1, repeats))
        guard !isHuge, count <= Self.limit else {
            throw ClocheError(
                .usage,
                "that is too much to be typed at once",
                why: "the most is \(Self.limit) bytes",
                remedy: "put the text into a file of the workspace and name it to the agent"
            )
        }
        return (0..<max(1, repeats)).flatMap { _ in once }
    }

    private func bytes(_ word: String, _ modes: KeyModes) throws(ClocheError) -> [UInt8] {
        switch form {
        case .literal: return Array(word.utf8)
        case .hex:
            guard word.utf8.count <= 2, word.utf8.first != UInt8(ascii: "+"),
                let byte = UInt8(word, radix: 16)
            else {
                throw ClocheError(
                    .usage,
                    "bad byte '\(visible(word, limit: 40))'",
                    why: "it must be a hexadecimal number from 0 to ff",
                    remedy: "for example: cloche keys -H NAME 1b 5b 41"
                )
            }
            return [byte]
        case .message:
            do throws(MessageProblem) {
                return try TypedMessage(word).bytes(modes)
            } catch { throw ClocheError(messageProblem: error) }
        case .names:
            switch try Self.keyWord(word) {
            case .text(let text): return Array(text.utf8)
            case .key(let key):
                guard let bytes = key.bytes(modes) else { throw ClocheError(unsendable: word) }
                return bytes
            }
        }
    }

    private static func keyWord(_ word: String) throws(ClocheError) -> KeyWord {
        do throws(UnknownKey) {
            return try KeyWord(word)
        } catch { throw ClocheError(unknownKey: error, near: []) }
    }
}

extension ClocheError {
    /// A word with modifiers and no key; `near` are names that were perhaps meant.
    package init(unknownKey: UnknownKey, near: [String]) {
        let word = visible(unknownKey.word, limit: 80)
        let meant = near.map { "'\(unknownKey.prefix)\($0)'" }.joined(separator: " or ")
        self.init(
            .usage,
            "no key is named '\(visible(unknownKey.name, limit: 60))'",
            why: "'\(word)' begins with a modifier, so a key must follow",
            remedy: (meant.isEmpty ? "" : "did you mean \(meant)? ") + "`--literal` types it as text"
        )
    }

    /// A text that cannot be a message.
    package init(messageProblem: MessageProblem) {
        self.init(
            .usage,
            "the message cannot be typed",
            why: "\(messageProblem)",
            remedy: "a message is lines of text; `cloche keys` sends keys"
        )
    }

    fileprivate init(unsendable word: String) {
        self.init(
            .usage,
            "the key '\(visible(word, limit: 80))' cannot be sent",
            why: "the agent's terminal has no bytes for it that differ from those without the modifier",
            remedy: "only a program that asks for the kitty keyboard protocol is told of such keys"
        )
    }
}

extension KeysRequest {
    var document: Document {
        // An older supervisor, which knows window 0 alone, must not take another's keys for that one's: it finds no form.
        let place: Document.Entry =
            window == 0
            ? .init("form", .string(form.rawValue))
            : .init(
                "elsewhere",
                .object(["window": .integer(Int64(window)), "form": .string(form.rawValue)])
            )
        return .map([
            place, .init("words", .strings(words)), .init("repeats", .integer(repeats)),
            .init("enter", .bool(enter)), .init("now", .bool(isUrgent)),
        ])
    }

    init?(document: Document) {
        let elsewhere = document["elsewhere"]
        guard let form = (elsewhere ?? document)["form"]?.string.flatMap(Form.init),
            let words = document["words"]?.stringList,
            let repeats = document["repeats"]?.integer, (1...Int64(Self.limit)).contains(repeats),
            let window = elsewhere == nil ? 0 : elsewhere?["window"]?.integer.flatMap({ Int(exactly: $0) })
        else { return nil }
        self.init(
            form,
            words,
            repeats: repeats,
            enter: document["enter"]?.bool ?? false,
            isUrgent: document["now"]?.bool ?? false
        )
        self.window = window
    }
}

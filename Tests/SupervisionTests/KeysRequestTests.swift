// What is typed for a request of keys, and how a word that cannot be is told.

import ClocheModel
import TerminalText
import Testing

@testable import Supervision

@Suite struct KeysRequestTests {
    private func typed(_ request: KeysRequest, _ modes: KeyModes = KeyModes()) throws -> String {
        String(decoding: try request.bytes(modes), as: UTF8.self)
    }

    @Test func isMadeOfItsWords() throws {
        #expect(try typed(KeysRequest(.names, ["ls", "Space", "-l", "Enter"])) == "ls -l\r")
        #expect(try typed(KeysRequest(.literal, ["Enter", "C-Foo"])) == "EnterC-Foo")
        #expect(try typed(KeysRequest(.hex, ["1b", "5B", "41"])) == "\u{1B}[A")
        #expect(
            try typed(KeysRequest(.names, ["Up"], repeats: 3), KeyModes(applicationCursor: true))
                == "\u{1B}OA\u{1B}OA\u{1B}OA"
        )
        #expect(try typed(KeysRequest(.message, ["a\nb"])) == "a b")
    }

    @Test(arguments: [
        (KeysRequest(.hex, ["100"]), "bad byte '100'"), (KeysRequest(.hex, ["-1"]), "bad byte '-1'"),
        (KeysRequest(.hex, [""]), "bad byte"), (KeysRequest(.hex, ["+1"]), "bad byte"),
        (KeysRequest(.names, ["C-Foo"]), "no key is named 'Foo'"),
        (KeysRequest(.names, ["S-Enter"]), "the key 'S-Enter' cannot be sent"),
        (KeysRequest(.message, ["\u{1B}[201~"]), "the message cannot be typed"),
        (KeysRequest(.literal, [String(repeating: "x", count: 655)], repeats: 101), "too much"),
        (KeysRequest(.literal, ["xx"], repeats: .max), "too much"),
    ])
    func refuses(_ request: KeysRequest, _ words: String) {
        let error = #expect(throws: ClocheError.self) { try request.bytes(KeyModes()) }
        #expect(error?.what.contains(words) == true, "\(error?.what ?? "")")
        #expect(error?.code == .usage)
    }

    /// A supervisor that knows window 0 alone reads `form` at the top, and must find none.
    @Test func anotherWindowsKeysAreNotTakenForTheFirsts() {
        var request = KeysRequest(.literal, ["x"])
        #expect(request.document["form"] == .string("literal"))
        request.window = 2
        #expect(request.document["form"] == nil)
        #expect(KeysRequest(document: request.document) == request)
        var broken = request.document
        broken["elsewhere"] = .object(["window": .string("2"), "form": .string("literal")])
        #expect(KeysRequest(document: broken) == nil)
        broken["elsewhere"] = .object(["form": .string("literal")])
        #expect(KeysRequest(document: broken) == nil)
    }
}

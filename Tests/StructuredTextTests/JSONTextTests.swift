// JSON in both directions, and the exact words of its refusals.

import ClocheModel
import StructuredText
import Testing

@Suite struct JSONTextTests {
    static let roundTrips = [
        "null", "true", "-9223372036854775808", "1.5", "\"\"", "\"a\\u0000b\"", "\"grüße \\\" \\\\ \\n\"",
        "[]", "{}",
        "[1,[2,{\"z\":1,\"a\":[null]}],\"x\"]",
    ]

    @Test(arguments: roundTrips)
    func keepsWhatItReads(_ text: String) throws {
        #expect(JSONText.serialize(try JSONText.parse(text)) == text)
    }

    static let refusals: [(text: String, message: String)] = [
        ("", "s.json:1:1: nothing is here"),
        ("{\"a\":1,\"a\":2}", "s.json:1:10: duplicate object key near '\"a\"'"),
        ("[1,]", "s.json:1:4: unexpected token near ']'"),
        ("{\n  \"a\": 1\n", "s.json:3:1: '}' expected near end of file"),
        ("[99999999999999999999]", "s.json:1:21: too big integer near '99999999999999999999'"),
        ("1 2", "s.json:1:3: end of file expected near '2'"),
    ]

    @Test(arguments: refusals)
    func saysWhereItIsWrong(_ text: String, _ message: String) {
        let error = #expect(throws: StructuredTextError.self) { try JSONText.parse(text, file: "s.json") }
        #expect(error?.description == message)
    }

    @Test func refusesInvalidUTF8AndRepairsItWhenWriting() {
        let broken: [UInt8] = [UInt8(ascii: "\""), 0xff, UInt8(ascii: "\"")]
        #expect(throws: StructuredTextError.self) { try JSONText.parse(broken) }
        #expect(
            JSONText.serialize(.string(String(decoding: broken, as: UTF8.self))) == "\"\\\"\u{fffd}\\\"\""
        )
    }

    @Test func nothingThatIsWrittenDrivesOrHides() throws {
        let text = "ä日🙂👩\u{200D}💻 \u{7F}\u{9B}31m\u{202E}\u{2028}\u{E0041}\u{FEFF}"
        let written = JSONText.serialize(.map([.init(text, .string(text))]))
        let half = #"ä日🙂👩"# + "\u{200D}" + #"💻 \u007f\u009b31m\u202e\u2028\udb40\udc41\ufeff"#
        #expect(written == "{\"\(half)\":\"\(half)\"}")
        #expect(try JSONText.parse(written)[text]?.string == text)
    }

    @Test func writesForPeopleAndKeepsTheOrderOfKeys() {
        let document = Document.object([
            "z": .integer(1), "a": .strings(["x"]), "e": .list([]), "n": .real(.nan),
        ])
        let pretty = """
            {
              "z": 1,
              "a": [
                "x"
              ],
              "e": [],
              "n": null
            }
            """
        #expect(JSONText.serialize(document, pretty: true) == pretty)
        #expect(JSONText.serializeBytes(document) == Array(#"{"z":1,"a":["x"],"e":[],"n":null}"#.utf8))
    }
}

// YAML: what scalars mean, where things stand, and the exact words of every refusal.

import ClocheModel
import StructuredText
import Testing

@Suite struct YAMLTextTests {
    static let scalars: [(text: String, value: Document)] = [
        ("~", .null), ("null", .null), ("", .null), ("true", .bool(true)), ("False", .bool(false)),
        ("no", .string("no")), ("on", .string("on")), ("Yes", .string("Yes")), ("off", .string("off")),
        ("'true'", .string("true")), ("\"12\"", .string("12")), ("12", .integer(12)), ("-0", .integer(0)),
        ("+7", .integer(7)), ("0x1F", .integer(31)), ("0o17", .integer(15)), ("017", .integer(17)),
        ("1.5", .real(1.5)), ("1e3", .real(1000)), (".5", .real(0.5)), ("5.", .real(5)),
        ("-.inf", .real(-.infinity)),
        ("12:30", .string("12:30")), ("1_000", .string("1_000")), ("2GiB", .string("2GiB")),
        ("1.2.3", .string("1.2.3")),
        (".", .string(".")), ("-", .list([.null])), ("- -", .list([.list([.null])])), ("+", .string("+")),
        ("--5", .string("--5")), ("0x", .string("0x")), ("e5", .string("e5")), ("1e", .string("1e")),
        ("!!str 12", .string("12")), ("! 12", .string("12")), ("2026-01-02", .string("2026-01-02")),
        ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
        ("|\n  a\n  b\n", .string("a\nb\n")), (">-\n  a\n  b\n", .string("a b")),
        ("{a: [1, two], b: {}}", .object(["a": .list([.integer(1), .string("two")]), "b": .map([])])),
    ]

    @Test(arguments: scalars)
    func resolvesScalarsByTheCoreSchema(_ text: String, _ value: Document) throws {
        #expect(try YAMLText.parse(text, file: "t.yaml").document == value)
    }

    @Test func remembersWhereKeysAndValuesStand() throws {
        let text = "# a comment\nlimits:\n  idle: 30m\nlist:\n  - one\n  - {größe: 2}\n"
        let root = try YAMLText.parse(text, file: "t.yaml")
        guard case .map(let entries) = root.value, case .list(let items)? = root["list"]?.value,
            case .map(let inner) = items[1].value
        else {
            Issue.record("not a map")
            return
        }
        #expect(entries[0].keyPosition == TextPosition(line: 2, column: 1))
        #expect(root["limits"]?["idle"]?.position == TextPosition(line: 3, column: 9))
        #expect(items[0].position == TextPosition(line: 5, column: 5))
        #expect(inner[0].value.position == TextPosition(line: 6, column: 13))
        #expect(
            root["limits"]?["idle"]
                == LocatedNode(.scalar(.string("30m"), text: "30m"), at: .init(line: 3, column: 9))
        )
    }

    @Test func expandsAliases() throws {
        let root = try YAMLText.parse("a: &x [1, 2]\nb: *x\nc: *x\n", file: "t.yaml")
        #expect(root.document["c"] == .list([.integer(1), .integer(2)]))
        #expect(root["b"]?.position == TextPosition(line: 2, column: 4))
    }

    @Test func keepsTheWrittenTextOfNumbers() throws {
        #expect(try YAMLText.parse("1.10", file: "").value == .scalar(.real(1.1), text: "1.10"))
    }

    static let refusals: [(text: String, message: String)] = [
        ("a: 1\nb: 2\na: 3", "t.yaml:3:1: the key `a` is here twice; it is on line 1 already"),
        ("a: *x", "t.yaml:1:4: the alias *x has no complete anchor &x before it"),
        ("a: &x [*x]", "t.yaml:1:8: the alias *x has no complete anchor &x before it"),
        ("a: 1\n---\nb: 2", "t.yaml:2:1: a second document starts here, but the file may have only one"),
        ("1: a", "t.yaml:1:1: a key must be text; write it in quotes: \"1\""),
        ("true: a", "t.yaml:1:1: a key must be text; write it in quotes: \"true\""),
        ("? [a]\n: b", "t.yaml:1:3: a key must be text, not a list or a map"),
        ("a: !!python/object x", "t.yaml:1:4: the tag tag:yaml.org,2002:python/object is not supported"),
        ("a: !mine [x]", "t.yaml:1:4: the tag !mine is not supported"),
        (
            "a: 99999999999999999999",
            "t.yaml:1:4: the number 99999999999999999999 does not fit in 64 bits; "
                + "quote it if it is text"
        ),
        ("a:\n\tb: 1", "t.yaml:2:1: a tab stands where only spaces may indent"),
        (
            "a: [1, 2\nb: 3",
            "t.yaml:2:2: did not find expected ',' or ']' (while parsing a flow sequence, begun on line 1)"
        ),
        ("a: b: c", "t.yaml:1:5: mapping values are not allowed in this context"),
        (
            "a: 'x",
            "t.yaml:1:6: found unexpected end of stream (while scanning a quoted scalar, begun on line 1)"
        ),
        (String(repeating: "[", count: 70), "t.yaml:1:65: values are nested deeper than 64 levels"),
        (String(repeating: " ", count: 1 << 20) + "a", "t.yaml:1:1: the file is larger than 1 MiB"),
    ]

    @Test(arguments: refusals)
    func saysWhereItIsWrong(_ text: String, _ message: String) {
        let error = #expect(throws: StructuredTextError.self) { try YAMLText.parse(text, file: "t.yaml") }
        #expect(error?.description == message)
    }

    @Test func boundsWhatAliasesExpandTo() {
        var text = "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            let alias = "*l\(level - 1)"
            text += "l\(level): &l\(level) [\(Array(repeating: alias, count: 10).joined(separator: ", "))]\n"
        }
        let error = #expect(throws: StructuredTextError.self) { try YAMLText.parse(text, file: "t.yaml") }
        #expect(
            error?.message == "the file has more than 20000 values (aliases count as what they stand for)"
        )
        #expect(error?.position.line == 5)
    }

    @Test func refusesInvalidUTF8AtItsPlace() {
        let bytes = Array("a: 1\nb: ".utf8) + [0xff, 0xfe]
        let error = #expect(throws: StructuredTextError.self) { try YAMLText.parse(bytes, file: "t.yaml") }
        #expect(error?.description == "t.yaml:2:4: invalid leading UTF-8 octet")
    }
}

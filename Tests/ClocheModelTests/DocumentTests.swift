// The tree of plain values: looking up, changing, and what the shorthands make.

import ClocheModel
import Testing

@Suite struct DocumentTests {
    let document = Document.object([
        "name": .string("fixer"), "count": .integer(3),
        "limits": .object(["idle": .null, "on": .bool(true)]),
        "list": .strings(["a", "b"]),
    ])

    @Test func findsValuesByKeyAndPath() {
        #expect(document["count"]?.integer == 3)
        #expect(document["missing"] == nil)
        #expect(document["count"]?["deeper"] == nil)
        #expect(document.value(at: ["limits", "on"])?.bool == true)
        #expect(document.value(at: ["limits", "off", "x"]) == nil)
        #expect(document.value(at: []) == document)
        #expect(document["limits"]?["idle"] == .null)
    }

    @Test func changesKeysInPlaceAndKeepsTheirOrder() {
        var changed = document
        changed["count"] = .integer(4)
        changed["new"] = .bool(false)
        changed["name"] = nil
        changed["limits"]?["idle"] = .string("5m")
        #expect(changed.entries?.map(\.key) == ["count", "limits", "list", "new"])
        #expect(changed.value(at: ["limits", "idle"]) == .string("5m"))
        #expect(changed["count"] == .integer(4))
    }

    @Test func changesNothingThatIsNoMap() {
        var list = Document.strings(["a"])
        list["a"] = .null
        #expect(list == .strings(["a"]))
    }

    @Test func asksForTheRightKindOnly() {
        #expect(Document.string("3").integer == nil)
        #expect(Document.integer(1).bool == nil)
        #expect(Document.strings(["a", "b"]).stringList == ["a", "b"])
        #expect(Document.list([.string("a"), .integer(1)]).stringList == nil)
        #expect(Document.list([]).stringList == [])
        #expect(Document.null.list == nil)
        #expect(Document.optional(nil as String?) == .null)
        #expect(Document.optional("x") == .string("x"))
        #expect(Document.optional(7 as Int64?) == .integer(7))
    }
}

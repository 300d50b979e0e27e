// Conditions on a call's arguments: `low32(arg1) == TIOCSTI`, `arg0 & CLONE_NEWUSER`, joined by `and`. Text to
// tests here; tests to instructions in FilterAssembler.

/// One test of one argument.
///
/// A filter sees 64 bits of each argument, but the kernel takes fewer of many (an `int`, a `mode_t`). What is
/// compared must be what the kernel takes: a refusal compared on more bits is passed by setting the others.
struct ArgumentTest: Equatable, Sendable {
    enum Relation: Equatable, Sendable {
        /// Any bit of the mask is set.
        case anyBit
        /// Equal to one of these.
        case among([UInt64])
        case less(UInt64)
        case greater(UInt64)
    }

    /// 0 to 5.
    let argument: Int
    /// The bits that are looked at.
    let mask: UInt64
    let relation: Relation
}

/// Tests that must all hold, and the text that they were written as.
struct ArgumentCase: Equatable, Sendable {
    let tests: [ArgumentTest]
    let text: String
}

/// Why a text is no condition: lower-case first word, no full stop.
struct ConditionError: Error, Equatable { let message: String }

extension ArgumentCase {
    /// More tests than this are surely a mistake, and short cases keep every jump in one byte.
    private static let testLimit = 6
    private static let valueLimit = 16

    init(_ text: String) throws(ConditionError) {
        var words = ConditionWords(text)
        var tests = [try ArgumentCase.test(&words)]
        while words.take("and") { tests.append(try ArgumentCase.test(&words)) }
        if let word = words.next {
            throw ConditionError(message: "`and` or the end was expected, not `\(word)`")
        }
        guard tests.count <= ArgumentCase.testLimit else {
            throw ConditionError(message: "a condition may have at most \(ArgumentCase.testLimit) tests")
        }
        self.init(tests: tests, text: text)
    }

    private static func test(_ words: inout ConditionWords) throws(ConditionError) -> ArgumentTest {
        let (argument, width) = try subject(&words)
        var mask = width
        if words.take("&") {
            mask = try bits(&words)
            guard mask != 0, mask & ~width == 0 else {
                throw ConditionError(message: "the mask must have some of the bits that are looked at")
            }
            let isCompared = words.next.map { ["==", "<", ">", "in"].contains($0) } ?? false
            if !isCompared { return ArgumentTest(argument: argument, mask: mask, relation: .anyBit) }
        }
        let relation = try relation(&words)
        if case .among(let values) = relation, let value = values.first(where: { $0 & ~mask != 0 }) {
            throw ConditionError(message: "0x\(String(value, radix: 16)) has bits that are not looked at")
        }
        if case .among(let values) = relation, Set(values.map { $0 >> 32 }).count > 1 {
            throw ConditionError(message: "values that differ above their low 32 bits need a condition each")
        }
        return ArgumentTest(argument: argument, mask: mask, relation: relation)
    }

    /// `arg0` to `arg5`, or `low32(...)` of one.
    private static func subject(_ words: inout ConditionWords) throws(ConditionError) -> (Int, UInt64) {
        let isLow = words.take("low32")
        if isLow { try words.require("(") }
        let word = words.pop() ?? ""
        guard word.utf8.count == 4, word.hasPrefix("arg"), let index = Int(word.dropFirst(3)), index < 6
        else {
            throw ConditionError(message: "`arg0` to `arg5` or `low32(arg0)` was expected, not `\(word)`")
        }
        if isLow { try words.require(")") }
        return (index, isLow ? 0xffff_ffff : .max)
    }

    private static func relation(_ words: inout ConditionWords) throws(ConditionError)
        -> ArgumentTest.Relation
    {
        switch words.pop() {
        case "==": return .among([try bits(&words)])
        case "<": return .less(try bits(&words))
        case ">": return .greater(try bits(&words))
        case "in":
            try words.require("(")
            var values = [try bits(&words)]
            while words.take(",") { values.append(try bits(&words)) }
            try words.require(")")
            guard values.count <= valueLimit else {
                throw ConditionError(message: "a test may name at most \(valueLimit) values")
            }
            return .among(values)
        case let word:
            throw ConditionError(
                message: "`==`, `<`, `>`, `&` or `in` was expected, not `\(word ?? "the end")`"
            )
        }
    }

    /// Numbers and names, joined by `|`.
    private static func bits(_ words: inout ConditionWords) throws(ConditionError) -> UInt64 {
        var value = try words.value()
        while words.take("|") { value |= try words.value() }
        return value
    }
}

/// A condition cut into words and signs.
private struct ConditionWords {
    private var words: [String] = []

    init(_ text: String) {
        var word = ""
        for character in text {
            if character == "=" && words.last == "=" && word.isEmpty {
                words[words.count - 1] = "=="
            } else if "()&|<>=, ".contains(character) {
                if !word.isEmpty { words.append(word) }
                word = ""
                if character != " " { words.append(String(character)) }
            } else {
                word.append(character)
            }
        }
        if !word.isEmpty { words.append(word) }
        words.reverse()
    }

    var next: String? { words.last }

    mutating func pop() -> String? { words.popLast() }

    mutating func take(_ word: String) -> Bool {
        guard words.last == word else { return false }
        words.removeLast()
        return true
    }

    mutating func require(_ word: String) throws(ConditionError) {
        guard take(word) else {
            throw ConditionError(message: "`\(word)` was expected, not `\(words.last ?? "the end")`")
        }
    }

    mutating func value() throws(ConditionError) -> UInt64 {
        let word = pop() ?? "the end"
        let number =
            word.hasPrefix("0x")
            ? UInt64(word.dropFirst(2), radix: 16)
            : word.hasPrefix("0o") ? UInt64(word.dropFirst(2), radix: 8) : UInt64(word)
        guard let value = number ?? KernelConstants.values[word] else {
            throw ConditionError(
                message: "`\(word)` is no number and no constant that Cloche knows; write 0x..."
            )
        }
        return value
    }
}

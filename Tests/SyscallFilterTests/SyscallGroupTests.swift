// Files of groups and the conditions in them: what is read, and what is an error with its place.

import StructuredText
import Testing

@testable import SyscallFilter

@Suite struct SyscallGroupTests {
    static let mistakes: [(text: String, message: String)] = [
        ("[]", "1:1: a group must be a map of keys"),
        (
            "allowed: []",
            "1:1: unknown key `allowed`; a group has description, allow, allow-when, refuse-when, refuse, lift"
        ),
        ("description: [a]", "1:14: one line of text was expected"),
        ("allow: read", "1:8: a list was expected"),
        ("allow: [read]", "1:9: a list of calls, or a map of `calls` and `why` was expected"),
        ("allow: [[raed]]", "1:10: there is no system call `raed`"),
        ("allow: [{calls: [read]}]", "1:9: the key `why` is missing"),
        ("refuse: [[read]]", "1:10: a map was expected"),
        (
            "refuse: [{calls: [read], why: x, when: [a]}]",
            "1:34: unknown key `when`; here may be calls, why, answer"
        ),
        ("refuse: [{calls: [read], why: x, answer: EFOO}]", "1:42: `EFOO` is no answer; there are"),
        ("refuse-when: [{calls: [read], when: [], why: x}]", "1:37: at least one condition was expected"),
        ("refuse-when: [{calls: [read], when: [1], why: x}]", "1:38: a condition was expected, in quotes"),
        ("allow-when: [{calls: [read], when: [arg0 == 1], why: x}]", "1:14: the key `answer` is missing"),
        (
            "refuse-when: [{calls: [read], when: [arg0 == X], why: x}]",
            "1:38: `X` is no number and no constant"
        ),
    ]

    @Test(arguments: mistakes) func namesThePlace(_ text: String, _ message: String) {
        do throws(StructuredTextError) {
            _ = try SyscallGroup("own", text, file: "own.yaml")
            Issue.record("no error for \(text)")
        } catch { #expect(error.description.hasPrefix("own.yaml:" + message)) }
    }

    static let conditions: [(text: String, test: ArgumentTest)] = [
        ("arg0 == 1", ArgumentTest(argument: 0, mask: .max, relation: .among([1]))),
        ("low32(arg5) == AF_UNIX", ArgumentTest(argument: 5, mask: 0xffff_ffff, relation: .among([1]))),
        (
            "low32(arg1)==0xffffffff",
            ArgumentTest(argument: 1, mask: 0xffff_ffff, relation: .among([0xffff_ffff]))
        ),
        ("arg2 & O_CREAT|0o4", ArgumentTest(argument: 2, mask: 0o104, relation: .anyBit)),
        ("arg2 & 0xf in (1, 2)", ArgumentTest(argument: 2, mask: 15, relation: .among([1, 2]))),
        ("low32(arg2) & 0xff > 7", ArgumentTest(argument: 2, mask: 255, relation: .greater(7))),
        ("arg3 < 0x100000000", ArgumentTest(argument: 3, mask: .max, relation: .less(0x1_0000_0000))),
    ]

    @Test(arguments: conditions) func readsConditions(_ text: String, _ test: ArgumentTest) throws {
        #expect(try ArgumentCase(text).tests == [test])
        #expect(try ArgumentCase("\(text) and \(text)").tests == [test, test])
    }

    static let noConditions = [
        "", "arg0", "arg6 == 1", "arg == 1", "argx == 1", "low32(arg0 == 1", "low32 arg0 == 1", "arg0 = 1",
        "arg0 == ",
        "arg0 == 1 or arg1 == 1", "arg0 == 1 and", "arg0 == -1", "arg0 in ()", "arg0 in (1 2)", "arg0 in (1,",
        "arg0 & 0",
        "arg0 != 1", "low32(arg0) == 0x100000000", "low32(arg0) & 0x100000000", "arg0 & 0xf == 0x10",
        "arg0 in (1, 0x100000001)", "arg0 == 0xfffffffffffffffff",
        "arg0 in (\((0...16).map(String.init).joined(separator: ", ")))",
        (0...6).map { "arg0 == \($0)" }.joined(separator: " and "),
    ]

    @Test(arguments: noConditions) func refusesOtherTexts(_ text: String) {
        #expect(throws: ConditionError.self) { try ArgumentCase(text) }
    }

    /// The longest condition there can be: no jump is longer than a byte.
    @Test func theLongestConditionIsRight() throws {
        let values = (1...16).map { "0x\(String(0x10_0000_0000 + $0, radix: 16))" }.joined(separator: ", ")
        let text = (0..<6).map { "arg\($0) & 0xffffffff0f in (\(values))".replacing("0f in", with: "1f in") }
        let when = try ArgumentCase(text.joined(separator: " and "))
        let program = try #require(
            FilterAssembler.program(
                [5: FilterLeaf(cases: [(when, .errno(7))], otherwise: .allow)],
                otherwise: .kill
            )
        )
        func decide(_ arguments: [UInt64]) throws -> Decision {
            let architecture = SyscallNumbers.architecture
            return Decision(
                try program.run(CallFacts(number: 5, architecture: architecture, arguments: arguments))
            )
        }
        let fitting = [UInt64](repeating: 0x10_0000_0010, count: 6)
        #expect(try decide(fitting) == .errno(7))
        for index in 0..<6 {
            for wrong in [0x10_0000_0011, 0x11_0000_0001, 0x10, 0] as [UInt64] {
                var arguments = fitting
                arguments[index] = wrong
                #expect(try decide(arguments) == .allow)
            }
        }
    }

    /// Trees of any size find every number, over jumps of more than a byte too.
    @Test(arguments: [0, 1, 2, 3, 250, 1500] as [UInt32]) func treesFindEveryNumber(_ last: UInt32) throws {
        var leaves: [UInt32: FilterLeaf] = [:]
        for number in 0...last where number % 3 != 1 {
            leaves[number] = FilterLeaf(otherwise: .errno(Int32(number)))
        }
        let program = try #require(FilterAssembler.program(leaves, otherwise: .allow))
        for number in 0...last + 2 {
            let call = CallFacts(number: number, architecture: SyscallNumbers.architecture)
            let wanted: Decision = leaves[number] == nil ? .allow : .errno(Int32(number))
            #expect(Decision(try program.run(call)) == wanted)
        }
    }

    @Test func tooLongIsNoProgram() {
        let leaves = (0..<3000).map { (UInt32($0), FilterLeaf(otherwise: .errno(Int32($0)))) }
        #expect(FilterAssembler.program(Dictionary(uniqueKeysWithValues: leaves), otherwise: .allow) == nil)
    }

    @Test(arguments: SyscallTable.builtInGroups) func builtInGroupsHaveADescription(_ name: String) throws {
        let text = try #require(embeddedSyscallGroups.first { $0.path == "syscalls/\(name).yaml" }?.text)
        #expect(try !SyscallGroup(name, text, file: name).summary.isEmpty)
    }
}

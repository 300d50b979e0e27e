// Classic BPF for seccomp(2), from answers by call number. Written here, and not by libseccomp, because libseccomp
// cannot say "allow these argument values, answer the others with EINVAL", and because it copies the whole filter for
// each rule that is added, which took 3 ms.
//
// The shape of a program: guard the architecture, then a binary tree over the numbers whose leaves return, or test
// arguments and return. Every block ends in a return on each of its ways, so that blocks can be put one after
// another.

/// What a filter does with a call; the numbers are the kernel's.
enum FilterAction: Equatable {
    case allow
    case errno(Int32)
    case kill
    /// A listener is asked.
    case notify

    var value: UInt32 {
        switch self {
        case .allow: 0x7fff_0000
        case .errno(let number): 0x0005_0000 | UInt32(number)
        case .kill: 0x8000_0000
        case .notify: 0x7fc0_0000
        }
    }
}

/// What is done with one call: the action of the first case that holds, or else the last one.
struct FilterLeaf {
    var cases: [(when: ArgumentCase, action: FilterAction)] = []
    var otherwise: FilterAction

    /// Its action where arguments do not matter, so that neighbours with the same one share a leaf.
    var constant: FilterAction? { cases.isEmpty ? otherwise : nil }
}

/// One instruction: `struct sock_filter`.
struct BPFInstruction: Equatable {
    static let loads: UInt16 = 0x20
    static let masks: UInt16 = 0x54
    static let jumps: UInt16 = 0x05
    static let gives: UInt16 = 0x06
    static let comparesEqual: UInt16 = 0x15
    static let comparesAbove: UInt16 = 0x25
    static let comparesAtLeast: UInt16 = 0x35
    static let comparesAnyBit: UInt16 = 0x45

    var code: UInt16
    var ifTrue: UInt8 = 0
    var ifFalse: UInt8 = 0
    var k: UInt32

    static func load(_ offset: UInt32) -> BPFInstruction { BPFInstruction(code: loads, k: offset) }
    static func and(_ mask: UInt32) -> BPFInstruction { BPFInstruction(code: masks, k: mask) }
    static func jump(_ distance: Int) -> BPFInstruction { BPFInstruction(code: jumps, k: UInt32(distance)) }
    static func give(_ action: FilterAction) -> BPFInstruction {
        BPFInstruction(code: gives, k: action.value)
    }

    var bytes: [UInt8] {
        [UInt8(truncatingIfNeeded: code), UInt8(code >> 8), ifTrue, ifFalse]
            + (0..<4).map { UInt8(truncatingIfNeeded: k >> ($0 * 8)) }
    }
}

enum FilterAssembler {
    /// `BPF_MAXINSNS`.
    static let instructionLimit = 4096
    /// Where a call's number and its architecture lie in `struct seccomp_data`.
    static let (number, architecture): (UInt32, UInt32) = (0, 4)
    /// A number with this bit is one of x32.
    private static let x32: UInt32 = 0x4000_0000

    /// The program; nil if it is too long for the kernel.
    static func program(_ leaves: [UInt32: FilterLeaf], otherwise: FilterAction) -> FilterProgram? {
        var code: [BPFInstruction] = [
            .load(architecture),
            BPFInstruction(code: Test.equal, ifTrue: 1, k: SyscallNumbers.architecture),
            .give(.kill),
            .load(number),
        ]
        #if arch(x86_64)
        // -1 is what a tracer leaves for a call that it has taken away: unknown, but no crime.
        code += [
            BPFInstruction(code: Test.atLeast, ifFalse: 2, k: x32),
            BPFInstruction(code: Test.equal, ifTrue: 1, k: .max), .give(.kill),
        ]
        #endif
        code += tree(segments(leaves, FilterLeaf(otherwise: otherwise))[...])
        guard code.count <= instructionLimit else { return nil }
        return FilterProgram(bytes: code.flatMap(\.bytes))
    }

    // MARK: numbers

    private typealias Segment = (first: UInt32, code: [BPFInstruction])

    /// All numbers from 0 on: ranges of the same answer, each with its code.
    private static func segments(_ leaves: [UInt32: FilterLeaf], _ standard: FilterLeaf) -> [Segment] {
        var segments: [Segment] = []
        var last: FilterAction?
        for number in 0...(leaves.keys.max() ?? 0) + 1 {
            let leaf = leaves[number] ?? standard
            if leaf.constant == nil || leaf.constant != last { segments.append((number, block(leaf))) }
            last = leaf.constant
        }
        return segments
    }

    /// Comparisons that lead to the segment of the number that is loaded.
    private static func tree(_ segments: ArraySlice<Segment>) -> [BPFInstruction] {
        guard segments.count > 1 else { return segments.first?.code ?? [] }
        let middle = segments.startIndex + segments.count / 2
        let (low, high) = (tree(segments[..<middle]), tree(segments[middle...]))
        let first = segments[middle].first
        if let distance = UInt8(exactly: low.count) {
            return [BPFInstruction(code: Test.atLeast, ifTrue: distance, k: first)] + low + high
        }
        return [BPFInstruction(code: Test.atLeast, ifFalse: 1, k: first), .jump(low.count)] + low + high
    }

    // MARK: arguments

    /// The cases of one call, one after another, then what holds otherwise.
    private static func block(_ leaf: FilterLeaf) -> [BPFInstruction] {
        leaf.cases.flatMap { code($0.when, then: $0.action) } + [.give(leaf.otherwise)]
    }

    /// Tests that lead to the action, or else to what follows this code.
    private static func code(_ when: ArgumentCase, then action: FilterAction) -> [BPFInstruction] {
        when.tests.reversed().reduce([.give(action)]) { rest, test in
            let steps = Test.steps(test)
            return steps.enumerated().map { index, step in
                let after = steps.count - index - 1
                func distance(_ way: Test.Way) -> UInt8 {
                    switch way {
                    case .next: 0
                    case .holds: UInt8(after)
                    case .fails: UInt8(after + rest.count)
                    }
                }
                var instruction = step.instruction
                instruction.ifTrue = distance(step.ifTrue)
                instruction.ifFalse = distance(step.ifFalse)
                return instruction
            } + rest
        }
    }
}

/// One test of one argument as instructions whose jumps are not yet distances.
private enum Test {
    enum Way { case next, holds, fails }

    struct Step {
        let instruction: BPFInstruction
        var ifTrue = Way.next
        var ifFalse = Way.next
    }

    static let equal = BPFInstruction.comparesEqual
    static let above = BPFInstruction.comparesAbove
    static let atLeast = BPFInstruction.comparesAtLeast
    static let anyBit = BPFInstruction.comparesAnyBit

    /// At most 21 steps, for sixteen values; so six tests, the parser's limit, are less than a jump can cross.
    static func steps(_ test: ArgumentTest) -> [Step] {
        let (low, high) = (UInt32(truncatingIfNeeded: test.mask), UInt32(test.mask >> 32))
        switch test.relation {
        case .anyBit:
            var steps: [Step] = []
            if high != 0 { steps = [load(test, 1), jump(anyBit, high, .holds, .next)] }
            return steps + [load(test, 0), jump(anyBit, low, .holds, .fails)]
        case .among(let values):
            var steps: [Step] = []
            if high == 0 {
                steps = word(test, 0, low)
                steps += values.dropLast().map { jump(equal, UInt32($0), .holds, .next) }
                return steps + [jump(equal, UInt32(values.last ?? 0), .holds, .fails)]
            }
            // The parser sees to it that all have the same upper half.
            steps = word(test, 1, high) + [jump(equal, UInt32((values.first ?? 0) >> 32), .next, .fails)]
            steps += word(test, 0, low)
            steps += values.dropLast().map { jump(equal, UInt32(truncatingIfNeeded: $0), .holds, .next) }
            return steps + [jump(equal, UInt32(truncatingIfNeeded: values.last ?? 0), .holds, .fails)]
        case .less(let value):
            return upper(test, high, value, .fails, .holds) + word(test, 0, low)
                + [jump(atLeast, UInt32(truncatingIfNeeded: value), .fails, .holds)]
        case .greater(let value):
            return upper(test, high, value, .holds, .fails) + word(test, 0, low)
                + [jump(above, UInt32(truncatingIfNeeded: value), .holds, .fails)]
        }
    }

    /// Decides by the upper half unless it is equal.
    private static func upper(
        _ test: ArgumentTest,
        _ mask: UInt32,
        _ value: UInt64,
        _ above: Way,
        _ below: Way
    )
        -> [Step]
    {
        guard mask != 0 || value >> 32 != 0 else { return [] }
        return word(test, 1, mask) + [
            jump(Test.above, UInt32(value >> 32), above, .next),
            jump(equal, UInt32(value >> 32), .next, below),
        ]
    }

    private static func word(_ test: ArgumentTest, _ half: UInt32, _ mask: UInt32) -> [Step] {
        mask == .max ? [load(test, half)] : [load(test, half), Step(instruction: .and(mask))]
    }

    /// The arguments begin at 16, each little-endian in 8 bytes.
    private static func load(_ test: ArgumentTest, _ half: UInt32) -> Step {
        Step(instruction: .load(16 + UInt32(test.argument) * 8 + half * 4))
    }

    private static func jump(_ code: UInt16, _ k: UInt32, _ ifTrue: Way, _ ifFalse: Way) -> Step {
        Step(instruction: BPFInstruction(code: code, k: k), ifTrue: ifTrue, ifFalse: ifFalse)
    }
}

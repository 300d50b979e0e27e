// Filters whose refusals are told to a listener, made of those that refuse by themselves, and what the listener is to
// answer: what the plain filters would have. There is one description of what is allowed; this file changes only who
// gives the answer.

internal import Glibc

/// A system call as a filter sees it.
///
/// See `struct seccomp_data` in `seccomp(2)`.
package struct SystemCall: Equatable, Sendable {
    /// Its number.
    package let number: UInt32
    /// `AUDIT_ARCH_...`.
    package let architecture: UInt32
    /// Six.
    package let arguments: [UInt64]

    /// A call.
    package init(number: UInt32, architecture: UInt32, arguments: [UInt64]) {
        (self.number, self.architecture, self.arguments) = (number, architecture, arguments)
    }

    /// The word at an offset, as the kernel's loads see it.
    fileprivate func word(at offset: UInt32) -> UInt32? {
        switch offset {
        case 0: return number
        case 4: return architecture
        case 16..<64 where offset % 4 == 0:
            let index = Int(offset - 16) / 8
            guard index < arguments.count else { return nil }
            return UInt32(truncatingIfNeeded: offset % 8 == 0 ? arguments[index] : arguments[index] >> 32)
        default: return nil
        }
    }
}

/// What a listener answers.
package enum CallAnswer: Equatable, Sendable {
    /// The call gets this error.
    case refuse(Int32)
    /// It is an execution that the filters allow.
    case execute
    /// It is a call that is allowed while somebody records what a program needs.
    case pass
}

/// A policy's two programs, for a listener that answers in their place.
package struct ListeningFilters: Sendable {
    /// The plain programs, which a supervisor keeps in any case: what is installed is made of them when it is needed.
    private let plain: [FilterProgram]
    /// In a recording, the list beyond which calls are handed over.
    private let smaller: FilterProgram?
    private let tellsOfAbsent: Bool
    private let executions: [UInt32]
    /// Calls that are handed over in any case, beside executions.
    private let watched: [UInt32]

    /// Whether calls go on that were handed over and are allowed.
    package var isRecording: Bool { smaller != nil }

    /// Filters that do what these do, but tell of what they refuse, and of every execution.
    ///
    /// Of two filters that hand a call to a listener, the kernel asks the one installed last. So that one hands over
    /// what either refuses: it is both programs, one after the other. What only the other hands over, which would be a
    /// mistake, fails with ENOSYS: nobody listens there.
    ///
    /// - Parameter tellsOfAbsent: also of calls that do not exist (ENOSYS): programs try them as a matter of course,
    ///   and go on with older ones.
    package init(
        allowList: FilterProgram,
        argumentRules: FilterProgram,
        tellsOfAbsent: Bool
    ) throws(FilterError) {
        try self.init([allowList, argumentRules], beyond: nil, tellsOfAbsent, watching: [])
    }

    /// Filters that record: they hand over every call that a smaller list does not allow, and those that are watched
    /// in any case; what the larger list and the rules allow goes on.
    ///
    /// - Parameter watching: names of calls.
    package init(
        recordingBeyond smaller: FilterProgram,
        allowList: FilterProgram,
        argumentRules: FilterProgram,
        watching: [String]
    ) throws(FilterError) {
        try self.init([allowList, argumentRules], beyond: smaller, true, watching: watching)
    }

    private init(
        _ plain: [FilterProgram],
        beyond smaller: FilterProgram?,
        _ tellsOfAbsent: Bool,
        watching: [String]
    ) throws(FilterError) {
        (self.plain, self.smaller, self.tellsOfAbsent) = (plain, smaller, tellsOfAbsent)
        executions = ["execve", "execveat"].compactMap(SyscallNumbers.number)
        watched = watching.compactMap(SyscallNumbers.number)
        let lengths = ([smaller ?? plain[0]] + plain).map(\.count)
        let prologue = 4 + executions.count + watched.count
        guard prologue + max(lengths[0], lengths[1]) + lengths[2] <= FilterAssembler.instructionLimit else {
            throw .tooLong
        }
    }

    /// The program that has the listener; installed last.
    package var allowList: FilterProgram {
        FilterProgram(Self.prologue(executions + watched) + joined(smaller ?? plain[0]))
    }

    /// The program below it.
    ///
    /// In a recording, what the larger list does not allow is not allowed here, either, whatever the smaller one says.
    package var argumentRules: FilterProgram {
        FilterProgram(isRecording ? joined(plain[0]) : told(plain[1]))
    }

    /// A program that hands over what it would refuse.
    private func told(_ program: FilterProgram) -> [BPFInstruction] {
        program.instructions.map { $0.isRefusal(tellsOfAbsent) ? BPFInstruction.give(.notify) : $0 }
    }

    /// A list and the rules, one after the other.
    private func joined(_ list: FilterProgram) -> [BPFInstruction] {
        told(list).enumerated().map { index, instruction in
            instruction == BPFInstruction.give(.allow)
                ? BPFInstruction.jump(list.count - index - 1) : instruction
        } + told(plain[1])
    }

    /// Hands over these calls; of another architecture's calls it leaves the decision to what follows.
    private static func prologue(_ calls: [UInt32]) -> [BPFInstruction] {
        let count = calls.count
        let tests = calls.enumerated().map { index, number in
            BPFInstruction.ifEqual(number, skip: count - index - 1, else: index == count - 1 ? 1 : 0)
        }
        return [
            .load(FilterAssembler.architecture),
            .ifEqual(SyscallNumbers.architecture, skip: 0, else: count + 2),
            .load(FilterAssembler.number),
        ] + tests + [.give(.notify)]
    }

    /// What the plain filters do with a call; one that they would not have handed over is refused.
    package func answer(_ call: SystemCall) -> CallAnswer {
        guard let action = action(call) else { return .refuse(ENOSYS) }
        if action == FilterAction.allow.value {
            let isExecution =
                call.architecture == SyscallNumbers.architecture && executions.contains(call.number)
            if isExecution { return .execute }
            return isRecording ? .pass : .refuse(ENOSYS)
        }
        let isError = action & 0xffff_0000 == FilterAction.errno(0).value
        let number = Int32(action & 0xffff)
        return .refuse(isError && number != 0 ? number : EPERM)
    }

    /// Whether the plain filters allow a call with arguments that are all zero.
    package func allows(_ name: String) -> Bool {
        guard case .number(let number) = SyscallNumbers.meaning(of: name) else { return false }
        let arguments = [UInt64](repeating: 0, count: 6)
        let architecture = SyscallNumbers.architecture
        return action(SystemCall(number: number, architecture: architecture, arguments: arguments))
            == FilterAction.allow.value
    }

    /// The kernel's choice: the smallest of the signed numbers; of equal ones, the list's.
    private func action(_ call: SystemCall) -> UInt32? {
        var strictest = FilterAction.allow.value
        for program in plain {
            guard let action = Self.run(program, call) else { return nil }
            let kind = { (action: UInt32) in Int32(bitPattern: action & 0xffff_0000) }
            if kind(action) < kind(strictest) { strictest = action }
        }
        return strictest
    }

    /// The name of an error, `EPERM`; its number where there is none.
    package static func name(ofError number: Int32) -> String { KernelConstants.name(of: number) }

    /// Runs a program of the assembler's; nil for anything else.
    private static func run(_ program: FilterProgram, _ call: SystemCall) -> UInt32? {
        var accumulator: UInt32 = 0
        var index = 0
        while index < program.count {
            let instruction = program.instruction(at: index)
            let k = instruction.k
            index += 1
            let holds: Bool
            switch instruction.code {
            case BPFInstruction.loads:
                guard let word = call.word(at: k) else { return nil }
                accumulator = word
                continue
            case BPFInstruction.masks:
                accumulator &= k
                continue
            case BPFInstruction.jumps:
                index += Int(k)
                continue
            case BPFInstruction.gives: return k
            case BPFInstruction.comparesEqual: holds = accumulator == k
            case BPFInstruction.comparesAbove: holds = accumulator > k
            case BPFInstruction.comparesAtLeast: holds = accumulator >= k
            case BPFInstruction.comparesAnyBit: holds = accumulator & k != 0
            default: return nil
            }
            index += Int(holds ? instruction.ifTrue : instruction.ifFalse)
        }
        return nil
    }
}

extension BPFInstruction {
    fileprivate static func ifEqual(_ value: UInt32, skip: Int, else other: Int) -> BPFInstruction {
        BPFInstruction(
            code: BPFInstruction.comparesEqual,
            ifTrue: UInt8(skip),
            ifFalse: UInt8(other),
            k: value
        )
    }

    /// Whether it is a return with an error; with ENOSYS only if that counts.
    fileprivate func isRefusal(_ includingAbsent: Bool) -> Bool {
        guard code == BPFInstruction.gives, k & 0xffff_0000 == FilterAction.errno(0).value else {
            return false
        }
        return includingAbsent || k & 0xffff != UInt32(ENOSYS)
    }
}

extension FilterProgram {
    fileprivate init(_ instructions: [BPFInstruction]) {
        self.init(bytes: instructions.flatMap(\.bytes))
    }

    fileprivate var instructions: [BPFInstruction] { (0..<count).map(instruction) }

    fileprivate func instruction(at index: Int) -> BPFInstruction {
        unsafe bytes.withUnsafeBytes { bytes in
            let word = unsafe bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)
            return BPFInstruction(
                code: UInt16(truncatingIfNeeded: word),
                ifTrue: UInt8(truncatingIfNeeded: word >> 16),
                ifFalse: UInt8(truncatingIfNeeded: word >> 24),
                k: UInt32(truncatingIfNeeded: word >> 32)
            )
        }
    }
}

// Filters that hand refusals to a listener, against the filters that they are made of: for every number and many
// arguments, the kernel's decision and the listener's answer together must be what the plain filters decide.

import ClocheModel
import Glibc
import StructuredText
import Testing

@testable import SyscallFilter

#if arch(x86_64)
@Suite struct CallNoticeTests {
    /// Plain and listening filters of a policy.
    private struct Pair {
        let plain: Filters
        let listening: ListeningFilters
        /// The programs of `listening`, which makes them anew for each who asks.
        let allowList: FilterProgram
        let argumentRules: FilterProgram

        private init(_ plain: Filters, _ listening: ListeningFilters) {
            (self.plain, self.listening) = (plain, listening)
            (allowList, argumentRules) = (listening.allowList, listening.argumentRules)
        }

        init(_ policy: SyscallPolicy, tellsOfAbsent: Bool) throws {
            let plain = try Filters(policy)
            let listening = try ListeningFilters(
                allowList: plain.programs[0],
                argumentRules: plain.programs[1],
                tellsOfAbsent: tellsOfAbsent
            )
            self.init(plain, listening)
        }

        /// Filters that record.
        init(_ policy: SyscallPolicy, beyond smaller: SyscallPolicy) throws {
            let plain = try Filters(policy)
            let listening = try ListeningFilters(
                recordingBeyond: try Filters(smaller).programs[0],
                allowList: plain.programs[0],
                argumentRules: plain.programs[1],
                watching: ["openat", "mkdir"]
            )
            self.init(plain, listening)
        }

        /// What becomes of a call where the listener answers, and whether it was asked.
        func decide(_ call: CallFacts) throws -> (Decision, asked: Bool) {
            // The newest first: of equal actions, its one counts. The listener is the newest one's.
            let actions = try [allowList, argumentRules].map { try $0.run(call) }
            let kind = { (action: UInt32) in Int32(bitPattern: action & 0xffff_0000) }
            let strictest = kind(actions[1]) < kind(actions[0]) ? 1 : 0
            guard actions[strictest] & 0xffff_0000 == 0x7fc0_0000 else {
                return (Decision(actions[strictest]), false)
            }
            #expect(strictest == 0, "nobody listens at the filter below")
            let arguments = (0..<6).map { $0 < call.arguments.count ? call.arguments[$0] : 0 }
            let known = SystemCall(
                number: call.number,
                architecture: call.architecture,
                arguments: arguments
            )
            switch listening.answer(known) {
            case .refuse(let error): return (.errno(error), true)
            case .execute: return (.allow, true)
            case .pass:
                #expect(listening.isRecording, "only in a recording does any other call go on")
                return (.allow, true)
            }
        }
    }

    private static let policies: [SyscallPolicy] = [
        SyscallPolicy(), SyscallPolicy(groups: []), SyscallPolicy(groups: ["files", "processes"]),
        SyscallPolicy(allow: ["ptrace", "clone3"], deny: ["execveat", "read"]),
        SyscallPolicy(groups: SyscallPolicy.standardGroups + ["mounts", "debugging"], deny: ["execve"]),
        SyscallPolicy(
            groups: SyscallPolicy.standardGroups + ["own"],
            definitions: [
                Document.Entry(
                    "own",
                    .string("refuse-when: [{calls: [execve], when: [\"arg2 == 0\"], answer: EACCES, why: x}]")
                )
            ]
        ),
    ]

    /// Values that rules look at, and others.
    private static let values: [UInt64] = [
        0, 1, 2, 10, 16, 38, 0x5412, 0x541c, 0x1000_0000, 0x8000_0000, 0xffff_ffff, 0xdead_beef_0000_5412,
        .max,
        0o6000, 0x2_0000, 35, 0x5356_4d41,
    ]

    @Test(arguments: policies, [false, true])
    func theAnswerIsTheOneOfThePlainFilters(_ policy: SyscallPolicy, _ tellsOfAbsent: Bool) throws {
        let pair = try Pair(policy, tellsOfAbsent: tellsOfAbsent)
        var random = SystemRandomNumberGenerator()
        var asked = 0
        let numbers = Array(0...600) + [0x4000_0000, 0x4000_0208, .max] as [UInt32]
        for number in numbers {
            for round in 0..<4 {
                let arguments = (0..<6).map { _ in
                    round == 0 ? 0 : Self.values.randomElement(using: &random) ?? 0
                }
                let call = CallFacts(number: number, arguments: arguments)
                let wanted = try pair.plain.decide(call)
                let (found, isAsked) = try pair.decide(call)
                #expect(found == wanted, "\(number) \(arguments)")
                let isExecution = number == 59 || number == 322
                switch wanted {
                case .errno(ENOSYS): #expect(isAsked == (tellsOfAbsent || isExecution), "\(number)")
                case .errno: #expect(isAsked, "\(number)")
                case .allow: #expect(isAsked == isExecution, "\(number)")
                default: #expect(!isAsked, "\(number)")
                }
                asked += isAsked ? 1 : 0
            }
        }
        #expect(asked > 50)
    }

    /// While a program is recorded, it gets what the policy gives, no more and no less; and what the smaller one does
    /// not give is seen.
    @Test(arguments: policies)
    func aRecordingGivesWhatThePolicyGives(_ policy: SyscallPolicy) throws {
        var smaller = policy
        smaller.groups = policy.groups.filter { ["files", "processes"].contains($0) }
        smaller.allow = []
        let pair = try Pair(policy, beyond: smaller)
        let least = try Filters(smaller)
        for call in Self.manyCalls() {
            let (found, isAsked) = try pair.decide(call)
            #expect(try found == pair.plain.decide(call), "\(call)")
            let isBeyond = try least.programs[0].run(call) != FilterAction.allow.value
            if found == .allow, [257, 83].contains(call.number) || isBeyond { #expect(isAsked, "\(call)") }
        }
    }

    /// Even if the smaller policy is not one: what it has beyond the other is refused.
    @Test(arguments: policies, policies)
    func aRecordingNeverGivesMore(_ policy: SyscallPolicy, _ smaller: SyscallPolicy) throws {
        let pair = try Pair(policy, beyond: smaller)
        for call in Self.manyCalls() {
            // Nobody listens at the filter below: what it hands over fails.
            let isOpen = try pair.argumentRules.run(call) == FilterAction.allow.value
            guard try isOpen || pair.allowList.run(call) & 0xffff_0000 == 0x7fc0_0000 else {
                continue
            }
            if try pair.plain.decide(call) == .allow { continue }
            #expect(!isOpen, "\(call)")
            let arguments = (0..<6).map { $0 < call.arguments.count ? call.arguments[$0] : 0 }
            let answer = pair.listening.answer(
                SystemCall(number: call.number, architecture: call.architecture, arguments: arguments)
            )
            if case .refuse = answer { continue }
            Issue.record("\(call) goes on")
        }
    }

    private static func manyCalls() -> [CallFacts] {
        var random = SystemRandomNumberGenerator()
        return (Array(0...600) + [0x4000_0000, 0x4000_0208, .max] as [UInt32]).flatMap { number in
            (0..<3).map { round in
                let arguments = (0..<6).map { _ in
                    round == 0 ? 0 : values.randomElement(using: &random) ?? 0
                }
                return CallFacts(number: number, arguments: arguments)
            }
        }
    }

    @Test func foreignArchitecturesAreNotAskedFor() throws {
        let pair = try Pair(SyscallPolicy(), tellsOfAbsent: true)
        for architecture in [0x4000_0003, 0xc000_00b7, 0] as [UInt32] {
            for number in [0, 11, 59, 221] as [UInt32] {
                let call = CallFacts(number: number, architecture: architecture)
                let (found, asked) = try pair.decide(call)
                #expect(found == .killProcess && !asked)
                let known = SystemCall(
                    number: number,
                    architecture: architecture,
                    arguments: [0, 0, 0, 0, 0, 0]
                )
                #expect(pair.listening.answer(known) == .refuse(EPERM))
            }
        }
    }

    /// Whatever a listener is asked, only an execution goes on.
    @Test func whatTheFiltersAllowIsRefusedUnlessItIsAnExecution() throws {
        let pair = try Pair(SyscallPolicy(), tellsOfAbsent: false)
        for name in ["read", "getpid", "openat"] {
            let call = SystemCall(
                number: try Filters.number(name),
                architecture: CallFacts.x86,
                arguments: [0, 0, 0, 0, 0, 0]
            )
            #expect(pair.listening.answer(call) == .refuse(ENOSYS))
        }
    }

    @Test func theyFitTheKernel() throws {
        for policy in Self.policies {
            let pair = try Pair(policy, tellsOfAbsent: true)
            #expect((1...4096).contains(pair.allowList.count))
            #expect(pair.argumentRules.count == pair.plain.programs[1].count)
        }
    }
}
#endif

// SyscallPolicy -> two seccomp programs, made on the host before the clone.
//
// The first is the list: which calls exist, with a limit to some arguments or without, EPERM for those that are known
// and refused, ENOSYS for the unknown; a foreign architecture or x32 kills. The second, on top, refuses particular
// arguments of calls whoever allows them. Two, because the kernel applies both and the stricter answer wins: no
// mistake in a list, a profile's own group included, takes away a refusal by argument.

package import ClocheModel
internal import Glibc

/// BPF instructions, 8 bytes each, as `seccomp(2)` takes them.
package struct FilterProgram: Equatable, Sendable {
    /// The instructions.
    package let bytes: [UInt8]

    /// A program of these instructions.
    package init(bytes: [UInt8]) { self.bytes = bytes }

    /// How many there are.
    package var count: Int { bytes.count / 8 }
}

/// Compiles policies.
package enum FilterCompiler {
    /// Both programs of a policy.
    package static func programs(_ policy: SyscallPolicy) throws(FilterError)
        -> (allowList: FilterProgram, argumentRules: FilterProgram)
    {
        let table = try SyscallTable(policy)
        var list: [UInt32: FilterLeaf] = [:]
        var refusals: [UInt32: FilterLeaf] = [:]
        for (name, rule) in table.rules {
            guard case .number(let number) = SyscallNumbers.meaning(of: name) else { continue }
            switch rule.verdict {
            case .allow: list[number] = FilterLeaf(otherwise: .allow)
            case .refuse(let answer): list[number] = FilterLeaf(otherwise: .errno(answer))
            case .allowWhen(let cases, let answer):
                list[number] = FilterLeaf(cases: cases.map { ($0, .allow) }, otherwise: .errno(answer))
            }
            if !rule.refusals.isEmpty {
                let cases = rule.refusals.map { ($0.when, FilterAction.errno($0.answer)) }
                refusals[number] = FilterLeaf(cases: cases, otherwise: .allow)
            }
        }
        guard let allowList = FilterAssembler.program(list, otherwise: .errno(ENOSYS)),
            let argumentRules = FilterAssembler.program(refusals, otherwise: .allow)
        else { throw .tooLong }
        return (allowList, argumentRules)
    }

    /// All that the programs are made from, as text: two policies with the same key have the same filters.
    ///
    /// Asked for in every start, so nothing is parsed for it: the digest stands for the built-in groups and for the
    /// code that reads and compiles them.
    package static func key(_ policy: SyscallPolicy) -> String {
        """
        rules \(syscallRulesDigest), architecture \(SyscallNumbers.architecture)
        groups \(policy.groups.joined(separator: " "))
        allow \(policy.allow.joined(separator: " "))
        deny \(policy.deny.joined(separator: " "))
        \(policy.definitions.map { "\($0.key): \($0.value.string ?? "")" }.joined(separator: "\n"))
        """
    }
}

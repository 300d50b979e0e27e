// What a policy says about each system call: its groups put together. FilterCompiler makes programs of it, and
// `cloche profile syscalls` prints it.

package import ClocheModel
package import StructuredText

/// Why a policy gives no filter.
package enum FilterError: Error, Equatable, Sendable {
    /// A name that no architecture's table has.
    case unknownCall(String)
    /// Neither built in nor defined by the policy.
    case unknownGroup(String)
    /// A group's text is wrong.
    case group(StructuredTextError)
    /// More instructions than the kernel takes.
    case tooLong
}

extension ClocheError {
    /// What is wrong with a policy's system calls, in words.
    package init(_ error: FilterError) {
        switch error {
        case .unknownCall(let name):
            self.init(
                .configuration,
                "unknown system call \(name)",
                why: "neither libseccomp nor Cloche knows it, in syscalls",
                remedy: "check the spelling against syscalls(2)"
            )
        case .unknownGroup(let name):
            self.init(
                .configuration,
                "unknown group of system calls \(name)",
                why: "it is not built in, and the stored profile does not define it, in syscalls.groups"
            )
        case .group(let error):
            self.init(.configuration, "a group of system calls is not valid", why: error.description)
        case .tooLong:
            self.init(
                .configuration,
                "cannot compile the system-call filter",
                why:
                    "it is longer than the \(FilterAssembler.instructionLimit) instructions that the kernel takes"
            )
        }
    }
}

/// One call of a policy's table.
package struct SyscallRow: Equatable, Sendable {
    /// What the list says.
    package enum Verdict: Equatable, Sendable {
        /// Whatever the arguments.
        case allow
        /// In these cases, else the errno.
        case allowWhen([String], otherwise: String)
        /// The errno.
        case refuse(String)
    }

    /// Answered by argument, whatever the list says.
    package struct Refusal: Equatable, Sendable {
        /// The condition.
        package let when: String
        /// The errno.
        package let answer: String
        /// The reason.
        package let why: String
    }

    /// Its number on this architecture.
    package let number: UInt32
    /// Its name.
    package let name: String
    /// What the list says.
    package let verdict: Verdict
    /// The reason, if one is needed.
    package let why: String
    /// The group that says so, or the profile's key; empty where none does.
    package let group: String
    /// The cases that are refused.
    package let refusals: [Refusal]
}

/// A policy's calls by name.
package struct SyscallTable {
    enum Verdict: Equatable {
        case allow
        case allowWhen([ArgumentCase], otherwise: Int32)
        case refuse(Int32)
    }

    struct Rule {
        var verdict: Verdict
        var why = ""
        var group = ""
        var refusals: [(when: ArgumentCase, answer: Int32, why: String)] = []
    }

    /// What no group names does not exist.
    static let unknown = Rule(verdict: .refuse(38), why: "no group names it")

    private(set) var rules: [String: Rule] = [:]

    /// The groups that come with Cloche, by name.
    package static var builtInGroups: [String] {
        embeddedSyscallGroups.map { String($0.path.dropFirst("syscalls/".count).dropLast(".yaml".count)) }
    }

    /// The table of a policy.
    ///
    /// A group that is not listed allows nothing, but what a built-in one refuses is refused all the same: taking
    /// groups away never gives more.
    package init(_ policy: SyscallPolicy) throws(FilterError) {
        var listed: [SyscallGroup] = []
        var others: [SyscallGroup] = []
        for (name, file) in zip(SyscallTable.builtInGroups, embeddedSyscallGroups) {
            let group = try SyscallTable.group(name, file.text, "profiles/" + file.path)
            if policy.groups.contains(name) { listed.append(group) } else { others.append(group) }
        }
        for name in policy.groups where !SyscallTable.builtInGroups.contains(name) {
            guard let text = policy.definitions.first(where: { $0.key == name })?.value.string else {
                throw .unknownGroup(name)
            }
            listed.append(try SyscallTable.group(name, text, "syscalls/\(name).yaml"))
        }
        for group in listed + others { refuse(group) }
        for group in listed { limit(group) }
        for group in listed { allow(group) }
        try apply(policy)
        let lifted = Set(listed.flatMap { $0.lift.flatMap(\.names) })
        for group in listed + others { refuseByArgument(group, except: lifted) }
    }

    private static func group(_ name: String, _ text: String, _ file: String) throws(FilterError)
        -> SyscallGroup
    {
        do throws(StructuredTextError) {
            return try SyscallGroup(name, text, file: file)
        } catch { throw .group(error) }
    }

    private mutating func refuse(_ group: SyscallGroup) {
        for calls in group.refuse {
            for name in calls.names where rules[name] == nil {
                rules[name] = Rule(verdict: .refuse(calls.answer), why: calls.why, group: group.name)
            }
        }
    }

    /// Two groups that limit one call allow what either allows; the first one's answer holds for the rest.
    private mutating func limit(_ group: SyscallGroup) {
        for calls in group.allowWhen {
            for name in calls.names {
                if case .allowWhen(let cases, let answer)? = rules[name]?.verdict {
                    rules[name]?.verdict = .allowWhen(cases + calls.when, otherwise: answer)
                    rules[name]?.group += ", " + group.name
                    continue
                }
                let verdict = Verdict.allowWhen(calls.when, otherwise: calls.answer)
                rules[name] = Rule(verdict: verdict, why: calls.why, group: group.name)
            }
        }
    }

    private mutating func allow(_ group: SyscallGroup) {
        for calls in group.allow {
            for name in calls.names where rules[name]?.verdict != .allow {
                rules[name] = Rule(verdict: .allow, why: calls.why, group: group.name)
            }
        }
    }

    private mutating func apply(_ policy: SyscallPolicy) throws(FilterError) {
        for name in policy.allow + policy.deny where !SyscallNumbers.knows(name) { throw .unknownCall(name) }
        for name in policy.allow { rules[name] = Rule(verdict: .allow, group: "syscalls.allow") }
        for name in policy.deny { rules[name] = Rule(verdict: .refuse(1), group: "syscalls.deny") }
    }

    private mutating func refuseByArgument(_ group: SyscallGroup, except lifted: Set<String>) {
        for calls in group.refuseWhen {
            for name in calls.names where !lifted.contains(name) {
                if case .refuse? = rules[name]?.verdict { continue }
                for when in calls.when { rules[name]?.refusals.append((when, calls.answer, calls.why)) }
            }
        }
    }

    /// Every call of this architecture, by number.
    package var rows: [SyscallRow] {
        SyscallNumbers.all.map { number, name in
            let rule = rules[name] ?? SyscallTable.unknown
            let verdict: SyscallRow.Verdict =
                switch rule.verdict {
                case .allow: .allow
                case .allowWhen(let cases, let answer):
                    .allowWhen(cases.map(\.text), otherwise: KernelConstants.name(of: answer))
                case .refuse(let answer): .refuse(KernelConstants.name(of: answer))
                }
            return SyscallRow(
                number: number,
                name: name,
                verdict: verdict,
                why: rule.why,
                group: rule.group,
                refusals: rule.refusals.map {
                    SyscallRow.Refusal(
                        when: $0.when.text,
                        answer: KernelConstants.name(of: $0.answer),
                        why: $0.why
                    )
                }
            )
        }
    }
}

// One file of profiles/syscalls: which calls a group allows and refuses, and why. YAML to values; SyscallTable puts
// groups together.

internal import ClocheModel
package import StructuredText

/// A named group of system calls.
package struct SyscallGroup: Equatable, Sendable {
    /// Calls that belong together, with the reason.
    struct Calls: Equatable, Sendable {
        let names: [String]
        var when: [ArgumentCase] = []
        var answer: Int32 = 1
        var why = ""
    }

    /// The file's name.
    package let name: String
    /// What it is about, in one line.
    package private(set) var summary = ""
    /// Allowed whatever the arguments.
    private(set) var allow: [Calls] = []
    /// Allowed in these cases, else answered.
    private(set) var allowWhen: [Calls] = []
    /// Answered in these cases, whoever allows the call.
    private(set) var refuseWhen: [Calls] = []
    /// Answered, unless a group allows the call.
    private(set) var refuse: [Calls] = []
    /// `refuseWhen` of other groups does not hold for these.
    private(set) var lift: [Calls] = []

    /// Reads a group's file; the error names the place in `file`.
    package init(_ name: String, _ text: String, file: String) throws(StructuredTextError) {
        self.name = name
        let root = try YAMLText.parse(text, file: file)
        guard case .map(let entries) = root.value else {
            throw StructuredTextError(
                file: file,
                position: root.position,
                message: "a group must be a map of keys"
            )
        }
        let reader = GroupReader(file: file)
        for entry in entries {
            switch entry.key {
            case "description": summary = try reader.text(entry.value)
            case "allow": allow = try reader.list(entry.value, ["calls", "why"], mayBeNames: true)
            case "allow-when": allowWhen = try reader.list(entry.value, ["calls", "when", "answer", "why"])
            case "refuse-when":
                refuseWhen = try reader.list(entry.value, ["calls", "when", "why"], ["answer"])
            case "refuse": refuse = try reader.list(entry.value, ["calls", "why"], ["answer"])
            case "lift": lift = try reader.list(entry.value, ["calls", "why"])
            default:
                let known = "description, allow, allow-when, refuse-when, refuse, lift"
                throw reader.error(entry.keyPosition, "unknown key `\(entry.key)`; a group has \(known)")
            }
        }
    }
}

/// The parts of a group's file.
private struct GroupReader {
    let file: String

    func error(_ position: TextPosition, _ message: String) -> StructuredTextError {
        StructuredTextError(file: file, position: position, message: message)
    }

    func text(_ node: LocatedNode) throws(StructuredTextError) -> String {
        guard case .scalar(.string(let text), _) = node.value, !text.contains("\n") else {
            throw error(node.position, "one line of text was expected")
        }
        return text
    }

    func items(_ node: LocatedNode) throws(StructuredTextError) -> [LocatedNode] {
        guard case .list(let items) = node.value else { throw error(node.position, "a list was expected") }
        return items
    }

    /// The items of `allow` and its like.
    ///
    /// All of `needed` must be there, but for a bare list of names.
    func list(_ node: LocatedNode, _ needed: [String], _ optional: [String] = [], mayBeNames: Bool = false)
        throws(StructuredTextError) -> [SyscallGroup.Calls]
    {
        var result: [SyscallGroup.Calls] = []
        for item in try items(node) {
            if mayBeNames, case .list = item.value {
                result.append(SyscallGroup.Calls(names: try names(item)))
                continue
            }
            guard case .map(let entries) = item.value else {
                let form = mayBeNames ? "a list of calls, or a map of `calls` and `why`" : "a map"
                throw error(item.position, "\(form) was expected")
            }
            for entry in entries where !needed.contains(entry.key) && !optional.contains(entry.key) {
                let known = (needed + optional).joined(separator: ", ")
                throw error(entry.keyPosition, "unknown key `\(entry.key)`; here may be \(known)")
            }
            if let key = needed.first(where: { item[$0] == nil }) {
                throw error(item.position, "the key `\(key)` is missing")
            }
            result.append(try calls(item))
        }
        return result
    }

    private func calls(_ item: LocatedNode) throws(StructuredTextError) -> SyscallGroup.Calls {
        var calls = SyscallGroup.Calls(
            names: try item["calls"].map { node throws(StructuredTextError) in try names(node) } ?? []
        )
        if let node = item["when"] { calls.when = try cases(node) }
        if let node = item["why"] { calls.why = try text(node) }
        if let node = item["answer"] {
            let word = try text(node)
            guard let answer = KernelConstants.errors[word] else {
                let known = KernelConstants.errors.keys.sorted().joined(separator: ", ")
                throw error(node.position, "`\(word)` is no answer; there are \(known)")
            }
            calls.answer = answer
        }
        return calls
    }

    private func names(_ node: LocatedNode) throws(StructuredTextError) -> [String] {
        var names: [String] = []
        for item in try items(node) {
            let name = try text(item)
            guard SyscallNumbers.knows(name) else {
                throw error(item.position, "there is no system call `\(name)`")
            }
            names.append(name)
        }
        return names
    }

    private func cases(_ node: LocatedNode) throws(StructuredTextError) -> [ArgumentCase] {
        var cases: [ArgumentCase] = []
        for item in try items(node) {
            do throws(ConditionError) {
                cases.append(try ArgumentCase(try plain(item)))
            } catch { throw self.error(item.position, error.message) }
        }
        guard !cases.isEmpty else { throw error(node.position, "at least one condition was expected") }
        return cases
    }

    private func plain(_ node: LocatedNode) throws(ConditionError) -> String {
        guard case .scalar(.string(let text), _) = node.value else {
            throw ConditionError(message: "a condition was expected, in quotes")
        }
        return text
    }
}

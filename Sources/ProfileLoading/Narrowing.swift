// Which of two values gives an agent less of the host. A project's file that nobody trusts may only go that
// way.

internal import ClocheModel
internal import NetworkRules
internal import SyscallFilter

extension NarrowingOrder {
    /// Whether `new` gives no more than `old`, both values of a type.
    func isNarrower(_ new: Document, than old: Document, type: ValueType) -> Bool {
        switch self {
        case .smaller: (type.amount(of: new) ?? .max) <= (type.amount(of: old) ?? .max)
        case .fewer: NarrowingOrder.items(of: new, areAllIn: old)
        case .fewerRules: (new.list ?? []).allSatisfy { NarrowingOrder.isCovered($0, by: old.list ?? []) }
        case .fewerGroups:
            NarrowingOrder.items(of: new, areAllIn: old)
                && (old.stringList ?? []).allSatisfy {
                    SyscallTable.builtInGroups.contains($0) || new.stringList?.contains($0) == true
                }
        case .more: NarrowingOrder.items(of: old, areAllIn: new)
        case .moreExcept(let item):
            NarrowingOrder.items(of: old, areAllIn: .list((new.list ?? []) + [.string(item)]))
                && (new.list?.contains(.string(item)) != true || old.list?.contains(.string(item)) == true)
        case .only(let word): new == old || new.string == word
        case .earlier(let words):
            (words.firstIndex(of: new.string ?? "") ?? .max) <= (words.firstIndex(of: old.string ?? "") ?? 0)
        }
    }

    /// Whether one of some rules of the network allows what another does.
    static func isCovered(_ item: Document, by others: [Document]) -> Bool {
        if others.contains(item) { return true }
        guard let rule = rule(item) else { return false }
        return others.contains { self.rule($0)?.covers(rule) ?? false }
    }

    /// The rule of an item of `network.allow`; nil for a bundle.
    static func rule(_ item: Document) -> NetworkRule? {
        if let text = item.string, NetworkRule.isBundle(text) { return nil }
        // What was read once is one.
        return try? NetworkRule(NetworkEntry(checked: item, denies: false))
    }

    static func items(of first: Document, areAllIn second: Document) -> Bool {
        let allowed = second.list ?? []
        return (first.list ?? []).allSatisfy { allowed.contains($0) }
    }
}

/// What a profile gives an agent that could be given away: reasons for caution about the command it runs.
///
/// As long as there is none, a program of the project's choice can do nothing in a sandbox but compute, and
/// an untrusted project file may choose it.
enum Grants {
    /// Variables that tell nothing but how to print.
    static let harmlessVariables = [
        "COLORTERM", "LANG", "LANGUAGE", "LC_ALL", "LC_COLLATE", "LC_CTYPE", "LC_MESSAGES", "LC_MONETARY",
        "LC_NUMERIC", "LC_TIME", "NO_COLOR", "TERM", "TZ",
    ]

    /// The keys of an effective profile that grant something.
    static func keys(of document: Document) -> [String] {
        var keys: [String] = []
        if document.value(at: ["network", "mode"]) != .string("none") { keys.append("network.mode") }
        if document["credentials"]?.list?.isEmpty == false { keys.append("credentials") }
        if document.value(at: ["filesystem", "binds"])?.list?.isEmpty == false {
            keys.append("filesystem.binds")
        }
        // What other agents have written.
        if document["shares"]?.entries?.isEmpty == false { keys.append("shares") }
        // Files of the host, shown or read.
        if document["skills"]?.list?.isEmpty == false { keys.append("skills") }
        if document.value(at: ["instructions", "files"])?.list?.isEmpty == false {
            keys.append("instructions.files")
        }
        let passed = document.value(at: ["environment", "pass"])?.stringList ?? []
        if !passed.allSatisfy({ harmlessVariables.contains($0) }) { keys.append("environment.pass") }
        return keys
    }
}

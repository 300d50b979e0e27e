// The profile that an agent was made with, as its state keeps it: read again at each start, with other limits, rules of
// the network or another model if a person says so.

package import ClocheModel
internal import StructuredText

/// What a person changes of a stored profile.
package enum StoredChange: Equatable, Sendable {
    /// `KEY=VALUE` or `KEY+=VALUE`, as it was typed after a word such as `--set`.
    case option(String, after: String = "--set")
    /// One more rule in `network.allow`, or in `network.deny`; a text or a map in braces.
    case rule(String, denies: Bool)
}

/// A stored profile.
package enum StoredProfile {
    /// What stands for the place of what it holds.
    static let place = "the stored policy"

    /// The sections that can be changed after an agent was made.
    package static let changeable = ["limits", "budget", "project", "network", "model"]

    /// The same document with changes.
    ///
    /// It is checked again: a state file may have been edited, or written by another version.
    ///
    /// - Parameters:
    ///   - document: as it is stored.
    ///   - changes: in order; a rule that is there already changes nothing.
    ///   - loader: knows the bundles of the user and of the project that a change may name.
    ///   - refusal: why a key cannot be changed; nil where it can.
    package static func changed(
        _ document: Document,
        _ changes: [StoredChange] = [],
        bundlesOf loader: ProfileLoader? = nil,
        refusal: (_ key: String) -> String? = StoredProfile.refusal
    ) throws(ClocheError) -> Document {
        var body = document
        body["profile"] = nil
        body["syscalls"]?["definitions"] = nil
        body["network"]?[NetworkSettings.definitionsKey] = nil
        body["network"]?[NetworkSettings.originsKey] = nil
        var merge = ProfileMerge(home: "/", diagnostics: [])
        merge.addStored(LocatedNode(body, at: TextPosition(line: 1, column: 1)))
        for change in changes {
            switch change {
            case .option(let option, let word):
                let key = String(option.prefix { $0 != "=" && $0 != "+" })
                if let why = refusal(key) {
                    merge.refuse("\(word) \(option)", why)
                } else {
                    merge.addOption(option, after: word, mustSay: key.hasPrefix("network"))
                }
            case .rule(let text, let denies):
                let key = denies ? "deny" : "allow"
                let there = body.value(at: ["network", key])?.list ?? []
                if !there.contains(.string(text)) { merge.addRule(text, to: "network.\(key)") }
            }
        }
        return try merge.document(document, loader)
    }

    /// Why a key cannot be changed after an agent was made; nil where it can.
    package static func refusal(_ key: String) -> String? {
        let section = key.prefix { $0 != "." }
        if changeable.contains(String(section)) { return nil }
        let names = changeable.map { "`\($0)`" }.joined(separator: ", ")
        return "of what an agent was made with, only \(names) can be changed later; make another agent"
    }

    /// The document without the places of its entries, which change with every line added to a file.
    package static func withoutPlaces(_ document: Document) -> Document {
        var result = document
        result["network"]?[NetworkSettings.originsKey] = nil
        return result
    }
}

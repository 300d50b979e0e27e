// What a change of an agent's network added and took away, from the whole old and new section of its record.

package import ClocheModel
internal import StructuredText

/// The difference between two sections `network` of an effective profile.
package struct PolicyChange: Equatable {
    /// One line of the difference.
    package struct Item: Equatable {
        /// Whether it is new.
        package let isAdded: Bool
        /// The rule, or `key: value`; an agent's name or a rule may say anything.
        package let text: String
        /// The list it belongs to, `allow` or `deny`; the key of anything else.
        package let key: String

        /// As a person reads it: `+ evil.example:443`, and with its list where that is not `allow`.
        package var line: String { (isAdded ? "+ " : "- ") + (key == "allow" ? "" : "\(key) ") + text }
    }

    /// What was added and taken away, in the order of the keys.
    package let items: [Item]

    /// Compares two sections; places and the contents of bundles do not count.
    package init(old: Document, new: Document) {
        var items: [Item] = []
        var keys: [String] = []
        for entry in (old.entries ?? []) + (new.entries ?? []) where !keys.contains(entry.key) {
            keys.append(entry.key)
        }
        for key in keys where !["origins", "definitions"].contains(key) {
            let (before, after) = (old[key], new[key])
            if before == after { continue }
            if before?.list == nil && after?.list == nil {
                if let before, before != .null {
                    items.append(Item(isAdded: false, text: Self.text(before), key: key))
                }
                if let after, after != .null {
                    items.append(Item(isAdded: true, text: Self.text(after), key: key))
                }
                continue
            }
            let (gone, come) = Self.difference(before?.list ?? [], after?.list ?? [])
            items += gone.map { Item(isAdded: false, text: Self.text($0), key: key) }
            items += come.map { Item(isAdded: true, text: Self.text($0), key: key) }
        }
        self.items = items
    }

    /// The change that an event of the audit log tells; nil when it tells none.
    package init?(_ event: Document) {
        guard event["event"]?.string == "policy", event["old"] != nil || event["new"] != nil else {
            return nil
        }
        self.init(old: event["old"] ?? .null, new: event["new"] ?? .null)
    }

    /// Each once, as often as it is there more often: lists of rules are short, but they may repeat.
    private static func difference(_ old: [Document], _ new: [Document]) -> ([Document], [Document]) {
        let (before, after) = (old.map(text), new.map(text))
        var counts: [String: Int] = [:]
        for text in after { counts[text, default: 0] += 1 }
        var gone: [Document] = []
        for (item, text) in zip(old, before) {
            if counts[text, default: 0] > 0 { counts[text, default: 0] -= 1 } else { gone.append(item) }
        }
        counts = [:]
        for text in before { counts[text, default: 0] += 1 }
        var come: [Document] = []
        for (item, text) in zip(new, after) {
            if counts[text, default: 0] > 0 { counts[text, default: 0] -= 1 } else { come.append(item) }
        }
        return (gone, come)
    }

    private static func text(_ value: Document) -> String { value.string ?? JSONText.serialize(value) }
}

// The merge: settings applied one after another, lowest layer first, each key remembering who set it. Called
// by the loader; what comes out is the effective profile as one document.

internal import ClocheModel

struct MergedSettings: Sendable {
    /// One key's value so far.
    struct Item: Sendable {
        let key: SettingKey
        let row: SchemaKey
        /// Nil after a reset: the default holds.
        var value: Document?
        /// The same without what untrusted files say: what they are measured by, however often they say it.
        var trusted: Document?
        /// Who set it, and who appended to it.
        var origins: [Origin]
        /// Of a list: where each of its items comes from.
        var itemOrigins: [Origin]
        /// What an untrusted file did beyond its rights, as long as it has an effect.
        var widenings: [Diagnostic]
        /// Where an untrusted file set a key that is free only in a profile without grants.
        var conditional: [String]
    }

    private(set) var items: [Item] = []
    private var indexes: [SettingKey: Int] = [:]

    /// Applies one layer's settings.
    mutating func apply(_ settings: [Setting]) {
        for setting in settings where setting.key.path != "extends" { apply(setting) }
    }

    private mutating func apply(_ setting: Setting) {
        if setting.operation == .reset && setting.key.entry == nil, case .map = setting.row.type {
            return resetMap(setting)
        }
        let index = self.index(of: setting)
        items[index].value = Self.applied(setting, to: items[index].value)
        if !setting.origin.isUntrusted {
            items[index].trusted = Self.applied(setting, to: items[index].trusted)
        }
        switch setting.operation {
        case .append:
            items[index].origins.append(setting.origin)
            items[index].itemOrigins += setting.itemOrigins
        case .replace, .reset:
            items[index].origins = [setting.origin]
            items[index].itemOrigins = setting.itemOrigins
            items[index].widenings = []
            items[index].conditional = []
        }
        if setting.origin.isUntrusted { judge(setting, index) }
    }

    /// A value after a setting; nil where the default holds.
    private static func applied(_ setting: Setting, to value: Document?) -> Document? {
        switch setting.operation {
        case .append: .list(((value ?? setting.row.standard)?.list ?? []) + (setting.value.list ?? []))
        case .replace: setting.value
        case .reset: nil
        }
    }

    private mutating func resetMap(_ setting: Setting) {
        for index in items.indices where items[index].key.path == setting.key.path {
            items[index].value = nil
            items[index].origins = [setting.origin]
            guard setting.origin.isUntrusted else {
                items[index].trusted = nil
                continue
            }
            if case .never = setting.row.project {
                judge(setting, index)
            } else {
                items[index].conditional.append(setting.place)
            }
        }
    }

    private mutating func index(of setting: Setting) -> Int {
        if let index = indexes[setting.key] { return index }
        indexes[setting.key] = items.count
        items.append(
            Item(
                key: setting.key,
                row: setting.row,
                value: nil,
                trusted: nil,
                origins: [],
                itemOrigins: [],
                widenings: [],
                conditional: []
            )
        )
        return items.count - 1
    }

    private mutating func judge(_ setting: Setting, _ index: Int) {
        let old = items[index].trusted ?? setting.row.standard
        switch setting.row.project {
        case .free: return
        case .unlessGranting: items[index].conditional.append(setting.place)
        case .never:
            guard old != items[index].value ?? setting.row.standard else { return }
            items[index].widenings.append(
                Trust.refusal(setting.place, "`\(setting.key.text)` decides what your own machine does")
            )
        case .narrower(let order):
            guard let old, let new = items[index].value ?? setting.row.standard,
                !order.isNarrower(new, than: old, type: setting.row.type)
            else { return }
            let limits = Document.inline(old)
            items[index].widenings.append(
                Trust.refusal(
                    setting.place,
                    "`\(setting.key.text)` gives the agent more than your settings (\(limits))"
                )
            )
        }
    }

    // MARK: results

    /// What untrusted files did beyond their rights, given what the profile grants in the end.
    func refusals(grants: [String]) -> [Diagnostic] {
        items.flatMap { item in
            var refusals = item.widenings
            for place in item.conditional where !grants.isEmpty {
                let reason =
                    "`\(item.key.text)` could use what the profile grants (\(grants.joined(separator: ", ")))"
                refusals.append(Trust.refusal(place, reason))
            }
            return refusals
        }
    }

    /// The effective profile: every key of the schema in its order, defaults filled in.
    func document(name: String) -> Document {
        guard case .map(let entries) = section(ProfileSchema.keys, path: "") else { return .map([]) }
        return .map([Document.Entry("profile", .string(name))] + entries)
    }

    /// The item of a key that is no map.
    func item(_ path: String) -> Item? {
        indexes[SettingKey(path: path, entry: nil)].map { items[$0] }
    }

    /// The entries of a map that hold, in the order in which they were first set.
    func entries(_ path: String) -> [Item] { items.filter { $0.key.path == path && $0.value != nil } }

    private func section(_ rows: [SchemaKey], path: String) -> Document {
        var entries: [Document.Entry] = []
        for row in rows where row.name != "extends" {
            let below = path.isEmpty ? row.name : "\(path).\(row.name)"
            switch row.type {
            case .section(let rows): entries.append(Document.Entry(row.name, section(rows, path: below)))
            case .map:
                let values = self.entries(below).map { Document.Entry($0.key.entry ?? "", $0.value ?? .null) }
                entries.append(Document.Entry(row.name, .map(values)))
            default: entries.append(Document.Entry(row.name, item(below)?.value ?? row.standard ?? .null))
            }
        }
        return .map(entries)
    }
}

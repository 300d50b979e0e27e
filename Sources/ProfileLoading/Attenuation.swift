// What an agent may give to one that it starts: never more than it has. The order is that of the schema's own rules for
// files that nobody trusts (`ProjectRule`), so that a new key has to say once what gives less. What a trusted profile says
// beyond it is cut down, what an agent asks for beyond it is refused.

package import ClocheModel
internal import NetworkRules
internal import StructuredText
internal import SyscallFilter

/// A key of which an agent asked more than it may give.
package struct Widening: Equatable, Sendable {
    /// The key, dotted.
    package let key: String
    /// What was asked for.
    package let asked: Document
    /// The most that there is to give.
    package let most: Document

    /// For people: key, and both values.
    package var text: String { "\(key): \(Document.inline(asked)) is more than \(mostText)" }

    /// The most as it is written in profiles: what is held is counted in bytes.
    private var mostText: String {
        guard case .integer(let bytes) = most, case .string(let text) = asked, text.hasSuffix("B") else {
            return Document.inline(most)
        }
        for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] where bytes > 0 {
            if bytes & (1 << shift - 1) == 0 { return "\(bytes >> shift)\(unit)" }
        }
        return "\(bytes)B"
    }
}

/// The profile of an agent that another one starts.
package struct AttenuatedProfile: Sendable {
    /// Every key with its value.
    package let document: Document
    /// Keys of which the profile that was named would have had more.
    package let narrowed: [String]

    /// A document that is known to be within the bound, or will be compared with it.
    package init(document: Document, narrowed: [String]) {
        (self.document, self.narrowed) = (document, narrowed)
    }
}

/// Compares and cuts effective profiles.
package enum Attenuation {
    /// The most that an agent of a profile can give to one that it starts.
    ///
    /// - Parameter record: the agent's, with its effective profile and what its last start gave it of that.
    package static func bound(of record: AgentRecord) -> Document {
        var bound = record.effective
        let credentials = bound["credentials"]?.list ?? []
        // One that it was not given is not its to give, though it stands in its profile.
        bound["credentials"] = .list(record.given(of: credentials))
        bound["filesystem"]?["workspace"] = .string(record.access.rawValue)
        let depth = max(0, (bound.value(at: ["agents", "depth"])?.integer ?? 0) - 1)
        bound["agents"]?["depth"] = .integer(depth)
        if depth == 0 { bound["agents"]?["children"] = .integer(0) }
        return bound
    }

    /// A profile cut down to what an agent can give.
    ///
    /// - Parameters:
    ///   - wanted: an effective profile that the agent has named, and the user trusts.
    ///   - bound: see `bound(of:)`.
    package static func cut(_ wanted: Document, to bound: Document) -> AttenuatedProfile {
        var narrowed: [String] = []
        var document = cut(ProfileSchema.keys, wanted, bound, path: "", &narrowed)
        document["profile"] = wanted["profile"]
        // What names of groups and bundles stand for is what they stood for when the parent was started.
        document["syscalls"]?["definitions"] = bound.value(at: SyscallPolicy.definitionsPath)
        document["network"]?[NetworkSettings.definitionsKey] =
            bound["network"]?[NetworkSettings.definitionsKey]
        document["network"]?[NetworkSettings.originsKey] = nil
        return AttenuatedProfile(document: document, narrowed: narrowed)
    }

    /// What a profile has beyond a bound.
    ///
    /// - Parameters:
    ///   - child: an effective profile, with what an agent asked for.
    ///   - bound: see `bound(of:)`.
    ///   - base: the same profile before it asked for anything: a key that decides what the host does is as it was there.
    package static func widenings(of child: Document, beyond bound: Document, base: Document) -> [Widening] {
        widenings(ProfileSchema.keys, child, bound, base, path: "", mode: bound["network"]?["mode"]?.string)
    }

    /// A profile with what an agent asks for.
    ///
    /// - Parameters:
    ///   - base: what it begins with.
    ///   - options: `KEY=VALUE` and `KEY+=VALUE`, from the agent.
    ///   - bound: see `bound(of:)`.
    ///   - loader: knows the bundles that it may name.
    /// - Throws: all that is wrong with the options, and every key of which more was asked than there is.
    package static func applying(
        _ options: [String],
        to base: Document,
        within bound: Document,
        bundlesOf loader: ProfileLoader
    ) throws(ClocheError) -> Document {
        let child = try StoredProfile.changed(
            base,
            options.map { .option($0) },
            bundlesOf: loader,
            refusal: { _ in nil }
        )
        let found = widenings(of: child, beyond: bound, base: base)
        if found.isEmpty { return child }
        throw ClocheError(
            .state,
            "the agent would get more than you have",
            why: found.map(\.text).joined(separator: "\n  "),
            remedy: "leave it out, or ask the person"
        )
    }

    // MARK: Walking

    private static func widenings(
        _ rows: [SchemaKey],
        _ child: Document?,
        _ bound: Document?,
        _ base: Document?,
        path: String,
        mode: String?
    ) -> [Widening] {
        rows.filter { $0.name != "extends" }.flatMap { row -> [Widening] in
            let key = path.isEmpty ? row.name : "\(path).\(row.name)"
            let (new, most, old) = (child?[row.name], bound?[row.name], base?[row.name])
            if case .section(let rows) = row.type {
                return widenings(rows, new, most, old, path: key, mode: mode)
            }
            if case (.map(_, let type), .narrower(let order)) = (row.type, row.project) {
                return widenings(new, most, key, type, order)
            }
            let asked = new ?? row.standard ?? .null
            let isWithin =
                switch row.project {
                // Programs are looked for on the host, and brought in.
                case _ where key.hasPrefix("harness."), .never: asked == old ?? row.standard ?? .null
                case .free, .unlessGranting: true
                case .narrower(.fewerRules): hasRules(asked, within: most, mode)
                case .narrower(let order):
                    order.isNarrower(asked, than: most ?? row.standard ?? .null, type: row.type)
                }
            return isWithin ? [] : [Widening(key: key, asked: asked, most: most ?? row.standard ?? .null)]
        }
    }

    /// Of a map whose entries are judged one by one: what is not in the other gives less than anything.
    private static func widenings(
        _ child: Document?,
        _ bound: Document?,
        _ key: String,
        _ type: ValueType,
        _ order: NarrowingOrder
    ) -> [Widening] {
        (child?.entries ?? []).compactMap { entry in
            let most = bound?[entry.key]
            if let most, order.isNarrower(entry.value, than: most, type: type) { return nil }
            return Widening(key: "\(key).\(entry.key)", asked: entry.value, most: most ?? .null)
        }
    }

    /// Whether rules allow no more than those of a network, whose mode may allow more than its rules say.
    private static func hasRules(_ asked: Document, within most: Document?, _ mode: String?) -> Bool {
        (asked.list ?? []).allSatisfy { isAllowed($0, by: most?.list ?? [], mode) }
    }

    private static func isAllowed(_ item: Document, by rules: [Document], _ mode: String?) -> Bool {
        switch mode.flatMap({ NetworkMode(rawValue: $0) }) {
        case .host?: return true
        case .open?:
            if let rule = NarrowingOrder.rule(item), rule.isPublicName, rule.isPlain { return true }
        default: break
        }
        return NarrowingOrder.isCovered(item, by: rules)
    }

    private static func cut(
        _ rows: [SchemaKey],
        _ wanted: Document?,
        _ bound: Document?,
        path: String,
        _ narrowed: inout [String]
    ) -> Document {
        var entries: [Document.Entry] = []
        for row in rows where row.name != "extends" {
            let key = path.isEmpty ? row.name : "\(path).\(row.name)"
            let (new, most) = (wanted?[row.name], bound?[row.name])
            if case .section(let rows) = row.type {
                entries.append(Document.Entry(row.name, cut(rows, new, most, path: key, &narrowed)))
                continue
            }
            let value = new ?? row.standard ?? .null
            let cut = cut(value, to: most ?? row.standard ?? .null, row, key, mode: bound?["mode"]?.string)
            // What its program is known by is no authority, and what the host does is the parent's.
            if cut != value, !isQuiet(row, key) { narrowed.append(key) }
            entries.append(Document.Entry(row.name, cut))
        }
        return .map(entries)
    }

    /// One generation less is in the nature of children.
    private static func isQuiet(_ row: SchemaKey, _ key: String) -> Bool {
        if case .never = row.project { return true }
        return ["agents.depth", "agents.children"].contains(key)
    }

    private static func cut(
        _ value: Document,
        to most: Document,
        _ row: SchemaKey,
        _ key: String,
        mode: String?
    ) -> Document {
        if case (.map(_, let type), .narrower(let order)) = (row.type, row.project) {
            let entries = (value.entries ?? []).compactMap { entry in
                most[entry.key].map { Document.Entry(entry.key, order.cut(entry.value, to: $0, type: type)) }
            }
            return .map(entries)
        }
        return switch row.project {
        case .free, .unlessGranting: value
        // Patterns of the trusted profile, by which its own program is known.
        case .never: key.hasPrefix("session.state.") ? value : most
        case .narrower(.fewerRules):
            .list((value.list ?? []).filter { isAllowed($0, by: most.list ?? [], mode) })
        case .narrower(let order): order.cut(value, to: most, type: row.type)
        }
    }
}

extension NarrowingOrder {
    /// The value itself where it gives no more than another, and else what both give.
    func cut(_ value: Document, to most: Document, type: ValueType) -> Document {
        if isNarrower(value, than: most, type: type) { return value }
        let (items, others) = (value.list ?? [], most.list ?? [])
        return switch self {
        case .smaller, .earlier, .only: most
        case .fewer: .list(items.filter { others.contains($0) })
        case .fewerRules: .list(items.filter { Self.isCovered($0, by: others) })
        case .fewerGroups:
            // A group that is not built in may refuse what another one allows.
            .list(others.filter { items.contains($0) || !Self.isBuiltIn($0) })
        case .more: .list(items + others.filter { !items.contains($0) })
        case .moreExcept(let item):
            .list(
                (items + others.filter { !items.contains($0) }).filter {
                    $0 != .string(item) || others.contains($0) && items.contains($0)
                }
            )
        }
    }

    private static func isBuiltIn(_ group: Document) -> Bool {
        group.string.map { SyscallTable.builtInGroups.contains($0) } ?? false
    }
}

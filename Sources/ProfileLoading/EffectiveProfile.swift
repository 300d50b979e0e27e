// What the loader hands out: a profile with all layers merged, as typed values, as the document that the
// state file keeps, and as rows that say where each value comes from.

package import ClocheModel

/// A profile after merging.
package struct EffectiveProfile: Sendable {
    /// Its name; for a file given with `--profile`, the file's name without `.yaml`.
    package let name: String
    /// The profiles it is made of, `base` first, itself last.
    package let chain: [String]
    /// Every key with its value: what the agent's state keeps, and `Policy(document:)` reads.
    package let document: Document
    /// The same as typed values.
    package let policy: Policy
    let merged: MergedSettings

    /// Every key with its value and origin, in the schema's order.
    package var explainRows: [ExplainRow] {
        merged.explainRows().flatMap { row in
            let key = NetworkSettings.listKeys.first { row.key == "network.\($0)" }
            return [row] + (key.map { bundleRows("network.\($0)") } ?? [])
        }
    }

    /// What the bundles that a list names stand for.
    private func bundleRows(_ key: String) -> [ExplainRow] {
        let definitions = document["network"]?[NetworkSettings.definitionsKey]
        return (merged.item(key)?.value?.list ?? []).compactMap { item in
            guard let name = item.string, let bundle = NetworkBundle(name, definitions: definitions) else {
                return nil
            }
            let layer: Layer = definitions?[name] == nil ? .builtIn : .user
            return ExplainRow(
                key: "\(key)[\(name)]",
                value: Document.inline(.list(bundle.items.map(\.item))),
                origins: [Origin(layer, place: "network/\(name)", line: 1)]
            )
        }
    }

    /// Where each item of a list comes from (`filesystem.binds`, `credentials`), for errors about one of
    /// them.
    package func itemOrigins(_ key: String) -> [Origin] { merged.item(key)?.itemOrigins ?? [] }
}

/// One line of `cloche explain`.
package struct ExplainRow: Equatable, Sendable {
    /// The key, dotted; of a map, with the key within it.
    package let key: String
    /// The value on one line.
    package let value: String
    /// Where it comes from; several where lists were appended to.
    package let origins: [Origin]

    /// The origins in words.
    package var origin: String { origins.map(\.description).joined(separator: ", then ") }
}

extension MergedSettings {
    /// A row for each key of the schema, and one for each entry of a map.
    func explainRows() -> [ExplainRow] { rows(ProfileSchema.keys, path: "") }

    private func rows(_ keys: [SchemaKey], path: String) -> [ExplainRow] {
        keys.filter { $0.name != "extends" }.flatMap { row in
            let below = path.isEmpty ? row.name : "\(path).\(row.name)"
            switch row.type {
            case .section(let children): return rows(children, path: below)
            case .map: return entries(below).map { explain($0, $0.key.text) }
            default:
                if let item = item(below) { return [explain(item, below)] }
                return [explain(row, below)]
            }
        }
    }

    private func explain(_ item: Item, _ key: String) -> ExplainRow {
        let value = item.value ?? item.row.standard ?? .null
        return ExplainRow(key: key, value: Document.inline(value), origins: item.origins)
    }

    private func explain(_ row: SchemaKey, _ key: String) -> ExplainRow {
        ExplainRow(key: key, value: Document.inline(row.standard ?? .null), origins: [Origin(.standard)])
    }
}

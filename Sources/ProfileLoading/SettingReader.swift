// A profile's tree against the schema: a flat list of settings, and everything that is wrong with it. Called
// by the loader for each file of a chain, for `overrides:` and for `--set`, and to read a stored document
// again.

internal import ClocheModel
internal import StructuredText

struct SettingReader {
    private(set) var settings: [Setting] = []
    private var values: ValueReader

    var diagnostics: [Diagnostic] { values.diagnostics }

    init(source: SettingSource, hostHome: String) {
        values = ValueReader(source: source, hostHome: hostHome)
    }

    /// Reads a whole profile; `root` names it in messages about its keys, and is empty for a file of its own.
    mutating func readProfile(_ node: LocatedNode) {
        readSection(node, ProfileSchema.keys, path: "")
    }

    /// Reads `--set PATH=VALUE`, where the path may end in `+` to append.
    mutating func readOverride(path: String, value: LocatedNode) {
        let isAppend = path.hasSuffix("+")
        var rest = isAppend ? path.dropLast() : path[...]
        var rows = ProfileSchema.keys
        var walked = ""
        while true {
            let name = rest.prefix { $0 != "." }
            guard let row = rows.first(where: { $0.name == name }) else {
                return complainOfPath(walked + name, in: rows, section: walked, at: value.position)
            }
            rest = rest.dropFirst(name.count + 1)
            if let children = row.children, !rest.isEmpty {
                rows = children
                walked += name + "."
                continue
            }
            return readLeaf(row, path: walked + name, entry: String(rest), value, isAppend: isAppend)
        }
    }

    private mutating func readLeaf(
        _ row: SchemaKey,
        path: String,
        entry: String,
        _ value: LocatedNode,
        isAppend: Bool
    ) {
        guard !entry.isEmpty else { return readKey(row, path: path, value, isAppend: isAppend) }
        guard case .map(let form, let type) = row.type else {
            return values.complain(at: value.position, "`\(path)` has no keys below it")
        }
        guard !isAppend else {
            return values.complain(
                at: value.position,
                "`\(path).\(entry)` is no list, so nothing can be appended to it"
            )
        }
        readEntry(
            LocatedNode.Entry(key: entry, keyPosition: value.position, value: value),
            row,
            path: path,
            form,
            type
        )
    }

    private mutating func complainOfPath(
        _ path: String,
        in rows: [SchemaKey],
        section: String,
        at position: TextPosition
    ) {
        let hint = Suggestion.nearest(to: String(path.dropFirst(section.count)), in: rows.map(\.name))
            .map { "; did you mean `\(section)\($0)`?" }
        values.complain(at: position, "unknown key `\(path)`" + (hint ?? ""))
    }

    private mutating func readSection(_ node: LocatedNode, _ rows: [SchemaKey], path: String) {
        switch node.value {
        case .scalar(.null, _): return
        case .map(let entries):
            for entry in entries {
                let isAppend = entry.key.hasSuffix("+")
                let name = isAppend ? String(entry.key.dropLast()) : entry.key
                guard let row = rows.first(where: { $0.name == name }) else {
                    values.complainOfUnknown(entry, in: rows, section: path)
                    continue
                }
                let below = path.isEmpty ? name : "\(path).\(name)"
                readKey(row, path: below, entry.value, isAppend: isAppend)
            }
        case .scalar, .list:
            values.complain(
                at: node.position,
                path.isEmpty ? "a profile must be a map of keys" : "`\(path)` must be a map"
            )
        }
    }

    private mutating func readKey(_ row: SchemaKey, path: String, _ node: LocatedNode, isAppend: Bool) {
        if isAppend {
            guard case .list = row.type else {
                return values.complain(at: node.position, "`\(path)+` would append, but `\(path)` is no list")
            }
        }
        switch row.type {
        case .section(let rows): return readSection(node, rows, path: path)
        case .map(let form, let type):
            if case .map(let entries) = node.value {
                for entry in entries { readEntry(entry, row, path: path, form, type) }
                return
            }
        default: break
        }
        let key = SettingKey(path: path, entry: nil)
        if case .scalar(.null, _) = node.value {
            return add(key, row, .reset, .null, node)
        }
        guard let value = values.read(node, as: row.type, key: path) else { return }
        add(key, row, isAppend ? .append : .replace, value, node)
    }

    private mutating func readEntry(
        _ entry: LocatedNode.Entry,
        _ row: SchemaKey,
        path: String,
        _ form: TextForm,
        _ type: ValueType
    ) {
        let key = SettingKey(path: path, entry: entry.key)
        guard form.accepts(entry.key) else {
            return values.complain(
                at: entry.keyPosition,
                "a key of `\(path)` must be \(form.expected), not `\(entry.key)`"
            )
        }
        if case .scalar(.null, _) = entry.value.value {
            return add(key, row, .reset, .null, entry.value)
        }
        guard let value = values.read(entry.value, as: type, key: key.text) else { return }
        add(key, row, .replace, value, entry.value)
    }

    private mutating func add(
        _ key: SettingKey,
        _ row: SchemaKey,
        _ operation: Setting.Operation,
        _ value: Document,
        _ node: LocatedNode
    ) {
        var items: [TextPosition] = []
        if case .list(let nodes) = node.value { items = nodes.map(\.position) }
        settings.append(
            Setting(
                key: key,
                row: row,
                operation: operation,
                value: value,
                source: values.source,
                position: node.position,
                itemPositions: items
            )
        )
    }
}

// One value against the type its schema row demands. What comes out is as the state file keeps it: paths are
// expanded, parts of records filled in; sizes and durations stay as written. Called by SettingReader.

internal import ClocheModel
internal import StructuredText

struct ValueReader {
    let source: SettingSource
    let hostHome: String
    private(set) var diagnostics: [Diagnostic] = []

    init(source: SettingSource, hostHome: String) {
        self.source = source
        self.hostHome = hostHome
    }

    /// The checked value; nil after a diagnostic.
    mutating func read(_ node: LocatedNode, as type: ValueType, key: String) -> Document? {
        switch type {
        case .list(let item): return readList(node, of: item, key: key)
        case .record(let rows, let rule): return readRecord(node, rows, rule, key: key)
        case .networkRule(let denies): return readNetworkRule(node, denies: denies, key: key)
        case .map(let form, let item): return readMap(node, form, of: item, key: key)
        case .orNone(let inner):
            if node.document == .string("none") { return .string("none") }
            return accept(node, as: inner) ?? refuse(node, type, key)
        default: return accept(node, as: type) ?? refuse(node, type, key)
        }
    }

    /// Says that something is wrong with what stands at a place.
    mutating func complain(at position: TextPosition, _ message: String, remedy: String = "") {
        diagnostics.append(Diagnostic(source.text(position), message, remedy: remedy))
    }

    mutating func refuse(_ node: LocatedNode, _ type: ValueType, _ key: String) -> Document? {
        complain(
            at: node.position,
            "`\(key)` must be \(type.expected), not \(found(node))\(type.hint(about: node.document))"
        )
        return nil
    }

    private func found(_ node: LocatedNode) -> String {
        switch node.value {
        case .list: "a list"
        case .map: "a map"
        case .scalar(.null, _): "empty"
        case .scalar(.string, let text): "the text `\(text.count > 60 ? text.prefix(57) + "..." : text)`"
        case .scalar(_, let text): "`\(text)`"
        }
    }

    private func accept(_ node: LocatedNode, as type: ValueType) -> Document? {
        let value = node.document
        switch type {
        case .boolean: return value.bool.map { .bool($0) }
        case .integer(let range): return value.integer.flatMap { range.contains($0) ? value : nil }
        case .size, .rate, .duration, .cores, .money, .percent:
            guard let amount = type.amount(of: value), type.amounts.contains(amount) else { return nil }
            // As text, because JSON would have 0.1 as 0.10000000000000001.
            if case .real(let number) = value { return .string(String(number)) }
            return value
        case .choice(let words): return value.string.flatMap { words.contains($0) ? value : nil }
        case .countedChoice(let words, let counted, _):
            if let word = value.string { return words.contains(word) ? value : nil }
            guard let entries = value.entries, entries.count == 1, let count = value[counted]?.integer,
                (1...1000).contains(count)
            else { return nil }
            return value
        case .text(let form): return acceptText(node, form)
        case .commandLine: return acceptCommandLine(node)
        case .template: return value.entries == nil ? nil : value
        case .orNone, .list, .map, .record, .section, .networkRule: return nil
        }
    }

    private func acceptCommandLine(_ node: LocatedNode) -> Document? {
        guard case .list(let words) = node.value else {
            return acceptText(node, .any).flatMap { $0 == .string("") ? nil : $0 }
        }
        let arguments = words.compactMap { acceptText($0, .any) }
        guard arguments.count == words.count, let program = arguments.first, program != .string("") else {
            return nil
        }
        return .list(arguments)
    }

    private func acceptText(_ node: LocatedNode, _ form: TextForm) -> Document? {
        guard case .scalar(let value, let written) = node.value else { return nil }
        let text: String
        switch value {
        case .string(let string): text = string
        case .null: return nil
        default:
            guard form.takesAnyScalar else { return nil }
            text = written
        }
        let expanded = form.expansion?.expand(text, hostHome: hostHome) ?? text
        return form.accepts(expanded) ? .string(expanded) : nil
    }

    private mutating func readList(_ node: LocatedNode, of type: ValueType, key: String) -> Document? {
        guard case .list(let nodes) = node.value else { return refuse(node, .list(type), key) }
        var items: [Document] = []
        for (index, item) in nodes.enumerated() {
            // Naming each item costs more than checking it, so the name waits for a failure.
            if let value = accept(item, as: type) ?? read(item, as: type, key: "\(key)[\(index)]") {
                items.append(value)
            }
        }
        return items.count == nodes.count ? .list(items) : nil
    }

    /// A map that is one value; that of a key is read entry by entry, in SettingReader.
    private mutating func readMap(_ node: LocatedNode, _ form: TextForm, of type: ValueType, key: String)
        -> Document?
    {
        guard case .map(let nodes) = node.value else { return refuse(node, .map(form, type), key) }
        var entries: [Document.Entry] = []
        for entry in nodes {
            guard form.accepts(entry.key) else {
                complain(
                    at: entry.keyPosition,
                    "a key of `\(key)` must be \(form.expected), not `\(entry.key)`"
                )
                continue
            }
            if let value = read(entry.value, as: type, key: Document.path(key, below: entry.key)) {
                entries.append(Document.Entry(entry.key, value))
            }
        }
        return entries.count == nodes.count ? .map(entries) : nil
    }

    mutating func readRecord(
        _ node: LocatedNode,
        _ rows: [SchemaKey],
        _ rule: RecordRule,
        key: String
    )
        -> Document?
    {
        guard case .map(let entries) = node.value else { return refuse(node, .record(rows, rule), key) }
        let before = diagnostics.count
        var record = Document.map([])
        for entry in entries {
            guard let row = rows.first(where: { $0.name == entry.key }) else {
                complainOfUnknown(entry, in: rows, section: key)
                continue
            }
            record[row.name] = read(entry.value, as: row.type, key: "\(key).\(row.name)")
        }
        for row in rows where record[row.name] == nil { record[row.name] = row.standard }
        if diagnostics.count == before { complete(&record, rule, node, key: key) }
        return diagnostics.count == before ? record : nil
    }

    private mutating func complete(
        _ record: inout Document,
        _ rule: RecordRule,
        _ node: LocatedNode,
        key: String
    ) {
        let source: String?
        switch rule {
        case .networkRule:
            if record["host"] == nil { complain(at: node.position, "`\(key)` needs the key `host`") }
            return
        case .pattern:
            for part in ["match", "state"] where record[part] == nil {
                complain(at: node.position, "`\(key)` needs the key `\(part)`")
            }
            return
        case .server:
            if (record["command"] == nil) == (record["url"] == nil) {
                complain(at: node.position, "`\(key)` needs either the key `command` or the key `url`")
            } else if record["url"] != nil, record["args"] != nil || record["env"] != nil {
                complain(at: node.position, "`args` and `env` of `\(key)` go with `command`, not with `url`")
            }
            return
        case .bind:
            source = record["source"]?.string
            if source == nil { complain(at: node.position, "`\(key)` needs the key `source`") }
        case .service:
            if record["url"] == nil { complain(at: node.position, "`\(key)` needs the key `url`") }
            return
        case .login:
            for part in ["token-url", "access", "refresh"] where record[part] == nil {
                complain(at: node.position, "`\(key)` needs the key `\(part)`")
            }
            // They have their places already, by `access`, `refresh` and `expires`.
            for part in ["access_token", "refresh_token", "expires_in"] where record["keep"]?[part] != nil {
                complain(at: node.position, "`\(key).keep` cannot have `\(part)`, which is kept anyhow")
            }
            return
        case .credential:
            source = record["service"] == nil ? record["file"]?.string : nil
            completeCredential(record, node, key: key)
        }
        if let source, record["target"] == nil {
            record["target"] = .string(PathExpansion.place(of: source, hostHome: hostHome))
        }
    }

    private mutating func completeCredential(_ record: Document, _ node: LocatedNode, key: String) {
        let sources = ["env", "file", "command", "kept", "login", "public"].filter { record[$0] != nil }
        if sources.count != 1 {
            let words = "`env`, `file`, `command`, `kept`, `login` or `public`"
            complain(at: node.position, "`\(key)` needs exactly one of the keys \(words)")
        } else if record["service"] == nil, ["command", "kept", "login", "public"].contains(sources[0]) {
            complain(
                at: node.position,
                "`\(key).\(sources[0])` goes with `service`: only a gateway may read it"
            )
        } else if record["public"]?.bool == false {
            complain(at: node.position, "`\(key).public` is true, or not there")
        } else if record["target"] != nil, sources[0] != "file" || record["service"] != nil {
            complain(at: node.position, "`\(key).target` goes with `file`, and not with `service`")
        } else if record["intercept"]?.bool == true, record["service"] == nil {
            complain(at: node.position, "`\(key).intercept` goes with `service`")
        }
    }

    /// An unknown key, with the nearest known one.
    mutating func complainOfUnknown(_ entry: LocatedNode.Entry, in rows: [SchemaKey], section: String) {
        let place = section.isEmpty ? "" : " in `\(section)`"
        let hint = Suggestion.hint(entry.key, rows.map(\.name))
        complain(at: entry.keyPosition, "unknown key `\(entry.key)`\(place)\(hint)")
    }
}

extension ValueType {
    /// Completes "must be ...".
    var expected: String {
        switch self {
        case .boolean: "true or false"
        case .integer(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .size(let minimum):
            "a size such as 512MiB or 2GiB"
                + (minimum > 1 ? ", and at least \(Quantity.text(bytes: minimum))" : "")
        case .rate(let minimum):
            "bytes per second such as 50MiB or 50MiB/s, and at least \(Quantity.text(bytes: minimum))"
        case .duration(let minimum):
            "a duration such as 90s, 30m or 1h30m" + (minimum > 0 ? ", and not zero" : "")
        case .cores(let minimum):
            "a number of cores such as 2, 1.5 or 0.25, in thousandths and at least 0.0\(minimum / 10)"
        case .money: "an amount of US dollars such as 5 USD, 5.00 or 0.25, and not zero"
        case .percent: "a part of a hundred, from 1% to 100%"
        case .choice(let words): "one of " + words.map { "`\($0)`" }.joined(separator: ", ")
        case .countedChoice(let words, let counted, _):
            "one of " + words.map { "`\($0)`" }.joined(separator: ", ") + " or `{\(counted): TIMES}`"
        case .text(let form): form.expected
        case .orNone(let inner): inner.expected + ", or `none`"
        case .list: "a list"
        case .commandLine: "a command line, or a list of a program and its arguments"
        case .map, .record, .section, .template: "a map"
        case .networkRule: "a bundle such as github, HOST:PORT, or a map with the key `host`"
        }
    }
}

extension ValueType {
    /// The number that a value of this type stands for; nil for `none`, and where it stands for none.
    func amount(of value: Document) -> Int64? {
        switch self {
        case .integer: value.integer
        case .size: value.bytes
        case .rate: value.bytesPerSecond
        case .duration: value.seconds
        case .cores: value.thousandths
        case .money: value.nanoDollars
        case .percent: value.percent
        case .orNone(let inner): inner.amount(of: value)
        case .countedChoice(_, let counted, let standard):
            value[counted]?.integer ?? (value.string == counted ? standard : 0)
        default: nil
        }
    }

    /// The numbers that a value may stand for.
    var amounts: ClosedRange<Int64> {
        switch self {
        case .integer(let range): range
        case .size(let minimum), .rate(let minimum): minimum...Quantity.mostBytes
        case .duration(let minimum): minimum...Quantity.mostSeconds
        case .cores(let minimum): minimum...Quantity.mostThousandths
        // What is less than what is shown is a mistake; a billion is none that anybody has.
        case .money: 100_000...1_000_000_000_000_000_000
        case .percent: 1...100
        default: 0...(.max)
        }
    }

    /// What was meant, perhaps; begins with a semicolon, or is empty.
    fileprivate func hint(about value: Document) -> String {
        switch self {
        case .orNone(let inner): return inner.hint(about: value)
        case .size, .rate:
            if let number = value.integer, number > 0, number < amounts.lowerBound {
                return "; a number without a unit is bytes: did you mean `\(number)MiB`?"
            }
            if let amount = amount(of: value), amount > amounts.upperBound { return "; that is too large" }
            let meant = value.string.map(Quantity.sizes(meantBy:)) ?? []
            return Quantity.hint(meant.filter { amounts.contains(Quantity.bytesPerSecond($0) ?? 0) })
        case .duration:
            if let amount = amount(of: value), amount > amounts.upperBound { return "; that is too long" }
            return ""
        case .cores: return Quantity.hint(value.string.map(Quantity.cores(meantBy:)) ?? [])
        default: return ""
        }
    }
}

extension Document {
    /// A size in bytes, written as a number or with a unit.
    var bytes: Int64? { integer ?? string.flatMap { Quantity.bytes($0) } }
    /// Bytes per second, written as a size or with `/s` behind it.
    var bytesPerSecond: Int64? { integer ?? string.flatMap { Quantity.bytesPerSecond($0) } }
    /// A duration in seconds, written as a number or with units.
    var seconds: Int64? { integer ?? string.flatMap { Quantity.seconds($0) } }
    /// Dollars, as a number or with a sign, in billionths.
    var nanoDollars: Int64? {
        switch self {
        case .integer(let number): Money(String(number))?.nanoDollars
        case .real(let number): Money(String(number))?.nanoDollars
        case .string(let text): Money(text)?.nanoDollars
        default: nil
        }
    }
    /// A number, or one with `%` behind it.
    var percent: Int64? {
        integer ?? string.flatMap { $0.hasSuffix("%") ? Int64($0.dropLast()) : nil }
    }
    /// A number with at most three decimals, in thousandths.
    var thousandths: Int64? {
        switch self {
        case .integer(let number): Quantity.thousandths(String(number))
        case .real(let number): Quantity.thousandths(String(number))
        case .string(let text): Quantity.thousandths(text)
        default: nil
        }
    }
}

// The key reference in docs/profiles.md, made from the rows of ProfileSchema. A test keeps the two equal.

internal import ClocheModel

extension ProfileSchema {
    /// The lines between which docs/profiles.md has the reference.
    package static let referenceMarks = (begin: "<!-- keys: begin -->", end: "<!-- keys: end -->")

    /// Every key in Markdown.
    package static func keyReference() -> String {
        let single = keys.filter { $0.children == nil }
        var text = "### At the top\n\n" + single.map { entry($0, path: $0.name) }.joined()
        for row in keys {
            guard let children = row.children else { continue }
            text += "\n### `\(row.name)`\n\n\(row.description)\n\n"
            text += children.map { entry($0, path: "\(row.name).\($0.name)") }.joined()
        }
        return text
    }

    private static func entry(_ row: SchemaKey, path: String) -> String {
        var facts = ["*\(row.type.name)*"]
        if let standard = row.standard, isWorthPrinting(standard) {
            facts.append("default `\(Document.inline(standard))`")
        }
        if row.merge == .replaceOrAppend { facts.append("`\(row.name)+` appends") }
        if row.merge == .perKey { facts.append("merged key by key") }
        if let rule = row.project.sentence { facts.append("untrusted project files \(rule)") }
        var text = "- **`\(path)`**: \(facts.joined(separator: "; ")).\n  \(row.description)\n"
        for part in row.type.parts {
            let standard = part.standard.map { ", default `\(Document.inline($0))`" } ?? ""
            text += "  - `\(part.name)` (*\(part.type.name)*\(standard)): \(part.description)\n"
        }
        return text
    }

    private static func isWorthPrinting(_ standard: Document) -> Bool {
        standard != .string("") && standard != .list([]) && standard != .map([])
    }
}

extension ProjectRule {
    /// Completes "untrusted project files ..."; nil where they are free.
    fileprivate var sentence: String? {
        switch self {
        case .free: nil
        case .unlessGranting: "may set it only where the profile grants nothing"
        case .narrower(.smaller): "may only lower it"
        case .narrower(.fewer): "may only take items away"
        case .narrower(.fewerRules): "may only take rules away, or make them narrower"
        case .narrower(.fewerGroups): "may only take built-in ones away"
        case .narrower(.more): "may only add items"
        case .narrower(.moreExcept(let item)): "may only add items other than `\(item)`"
        case .narrower(.earlier(let words)) where words.count > 2: "may only choose an earlier one"
        case .narrower(.earlier(let words)): "may only set it to `\(words.first ?? "")`"
        case .narrower(.only(let word)): "may only set it to `\(word)`"
        case .never: "may not set it"
        }
    }
}

extension ValueType {
    /// As the reference names it.
    fileprivate var name: String {
        switch self {
        case .boolean: "true or false"
        case .integer(let range): "\(range.lowerBound) to \(range.upperBound)"
        case .size: "size"
        case .rate: "size per second"
        case .duration: "duration"
        case .cores: "number of cores"
        case .money: "US dollars"
        case .percent: "percent"
        case .choice(let words), .countedChoice(let words, _, _):
            words.map { "`\($0)`" }.joined(separator: " or ")
        case .text(let form): form.name
        case .orNone(let inner): "\(inner.name), or `none`"
        case .list(let item): "list of \(item.plural)"
        case .map(let key, let value): "map from \(key.name) to \(value.name)"
        case .record, .section, .template: "map"
        case .networkRule: "rule"
        case .commandLine: "command"
        }
    }

    fileprivate var plural: String {
        switch self {
        case .record: "maps"
        case .networkRule: "rules"
        case .commandLine: "commands"
        case .text(let form): form.plural
        default: name
        }
    }

    /// The keys of the records in a list, and of a section within a section.
    fileprivate var parts: [SchemaKey] {
        switch self {
        case .record(let rows, _), .section(let rows): rows
        case .networkRule(let denies): denies ? [] : ProfileSchema.networkRule
        case .list(let item), .map(_, let item): item.parts
        default: []
        }
    }
}

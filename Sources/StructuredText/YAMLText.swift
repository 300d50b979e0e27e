// YAML to a located tree, on libyaml's event parser. Profiles and configuration files are read here, some of
// them from repositories that nobody trusts: size, depth and what aliases expand to are bounded, and whatever
// has two meanings (duplicate keys, several documents, keys that are not text, tags) is refused.

internal import ClocheModel

/// YAML (1.2 core schema) as text.
package enum YAMLText {
    /// Bytes of one file.
    package static let sizeLimit = 1 << 20
    /// Values nested in each other.
    package static let depthLimit = 64
    /// Nodes of a tree with its aliases expanded.
    package static let nodeLimit = 20_000

    /// Reads the one document of a text; an empty text is null.
    ///
    /// `file` is the name that errors give.
    package static func parse(_ text: String, file: String) throws(StructuredTextError) -> LocatedNode {
        try parse(Array(text.utf8), file: file)
    }

    /// Reads the one document of a UTF-8 text.
    package static func parse(_ bytes: [UInt8], file: String) throws(StructuredTextError) -> LocatedNode {
        let start = TextPosition(line: 1, column: 1)
        guard bytes.count <= sizeLimit else {
            throw StructuredTextError(file: file, position: start, message: "the file is larger than 1 MiB")
        }
        var builder = YAMLTreeBuilder(bytes: bytes, file: file)
        return try builder.document()
    }
}

/// Turns events into a tree by recursive descent; its depth is bounded, and so is the stack.
private struct YAMLTreeBuilder: ~Copyable {
    private let reader: YAMLEventReader
    private let file: String
    private var anchors: [String: LocatedNode] = [:]
    private var nodes = 0

    init(bytes: [UInt8], file: String) {
        reader = YAMLEventReader(bytes: bytes, file: file)
        self.file = file
    }

    mutating func document() throws(StructuredTextError) -> LocatedNode {
        _ = try reader.next()
        guard case .documentStart = try reader.next().kind else {
            return LocatedNode(.scalar(.null, text: ""), at: TextPosition(line: 1, column: 1))
        }
        let root = try node(from: reader.next(), depth: 0)
        _ = try reader.next()
        let end = try reader.next()
        guard case .streamEnd = end.kind else {
            throw failure(end.position, "a second document starts here, but the file may have only one")
        }
        return root
    }

    private mutating func node(from event: YAMLEvent, depth: Int) throws(StructuredTextError) -> LocatedNode {
        guard depth < YAMLText.depthLimit else {
            throw failure(event.position, "values are nested deeper than \(YAMLText.depthLimit) levels")
        }
        if case .alias = event.kind { return try expansion(of: event) }
        try count(1, at: event.position)
        let node: LocatedNode
        switch event.kind {
        case .scalar(let text, let plain): node = try scalar(text, plain: plain, event)
        case .listStart: node = try list(event, depth: depth)
        case .mapStart: node = try map(event, depth: depth)
        default: throw failure(event.position, "a value was expected")
        }
        if let anchor = event.anchor { anchors[anchor] = node }
        return node
    }

    private mutating func expansion(of event: YAMLEvent) throws(StructuredTextError) -> LocatedNode {
        let name = event.anchor ?? ""
        guard let target = anchors[name] else {
            throw failure(event.position, "the alias *\(name) has no complete anchor &\(name) before it")
        }
        try count(target.count, at: event.position)
        return LocatedNode(target.value, at: event.position)
    }

    private func scalar(_ text: String, plain: Bool, _ event: YAMLEvent) throws(StructuredTextError)
        -> LocatedNode
    {
        switch event.tag {
        case nil: break
        case "!", "tag:yaml.org,2002:str":
            return LocatedNode(.scalar(.string(text), text: text), at: event.position)
        case let tag?: throw failure(event.position, "the tag \(tag) is not supported")
        }
        guard plain else { return LocatedNode(.scalar(.string(text), text: text), at: event.position) }
        guard let value = YAMLScalar.resolve(text) else {
            throw failure(
                event.position,
                "the number \(text) does not fit in 64 bits; quote it if it is text"
            )
        }
        return LocatedNode(.scalar(value, text: text), at: event.position)
    }

    private mutating func list(_ start: YAMLEvent, depth: Int) throws(StructuredTextError) -> LocatedNode {
        try refuseTag(start)
        var items: [LocatedNode] = []
        while true {
            let event = try reader.next()
            if case .listEnd = event.kind { return LocatedNode(.list(items), at: start.position) }
            items.append(try node(from: event, depth: depth + 1))
        }
    }

    private mutating func map(_ start: YAMLEvent, depth: Int) throws(StructuredTextError) -> LocatedNode {
        try refuseTag(start)
        var entries: [LocatedNode.Entry] = []
        while true {
            let event = try reader.next()
            if case .mapEnd = event.kind { return LocatedNode(.map(entries), at: start.position) }
            let keyNode = try node(from: event, depth: depth + 1)
            let key = try self.key(keyNode)
            if let first = entries.first(where: { $0.key == key }) {
                throw failure(
                    keyNode.position,
                    "the key `\(key)` is here twice; it is on line \(first.keyPosition.line) already"
                )
            }
            let value = try node(from: reader.next(), depth: depth + 1)
            entries.append(LocatedNode.Entry(key: key, keyPosition: keyNode.position, value: value))
        }
    }

    private func key(_ node: LocatedNode) throws(StructuredTextError) -> String {
        switch node.value {
        case .scalar(.string(let key), _): return key
        case .scalar(_, let text):
            throw failure(node.position, "a key must be text; write it in quotes: \"\(text)\"")
        case .list, .map: throw failure(node.position, "a key must be text, not a list or a map")
        }
    }

    private func refuseTag(_ event: YAMLEvent) throws(StructuredTextError) {
        if let tag = event.tag { throw failure(event.position, "the tag \(tag) is not supported") }
    }

    private mutating func count(_ more: Int, at position: TextPosition) throws(StructuredTextError) {
        nodes += more
        guard nodes <= YAMLText.nodeLimit else {
            throw failure(
                position,
                "the file has more than \(YAMLText.nodeLimit) values (aliases count as what they stand for)"
            )
        }
    }

    private func failure(_ position: TextPosition, _ message: String) -> StructuredTextError {
        StructuredTextError(file: file, position: position, message: message)
    }
}

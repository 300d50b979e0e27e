// A tree of values that remembers where each key and value stood in its file, so that every later message
// about it can name line and column. YAMLText makes it; ProfileLoading checks it against its schema.

package import ClocheModel

/// A value and its place.
package struct LocatedNode: Equatable, Sendable {
    /// What stands there.
    package indirect enum Value: Equatable, Sendable {
        /// A single value, resolved, with its text as written (without quotes).
        case scalar(Document, text: String)
        /// Items in order.
        case list([LocatedNode])
        /// Keys and values in order; no key twice.
        case map([Entry])
    }

    /// A key with its place, and its value.
    package struct Entry: Equatable, Sendable {
        /// The key.
        package let key: String
        /// Where the key starts.
        package let keyPosition: TextPosition
        /// Its value.
        package let value: LocatedNode

        /// A key at a place, and its value.
        package init(key: String, keyPosition: TextPosition, value: LocatedNode) {
            self.key = key
            self.keyPosition = keyPosition
            self.value = value
        }
    }

    /// What stands there.
    package let value: Value
    /// Where it starts.
    package let position: TextPosition

    /// A value at a place.
    package init(_ value: Value, at position: TextPosition) {
        self.value = value
        self.position = position
    }

    /// A tree from plain values, all at one place: for values that come from no text.
    package init(_ document: Document, at position: TextPosition) {
        let value: Value =
            switch document {
            case .list(let items): .list(items.map { LocatedNode($0, at: position) })
            case .map(let entries):
                .map(
                    entries.map {
                        Entry(key: $0.key, keyPosition: position, value: LocatedNode($0.value, at: position))
                    }
                )
            case .string(let text): .scalar(document, text: text)
            case .integer(let number): .scalar(document, text: String(number))
            case .real(let number): .scalar(document, text: String(number))
            case .bool(let flag): .scalar(document, text: String(flag))
            case .null: .scalar(document, text: "")
            }
        self.init(value, at: position)
    }

    /// The same tree without places.
    package var document: Document {
        switch value {
        case .scalar(let document, _): document
        case .list(let items): .list(items.map(\.document))
        case .map(let entries): .map(entries.map { Document.Entry($0.key, $0.value.document) })
        }
    }

    /// The value under a key of a map; nil elsewhere and when the key is absent.
    package subscript(key: String) -> LocatedNode? {
        guard case .map(let entries) = value else { return nil }
        return entries.first { $0.key == key }?.value
    }

    /// How many nodes the tree has, itself included.
    var count: Int {
        switch value {
        case .scalar: 1
        case .list(let items): items.reduce(1) { $0 + $1.count }
        case .map(let entries): entries.reduce(1) { $0 + $1.value.count }
        }
    }
}

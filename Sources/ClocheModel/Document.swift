// A tree of plain values: what YAML profiles, state files and --json output are all made of. Text formats
// live in StructuredText; this type knows none.

/// One value of a configuration or state file.
public indirect enum Document: Equatable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case real(Double)
    case string(String)
    case list([Document])
    case map([Entry])

    /// A key and its value; maps keep the order they were written in.
    public struct Entry: Equatable, Sendable {
        /// The key.
        public var key: String
        /// Its value.
        public var value: Document

        /// Pairs a key with a value.
        public init(_ key: String, _ value: Document) {
            self.key = key
            self.value = value
        }
    }

    /// A map from pairs in order.
    public static func object(_ pairs: KeyValuePairs<String, Document>) -> Document {
        .map(pairs.map { Entry($0.key, $0.value) })
    }

    /// A list of strings.
    public static func strings(_ values: [String]) -> Document { .list(values.map { .string($0) }) }

    /// A string, or null when there is none.
    public static func optional(_ value: String?) -> Document { value.map { .string($0) } ?? .null }

    /// A number, or null when there is none.
    public static func optional(_ value: Int64?) -> Document { value.map { .integer($0) } ?? .null }

    /// The value under a key of a map; nil elsewhere and when the key is absent.
    public subscript(key: String) -> Document? {
        get {
            guard case .map(let entries) = self else { return nil }
            return entries.first { $0.key == key }?.value
        }
        set {
            guard case .map(var entries) = self else { return }
            let index = entries.firstIndex { $0.key == key }
            switch (index, newValue) {
            case (let index?, let value?): entries[index].value = value
            case (let index?, nil): entries.remove(at: index)
            case (nil, let value?): entries.append(Entry(key, value))
            case (nil, nil): return
            }
            self = .map(entries)
        }
    }

    /// The value at a path of keys.
    public func value(at path: [String]) -> Document? {
        var node = self
        for key in path {
            guard let next = node[key] else { return nil }
            node = next
        }
        return node
    }

    /// The string, if it is one.
    public var string: String? { if case .string(let value) = self { value } else { nil } }
    /// The integer, if it is one.
    public var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
    /// The truth value, if it is one.
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    /// The items, if it is a list.
    public var list: [Document]? { if case .list(let value) = self { value } else { nil } }
    /// The entries, if it is a map.
    public var entries: [Entry]? { if case .map(let value) = self { value } else { nil } }
    /// The strings of a list, dropping nothing: nil if any item is something else.
    public var stringList: [String]? {
        guard let list else { return nil }
        let strings = list.compactMap(\.string)
        return strings.count == list.count ? strings : nil
    }
}

extension Document {
    /// Every value in it that is no map, with its name.
    public var leaves: [(path: String, value: Document)] { leaves(below: "") }

    private func leaves(below path: String) -> [(path: String, value: Document)] {
        guard case .map(let entries) = self else { return [(path, self)] }
        return entries.flatMap { $0.value.leaves(below: Document.path(path, below: $0.key)) }
    }

    /// The name of a map's key, below the names of those that it is in: `harness.seeds[".profile"]`.
    public static func path(_ path: String, below key: String) -> String {
        if path.isEmpty { return key }
        let isPlain = key.utf8.allSatisfy {
            $0 == UInt8(ascii: "_") || UnicodeScalar($0).properties.isAlphabetic || $0 <= UInt8(ascii: "9")
        }
        return isPlain && !key.contains(".") ? "\(path).\(key)" : "\(path)[\"\(key)\"]"
    }
}

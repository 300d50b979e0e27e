// JSON to and from Document, on libjansson: state files, the audit log, messages on sockets and `--json`.
// Everything that an agent may have sent is read here too, so duplicate keys are refused: two readers of one
// message must never see two meanings.

internal import CJansson
package import ClocheModel
internal import Glibc

/// JSON (RFC 8259) as text.
package enum JSONText {
    /// Reads one JSON value of any kind; the order of keys is kept, and numbers stay integers where they are.
    ///
    /// Refused are duplicate keys, invalid UTF-8, integers beyond 64 bits and nesting beyond jansson's limit
    /// (2048).
    package static func parse(_ bytes: [UInt8], file: String = "") throws(StructuredTextError) -> Document {
        guard !bytes.isEmpty else {
            throw StructuredTextError(
                file: file,
                position: TextPosition(line: 1, column: 1),
                message: "nothing is here"
            )
        }
        var failure = json_error_t()
        let flags = Int(JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES)
        let root = unsafe bytes.withUnsafeBytes {
            unsafe json_loadb($0.baseAddress, $0.count, flags, &failure)
        }
        guard let root = unsafe root else {
            let position = TextPosition(line: max(1, Int(failure.line)), column: max(1, Int(failure.column)))
            throw StructuredTextError(file: file, position: position, message: text(of: failure))
        }
        defer { unsafe json_decref(root) }
        return unsafe document(root)
    }

    /// Reads one JSON value from a string.
    package static func parse(_ text: String, file: String = "") throws(StructuredTextError) -> Document {
        try parse(Array(text.utf8), file: file)
    }

    /// Writes a value without a line end: on one line, or indented by two spaces when `pretty`.
    ///
    /// Numbers that JSON cannot say (not a number, infinity) become null; a key ends at a NUL. Characters that drive a
    /// terminal, hide, or reorder what is shown stand as `\u202e`: much of what is written here was chosen by an agent.
    package static func serialize(_ document: Document, pretty: Bool = false) -> String {
        let root = unsafe node(document)
        defer { unsafe json_decref(root) }
        let flags = Int(JSON_ENCODE_ANY) | (pretty ? 2 : Int(JSON_COMPACT))
        guard let text = unsafe json_dumps(root, flags) else { fatalError("out of memory writing JSON") }
        defer { unsafe free(text) }
        return escaped(unsafe String(cString: text))
    }

    /// Outside of texts, JSON has none of these characters.
    private static func escaped(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 >= 0x7F }), text.unicodeScalars.contains(where: \.isUnseen)
        else {
            return text
        }
        var result = ""
        for scalar in text.unicodeScalars {
            guard scalar.isUnseen else {
                result.unicodeScalars.append(scalar)
                continue
            }
            for unit in String(scalar).utf16 {
                let digits = String(unit, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
        return result
    }

    /// The same as UTF-8.
    package static func serializeBytes(_ document: Document, pretty: Bool = false) -> [UInt8] {
        Array(serialize(document, pretty: pretty).utf8)
    }

    private static func text(of failure: json_error_t) -> String {
        let text = unsafe withUnsafeBytes(of: failure.text) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        return text.isEmpty ? "not valid JSON" : text
    }

    private static func document(_ node: UnsafeMutablePointer<json_t>) -> Document {
        switch unsafe node.pointee.type {
        case JSON_OBJECT: unsafe .map(entries(node))
        case JSON_ARRAY:
            unsafe .list(
                (0..<json_array_size(node)).map { index in
                    unsafe json_array_get(node, index).map { unsafe document($0) } ?? .null
                }
            )
        case JSON_STRING: unsafe .string(string(node))
        case JSON_INTEGER: unsafe .integer(Int64(json_integer_value(node)))
        case JSON_REAL: unsafe .real(json_real_value(node))
        case JSON_TRUE: .bool(true)
        case JSON_FALSE: .bool(false)
        default: .null
        }
    }

    private static func string(_ node: UnsafeMutablePointer<json_t>) -> String {
        let bytes = unsafe UnsafeRawBufferPointer(
            start: json_string_value(node),
            count: json_string_length(node)
        )
        return unsafe String(decoding: bytes, as: UTF8.self)
    }

    private static func entries(_ node: UnsafeMutablePointer<json_t>) -> [Document.Entry] {
        var entries: [Document.Entry] = []
        unsafe entries.reserveCapacity(json_object_size(node))
        var iterator = unsafe json_object_iter(node)
        while let current = unsafe iterator {
            if let key = unsafe json_object_iter_key(current),
                let value = unsafe json_object_iter_value(current)
            {
                unsafe entries.append(Document.Entry(String(cString: key), document(value)))
            }
            unsafe iterator = json_object_iter_next(node, current)
        }
        return entries
    }

    /// A new reference.
    ///
    /// Swift's strings are valid UTF-8 always, so jansson's own check is skipped.
    private static func node(_ document: Document) -> UnsafeMutablePointer<json_t> {
        let node =
            switch document {
            case .null: unsafe json_null()
            case .bool(let value): unsafe value ? json_true() : json_false()
            case .integer(let value): unsafe json_integer(json_int_t(value))
            case .real(let value): unsafe value.isFinite ? json_real(value) : json_null()
            case .string(let value): unsafe stringNode(value)
            case .list(let items): unsafe listNode(items)
            case .map(let entries): unsafe mapNode(entries)
            }
        guard let node = unsafe node else { fatalError("out of memory writing JSON") }
        return unsafe node
    }

    private static func stringNode(_ value: String) -> UnsafeMutablePointer<json_t>? {
        var value = value
        return value.withUTF8 { utf8 in
            unsafe utf8.withMemoryRebound(to: CChar.self) { characters in
                guard let start = characters.baseAddress else { return unsafe json_stringn_nocheck("", 0) }
                return unsafe json_stringn_nocheck(start, characters.count)
            }
        }
    }

    private static func listNode(_ items: [Document]) -> UnsafeMutablePointer<json_t>? {
        let list = unsafe json_array()
        for item in items { unsafe json_array_append_new(list, node(item)) }
        return unsafe list
    }

    private static func mapNode(_ entries: [Document.Entry]) -> UnsafeMutablePointer<json_t>? {
        let map = unsafe json_object()
        for entry in entries { unsafe json_object_set_new_nocheck(map, entry.key, node(entry.value)) }
        return unsafe map
    }
}

extension Unicode.Scalar {
    /// Whether it is a control, or a formatting character other than the joiners of words and emoji.
    fileprivate var isUnseen: Bool {
        if value < 0x7F { return false }
        return switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        case .format: value != 0x200C && value != 0x200D
        default: false
        }
    }
}

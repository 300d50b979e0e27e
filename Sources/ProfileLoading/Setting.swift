// One leaf of a profile file after checking: what a layer says about one key. Layers are merged setting by
// setting.

internal import ClocheModel
internal import StructuredText

/// Names one setting: a row of the schema, and for a map the key within it.
struct SettingKey: Hashable, Sendable {
    /// The dotted path in the schema, for example `limits.idle`.
    let path: String
    /// The key within a map, for example a variable's name.
    let entry: String?

    /// As `explain` prints it.
    var text: String {
        entry.map { Document.path(path, below: $0) } ?? path
    }
}

/// What one layer says about one key.
struct Setting {
    /// How it meets what lower layers say.
    enum Operation {
        case replace
        /// Of lists only.
        case append
        /// Back to the schema's default; of a map's entry, away with it.
        case reset
    }

    let key: SettingKey
    let row: SchemaKey
    let operation: Operation
    let value: Document
    let source: SettingSource
    let position: TextPosition
    /// Of a list: where each item stands.
    let itemPositions: [TextPosition]

    var origin: Origin { source.origin(position) }
    var itemOrigins: [Origin] { itemPositions.map(source.origin) }
    /// `file:line:column`, for diagnostics.
    var place: String { source.text(position) }
}

/// A text with settings in it.
struct SettingSource {
    let layer: Layer
    /// The file's path, the built-in profile's name, or the option as typed.
    let place: String
    let isUntrusted: Bool

    func origin(_ position: TextPosition) -> Origin {
        Origin(layer, place: place, line: layer == .setOption ? 0 : position.line, isUntrusted: isUntrusted)
    }

    /// `file:line:column`; for an option, the option.
    func text(_ position: TextPosition) -> String {
        switch layer {
        case .setOption: place
        case .builtIn: "built-in profile \(place):\(position.line):\(position.column)"
        default: "\(place):\(position.line):\(position.column)"
        }
    }
}

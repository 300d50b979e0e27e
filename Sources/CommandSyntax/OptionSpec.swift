// What one option of a command is, as data.
// The parser reads kind and form, help and manual read names and summary, completion scripts read
// `completion`. An option is always known by its long name; letter and aliases are other spellings.

/// An option: a flag, or a name with a value.
package struct OptionSpec: Hashable, Sendable {
    /// Whether an option has a value, and whether several may be given.
    package enum Kind: Hashable, Sendable {
        /// Present or absent; has no value.
        case flag
        /// Has a value, shown as the placeholder; of several the last counts.
        case value(placeholder: String)
        /// Has a value and may be given several times; all count, in order.
        case repeated(placeholder: String)
    }

    /// The long name without dashes; the key under which a parsed command gives its value.
    package let name: String
    /// Other long names that mean the same.
    package let aliases: [String]
    /// The short form, without its dash.
    package let letter: Character?
    /// Flag, value or repeated value.
    package let kind: Kind
    /// What the value must look like; checked while parsing.
    package let form: ValueForm
    /// What a shell offers for the value.
    package let completion: Completion
    /// One line without a full stop.
    package let summary: String
    /// Whether help, completion and manual leave it out.
    package let isHidden: Bool

    /// A flag.
    package static func flag(
        _ name: String,
        letter: Character? = nil,
        aliases: [String] = [],
        isHidden: Bool = false,
        _ summary: String
    ) -> Self {
        Self(
            name: name,
            aliases: aliases,
            letter: letter,
            kind: .flag,
            form: .text,
            completion: .none,
            summary: summary,
            isHidden: isHidden
        )
    }

    /// An option with a value, of which the last one given counts.
    package static func value(
        _ name: String,
        letter: Character? = nil,
        _ placeholder: String,
        aliases: [String] = [],
        form: ValueForm = .text,
        completion: Completion = .none,
        _ summary: String
    ) -> Self {
        Self(
            name: name,
            aliases: aliases,
            letter: letter,
            kind: .value(placeholder: placeholder),
            form: form,
            completion: form.completion ?? completion,
            summary: summary,
            isHidden: false
        )
    }

    /// An option with a value that may be given several times.
    package static func repeated(
        _ name: String,
        letter: Character? = nil,
        _ placeholder: String,
        form: ValueForm = .text,
        completion: Completion = .none,
        _ summary: String
    ) -> Self {
        Self(
            name: name,
            aliases: [],
            letter: letter,
            kind: .repeated(placeholder: placeholder),
            form: form,
            completion: form.completion ?? completion,
            summary: summary,
            isHidden: false
        )
    }

    /// The value's placeholder; nil for a flag.
    package var placeholder: String? {
        switch kind {
        case .flag: nil
        case .value(let placeholder), .repeated(let placeholder): placeholder
        }
    }

    /// Whether several values may be given.
    package var isRepeated: Bool {
        if case .repeated = kind { true } else { false }
    }

    /// The long spellings with dashes, the proper name first.
    package var longSpellings: [String] { ([name] + aliases).map { "--" + $0 } }

    /// The spellings that help people: the letter and the proper name.
    package var offeredSpellings: [String] { (letter.map { ["-\($0)"] } ?? []) + ["--" + name] }

    /// All spellings with dashes, the letter first.
    package var spellings: [String] { (letter.map { ["-\($0)"] } ?? []) + longSpellings }
}

extension [OptionSpec] {
    /// The option with this long name or alias, given without dashes.
    package func named(_ name: String) -> OptionSpec? {
        first { $0.name == name || $0.aliases.contains(name) }
    }

    /// The option with this letter.
    package func lettered(_ letter: Character) -> OptionSpec? {
        first { $0.letter == letter }
    }
}

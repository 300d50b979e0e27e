// What one positional argument of a command is, as data.
// The parser binds words to arguments in order; usage lines and completion scripts read them too.

/// A positional argument.
package struct ArgumentSpec: Hashable, Sendable {
    /// Whether the argument must be given, and whether it takes one word or all that follow.
    package enum Presence: Hashable, Sendable {
        /// One word.
        case required
        /// One word or none.
        case optional
        /// All words that follow, perhaps none.
        case rest
        /// All words that follow, at least one.
        case requiredRest
    }

    /// The key under which a parsed command gives the word; upper-cased it is the placeholder.
    package let name: String
    /// One word or many, needed or not.
    package let presence: Presence
    /// What a word must look like; checked while parsing.
    package let form: ValueForm
    /// What a shell offers for it.
    package let completion: Completion
    /// The option that stands in its place: with the option it must not be given, without it it must.
    package let insteadOf: String?
    /// One line without a full stop.
    package let summary: String

    /// Makes an argument that takes any word unless a form is given.
    package init(
        _ name: String,
        _ presence: Presence,
        form: ValueForm = .text,
        completion: Completion = .none,
        insteadOf: String? = nil,
        _ summary: String
    ) {
        self.name = name
        self.presence = presence
        self.form = form
        self.completion = form.completion ?? completion
        self.insteadOf = insteadOf
        self.summary = summary
    }

    /// Whether it takes all words that follow.
    package var isRest: Bool { presence == .rest || presence == .requiredRest }

    /// Whether the command line is wrong without it.
    package var isRequired: Bool { presence == .required || presence == .requiredRest }

    /// The name as texts show it: `NAME`, `COMMAND...`.
    package var placeholder: String { name.uppercased() + (isRest ? "..." : "") }
}

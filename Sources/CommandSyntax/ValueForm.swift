// What values of options and arguments must look like, and what a shell offers for them.
// Only forms that need no knowledge of the machine are here: whether a profile or an agent exists is
// the business of the command that gets the name.

/// What a shell offers for a value.
package enum Completion: Hashable, Sendable {
    /// Nothing: free text.
    case none
    /// The names of the project's agents, asked of the tool when the key is pressed.
    case agentName
    /// The names of the profiles, asked of the tool when the key is pressed.
    case profileName
    /// The names of the credentials, asked of the tool when the key is pressed.
    case credentialName
    /// A path.
    case file
    /// A path of a directory.
    case directory
    /// One of these words.
    case words([String])
    /// A program of the machine, and after it paths.
    case command
    /// A command of the tool itself.
    case subcommand
}

/// What a value must look like.
package enum ValueForm: Hashable, Sendable {
    /// Any text.
    case text
    /// A whole number in this range.
    case number(ClosedRange<Int>)
    /// One of these words.
    case oneOf([String])
    /// `KEY=VALUE` with a key that is not empty.
    case assignment

    /// The completion that follows from the form itself.
    package var completion: Completion? {
        if case .oneOf(let words) = self { .words(words) } else { nil }
    }

    /// Whether the value has this form.
    package func accepts(_ value: String) -> Bool {
        switch self {
        case .text: true
        case .number(let range): Int(value).map(range.contains) ?? false
        case .oneOf(let words): words.contains(value)
        case .assignment: (value.firstIndex(of: "=") ?? value.startIndex) > value.startIndex
        }
    }

    /// The form in words, to follow "must be".
    package var requirement: String {
        switch self {
        case .text: "any text"
        case .number(let range) where range.upperBound == .max:
            "a whole number of at least \(range.lowerBound)"
        case .number(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .oneOf(let words): "one of " + words.joined(separator: ", ")
        case .assignment: "of the form KEY=VALUE"
        }
    }
}

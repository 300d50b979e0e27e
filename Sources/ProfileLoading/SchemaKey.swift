// What a row of the profile schema says. The rows themselves are in ProfileSchema; checking, merging,
// decoding, the JSON Schema and the key reference all read them, so a key is described in one place.

package import ClocheModel

/// One key of a profile file.
package struct SchemaKey: Sendable {
    /// The key within its section.
    package let name: String
    /// What its value may be.
    package let type: ValueType
    /// What holds when no layer sets it; nil where there is nothing sensible (sections, parts of a record).
    package let standard: Document?
    /// What a project's own file may do with it before the user trusts that file.
    package let project: ProjectRule
    /// One paragraph of Markdown.
    package let description: String

    init(
        _ name: String,
        _ type: ValueType,
        default standard: Document? = nil,
        project: ProjectRule = .free,
        _ description: String
    ) {
        self.name = name
        self.type = type
        self.standard = standard
        self.project = project
        self.description = description
    }

    /// How a higher layer's value meets a lower one's.
    package var merge: MergeRule {
        switch type {
        case .list: .replaceOrAppend
        case .map, .section: .perKey
        default: .replace
        }
    }

    /// The rows below it, for a section.
    package var children: [SchemaKey]? {
        if case .section(let keys) = type { keys } else { nil }
    }
}

/// How a higher layer's value meets a lower one's.
package enum MergeRule: Sendable {
    /// The higher one wins.
    case replace
    /// A list replaces; under the key with a `+` behind it, it is appended.
    case replaceOrAppend
    /// Each key of the map by itself.
    case perKey
}

/// What a value may be.
package indirect enum ValueType: Sendable {
    /// True or false.
    case boolean
    /// A whole number within bounds.
    case integer(ClosedRange<Int64>)
    /// Bytes: a whole number, or one with a unit.
    case size(minimum: Int64)
    /// Bytes per second: a size, or one with `/s` behind it.
    case rate(minimum: Int64)
    /// Seconds: a whole number, or numbers with units.
    case duration(minimum: Int64)
    /// Processor cores in thousandths: a number with at most three decimals.
    case cores(minimum: Int64)
    /// US dollars.
    case money
    /// A part of a hundred, with or without `%`.
    case percent
    /// One of some words.
    case choice([String])
    /// One of some words, of which `counted` may be written as a map to a number of times.
    case countedChoice([String], counted: String, standard: Int64)
    /// A string of a form.
    case text(TextForm)
    /// Another type, or the word `none`.
    case orNone(ValueType)
    /// A list of items of one type.
    case list(ValueType)
    /// A map from keys of a form to values of one type.
    case map(TextForm, ValueType)
    /// A map of fixed keys that is one value: it does not merge with another.
    case record([SchemaKey], RecordRule)
    /// A map of fixed keys, each a setting of its own.
    case section([SchemaKey])
    /// A rule of the network: a text, or a map.
    case networkRule(denies: Bool)
    /// A line for the shell, or a list of a program and its arguments.
    case commandLine
    /// A map of anything, with marks in the places of what is filled in.
    case template
}

/// What the parts of a record owe each other.
package enum RecordRule: Sendable {
    /// `target` is the same place inside when it is not written.
    case bind
    /// Exactly one of `env`, `file`, `command`, `kept`, `login` and `public`; `target` goes with `file`, the last four with
    /// `service`.
    case credential
    /// `url` must be there.
    case service
    /// `token-url`, `access` and `refresh` must be there.
    case login
    /// `host` must be there; NetworkRules judges the rest.
    case networkRule
    /// `match` and `state` must be there.
    case pattern
    /// Exactly one of `command` and `url`; `args` and `env` go with `command`.
    case server
}

/// What a project's own file may do with a key before the user trusts that file.
package enum ProjectRule: Sendable {
    /// Set it: nothing more of the host comes into reach.
    case free
    /// Set it as long as the profile grants nothing that could be given away: see `Grants`.
    case unlessGranting
    /// Set it to something narrower only.
    case narrower(NarrowingOrder)
    /// Nothing: it decides what the host itself does, or whom it asks.
    case never
}

/// Which of two values gives an agent less.
package enum NarrowingOrder: Sendable {
    /// The smaller number; `none` is the largest.
    case smaller
    /// A list of fewer of the same items.
    case fewer
    /// A list of rules of the network, each of which another one covers.
    case fewerRules
    /// A list of fewer of the same groups of system calls; those that were taken away are built in, since any
    /// other may refuse what remaining ones allow.
    case fewerGroups
    /// A list with more items.
    case more
    /// A list with more items; this one gives more by itself, and may only be taken away.
    case moreExcept(String)
    /// The word that comes first.
    case earlier([String])
    /// This word; of any two others, neither gives less.
    case only(String)
}

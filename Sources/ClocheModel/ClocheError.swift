// The one error a user meets: what failed, why, and what to do about it. Layers below report facts
// (SystemError and the like); the layer that knows the intent turns them into this.

/// A failure in words for a person.
public struct ClocheError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The kind of failure; programs branch on it, and `--json` prints its name.
    public struct Code: Equatable, Hashable, Sendable {
        /// Stable, lower-case, hyphenated.
        public let name: String

        init(_ name: String) { self.name = name }

        /// A profile, configuration file or value is not valid.
        public static let configuration = Code("configuration")
        /// The thing named does not exist.
        public static let notFound = Code("not-found")
        /// The thing to be made exists already.
        public static let exists = Code("exists")
        /// The agent's state does not allow the operation.
        public static let state = Code("state")
        /// Carrying on would lose something that is nowhere else.
        public static let wouldLose = Code("would-lose")
        /// The host lacks something that is needed.
        public static let host = Code("host")
        /// A protection could not be put in place.
        public static let sandbox = Code("sandbox")
        /// git refused or found a conflict.
        public static let git = Code("git")
        /// A merge stopped at a conflict.
        public static let conflict = Code("conflict")
        /// What was to be checked does not pass.
        public static let check = Code("check")
        /// A file or system call failed.
        public static let system = Code("system")
        /// A program to run in the sandbox is missing.
        public static let programNotFound = Code("program-not-found")
        /// A program to run in the sandbox cannot be executed.
        public static let programNotExecutable = Code("program-not-executable")
        /// A limit of the profile was reached.
        public static let limit = Code("limit")
        /// A person ended it.
        public static let interrupted = Code("interrupted")
        /// The command line is wrong.
        public static let usage = Code("usage")

        private static let all: [Code] = [
            .configuration, .notFound, .exists, .state, .wouldLose, .host, .sandbox, .git, .conflict, .check,
            .system,
            .programNotFound, .programNotExecutable, .limit, .interrupted, .usage,
        ]

        /// The kind of that name, if there is one.
        public static func named(_ name: String) -> Code? { all.first { $0.name == name } }
    }

    /// The kind.
    public let code: Code
    /// What failed: lower-case first word, no full stop.
    public let what: String
    /// Why: the kernel's answer in words, the path, the profile's line.
    public let why: String
    /// What to do next; empty only where nothing can be done.
    public let remedy: String

    /// Says what failed, why, and what to do next.
    public init(_ code: Code, _ what: String, why: String = "", remedy: String = "") {
        self.code = code
        self.what = what
        self.why = why
        self.remedy = remedy
    }

    /// The three parts on one to three lines, as the command line prints them after `cloche: `.
    public var description: String {
        var text = what
        if !why.isEmpty { text += (why.hasPrefix("\n") ? ":" : ": ") + why }
        if !remedy.isEmpty { text += "\n  " + remedy }
        return text
    }
}

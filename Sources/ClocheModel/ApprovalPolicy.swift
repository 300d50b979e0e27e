// What an agent does only when a person says so. Values only: Supervision/ApprovalRegister.swift holds what waits.

/// A class of actions that a profile has held until a person approves of them.
public enum ApprovalClass: Hashable, Sendable, CustomStringConvertible {
    /// A git push through a gateway's service.
    case push
    /// A connection to a host that no rule of `network.allow` names.
    case newHost
    /// A request with the key of a service; by the service's name, or by the credential's in the store.
    case credential(String)

    private static let credentialPrefix = "credential:"

    /// Reads one as a profile has it; nil if it is none.
    public init?(_ text: String) {
        switch text {
        case "push": self = .push
        case "network:new-host": self = .newHost
        default:
            let name = text.dropFirst(Self.credentialPrefix.count)
            guard text.hasPrefix(Self.credentialPrefix), Self.isName(name) else { return nil }
            self = .credential(String(name))
        }
    }

    private static func isName(_ text: Substring) -> Bool {
        func isWord(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: false
            }
        }
        guard let first = text.utf8.first, isWord(first), text.utf8.count <= 64 else { return false }
        return text.utf8.allSatisfy { isWord($0) || "._-".utf8.contains($0) }
    }

    /// As a profile has it.
    public var description: String {
        switch self {
        case .push: "push"
        case .newHost: "network:new-host"
        case .credential(let name): Self.credentialPrefix + name
        }
    }
}

/// What is asked, and for how long an answer is waited for.
public struct ApprovalPolicy: Equatable, Sendable {
    /// The classes.
    public var classes: [ApprovalClass]
    /// Seconds until a request that nobody answers is denied.
    public var timeoutSeconds: Int64

    /// These classes.
    public init(_ classes: [ApprovalClass] = [], timeoutSeconds: Int64 = 300) {
        (self.classes, self.timeoutSeconds) = (classes, timeoutSeconds)
    }
}

/// A request of an agent's that waits for a person, as it is shown.
public struct HeldRequest: Equatable, Sendable {
    /// Its number: of no other request of this run, before or after.
    public var number: Int64
    /// The class for which it is held.
    public var kind: ApprovalClass
    /// What is asked for, whole: `HOST:PORT`, `METHOD SERVICE PATH`, or `SERVICE REPOSITORY`; the agent chose it.
    public var target: String
    /// Since when, in milliseconds since 1970.
    public var since: Int64
    /// When it is denied if nobody answers.
    public var until: Int64
    /// How many of the agent's programs wait for the same; 0 for a moment when they have gone and may come again.
    public var count: Int64

    /// A request.
    public init(number: Int64, kind: ApprovalClass, target: String, since: Int64, until: Int64, count: Int64)
    {
        (self.number, self.kind, self.target) = (number, kind, target)
        (self.since, self.until, self.count) = (since, until, count)
    }

    /// The request as it is kept and as `--json` prints it.
    public func document(time format: (Int64) -> Document) -> Document {
        .object([
            "number": .integer(number), "class": .string(kind.description), "target": .string(target),
            "since": format(since), "until": format(until), "count": .integer(count),
        ])
    }

    /// The request as it is kept: times are numbers.
    public var document: Document { document { .integer($0) } }

    /// Reads what was kept; nil when a part is missing.
    public init?(document: Document) {
        guard let number = document["number"]?.integer,
            let kind = document["class"]?.string.flatMap({ ApprovalClass($0) }),
            let target = document["target"]?.string, let since = document["since"]?.integer,
            let until = document["until"]?.integer, let count = document["count"]?.integer
        else { return nil }
        self.init(number: number, kind: kind, target: target, since: since, until: until, count: count)
    }
}

// From what was seen of a run to the smallest profile for it. Pure: facts and a policy come in, lines with their evidence
// go out.

package import ClocheModel

/// What the facts mean here.
package struct LearningContext: Sendable {
    /// What the host has at a path.
    package struct HostFile: Equatable, Sendable {
        /// What it is.
        package enum Kind: Sendable { case file, directory, other }

        /// What it is.
        package var kind: Kind
        /// The path without links.
        package var place: String

        /// That kind of thing there.
        package init(_ kind: Kind, at place: String) { (self.kind, self.place) = (kind, place) }
    }

    /// The profile's name.
    package var name: String
    /// The name of the profile that it extends.
    package var base: String
    /// That profile as it is in force.
    package var policy: Policy
    /// The command.
    package var command: [String]
    /// The group that each call is of.
    package var groups: [String: String]
    /// Why calls are refused.
    package var reasons: [String: String]
    /// The entries of `network.allow` that contacts are allowed by already.
    package var rules: [Contact: NetworkEntry]
    /// The user's home on the host.
    package var home: String
    /// What the host has at those paths, as the program named them, that the sandbox does not have.
    package var hostFiles: [String: HostFile]

    /// The meaning of a run's facts.
    package init(
        name: String,
        base: String,
        policy: Policy,
        command: [String],
        groups: [String: String] = [:],
        reasons: [String: String] = [:],
        rules: [Contact: NetworkEntry] = [:],
        home: String,
        hostFiles: [String: HostFile] = [:]
    ) {
        (self.name, self.base, self.policy, self.command) = (name, base, policy, command)
        (self.groups, self.reasons, self.rules) = (groups, reasons, rules)
        (self.home, self.hostFiles) = (home, hostFiles)
    }

    /// The user's home inside.
    package static let homeInside = "/home/agent"

    /// Where the host has what a program inside calls so.
    package static func hostPath(_ path: String, home: String) -> String {
        guard path == homeInside || path.hasPrefix(homeInside + "/") else { return path }
        return home + path.dropFirst(homeInside.utf8.count)
    }
}

/// Learns.
package struct Learner {
    private let facts: RunFacts
    private let context: LearningContext
    private var lines: [LearnedLine] = []
    private var leftOut: [LeftOut] = []

    private static let mostPaths = 32
    private static let mostLeftOut = 64
    /// Why a value is gone that has another in its place.
    private static let before = "the value before"

    /// The smallest profile for a run.
    package static func learn(_ facts: RunFacts, _ context: LearningContext) -> LearnedProfile {
        var learner = Learner(facts, context)
        learner.learnNetwork()
        learner.learnCalls()
        learner.learnPaths()
        learner.learnLimits()
        var leftOut = learner.leftOut
        if leftOut.count > mostLeftOut {
            let more = leftOut.count - mostLeftOut
            leftOut = Array(leftOut.prefix(mostLeftOut)) + [LeftOut("", why: "and \(more) more")]
        }
        if facts.untold > 0 {
            let things = facts.untold == 1 ? "1 more thing" : "\(facts.untold) more things"
            leftOut.append(LeftOut("", why: "\(things) happened than could be looked at"))
        }
        let seconds = "\(facts.milliseconds / 1000).\(facts.milliseconds / 100 % 10) s"
        return LearnedProfile(
            name: context.name,
            base: context.base,
            command: context.command.joined(separator: " "),
            summary:
                "It ended with \(facts.exitCode) after \(seconds), one run: what it did not do then, it may not do.",
            lines: learner.lines,
            leftOut: leftOut
        )
    }

    private init(_ facts: RunFacts, _ context: LearningContext) {
        (self.facts, self.context) = (facts, context)
    }

    static func words(_ evidence: Evidence) -> String {
        let times = evidence.count == 1 ? "once" : "\(evidence.count) times"
        guard !evidence.program.isEmpty else { return times }
        let pid = evidence.pid.map { " (pid \($0))" } ?? ""
        return "\(times), \(evidence.count == 1 ? "" : "first ")by \(evidence.program)\(pid)"
    }

    // MARK: Network

    private mutating func learnNetwork() {
        let now = context.policy.network
        let contacts = facts.contacts.sorted { $0.key.text < $1.key.text }
        let mode: NetworkMode = contacts.isEmpty ? .none : .allow
        if mode != now.mode {
            let places =
                switch contacts.count {
                case 0: "nothing"
                case 1: "1 place"
                default: "\(contacts.count) places"
                }
            lines.append(LearnedLine("network.mode", now.mode.rawValue, .removed, Self.before))
            lines.append(LearnedLine("network.mode", mode.rawValue, .added, "it connected to \(places)"))
        }
        var used: [String] = []
        for (contact, evidence) in contacts {
            let rule = context.rules[contact].map(\.description) ?? NetworkEntry.quoted(contact.text)
            if used.contains(rule) { continue }
            used.append(rule)
            let isThere = now.allow.contains {
                $0.description == rule || NetworkEntry.quoted($0.target) == rule
            }
            let verb = "connected \(Self.words(evidence))"
            lines.append(LearnedLine("network.allow", rule, isThere ? .kept : .added, verb, isItem: true))
        }
        for entry in now.allow {
            let text = entry.description
            if used.contains(text) || used.contains(NetworkEntry.quoted(text)) { continue }
            lines.append(LearnedLine("network.allow", text, .removed, "not used", isItem: true))
        }
        leaveOutContacts()
    }

    private mutating func leaveOutContacts() {
        for (refusal, evidence) in facts.refusedContacts.sorted(by: { $0.key.place < $1.key.place }) {
            let line = refusal.suggestion.map { "network: {allow+: [\($0)]}" } ?? ""
            let why = "\(refusal.place) was refused, \(Self.words(evidence)): \(refusal.why)"
            leftOut.append(LeftOut(line, why: why))
        }
        let reached = Set(facts.contacts.keys.map(\.host))
        for (name, _) in facts.names.sorted(by: { $0.key < $1.key }) where !reached.contains(name) {
            let line = "network: {allow+: [\(NetworkEntry.quoted(name + ":443"))]}"
            leftOut.append(LeftOut(line, why: "\(name) was looked up, and not connected to"))
        }
    }

    // MARK: System calls

    private mutating func learnCalls() {
        let now = context.policy.syscalls
        var calls: [String: [(String, Evidence)]] = [:]
        for (call, evidence) in facts.calls.sorted(by: { $0.key < $1.key }) {
            calls[context.groups[call] ?? "", default: []].append((call, evidence))
        }
        let names = now.groups + RecordingPolicy.offeredGroups.filter { !now.groups.contains($0) }
        for name in names {
            let isThere = now.groups.contains(name)
            let sign: LearnedLine.Sign = isThere ? .kept : .added
            if RecordingPolicy.neededGroups.contains(name) {
                lines.append(item("groups", name, sign, "every program needs it"))
            } else if RecordingPolicy.unseenGroups.contains(name) {
                lines.append(item("groups", name, sign, "whether it was used cannot be seen"))
            } else if let used = calls[name] {
                let most = used.sorted { ($1.1.count, $0.0) < ($0.1.count, $1.0) }.prefix(3)
                let words = most.map { "\($0.0) \(Self.words($0.1))" }.joined(separator: "; ")
                lines.append(item("groups", name, sign, words))
            } else if isThere {
                lines.append(item("groups", name, .removed, "none of its calls was made"))
            }
        }
        for call in now.allow {
            if let evidence = facts.calls[call] {
                lines.append(item("allow", call, .kept, Self.words(evidence)))
            } else if !RecordingPolicy.neededGroups.contains(context.groups[call] ?? "") {
                lines.append(item("allow", call, .removed, "not called"))
            }
        }
        for (refusal, evidence) in facts.refusedCalls.sorted(by: { $0.key.call < $1.key.call }) {
            let why = context.reasons[refusal.call].map { ": \($0)" } ?? ""
            let told = "\(refusal.call) got \(refusal.error), \(Self.words(evidence))\(why)"
            leftOut.append(LeftOut("", why: told))
        }
    }

    private func item(_ key: String, _ text: String, _ sign: LearnedLine.Sign, _ evidence: String)
        -> LearnedLine
    {
        LearnedLine("syscalls.\(key)", text, sign, evidence, isItem: true)
    }

    // MARK: Files

    private mutating func learnPaths() {
        var added: Set<String> = []
        let paths = facts.paths.sorted {
            ($0.key.path, $0.key.purpose.rawValue) < ($1.key.path, $1.key.purpose.rawValue)
        }
        for (sought, evidence) in paths {
            guard let grant = PathGrant(sought, context, endedWell: facts.exitCode == 0) else { continue }
            guard added.insert(grant.key + grant.value).inserted else { continue }
            let verb = sought.purpose == .write ? "could not be written" : "was looked for"
            let what = "\(verb) \(Self.words(evidence))"
            if let doubt = grant.doubt ?? (added.count > Self.mostPaths ? "too many paths" : nil) {
                let line = "filesystem: {\(grant.key)+: [\(grant.value)]}"
                leftOut.append(LeftOut(line, why: "\(doubt); \(sought.path) \(what)"))
            } else {
                lines.append(LearnedLine("filesystem.\(grant.key)", grant.value, .added, what, isItem: true))
            }
        }
    }

    // MARK: Limits

    private mutating func learnLimits() {
        let limits = context.policy.limits.shares
        if let peak = facts.memoryPeak {
            let wanted = Self.rounded(max(256 << 20, peak * 2), to: 64 << 20)
            limit(
                "memory",
                limits.memoryBytes,
                wanted,
                "at most \(Amount.bytes(peak)) seen in use, twice that or 256M"
            ) {
                "\($0 >> 20)MiB"
            }
        }
        if let peak = facts.tasksPeak {
            let wanted = Self.rounded(max(64, peak * 2), to: 16)
            limit("processes", limits.processes, wanted, "at most \(peak) seen at once, twice that or 64") {
                "\($0)"
            }
        }
    }

    private mutating func limit(
        _ name: String,
        _ now: Int64?,
        _ wanted: Int64,
        _ evidence: String,
        _ text: (Int64) -> String
    ) {
        // A limit is never raised by what was seen under it.
        if let now, now <= wanted { return }
        if let now { lines.append(LearnedLine("limits.\(name)", text(now), .removed, Self.before)) }
        lines.append(LearnedLine("limits.\(name)", text(wanted), .added, evidence))
    }

    private static func rounded(_ value: Int64, to step: Int64) -> Int64 { (value + step - 1) / step * step }
}

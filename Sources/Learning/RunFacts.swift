// What was seen of one run under a recording policy: the material that a profile is learned from. Whoever runs it gathers
// these, bounded; nothing here knows Linux.

internal import TerminalText

/// Something that happened so many times, and who did it first.
package struct Evidence: Equatable, Sendable {
    /// How often.
    package var count: Int
    /// What the program called itself; it chose that.
    package var program: String
    /// Its process inside.
    package var pid: Int32?

    /// Seen that often, first by that program.
    package init(_ count: Int = 1, by program: String = "", pid: Int32? = nil) {
        (self.count, self.program, self.pid) = (count, program, pid)
    }

    /// Once more; the first one stays, unless nobody knew its name.
    mutating func add(_ other: Evidence) {
        count += other.count
        if program.isEmpty { (program, pid) = (other.program, other.pid) }
    }
}

/// A path that was looked for in vain.
package struct SoughtPath: Hashable, Sendable {
    /// What it was to be.
    package enum Purpose: String, Sendable {
        /// It was to be opened, and is not there.
        case read
        /// It was asked whether it is there, and is not.
        case look
        /// It was to be written, and cannot be.
        case write
    }

    /// Absolute, as the program said it.
    package var path: String
    /// What for.
    package var purpose: Purpose

    /// A path and what it was wanted for.
    package init(_ path: String, _ purpose: Purpose) { (self.path, self.purpose) = (path, purpose) }
}

/// A host and a port.
package struct Contact: Hashable, Sendable {
    /// A name or an address, with brackets around one of IPv6.
    package var host: String
    /// The port.
    package var port: UInt16

    /// That port of that host.
    package init(_ host: String, _ port: UInt16) { (self.host, self.port) = (host, port) }

    /// As a rule has it.
    package var text: String { "\(host):\(port)" }
}

/// A call that a run was refused.
package struct RefusedFact: Hashable, Sendable {
    /// The call's name.
    package var call: String
    /// The error's.
    package var error: String

    /// That call with that error.
    package init(_ call: String, _ error: String) { (self.call, self.error) = (call, error) }
}

/// A connection or question that a run was refused.
package struct RefusedContact: Hashable, Sendable {
    /// What it was to, in words.
    package var place: String
    /// Why.
    package var why: String
    /// What would allow it, if anything does.
    package var suggestion: String?

    /// A refusal in words.
    package init(_ place: String, why: String, suggestion: String?) {
        (self.place, self.why, self.suggestion) = (place, why, suggestion)
    }
}

/// What was seen of a run.
package struct RunFacts: Equatable, Sendable {
    /// Calls beyond the smallest list of calls that went on, by name.
    package private(set) var calls: [String: Evidence] = [:]
    /// Calls that were refused, and exist.
    package private(set) var refusedCalls: [RefusedFact: Evidence] = [:]
    /// Calls that were answered as if the kernel had none of that name.
    package private(set) var absentCalls: [String: Evidence] = [:]
    /// Connections that were made.
    package private(set) var contacts: [Contact: Evidence] = [:]
    /// Connections and names that were refused.
    package private(set) var refusedContacts: [RefusedContact: Evidence] = [:]
    /// Names that were looked up.
    package private(set) var names: [String: Evidence] = [:]
    /// Paths that were looked for in vain.
    package private(set) var paths: [SoughtPath: Evidence] = [:]
    /// Programs that were executed.
    package private(set) var programs: [String: Evidence] = [:]
    /// More kinds of things than are kept.
    package private(set) var untold = 0
    /// The most memory seen in use, in bytes.
    package var memoryPeak: Int64?
    /// The most processes and threads seen.
    package var tasksPeak: Int64?
    /// How the program ended.
    package var exitCode: Int32 = 0
    /// How long it ran.
    package var milliseconds: Int64 = 0

    /// An agent decides how many different things there are.
    private static let most = 4096

    /// Nothing was seen.
    package init() {}

    private mutating func add<Key: Hashable>(
        _ key: Key,
        _ evidence: Evidence,
        to table: WritableKeyPath<RunFacts, [Key: Evidence]>
    ) {
        if self[keyPath: table][key] != nil {
            self[keyPath: table][key]?.add(evidence)
        } else if self[keyPath: table].count < Self.most {
            self[keyPath: table][key] = evidence
        } else {
            untold += evidence.count
        }
    }

    /// A call went on.
    package mutating func passed(_ call: String, _ evidence: Evidence) { add(call, evidence, to: \.calls) }

    /// A call was refused.
    package mutating func refused(_ call: String, error: String, _ evidence: Evidence) {
        if error == "ENOSYS" { return add(call, evidence, to: \.absentCalls) }
        add(RefusedFact(call, error), evidence, to: \.refusedCalls)
    }

    /// Calls that a profile could have had are refused, even if they were answered as if there were none.
    package mutating func countAbsent(_ calls: Set<String>) {
        for (call, evidence) in absentCalls where calls.contains(call) {
            absentCalls[call] = nil
            add(RefusedFact(call, "ENOSYS"), evidence, to: \.refusedCalls)
        }
    }

    /// A connection was made.
    package mutating func connected(_ contact: Contact, _ evidence: Evidence) {
        add(contact, evidence, to: \.contacts)
    }

    /// Somebody who made a connection was found out later.
    package mutating func identified(_ contact: Contact, _ evidence: Evidence) {
        guard contacts[contact]?.program.isEmpty == true else { return }
        contacts[contact]?.program = evidence.program
        contacts[contact]?.pid = evidence.pid
    }

    /// A connection or a question was refused.
    package mutating func refused(_ contact: RefusedContact, _ evidence: Evidence) {
        add(contact, evidence, to: \.refusedContacts)
    }

    /// A name was looked up.
    package mutating func asked(_ name: String) { add(name, Evidence(), to: \.names) }

    /// A path was looked for in vain.
    package mutating func sought(_ path: SoughtPath, _ evidence: Evidence) {
        add(path, evidence, to: \.paths)
    }

    /// A program was executed.
    package mutating func executed(_ program: String, _ evidence: Evidence) {
        add(program, evidence, to: \.programs)
    }

    /// So many things were seen, and not what they are.
    package mutating func missed(_ count: Int) { untold += count }

    /// So much was in use at one time.
    package mutating func used(memory: Int64?, tasks: Int64?) {
        if let memory { memoryPeak = max(memoryPeak ?? 0, memory) }
        if let tasks { tasksPeak = max(tasksPeak ?? 0, tasks) }
    }
}

extension RunFacts {
    /// What was refused, a line each, and whether an earlier run was not refused the same.
    package func refusals(beside earlier: RunFacts) -> [(text: String, isNew: Bool)] {
        let calls = refusedCalls.sorted { $0.key.call < $1.key.call }.map { refusal, evidence in
            (
                visible("\(refusal.call) got \(refusal.error), \(Learner.words(evidence))", limit: 300),
                earlier.refusedCalls[refusal] == nil
            )
        }
        let places = refusedContacts.sorted { $0.key.place < $1.key.place }.map { refusal, evidence in
            (
                visible("\(refusal.place), \(Learner.words(evidence)): \(refusal.why)", limit: 300),
                earlier.refusedContacts[refusal] == nil
            )
        }
        return calls + places
    }

    /// How many refusals are new, in words; none of what is not looked at.
    package static func summary(of refusals: [(text: String, isNew: Bool)]) -> String {
        if refusals.isEmpty { return "no refused call and no refused connection" }
        let count = refusals.filter { $0.isNew }.count
        switch count {
        case 0: return "no refusal but those of the recording"
        case 1: return "1 refusal"
        default: return "\(count) refusals"
        }
    }
}

// What is seen of a run while somebody records what it needs, or counts what it is refused: the notices of its filters,
// the events of its network and measurements, put together as facts.

internal import ClocheModel
package import Learning
internal import LinuxSystem
internal import NetworkRelay
internal import NetworkRules
internal import ResourceUsage
internal import SandboxRuntime

/// Gathers the facts of one run.
package final class RunRecorder {
    /// What was seen so far.
    package private(set) var facts = RunFacts()
    /// Whether limits are to be learned: what is used is looked at all the time.
    package let measures: Bool
    private var owners: ConnectionOwners?
    private var contacts: [UInt64: Contact] = [:]
    private var began: Int64 = MonotonicClock.milliseconds
    /// When what is used is looked at next.
    private var nextSample: Int64 = 0

    private static let mostContacts = 16384

    /// Whether the host has a path that the sandbox does not have.
    private let isOnHost: (String) -> Bool

    /// Nothing was seen.
    package init(measures: Bool, isOnHost: @escaping (String) -> Bool = { _ in false }) {
        (self.measures, self.isOnHost) = (measures, isOnHost)
    }

    // MARK: Calls

    func note(_ notice: CallNotice) {
        switch notice {
        case .refused(let call):
            let evidence = Evidence(by: call.program, pid: call.pid)
            facts.refused(call.name.isEmpty ? "call \(call.number)" : call.name, error: call.error, evidence)
        case .executed(let program):
            if program.isFound { facts.executed(program.program, Evidence(by: "", pid: program.pid)) }
        case .ended, .unwatched: break
        case .passed(let call):
            let evidence = Evidence(by: call.program, pid: call.pid)
            if let path = call.path {
                guard path.purpose == .write || isOnHost(path.path) else { return }
                facts.sought(SoughtPath(path.path, path.purpose.meaning), evidence)
            } else {
                facts.passed(call.name, evidence)
            }
        }
    }

    // MARK: Network

    func served(_ sockets: FileDescriptor.Shared?, ofInit pid: Int32) {
        owners = sockets.map { ConnectionOwners($0, ofInit: pid) }
    }

    func note(_ event: NetworkEvent) {
        switch event {
        case .question(let name, _, nil), .askable(let name, _): facts.asked(name)
        case .question(let name, _, let refusal?): note("the name \(name)", refusal, Evidence())
        case .connected(let facts):
            guard let contact = facts.contact else { return }
            owners?.began(facts.id, facts.socket)
            if contacts.count < Self.mostContacts { contacts[facts.id] = contact }
            self.facts.connected(contact, Evidence())
        case .disconnected(let facts, _, _):
            let contact = contacts.removeValue(forKey: facts.id)
            if let contact, let owner = owners?.ended(facts.id) {
                self.facts.identified(contact, Evidence(by: owner.program, pid: owner.pid))
            }
        case .refused(let facts, let refusal):
            let owner = owners?.owner(facts.id, facts.socket)
            let place = facts.destination.map { "a connection to \($0)" } ?? "a connection"
            note(place, refusal, Evidence(by: owner?.program ?? "", pid: owner?.pid))
        case .failed: return
        case .untold(let count): facts.missed(count)
        }
    }

    private func note(_ place: String, _ refusal: Refusal, _ evidence: Evidence) {
        let contact = RefusedContact(place, why: refusal.text, suggestion: refusal.suggestion)
        facts.refused(contact, evidence)
    }

    // MARK: What is used

    /// When `look` has something to do; nil for never.
    var nextLook: Int64? { [measures ? nextSample : nil, owners?.nextLook].compactMap { $0 }.min() }

    func look(_ resources: LimitWatch) {
        let now = MonotonicClock.milliseconds
        owners?.look(now)
        guard measures, now >= nextSample else { return }
        sample(resources)
        // Many processes take long to look at: a twentieth of the time is ours.
        nextSample = now + max(50, 20 * (MonotonicClock.milliseconds - now))
    }

    private func sample(_ resources: LimitWatch) {
        let report = resources.report()
        facts.used(memory: report.memoryPeakBytes ?? report.memoryBytes, tasks: report.tasks)
    }

    /// The program has ended.
    func ended(_ code: Int32, _ resources: LimitWatch) {
        if measures { sample(resources) }
        for (id, contact) in contacts {
            guard let owner = owners?.ended(id) else { continue }
            facts.identified(contact, Evidence(by: owner.program, pid: owner.pid))
        }
        facts.exitCode = code
        facts.milliseconds = MonotonicClock.milliseconds - began
    }
}

extension PathInVain.Purpose {
    fileprivate var meaning: SoughtPath.Purpose {
        switch self {
        case .read: .read
        case .look: .look
        case .write: .write
        }
    }
}

extension ConnectionFacts {
    fileprivate var contact: Contact? {
        guard path != .forward, path != .dns, let destination else { return nil }
        return Contact(destination.host.description, destination.port)
    }
}

// Shared directories in the audit log: what the agent is given, and what changes in those that it may write.

internal import AgentStore
internal import AuditRecords
internal import ClocheModel
internal import LinuxSystem
internal import SandboxRuntime

extension Supervisor {
    /// The shared directories that a start gives.
    var shareGrantEvents: [AuditEvent] {
        agent.request.shares.map { share in
            AuditEvent(
                .shareGrant,
                [
                    .init("action", .string("granted")), .init("name", .string(share.name)),
                    .init("mode", .string(share.mode.rawValue)), .init("size", .integer(share.bytes)),
                    .init("files", .integer(share.count)),
                ]
            )
        }
    }

    /// Watches the shared directories, before the agent program runs.
    func watchShares() throws(ClocheError) {
        guard audit.keeps(.share) else { return }
        do throws(SystemError) {
            shareChanges = try ShareChanges(agent.request.shares)
            sharesToken = makeToken()
            if let shareChanges { try epoll.add(shareChanges.number, token: sharesToken) }
        } catch {
            shareChanges = nil
            let unseen = agent.request.shares.filter { $0.mode == .readWrite }.map { share in
                AuditEvent(
                    .share,
                    [
                        .init("name", .string(share.name)), .init("change", .string("unwatched")),
                        .init("why", .string(error.description)),
                    ]
                )
            }
            try audit.append(unseen)
        }
    }

    /// Something changed; what comes in the next moment is looked at together.
    func shareChanged() {
        guard let shareChanges else { return }
        epoll.remove(shareChanges.number)
        shareChanges.look(MonotonicClock.milliseconds)
    }

    /// When there is something to do about it.
    var nextShareChange: Int64? { [shareChanges?.due, shareChanges?.lookAgain].compactMap(\.self).min() }

    /// Looks again, and writes down what is due.
    func recordDueShares() throws(ClocheError) {
        guard let shareChanges else { return }
        let now = MonotonicClock.milliseconds
        if let due = shareChanges.due, now >= due { try audit.append(shareChanges.take()) }
        guard let moment = shareChanges.lookAgain, now >= moment else { return }
        shareChanges.wake()
        do throws(SystemError) {
            try epoll.add(shareChanges.number, token: sharesToken)
        } catch { preconditionFailure("epoll: \(error)") }  // memory for an entry, or a mistake of ours
    }

    /// The sandbox has ended: what is left is written down.
    func endShares() {
        guard let changes = shareChanges else { return }
        if changes.lookAgain == nil { epoll.remove(changes.number) }
        shareChanges = nil
        // A log that cannot be written has ended the agent already.
        try? audit.append(changes.take())
    }
}

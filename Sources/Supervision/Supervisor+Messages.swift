// Messages for the program of window 0: typed when it is ready, and waiting until then. What waits is in a file of the
// agent's, so that neither an end nor a crash loses it: the next run types it. Called by requests and from the loop.

internal import AgentStore
internal import AuditRecords
internal import ClocheModel
internal import LinuxSystem

extension Supervisor {
    /// Types a message for a viewer, or queues it; answers when it is typed, Enter included.
    func send(_ request: KeysRequest, for viewer: Viewer) {
        do throws(ClocheError) {
            try refuseUnlessTyping()
            let now = MonotonicClock.milliseconds
            let message = QueuedMessage(
                text: request.words.first ?? "",
                enter: request.enter,
                user: viewer.user,
                time: WallClock.milliseconds
            )
            if request.isUrgent { pressEnter() }
            let isFree =
                messages.waiting.isEmpty && messages.mayType(following.watch.settle(at: now), at: now)
            guard request.isUrgent || isFree else { return reply(viewer, .report(try queue(message))) }
            let report = try deliver(message)
            guard message.enter else { return reply(viewer, .report(report)) }
            answered = (viewer.token, report)
        } catch { reply(viewer, .failed(error)) }
    }

    private func queue(_ message: QueuedMessage) throws(ClocheError) -> Document {
        _ = try KeysRequest(.message, [message.text]).bytes(keyModes(of: harnessWindow))
        guard messages.hasRoom(for: message.text) else {
            throw ClocheError(
                .state,
                "too many messages wait for agent \(record.name)",
                why: "\(messages.waiting.count) wait already, and the program is not ready for them",
                remedy: "`cloche message --now` types at once, whatever the program does"
            )
        }
        var messages = messages
        let place = messages.add(message)
        // Who is told that it waits may rely on it.
        try keep(messages)
        try audit.append(.message, fact("queued", message))
        self.messages = messages
        return .object([
            "delivered": .bool(false), "position": .integer(Int64(place)),
            "state": .string(following.watch.current.activity.rawValue),
        ])
    }

    private func keep(_ messages: MessageQueue) throws(ClocheError) {
        do throws(SystemError) {
            try agent.directory.write(messages.waiting)
        } catch { throw StoreError.cannotWrite(error) }
    }

    private func fact(_ action: String, _ message: QueuedMessage) -> KeyValuePairs<String, Document> {
        [
            "action": .string(action), "bytes": .integer(Int64(message.text.utf8.count)),
            "by": .integer(Int64(message.user)),
        ]
    }

    /// Types the text; Enter follows by `handleMessages`.
    private func deliver(_ message: QueuedMessage) throws(ClocheError) -> Document {
        var report = try type(KeysRequest(.message, [message.text]), by: message.user)
        report["delivered"] = .bool(true)
        let now = MonotonicClock.milliseconds
        messages.typed(enter: message.enter, answers: !following.watch.isGuess, at: now)
        enterBy = message.user
        return report
    }

    /// Presses the Enter that is due after a text, and tells whoever sent it.
    private func pressEnter() {
        guard messages.enterDue != nil, messages.pressesEnter(at: .max) else { return }
        let answered = self.answered
        self.answered = nil
        do throws(ClocheError) {
            _ = try type(KeysRequest(.names, ["Enter"]), by: enterBy)
            if let answered, let viewer = viewers[answered.token] { reply(viewer, .report(answered.report)) }
        } catch {
            if let answered, let viewer = viewers[answered.token] { reply(viewer, .failed(error)) }
        }
    }

    /// Goes on with what is due, and with what waits when the program is ready.
    func handleMessages() throws(ClocheError) {
        let now = MonotonicClock.milliseconds
        if let due = messages.enterDue, now >= due { pressEnter() }
        if messages.settles(at: now) { tellWaiting() }
        guard !messages.waiting.isEmpty, record.state == .running, sandbox != nil, harnessWindow.isOpen,
            messages.mayType(following.watch.current, at: now), let message = messages.next()
        else { return }
        do throws(ClocheError) {
            _ = try deliver(message)
        } catch {
            // A terminal that is full of what was typed; it waits until the program reads again.
            messages.putBack(message)
            if audit.hasFailed { throw error }
            return
        }
        // On a full disk it is typed again in the next run, which is less than the agent's end.
        try? keep(messages)
    }

    /// The program has ended: what was typed without its Enter stays so.
    func interruptMessages() {
        messages.interrupted()
        guard let answered = self.answered.take(), let viewer = viewers[answered.token] else { return }
        reply(viewer, .failed(betweenStarts))
    }

    /// The agent ends: what waits is on record, and stays for its next run.
    func leaveMessages() {
        interruptMessages()
        // A log that cannot be written has ended it already.
        for message in messages.waiting { try? audit.append(.message, fact("left", message)) }
    }
}

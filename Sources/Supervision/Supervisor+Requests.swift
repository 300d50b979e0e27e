// What commands ask of a supervisor over the agent's socket.

internal import AgentStore
internal import AuditRecords
internal import ClocheModel
internal import Glibc
internal import LinuxSystem
internal import SandboxRuntime

extension Supervisor {
    func answer(_ viewer: Viewer, _ message: ControlMessage, _ stdio: [FileDescriptor.Shared])
        throws(SystemError)
    {
        switch message {
        case .status: reply(viewer, .report(report))
        case .inspect: inspect(viewer)
        case .stats: reply(viewer, .report(usage.document))
        case .pause: steer(viewer) { () throws(ClocheError) in try pause() }
        case .unpause: steer(viewer) { () throws(ClocheError) in try unpause() }
        case .network: tell(viewer) { () throws(ClocheError) in try networkReport().document }
        case .setNetwork(let section): tell(viewer) { () throws(ClocheError) in try setNetwork(section) }
        case .forward(let request): tell(viewer) { () throws(ClocheError) in try forward(request) }
        case .attach(let request): attach(viewer, request)
        case .repaint: viewer.mustRestore = true
        case .detach: detach(viewer)
        case .look(let request): look(viewer, request)
        case .input(let bytes): typed(bytes, by: viewer)
        case .resize(let size) where viewer.role == .asking:
            tell(viewer) { () throws(ClocheError) in try changeSize(size) }
        case .resize(let size): resized(viewer, size)
        case .keys(let request) where request.form == .message: send(request, for: viewer)
        case .keys(let request): tell(viewer) { () throws(ClocheError) in try type(request, by: viewer.user) }
        case .messages(let id): lookAtMessages(awaiting: id, for: viewer)
        case .label(let changes): tell(viewer) { () throws(ClocheError) in try label(changes) }
        case .awaitState: waitForStates(viewer)
        case .follow: follow(viewer) ? reply(viewer, .started) : drop(viewer)
        case .exec(let request): exec(viewer, request, stdio)
        case .changeKey(let service, let isRevoked):
            changeKey(service, isRevoked: isRevoked, isRevoked ? nil : stdio.first, for: viewer)
        case .requests: reply(viewer, .report(heldReport))
        case .decide(let request):
            tell(viewer) { () throws(ClocheError) in try decide(request, by: viewer.user) }
        case .copyKeys(let services): copyKeys(of: services, for: viewer)
        case .setShares(let shares): tell(viewer) { () throws(ClocheError) in try setShares(shares) }
        case .signal(let number):
            guard case .executing(let id) = viewer.role, (1...64).contains(number) else { return }
            signalProgram(id, number)
        case .stop(let grace):
            stop(graceSeconds: grace)
        default: drop(viewer)
        }
    }

    func reply(_ viewer: Viewer, _ message: ControlMessage, descriptors: [CInt] = []) {
        if !viewer.send(message, descriptors: descriptors) { drop(viewer) }
        updateInterest(viewer)
    }

    private var report: Document {
        let attached = viewers.values.filter { $0.attachment != nil }.count
        return .object([
            "state": .string(record.state.rawValue), "pid": .integer(Int64(getpid())),
            "viewers": .integer(Int64(attached)), "starts": .integer(record.starts),
            "windows": .list(windowReports),
            "activity": following.told?.document ?? .null,
            "queued-messages": .integer(Int64(typing.waiting.count)),
            "idle-milliseconds": .integer(
                lifecycle.idleMilliseconds(now: MonotonicClock.milliseconds)
            ),
        ])
    }

    /// Changes the agent's labels; the record is this process's while it runs.
    private func label(_ changes: [String]) throws(ClocheError) -> Document {
        var changed = record
        changed.labels = try AgentLabel.changed(record.labels, by: changes)
        try agent.directory.write(changed)
        record = changed
        return .object(["labels": .map(record.labels)])
    }

    private func inspect(_ viewer: Viewer) {
        tell(viewer) { () throws(ClocheError) in
            guard var report = try sandbox?.report() else { throw betweenStarts }
            report["network"] = try networkReport().document
            report["activity"] = following.told?.document { .string(WallClock.format($0)) } ?? .null
            report["intercepts"] = interception.map { .map($0) } ?? .null
            report["limits"] = .list(limitStates(resourceReport()).map(\.document))
            return report
        }
    }

    private func steer(_ viewer: Viewer, _ body: () throws(ClocheError) -> Bool) {
        tell(viewer) { () throws(ClocheError) in
            let changed = try body()
            return .object(["state": .string(record.state.rawValue), "changed": .bool(changed)])
        }
    }

    /// Answers with what `body` gives, or with why it does not.
    private func tell(_ viewer: Viewer, _ body: () throws(ClocheError) -> Document) {
        do throws(ClocheError) {
            reply(viewer, .report(try body()))
        } catch { reply(viewer, .failed(error)) }
    }

    private func exec(_ viewer: Viewer, _ request: ExecRequest, _ stdio: [FileDescriptor.Shared]) {
        do throws(ClocheError) {
            guard viewer.role == .asking, request.terminal != nil || stdio.count == 3 else {
                throw ClocheError(.usage, "not a request")
            }
            if record.state == .paused {
                throw ClocheError(
                    .state,
                    "agent \(record.name) is paused",
                    why: "nothing can be started in a frozen sandbox",
                    remedy: "`cloche unpause \(record.name)` first"
                )
            }
            let id = nextProgram
            nextProgram += 1
            try recordCommand(id, request.arguments)
            let spec = ProcessSpec(
                arguments: request.arguments,
                environment: agent.program.environment + request.environment,
                directory: request.directory
            )
            let numbers = request.terminal == nil ? stdio.map(\.number) : nil
            let size = request.terminal ?? TerminalSize(columns: 80, rows: 24)
            do throws(ClocheError) {
                guard try spawnProgram(id, spec, stdio: numbers, size: size) else { throw betweenStarts }
            } catch {
                try recordExit(id, nil, failure: error)
                throw error
            }
            viewer.role = .executing(id: id)
            if request.opensWindow { openings[id] = (request.arguments, size) }
        } catch { reply(viewer, .failed(error)) }
    }

    private func viewer(of id: UInt32) -> Viewer? {
        viewers.values.first { $0.role == .executing(id: id) || $0.attachment?.program == id }
    }

    func programStarted(_ id: UInt32, _ pid: Int32, _ terminal: consuming FileDescriptor?) {
        programs[id] = (pid, MonotonicClock.milliseconds)
        let opening = openings.removeValue(forKey: id)
        guard let viewer = viewer(of: id) else { return signalProgram(id, SIGHUP) }
        guard let terminal = consume terminal else { return reply(viewer, .started) }
        guard let opening else { return reply(viewer, .started, descriptors: [terminal.number]) }
        reply(viewer, .started)
        openWindow(id, opening.arguments, opening.size, terminal, for: viewer)
    }

    func programFailed(_ id: UInt32, _ error: ClocheError) throws(ClocheError) {
        try recordExit(id, nil, failure: error)
        openings[id] = nil
        guard let viewer = viewer(of: id) else { return }
        viewer.role = .asking
        reply(viewer, .failed(error))
    }

    func programExited(_ id: UInt32, _ end: ProcessEnd) throws(ClocheError) {
        // Whoever asks what it did finds it on record.
        try handleNetwork()
        try recordNetwork()
        try recordCalls()
        try recordExit(id, end)
        if let window = windows.values.first(where: { $0.program == id }) {
            return closeWindow(window, end.exitCode)
        }
        guard let viewer = viewer(of: id) else { return }
        viewer.role = .asking
        reply(viewer, .exited(end.exitCode))
    }
}

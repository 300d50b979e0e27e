// The one host process per running agent. It owns the sandbox, window 0's pty, the session log, the agent's socket
// and the audit log, on one thread and one epoll set; everything here runs between two waits of `run()`.
//
// The kernel ties the two lives together: the sandbox's init has a parent-death signal, and the supervisor sees init
// end by its pidfd. The supervisor's lock tells every other command that it lives.

package import AgentStore
package import ClocheModel
internal import Glibc
internal import LinuxSystem
package import SandboxRuntime
internal import TerminalText

/// What a supervisor runs.
package struct SupervisedAgent: Sendable {
    package var directory: AgentDirectory
    package var request: SandboxRequest
    /// The harness as this start asks for it.
    package var program: ProcessSpec
    /// The harness as a restart continues it.
    package var restart: ProcessSpec
    /// Where compiled filters are kept.
    package var filterCache: String?

    /// An agent to run.
    package init(
        directory: AgentDirectory,
        request: SandboxRequest,
        program: ProcessSpec,
        restart: ProcessSpec,
        filterCache: String?
    ) {
        self.directory = directory
        self.request = request
        self.program = program
        self.restart = restart
        self.filterCache = filterCache
    }
}

/// The supervisor of one agent.
package final class Supervisor {
    /// Tokens of the fixed descriptors; viewers get ever higher ones.
    enum Token {
        static let signals: UInt64 = 1
        static let listener: UInt64 = 2
        static let firstSandbox: UInt64 = 16
    }
    /// The harness's id at init; programs of `exec` get higher ones.
    static let harnessID: UInt32 = 1
    /// The longest that keys typed ahead may be, in bytes.
    private static let inputLimit = 1 << 20

    let agent: SupervisedAgent
    let policy: Policy
    let audit: AuditLog
    var record: AgentRecord
    private let lock: FileLock
    private let epoll: Epoll
    private let signals: SignalDescriptor
    private let listener: FileDescriptor
    private let filters: SandboxFilters

    private var sandbox: Sandbox?
    private var terminal: FileDescriptor?
    private var controlToken: UInt64 = 0
    private var processToken: UInt64 = 0
    private var terminalToken: UInt64 = 0
    private var nextToken = Token.firstSandbox

    private var filter = AttachFilter()
    private var log: SessionLog
    /// Bytes for the pty that it has not taken yet.
    private var input: [UInt8] = []
    private var size: TerminalSize

    var viewers: [UInt64: Viewer] = [:]
    private var nextProgram = Supervisor.harnessID + 1

    var lifecycle = Lifecycle()
    private var finished = false

    /// Prepares to supervise: takes the lock and opens the socket; the sandbox comes with `start`.
    package init(_ agent: SupervisedAgent) throws(ClocheError) {
        self.agent = agent
        policy = agent.request.policy
        audit = AuditLog(agent.directory)
        record = try agent.directory.read()
        filters = try SandboxFilters(policy.syscalls, cache: agent.filterCache)
        size = TerminalSize(
            columns: UInt16(clamping: policy.session.columns),
            rows: UInt16(clamping: policy.session.rows)
        )
        log = SessionLog(agent.directory, limit: policy.limits.logBytes)
        do throws(SystemError) {
            guard let lock = try FileLock(agent.directory.supervisorLock) else {
                throw SystemError("flock", .wouldBlock, agent.directory.supervisorLock)
            }
            self.lock = lock
            epoll = try Epoll()
            signals = try SignalDescriptor([SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGQUIT])
            let folder = try Files.open(agent.directory.path, O_RDONLY | O_DIRECTORY)
            // The lock is ours, so a socket that is there belongs to a supervisor that died.
            try Files.remove("\(agent.directory.path)/\(AgentDirectory.socketName)")
            listener = try UnixSocket.listen(in: folder, name: AgentDirectory.socketName)
            try epoll.add(signals.descriptor.number, token: Token.signals)
            try epoll.add(listener.number, token: Token.listener)
        } catch  where error.call == "flock" && error.errno == .wouldBlock {
            throw ClocheError(
                .state,
                "agent \(agent.directory.name) is running already",
                why: "its supervisor holds \(error.subject)",
                remedy: "`cloche attach \(agent.directory.name)` shows it"
            )
        } catch { throw StoreError.cannotWrite(error) }
        signal(SIGPIPE, SIG_IGN)
    }

    // MARK: Starting

    /// Builds the sandbox and starts the harness; returns when it runs.
    ///
    /// - Throws: why it does not; the record says so too.
    package func start() throws(ClocheError) {
        do {
            try launch(agent.program)
        } catch {
            try fail(error)
            throw error
        }
    }

    private func launch(_ program: ProcessSpec) throws(ClocheError) {
        record.state = .starting
        record.started = WallClock.milliseconds
        record.starts += 1
        (record.ended, record.endReason, record.exitCode, record.failure) = (nil, nil, nil, nil)
        try agent.directory.write(record)
        try audit.append(
            "start",
            [
                "profile": .string(record.profile), "network": .string(policy.network.rawValue),
                "task": .string(record.task),
            ]
        )
        let plan = try Planner.plan(agent.request)
        let sandbox = try Sandbox.launch(plan, filters, policy.limits)
        try sandbox.spawn(Self.harnessID, program, size: size)
        try awaitHarness(sandbox, program)
        watch(sandbox)
        self.sandbox = consume sandbox
        lifecycle.started(at: MonotonicClock.milliseconds)
        record.state = .running
        try agent.directory.write(record)
        try audit.append("running", ["arguments": .strings(program.arguments)])
    }

    private func awaitHarness(_ sandbox: borrowing Sandbox, _ program: ProcessSpec) throws(ClocheError) {
        switch try sandbox.nextEvent(wait: true) {
        case .started(_, let terminal)?:
            self.terminal = terminal
        case .failed(_, let error)?:
            throw Self.naming(program.arguments.first ?? "", error, policy)
        default:
            throw ClocheError(.sandbox, "the sandbox ended while the harness was being started")
        }
    }

    /// The program's name and the profile's hint belong into the error; init knows neither.
    private static func naming(_ program: String, _ error: ClocheError, _ policy: Policy) -> ClocheError {
        guard error.code == .programNotFound || error.code == .programNotExecutable else { return error }
        let hint = policy.harness.install.isEmpty ? error.remedy : policy.harness.install
        return ClocheError(
            error.code,
            "cannot run \(visible(program)) in the sandbox",
            why: error.why,
            remedy: hint
        )
    }

    private func watch(_ sandbox: borrowing Sandbox) {
        controlToken = makeToken()
        processToken = makeToken()
        terminalToken = makeToken()
        do throws(SystemError) {
            try epoll.add(sandbox.control.number, token: controlToken)
            try epoll.add(sandbox.process.number, token: processToken)
            if let number = terminal?.number {
                try terminal?.setNonBlocking()
                try epoll.add(number, token: terminalToken)
            }
        } catch { preconditionFailure("epoll: \(error)") }  // memory for three entries, or a mistake of ours
    }

    func makeToken() -> UInt64 {
        nextToken += 1
        return nextToken
    }

    // MARK: The loop

    /// Supervises until the agent has ended, and returns its exit code.
    package func run() -> Int32 {
        while !finished {
            do {
                let now = MonotonicClock.milliseconds
                let wait = lifecycle.nextDeadline(policy.limits).map { Int32(clamping: max(0, $0 - now)) }
                for event in try epoll.wait(milliseconds: wait) { try handle(event) }
                try act(on: lifecycle.due(policy.limits, now: MonotonicClock.milliseconds))
            } catch {
                end(
                    .failed,
                    .startFailed,
                    code: nil,
                    failure: (error as? ClocheError)?.description ?? "\(error)"
                )
            }
        }
        return Int32(clamping: record.exitCode ?? 125)
    }

    private func handle(_ event: Readiness) throws {
        switch event.token {
        case Token.signals: handleSignals()
        case Token.listener: try acceptViewers()
        case controlToken: try handleSandbox()
        case processToken: sandboxEnded()
        case terminalToken: try handleTerminal(event)
        default:
            if let viewer = viewers[event.token] { try handle(viewer, event) }
        }
    }

    private func handleSignals() {
        for number in signals.take() where number != SIGCHLD { stop(graceSeconds: nil) }
    }

    private func handleSandbox() throws(ClocheError) {
        while !finished, let event = try sandbox?.nextEvent(wait: false) ?? nil {
            switch consume event {
            case .started(let id, let terminal): programStarted(id, terminal)
            case .failed(let id, let error): programFailed(id, error)
            case .exited(let id, let end):
                id == Self.harnessID ? try harnessExited(end) : programExited(id, end)
            case .closed:
                sandboxEnded()
                return
            }
        }
    }

    private func sandboxEnded() {
        if finished || sandbox == nil { return }
        end(.failed, .signalled, code: 137, failure: "the sandbox's first process was killed from outside")
    }

    // MARK: The terminal

    private func handleTerminal(_ event: Readiness) throws(SystemError) {
        if event.writable { try flushInput() }
        if event.readable || event.hangup { drainTerminal() }
    }

    /// Reads a bounded part, so that a flood does not keep everything else waiting.
    private func drainTerminal(rounds: Int = 4) {
        for _ in 0..<rounds {
            do throws(SystemError) {
                guard let bytes = try terminal?.read(upTo: 16384), !bytes.isEmpty else {
                    return closeTerminal()
                }
                show(bytes)
            } catch  where error.errno == .wouldBlock {
                return
            } catch {
                // EIO means that no process has the slave open any more.
                return closeTerminal()
            }
        }
    }

    private func show(_ bytes: [UInt8]) {
        var output: [UInt8] = []
        var replies: [UInt8] = []
        filter.feed(bytes[...], into: &output, replies: &replies)
        if !replies.isEmpty { type(replies) }
        lifecycle.activity(at: MonotonicClock.milliseconds)
        if output.isEmpty { return }
        log.append(output)
        for viewer in viewers.values {
            guard case .attached = viewer.role else { continue }
            for start in stride(from: 0, to: output.count, by: Viewer.chunk) {
                let part = Array(output[start..<min(start + Viewer.chunk, output.count)])
                if !viewer.send(.output(part)) { drop(viewer) }
            }
            updateInterest(viewer)
        }
    }

    private func closeTerminal() {
        guard let number = terminal?.number else { return }
        epoll.remove(number)
        terminal = nil
    }

    /// Puts bytes into the pty, as if typed.
    func type(_ bytes: [UInt8]) {
        if input.count + bytes.count > Self.inputLimit { return }  // nobody reads: what is typed is lost
        input += bytes
        try? flushInput()  // a pty that is gone takes nothing; its end is handled where it is read
    }

    private func flushInput() throws(SystemError) {
        guard let number = terminal?.number else {
            input.removeAll()
            return
        }
        while !input.isEmpty {
            guard let count = try terminal?.writeSome(input[...]) ?? nil else { break }
            input.removeFirst(count)
        }
        try epoll.modify(number, token: terminalToken, readable: true, writable: !input.isEmpty)
    }

    /// Takes a viewer's size, and makes full-screen programs draw again even if it is the old one.
    func resize(_ size: TerminalSize, redraw: Bool) {
        guard size.columns > 0, size.rows > 0, let number = terminal?.number, number >= 0 else { return }
        if redraw && size == self.size {
            setTerminalSize(TerminalSize(columns: size.columns, rows: max(1, size.rows - 1)))
        }
        self.size = size
        setTerminalSize(size)
    }

    private func setTerminalSize(_ size: TerminalSize) {
        guard terminal != nil else { return }
        withTerminal { Terminal.setSize($0, size) }
    }

    private func withTerminal(_ body: (borrowing FileDescriptor) -> Void) {
        guard let held = terminal.take() else { return }
        body(held)
        terminal = consume held
    }

    // MARK: Viewers

    private func acceptViewers() throws(SystemError) {
        while let socket = try UnixSocket.accept(listener) {
            // Only the same user, or root, may speak to an agent.
            guard let user = try? UnixSocket.peerUser(socket), user == CurrentUser.id || user == 0 else {
                continue
            }
            let token = makeToken()
            let viewer = Viewer(socket, token: token)
            viewers[token] = viewer
            try epoll.add(viewer.socket.number, token: token)
        }
    }

    private func handle(_ viewer: Viewer, _ event: Readiness) throws(ClocheError) {
        if event.writable, !viewer.flush() { return drop(viewer) }
        if event.readable || event.hangup { try receive(from: viewer) }
        updateInterest(viewer)
    }

    private func receive(from viewer: Viewer) throws(ClocheError) {
        do throws(SystemError) {
            guard var received = try UnixSocket.receive(viewer.socket, wait: false) else { return }
            guard let message = ControlMessage(received.bytes) else { return drop(viewer) }
            var stdio: [FileDescriptor.Shared] = []
            while let one = received.descriptors.takeFirst() { stdio.append(FileDescriptor.Shared(one)) }
            try answer(viewer, message, stdio)
        } catch { drop(viewer) }
    }

    func updateInterest(_ viewer: Viewer) {
        guard viewers[viewer.token] != nil else { return }
        // The set has this descriptor; changing what it waits for cannot fail.
        try? epoll.modify(
            viewer.socket.number,
            token: viewer.token,
            readable: true,
            writable: viewer.isWaiting
        )
    }

    /// Forgets a viewer.
    ///
    /// A program it started gets a hangup, as a closed terminal gives.
    func drop(_ viewer: Viewer) {
        guard viewers.removeValue(forKey: viewer.token) != nil else { return }
        epoll.remove(viewer.socket.number)
        if case .executing(let id) = viewer.role { signalProgram(id, SIGHUP) }
    }

    /// Starts a program for a viewer; nil if there is no sandbox now.
    func spawnProgram(_ spec: ProcessSpec, stdio: [CInt]?, size: TerminalSize) throws(ClocheError) -> UInt32?
    {
        guard sandbox != nil else { return nil }
        let id = nextProgram
        nextProgram += 1
        try sandbox?.spawn(id, spec, stdio: stdio, size: size)
        return id
    }

    func signalProgram(_ id: UInt32, _ number: Int32) {
        // Init gone means that there is nothing left to signal.
        try? sandbox?.signal(id, number)
    }

    // MARK: Ending

    private func harnessExited(_ end: ProcessEnd) throws(ClocheError) {
        drainTerminal(rounds: 256)
        let code = end.exitCode
        if lifecycle.stopReason == nil, code != 0, lifecycle.mayRestart(policy.restart) {
            try audit.append(
                "restart",
                ["exit-code": .integer(Int64(code)), "wait": .integer(lifecycle.restartDelay)]
            )
            releaseSandbox()
            lifecycle.scheduleRestart(now: MonotonicClock.milliseconds)
            return
        }
        switch lifecycle.stopReason {
        case .operatorStop?: self.end(.stopped, .operatorStop, code: code)
        case let reason?: self.end(.failed, reason, code: code)
        case nil:
            if case .signalled = end {
                self.end(.exited, .signalled, code: code)
            } else {
                self.end(.exited, .exited, code: code)
            }
        }
    }

    private func act(on due: Lifecycle.Due?) throws(ClocheError) {
        switch due {
        case nil: return
        case .kill?:
            end(
                lifecycle.stopReason == .operatorStop ? .stopped : .failed,
                lifecycle.stopReason ?? .operatorStop,
                code: 137
            )
        case .restart?: try launch(agent.restart)
        case .limit(let reason)?:
            try audit.append("limit", ["limit": .string(reason.rawValue)])
            beginStop(reason, graceSeconds: policy.stop.graceSeconds)
        }
    }

    /// Asks the agent to end, by a person's will.
    func stop(graceSeconds: Int32?) {
        beginStop(.operatorStop, graceSeconds: graceSeconds.map { Int64($0) } ?? policy.stop.graceSeconds)
    }

    private func beginStop(_ reason: EndReason, graceSeconds: Int64) {
        if finished { return }
        if sandbox == nil { return end(.stopped, reason, code: nil) }
        lifecycle.stop(reason, now: MonotonicClock.milliseconds, graceSeconds: graceSeconds)
        if record.state != .stopping {
            record.state = .stopping
            try? agent.directory.write(record)  // only shown meanwhile; the end is written again
        }
        signalProgram(Self.harnessID, policy.stop.signal)
        // A stopped process does not see the signal until it continues.
        signalProgram(Self.harnessID, SIGCONT)
    }

    private func releaseSandbox() {
        closeTerminal()
        guard let old = sandbox.take() else { return }
        epoll.remove(old.control.number)
        epoll.remove(old.process.number)
        (controlToken, processToken, terminalToken) = (0, 0, 0)
        old.kill()
    }

    private func fail(_ error: ClocheError) throws(ClocheError) {
        end(.failed, .startFailed, code: nil, failure: error.description)
    }

    /// Ends everything: sandbox, record, viewers.
    ///
    /// The last thing a supervisor does.
    func end(_ state: AgentState, _ reason: EndReason, code: Int32?, failure: String? = nil) {
        if finished { return }
        finished = true
        releaseSandbox()
        record.state = state
        record.ended = WallClock.milliseconds
        record.endReason = reason
        record.exitCode = code.map { Int64($0) }
        record.failure = failure
        // A full disk: the old record stays, and without the lock it is shown as lost, which is true.
        try? agent.directory.write(record)
        try? audit.append(
            "end",
            ["reason": .string(reason.rawValue), "exit-code": .optional(record.exitCode)]
        )
        for viewer in viewers.values {
            _ = viewer.send(.ended(reason.rawValue))
            _ = viewer.flush()
        }
        viewers.removeAll()
    }
}

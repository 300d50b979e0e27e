// The one host process per running agent. It owns the sandbox, window 0's pty, its recording, the agent's
// socket and the audit log, on one thread and one epoll set; everything here runs between two waits of
// `run()`.
//
// The kernel ties the two lives together: the sandbox's init has a parent-death signal, and the supervisor
// sees init end by its pidfd. The supervisor's lock tells every other command that it lives.

package import AgentStore
internal import AuditRecords
package import ClocheModel
package import ControlGroups
internal import Gateway
internal import Glibc
package import LinuxSystem
internal import ModelUsage
internal import NetworkRelay
internal import ResourceUsage
package import SandboxRuntime
internal import StructuredText
internal import TerminalText

/// What a supervisor runs.
package struct SupervisedAgent: Sendable {
    /// Its files on the host.
    package var directory: AgentDirectory
    /// The sandbox it gets, at every start.
    package var request: SandboxRequest
    /// The harness as this start asks for it.
    package var program: ProcessSpec
    /// The harness as a restart continues it.
    package var restart: ProcessSpec
    /// Where compiled filters are kept.
    package var filterCache: String?
    /// Whom its cgroup is for.
    package var owner: AgentCgroup.Owner
    /// What it may write on disk; none of these in another.
    package var trees: [String]
    /// Makes what counts its requests; nil without a gateway.
    package var makeBudget: @Sendable () throws(ClocheError) -> BudgetWatch? = { () throws(ClocheError) in nil
    }
    /// The gateway it gets, if it has credentials with `service`.
    package var gateway: GatewaySettings?
    /// Reads an effective profile, when a person changes it while the agent runs.
    package var readPolicy: @Sendable (_ effective: Document) throws(ClocheError) -> Policy

    /// An agent to run.
    package init(
        directory: AgentDirectory,
        request: SandboxRequest,
        program: ProcessSpec,
        restart: ProcessSpec,
        filterCache: String?,
        owner: AgentCgroup.Owner,
        trees: [String],
        readPolicy: @escaping @Sendable (Document) throws(ClocheError) -> Policy
    ) {
        self.readPolicy = readPolicy
        self.owner = owner
        self.trees = trees
        self.directory = directory
        self.request = request
        self.program = program
        self.restart = restart
        self.filterCache = filterCache
    }

    /// Shows the program where it can say what it does.
    mutating func offer(statePipe: String) {
        request.statePipe = statePipe
        let variable = "CLOCHE_STATE=\(InsidePath.state)"
        program.environment.append(variable)
        restart.environment.append(variable)
    }

    /// Gives the program a `cloche` of its own, last in `PATH`: one that the host has does the same.
    mutating func offer(socket: String) {
        request.agentSocket = socket
        func with(_ environment: [String]) -> [String] {
            let path = environment.last { $0.hasPrefix("PATH=") } ?? "PATH=/usr/bin:/bin"
            return environment.filter { !$0.hasPrefix("PATH=") }
                + ["\(path):\(InsidePath.runtime)", "CLOCHE_SOCKET=\(InsidePath.socket)"]
        }
        program.environment = with(program.environment)
        restart.environment = with(restart.environment)
    }
}

/// The supervisor of one agent.
package final class Supervisor {
    /// Tokens of the fixed descriptors; viewers get ever higher ones.
    enum Token {
        static let signals: UInt64 = 1
        static let listener: UInt64 = 2
        static let statePipe: UInt64 = 3
        static let agentSocket: UInt64 = 4
        static let firstSandbox: UInt64 = 16
    }
    /// The harness's id at init; programs of `exec` get higher ones.
    static let harnessID: UInt32 = 1

    var agent: SupervisedAgent
    /// As it was decided when the agent was started; what of it can change while it runs is `network`.
    var policy: Policy
    let audit: AuditLog
    /// Send the log to other places.
    private var exports: ExportProcesses
    var record: AgentRecord
    private let lock: FileLock
    /// The right to change the agent, until its record says that it starts.
    private var right: FileDescriptor?
    let epoll: Epoll
    private let signals: SignalDescriptor
    let listener: FileDescriptor
    private let filters: SandboxFilters

    var sandbox: Sandbox?
    /// By number; window 0 is there from the beginning, over all starts.
    var windows: [Int: Window]
    var controlToken: UInt64 = 0
    var processToken: UInt64 = 0
    var networkToken: UInt64 = 0
    var parentToken: UInt64 = 0
    private var nextToken = Token.firstSandbox

    /// What the agent program does.
    var following: StateFollowing
    /// Where it and its hooks say so.
    let statePipe: StatePipe
    /// Where it asks for what it may do with other agents; nil if that is nothing.
    let agentSocket: AgentSocket?
    /// The agent that started this one, while that runs.
    var parent: ParentWatch?
    /// The messages of its inbox, and what is being typed.
    var typing: Typing

    var log: SessionLog
    /// Bytes that window 0 showed in this run.
    var outputBytes: Int64 = 0

    var viewers: [UInt64: Viewer] = [:]
    var nextProgram = Supervisor.harnessID + 1
    /// Programs that are being started in a window of their own.
    var openings: [UInt32: (arguments: [String], size: TerminalSize)] = [:]

    var lifecycle = Lifecycle()
    /// What holds the limits; there from `start` on.
    var resources: LimitWatch?
    /// Its network by name, while it runs.
    var network: AgentNetwork?
    /// What happened in it and is not written down yet, with the time.
    var networkEvents: [(event: NetworkEvent, owner: SocketOwner?, time: AuditTime)] = []
    /// When that is to be written, in milliseconds of the monotonic clock.
    var networkRecordsDue: Int64?
    /// Finds out which program a connection is of, where the kernel tells.
    var owners: ConnectionOwners?
    /// Answers the calls that the sandbox's filters hand over.
    var calls: CallListener?
    var callsToken: UInt64 = 0
    var exitsToken: UInt64 = 0
    var callNotices = CallNotices()
    var callPace = CallPace()
    /// While an agent has had too many answers: when it gets more, in milliseconds of the monotonic clock.
    var callsPausedUntil: Int64?
    /// And when is looked again at programs that have ended.
    var exitsPausedUntil: Int64?
    /// What is not written down yet, with the calendar's time.
    var callRecords: [(record: CallRecord, time: AuditTime)] = []
    /// When that is to be written, in milliseconds of the monotonic clock.
    var callRecordsDue: Int64?
    /// When this supervisor began, in milliseconds since 1970.
    let began = WallClock.milliseconds
    /// What in the agent's own trees is Cloche's.
    var plannedFiles: PlannedFiles?
    /// The command of `hooks` that runs.
    var hook: RunningHook?
    /// How far the harness's start is, where commands come before it; nil where none do.
    var harnessStart: HarnessStart?
    /// What was started after commands has not been told to be running yet; and if it has ended meanwhile, how.
    var isLaunching = false
    var earlyEnd: ProcessEnd?
    /// The harness's exit code, once it has ended and commands come after it.
    var harnessCode: Int32?
    /// What changes in the shared directories that it may write, while it runs.
    var shareChanges: ShareChanges?
    var sharesToken: UInt64 = 0
    /// When samples of what the agent uses are taken, and which are written down.
    var sampling: Sampling
    /// Programs of `exec` that run.
    var programs: [UInt32: (pid: Int32, began: Int64)] = [:]
    /// What the sockets of a network by name are, while it runs.
    var served: ServedSockets?
    /// The process that has its keys, if there are any.
    var gateway: GatewayClient?
    var gatewayToken: UInt64 = 0
    /// Who waits for another key to be in force, or for one to be gone.
    var keyChanges: [(service: String, viewer: UInt64)] = []
    /// Its requests that were let through and have not ended.
    var requestsUnderWay: [Int64: ModelRequest] = [:]
    /// Counts what they use, where the agent has a gateway.
    var budget: BudgetWatch?
    /// What is held until a person approves of it.
    var approvals: ApprovalRegister
    /// Requests of the gateway's that are.
    var heldRequests: [Int64: (request: GatewayRequest, model: ModelRequest?)] = [:]
    /// What of it people know.
    var toldApprovals: [Int64] = []
    /// Whether it has not taken all that it was told.
    var gatewayIsBehind = false
    /// Ports of the host that lead into the sandbox; they come back after a restart.
    var forwards: [PortForward] = []
    var finished = false

    /// Prepares to supervise: takes the lock and opens the socket; the sandbox comes with `start`.
    ///
    /// - Parameter right: the right to change the agent. Its command holds it, too, and may be killed: until others can see in
    ///   the record that the agent starts, they must not take it for one that nobody is at.
    package init(_ agent: SupervisedAgent, holding right: consuming FileDescriptor) throws(ClocheError) {
        self.agent = agent
        self.right = consume right
        policy = agent.request.policy
        record = try agent.directory.read()
        audit = AuditLog(agent.directory, record, policy.audit, .supervisor)
        exports = ExportProcesses(
            policy.audit.export,
            of: agent.directory,
            executable: agent.request.executable
        )
        sampling = Sampling(policy.audit.level)
        following = StateFollowing(policy.session.state)
        typing = Typing(agent.directory)
        approvals = ApprovalRegister(policy.ask)
        filters = try SandboxFilters(
            policy.syscalls,
            cache: agent.filterCache,
            listening: policy.audit.level
        )
        let size = TerminalSize(
            columns: UInt16(clamping: policy.session.columns),
            rows: UInt16(clamping: policy.session.rows)
        )
        let arguments = agent.program.arguments
        windows = [0: Window(0, Self.harnessID, arguments, size, opened: WallClock.milliseconds)]
        let terminal = agent.program.environment.last { $0.hasPrefix("TERM=") }?.dropFirst(5)
        log = SessionLog(
            agent.directory,
            SessionLog.Subject(title: agent.directory.name, terminal: String(terminal ?? "")),
            policy.session.recording,
            limit: policy.limits.logBytes,
            size: size
        )
        do throws(SystemError) {
            guard let lock = try FileLock(agent.directory.supervisorLock) else {
                throw SystemError("flock", .wouldBlock, agent.directory.supervisorLock)
            }
            // Replaced since its record was read: then the lock is of another agent, whose supervisor is on its way.
            guard (try? agent.directory.read())?.auditLog == record.auditLog else {
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
            statePipe = try StatePipe(agent.directory.statePipe)
            try epoll.add(statePipe.descriptor.number, token: Token.statePipe)
            agentSocket =
                policy.agents.verbs.isEmpty
                ? nil : try AgentSocket(in: agent.directory, executable: agent.request.executable)
            if let agentSocket { try epoll.add(agentSocket.listener.number, token: Token.agentSocket) }
        } catch  where error.call == "flock" && error.errno == .wouldBlock {
            throw ClocheError(
                .state,
                "agent \(agent.directory.name) is running already",
                why: "its supervisor holds \(error.subject)",
                remedy: "`cloche attach \(agent.directory.name)` shows it"
            )
        } catch { throw StoreError.cannotWrite(error) }
        signal(SIGPIPE, SIG_IGN)
        try typing.begin(agent.directory)
        self.agent.offer(statePipe: agent.directory.statePipe)
        if agentSocket != nil { self.agent.offer(socket: AgentSocket.path(in: agent.directory)) }
    }

    // MARK: Starting

    /// Builds the sandbox and starts the harness; returns when it runs.
    ///
    /// - Throws: why it does not; the record says so too.
    package func start() throws(ClocheError) {
        do {
            try watchParent()
            resources = try LimitWatch(
                policy,
                agent.owner,
                trees: agent.trees,
                shares: agent.request.shares,
                always: true
            )
            try startGateway()
            budget = try agent.makeBudget()
            try launch(agent.program)
            try audit.awaitBegun()
            exports.start(now: MonotonicClock.milliseconds)
        } catch {
            exports.start(now: MonotonicClock.milliseconds)
            end(.failed, .startFailed, code: nil, failure: error.description)
            throw error
        }
    }

    /// Builds a sandbox and runs the harness in it; also how a restart begins.
    func launch(_ program: ProcessSpec) throws(ClocheError) {
        record.state = .starting
        record.started = WallClock.milliseconds
        record.starts += 1
        (record.ended, record.endReason, record.exitCode, record.failure) = (nil, nil, nil, nil)
        record.used = nil
        (harnessStart, harnessCode, earlyEnd) = (nil, nil, nil)
        defer { isLaunching = false }
        let first = SpawnRequest(Self.harnessID, program, size: harnessWindow.size)
        // What comes before it wants all that it has itself.
        let isFirst = policy.hooks.preStart.isEmpty
        var sandbox = try Sandbox.launch(
            agent.request,
            filters,
            starting: isFirst ? first : nil,
            in: resources?.cgroup
        ) { (plan: SandboxPlan) throws(ClocheError) in
            record.limits = resources?.holders ?? []
            try agent.directory.write(record)
            right = nil
            plannedFiles = audit.keeps(.file) ? PlannedFiles(plan) : nil
            // The disk has until the harness runs: only then is anybody told.
            let given = policy.credentials.map(\.event) + interceptionEvents + shareGrantEvents
            try audit.append([startEvent(plan)] + given, .begun)
            try watchShares()
        }
        try serveCalls(&sandbox)
        do throws(ClocheError) {
            if isFirst {
                try answerCalls(until: sandbox)
                try awaitHarness(sandbox, program)
            }
        } catch {
            endCalls()
            throw error
        }
        watch(sandbox)
        try serveNetwork(&sandbox)
        try resources?.began(sandbox.pid)
        sampling.began(at: MonotonicClock.milliseconds)
        let compared = sandbox.compared
        self.sandbox = consume sandbox
        try restoreForwards()
        if !isFirst {
            // Limits of time hold from here on, and anew for the program.
            lifecycle.started(at: MonotonicClock.milliseconds)
            harnessStart = .preparing
            try runPreStart()
            try startHarness(program)
        }
        lifecycle.started(at: MonotonicClock.milliseconds)
        try stateStarted()
        record.state = .running
        try agent.directory.write(record)
        // Its own execution was before that.
        try recordCalls()
        try audit.append(
            .running,
            [
                "arguments": .strings(program.arguments), "self-check": .strings(compared),
                "left-out": Weakening.layers.isEmpty ? .null : .strings(Weakening.layers),
            ]
        )
    }

    private func startEvent(_ plan: SandboxPlan) -> AuditEvent {
        let shown = Policy.withoutSecrets(record.effective)
        let hash = RecordHash.sha256(hexadecimalOf: JSONText.serializeBytes(shown))
        return AuditEvent(
            .start,
            [
                .init("profile", .string(record.profile)),
                .init("network", .string(policy.network.mode.rawValue)),
                .init("task", .string(record.task)), .init("limits", .map(record.limits)),
                .init("confinement", plan.confinement.document), .init("policy", shown),
                .init("policy-hash", .string(hash)),
            ]
        )
    }

    private func awaitHarness(_ sandbox: borrowing Sandbox, _ program: ProcessSpec) throws(ClocheError) {
        switch try sandbox.nextEvent(wait: true) {
        case .started(_, _, let terminal)?:
            harnessWindow.terminal = terminal
        case .failed(_, let error)?:
            throw Self.naming(program.arguments.first ?? "", error, policy)
        default:
            throw ClocheError(.sandbox, "the sandbox ended while the harness was being started")
        }
    }

    /// The program's name and the profile's hint belong into the error; init knows neither.
    static func naming(_ program: String, _ error: ClocheError, _ policy: Policy) -> ClocheError {
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
        do throws(SystemError) {
            try epoll.add(sandbox.control.number, token: controlToken)
            try epoll.add(sandbox.process.number, token: processToken)
            if let terminal = harnessWindow.terminal.take() { try open(harnessWindow, terminal) }
        } catch { preconditionFailure("epoll: \(error)") }  // memory for three entries, or a mistake of ours
    }

    func makeToken() -> UInt64 {
        nextToken += 1
        return nextToken
    }

    // MARK: The loop

    /// Supervises until the agent has ended, and returns its exit code.
    package func run() -> Int32 {
        while !finished { turn() }
        return Int32(clamping: record.exitCode ?? 125)
    }

    /// Waits, and does what there is to do; whoever waits for something of the sandbox calls it, too.
    func turn() {
        do {
            if !isLaunching, let end = earlyEnd.take() { return try harnessExited(end) }
            let now = MonotonicClock.milliseconds
            let next = [
                lifecycle.nextDeadline(policy.limits), resources?.nextLook, network?.nextDeadline,
                owners?.nextLook, networkRecordsDue, nextCallTime, audit.settleDue, sampling.due,
                exports.nextStart, nextFrame, nextWindow, nextShareChange, hook?.deadline, log.flushDue,
                nextState, budgetDue, approvals.nextMoment, nextAgentRequest,
            ].compactMap { $0 }.min()
            let wait = next.map { Int32(clamping: max(0, $0 - now)) }
            for event in try epoll.wait(milliseconds: wait) { try handle(event) }
            resumeWindows()
            resumeAgentRequests()
            showFrames()
            try followState()
            if network != nil { try handleNetwork() }
            try handleApprovals()
            try resumeCalls()
            try recordDueCalls()
            try recordDueSample()
            try recordDueShares()
            endLateHook()
            log.flushIfDue { shownScreen }
            writeBudget()
            try audit.settleIfDue(MonotonicClock.milliseconds)
            exports.start(now: MonotonicClock.milliseconds)
            holdLimits()
            try act(on: lifecycle.due(policy.limits, now: MonotonicClock.milliseconds))
        } catch {
            end(
                .failed,
                audit.hasFailed ? .auditLog : .supervisorFailed,
                code: nil,
                failure: (error as? ClocheError)?.description ?? "\(error)"
            )
        }
    }

    private func handle(_ event: Readiness) throws {
        switch event.token {
        case Token.signals: handleSignals()
        case Token.listener: try acceptViewers()
        case Token.statePipe: readStatePipe()
        case Token.agentSocket: serveAgentRequest()
        case controlToken: try handleSandbox()
        case processToken: sandboxEnded()
        case parentToken where parent != nil: try parentEnded()
        case networkToken: return  // served after the others
        case gatewayToken: try handleGateway()
        case callsToken: try handleCalls()
        case exitsToken: try handleExits()
        case sharesToken: shareChanged()
        default:
            if let hook, hook.token == event.token { return readHook(hook) }
            if let viewer = viewers[event.token] { return try handle(viewer, event) }
            if let window = windows.values.first(where: { $0.token == event.token }) {
                try handle(window, event)
            }
        }
    }

    var harnessWindow: Window {
        guard let window = windows[0] else { preconditionFailure("window 0 is never closed") }
        return window
    }

    private func handleSignals() {
        let taken = signals.take()
        // The programs that a state started are looked at in each turn.
        if taken.contains(SIGCHLD) {
            exports.lookForEnded(now: MonotonicClock.milliseconds)
            agentSocket?.lookForEnded()
        }
        for number in taken where number != SIGCHLD { stop(graceSeconds: nil) }
    }

    private func handleSandbox() throws {
        while !finished, let event = try sandbox?.nextEvent(wait: false) ?? nil {
            switch consume event {
            case .started(let id, let pid, let terminal): try started(id, pid, terminal)
            case .failed(let id, let error): try failed(id, error)
            case .exited(let id, let end): try exited(id, end)
            case .counted(let last):
                if let breach = resources?.counted(last) { endBy(breach) }
            case .socket(let id, let socket): try provideSocket(id, socket)
            case .closed:
                sandboxEnded()
                return
            }
        }
    }

    private func sandboxEnded() {
        if finished || sandbox == nil { return }
        if let breach = resources?.cause() {
            return end(.failed, breach.reason, code: 137, failure: breach.text)
        }
        end(.failed, .signalled, code: 137, failure: "the sandbox's first process was killed from outside")
    }
}

// A running sandbox as the supervisor holds it: init's pid, pidfd and control socket.
//
//   supervisor                                  child
//      | clinux_clone ------------------------->| child stage (C): waits
//      | uid_map, gid_map; GO ----------------->| identity, mounts, pivot, capabilities, init
//      | CONFIGURE (limits, filters) ---------->| init: confines itself
//      |<---- NETWORK (its sockets, if any)     |
//      |<------------------ STAGE_FAILED / READY|
//      | self-check: /proc/PID against the plan |
//      | SPAWN id (strings, 3 descriptors) ---->| vfork, exec
//      |<--------------- STARTED id / SPAWN_FAILED id
//      | SIGNAL id, COUNT, SOCKET id ---------->| to the program's process group; answers COUNTED, SOCKET id
//      |<------------------------------ EXITED id
//
// Closing the control socket ends init, and with it every process of the pid namespace.

internal import CLinux
package import ClocheModel
package import ControlGroups
internal import Glibc
package import LinuxSystem
internal import SyscallFilter

/// What init reports.
package enum SandboxEvent: ~Copyable {
    /// A program runs, with this process id inside; the master of its pty, if it asked for one.
    case started(id: UInt32, pid: Int32, terminal: FileDescriptor?)
    /// A program could not be started.
    case failed(id: UInt32, ClocheError)
    /// A program ended.
    case exited(id: UInt32, ProcessEnd)
    /// The last process id of the namespace, which each start makes greater by one; -1 when init cannot tell.
    case counted(Int32)
    /// A socket that was asked for; nil when init could not make it.
    case socket(id: UInt32, FileDescriptor?)
    /// Init is gone, and every process with it.
    case closed
}

/// The filters that init puts on itself and all it starts.
package struct SandboxFilters: Sendable {
    let allowList: FilterProgram
    let argumentRules: FilterProgram
    /// What is installed in their place if somebody listens.
    private(set) var listening: ListeningFilters?
    /// Whether it is told how programs end.
    private(set) var tellsExits = false

    init(allowList: FilterProgram, argumentRules: FilterProgram) {
        (self.allowList, self.argumentRules) = (allowList, argumentRules)
    }

    /// A policy's filters, which tell a listener of refused calls and executions as far as an agent's log has them.
    package init(_ policy: SyscallPolicy, cache: String? = nil, listening level: AuditPolicy.Level)
        throws(ClocheError)
    {
        try self.init(policy, cache: cache)
        if level == .minimal { return }
        tellsExits = level == .full
        do throws(FilterError) {
            listening = try ListeningFilters(
                allowList: allowList,
                argumentRules: argumentRules,
                tellsOfAbsent: level == .full
            )
        } catch { throw ClocheError(error) }
    }

    /// Filters that let pass what a policy allows, and tell a listener of what a smaller one does not, of what neither
    /// does, and of paths.
    package init(recording policy: SyscallPolicy, beyond smaller: SyscallPolicy, cache: String? = nil)
        throws(ClocheError)
    {
        try self.init(policy, cache: cache)
        let smaller = try SandboxFilters(smaller, cache: cache)
        do throws(FilterError) {
            listening = try ListeningFilters(
                recordingBeyond: smaller.allowList,
                allowList: allowList,
                argumentRules: argumentRules,
                watching: SoughtPaths.calls
            )
        } catch { throw ClocheError(error) }
    }

    /// A policy's filters, compiled or from the cache.
    ///
    /// Reading the groups and compiling them costs a good part of a start; so the result is kept in a directory of
    /// the user's, beside the full text it was made from.
    package init(_ policy: SyscallPolicy, cache: String? = nil) throws(ClocheError) {
        let key = FilterCompiler.key(policy)
        let file = cache.map { "\($0)/filter-\(StableHash.hexadecimal(key))" }
        if let file, let (first, second) = FilterCache.read(file, key: key) {
            (allowList, argumentRules) = (first, second)
            return
        }
        do throws(FilterError) {
            (allowList, argumentRules) = try FilterCompiler.programs(policy)
        } catch { throw ClocheError(error) }
        if let file { FilterCache.write(file, key: key, allowList, argumentRules) }
    }
}

/// A program that is to be started in a sandbox.
package struct SpawnRequest: Sendable {
    /// Names it in every report.
    package let id: UInt32
    let spec: ProcessSpec
    let stdio: [CInt]?
    let size: TerminalSize

    /// The three descriptors become its 0, 1 and 2; without them it gets a new pty.
    package init(
        _ id: UInt32,
        _ spec: ProcessSpec,
        stdio: [CInt]? = nil,
        size: TerminalSize = TerminalSize(columns: 80, rows: 24)
    ) {
        self.id = id
        self.spec = spec
        self.stdio = stdio
        self.size = size
    }
}

/// One sandbox, from a finished set-up on.
package struct Sandbox: ~Copyable {
    /// Readable when init has something to report.
    package let control: FileDescriptor
    /// Readable when init has ended.
    package let process: FileDescriptor
    /// Init's process id on the host.
    package let pid: Int32
    /// What it was checked against before its first program.
    private var expectation: SandboxExpectation?
    /// What init said of itself when it was confined, `clinux_fact`.
    private var facts: UInt32 = 0
    /// What of it was compared with the plan before its first program, and agreed.
    package private(set) var compared: [String] = []
    /// Keeps what stands for absent names in the workspace; it goes when the sandbox is gone.
    private var workspaceGuard: WorkspaceGuard?
    /// The cgroup it was born in.
    private var cgroup: ControlGroup?
    /// Its network by name, until somebody takes it.
    private var network: SandboxNetwork?

    /// Answers calls that its filters hand over, until somebody takes it.
    private var calls: CallListener?

    /// Gives away what answers the calls that the filters hand over; nil if they hand over none, or it has been taken.
    ///
    /// Whoever takes it must answer before waiting for a program of the sandbox: executions wait for it.
    package mutating func takeCalls() -> CallListener? {
        defer { calls = nil }
        return calls
    }

    /// Gives away the sockets of a network by name; nil if the sandbox has none, or they have been taken.
    package mutating func takeNetwork() -> SandboxNetwork? {
        defer { network = nil }
        return network
    }

    /// Sends a signal to the process group of a program.
    ///
    /// Lost when init does not read: an agent can keep it busy, and who asks must not wait for that.
    package borrowing func signal(_ id: UInt32, _ number: Int32) throws(SystemError) {
        try UnixSocket.send(control, Wire.message(CLINUX_SIGNAL, id: id, value: number), wait: false)
    }

    /// Asks init for the last process id of the namespace; the answer is `SandboxEvent.counted`.
    ///
    /// Lost, as a signal is, when init does not read.
    package borrowing func askForCount() throws(SystemError) {
        try UnixSocket.send(control, Wire.message(CLINUX_COUNT), wait: false)
    }

    /// Asks init for a fresh TCP socket of the sandbox's network; the answer is `SandboxEvent.socket`.
    ///
    /// Lost, as a signal is, when init does not read.
    package borrowing func askForSocket(_ id: UInt32, isIPv6: Bool = false) throws(SystemError) {
        let message = Wire.message(CLINUX_SOCKET, id: id, value: isIPv6 ? AF_INET6 : AF_INET)
        try UnixSocket.send(control, message, wait: false)
    }

    /// Asks init to start a program; an error when init has left too much unread.
    package borrowing func spawn(_ program: SpawnRequest) throws(ClocheError) {
        guard try spawn(program, wait: false) else {
            throw ClocheError(
                .sandbox,
                "the sandbox does not answer",
                why: "its init is kept busy, perhaps by a program inside that stops every other",
                remedy: "`cloche stop --kill` ends it"
            )
        }
    }

    private borrowing func spawn(_ program: SpawnRequest, wait: Bool) throws(ClocheError) -> Bool {
        let message = Wire.spawn(program)
        guard message.count <= UnixSocket.messageLimit else {
            throw ClocheError(
                .usage,
                "the command line and environment are too long",
                why: "\(message.count) bytes, at most \(UnixSocket.messageLimit) fit",
                remedy: "put the task into a file in the workspace and name that file"
            )
        }
        do {
            return try UnixSocket.send(control, message, descriptors: program.stdio ?? [], wait: wait)
        } catch { throw ClocheError(.sandbox, "the sandbox does not answer", why: error.description) }
    }

    /// The next report; nil when there is none and `wait` is false.
    package borrowing func nextEvent(wait: Bool) throws(ClocheError) -> SandboxEvent? {
        do throws(SystemError) {
            guard var received = try UnixSocket.receive(control, wait: wait) else { return nil }
            guard let message = Wire.Message(received.bytes) else { return .closed }
            switch clinux_message_type(message.type) {
            case CLINUX_STARTED:
                let terminal = received.descriptors.takeFirst()
                return .started(id: message.id, pid: message.value, terminal: terminal)
            case CLINUX_EXITED:
                return .exited(id: message.id, Wire.end(message.value))
            case CLINUX_SPAWN_FAILED: return .failed(id: message.id, SetupError.spawn(message))
            case CLINUX_COUNTED: return .counted(message.value)
            case CLINUX_SOCKET: return .socket(id: message.id, received.descriptors.takeFirst())
            default: return .closed
            }
        } catch { throw ClocheError(.sandbox, "the sandbox does not answer", why: error.description) }
    }

    /// Every mechanism, and plan beside reality as it is now; init's own words are those of the start.
    package borrowing func report() throws(ClocheError) -> Document {
        guard let expectation else { return .object([:]) }
        do {
            let rows = try SelfCheck.all(expectation, pid: pid, facts: facts)
            return .object([
                "pid": .integer(Int64(pid)), "mechanisms": .map(expectation.states.map(\.entry)),
                "checks": .list(rows.map(\.document)), "holds": .bool(rows.allSatisfy(\.holds)),
            ])
        } catch { throw ClocheError(.sandbox, "cannot look at the sandbox", why: error.description) }
    }

    /// Kills init and with it everything inside, and waits until it is gone.
    package borrowing func kill() {
        // All at once, before any of them can start another.
        cgroup?.kill()
        _ = clinux_pidfd_send_signal(process.number, SIGKILL)
        var status: CInt = 0
        while unsafe waitpid(pid, &status, 0) < 0 && errno == EINTR {}
    }

    deinit { kill() }

    init(control: consuming FileDescriptor, process: consuming FileDescriptor, pid: Int32) {
        self.control = control
        self.process = process
        self.pid = pid
    }

    /// Builds a sandbox and starts a program in it, if there is one; returns when init is confined, with the program's own
    /// events still to come.
    ///
    /// - Parameters:
    ///   - filters: evaluated while the child builds, since only init needs them.
    ///   - cgroup: what it is born in; made afresh for it.
    ///   - meanwhile: done while the child builds, and before the program is started.
    package static func launch(
        _ request: SandboxRequest,
        _ filters: @autoclosure () throws(ClocheError) -> SandboxFilters,
        starting program: SpawnRequest?,
        in cgroup: AgentCgroup? = nil,
        meanwhile: (SandboxPlan) throws(ClocheError) -> Void = { _ in }
    ) throws(ClocheError) -> Sandbox {
        let guardian = try WorkspaceGuard(of: request)
        var request = request
        request.cgroup = cgroup?.membership
        var sandbox = try launch(
            request,
            filters(),
            starting: program,
            guardian,
            cgroup,
            meanwhile: meanwhile
        )
        sandbox.workspaceGuard = guardian
        return sandbox
    }

    private static func launch(
        _ request: SandboxRequest,
        _ filters: @autoclosure () throws(ClocheError) -> SandboxFilters,
        starting program: SpawnRequest?,
        _ guardian: WorkspaceGuard?,
        _ cgroup: AgentCgroup?,
        meanwhile: (SandboxPlan) throws(ClocheError) -> Void = { _ in }
    ) throws(ClocheError) -> Sandbox {
        let plan = try Planner.plan(request)
        try guardian?.make(plan.stubs)
        do throws(SetupFailure) {
            return try build(plan, filters(), request.policy.limits, starting: program, in: cgroup) {
                () throws(ClocheError) in
                try meanwhile(plan)
                return request.etc?.isCurrent ?? true
            }
        } catch .hostChanged {
            var request = request
            request.etc = request.etc?.renewed()
            return try launch(request, filters(), starting: program, guardian, cgroup)
        } catch { throw SetupError.explain(error, plan) }
    }

    /// Builds a sandbox by a plan, with the bare facts of a failure.
    ///
    /// - Parameter isTrue: asked while the child builds; whether what the plan was made of is still so.
    static func build(
        _ plan: SandboxPlan,
        _ filters: @autoclosure () throws(ClocheError) -> SandboxFilters,
        _ limits: LimitsPolicy,
        starting first: SpawnRequest? = nil,
        in cgroup: AgentCgroup? = nil,
        ifStill isTrue: () throws(ClocheError) -> Bool = { true }
    ) throws(SetupFailure) -> Sandbox {
        do {
            let carriedOut = Weakening.plan(plan)
            let directory = try cgroup.map { FileDescriptor.Shared(try $0.open()) }
            var program = try ChildProgram(carriedOut, cgroup: directory?.number ?? -1)
            if plan.identity.startedByRoot { try program.makeIdmappedMounts(carriedOut) }
            var sandbox = try withExtendedLifetime(directory) { try program.clone() }
            sandbox.cgroup = cgroup?.group
            let counts = cgroup?.controllers.contains("pids") == true
            do {
                try IdentityMap.write(plan.identity, pid: sandbox.pid)
                try UnixSocket.send(sandbox.control, Wire.message(CLINUX_GO))
                let installed = try filters()
                try UnixSocket.send(
                    sandbox.control,
                    Wire.configure(installed, limits, plan.confinement, countsProcesses: counts)
                )
                guard try isTrue() else { throw SetupFailure.hostChanged }
                if carriedOut.makesSockets { sandbox.network = try receiveNetwork(sandbox, carriedOut) }
                let expectation = SandboxExpectation(plan)
                var listener: FileDescriptor.Shared?
                (sandbox.facts, sandbox.compared) = try check(sandbox, expectation, &listener)
                sandbox.expectation = expectation
                try sandbox.listen(listener, installed)
                if let first { _ = try sandbox.spawn(first, wait: true) }
            } catch let error as SetupFailure {
                throw error
            } catch {
                // A child that has ended has said why; what fails here fails because of that.
                _ = try report(sandbox, wait: false)
                throw error
            }
            return sandbox
        } catch let error as SetupFailure {
            throw error
        } catch let error as SystemError {
            throw .call(error)
        } catch let error as ClocheError {
            throw .told(error)
        } catch { throw .told(ClocheError(.sandbox, "cannot build the sandbox", why: "\(error)")) }
    }

    /// Waits until init is confined, compares the sandbox with the plan, and returns what init says of itself, and what
    /// was compared.
    private static func check(
        _ sandbox: borrowing Sandbox,
        _ expectation: SandboxExpectation,
        _ listener: inout FileDescriptor.Shared?
    ) throws -> (facts: UInt32, compared: [String]) {
        _ = try report(sandbox, wait: true)
        if Weakening.leavesOut("self-check") { return (try report(sandbox, wait: true, &listener) ?? 0, []) }
        // While this half is compared, init puts on its filters.
        let pid = sandbox.pid
        var check = try unlessInitSaysWhy(sandbox) { try SelfCheck.ofBuilt(expectation, pid: pid) }
        let facts = try report(sandbox, wait: true, &listener) ?? 0
        try unlessInitSaysWhy(sandbox) { try check.finish(facts) }
        return (facts, SelfCheck.parts)
    }

    /// A part of the self-check; nothing can be read of an init that has ended, and it has said why.
    private static func unlessInitSaysWhy<Part: ~Copyable>(
        _ sandbox: borrowing Sandbox,
        _ part: () throws -> Part
    ) throws -> Part {
        do {
            return try part()
        } catch {
            _ = try report(sandbox, wait: false)
            throw error
        }
    }

    /// Begins to listen, if the filters want somebody to.
    private mutating func listen(_ listener: FileDescriptor.Shared?, _ filters: SandboxFilters) throws {
        guard let listening = filters.listening, !Weakening.leavesOut("seccomp") else { return }
        guard let listener else { throw SetupFailure.silence }
        calls = try CallListener(listener, listening, ofInit: pid, exits: filters.tellsExits)
    }

    /// Waits for the sockets that the child stage makes before it locks itself in.
    private static func receiveNetwork(_ sandbox: borrowing Sandbox, _ plan: SandboxPlan) throws
        -> SandboxNetwork
    {
        let limit = UnixSocket.descriptorLimit
        guard var received = try UnixSocket.receive(sandbox.control, room: limit),
            let message = Wire.Message(received.bytes)
        else { throw SetupFailure.silence }
        if let failure = failure(message) { throw failure }
        guard message.type == CLINUX_NETWORK.rawValue,
            let network = SandboxNetwork(
                plan,
                missing: UInt32(bitPattern: message.value),
                &received.descriptors
            )
        else { throw SetupFailure.silence }
        return network
    }

    /// What the child stage could not do, if that is what it says.
    private static func failure(_ message: Wire.Message) -> SetupFailure? {
        guard clinux_message_type(message.type) == CLINUX_STAGE_FAILED else { return nil }
        return .stage(clinux_stage(message.id), Int(message.value), Errno(message.error))
    }

    /// What init says of itself when it is built and again when it is confined, nil when nothing has been said; throws
    /// what it could not do.
    private static func report(_ sandbox: borrowing Sandbox, wait: Bool) throws -> UInt32? {
        var listener: FileDescriptor.Shared?
        return try report(sandbox, wait: wait, &listener)
    }

    /// The same, with the listener that comes with the second word.
    private static func report(
        _ sandbox: borrowing Sandbox,
        wait: Bool,
        _ listener: inout FileDescriptor.Shared?
    ) throws -> UInt32? {
        let limit = UnixSocket.descriptorLimit
        guard var received = try UnixSocket.receive(sandbox.control, wait: wait, room: limit) else {
            return nil
        }
        guard let message = Wire.Message(received.bytes) else { throw SetupFailure.silence }
        if let failure = failure(message) { throw failure }
        switch clinux_message_type(message.type) {
        case CLINUX_BUILT, CLINUX_READY:
            if let descriptor = received.descriptors.takeFirst() {
                listener = FileDescriptor.Shared(descriptor)
            }
            return UInt32(bitPattern: message.value)
        // Something failed here before they were asked for.
        case CLINUX_NETWORK: return try report(sandbox, wait: wait, &listener)
        default: throw SetupFailure.told(SetupError.spawn(message))
        }
    }
}

/// The id maps of a new user namespace.
///
/// See `user_namespaces(7)`.
enum IdentityMap {
    static func write(_ identity: SandboxIdentity, pid: Int32) throws(SystemError) {
        // An ordinary user must give up setgroups before it may write a group map; root must not, because the
        // child drops root's supplementary groups with it.
        if !identity.startedByRoot { try write("deny", to: "setgroups", pid) }
        try write("\(identity.user) \(identity.hostUser) 1\n", to: "uid_map", pid)
        try write("\(identity.group) \(identity.hostGroup) 1\n", to: "gid_map", pid)
    }

    private static func write(_ text: String, to name: String, _ pid: Int32) throws(SystemError) {
        let path = "/proc/\(pid)/\(name)"
        do {
            try Files.open(path, O_WRONLY).write(Array(text.utf8))
        } catch { throw SystemError(error.call, error.errno, path) }
    }
}

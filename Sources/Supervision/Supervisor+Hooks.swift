// Commands of `hooks`: programs in the agent's sandbox that the supervisor starts by itself, one after another. While one
// runs, the supervisor goes on with everything else: the network, the calls that its filters hand over, and people.

internal import AgentStore
internal import AuditRecords
internal import ClocheModel
internal import Glibc
internal import LinuxSystem
internal import SandboxRuntime
internal import TerminalText

extension Supervisor {
    /// Runs what comes before the agent program.
    ///
    /// - Throws: when one fails, or the agent is ended meanwhile.
    func runPreStart() throws(ClocheError) {
        for arguments in policy.hooks.preStart {
            let hook = try run(.preStart, arguments, [])
            try refuseEnded()
            guard !hook.isGood else { continue }
            throw ClocheError(
                .sandbox,
                "a command of hooks.pre-start failed: \(Self.shown(arguments))",
                why: hook.failureText,
                remedy: "mend it in the profile, or try it in a sandbox with `cloche run`"
            )
        }
    }

    /// Runs what comes after the agent program, which ended with this code; failures are on record.
    func runPostStop(_ code: Int32) throws(ClocheError) {
        if policy.hooks.postStop.isEmpty { return }
        lifecycle.programEnded()
        harnessCode = code
        record.state = .stopping
        // Only shown meanwhile; the end is written again.
        try? agent.directory.write(record)
        // However many there are: a program that is to end does, soon.
        let end = MonotonicClock.milliseconds + 3 * policy.hooks.timeoutSeconds * 1000
        for arguments in policy.hooks.postStop where !finished && sandbox != nil {
            guard MonotonicClock.milliseconds < end else { break }
            _ = try run(.postStop, arguments, ["CLOCHE_EXIT_CODE=\(code)"])
        }
    }

    /// Whether commands run that come before the harness, or it is just being started after them.
    var isBeforeHarness: Bool {
        switch harnessStart {
        case .preparing?, .awaited?: true
        default: false
        }
    }

    /// Starts the agent program in a sandbox that is there already, and waits until it runs.
    func startHarness(_ program: ProcessSpec) throws(ClocheError) {
        harnessStart = .awaited
        isLaunching = true
        try sandbox?.spawn(SpawnRequest(Self.harnessID, program, size: harnessWindow.size))
        while !finished, case .awaited = harnessStart { turn() }
        try refuseEnded()
        if case .failed(let error) = harnessStart { throw error }
    }

    // MARK: What init reports

    /// A program runs: the harness after commands, one of these, or one beside them.
    func started(_ id: UInt32, _ pid: Int32, _ terminal: consuming FileDescriptor?) throws(SystemError) {
        if hook?.id == id { return }
        guard id == Self.harnessID else { return programStarted(id, pid, terminal) }
        harnessStart = .running
        if let terminal = consume terminal { try open(harnessWindow, terminal) }
    }

    /// A program could not be started.
    func failed(_ id: UInt32, _ error: ClocheError) throws(ClocheError) {
        if let hook, hook.id == id {
            hook.failure = error
        } else if id == Self.harnessID {
            harnessStart = .failed(Self.naming(agent.program.arguments.first ?? "", error, policy))
        } else {
            try programFailed(id, error)
        }
    }

    /// A program has ended.
    func exited(_ id: UInt32, _ end: ProcessEnd) throws(ClocheError) {
        if let hook, hook.id == id {
            // What it printed last is there already; a process that it left may print for ever.
            for _ in 0..<16 where hook.output != nil { if !hook.read() { break } }
            hook.end = end
        } else if id != Self.harnessID {
            try programExited(id, end)
        } else if isLaunching {
            earlyEnd = end
        } else {
            try harnessExited(end)
        }
    }

    /// The command has printed something.
    func readHook(_ hook: RunningHook) {
        if hook.read() { return }
        closeOutput(of: hook)
    }

    /// Ends a command that has taken too long.
    func endLateHook() {
        guard let hook, MonotonicClock.milliseconds >= hook.deadline, !hook.isOver else { return }
        hook.isLate = true
        signalProgram(hook.id, SIGKILL)
    }

    // MARK: One command

    /// Runs one, and returns when it has ended, is late, or the agent is ended.
    private func run(_ stage: HookStage, _ arguments: [String], _ variables: [String]) throws(ClocheError)
        -> RunningHook
    {
        let hook = try begin(stage, arguments, variables)
        while !finished, !hook.isOver { turn() }
        closeOutput(of: hook)
        self.hook = nil
        if !finished { try recordHook(hook) }
        return hook
    }

    private func begin(_ stage: HookStage, _ arguments: [String], _ variables: [String]) throws(ClocheError)
        -> RunningHook
    {
        let spec = ProcessSpec(
            arguments: arguments,
            environment: agent.program.environment + ["CLOCHE_HOOK=\(stage.rawValue)"] + variables,
            directory: InsidePath.workspace
        )
        let id = nextProgram
        nextProgram += 1
        do throws(SystemError) {
            let input = try Files.open("/dev/null")
            let pipe = try Pipe()
            try pipe.readEnd.setNonBlocking()
            let stdio = [input.number, pipe.writeEnd.number, pipe.writeEnd.number]
            var failure: ClocheError?
            do throws(ClocheError) {
                try sandbox?.spawn(SpawnRequest(id, spec, stdio: stdio))
            } catch { failure = error }
            let output = pipe.readOnlyEnd()
            let token = makeToken()
            try epoll.add(output.number, token: token)
            let seconds = policy.hooks.timeoutSeconds
            let hook = RunningHook(id, stage, arguments, token: token, output: output, seconds: seconds)
            hook.failure = failure
            self.hook = hook
            return hook
        } catch {
            throw ClocheError(
                .system,
                "cannot run a command of hooks.\(stage.rawValue)",
                why: error.description,
                remedy: "try again"
            )
        }
    }

    private func closeOutput(of hook: RunningHook) {
        guard let output = hook.output.take() else { return }
        epoll.remove(output.number)
    }

    private func recordHook(_ hook: RunningHook) throws(ClocheError) {
        var signal: Int32?
        if case .signalled(let number)? = hook.end { signal = number }
        try audit.append(
            .hook,
            [
                "stage": .string(hook.stage.rawValue), "arguments": .strings(hook.arguments),
                "exit-code": .optional(hook.end.map { Int64($0.exitCode) }),
                "signal": .optional(signal.map { Int64($0) }),
                "failure": hook.isGood ? .null : .string(hook.failureText),
                "milliseconds": .integer(hook.milliseconds),
            ]
        )
    }

    private func refuseEnded() throws(ClocheError) {
        guard finished || sandbox == nil else { return }
        throw ClocheError(
            .state,
            "agent \(record.name) was ended before its program was started",
            why: record.failure ?? "the agent \((record.endReason ?? .operatorStop).text)",
            remedy: "`cloche resume \(record.name)` starts it again"
        )
    }

    private static func shown(_ arguments: [String]) -> String {
        let words = arguments.prefix(2) == ["/bin/sh", "-c"] ? Array(arguments.dropFirst(2)) : arguments
        return visible(words.joined(separator: " "))
    }
}

/// How far the agent program's start is, where commands came before it.
enum HarnessStart {
    case preparing
    case awaited
    case running
    case failed(ClocheError)
}

// Init itself, in a real sandbox: this test's program is its executable, as Cloche's is otherwise.

import ClocheModel
import Glibc
import LinuxSystem
import Testing

@testable import SandboxRuntime

@Suite struct InitTests {
    /// A sandbox without a workspace in which a shell script runs.
    private func sandbox(_ script: String, listening: AuditPolicy.Level = .minimal) throws -> Sandbox {
        let executable = try Files.readLink("/proc/self/exe")
        let policy = Policy(profile: "test", harness: HarnessPolicy(command: ["sh"]))
        let null = try Files.open("/dev/null", O_RDWR)
        let spec = ProcessSpec(
            arguments: ["sh", "-c", script],
            environment: ["PATH=/usr/local/bin:/usr/bin:/bin"],
            directory: "/"
        )
        return try Sandbox.launch(
            SandboxRequest(
                policy: policy,
                identity: .current(key: "test"),
                hostname: "test",
                executable: executable
            ),
            try SandboxFilters(policy.syscalls, listening: listening),
            starting: SpawnRequest(1, spec, stdio: [null.number, null.number, null.number])
        )
    }

    /// The last process id, asked for now.
    private func count(_ sandbox: borrowing Sandbox) throws -> Int32 {
        try sandbox.askForCount()
        while let event = try sandbox.nextEvent(wait: true) {
            switch consume event {
            case .counted(let last): return last
            case .closed: throw SetupFailure.silence
            default: continue
            }
        }
        throw SetupFailure.silence
    }

    private func waitForTheEnd(_ sandbox: borrowing Sandbox) throws {
        while let event = try sandbox.nextEvent(wait: true) {
            switch consume event {
            case .exited: return
            case .closed: throw SetupFailure.silence
            default: continue
            }
        }
    }

    @Test func initTellsTheLastProcessId() throws {
        let sandbox = try sandbox("for i in $(seq 50); do /bin/true; done")
        try waitForTheEnd(sandbox)
        let last = try count(sandbox)
        // Init, the shell, seq and its subshell, and fifty programs.
        #expect((53...60).contains(last), "\(last)")
        let again = try count(sandbox)
        #expect(again == last)
    }

    @Test func aStormOfEndsDoesNotKeepTheSupervisorWaiting() throws {
        let sandbox = try sandbox("while :; do (true & true & true & true & true & true &) ; done")
        var (last, slowest): (Int32, Int64) = (0, 0)
        for _ in 0..<200 {
            let start = MonotonicClock.microseconds
            last = try count(sandbox)
            slowest = max(slowest, MonotonicClock.microseconds - start)
        }
        let deadline = MonotonicClock.milliseconds + 20_000
        while last < 3000 && MonotonicClock.milliseconds < deadline { last = try count(sandbox) }
        #expect(last >= 3000)
        #expect(slowest < 2_000_000, "\(slowest) us")
    }

    /// Answers calls until init has something to report, and returns what was executed and refused.
    private func answer(_ calls: CallListener, until sandbox: borrowing Sandbox) throws -> [CallNotice] {
        var notices: [CallNotice] = []
        while true {
            let ready = try Poll.wait(
                [
                    Poll.Interest(sandbox.control.number, readable: true),
                    Poll.Interest(calls.descriptor.number, readable: true),
                ],
                milliseconds: 10_000
            )
            if ready[1] { try calls.answer(most: 64, until: .max) { notices.append($0) } }
            if ready[0] || !ready[1] { return notices }
        }
    }

    private func next(_ sandbox: borrowing Sandbox) throws -> String {
        guard let event = try sandbox.nextEvent(wait: true) else { return "nothing" }
        switch consume event {
        case .started: return "started"
        case .failed(_, let error): return "failed: \(error.why)"
        case .exited(_, let end): return "exited \(end.exitCode)"
        default: return "other"
        }
    }

    @Test func executionsWaitForTheListener() throws {
        var sandbox = try sandbox("/bin/true one; exec /bin/true two", listening: .standard)
        let taken = sandbox.takeCalls()
        let calls = try #require(taken)
        let early = try Poll.wait(
            [Poll.Interest(sandbox.control.number, readable: true)],
            milliseconds: 200
        )
        #expect(early == [false])
        let first = try answer(calls, until: sandbox)
        #expect(try next(sandbox) == "started")
        let rest = try answer(calls, until: sandbox)
        let lines = (first + rest).compactMap { notice in
            if case .executed(let program) = notice, program.isFound { program.arguments } else { nil }
        }
        #expect(lines.dropFirst() == [["/bin/true", "one"], ["/bin/true", "two"]])
        #expect(try next(sandbox) == "exited 0")
    }

    /// Nobody is left to ask: the kernel refuses.
    @Test func withoutAListenerNothingIsExecuted() throws {
        var sandbox = try sandbox("true", listening: .standard)
        let isThere = sandbox.takeCalls() != nil
        #expect(isThere)
        let event = try next(sandbox)
        #expect(event == "failed: \(Errno(ENOSYS).description)")
    }
}

// Programs of the host that a change of the agent's state starts: `session.on-state`, and notify-send. Nobody waits for them;
// one runs at a time, for a bounded time, and of those that are asked for meanwhile the last is run.

internal import LinuxSystem

/// One kind of them.
struct HostCommand {
    /// How long one may run, in seconds.
    static let limit: Int64 = 30

    /// Between two starts, in milliseconds.
    private let interval: Int64
    private var running: (id: Int32, end: Int64)?
    private var next: Subprocess?
    private var earliest: Int64 = .min

    init(interval: Int64) { self.interval = interval }

    /// When something is due, in milliseconds of the monotonic clock.
    var nextMoment: Int64? { running?.end ?? (next == nil ? nil : earliest) }

    /// Runs a program, or does so when the one before has ended.
    mutating func run(_ program: Subprocess, at now: Int64) {
        next = program
        advance(at: now)
    }

    /// Runs what waits at once, beside the one that runs: nobody will be there later.
    mutating func finish() {
        guard let program = next.take() else { return }
        _ = start(program)
    }

    /// Ends one that takes too long, and starts what waits.
    mutating func advance(at now: Int64) {
        if let running {
            if now >= running.end { Self.kill(running.id) }
            guard Subprocess.hasEnded(running.id) else {
                // It is gone in a moment, and its end is seen by SIGCHLD.
                if now >= running.end { self.running = (running.id, now + 1000) }
                return
            }
            self.running = nil
        }
        guard now >= earliest, let program = next.take() else { return }
        earliest = now + interval
        if let id = start(program) { running = (id, now + (Self.limit + 1) * 1000) }
    }

    private static func kill(_ id: Int32) { Subprocess.kill(session: id) }

    private func start(_ program: Subprocess) -> Int32? {
        do throws(SystemError) {
            let null = try Files.openForUpdate("/dev/null")
            return try program.spawn(
                stdin: null.number,
                stdout: null.number,
                stderr: null.number,
                newSession: true
            )
        } catch {
            // What cannot be started is not there: the agent has nothing to do with it.
            return nil
        }
    }
}

extension Subprocess {
    /// A command line for the shell, ended after a time also when its supervisor is gone.
    static func shell(_ line: String, _ environment: [String]) -> Subprocess {
        let words = ["/bin/sh", "-c", line]
        guard let timeout = ProcessEnvironment.findProgram("timeout") else {
            return Subprocess(words[0], Array(words.dropFirst()), environment: environment, directory: "/")
        }
        let limit = ["-s", "KILL", "\(HostCommand.limit)"]
        return Subprocess(timeout, limit + words, environment: environment, directory: "/")
    }
}

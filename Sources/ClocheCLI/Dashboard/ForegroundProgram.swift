// A program that has the terminal while the dashboard waits: `cloche attach`, or a pager.

internal import Glibc
internal import LinuxSystem
internal import Supervision

/// Runs a program before the person, to its end.
struct ForegroundProgram {
    /// How it went.
    struct Outcome {
        var code: Int32
        /// What it wrote to standard error, if that was kept.
        var errors: [UInt8] = []
        /// A signal that came for the dashboard meanwhile and ends it.
        var signal: Int32?
    }

    var program: Subprocess
    /// Given as standard input through a pipe; the terminal's if nil.
    var input: [UInt8]?
    /// Standard error is kept instead of shown.
    var keepsErrors = false
    /// After being asked to end, it has so many milliseconds.
    private static let grace: Int64 = 3000

    init(_ program: Subprocess, input: [UInt8]? = nil, keepsErrors: Bool = false) {
        (self.program, self.input, self.keepsErrors) = (program, input, keepsErrors)
    }

    func run(_ signals: borrowing SignalDescriptor) throws(SystemError) -> Outcome {
        var (read, feed): (FileDescriptor.Shared?, FileDescriptor.Shared?) = (nil, nil)
        if input != nil { (read, feed) = try Pipe().shared() }
        var (keep, write): (FileDescriptor.Shared?, FileDescriptor.Shared?) = (nil, nil)
        if keepsErrors { (keep, write) = try Pipe().shared() }
        try feed?.setNonBlocking()
        try keep?.setNonBlocking()
        let pid = try program.spawn(stdin: read?.number ?? 0, stdout: 1, stderr: write?.number ?? 2)
        (read, write) = (nil, nil)
        var outcome = Outcome(code: 0)
        var rest = (input ?? [])[...]
        var deadline: Int64?
        while true {
            if let code = try Subprocess.status(pid) {
                outcome.code = code
                break
            }
            if let deadline, MonotonicClock.milliseconds >= deadline { kill(pid, SIGKILL) }
            let ready = try Poll.wait(
                [
                    Poll.Interest(signals.descriptor.number, readable: true),
                    Poll.Interest(feed?.number ?? -1, writable: true),
                    Poll.Interest(keep?.number ?? -1, readable: true),
                ],
                milliseconds: deadline == nil ? -1 : 100
            )
            if ready[0], let number = Self.react(signals.take(), pid) {
                outcome.signal = number
                deadline = deadline ?? MonotonicClock.milliseconds + Self.grace
            }
            if ready[1] {
                // A pager that is left early reads no more.
                let count = (try? feed?.writeSome(rest)) ?? nil
                rest = rest.dropFirst(count ?? 0)
                if rest.isEmpty || count == nil { feed = nil }
            }
            if ready[2], !Self.drain(keep, &outcome.errors) { keep = nil }
        }
        while Self.drain(keep, &outcome.errors) {}
        return outcome
    }

    /// The signal that is to end us; the program is asked to end, too.
    private static func react(_ numbers: [CInt], _ pid: Int32) -> Int32? {
        for number in numbers {
            switch number {
            case SIGTERM, SIGHUP:
                kill(pid, number)
                return number
            // The terminal stops all that are before the person; they are stopped already.
            case SIGTSTP: kill(getpid(), SIGSTOP)
            // Those are the program's affair.
            default: break
            }
        }
        return nil
    }

    /// False when there is nothing.
    private static func drain(_ end: FileDescriptor.Shared?, _ bytes: inout [UInt8]) -> Bool {
        // Nothing there, or the end: the same here.
        guard let part = try? end?.read(upTo: 4096), !part.isEmpty else { return false }
        bytes += part.prefix(max(0, 16384 - bytes.count))
        return true
    }
}

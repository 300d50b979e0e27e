// A program that prints a secret: `pass show`, `op read`, `ssh-keygen -Y sign`. What it prints goes from the pipe into
// locked pages; it gets a time limit, because whoever asks for a credential waits for it.

internal import CLinux
internal import Glibc

/// How a program that was to print a secret ended.
package struct SecretProgram: Sendable {
    /// What it printed, up to `Secret.mostBytes`.
    package let output: Secret
    /// Its exit code, or 128 plus the signal; nil when its time was over and it was killed.
    package let status: Int32?
    /// The beginning of what it printed to standard error.
    package let errors: [UInt8]
}

extension Subprocess {
    /// Runs it to its end, or until its time is over.
    ///
    /// - Parameters:
    ///   - input: what it reads; short, as all of it is written before the program runs.
    ///   - patience: milliseconds.
    ///   - isAlone: in a session of its own, where it cannot ask at the terminal, and is killed with all it started.
    package func secret(input: [UInt8] = [], patience: Int64, isAlone: Bool) throws(SystemError)
        -> SecretProgram
    {
        let started = try startForSecret(input, isAlone)
        let watch = FileDescriptor.Shared(
            FileDescriptor(owning: try check("pidfd_open") { clinux_pidfd_open(started.pid) })
        )
        var errors: [UInt8] = []
        var isOver = false
        let last = MonotonicClock.milliseconds + patience
        do {
            let output = try unsafe Secret(capacity: Secret.mostBytes) { room throws(SystemError) in
                var filled = 0
                var (isPrinting, isComplaining) = (true, true)
                while filled < room.count {
                    let left = last - MonotonicClock.milliseconds
                    isOver = left <= 0
                    if isOver { break }
                    let ready = try Poll.wait(
                        [
                            .init(watch.number, readable: true),
                            .init(started.output.number, readable: isPrinting),
                            .init(started.errors.number, readable: isComplaining),
                        ],
                        milliseconds: Int32(clamping: left)
                    )
                    if ready[1] || ready[0] {
                        (filled, isPrinting) = unsafe try Self.take(from: started.output, into: room, filled)
                    }
                    if ready[2] || ready[0] {
                        isComplaining = try Self.take(from: started.errors, into: &errors)
                    }
                    // What it started in the background may hold the pipes open; nobody waits for that.
                    if ready[0] { break }
                }
                return filled
            }
            if isOver || output.count == Secret.mostBytes { Self.end(started.pid, isAlone) }
            let status = try Self.wait(started.pid)
            return SecretProgram(output: output, status: isOver ? nil : status, errors: errors)
        } catch {
            Self.end(started.pid, isAlone)
            _ = try Self.wait(started.pid)
            throw error
        }
    }

    private struct Started {
        let pid: Int32
        let output: FileDescriptor.Shared
        let errors: FileDescriptor.Shared
    }

    /// Our copies of the other ends are closed when this returns.
    private func startForSecret(_ input: [UInt8], _ isAlone: Bool) throws(SystemError) -> Started {
        let (stdin, stdout, stderr) = (try Pipe().shared(), try Pipe().shared(), try Pipe().shared())
        if !input.isEmpty { try stdin.write.write(input) }
        let pid = try spawn(
            stdin: stdin.read.number,
            stdout: stdout.write.number,
            stderr: stderr.write.number,
            newSession: isAlone
        )
        try stdout.read.setNonBlocking()
        try stderr.read.setNonBlocking()
        return Started(pid: pid, output: stdout.read, errors: stderr.read)
    }

    private static func end(_ pid: Int32, _ isAlone: Bool) {
        if isAlone { kill(session: pid) } else { _ = Glibc.kill(pid, SIGKILL) }
    }

    /// What is there now, into the room behind what it holds: how much it holds then, and whether more can come.
    private static func take(
        from pipe: FileDescriptor.Shared,
        into room: UnsafeMutableRawBufferPointer,
        _ start: Int
    ) throws(SystemError) -> (filled: Int, isOpen: Bool) {
        var filled = start
        do {
            while filled < room.count {
                let part = unsafe UnsafeMutableRawBufferPointer(rebasing: room[filled...])
                let count = try check("read") {
                    unsafe Glibc.read(pipe.number, part.baseAddress, part.count)
                }
                if count == 0 { return (filled, false) }
                filled += count
            }
        } catch  where error.errno == .wouldBlock {}
        return (filled, true)
    }

    /// What is there now, of which the beginning is for people; whether more can come.
    private static func take(from pipe: FileDescriptor.Shared, into errors: inout [UInt8]) throws(SystemError)
        -> Bool
    {
        do {
            while true {
                let part = try pipe.read(upTo: 4096)
                if part.isEmpty { return false }
                errors += part.prefix(max(0, 4096 - errors.count))
            }
        } catch  where error.errno == .wouldBlock { return true }
    }
}

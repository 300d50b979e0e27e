// How the programs of a sandbox end: the kernel keeps that for whoever has a descriptor of the process, once its parent has taken
// note of it (`PIDFD_GET_INFO`, Linux 6.15).

internal import CLinux
package import ClocheModel
internal import Glibc
internal import LinuxSystem

/// A process that had executed a program, and has ended.
package struct ProgramExit: Equatable, Sendable {
    /// The last program that it asked for and that was there.
    package let program: String
    /// Its number in the sandbox.
    package let pid: Int32
    /// How it ended: its first thread, if it has several.
    package let end: ProcessEnd
    /// How long after it first executed a program.
    package let milliseconds: Int64

    /// An exit.
    package init(program: String, pid: Int32, end: ProcessEnd, milliseconds: Int64) {
        (self.program, self.pid, self.end, self.milliseconds) = (program, pid, end, milliseconds)
    }
}

/// Processes whose ends are waited for.
final class ProgramExits {
    private struct Running {
        let handle: FileDescriptor.Shared
        var program: String
        let began: Int64
    }

    private let epoll: Epoll
    /// By their numbers in the sandbox.
    private var running: [Int32: Running] = [:]
    private var found: [ProgramExit] = []
    /// Whether the kernel keeps how processes end.
    private var isKnown: Bool

    /// Each takes a descriptor, and there must be some for the rest.
    private let most: Int

    init() throws(SystemError) {
        epoll = try Epoll()
        most = Int(min(500, OpenFiles.initial.hard / 32))
        let own = FileDescriptor(owning: try check("pidfd_open") { clinux_pidfd_open(getpid()) })
        var status: Int32 = 0
        // Nothing is kept of one that lives; before Linux 6.13 there is no such question.
        isKnown = unsafe clinux_find_end(own.number, &status) == 0
    }

    /// Readable when one has ended.
    var descriptor: CInt { epoll.descriptor }

    /// Waits for the end of a process (its pidfd) that executes a program now.
    ///
    /// - Returns: what has ended before, and whether this one's end will be told.
    func watch(_ handle: FileDescriptor.Shared, _ pid: Int32, _ program: String) -> (
        ended: [ProgramExit], isWatched: Bool
    ) {
        defer { found = [] }
        // The same process most often; otherwise one whose end is not taken note of here, whose number it has.
        if let known = running[pid], !end(pid, known) {
            running[pid]?.program = program
            return (found, true)
        }
        do throws(SystemError) {
            if running.count >= most { try look() }
            guard isKnown, running.count < most else { return (found, false) }
            // No event but the one that comes in any case: the process is gone, and its parent knows.
            try epoll.add(handle.number, token: UInt64(pid), readable: false)
        } catch { return (found, false) }
        running[pid] = Running(
            handle: handle,
            program: program,
            began: MonotonicClock.milliseconds
        )
        return (found, true)
    }

    /// Those that have ended since it was asked last.
    func take() throws(SystemError) -> [ProgramExit] {
        try look()
        defer { found = [] }
        return found
    }

    private func look() throws(SystemError) {
        // As many turns as there can be events.
        for _ in 0...most {
            let events = try epoll.wait(milliseconds: 0)
            if events.isEmpty || !isKnown { return }
            for event in events {
                let pid = Int32(truncatingIfNeeded: event.token)
                guard let one = running[pid], !end(pid, one) else { continue }
                // An older kernel does not keep it.
                isKnown = false
                for one in running.values { epoll.remove(one.handle.number) }
                running = [:]
                return
            }
        }
    }

    /// Notes that it has ended, if it has.
    private func end(_ pid: Int32, _ one: Running) -> Bool {
        var status: Int32 = 0
        guard unsafe clinux_find_end(one.handle.number, &status) == 1 else { return false }
        running[pid] = nil
        // Whoever else holds it: nothing more is to be told of it.
        epoll.remove(one.handle.number)
        let milliseconds = MonotonicClock.milliseconds - one.began
        found.append(
            ProgramExit(program: one.program, pid: pid, end: Wire.end(status), milliseconds: milliseconds)
        )
        return true
    }
}

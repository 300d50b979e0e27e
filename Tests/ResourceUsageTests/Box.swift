// A real pid namespace with processes in it, as a sandbox is one: made by unshare(1), filled by a Python script.

import Glibc
import LinuxSystem
import Testing

@testable import ResourceUsage

/// Thrown where a test needs a value and there is none.
struct MissingValue: Error {}

/// Processes in namespaces of their own, which end with this value.
///
/// The script runs as PID 1 with a `/tmp` in memory. It prints a line when all is as the test wants it, and another for
/// each line that it is sent.
final class Box {
    private let outer: Int32
    private let input: FileDescriptor.Shared
    private let output: FileDescriptor.Shared
    /// Init's process id on the host.
    let pid: Int32

    private static let prelude = """
        import ctypes, mmap, os, signal, socket, sys, time
        libc = ctypes.CDLL(None)
        def name(text): libc.prctl(15, text.encode(), 0, 0, 0)
        def done():
            sys.stdout.write("x"); sys.stdout.flush()
            if not sys.stdin.readline(): os._exit(0)
        def child(action):
            ready, tell = os.pipe()
            pid = os.fork()
            if pid == 0:
                action(); os.write(tell, b"x")
                while True: signal.pause()
            os.read(ready, 1); os.close(ready); os.close(tell)
            return pid

        """

    init(_ script: String) throws {
        let stdin = try Pipe()
        let stdout = try Pipe()
        let python = try #require(ProcessEnvironment.findProgram("python3", path: "/usr/bin:/usr/local/bin"))
        let mount = "mount -t tmpfs none /tmp && exec \"$@\""
        outer = try Subprocess(
            "/usr/bin/unshare",
            [
                "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc",
                "--ipc",
                "--net", "sh", "-c", mount, "sh", python, "-c", Self.prelude + script + "\ndone()\n",
            ],
            environment: ["PATH=/usr/bin:/bin:/usr/sbin:/sbin"]
        ).spawn(stdin: stdin.readEnd.number, stdout: stdout.writeEnd.number, stderr: 2)
        input = stdin.shared().write
        output = FileDescriptor.Shared(stdout.readOnlyEnd())
        guard try output.read(upTo: 1) == [120] else { throw MissingValue() }
        let children = try Files.readText("/proc/\(outer)/task/\(outer)/children")
        guard let first = children.split(separator: " ").first, let pid = Int32(first) else {
            throw MissingValue()
        }
        self.pid = pid
    }

    /// Lets the script go on to its next `done()`.
    func goOn() throws {
        _ = try input.writeSome([10])
        guard try output.read(upTo: 1) == [120] else { throw MissingValue() }
    }

    /// Waits until no process in it runs: then none takes or copies a page, and two looks see the same.
    func waitUntilStill() throws {
        for _ in 0..<3000 {
            if try !Self.isRunning(pid) { return }
            usleep(10_000)
        }
        throw MissingValue()
    }

    /// Whether a process or one below it runs or could.
    private static func isRunning(_ pid: Int32) throws -> Bool {
        let stat = try Files.readText("/proc/\(pid)/stat")
        let end = try #require(stat.lastIndex(of: ")"))
        if stat[end...].dropFirst(2).first == "R" { return true }
        let children = try Files.readText("/proc/\(pid)/task/\(pid)/children")
        return try children.split(separator: " ").compactMap { Int32($0) }.contains { try isRunning($0) }
    }

    deinit {
        kill(outer, SIGKILL)
        // Its end is all that is wanted.
        _ = try? Subprocess.wait(outer)
    }
}

extension UsageMeterDriver {
    /// Looks until the first full pass is over, with a clock of its own.
    @discardableResult
    mutating func settle() throws -> UsageReading {
        for _ in 0..<2000 {
            let reading = look()
            if meter.isSettled { return reading }
        }
        throw MissingValue()
    }
}

/// A meter whose clock runs from look to look without waiting.
struct UsageMeterDriver: ~Copyable {
    var meter: UsageMeter
    var now: Int64 = 0

    init(_ box: Box, limit: Int64? = nil) throws { meter = try UsageMeter(init: box.pid, memoryLimit: limit) }

    mutating func look() -> UsageReading {
        now = max(now, meter.nextLook)
        return meter.look(now: now)
    }

    /// Whether the limit is found to be passed within so many looks.
    mutating func findsBeyond(within looks: Int) -> Bool {
        for _ in 0..<looks where look().isBeyondMemoryLimit { return true }
        return false
    }
}

// How programs end, as the kernel tells whoever has a descriptor of them: here, children of this process.

import CLinux
import ClocheModel
import Glibc
import LinuxSystem
import Testing

@testable import SandboxRuntime

/// Whether the kernel keeps it: from Linux 6.15 on.
private func keepsEnds() throws -> Bool {
    let release = String(decoding: try Files.read("/proc/sys/kernel/osrelease"), as: UTF8.self)
    let numbers = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
    return (numbers[0], numbers[1]) >= (6, 15)
}

@Suite struct ProgramExitsTests {
    private func child(_ script: String) throws -> (pid: Int32, handle: FileDescriptor.Shared) {
        let null = try Files.open("/dev/null", O_RDWR)
        let pid = try Subprocess("/bin/sh", ["-c", script])
            .spawn(stdin: null.number, stdout: null.number, stderr: null.number)
        let handle = clinux_pidfd_open(pid)
        try #require(handle >= 0)
        return (pid, FileDescriptor.Shared(FileDescriptor(owning: handle)))
    }

    @Test func anEndIsToldWhenTheParentKnows() throws {
        let (exits, isKept) = (try ProgramExits(), try keepsEnds())
        let tries: [(String, ProcessEnd)] = [
            ("exit 0", .exited(0)), ("exit 7", .exited(7)), ("kill -9 $$", .signalled(9)),
        ]
        for (number, (script, end)) in tries.enumerated() {
            let (pid, handle) = try child(script)
            #expect(exits.watch(handle, Int32(number), script).ended.isEmpty)
            // While it runs, and until somebody waits for it, nothing is told.
            #expect(try exits.take().isEmpty)
            _ = try Subprocess.wait(pid)
            let found = try exits.take()
            #expect(found.map(\.end) == (isKept ? [end] : []))
            #expect(found.map(\.program) == (isKept ? [script] : []))
            #expect(found.allSatisfy { $0.pid == Int32(number) })
            #expect(try exits.take().isEmpty)
        }
    }

    /// A process that executes another program ends once; one with the number of another that has ended is another.
    @Test func aProcessEndsOnce() throws {
        let exits = try ProgramExits()
        let (first, handle) = try child("exit 3")
        for name in ["one", "two"] { #expect(exits.watch(handle, 5, name).ended.isEmpty) }
        _ = try Subprocess.wait(first)
        let (second, other) = try child("exit 4")
        // Whose number it has now is told before it.
        let before = exits.watch(other, 5, "three").ended
        _ = try Subprocess.wait(second)
        let found = try before + exits.take()
        guard try keepsEnds() else { return #expect(found.isEmpty) }
        #expect(before.count == 1)
        #expect(found.map(\.program) == ["two", "three"] && found.map(\.end) == [.exited(3), .exited(4)])
    }

    @Test func ofTooManyItIsSaidThatTheyAreNotWatched() throws {
        let exits = try ProgramExits()
        guard try keepsEnds() else { return }
        let (pid, handle) = try child("exec sleep 100")
        var watched = 0
        // One process under many numbers; each takes a descriptor of its own.
        for number in 1...600 {
            let copy = FileDescriptor.Shared(FileDescriptor(owning: clinux_pidfd_open(pid)))
            if exits.watch(copy, Int32(number), "sleep").isWatched { watched += 1 }
        }
        #expect(watched > 0 && watched <= 500)
        _ = clinux_pidfd_send_signal(handle.number, SIGKILL)
        _ = try Subprocess.wait(pid)
        #expect(try exits.take().count == watched)
        #expect(exits.watch(handle, 1, "again").isWatched)
    }
}

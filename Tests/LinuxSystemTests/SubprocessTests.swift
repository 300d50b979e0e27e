// Programs on the host: what they print, how they end, what they inherit; and locks between processes.

import Glibc
import LinuxSystem
import Testing

@Suite struct SubprocessTests {
    private func shell(_ script: String) -> Subprocess { Subprocess("/bin/sh", ["-c", script]) }

    @Test func collectsBothOutputs() throws {
        let result = try shell("echo out; echo err >&2").run()
        #expect(result.status == 0 && result.outputText == "out\n" && result.errorText == "err\n")
    }

    static let ends: [(script: String, status: Int32)] = [
        ("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("kill -KILL $$", 137), ("kill -TERM $$", 143),
    ]

    @Test(arguments: ends) func tellsHowItEnded(_ script: String, _ status: Int32) throws {
        #expect(try shell(script).run().status == status)
    }

    /// More than both pipes hold: whoever wrote first and read later would wait for ever.
    @Test func feedsAndDrainsTogether() throws {
        let input = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0) }
        let result = try shell("exec tee /dev/stderr").run(input: input)
        #expect(result.output == input && result.errors == input)
    }

    @Test func mayHaveLessMemoryThanWe() throws {
        // It begins when it has read a line, which it is given after its limit.
        var process = shell("read line; ulimit -Sd; ulimit -Hd")
        let ours = try process.run(input: [10]).outputText
        process.mostMemory = 100 << 20
        let lines = try process.run(input: [10]).outputText.split(separator: "\n")
        #expect(lines.first == "102400" && lines.last == ours.split(separator: "\n").last)
    }

    @Test func isEndedWhenItsOutputIsNotWanted() throws {
        var count = 0
        let result = try shell("exec yes").stream { part in
            count += part.count
            return count < 1_000_000
        }
        // It is killed, if it has not met the closed pipe before.
        #expect(result.isCut && result.status != 0 && result.output.isEmpty && count < 1_200_000)
        // Of complaints without end, the first are kept.
        #expect(try shell("yes | head -c 5000000 >&2").run().errors.count < 2 << 20)
    }

    @Test func hasTheEnvironmentAndDirectoryItWasGiven() throws {
        let result = try Subprocess("/usr/bin/env", [], environment: ["A=b c", "B="]).run()
        #expect(result.outputText == "A=b c\nB=\n")
        #expect(try Subprocess("/bin/pwd", ["-P"], directory: "/usr").run().outputText == "/usr\n")
    }

    @Test func inheritsNothingOfOursButWhatIsNamed() throws {
        let pipe = try Pipe()
        let own = "\(pipe.writeEnd.number)"
        func numbers(_ inherited: [CInt]) throws -> [Substring] {
            try shell("ls /proc/self/fd").run(inheriting: inherited).outputText.split(separator: "\n")
        }
        let without = try numbers([])
        #expect(without.contains("2") && !without.contains { $0 == own })
        #expect(try numbers([pipe.writeEnd.number]).contains { $0 == own })
    }

    @Test func aMissingProgramIsAnError() throws {
        let error = #expect(throws: SystemError.self) { try Subprocess("/none", []).run() }
        #expect(error == SystemError("posix_spawn", .noEntry, "/none"))
    }
}

@Suite struct FileLockTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.path + "/lock"
    }

    /// Children that other tests fork hold what this process had open, until they execute.
    private func isFreeSoon() -> Bool {
        for _ in 0..<1000 where FileLock.isHeld(path) { usleep(10_000) }
        return !FileLock.isHeld(path)
    }

    @Test func isHeldUntilTheValueEnds() throws {
        #expect(!FileLock.isHeld(path))
        #expect(!Files.exists(path))
        do {
            let lock = try needed(FileLock(path))
            #expect(FileLock.isHeld(path))
            #expect(try isMissing(FileLock(path)))
            // Both questions opened and closed the file; a POSIX record lock would have gone with that.
            #expect(FileLock.isHeld(path))
            let isHeld = lock.isLocked
            #expect(isHeld)
        }
        #expect(isFreeSoon())
        #expect(try !isMissing(FileLock(path)))
    }

    @Test func aChildHoldsItAsLongAsItLives() throws {
        let feed = try Pipe()
        let null = try Files.open("/dev/null", O_RDWR)
        let pid = try {
            let lock = try needed(FileLock(path))
            return try Subprocess("/bin/cat", []).spawn(
                stdin: feed.readEnd.number,
                stdout: null.number,
                stderr: null.number,
                extra: [lock.number]
            )
        }()
        #expect(FileLock.isHeld(path))
        #expect(try isMissing(FileLock(path)))
        #expect(kill(pid, SIGKILL) == 0)
        #expect(try Subprocess.wait(pid) == 137)
        #expect(isFreeSoon())
    }

    @Test func aLinkIsNoLock() throws {
        try folder.write("elsewhere")
        try Files.makeSymbolicLink(path, to: "elsewhere")
        #expect(throws: SystemError.self) { _ = try FileLock(path) }
        #expect(!FileLock.isHeld(path))
    }

    @Test func aFileThatCannotBeMadeIsAnError() throws {
        let error = #expect(throws: SystemError.self) { _ = try FileLock(folder.path + "/none/lock") }
        #expect(error?.errno == .noEntry)
    }
}

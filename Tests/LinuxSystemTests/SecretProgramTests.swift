// Programs that print secrets: to their end, not beyond their time, and nothing of them stays.

import Glibc
import LinuxSystem
import Testing

@Suite struct SecretProgramTests {
    private func shell(_ script: String, patience: Int64 = 20000, isAlone: Bool = true) throws
        -> SecretProgram
    {
        try Subprocess("/bin/sh", ["-c", script]).secret(
            input: [97, 98],
            patience: patience,
            isAlone: isAlone
        )
    }

    @Test func outputAndErrorsAreApart() throws {
        let result = try shell("cat; echo ' out'; echo err >&2; exit 7", isAlone: false)
        #expect(result.status == 7)
        unsafe #expect(result.output.withBytes { unsafe $0.elementsEqual("ab out\n".utf8) })
        #expect(result.errors == Array("err\n".utf8))
    }

    @Test(arguments: [true, false]) func itIsStoppedWhenItsTimeIsOver(_ isAlone: Bool) throws {
        let begin = MonotonicClock.milliseconds
        let result = try shell("echo early; exec sleep 50", patience: 200, isAlone: isAlone)
        #expect(result.status == nil)
        #expect(result.output.count == 6)
        #expect(MonotonicClock.milliseconds - begin < 20000)
    }

    /// What it started in the background holds the pipe open; nobody waits for that.
    @Test func itsOwnEndCounts() throws {
        let begin = MonotonicClock.milliseconds
        let result = try shell("echo here; sleep 3 & exit 0")
        #expect(result.status == 0)
        #expect(result.output.count == 5)
        #expect(MonotonicClock.milliseconds - begin < 2500)
    }

    @Test func aFloodEndsIt() throws {
        let result = try shell("while :; do echo 0123456789abcdef; done")
        #expect(result.output.count == Secret.mostBytes)
        #expect(result.status == 128 + SIGKILL || result.status == 128 + SIGPIPE)
    }

    @Test func errorsDoNotFillThePipe() throws {
        let result = try shell(
            "i=0; while [ $i -lt 20000 ]; do echo complaint >&2; i=$((i+1)); done; echo done"
        )
        #expect(result.status == 0)
        #expect(result.output.count == 5)
    }
}

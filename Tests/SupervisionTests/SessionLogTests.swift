// The recording on disk: what is written when, files that follow each other, ends that were torn off, another run.

import AgentStore
import ClocheModel
import Glibc
import LinuxSystem
import SessionRecording
import Testing

@testable import Supervision

@Suite struct SessionLogTests {
    private final class Ground {
        let path = "/tmp/cloche-recording-test.\(getpid()).\(UInt32.random(in: 0...UInt32.max))"
        var directory: AgentDirectory { AgentDirectory(path: path) }

        init() throws { try Files.makeDirectory(path) }

        // What stays behind is in the temporary directory.
        deinit { try? Files.removeTree(path) }

        func log(
            _ recording: SessionPolicy.Recording = .output,
            limit: Int64 = 1 << 20,
            now: Int64 = 0
        ) -> SessionLog {
            SessionLog(
                directory,
                SessionLog.Subject(title: "fixer", terminal: "xterm"),
                recording,
                limit: limit,
                size: Self.size,
                now: now
            )
        }

        static let size = TerminalSize(columns: 80, rows: 24)

        func read() throws -> [RecordingEvent] { try read(RecordingFiles(directory)) }

        func read(_ files: RecordingFiles) throws -> [RecordingEvent] {
            var all: [RecordingEvent] = []
            try files.refresh()
            while let events = try files.next() { all += events }
            return all
        }

        func text(_ suffix: String = "") throws -> String { try Files.readText(directory.recording + suffix) }

        func append(_ text: String) throws {
            try Files.openForAppending(directory.recording).write(Array(text.utf8))
        }
    }

    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    private func blank() -> SessionLog.Screen { SessionLog.Screen(size: Ground.size, bytes: []) }

    private func output(_ events: [RecordingEvent]) -> String {
        String(decoding: events.filter { $0.kind == .output }.flatMap(\.bytes), as: UTF8.self)
    }

    @Test func outputWithinTenMillisecondsIsOneEvent() throws {
        let ground = try Ground()
        var log = ground.log()
        #expect(log.flushDue == nil)
        log.append(bytes("a"), now: 1_000_000, blank)
        #expect(log.flushDue == nil, "what comes after a rest is written at once")
        log.append(bytes("b"), now: 1_002_000, blank)
        log.append(bytes("c"), now: 1_008_000, blank)
        #expect(try ground.read().count == 1)
        #expect(log.flushDue == 1011)
        log.flushIfDue(now: 1_009_000, blank)
        #expect(try ground.read().count == 1)
        log.flushIfDue(now: 1_011_000, blank)
        #expect(log.flushDue == nil)
        #expect(
            try ground.read() == [
                RecordingEvent(1_000_000, .output, bytes("a")),
                RecordingEvent(1_002_000, .output, bytes("bc")),
            ]
        )
        let header = try ground.text().split(separator: "\n").first.map(String.init) ?? ""
        #expect(
            header.hasPrefix("{\"version\": 2, \"width\": 80, \"height\": 24, \"timestamp\": "),
            "\(header)"
        )
        #expect(header.hasSuffix("\"title\": \"fixer\", \"env\": {\"TERM\": \"xterm\"}}"), "\(header)")
    }

    @Test func kindsAreKeptApart() throws {
        let ground = try Ground()
        var log = ground.log(.input)
        log.append(bytes("$ "), now: 0, blank)
        log.append(bytes("x"), now: 1, blank)
        log.typed(bytes("é") + [0xff], now: 2, blank)
        log.append(bytes("y"), now: 3, blank)
        log.resized(TerminalSize(columns: 100, rows: 30), now: 4, blank)
        log.resized(TerminalSize(columns: 100, rows: 30), now: 5, blank)
        log.mark("restarted", now: 6, blank)
        #expect(
            try ground.read() == [
                RecordingEvent(0, .output, bytes("$ ")), RecordingEvent(1, .output, bytes("x")),
                RecordingEvent(2, .input, bytes("é\u{FFFD}")), RecordingEvent(3, .output, bytes("y")),
                RecordingEvent(4, columns: 100, rows: 30), RecordingEvent(6, .marker, bytes("restarted")),
            ]
        )
    }

    @Test func inputIsRecordedOnlyWhereItIsAskedFor() throws {
        let ground = try Ground()
        var log = ground.log()
        log.typed(bytes("secret"), now: 0, blank)
        log.flush(now: 1, blank)
        #expect(try ground.read().isEmpty)
    }

    @Test func offKeepsNothingOnDisk() throws {
        let ground = try Ground()
        var log = ground.log(.off)
        log.append(bytes("secret"), now: 0, blank)
        log.resized(TerminalSize(columns: 9, rows: 9), now: 1, blank)
        log.flush(now: 2, blank)
        #expect(try Files.list(ground.path) == [])
        #expect(try RecordingFiles(ground.directory).exists == false)
    }

    @Test func anotherRunGoesOnBehindTheLast() throws {
        let ground = try Ground()
        do {
            var log = ground.log(now: 500)
            log.append(bytes("one"), now: 2_000_500, blank)
        }
        var log = ground.log(now: 77_000_000)
        log.append(bytes("two"), now: 78_000_000, blank)
        #expect(
            try ground.read() == [
                RecordingEvent(2_000_000, .output, bytes("one")),
                RecordingEvent(2_000_000, .marker, bytes("resumed")),
                RecordingEvent(2_000_000, .output, bytes("\u{1B}c")),
                RecordingEvent(2_000_000, columns: 80, rows: 24),
                RecordingEvent(3_000_000, .output, bytes("two")),
            ]
        )
    }

    @Test func aTornEndIsCutOff() throws {
        let ground = try Ground()
        do {
            var log = ground.log()
            log.append(bytes("one"), now: 1_000_000, blank)
        }
        try ground.append("[7.5, \"o\", \"tor")
        #expect(try ground.read().count == 1)
        var log = ground.log(now: 0)
        log.append(bytes("two"), now: 1_000_000, blank)
        let files = try RecordingFiles(ground.directory)
        let events = try ground.read(files)
        #expect(output(events) == "one\u{1B}ctwo" && files.skipped == 0)
        #expect(events.last?.time == 2_000_000)
    }

    @Test(arguments: ["", "no recording", "no recording\n", "{\"version\": 2, \"width\": 80, \"hei"])
    func whatIsNoRecordingIsBegunAnew(_ text: String) throws {
        let ground = try Ground()
        try ground.append(text)
        var log = ground.log()
        log.append(bytes("one"), now: 1_000_000, blank)
        let files = try RecordingFiles(ground.directory)
        #expect(try output(ground.read(files)) == "one" && files.skipped == 0 && files.header != nil)
    }

    /// Writes lines until the recording has rotated, and returns how many.
    private func fill(_ log: inout SessionLog, _ ground: Ground, _ snapshot: SessionLog.Snapshot) throws
        -> Int
    {
        var count = 0
        let inode = try Files.status(ground.directory.recording).inode
        while try Files.status(ground.directory.recording).inode == inode {
            log.append(bytes("line \(count)\r\n"), now: Int64(count) * 20_000, snapshot)
            count += 1
        }
        return count
    }

    @Test func eachFileCanBePlayedByItselfAndBothAsOne() throws {
        let ground = try Ground()
        let screen = SessionLog.Screen(size: TerminalSize(columns: 90, rows: 30), bytes: bytes("SCREEN"))
        var log = ground.log(limit: 65536)
        let count = try fill(&log, ground) { screen }
        log.append(bytes("behind"), now: Int64(count) * 20_000 + 1_000_000) { screen }
        // By itself: a header with the size, the screen, and times from the beginning.
        var reader = RecordingReader()
        var second: [RecordingEvent] = []
        reader.feed(try Files.read(ground.directory.recording)[...], into: &second)
        #expect(reader.header?.columns == 90 && reader.header?.rows == 30 && reader.header?.repeated == 1)
        #expect(second.map(\.bytes) == [bytes("SCREEN"), bytes("behind")])
        #expect(second.map(\.time) == [0, 1_020_000])
        // As one: the screen is not painted again, and time goes on.
        let files = try RecordingFiles(ground.directory)
        let all = try ground.read(files)
        #expect(output(all) == (0..<count).map { "line \($0)\r\n" }.joined() + "behind")
        #expect(all.last?.time == Int64(count) * 20_000 + 1_000_000)
        #expect(zip(all, all.dropFirst()).allSatisfy { $0.time <= $1.time })
        #expect(files.header?.columns == 80)
        // Of the second alone, when the first is gone, it is the beginning.
        try Files.remove(ground.directory.recording + ".1")
        #expect(try output(ground.read()) == "SCREENbehind")
    }

    @Test func theLimitHolds() throws {
        let ground = try Ground()
        let limit: Int64 = 1 << 20
        var log = ground.log(limit: limit)
        let part = bytes(String(repeating: "text \u{1B}[1m\r\n", count: 300))
        for round in 0..<1000 {
            log.append(part, now: Int64(round) * 1000, blank)
            let sizes = try ["", ".1"].map { suffix in
                let path = ground.directory.recording + suffix
                return Files.exists(path) ? try Files.status(path).size : 0
            }
            #expect(sizes[0] + sizes[1] <= limit)
        }
        #expect(try ground.read().count > 5)
    }

    @Test func whoFollowsMissesNothingAcrossFiles() throws {
        let ground = try Ground()
        let files = try RecordingFiles(ground.directory)
        #expect(!files.exists)
        #expect(try ground.read(files).isEmpty)
        var log = ground.log(limit: 65536)
        var seen = ""
        var written = ""
        for round in 0..<4000 {
            let line = "line \(round)\r\n"
            written += line
            log.append(bytes(line), now: Int64(round) * 20_000) {
                SessionLog.Screen(size: Ground.size, bytes: Array("SCREEN".utf8))
            }
            if round % 97 == 0 { seen += try output(ground.read(files)) }
        }
        seen += try output(ground.read(files))
        #expect(seen == written)
        #expect(try output(ground.read()).count < written.count, "the oldest was dropped")
    }

    @Test func whoFollowsTooSlowlyGoesOnWithWhatIsThere() throws {
        let ground = try Ground()
        var log = ground.log(limit: 65536)
        log.append(bytes("first"), now: 0, blank)
        let files = try RecordingFiles(ground.directory)
        #expect(try output(ground.read(files)) == "first")
        for _ in 0..<3 { _ = try fill(&log, ground, blank) }
        log.append(bytes("last"), now: 1 << 40, blank)
        let events = try ground.read(files)
        #expect(
            output(events).hasSuffix("last")
                && zip(events, events.dropFirst()).allSatisfy { $0.time <= $1.time }
        )
    }

    @Test func theTailBeginsWithALine() throws {
        let ground = try Ground()
        var log = ground.log(limit: 65536)
        _ = try fill(&log, ground, blank)
        log.append(bytes("behind"), now: 1 << 40, blank)
        let tail = String(decoding: RecordingFiles.tail(ground.directory, bytes: 100), as: UTF8.self)
        #expect(tail.count <= 100 && tail.hasPrefix("line ") && tail.hasSuffix("\r\nbehind"), "\(tail)")
        #expect(RecordingFiles.tail(AgentDirectory(path: "/nonexistent"), bytes: 100).isEmpty)
    }

    @Test func aFileThatCannotBeOpenedIsTriedAgain() throws {
        let ground = try Ground()
        // Links are not followed.
        try Files.makeSymbolicLink(ground.directory.recording, to: "/dev/full")
        var log = ground.log()
        log.append(bytes("lost"), now: 0, blank)
        try Files.remove(ground.directory.recording)
        log.append(bytes("kept"), now: 20_000, blank)
        #expect(try output(ground.read()) == "kept")
    }

    @Test func keysOfThePlayer() {
        let typed: [(String, [ReplayKey])] = [
            (" ", [.pause]), (".", [.step]), ("q", [.quit]), ("\u{3}", [.quit]), ("\u{1B}[C", [.forward]),
            ("\u{1B}OD", [.back]), ("\u{1B}[1;5C", [.forward]), ("\u{1B}[<0;1;1M", []), ("xyz", []),
            ("\u{1B}[D\u{1B}[D q", [.back, .back, .pause, .quit]), ("\u{1B}[", []), ("\u{1B}", []),
        ]
        for (text, keys) in typed {
            #expect(ReplayKey.keys(Array(text.utf8)) == keys, "\(text.debugDescription)")
        }
    }
}

// Files of schedules: what is written is read again, and nothing else is.

import ClocheModel
import LinuxSystem
import Testing

@testable import AgentStore

@Suite struct ScheduleFileTests {
    private let record = ScheduleRecord(
        name: "nightly",
        time: "30 2 * * *",
        project: "/src/parser",
        directory: "/src/parser/lib",
        words: ["--set=a=1", "--", "do \"this\"\nand $that %s"],
        environment: ["PATH=/usr/bin"],
        overlaps: true,
        created: 5
    )

    @Test func whatIsWrittenIsRead() throws {
        let state = try TemporaryState()
        let project = state.root.project("/src/parser")
        #expect(project.schedules().isEmpty)
        let file = project.schedule("nightly")
        #expect(throws: ClocheError.self) { try file.read() }
        try file.write(record)
        #expect(try file.read() == record)
        #expect(project.schedules() == [file] && file.name == "nightly")
        // A schedule is no agent.
        #expect(project.agents().isEmpty)
        try file.remove()
        #expect(!file.exists)
    }

    @Test func anotherScheduleOrAnUnknownFormIsRefused() throws {
        let state = try TemporaryState()
        let file = state.root.project("/src/parser").schedule("nightly")
        var other = record
        other.name = "weekly"
        try file.write(other)
        #expect(throws: ClocheError.self) { try file.read() }
        try file.write(record)
        let text = try Files.readText(file.path)
        #expect(text.contains("\"version\": 1"))
        for bad in [
            text.replacing("\"version\": 1", with: "\"version\": 2"), "", "{}", "[", String(text.dropLast(9)),
        ] {
            try Files.writeAtomically(file.path, Array(bad.utf8))
            let error = #expect(throws: ClocheError.self) { try file.read() }
            #expect(error?.code == .state)
        }
    }
}

// Events and agents for the tests of reports.

import ClocheModel

@testable import AuditReport

/// An event so many milliseconds after 2026-11-21T10:00Z.
func event(_ name: String, _ milliseconds: Int, _ facts: KeyValuePairs<String, Document> = [:]) -> Document {
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : String(number) }
    let rest = String(String(1000 + milliseconds % 1000).dropFirst())
    let time = "2026-11-21T\(two(10 + milliseconds / 3_600_000)):\(two(milliseconds / 60_000 % 60)):"
    var event = Document.object([
        "time": .string(time + "\(two(milliseconds / 1000 % 60)).\(rest)Z"), "event": .string(name),
        "user": .integer(1000),
    ])
    for (key, value) in facts { event[key] = value }
    return event
}

func exec(_ milliseconds: Int, _ pid: Int64, _ parent: Int64, _ argv: String..., cwd: String = "/workspace")
    -> Document
{
    event(
        "exec",
        milliseconds,
        [
            "program": .string("/usr/bin/" + argv[0]), "arguments": .strings(argv), "directory": .string(cwd),
            "pid": .integer(pid), "parent": .integer(parent),
        ]
    )
}

func subject(_ name: String = "fixer", task: String = "mend it") -> ReportSubject {
    var record = AgentRecord(
        name: name,
        project: "/home/user/project",
        workspace: .worktree(repository: "/repo", branch: "cloche/fixer", base: "0123456789abcdef"),
        access: .readWrite,
        workspacePath: "/state/fixer/workspace",
        profile: "shell",
        effective: .object([:]),
        task: task,
        created: 1_795_255_200_000
    )
    record.state = .exited
    record.starts = 2
    record.started = 1_795_255_201_000
    record.ended = 1_795_255_261_000
    record.endReason = .exited
    record.exitCode = 0
    var subject = ReportSubject(record, state: .exited, made: 1_795_255_300_000, version: "0.1.0")
    subject.rules = [ReportSubject.Setting("allow", "api.test:443", origin: "profile:3")]
    subject.settings = [ReportSubject.Setting("limits.idle", "30m")]
    return subject
}

/// The page of these events.
func page(_ events: [Document], _ subject: ReportSubject = subject(), denials: [ReportedDenial] = [])
    -> String
{
    var report = AuditReport(subject)
    for event in events { report.add(event) }
    report.denials = denials
    return report.page()
}

func denial(_ text: String) -> ReportedDenial {
    ReportedDenial(
        text,
        why: text,
        rule: text,
        line: text,
        command: text,
        count: 3,
        first: text,
        last: text
    )
}

// What people do at a running agent, and what comes of it, in the audit log: terminals and programs beside it.

internal import AgentStore
internal import AuditRecords
internal import ClocheModel
internal import LinuxSystem

extension Supervisor {
    // MARK: Terminals

    /// A person's presence is on record; what is typed is not.
    ///
    /// The screen is shown while the disk works; what is typed waits.
    func recordAttach(_ viewer: Viewer, readOnly: Bool) throws(ClocheError) {
        try audit.append(
            .attach,
            ["read-only": .bool(readOnly), "by": .integer(Int64(viewer.user))],
            .soon
        )
        viewer.attached = MonotonicClock.milliseconds
        viewer.typed = 0
    }

    /// A terminal that was connected is so no more.
    func recordDetach(_ viewer: Viewer) {
        guard let attachment = viewer.attachment else { return }
        viewer.role = .asking
        // A program's own terminal is on record with the program.
        if attachment.program != nil { return }
        // A full disk ends the agent at its next event.
        try? audit.append(
            .detach,
            [
                "read-only": .bool(attachment.readOnly), "by": .integer(Int64(viewer.user)),
                "typed": .integer(viewer.typed),
                "milliseconds": .integer(MonotonicClock.milliseconds - viewer.attached),
            ],
            .soon
        )
    }

    // MARK: Programs beside the agent

    private static func number(_ id: UInt32) -> Document { .integer(Int64(id - harnessID)) }

    /// A person wants to run one.
    func recordCommand(_ id: UInt32, _ arguments: [String]) throws(ClocheError) {
        try audit.append(.command, ["arguments": .strings(arguments), "number": Self.number(id)])
    }

    /// It has ended, or was not started.
    func recordExit(_ id: UInt32, _ end: ProcessEnd?, failure: ClocheError? = nil) throws(ClocheError) {
        let program = programs.removeValue(forKey: id)
        var signal: Int32?
        if case .signalled(let number) = end { signal = number }
        func number<Value: BinaryInteger>(_ value: Value?) -> Document { .optional(value.map { Int64($0) }) }
        try audit.append(
            .exit,
            [
                "number": Self.number(id), "pid": number(program?.pid), "exit-code": number(end?.exitCode),
                "signal": number(signal), "failure": .optional(failure?.what),
                "milliseconds": number(program.map { MonotonicClock.milliseconds - $0.began }),
            ]
        )
    }
}

extension CredentialPolicy {
    /// That it is given; what it says is not told.
    var event: AuditEvent {
        switch kind {
        case .environment(let name):
            AuditEvent(.credential, [.init("kind", .string("variable")), .init("name", .string(name))])
        case .service(let service, let source):
            AuditEvent(
                .credential,
                [
                    .init("kind", .string("service")), .init("name", .string(service.name)),
                    .init("source", .string(source?.description ?? "none")),
                ]
            )
        case .file(let source, let target):
            AuditEvent(
                .credential,
                [
                    .init("kind", .string("file")), .init("name", .string(target)),
                    .init("source", .string(source)),
                ]
            )
        }
    }
}

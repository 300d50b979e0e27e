// What a sync brought, file by file, for the audit log.

internal import AgentStore
internal import AuditRecords
internal import ClocheModel
internal import GitWorkspace

enum FileEvents {
    /// How many files are told one by one.
    private static let most = 1000
    /// How many bytes their paths have.
    private static let mostBytes = 256 << 10

    /// The files that another content, name or mode came for, and how many more there are.
    static func all(of sync: SyncResult, _ worktree: AgentWorktree) throws(ClocheError) -> [AuditEvent] {
        let files = try worktree.changedFiles(of: sync)
        var told: [AuditEvent] = []
        var bytes = 0
        for file in files.prefix(most) {
            bytes += file.path.count + (file.from?.count ?? 0)
            if bytes > mostBytes { break }
            told.append(event(file))
        }
        if told.count == files.count { return told }
        let left = Int64(files.count - told.count)
        return told + [
            AuditEvent(.filesUntold, [.init("count", .integer(left)), .init("where", .string("workspace"))])
        ]
    }

    private static func event(_ file: SyncedFile) -> AuditEvent {
        func text(_ path: [UInt8]) -> Document { .string(String(decoding: path, as: UTF8.self)) }
        return AuditEvent(
            .file,
            [
                .init("path", text(file.path)), .init("change", .string(file.change.rawValue)),
                .init("where", .string("workspace")), .init("kind", .string(file.kind.rawValue)),
                .init("from", file.from.map(text) ?? .null),
            ]
        )
    }
}

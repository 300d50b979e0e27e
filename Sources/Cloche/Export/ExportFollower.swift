// `cloche internal send-audit DIRECTORY DESTINATION`: the process that a supervisor has for each entry of `audit.export`.
// Its standard input is the end of a pipe: when that is closed, the supervisor has ended, and there are two seconds for
// the rest; what remains is sent when the agent is started again.

internal import AgentStore
internal import AuditRecords
package import ClocheModel
internal import LinuxSystem
internal import TerminalText

/// Sends an agent's log for its supervisor.
package enum ExportFollower {
    /// Sends until the supervisor has ended; returns an exit code.
    package static func run(_ directory: String, to destination: String) throws(ClocheError) -> Int32 {
        let directory = AgentDirectory(path: directory)
        let wait = ExportWait(parent: 0)
        guard let lock = try lock(directory.exportPosition(destination), wait) else { return 0 }
        let record = try directory.read()
        var position: ExportPosition
        do throws(SystemError) {
            // The log may be a moment younger than this process.
            let log = try directory.auditLogID(record)
            position = try directory.readExportPosition(destination, log: log)
        } catch { throw StoreError.cannotWrite(error) }
        let before = position
        position.problem = ""
        let exporter = AuditExporter(
            try AuditTail(directory, log: position.log, after: position.end),
            from: record.exportSource(position.log),
            to: try AuditExporter.target(
                destination,
                wait,
                outside: AgentLaunch.trees(directory, record) + [directory.path]
            ),
            wait
        ) { problem in
            position.problem = problem ?? ""
            if let problem { warn("\(visible(destination)): \(problem)") }
            // Only shown; what matters is told below.
            try? directory.writeExportPosition(position)
        }
        func note() throws(ClocheError) {
            position.end = exporter.end ?? position.end
            position.refused = before.refused + exporter.refused
            position.missed = before.missed + exporter.missed
            do throws(SystemError) {
                try directory.writeExportPosition(position)
            } catch { throw StoreError.cannotWrite(error) }
        }
        try exporter.run(while: { lock.isLocked }, note: note)
        return 0
    }

    /// Waits for the one before, which has a moment left when an agent is started again at once.
    private static func lock(_ path: String, _ wait: ExportWait) throws(ClocheError) -> LockHolder? {
        while !wait.isOver {
            do {
                if let lock = try LockHolder(path) { return lock }
                try wait.wait(milliseconds: 100)
            } catch { throw ClocheError(.system, "cannot lock \(path)", why: "\(error)") }
        }
        return nil
    }

    /// A lock that closures can name.
    private final class LockHolder {
        private let lock: FileLock

        init?(_ path: String) throws(SystemError) {
            guard let lock = try FileLock(path) else { return nil }
            self.lock = lock
        }

        var isLocked: Bool { lock.isLocked }
    }

    private static func warn(_ text: String) {
        let line = "\(WallClock.format(WallClock.milliseconds)) audit.export: \(text)\n"
        // There is nobody else to tell.
        try? FileDescriptor(duplicating: 2)?.write(Array(line.utf8))
    }
}

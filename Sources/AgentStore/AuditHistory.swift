// Reads an agent's audit log, all of its files, while others may be writing.

package import AuditRecords
package import ClocheModel
internal import Glibc
internal import LinuxSystem
internal import StructuredText

/// An agent's audit log, to be read.
package struct AuditHistory: Sendable {
    private let directory: AgentDirectory

    /// The log of an agent.
    package init(_ directory: AgentDirectory) { self.directory = directory }

    /// All events, oldest first; a torn last line is left out.
    package func events() throws(ClocheError) -> [Document] {
        try reading { () throws(SystemError) in
            var events: [Document] = []
            for part in try directory.auditParts() { events += Self.events(try Files.read(part.path)) }
            return events + Self.events(try Files.read(directory.auditLog))
        }
    }

    /// The events that are wholly in the last so many bytes, oldest first.
    package func latestEvents(bytes: Int) throws(ClocheError) -> [Document] {
        try reading { () throws(SystemError) in
            var rest = Int64(bytes)
            var events: [Document] = []
            let paths = try [directory.auditLog] + directory.auditParts().reversed().map(\.path)
            for path in paths where rest > 0 {
                let file = try Files.open(path, O_RDONLY | O_NOFOLLOW)
                let size = try Files.status(of: file).size
                let skipped = max(0, size - rest)
                try file.rewind(to: skipped)
                let all = try file.readToEnd()
                // The first line may be the rest of one.
                events =
                    Self.events(skipped == 0 ? all : Array(all.drop { $0 != UInt8(ascii: "\n") })) + events
                rest -= size
            }
            return events
        }
    }

    private static func events(_ bytes: [UInt8]) -> [Document] {
        // A line that does not parse is one that a crash cut short, or that somebody has changed: `verify` tells.
        bytes.split(separator: UInt8(ascii: "\n")).compactMap { try? JSONText.parse(Array($0)) }
    }

    private func reading(_ body: () throws(SystemError) -> [Document]) throws(ClocheError) -> [Document] {
        do throws(SystemError) {
            return try body()
        } catch  where error.errno == .noEntry {
            return []
        } catch { throw cannotRead(error) }
    }

    private func cannotRead(_ error: SystemError) -> ClocheError {
        ClocheError.auditLogHeld(error)
            ?? ClocheError(.system, "cannot read the audit log", why: "\(directory.auditLog): \(error.errno)")
    }

    /// Verifies the chain of records from the first that is kept to the last.
    ///
    /// - Parameters:
    ///   - id: the log's id as the agent's record has it, if it has one.
    ///   - wanted: numbers of records whose hashes are asked for.
    package func verify(_ id: String?, hashesOf wanted: Set<Int64> = []) throws(ClocheError) -> ChainReport {
        do throws(SystemError) {
            let (parts, last, head) = try snapshot()
            var chain = AuditChain(log: id, head: head, hashesOf: wanted)
            for part in parts {
                chain.read(part.path.lastComponent, try part.file.readToEnd(), number: part.number)
            }
            chain.read(directory.auditLog.lastComponent, last, number: nil)
            return chain.finish()
        } catch { throw cannotRead(error) }
    }

    /// All files as they are at one moment; the earlier ones change no more, and stay readable when they are removed.
    private func snapshot() throws(SystemError) -> ([AuditPart], [UInt8], LogHead?) {
        while true {
            let current: OpenAuditFile
            do throws(SystemError) {
                current = try OpenAuditFile(directory.auditLog, forWriting: false)
            } catch  where error.errno == .noEntry {
                return (try openParts(), [], try directory.readAuditHead())
            }
            let taken = try current.file.locked(directory.auditLog, shared: true) {
                () throws(SystemError) -> (parts: [AuditPart], size: Int64, head: LogHead?)? in
                guard try current.isStillAt(directory.auditLog) else { return nil }
                let size = try Files.status(of: current.file).size
                return (try openParts(), size, try directory.readAuditHead())
            }
            guard let taken else { continue }
            // That may take long, or be stopped on the way: what was there then is only appended to.
            return (taken.parts, try current.file.readToEnd(limit: Int(taken.size)), taken.head)
        }
    }

    private func openParts() throws(SystemError) -> [AuditPart] {
        var parts: [AuditPart] = []
        for (number, path) in try directory.auditParts() { parts.append(try AuditPart(number, path)) }
        return parts
    }
}

/// An earlier file of a log, open.
private final class AuditPart {
    let number: Int64
    let path: String
    let file: FileDescriptor

    init(_ number: Int64, _ path: String) throws(SystemError) {
        file = try Files.open(path, O_RDONLY | O_NOFOLLOW)
        (self.number, self.path) = (number, path)
    }
}

// How far an agent's log has been sent to one destination: a line beside the log, replaced in place, so that whoever goes
// on sending begins where the last one ended.

package import AuditRecords
package import ClocheModel
internal import Glibc
package import LinuxSystem
internal import StructuredText

/// What is known of sending a log to a destination.
package struct ExportPosition: Equatable, Sendable {
    /// The destination, as the profile has it.
    package let destination: String
    /// The log's id.
    package let log: String
    /// The last record that it has; the beginning before the first.
    package var end: ChainEnd
    /// How many records it would not take.
    package var refused: Int64
    /// How many records `audit.keep` had removed before it could take them.
    package var missed: Int64
    /// Why it takes nothing at the moment, or what it said last; empty when all is well.
    package var problem: String

    /// Before the first record.
    package init(_ destination: String, log: String) {
        (self.destination, self.log) = (destination, log)
        end = ChainEnd(beginningOf: log)
        (refused, missed, problem) = (0, 0, "")
    }

    init?(_ line: [UInt8]) {
        // What cannot be read is no position; then all is sent again.
        guard let document = try? JSONText.parse(line), let log = document["id"]?.string,
            let destination = document["to"]?.string, let sequence = document["seq"]?.integer,
            0..<(1 << 60) ~= sequence,
            let hash = (document["hash"]?.string).flatMap({ RecordHash(hexadecimal: $0.utf8) })
        else { return nil }
        self.init(destination, log: log)
        end = ChainEnd(sequence: sequence, hash: hash)
        refused = min(max(document["refused"]?.integer ?? 0, 0), 1 << 60)
        missed = min(max(document["missed"]?.integer ?? 0, 0), 1 << 60)
        problem = document["problem"]?.string ?? ""
    }

    /// For the file, and for JSON.
    package var document: Document {
        .object([
            "to": .string(destination), "id": .string(log), "seq": .integer(end.sequence),
            "hash": .string(end.hash.hexadecimal), "refused": .integer(refused), "missed": .integer(missed),
            "problem": .string(problem),
        ])
    }
}

extension AgentDirectory {
    private static let exportPrefix = "audit.export."

    /// Where it is kept how far the log was sent to a destination; whoever sends holds its lock.
    package func exportPosition(_ destination: String) -> String {
        "\(path)/\(Self.exportPrefix)\(StableHash.hexadecimal(destination))"
    }

    /// The id of the agent's log; empty while there is none.
    package func auditLogID(_ record: AgentRecord) throws(SystemError) -> String {
        if let id = record.auditLog { return id }
        return try readAuditHead()?.log ?? ""
    }

    /// How far the log was sent to a destination; the beginning when nothing is known.
    package func readExportPosition(_ destination: String, log: String) throws(SystemError) -> ExportPosition
    {
        let line = try Files.read(exportPosition(destination), limit: 1 << 16)
        guard let known = ExportPosition(line), known.log == log, known.destination == destination else {
            return ExportPosition(destination, log: log)
        }
        return known
    }

    /// Replaces it.
    package func writeExportPosition(_ position: ExportPosition) throws(SystemError) {
        var line = JSONText.serializeBytes(position.document)
        // As long as any before it: what is behind the object is space.
        line += [UInt8](repeating: UInt8(ascii: " "), count: max(0, 4095 - line.count)) + [UInt8(ascii: "\n")]
        // The file is there, with a lock on it; where it is not, the agent has been deleted.
        try Files.open(exportPosition(position.destination), O_WRONLY | O_NOFOLLOW).overwrite(line)
    }

    /// To which destinations the log was sent, and how far.
    package func exportPositions() throws(SystemError) -> [ExportPosition] {
        var found: [ExportPosition] = []
        for name in try Files.list(path).sorted() where name.hasPrefix(Self.exportPrefix) {
            if let position = ExportPosition(try Files.read("\(path)/\(name)", limit: 1 << 16)) {
                found.append(position)
            }
        }
        return found
    }
}

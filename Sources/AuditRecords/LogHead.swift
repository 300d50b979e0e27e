// What is kept beside a log: how far it is certainly on disk. The line has always the same length, so that it can be
// replaced in place by one write.

internal import ClocheModel
internal import StructuredText

/// The head of a log: its last record that is known to be on disk.
package struct LogHead: Equatable, Sendable {
    /// The log's id.
    package let log: String
    /// The record, or the beginning.
    package let end: ChainEnd
    /// Where that record's line ends in its file.
    package let size: Int64

    /// A head.
    package init(log: String, end: ChainEnd, size: Int64) {
        (self.log, self.end, self.size) = (log, end, size)
    }

    /// The length of the line, with its newline.
    package static let length = 256

    /// The line that is written, filled up with spaces.
    package var line: [UInt8] {
        var line = JSONText.serializeBytes(
            .object([
                "v": .integer(AuditSchema.version), "id": .string(log), "seq": .integer(end.sequence),
                "size": .integer(size), "hash": .string(end.hash.hexadecimal),
            ])
        )
        line += [UInt8](repeating: UInt8(ascii: " "), count: max(0, Self.length - 1 - line.count))
        return line + [UInt8(ascii: "\n")]
    }

    /// Reads the line; nil when it is none.
    package init?(_ line: [UInt8]) {
        // What cannot be read is no head, and is told as that.
        guard line.count == Self.length, let document = try? JSONText.parse(line),
            document["v"]?.integer == AuditSchema.version, let log = document["id"]?.string,
            let sequence = document["seq"]?.integer, 0..<(1 << 60) ~= sequence,
            let size = document["size"]?.integer, size >= 0,
            let hash = (document["hash"]?.string).flatMap({ RecordHash(hexadecimal: $0.utf8) })
        else { return nil }
        self.init(log: log, end: ChainEnd(sequence: sequence, hash: hash), size: size)
    }
}

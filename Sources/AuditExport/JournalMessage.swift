// Records in the journal's native protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL): `NAME=value` and a newline, or,
// of a value that has a newline itself, the name, a newline, its length in 64 bits, and the value.

/// A record as a datagram for journald.
package enum JournalMessage {
    /// The datagram, or what a file in its place contains when it is too long for one.
    package static func encode(_ record: ExportRecord) -> [UInt8] {
        var message: [UInt8] = []
        append("MESSAGE", Array(record.message.utf8), to: &message)
        append("PRIORITY", Array(String(record.severity.syslog).utf8), to: &message)
        append("SYSLOG_FACILITY", Array(String(SyslogMessage.facility).utf8), to: &message)
        for (name, value) in [
            ("SYSLOG_IDENTIFIER", "cloche"), ("CLOCHE_AGENT", record.source.agent),
            ("CLOCHE_PROJECT", record.source.project), ("CLOCHE_LOG", record.source.log),
            ("CLOCHE_SEQ", String(record.sequence)), ("CLOCHE_EVENT", record.kind),
            ("CLOCHE_LEVEL", record.level), ("CLOCHE_TIME", record.timeText),
        ] {
            append(name, Array(value.utf8), to: &message)
        }
        append("CLOCHE_RECORD", record.line, to: &message)
        return message
    }

    /// Appends one field; a value with a newline can be taken for no other field.
    static func append(_ name: String, _ value: [UInt8], to message: inout [UInt8]) {
        message += name.utf8
        if value.contains(UInt8(ascii: "\n")) {
            message.append(UInt8(ascii: "\n"))
            let count = UInt64(value.count)
            message += (0..<8).map { UInt8(truncatingIfNeeded: count >> ($0 * 8)) }
        } else {
            message.append(UInt8(ascii: "="))
        }
        message += value
        message.append(UInt8(ascii: "\n"))
    }
}

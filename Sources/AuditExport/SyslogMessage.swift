// Records for a syslog daemon on this host, as syslog(3) writes them: `<PRIORITY>Mmm dd hh:mm:ss cloche[PID]: ` and the
// record. That is what daemons read at their local socket; of RFC 5424, rsyslog takes the version there for
// the program's name. The exact time is in the record.

/// A record as a datagram for a syslog daemon.
package enum SyslogMessage {
    /// The facility "log audit".
    static let facility = 13
    /// More than that is cut off by daemons as they are set up: 8 KiB with what stands in front.
    static let mostBytes = 8000

    /// The datagram.
    ///
    /// - Parameters:
    ///   - record: of one that is too long, some facts are left out.
    ///   - stamp: its time as syslog has it, `Nov 21 10:00:00` in local time.
    ///   - process: the sender's process id.
    package static func encode(_ record: ExportRecord, stamp: String, process: Int32) -> [UInt8] {
        let priority = facility * 8 + record.severity.syslog
        var message = Array("<\(priority)>\(stamp) cloche[\(process)]: ".utf8)
        // A daemon may end a message at a NUL or a newline; JSON has neither, but for what a forger wrote between tokens.
        message += record.identified(atMost: mostBytes).map { $0 < 0x20 ? UInt8(ascii: " ") : $0 }
        return message
    }
}

// What a sandbox's network has carried, from the kernel's counters of its interfaces.

internal import LinuxSystem

/// Bytes of all interfaces of a network namespace but loopback.
///
/// They begin with each interface, so an interface that goes takes its numbers with it.
package struct NetworkCounters: Equatable, Sendable {
    /// Bytes that came in.
    package var receivedBytes: Int64 = 0
    /// Bytes that went out.
    package var sentBytes: Int64 = 0

    /// Those of the namespace that a process is in; nil when the process is gone.
    package init?(of pid: Int32) {
        // What is gone has no numbers.
        guard let text = try? ProcessFiles(of: pid).read("net/dev") else { return nil }
        self.init(text)
    }

    /// Takes the text of `/proc/net/dev` apart: two lines of head, then a line for each interface.
    ///
    /// A name may hold any sign but a slash and white space; the last colon ends it.
    package init?(_ text: [UInt8]) {
        let lines = text.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
        guard lines.count >= 2, lines[1].contains("bytes") else { return nil }
        for line in lines.dropFirst(2) {
            guard let colon = line.lastIndex(of: ":") else { return nil }
            let name = line[..<colon].drop { $0 == " " }
            let numbers = line[line.index(after: colon)...].split(separator: " ").map { Int64($0) ?? .max }
            guard numbers.count >= 9 else { return nil }
            if name == "lo" { continue }
            receivedBytes = receivedBytes.addingReportingOverflow(numbers[0]).partialValue
            sentBytes = sentBytes.addingReportingOverflow(numbers[8]).partialValue
        }
    }
}

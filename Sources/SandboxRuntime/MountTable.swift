// What is mounted where, as the kernel tells it.

internal import ClocheModel
internal import LinuxSystem

/// A mount table, `/proc/PID/mountinfo`.
///
/// See `proc_pid_mountinfo(5)`.
enum MountTable {
    /// Where something is mounted, in the table's order.
    static func points(_ text: String) -> [String] {
        // Not by `rows`: every start of a sandbox reads the table.
        var points: [String] = []
        let bytes = Array(text.utf8)
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
            let fields = bytes[start..<end].split(separator: UInt8(ascii: " "), maxSplits: 5)
            if fields.count > 5 { points.append(MountInfo.unescape(fields[4])) }
            start = end + 1
        }
        return points
    }

    /// One mount.
    struct Mount: Sendable {
        /// Where it is.
        let point: String
        /// Its own flags; those of its file system are not looked at.
        let attributes: MountAttributes
        /// The kind of file system.
        let kind: String

        /// In the words of `mount(8)`.
        var text: String { Self.text(kind, attributes) }

        static func text(_ kind: String, _ attributes: MountAttributes) -> String {
            ([kind] + attributes.names).joined(separator: ",")
        }
    }

    /// Every mount, in the table's order.
    static func mounts(_ table: [UInt8]) -> [Mount] {
        // Not by `rows`: every start of a sandbox reads one.
        var mounts: [Mount] = []
        mounts.reserveCapacity(64)
        var line = Line(table)
        while !line.isAtEnd {
            line.skip(4)
            let (point, options) = (line.next(), line.next())
            // Optional fields, up to a dash.
            while !line.isAtEnd, !line.next().elementsEqual([UInt8(ascii: "-")]) {}
            mounts.append(
                Mount(
                    point: MountInfo.unescape(point),
                    attributes: attributes(options),
                    kind: String(decoding: line.next(), as: UTF8.self)
                )
            )
            line.goOn()
        }
        return mounts
    }

    /// A walk over the fields of a table, line by line.
    private struct Line {
        private let table: [UInt8]
        private var start = 0

        init(_ table: [UInt8]) { self.table = table }

        /// The line has no more fields.
        var isAtEnd: Bool { start >= table.count || table[start] == UInt8(ascii: "\n") }

        /// The next field of this line; empty behind the last.
        mutating func next() -> ArraySlice<UInt8> {
            let first = start
            while start < table.count, table[start] != UInt8(ascii: " "), table[start] != UInt8(ascii: "\n") {
                start += 1
            }
            let field = table[first..<start]
            if start < table.count, table[start] == UInt8(ascii: " ") { start += 1 }
            return field
        }

        mutating func skip(_ count: Int) { for _ in 0..<count { _ = next() } }

        /// To the next line.
        mutating func goOn() {
            while !isAtEnd { start += 1 }
            start += 1
        }
    }

    private static let flags: [(name: [UInt8], flag: MountAttributes)] = [
        (Array("ro".utf8), .readOnly), (Array("nosuid".utf8), .noSetID), (Array("nodev".utf8), .noDevices),
        (Array("noexec".utf8), .noExec), (Array("nosymfollow".utf8), .noLinks),
    ]

    private static func attributes(_ options: ArraySlice<UInt8>) -> MountAttributes {
        var result: MountAttributes = []
        for option in options.split(separator: UInt8(ascii: ",")) {
            for flag in flags where option.elementsEqual(flag.name) { result.insert(flag.flag) }
        }
        return result
    }
}

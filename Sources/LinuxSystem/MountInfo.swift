// The text form of a mount table, `proc_pid_mountinfo(5)`.

/// A mount table as text.
package enum MountInfo {
    /// The parts of each line that tell where a file system is: its root there, the place, its kind.
    package static func rows(_ text: String) -> [(root: String, point: String, kind: String)] {
        Array(text.utf8).split(separator: UInt8(ascii: "\n")).compactMap { line in
            let fields = line.split(separator: UInt8(ascii: " "))
            guard fields.count > 6,
                let dash = fields.firstIndex(where: { $0.elementsEqual([UInt8(ascii: "-")]) }),
                dash + 1 < fields.count
            else { return nil }
            return (
                unescape(fields[3]), unescape(fields[4]), String(decoding: fields[dash + 1], as: UTF8.self)
            )
        }
    }

    /// A field in plain words: blanks, newlines and backslashes are written as three octal digits.
    package static func unescape(_ field: ArraySlice<UInt8>) -> String {
        guard field.contains(UInt8(ascii: "\\")) else { return String(decoding: field, as: UTF8.self) }
        var bytes: [UInt8] = []
        var rest = field
        while let byte = rest.popFirst() {
            let digits = String(decoding: rest.prefix(3), as: UTF8.self)
            if byte == UInt8(ascii: "\\"), let value = UInt8(digits, radix: 8) {
                bytes.append(value)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

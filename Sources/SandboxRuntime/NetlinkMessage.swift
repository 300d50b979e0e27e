// Messages of netlink(7) as bytes: a head, a fixed part, attributes within attributes. What they mean to the kernel is in
// NetworkMessages.swift.

internal import CLinux

/// One message; its length is filled in by `bytes`.
struct NetlinkMessage {
    private var content: [UInt8] = []
    /// Whether the kernel answers when all went well; it always does when something failed.
    let isAnswered: Bool

    /// - Parameter flags: beside `NLM_F_REQUEST`.
    init(_ type: Int32, flags: Int32 = 0, isAnswered: Bool = true) {
        self.isAnswered = isAnswered
        content += native(UInt32(0))  // its length
        content += native(UInt16(truncatingIfNeeded: type))
        content += native(UInt16(NLM_F_REQUEST | (isAnswered ? NLM_F_ACK : 0) | flags))
        content += native(UInt32(0)) + native(UInt32(0))  // the number of one message, and of a port
    }

    /// What follows the head: the structure that the type asks for.
    mutating func append(_ bytes: [UInt8]) {
        content += bytes
        pad()
    }

    mutating func attribute(_ type: UInt32, _ value: [UInt8]) {
        content += native(UInt16(4 + value.count)) + native(UInt16(type))
        append(value)
    }

    /// Names are ended by a null.
    mutating func attribute(_ type: UInt32, name: String) { attribute(type, Array(name.utf8) + [0]) }

    /// nf_tables has its numbers in the order of the network.
    mutating func attribute(_ type: UInt32, big value: UInt32) { attribute(type, native(value.bigEndian)) }

    mutating func nest(_ type: UInt32, _ fill: (inout NetlinkMessage) -> Void) {
        let start = content.count
        content += native(UInt16(0)) + native(UInt16(type) | UInt16(NLA_F_NESTED))
        fill(&self)
        content.replaceSubrange(start..<start + 2, with: native(UInt16(content.count - start)))
    }

    var bytes: [UInt8] { native(UInt32(content.count)) + content[4...] }

    private mutating func pad() { content += [UInt8](repeating: 0, count: -content.count & 3) }
}

/// A value as it lies in memory.
func native<T: FixedWidthInteger & BitwiseCopyable>(_ value: T) -> [UInt8] {
    unsafe withUnsafeBytes(of: value) { unsafe Array($0) }
}

// Bytes on their way: appended behind, taken off the front, with no memory kept for what has gone.

/// A queue of bytes.
struct ByteQueue {
    private var bytes: [UInt8] = []
    private var start = 0

    /// More than this is not kept for what comes later.
    private static let kept = 64 << 10

    var count: Int { bytes.count - start }
    var isEmpty: Bool { count == 0 }
    /// What is in it.
    var slice: ArraySlice<UInt8> { bytes[start...] }

    mutating func append(_ more: UnsafeRawBufferPointer) { unsafe bytes.append(contentsOf: more) }

    mutating func append(_ more: some Collection<UInt8>) { bytes.append(contentsOf: more) }

    /// What is in it behind so many bytes.
    func slice(from offset: Int) -> ArraySlice<UInt8> { bytes[(start + offset)...] }

    /// Takes bytes off the front.
    mutating func consume(_ number: Int) {
        start += number
        if start == bytes.count {
            if bytes.capacity > Self.kept { bytes = [] } else { bytes.removeAll(keepingCapacity: true) }
            start = 0
        } else if start > Self.kept && start > bytes.count / 2 {
            bytes.removeFirst(start)
            start = 0
        }
    }
}

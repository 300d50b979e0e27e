// What has been sent of a request, kept while the service could answer that the key is no longer taken: with another one, it
// is sent once more, and the agent sees one answer.

internal import LinuxSystem

/// A request that can be sent again.
struct RequestReplay {
    /// The body so far; nil where it is not kept.
    private var body: [UInt8]?
    /// The key it was sent with.
    private(set) var key: Secret?
    /// How often it was sent again: once, as what a renewed key does not open, another one hardly does.
    private(set) var count = 0
    /// Whether the answer that comes is dropped.
    var isDropping = false

    /// A longer request is not kept: its agent is told to ask again.
    private static let longest = 4 << 20
    private static let most = 1

    /// - Parameter isKept: whether the service has keys that are renewed.
    init(isKept: Bool) { body = isKept ? [] : nil }

    /// Bytes that are held.
    var held: Int { body?.count ?? 0 }

    /// The head goes out with this key.
    mutating func begins(with key: Secret?) { self.key = key }

    /// The next bytes of the body go out.
    mutating func passed(_ bytes: ArraySlice<UInt8>) {
        guard body != nil else { return }
        if held + bytes.count > Self.longest { body = nil } else { body?.append(contentsOf: bytes) }
    }

    /// It cannot be sent again.
    mutating func forget() { body = nil }

    /// Whether the request can be sent once more.
    var isPossible: Bool { body != nil && count < Self.most }

    /// The body so far, to be sent once more.
    mutating func again() -> [UInt8] {
        count += 1
        isDropping = false
        defer { if count == Self.most { body = nil } }
        return body ?? []
    }
}

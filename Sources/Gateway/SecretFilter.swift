// What a service answers must not show the key to the agent: a service that echoes what it was sent would. The same
// number of other characters stands for it, so that no length changes.

internal import LinuxSystem

/// Finds secrets in bytes that come in pieces.
struct SecretFilter {
    private let secrets: [Secret]
    /// The end of the last piece, with which a secret could begin.
    private var held: [UInt8] = []
    /// Whether one was found.
    private(set) var hasFound = false

    /// A shorter one could be any word.
    static let shortest = 6

    init(_ secrets: [Secret]) { self.secrets = secrets.filter { $0.count >= Self.shortest } }

    /// Replaces what is found in a piece; `emit` is called with what may go on.
    mutating func feed(_ piece: UnsafeMutableRawBufferPointer, _ emit: (UnsafeRawBufferPointer) -> Void) {
        if secrets.isEmpty { return unsafe emit(UnsafeRawBufferPointer(piece)) }
        guard held.isEmpty else { return unsafe feedBehindHeld(piece, emit) }
        unsafe replace(piece)
        let tail = unsafe longestTail(UnsafeRawBufferPointer(piece))
        if piece.count > tail {
            unsafe emit(UnsafeRawBufferPointer(rebasing: piece[..<(piece.count - tail)]))
        }
        if tail > 0 { unsafe held = Array(piece.suffix(tail)) }
    }

    private mutating func feedBehindHeld(
        _ piece: UnsafeMutableRawBufferPointer,
        _ emit: (UnsafeRawBufferPointer) -> Void
    ) {
        var whole = held
        held.wipe()
        unsafe whole.append(contentsOf: piece)
        unsafe whole.withUnsafeMutableBytes { unsafe feed($0, emit) }
        whole.wipe()
    }

    /// What was held back, at the end.
    mutating func finish(_ emit: (UnsafeRawBufferPointer) -> Void) {
        if held.isEmpty { return }
        unsafe held.withUnsafeBytes { unsafe emit($0) }
        held.wipe()
    }

    private mutating func replace(_ bytes: UnsafeMutableRawBufferPointer) {
        for secret in secrets {
            var position = 0
            while position < bytes.count {
                let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[position...])
                guard let found = unsafe secret.firstIndex(in: UnsafeRawBufferPointer(rest)) else { break }
                for index in found..<(found + secret.count) { unsafe rest[index] = UInt8(ascii: "*") }
                hasFound = true
                position += found + secret.count
            }
        }
    }

    /// How many of the last bytes are the beginning of a secret.
    private func longestTail(_ bytes: UnsafeRawBufferPointer) -> Int {
        var longest = 0
        for secret in secrets {
            unsafe secret.withBytes { key in
                var count = min(key.count - 1, bytes.count)
                while count > longest {
                    if unsafe bytes.suffix(count).elementsEqual(key.prefix(count)) { longest = count }
                    count -= 1
                }
            }
        }
        return longest
    }
}

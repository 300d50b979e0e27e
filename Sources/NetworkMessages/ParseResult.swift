// What every parser here answers. Parsers take a `Span` (`bytes.span` of an array or a slice), never trap, and keep
// nothing of what they were given. A message that passes is the only reading of its bytes: where two programs could
// differ in how they read something, it is malformed. Used by NetworkRelay.

/// What became of some bytes.
package enum ParseResult<Value> {
    /// They are the beginning of a message, as far as one can tell.
    case needMore
    /// They begin with a message of `length` bytes; what follows was not looked at.
    case found(Value, length: Int)
    /// Whatever follows, they are no message that passes; the text says why, for the audit log.
    case malformed(String)
}

extension ParseResult: Sendable where Value: Sendable {}
extension ParseResult: Equatable where Value: Equatable {}

/// Why bytes are no message.
struct Malformed: Error {
    let why: String

    init(_ why: String) { self.why = why }
}

// Regular expressions of the C library, for what people look for in an agent's output. Swift's own would cost the
// program a megabyte.

internal import Glibc

/// An extended regular expression of POSIX, `regex(7)`.
///
/// What the C library learns of it while it looks is thrown away now and then: text that others wrote must not fill the
/// memory.
@safe package final class PosixRegex {
    /// An expression that has taken so long is compiled anew, in microseconds: its memory grows meanwhile.
    private static let leastRenewal: Int64 = 20_000
    /// As long, or ten times what it took to compile it.
    private let renewal: Int64

    private let pattern: String
    /// What it has taken since it was compiled, in microseconds.
    private var cost: Int64 = 0
    /// Made by `compile`, freed when it is replaced or in `deinit`, and never given out.
    private var compiled: UnsafeMutablePointer<regex_t>

    /// Compiles an expression.
    ///
    /// - Throws: what is wrong with it, in the C library's words where it is the one that finds it.
    package init(_ pattern: String) throws(PosixRegexError) {
        if let letter = Self.literalEscape(pattern) { throw PosixRegexError(letter: letter) }
        self.pattern = pattern
        let began = ThreadClock.microseconds
        unsafe compiled = try Self.compile(pattern)
        renewal = max(Self.leastRenewal, 10 * (ThreadClock.microseconds - began))
    }

    /// The letter of the first `\\` that stands before one to which it gives no meaning: other languages have it.
    private static func literalEscape(_ pattern: String) -> Character? {
        var rest = pattern[...]
        while let first = rest.popFirst() {
            if first == "[" {
                // Within brackets a backslash is one. A bracket that comes first, or right after ^, does not end them.
                if rest.first == "^" { rest.removeFirst() }
                if rest.first == "]" { rest.removeFirst() }
                skipBrackets(&rest)
            } else if first == "\\", let escaped = rest.popFirst(), escaped.isASCII, escaped.isLetter,
                !"wWsSbB".contains(escaped)
            {
                return escaped
            }
        }
        return nil
    }

    /// Goes on behind the bracket that ends a list; `[:alpha:]`, `[.x.]` and `[=x=]` within it have brackets of their own.
    private static func skipBrackets(_ rest: inout Substring) {
        while let next = rest.popFirst(), next != "]" {
            guard next == "[", let kind = rest.first, ":.=".contains(kind) else { continue }
            rest.removeFirst()
            while let inner = rest.popFirst() {
                if inner == kind && rest.first == "]" { break }
            }
            rest = rest.dropFirst()
        }
    }

    private static func compile(_ pattern: String) throws(PosixRegexError) -> UnsafeMutablePointer<regex_t> {
        let place = UnsafeMutablePointer<regex_t>.allocate(capacity: 1)
        unsafe place.initialize(to: regex_t())
        let code = unsafe regcomp(place, pattern, REG_EXTENDED | REG_NOSUB)
        guard code == 0 else {
            var words = [UInt8](repeating: 0, count: 200)
            let length = unsafe words.withUnsafeMutableBytes { buffer in
                unsafe regerror(
                    code,
                    place,
                    buffer.baseAddress?.assumingMemoryBound(to: CChar.self),
                    buffer.count
                )
            }
            unsafe place.deallocate()
            // The length has the zero that ends a C string.
            throw PosixRegexError(why: String(decoding: words.prefix(max(0, length - 1)), as: UTF8.self))
        }
        return unsafe place
    }

    deinit {
        unsafe regfree(compiled)
        unsafe compiled.deallocate()
    }

    /// Whether it matches a part of a line; what follows a zero byte is not looked at.
    package func matches(_ line: [UInt8]) -> Bool {
        let began = ThreadClock.microseconds
        defer { took(ThreadClock.microseconds - began) }
        let text = line + [0]
        return unsafe text.withUnsafeBytes { buffer in
            guard let start = unsafe buffer.baseAddress?.assumingMemoryBound(to: CChar.self) else {
                return false
            }
            return unsafe regexec(compiled, start, 0, nil, 0) == 0
        }
    }

    private func took(_ microseconds: Int64) {
        cost += microseconds
        // It was an expression before; without memory it stays as it is.
        guard cost > renewal, let fresh = unsafe try? Self.compile(pattern) else { return }
        unsafe regfree(compiled)
        unsafe compiled.deallocate()
        unsafe (compiled, cost) = (fresh, 0)
    }
}

/// An expression that cannot be compiled.
package struct PosixRegexError: Error, Equatable, Sendable {
    /// What is wrong.
    package let why: String

    init(why: String) { self.why = why }

    fileprivate init(letter: Character) {
        let instead =
            switch letter {
            case "d": "a digit is [0-9]"
            case "D": "what is no digit is [^0-9]"
            case "t", "n", "r": "lines are looked at one by one, and a tab is the character itself"
            default: "leave the backslash out"
            }
        why = "\\\(letter) has no meaning here: \(instead)"
    }
}

// Regular expressions of the C library, for what people look for in an agent's output. Swift's own would cost the
// program a megabyte.

internal import Glibc

/// An extended regular expression of POSIX, `regex(7)`.
@safe package final class PosixRegex {
    /// Made in `init`, freed in `deinit`, and never given out.
    private let compiled: UnsafeMutablePointer<regex_t>

    /// Compiles an expression.
    ///
    /// - Throws: what is wrong with it, in the C library's words.
    package init(_ pattern: String) throws(PosixRegexError) {
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
        unsafe compiled = place
    }

    deinit {
        unsafe regfree(compiled)
        unsafe compiled.deallocate()
    }

    /// Whether it matches a part of a line; what follows a zero byte is not looked at.
    package func matches(_ line: [UInt8]) -> Bool {
        let text = line + [0]
        return unsafe text.withUnsafeBytes { buffer in
            guard let start = unsafe buffer.baseAddress?.assumingMemoryBound(to: CChar.self) else {
                return false
            }
            return unsafe regexec(compiled, start, 0, nil, 0) == 0
        }
    }
}

/// An expression that cannot be compiled.
package struct PosixRegexError: Error, Equatable, Sendable {
    /// What is wrong, in the C library's words.
    package let why: String
}

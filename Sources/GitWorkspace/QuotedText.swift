// Text on its way to somewhere that would interpret it: a shell, a terminal, git's configuration format.
// Names and messages that an agent chose pass through here before a person or a parser sees them.

internal import ClocheModel
internal import LinuxSystem

extension String {
    /// The text as one word of a POSIX shell.
    var shellQuoted: String { "'" + escaped(["'": "'\\''"]) + "'" }

    /// Replaces single scalars: a quote followed by a combining mark is one character to Swift, two to a
    /// shell.
    private func escaped(_ table: [Unicode.Scalar: String]) -> String {
        var text = ""
        for scalar in unicodeScalars {
            if let replacement = table[scalar] {
                text += replacement
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    /// The text with everything that could drive a terminal made visible: control characters, line ends, and
    /// the marks that reorder or hide text.
    package var visible: String {
        var text = ""
        for scalar in unicodeScalars {
            if scalar.drivesTerminal || scalar == "\n" || scalar == "\t" {
                text += "\\u{" + String(scalar.value, radix: 16) + "}"
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    /// The text as a value in git's configuration format.
    var configurationQuoted: String {
        "\"" + escaped(["\\": "\\\\", "\"": "\\\"", "\n": "\\n", "\t": "\\t"]) + "\""
    }

    /// The text without its last line end; paths may hold others.
    var withoutFinalNewline: String {
        unicodeScalars.last == "\n" ? String(String.UnicodeScalarView(unicodeScalars.dropLast())) : self
    }

    /// The parts between slashes.
    ///
    /// A slash followed by a combining mark is a slash to the kernel.
    var pathComponents: [String] {
        utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
    }
}

extension Unicode.Scalar {
    /// Whether a terminal would act on it, or it would make text look like other text.
    ///
    /// Line feed and tab count as text.
    var drivesTerminal: Bool {
        switch value {
        case 0x09, 0x0A: false
        case 0..<0x20, 0x7F..<0xA0: true
        case 0x061C, 0x200B, 0x200E, 0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF, 0xE0000...0xE007F: true
        default: false
        }
    }
}

extension [UInt8] {
    /// The parts between NUL bytes, as git prints them with `-z`; the last NUL ends and does not separate.
    var nulSeparated: [[UInt8]] {
        var parts = split(separator: 0, omittingEmptySubsequences: false).map { [UInt8]($0) }
        if parts.last?.isEmpty == true { parts.removeLast() }
        return parts
    }

    /// As text; broken UTF-8 is replaced.
    var text: String { String(decoding: self, as: UTF8.self) }
}

extension ClocheError {
    /// A failed system call with the intent it broke.
    init(_ what: String, _ error: SystemError, remedy: String = "") {
        self.init(.system, what, why: error.description, remedy: remedy)
    }
}

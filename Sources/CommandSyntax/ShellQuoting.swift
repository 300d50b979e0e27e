// Words quoted for shells: the only way by which the completion scripts put text of a table into code.

extension String {
    /// Quoted for bash and zsh, so that it is one word with this text; plain words stay as they are.
    package var quotedForShell: String {
        isPlainShellWord ? self : "'" + replacing("'", with: "'\\''") + "'"
    }

    /// Quoted for fish, whose single quotes know two escapes.
    var quotedForFish: String {
        isPlainShellWord ? self : "'" + replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
    }

    /// Whether no shell sees anything but letters in it.
    private var isPlainShellWord: Bool {
        !isEmpty && !hasPrefix("-")
            && utf8.allSatisfy { byte in
                switch UInt8(byte) {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                    UInt8(ascii: "."), UInt8(ascii: "/"):
                    true
                default: false
                }
            }
    }

    /// The text with every occurrence of a character replaced.
    func replacing(_ character: Character, with replacement: String) -> String {
        reduce(into: "") { $0 += $1 == character ? replacement : String($1) }
    }
}

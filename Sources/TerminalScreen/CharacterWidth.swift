// How many columns a character takes. The tables are utf8proc's, those of the Unicode standard; what is ambiguous is
// narrow, as in every terminal that was not told otherwise.

internal import CUTF8Proc

enum CharacterWidth {
    /// 0 for marks that join the character before, 2 for wide ones, else 1.
    static func columns(_ scalar: UInt32) -> Int {
        if scalar < 0x300 { return 1 }
        // The library's answer for what no font has is 0 or 1; a place is kept for it, as terminals do.
        let width = Int(utf8proc_charwidth(utf8proc_int32_t(bitPattern: scalar)))
        if width == 0 { return joins(scalar) ? 0 : 1 }
        return min(width, 2)
    }

    private static func joins(_ scalar: UInt32) -> Bool {
        switch utf8proc_category(utf8proc_int32_t(bitPattern: scalar)) {
        case UTF8PROC_CATEGORY_MN, UTF8PROC_CATEGORY_ME, UTF8PROC_CATEGORY_CF: true
        // The middle and last letters of Hangul syllables that are written in parts.
        default: 0x1160...0x11FF ~= scalar || 0xD7B0...0xD7FF ~= scalar
        }
    }
}

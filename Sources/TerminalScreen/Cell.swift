// What one place of a screen shows: a character and how it is drawn. Sixteen bytes, so that a screen of ordinary size
// costs tens of kilobytes; the numbers are packed, the names are computed.

/// A colour as SGR asks for it.
package enum Colour: Equatable, Sendable {
    /// The terminal's own.
    case standard
    /// One of the 256 of the palette.
    case indexed(UInt8)
    /// Red, green and blue.
    case rgb(UInt8, UInt8, UInt8)

    var bits: UInt32 {
        switch self {
        case .standard: 0
        case .indexed(let index): 1 << 24 | UInt32(index)
        case .rgb(let red, let green, let blue):
            2 << 24 | UInt32(red) << 16 | UInt32(green) << 8 | UInt32(blue)
        }
    }

    init(bits: UInt32) {
        switch bits >> 24 {
        case 1: self = .indexed(UInt8(truncatingIfNeeded: bits))
        case 2:
            self = .rgb(
                UInt8(truncatingIfNeeded: bits >> 16),
                UInt8(truncatingIfNeeded: bits >> 8),
                UInt8(truncatingIfNeeded: bits)
            )
        default: self = .standard
        }
    }
}

/// How a character is drawn.
package struct Style: Equatable, Hashable, Sendable {
    var foregroundBits: UInt32 = 0
    var backgroundBits: UInt32 = 0
    /// Attributes, the underline's kind, and the upper bits of `decoration`.
    var attributes: UInt16 = 0
    private var decorationBits: UInt8 = 0

    /// A place in the screen's `DecorationTable`; 0 outside of screens.
    var decoration: Int {
        get { Int(attributes >> Self.decorationShift) << 8 | Int(decorationBits) }
        set {
            let upper = UInt16(truncatingIfNeeded: newValue >> 8) << Self.decorationShift
            attributes = attributes & Self.attributeMask | upper
            decorationBits = UInt8(truncatingIfNeeded: newValue)
        }
    }

    private static let decorationShift: UInt16 = 11
    /// What of `attributes` is the style's own.
    static let attributeMask: UInt16 = 0x7FF

    /// The same without a place in a table.
    var undecorated: Style {
        var style = self
        style.decoration = 0
        return style
    }

    /// The terminal's own colours, and no attribute.
    package static let standard = Style()

    /// The attributes that are on or off, as bits of `attributes`.
    package enum Attribute: UInt16, CaseIterable, Sendable {
        /// SGR 1.
        case bold = 1
        /// SGR 2.
        case dim = 2
        /// SGR 3.
        case italic = 4
        /// SGR 5.
        case blink = 8
        /// SGR 7.
        case reverse = 16
        /// SGR 8.
        case hidden = 32
        /// SGR 9.
        case strike = 64
        /// SGR 53.
        case overline = 128

        /// The number of SGR that switches it on.
        package var number: Int {
            switch self {
            case .bold: 1
            case .dim: 2
            case .italic: 3
            case .blink: 5
            case .reverse: 7
            case .hidden: 8
            case .strike: 9
            case .overline: 53
            }
        }
    }

    private static let underlineShift: UInt16 = 8

    /// The colour of the character.
    package var foreground: Colour {
        get { Colour(bits: foregroundBits) }
        set { foregroundBits = newValue.bits }
    }

    /// The colour behind it.
    package var background: Colour {
        get { Colour(bits: backgroundBits) }
        set { backgroundBits = newValue.bits }
    }

    /// 0 for none, else the number behind `4:` of SGR: single, double, curly, dotted, dashed.
    package var underline: Int {
        get { Int(attributes >> Self.underlineShift & 7) }
        set {
            let shift = Self.underlineShift
            attributes = attributes & ~(7 << shift) | UInt16(newValue & 7) << shift
        }
    }

    /// Whether an attribute is on.
    package subscript(attribute: Attribute) -> Bool {
        get { attributes & attribute.rawValue != 0 }
        set {
            if newValue { attributes |= attribute.rawValue } else { attributes &= ~attribute.rawValue }
        }
    }

    /// SGR 1.
    package var bold: Bool { self[.bold] }
    /// SGR 2.
    package var dim: Bool { self[.dim] }
    /// SGR 3.
    package var italic: Bool { self[.italic] }
    /// SGR 5.
    package var blink: Bool { self[.blink] }
    /// SGR 7.
    package var reverse: Bool { self[.reverse] }
    /// SGR 8.
    package var hidden: Bool { self[.hidden] }
    /// SGR 9.
    package var strike: Bool { self[.strike] }

    /// What erasing leaves: the background, as terminals with `bce` do.
    var erased: Style {
        var style = Style()
        style.backgroundBits = backgroundBits
        return style
    }
}

/// One place of a screen.
struct Cell: Equatable, Sendable {
    /// A Unicode scalar, a space where nothing is, or `clusterBit` and a place in the screen's table of clusters.
    var content: UInt32 = 0x20
    var style = Style()
    /// Columns that it takes; 0 for the right half of the wide one before it.
    var width: UInt8 = 1

    static let clusterBit: UInt32 = 1 << 31
    static let blank = Cell()

    var isCluster: Bool { content & Self.clusterBit != 0 }

    static func blank(_ style: Style) -> Cell { Cell(style: style) }
}

/// One place of a screen, as it is shown to others.
package struct ShownCell: Equatable, Sendable {
    /// What stands there: a space where nothing was written, nothing in the right half of a wide character.
    package let text: String
    /// Columns that it takes; 0 for the right half of a wide character.
    package let width: Int
    /// How it is drawn.
    package let style: Style
    /// The underline's colour, and a link.
    package var decoration = Decoration.none
}

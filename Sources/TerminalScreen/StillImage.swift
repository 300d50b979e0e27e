// A screen as a picture: SVG that needs nothing beside it. What stands on the screen was written by an agent, so that every
// character of it passes `append(text:)`, and it is nowhere but in text elements and the title. There are no links,
// scripts, styles or references.

/// Lines of a screen, and where the cursor is.
package struct StillImage: Sendable {
    /// How many columns it is wide.
    package var columns: Int
    /// From top to bottom.
    package var lines: [ScreenLine]
    /// Row and column of a cursor that is shown.
    package var cursor: (row: Int, column: Int)?
    /// What it is of.
    package var title: String

    /// A still.
    package init(columns: Int, lines: [ScreenLine], cursor: (row: Int, column: Int)?, title: String) {
        (self.columns, self.lines, self.cursor, self.title) = (columns, lines, cursor, title)
    }

    /// A text of SVG 1.1.
    package var svg: String {
        var writer = SVGWriter()
        let (width, height) = (columns * SVGWriter.cellWidth, lines.count * SVGWriter.cellHeight)
        writer.begin(width, height, title: title)
        for (row, line) in lines.enumerated() { writer.write(line, row, columns) }
        if let cursor { writer.cursor(cursor.row, cursor.column) }
        writer.text += "</g>\n</svg>\n"
        return writer.text
    }
}

private struct SVGWriter {
    /// What DejaVu Sans Mono takes at `fontSize`.
    static let cellWidth = 9
    static let cellHeight = 19
    private static let fontSize = "14.95"
    /// Where letters stand on, below the top of their line.
    private static let baseline = 14

    private static let fonts =
        "'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', 'Noto Sans Mono', 'Noto Sans Mono CJK JP', monospace"

    var text = ""

    mutating func begin(_ width: Int, _ height: Int, title: String) {
        let (wide, high) = (width + 2 * Self.cellWidth, height + Self.cellWidth * 2)
        text += """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(wide)" height="\(high)" \
            viewBox="-\(Self.cellWidth) -\(Self.cellWidth) \(wide) \(high)">
            <title>
            """
        append(text: title)
        text += """
            </title>
            <rect x="-\(Self.cellWidth)" y="-\(Self.cellWidth)" width="\(wide)" height="\(high)" \
            fill="\(Palette.background)"/>
            <g font-family="\(Self.fonts)" font-size="\(Self.fontSize)" direction="ltr" \
            unicode-bidi="bidi-override" xml:space="preserve">

            """
    }

    mutating func write(_ line: ScreenLine, _ row: Int, _ columns: Int) {
        var pieces: [Piece] = []
        var column = 0
        for run in line.runs { column = Piece.split(run, from: column, into: &pieces) }
        let top = row * Self.cellHeight
        // Behind all text: letters reach out of their places.
        for piece in pieces where piece.look.background != nil { background(piece, top) }
        for piece in pieces { write(piece, top) }
    }

    private mutating func background(_ piece: Piece, _ top: Int) {
        text += """
            <rect x="\(piece.column * Self.cellWidth)" y="\(top)" width="\(piece.columns * Self.cellWidth)" \
            height="\(Self.cellHeight)" fill="\(piece.look.background ?? "")"/>

            """
    }

    private mutating func write(_ piece: Piece, _ top: Int) {
        let (style, look) = (piece.style, piece.look)
        if !style.hidden && !piece.isBlank {
            text += "<text x=\"\(piece.column * Self.cellWidth)\" y=\"\(top + Self.baseline)\""
            text += " textLength=\"\(piece.columns * Self.cellWidth)\" lengthAdjust=\"spacingAndGlyphs\""
            text += " fill=\"\(look.foreground)\""
            if style.dim { text += " fill-opacity=\"0.6\"" }
            if style.bold { text += " font-weight=\"bold\"" }
            if style.italic { text += " font-style=\"italic\"" }
            text += ">"
            append(text: String(piece.text))
            text += "</text>\n"
        }
        if style.underline > 0 { underline(piece, top) }
        if style.strike { stroke(piece, top + 10, piece.look.foreground) }
        if style[.overline] { stroke(piece, top + 1, piece.look.foreground) }
    }

    private mutating func stroke(_ piece: Piece, _ y: Int, _ colour: String, _ dashes: String = "") {
        let left = piece.column * Self.cellWidth
        text += "<path d=\"M\(left) \(y).5H\(left + piece.columns * Self.cellWidth)\""
        text += " stroke=\"\(colour)\" fill=\"none\"\(dashes)/>\n"
    }

    private mutating func underline(_ piece: Piece, _ top: Int) {
        let y = top + Self.baseline + 2
        switch piece.style.underline {
        case 2:
            stroke(piece, y - 1, piece.look.underline)
            stroke(piece, y + 1, piece.look.underline)
        case 3:
            text += "<path d=\"M\(piece.column * Self.cellWidth) \(y)"
            for _ in 0..<piece.columns { text += "q2.25 -3 4.5 0t4.5 0" }
            text += "\" stroke=\"\(piece.look.underline)\" fill=\"none\"/>\n"
        case 4: stroke(piece, y, piece.look.underline, " stroke-dasharray=\"1 2\"")
        case 5: stroke(piece, y, piece.look.underline, " stroke-dasharray=\"5 4\"")
        default: stroke(piece, y, piece.look.underline)
        }
    }

    mutating func cursor(_ row: Int, _ column: Int) {
        text += """
            <rect x="\(column * Self.cellWidth)" y="\(row * Self.cellHeight)" width="\(Self.cellWidth)" \
            height="\(Self.cellHeight)" fill="\(Palette.foreground)" fill-opacity="0.5"/>

            """
    }

    /// The one way in for what others wrote: no markup, and only what XML may hold.
    mutating func append(text words: String) {
        for scalar in words.unicodeScalars {
            switch scalar {
            case "&": text += "&amp;"
            case "<": text += "&lt;"
            case ">": text += "&gt;"
            case "\"": text += "&quot;"
            case "'": text += "&#39;"
            default:
                let isText = scalar.value >= 0x20 && !(0x7F...0x9F ~= scalar.value)
                let isForbidden = 0xFFFE...0xFFFF ~= scalar.value
                text.unicodeScalars.append(isText && !isForbidden ? scalar : "\u{FFFD}")
            }
        }
    }
}

/// Characters of one width in one style, which stand in columns of their own.
private struct Piece {
    var column: Int
    var columns = 0
    var text = String.UnicodeScalarView()
    var style: Style
    var look: Look
    /// Columns of each character.
    var width: Int
    var isBlank = true

    /// Splits where the width changes and at gaps, so that a font that is a little wider does not add up.
    static func split(_ run: ScreenLine.Run, from start: Int, into pieces: inout [Piece]) -> Int {
        let look = Look(run)
        var column = start
        var piece: Piece?
        for scalar in run.text.unicodeScalars {
            let width = CharacterWidth.columns(scalar.value)
            let isBlank = scalar == " "
            if let open = piece, width > 0, open.width != width || open.isBlank != isBlank {
                pieces.append(open)
                piece = nil
            }
            if piece == nil { piece = Piece(column: column, style: run.style, look: look, width: width) }
            piece?.text.append(scalar)
            piece?.columns += width
            if !isBlank { piece?.isBlank = false }
            column += width
        }
        if let piece { pieces.append(piece) }
        return column
    }
}

/// The colours of a style, as they are drawn.
private struct Look {
    var foreground: String
    /// Nil for the picture's own.
    var background: String?

    /// The colour of underlines.
    var underline: String

    init(_ run: ScreenLine.Run) {
        let style = run.style
        var foreground = Palette.colour(style.foreground) ?? Palette.foreground
        var background = Palette.colour(style.background)
        // Bold text in one of the eight colours is not made bright: it is what the program asked for.
        if style.reverse { (foreground, background) = (background ?? Palette.background, foreground) }
        (self.foreground, self.background) = (foreground, background)
        underline = Palette.colour(run.decoration.underline) ?? foreground
    }
}

private enum Palette {
    static let foreground = "#d8d8d8"
    static let background = "#1c1c1c"

    /// xterm's.
    private static let sixteen = [
        "#000000", "#cd0000", "#00cd00", "#cdcd00", "#1e90ff", "#cd00cd", "#00cdcd", "#e5e5e5",
        "#7f7f7f", "#ff0000", "#00ff00", "#ffff00", "#5c5cff", "#ff00ff", "#00ffff", "#ffffff",
    ]
    private static let steps: [UInt8] = [0, 95, 135, 175, 215, 255]

    static func colour(_ colour: Colour) -> String? {
        switch colour {
        case .standard: return nil
        case .indexed(let index) where index < 16: return sixteen[Int(index)]
        case .indexed(let index) where index < 232:
            let place = Int(index) - 16
            return hex(steps[place / 36], steps[place / 6 % 6], steps[place % 6])
        case .indexed(let index):
            let grey = 8 + 10 * (index - 232)
            return hex(grey, grey, grey)
        case .rgb(let red, let green, let blue): return hex(red, green, blue)
        }
    }

    private static func hex(_ parts: UInt8...) -> String {
        "#" + parts.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

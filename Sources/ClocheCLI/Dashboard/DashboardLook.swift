// The signs and styles of the dashboard. Only colours of the terminal's own palette, so that they suit light and dark
// ones; without colours, bold, faint and reverse say the same.

internal import TerminalScreen

/// How the dashboard is drawn.
struct DashboardLook: Equatable {
    /// Signs beyond ASCII.
    var unicode: Bool
    var colours: Bool

    init(unicode: Bool = true, colours: Bool = true) { (self.unicode, self.colours) = (unicode, colours) }

    var marker: String { unicode ? "▌" : ">" }
    var horizontal: String { unicode ? "─" : "-" }
    var vertical: String { unicode ? "│" : "|" }
    var ellipsis: String { unicode ? "…" : "~" }
    var times: String { unicode ? "×" : "x" }

    var bold: Style {
        var style = Style.standard
        style[.bold] = true
        return style
    }

    var faint: Style {
        var style = Style.standard
        style[.dim] = true
        return style
    }

    var accent: Style { coloured(6, bold: true) }
    var good: Style { coloured(2) }
    var warning: Style { coloured(3, bold: true) }
    var bad: Style { coloured(1, bold: true) }

    private func coloured(_ index: UInt8, bold: Bool = false) -> Style {
        var style = Style.standard
        if colours { style.foreground = .indexed(index) }
        style[.bold] = bold
        return style
    }

    func style(_ tone: DashboardAgent.Tone) -> Style {
        switch tone {
        case .attention:
            var style = warning
            // Without colours, it must stand out as well.
            style[.reverse] = !colours
            return style
        case .busy: return good
        case .calm: return .standard
        case .done: return accent
        case .over: return faint
        case .bad: return bad
        }
    }

    func mark(_ tone: DashboardAgent.Tone) -> String {
        switch tone {
        case .attention: unicode ? "◆" : "!"
        case .busy: unicode ? "●" : "*"
        case .calm: unicode ? "○" : "o"
        case .done: unicode ? "✓" : "+"
        case .over: unicode ? "·" : "."
        case .bad: unicode ? "✗" : "x"
        }
    }

    /// The filled and the empty part of a bar.
    func bar(_ fraction: Double, width: Int) -> (filled: String, rest: String) {
        let share = min(max(fraction, 0), 1)
        let filled = min(width, max(share > 0 ? 1 : 0, Int((share * Double(width)).rounded())))
        return (
            String(repeating: unicode ? "━" : "#", count: filled),
            String(repeating: unicode ? "─" : "-", count: width - filled)
        )
    }

    /// What a bar is drawn in: the fuller, the louder.
    func style(ofFraction fraction: Double) -> Style {
        fraction >= 0.9 ? bad : fraction >= 0.7 ? warning : good
    }
}

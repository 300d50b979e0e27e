// libvterm, whose screen is the second opinion on every stream.

import CVTerm
import TerminalScreen

/// libvterm 0.1.4 of Debian 12 behind the same face as the model.
@safe final class VTermOracle {
    private let terminal: OpaquePointer
    private let screen: OpaquePointer
    private let callbacks: UnsafeMutablePointer<VTermScreenCallbacks>
    private let columns: Int
    private let rows: Int
    private var isAlternate = false
    private var cursorIsVisible = true
    /// DECSCNM, which libvterm puts into every cell.
    private var isReversed = false

    init(columns: Int, rows: Int) {
        self.columns = columns
        self.rows = rows
        guard let terminal = unsafe vterm_new(CInt(rows), CInt(columns)) else { fatalError("no memory") }
        unsafe self.terminal = terminal
        unsafe vterm_set_utf8(terminal, 1)
        unsafe screen = vterm_obtain_screen(terminal)
        unsafe callbacks = .allocate(capacity: 1)
        unsafe callbacks.initialize(to: VTermScreenCallbacks())
        unsafe callbacks.pointee.settermprop = { property, value, user in
            guard let user = unsafe user, let value = unsafe value else { return 1 }
            let oracle = unsafe Unmanaged<VTermOracle>.fromOpaque(user).takeUnretainedValue()
            oracle.set(property, unsafe value.pointee.boolean != 0)
            return 1
        }
        unsafe vterm_screen_set_callbacks(screen, callbacks, Unmanaged.passUnretained(self).toOpaque())
        unsafe vterm_screen_enable_altscreen(screen, 1)
        unsafe vterm_screen_reset(screen, 1)
    }

    deinit {
        unsafe vterm_free(terminal)
        unsafe callbacks.deallocate()
    }

    private func set(_ property: VTermProp, _ isOn: Bool) {
        switch property {
        case VTERM_PROP_ALTSCREEN: isAlternate = isOn
        case VTERM_PROP_CURSORVISIBLE: cursorIsVisible = isOn
        case VTERM_PROP_REVERSE: isReversed = isOn
        default: break
        }
    }

    func feed(_ bytes: ArraySlice<UInt8>) {
        unsafe bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress else { return }
            _ = unsafe vterm_input_write(
                terminal,
                base.assumingMemoryBound(to: CChar.self),
                buffer.count
            )
        }
    }

    /// What it shows now.
    func grid() -> ShownGrid {
        var cursor = VTermPos()
        unsafe vterm_state_get_cursorpos(vterm_obtain_state(terminal), &cursor)
        var grid = ShownGrid(
            columns: columns,
            rows: rows,
            places: (0..<rows).map { row in (0..<columns).map { place(row, $0) } },
            cursorRow: Int(cursor.row),
            cursorColumn: Int(cursor.col),
            cursorIsVisible: cursorIsVisible,
            isAlternate: isAlternate
        )
        grid.forgetRightHalves()
        return grid
    }

    private func place(_ row: Int, _ column: Int) -> Place {
        var cell = VTermScreenCell()
        unsafe vterm_screen_get_cell(screen, VTermPos(row: CInt(row), col: CInt(column)), &cell)
        var place = Place()
        let first = cell.chars.0
        place.background = Self.colour(cell.bg)
        // What was erased has all that the pen had in libvterm; of that, xterm shows the background.
        if first == 0 { return place }
        if first == UInt32.max {
            (place.text, place.width) = ("", 0)
        } else {
            place.text = Self.text(cell)
            place.width = Int(cell.width)
        }
        place.bold = cell.attrs.bold != 0
        place.italic = cell.attrs.italic != 0
        place.underline = Int(cell.attrs.underline)
        place.blink = cell.attrs.blink != 0
        place.reverse = (cell.attrs.reverse != 0) != isReversed
        place.strike = cell.attrs.strike != 0
        place.foreground = Self.colour(cell.fg)
        place.background = Self.colour(cell.bg)
        return place
    }

    private static func text(_ cell: VTermScreenCell) -> String {
        let chars = cell.chars
        var text = String.UnicodeScalarView()
        for char in [chars.0, chars.1, chars.2, chars.3, chars.4, chars.5] {
            guard char != 0, let scalar = Unicode.Scalar(char) else { break }
            text.append(scalar)
        }
        return String(text)
    }

    private static func colour(_ colour: VTermColor) -> Colour {
        let type = unsafe UInt32(colour.type)
        if type & VTERM_COLOR_DEFAULT_MASK.rawValue != 0 { return .standard }
        if type & VTERM_COLOR_TYPE_MASK.rawValue == VTERM_COLOR_INDEXED.rawValue {
            return .indexed(unsafe colour.indexed.idx)
        }
        return unsafe .rgb(colour.rgb.red, colour.rgb.green, colour.rgb.blue)
    }
}

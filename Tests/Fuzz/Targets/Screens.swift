// What an agent prints, through the filter into the screen, with changes of size: the screen stays within its bounds, and
// what attaching paints gives the same screen again.

import TerminalText

@testable import TerminalScreen

/// The most bytes of lines above, in this target.
private let scrollback = 1 << 16

/// The first two bytes are the size; 0xFF, which is in no text, and two more are another size.
@Sendable func fuzzScreen(_ bytes: [UInt8]) {
    guard bytes.count >= 2 else { return }
    var filter = AttachFilter()
    var (columns, rows) = size(bytes[0], bytes[1])
    var screen = Screen(columns: columns, rows: rows, scrollback: scrollback)
    var single = screen
    var painter = FramePainter(columns: 30, rows: 9)
    var watcher = Screen(columns: 30, rows: 9)
    var rest = bytes.dropFirst(2)
    var changes = 0
    while true {
        let piece = rest.prefix { $0 != 0xFF }
        var output: [UInt8] = []
        var replies: [UInt8] = []
        filter.feed(piece, into: &output, replies: &replies)
        if let reason = notAllowed(in: output) { fatalError("does not hold: \(reason) does not pass") }
        screen.feed(output)
        for place in output.indices { single.feed(output[place...place]) }
        requireBounds(screen, columns, rows)
        if changes < 3 { requireFrame(screen, &painter, &watcher) }
        rest = rest[piece.endIndex...].dropFirst()
        // Each costs as much as a screen.
        guard rest.count >= 2, changes < 16 else { break }
        (columns, rows) = size(rest[rest.startIndex], rest[rest.startIndex + 1])
        rest = rest.dropFirst(2)
        screen.resize(columns: columns, rows: rows)
        single.resize(columns: columns, rows: rows)
        changes += 1
    }
    requireSame(screen, single, "single bytes give what the whole gives")
    requireRestored(screen)
}

private func size(_ columns: UInt8, _ rows: UInt8) -> (Int, Int) {
    (Int(columns) % 90 + 1, Int(rows) % 30 + 1)
}

private func requireBounds(_ screen: Screen, _ columns: Int, _ rows: Int) {
    require(screen.columns == columns && screen.rows == rows, "the screen has the size it was given")
    require(
        0..<rows ~= screen.cursor.row && 0..<columns ~= screen.cursor.column,
        "the cursor is on the screen"
    )
    require(screen.region.lowerBound >= 0 && screen.region.upperBound <= rows, "the region is on the screen")
    require(!screen.region.isEmpty, "the region has a line")
    require(screen.tabs.allSatisfy { 0..<columns ~= $0 }, "tab stops are on the screen")
    // One block more than wanted, and a line of the widest.
    require(screen.scrollback.bytes <= scrollback + (1 << 15) + (1 << 17), "lines above are bounded")
    require(screen.clusters.count <= 4096 + 4 * 49 * 15, "characters of several scalars are bounded")
    require(screen.decorations.count < DecorationTable.most, "links and colours of underlines are bounded")
    for row in 0..<rows {
        let line = screen.line(row: row)
        require(
            line.text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F },
            "lines are text"
        )
        for column in 0..<columns where screen.grid[row, column].width == 2 {
            let next = column + 1 < columns ? screen.grid[row, column + 1].width : 1
            require(next == 0, "a wide character has two halves")
        }
    }
}

private func requireFrame(_ screen: Screen, _ painter: inout FramePainter, _ watcher: inout Screen) {
    let frame = painter.frame(screen)
    if let reason = notAllowed(in: frame) { fatalError("does not hold: \(reason) is not painted") }
    watcher.feed(frame)
    var fresh = FramePainter(columns: watcher.columns, rows: watcher.rows)
    var clean = Screen(columns: watcher.columns, rows: watcher.rows)
    clean.feed(fresh.frame(screen))
    requireCells(watcher, clean, "frames add up to the screen")
}

private func requireRestored(_ screen: Screen) {
    let painted = screen.restoration(scrolledOff: 20)
    if let reason = notAllowed(in: painted) { fatalError("does not hold: \(reason) is not painted") }
    var filter = AttachFilter()
    var passed: [UInt8] = []
    filter.feed(painted, into: &passed)
    require(passed == painted, "what is painted passes the filter unchanged")
    var other = Screen(columns: screen.columns, rows: screen.rows)
    other.feed(painted)
    requireSame(screen, other, "what attaching paints is the screen")
}

private func requireSame(_ a: Screen, _ b: Screen, _ what: String) {
    requireCells(a, b, what)
    require(a.isAlternate == b.isAlternate && a.modes == b.modes, "\(what): modes")
    require(a.region == b.region && a.tabs == b.tabs, "\(what): region and tab stops")
    // Of a line of double width, the right half cannot be reached from outside.
    let column = min(a.cursor.column, a.width(a.cursor.row) - 1)
    let other = min(b.cursor.column, b.width(b.cursor.row) - 1)
    require((a.cursor.row, column) == (b.cursor.row, other), "\(what): cursor")
    require(a.cursor.style.undecorated == b.cursor.style.undecorated, "\(what): style")
    require(a.cursor.underlineBits == b.cursor.underlineBits && a.link == b.link, "\(what): decoration")
}

private func requireCells(_ a: Screen, _ b: Screen, _ what: String) {
    for row in 0..<a.rows {
        require(a.grid.lines[row].size == b.grid.lines[row].size, "\(what): size of row \(row)")
        for column in 0..<a.width(row) {
            // A wide character that begins before the middle of a line of double width is cut.
            let (one, two) = (a.grid[row, column], b.grid[row, column])
            if column + Int(one.width) > a.width(row)
                || one == two && !one.isCluster && one.style.decoration == 0
            {
                continue
            }
            require(
                a.cell(row: row, column: column) == b.cell(row: row, column: column),
                "\(what): row \(row), column \(column)"
            )
        }
    }
}

// Where what stands on the dashboard: beside each other where it is wide, below each other where it is narrow, and on
// a small terminal less and less, the list last of all.

/// Rows and columns of a part.
struct DashboardBox: Equatable {
    var row: Int
    var column: Int
    var rows: Int
    var columns: Int

    /// The column behind it.
    var end: Int { column + columns }
}

/// The parts; nil for those that have no room.
struct DashboardLayout: Equatable {
    /// From so many columns on, the screen of an agent stands beside the list.
    static let wide = 120
    /// Below these there are only words.
    static let fewestColumns = 20
    static let fewestRows = 3

    var isWide = false
    var title: Int?
    /// The line with the names of the columns.
    var header: Int?
    var list = DashboardBox(row: 0, column: 0, rows: 0, columns: 0)
    /// With the line that names the agent.
    var preview: DashboardBox?
    var usage: DashboardBox?
    var refusals: DashboardBox?
    var bottom: Int?
    /// The first agent that is shown.
    var first = 0

    init(_ model: DashboardModel) {
        let (columns, rows) = (model.columns, model.rows)
        let shown = model.shown
        guard columns >= Self.fewestColumns, rows >= Self.fewestRows else {
            list = DashboardBox(row: 0, column: 0, rows: rows, columns: columns)
            return
        }
        isWide = columns >= Self.wide && rows >= 12
        bottom = rows - 1
        title = rows >= 6 ? 0 : nil
        let top = title == nil ? 0 : rows >= 20 ? 2 : 1
        header = rows >= 8 ? top : nil
        let inner = DashboardBox(row: top, column: 0, rows: rows - 1 - top, columns: columns)
        if isWide {
            besides(inner)
        } else {
            below(inner, count: shown.count)
        }
        let place = shown.firstIndex { $0.name == model.selected } ?? 0
        first = max(0, min(place - list.rows / 2, shown.count - list.rows))
    }

    private mutating func besides(_ inner: DashboardBox) {
        let width = min(max(54, inner.columns * 2 / 5), 84)
        preview = DashboardBox(
            row: inner.row,
            column: width + 1,
            rows: inner.rows,
            columns: inner.columns - width - 1
        )
        let below = inner.rows >= 24 ? 6 : 2
        refusals = DashboardBox(row: inner.row + inner.rows - below, column: 0, rows: below, columns: width)
        usage = DashboardBox(row: inner.row + inner.rows - below - 4, column: 0, rows: 4, columns: width)
        takeList(inner.row, rows: inner.rows - below - 4, width)
    }

    private mutating func below(_ inner: DashboardBox, count: Int) {
        var end = inner.row + inner.rows
        if inner.rows >= 13 {
            let rows = inner.rows >= 24 ? 3 : inner.rows >= 18 ? 2 : 1
            end -= rows
            refusals = DashboardBox(row: end, column: 0, rows: rows, columns: inner.columns)
        }
        if inner.rows >= 11 {
            end -= 1
            usage = DashboardBox(row: end, column: 0, rows: 1, columns: inner.columns)
        }
        let left = end - inner.row
        guard left >= 8 else { return takeList(inner.row, rows: left, inner.columns) }
        let headings = header == nil ? 0 : 1
        // A blank line before the agent's screen, where there is room for it.
        let space = left >= 16 ? 1 : 0
        let listRows = min(max(count, 2) + headings, max(3, left * 2 / 5))
        takeList(inner.row, rows: listRows, inner.columns)
        let start = inner.row + listRows + space
        preview = DashboardBox(row: start, column: 0, rows: end - space - start, columns: inner.columns)
    }

    private mutating func takeList(_ row: Int, rows: Int, _ columns: Int) {
        let headings = header == nil ? 0 : 1
        list = DashboardBox(
            row: row + headings,
            column: 0,
            rows: max(0, rows - headings),
            columns: columns
        )
    }

    /// The agent whose line is at a place.
    func agent(at row: Int, _ column: Int, in shown: [DashboardAgent]) -> DashboardAgent? {
        guard bottom != nil, list.row..<list.row + list.rows ~= row, column < list.end else { return nil }
        let place = first + row - list.row
        return shown.indices.contains(place) ? shown[place] : nil
    }
}

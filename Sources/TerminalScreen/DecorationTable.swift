// What few characters have and no cell has room for: the colour of an underline, and a link. A style has a place in this
// table, 0 for neither, so that plain cells cost nothing.

package import TerminalText

/// The colour of an underline, and a link.
package struct Decoration: Hashable, Sendable {
    var underlineBits: UInt32 = 0
    /// Where a click leads: to the web alone, as `AttachFilter` sees to.
    package var link: Hyperlink?

    /// Neither.
    package static let none = Decoration()

    /// The colour of SGR 58; the text's own where it is standard.
    package var underline: Colour { Colour(bits: underlineBits) }

    /// What is appended to a style's numbers of SGR; with colons, so that who does not know it takes nothing else for it.
    package var selection: String {
        switch underline {
        case .standard: ""
        case .indexed(let index): ";58:5:\(index)"
        case .rgb(let red, let green, let blue): ";58:2::\(red):\(green):\(blue)"
        }
    }

    /// Bytes that it takes, about.
    fileprivate var cost: Int { 64 + (link?.payload.count ?? 0) }
}

/// Decorations by place.
struct DecorationTable: Sendable {
    /// As many as a style can tell apart.
    static let most = 1 << 13
    /// The most bytes that they take, about.
    static let mostBytes = 1 << 18

    private var entries: [Decoration?] = [nil]
    private var places: [Decoration: Int] = [:]
    private var free: [Int] = []
    private var bytes = 0
    /// What was asked for since the last time that unused ones were thrown out.
    private var asked = 0
    /// Grows when a place is another one's.
    private(set) var generation: Int

    init(generation: Int = 0) { self.generation = generation }

    var count: Int { places.count }

    subscript(place: Int) -> Decoration { entries[place] ?? .none }

    /// Its place; nil when there is no room.
    mutating func place(_ wanted: Decoration) -> Int? {
        if let place = places[wanted] { return place }
        asked += wanted.cost
        guard bytes + wanted.cost <= Self.mostBytes, !free.isEmpty || entries.count < Self.most else {
            return nil
        }
        let place = free.popLast() ?? entries.count
        if place == entries.count { entries.append(wanted) } else { entries[place] = wanted }
        places[wanted] = place
        bytes += wanted.cost
        return place
    }

    /// Looking at every cell of a large screen is dear: not for every link of a program that shows too many.
    func isWorthCollecting(cells: Int) -> Bool { asked >= max(Self.mostBytes / 16, cells / 8) }

    /// Throws out all that are at none of these places.
    mutating func keep(_ used: Set<Int>) {
        asked = 0
        generation += 1
        for place in 1..<max(1, entries.count) where !used.contains(place) {
            guard let unused = entries[place] else { continue }
            bytes -= unused.cost
            places[unused] = nil
            entries[place] = nil
            free.append(place)
        }
    }
}

extension Screen {
    /// Gives what is written next its decoration, after the pen or the link has changed.
    mutating func decorate() {
        let wanted = Decoration(underlineBits: cursor.underlineBits, link: link)
        guard wanted != .none else {
            cursor.style.decoration = 0
            return
        }
        if let place = decorations.place(wanted) {
            cursor.style.decoration = place
            return
        }
        cursor.style.decoration = 0
        let cells = grid.cells.count + hidden.cells.count
        guard decorations.isWorthCollecting(cells: cells) else { return }
        decorations.keep(grid.decorations.union(hidden.decorations))
        cursor.style.decoration = decorations.place(wanted) ?? 0
    }
}

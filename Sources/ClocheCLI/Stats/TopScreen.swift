// What `top` shows and which keys it knows, and the bytes by which a frame replaces the one before. Pure; TopCommand
// has the loop.

internal import ClocheModel

/// A key that `top` knows.
enum TopKey: Equatable {
    case quit
    case suspend
    case redraw
    case sort(UsageSort)
    case nextSort
    case previousSort
    case up(Int)
    case down(Int)

    /// The keys among what was typed; anything else is passed over, whole escape sequences included.
    static func keys(_ typed: [UInt8], page: Int) -> [TopKey] {
        var keys: [TopKey] = []
        var rest = typed[...]
        while let byte = rest.popFirst() {
            if byte == 0x1b, let next = rest.first, next == UInt8(ascii: "[") || next == UInt8(ascii: "O") {
                rest.removeFirst()
                let end = rest.firstIndex { 0x40...0x7e ~= $0 } ?? rest.endIndex
                let body = String(decoding: rest[..<end], as: UTF8.self)
                let final = end < rest.endIndex ? Character(UnicodeScalar(rest[end])) : " "
                rest = rest[min(end + 1, rest.endIndex)...]
                if let key = special(body, final, page) { keys.append(key) }
            } else if let key = plain(byte) {
                keys.append(key)
            }
        }
        return keys
    }

    private static func special(_ body: String, _ final: Character, _ page: Int) -> TopKey? {
        switch (final, body) {
        case ("A", _): .up(1)
        case ("B", _): .down(1)
        case ("C", _): .nextSort
        case ("D", _): .previousSort
        case ("~", "5"): .up(page)
        case ("~", "6"): .down(page)
        default: nil
        }
    }

    private static func plain(_ byte: UInt8) -> TopKey? {
        switch Character(UnicodeScalar(byte)) {
        case "q", "Q", "\u{3}": .quit
        case "\u{1A}": .suspend
        case "\u{C}": .redraw
        case "s": .nextSort
        case "c": .sort(.cpu)
        case "m": .sort(.memory)
        case "t": .sort(.tasks)
        case "i": .sort(.io)
        case "w": .sort(.network)
        case "d": .sort(.disk)
        case "n": .sort(.name)
        case "k": .up(1)
        case "j": .down(1)
        default: nil
        }
    }
}

/// What a person has chosen by keys.
struct TopView: Equatable {
    var sort: UsageSort
    var offset = 0

    /// What a key changes of it.
    mutating func apply(_ key: TopKey, rows: Int) {
        let all = UsageSort.allCases
        let here = all.firstIndex(of: sort) ?? 0
        switch key {
        case .sort(let other): sort = other
        case .nextSort: sort = all[(here + 1) % all.count]
        case .previousSort: sort = all[(here + all.count - 1) % all.count]
        case .up(let count): offset = max(0, offset - count)
        case .down(let count): offset = min(max(0, rows - 1), offset + count)
        case .quit, .suspend, .redraw: break
        }
    }

    static let help = "q quit   ←→ or c m t i w d n sort   ↑↓ scroll"
    static let plainHelp = "q quit   left right or c m t i w d n sort   up down scroll"

    /// The lines of one frame; on a small terminal the table goes before the lines around it.
    func lines(_ rows: [UsageRow], _ style: UsageStyle, width: Int, height: Int) -> [String] {
        let table = UsageTable(rows, style)
        let hasTitle = height >= 4
        let hasHelp = height >= 6
        let room = height - (hasTitle ? 1 : 0) - (hasHelp ? 1 : 0)
        var lines: [String] = hasTitle ? [table.draw([Span(title(rows))], limit: width)] : []
        lines += table.lines(width: width, height: room, offset: offset)
        if hasHelp {
            let text = style.unicode ? Self.help : Self.plainHelp
            lines += Array(repeating: "", count: max(0, height - 1 - lines.count))
            lines.append(table.draw([Span(text, .faint)], limit: width))
        }
        return lines
    }

    private func title(_ rows: [UsageRow]) -> String {
        func count(_ number: Int, _ text: String) -> String { number == 0 ? "" : ", \(number) \(text)" }
        let cpu = rows.compactMap(\.cpuMillicores)
        let memory = rows.compactMap { $0.report?.memoryBytes }
        return "cloche: \(rows.count) agent\(rows.count == 1 ? "" : "s")"
            + count(rows.filter { $0.state == .paused }.count, "paused")
            + count(rows.filter(\.isSilent).count, "silent")
            + (cpu.isEmpty ? "" : ", cpu \(Amount.percent(cpu.reduce(0, +)))%")
            + (memory.isEmpty ? "" : ", memory \(Amount.bytes(memory.reduce(0, +)))")
            + ", by \(sort.rawValue)"
    }
}

/// Control sequences; see xterm's `ctlseqs`, and for 2026 the synchronized output of newer terminals, which others
/// pass over.
enum ScreenBytes {
    /// The other screen, without cursor and without wrapping.
    static let enter = "\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l"
    /// Everything as it was.
    static let leave = "\u{1B}[?2026l\u{1B}[0m\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l"

    private static let begin = "\u{1B}[?2026h"
    private static let end = "\u{1B}[?2026l"

    /// A frame over the whole screen: each line erases only what the one before had more, so nothing flickers.
    static func frame(_ lines: [String]) -> String {
        begin + "\u{1B}[H" + lines.map { $0 + "\u{1B}[K" }.joined(separator: "\r\n") + "\u{1B}[J" + end
    }

    /// A frame in the place of the one above the cursor, which had `before` lines.
    static func inPlace(_ lines: [String], before: Int) -> String {
        let up = before > 0 ? "\r\u{1B}[\(before)A" : "\r"
        return begin + up + lines.map { $0 + "\u{1B}[K\r\n" }.joined() + "\u{1B}[J" + end
    }
}

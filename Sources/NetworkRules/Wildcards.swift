// The one matcher behind the wildcards of names, paths and segments of paths.

/// Sequences in which some places may be filled freely.
enum Wildcards {
    /// Whether the items fit the pattern, in which nil stands for any number of items, none included.
    ///
    /// As with file names, only the last nil met need be tried again, so that the time is at most the product of both lengths.
    static func fit<Part, Item>(_ pattern: [Part?], _ items: [Item], _ fits: (Part, Item) -> Bool) -> Bool {
        var (place, position) = (0, 0)
        var retry: (place: Int, position: Int)?
        while position < items.count {
            if place < pattern.count, pattern[place] == nil {
                place += 1
                retry = (place, position)
            } else if place < pattern.count, let part = pattern[place], fits(part, items[position]) {
                (place, position) = (place + 1, position + 1)
            } else if let back = retry {
                retry = (back.place, back.position + 1)
                (place, position) = (back.place, back.position + 1)
            } else {
                return false
            }
        }
        return pattern[place...].allSatisfy { $0 == nil }
    }
}

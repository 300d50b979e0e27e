// What a service answers may name places at services that the agent can only reach through its gateway: a registry's page
// of files, each on another host. Their beginnings are replaced by the gateway's own addresses.

/// Replaces beginnings of addresses in bytes that come in pieces.
struct LinkFilter {
    private let links: [(beginning: [UInt8], place: [UInt8])]
    /// The end of the last piece, with which an address could begin.
    private var held: [UInt8] = []

    /// Of several that fit, the longest beginning counts.
    init(_ links: [(beginning: String, place: String)]) {
        self.links = links.filter { !$0.beginning.isEmpty }
            .sorted { $0.beginning.utf8.count > $1.beginning.utf8.count }
            .map { (Array($0.beginning.utf8), Array($0.place.utf8)) }
    }

    /// Takes a piece; `emit` is called with what may go on, if that is anything.
    mutating func feed(_ piece: UnsafeRawBufferPointer, _ emit: (UnsafeRawBufferPointer) -> Void) {
        var whole = held
        unsafe whole.append(contentsOf: piece)
        held = []
        var output: [UInt8] = []
        output.reserveCapacity(whole.count + 1024)
        var (start, position) = (0, 0)
        while position < whole.count {
            switch look(at: whole[position...]) {
            case .nothing: position += 1
            case .perhaps:
                held = Array(whole[position...])
                whole.removeLast(held.count)
            case .found(let link):
                output += whole[start..<position]
                output += links[link].place
                position += links[link].beginning.count
                start = position
            }
        }
        output += whole[start...]
        if !output.isEmpty { unsafe output.withUnsafeBytes { unsafe emit($0) } }
    }

    /// What was held back, at the end.
    mutating func finish(_ emit: (UnsafeRawBufferPointer) -> Void) {
        if held.isEmpty { return }
        unsafe held.withUnsafeBytes { unsafe emit($0) }
        held = []
    }

    private enum Finding {
        case nothing
        /// More must come before it is known.
        case perhaps
        case found(Int)
    }

    private func look(at rest: ArraySlice<UInt8>) -> Finding {
        // All are `http` something: nearly every byte is passed over here.
        guard let first = rest.first, links.contains(where: { $0.beginning[0] == first }) else {
            return .nothing
        }
        for (index, link) in links.enumerated() {
            if rest.starts(with: link.beginning) { return .found(index) }
            if rest.count < link.beginning.count, link.beginning.starts(with: rest) { return .perhaps }
        }
        return .nothing
    }
}

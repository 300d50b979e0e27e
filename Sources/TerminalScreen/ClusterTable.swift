// Characters of more than one scalar: letters with marks, emoji with joiners. Cells hold a place in this table.

struct ClusterTable: Equatable, Sendable {
    /// The most scalars of one character; further marks are dropped.
    static let longest = 8
    /// With so many, or twice as many as there are cells, those that no cell shows any more are thrown out.
    static let most = 4096

    private var clusters: [[Unicode.Scalar]] = []
    /// Grows when places change.
    private(set) var generation: Int

    init(generation: Int = 0) { self.generation = generation }

    var count: Int { clusters.count }

    /// The content of a cell with one more scalar; unchanged when it has too many.
    mutating func join(_ content: UInt32, _ scalar: Unicode.Scalar) -> UInt32 {
        var scalars = scalars(content)
        guard scalars.count < Self.longest else { return content }
        scalars.append(scalar)
        clusters.append(scalars)
        return Cell.clusterBit | UInt32(clusters.count - 1)
    }

    func scalars(_ content: UInt32) -> [Unicode.Scalar] {
        if content & Cell.clusterBit == 0 { return Unicode.Scalar(content).map { [$0] } ?? [] }
        let place = Int(content & ~Cell.clusterBit)
        return place < clusters.count ? clusters[place] : ["\u{FFFD}"]
    }

    /// Keeps those only; says which place each has now.
    mutating func keep(_ contents: Set<UInt32>) -> [UInt32: UInt32] {
        var kept: [[Unicode.Scalar]] = []
        var places: [UInt32: UInt32] = [:]
        for content in contents.sorted() {
            places[content] = Cell.clusterBit | UInt32(kept.count)
            kept.append(scalars(content))
        }
        clusters = kept
        generation += 1
        return places
    }

    /// The same, with a generation that tells tables of other contents apart: for screens that are made anew each time.
    func named() -> ClusterTable {
        var table = self
        table.generation = clusters.isEmpty ? 0 : clusters.hashValue
        return table
    }

    /// A cell as text; nothing for the right half of a wide character.
    func text(_ cell: Cell) -> String {
        if cell.width == 0 { return "" }
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars(cell.content))
        return String(text)
    }

    /// Appends a cell as UTF-8.
    func append(_ cell: Cell, to bytes: inout [UInt8]) {
        if cell.width == 0 { return }
        if cell.content < 0x80 {
            bytes.append(UInt8(cell.content))
        } else {
            for scalar in scalars(cell.content) { bytes.append(contentsOf: scalar.utf8) }
        }
    }
}

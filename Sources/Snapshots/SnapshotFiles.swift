// What a snapshot knows of files: each tree as a list, and the list as bytes on disk. The bytes are Cloche's own and
// still read with care, since a power cut may have cut them.

package import LinuxSystem

/// The files of an agent's trees at one moment.
package struct SnapshotFiles: Equatable, Sendable {
    /// The trees that are kept file by file; the layers of `upper` are kept as they are.
    package enum Tree: UInt8, CaseIterable, Sendable {
        case workspace = 1
        case git = 2
        case home = 3
    }

    /// The files of each tree, the root of a tree first.
    package var trees: [Tree: [TreeFile]] = [:]

    /// None.
    package init() {}

    private static let title = Array("cloche-snapshot-3\n".utf8)
    private static let end = Array("end\n".utf8)

    /// As it is written: its contents come first, for whoever wants nothing else.
    package var bytes: [UInt8] {
        let files = trees.values.reduce(0) { $0 + $1.count }
        var writer = ByteWriter(Self.title, capacity: files * 80)
        let contents = contents.sorted { $0.key < $1.key }
        writer.add(UInt64(contents.count))
        // Each as what it is more than the one before.
        var last: Int64 = 0
        for (number, size) in contents {
            writer.add(number - last)
            writer.add(size)
            last = number
        }
        for tree in Tree.allCases {
            guard let files = trees[tree] else { continue }
            writer.add(UInt64(tree.rawValue))
            writer.add(UInt64(files.count))
            for file in files { writer.add(file) }
        }
        writer.end(with: Self.end)
        return writer.bytes
    }

    /// Reads what was written; nil when it is not whole.
    package init?(_ bytes: [UInt8]) {
        guard var reader = Self.reader(bytes), reader.contents() != nil else { return nil }
        while !reader.isAtEnd {
            guard let tree = reader.number().flatMap({ UInt8(exactly: $0) }).flatMap(Tree.init),
                let count = reader.number(), count <= UInt64(bytes.count)
            else { return nil }
            var files: [TreeFile] = []
            files.reserveCapacity(Int(count))
            for _ in 0..<count {
                guard let file = reader.file() else { return nil }
                files.append(file)
            }
            trees[tree] = files
        }
    }

    private static func reader(_ bytes: [UInt8]) -> ByteReader? {
        guard bytes.starts(with: title), bytes.suffix(end.count).elementsEqual(end),
            bytes.count >= title.count + end.count
        else { return nil }
        return ByteReader(bytes, title.count..<(bytes.count - end.count))
    }

    /// The kept contents that are in it, by their numbers, and their sizes.
    package var contents: [Int64: Int64] {
        var found: [Int64: Int64] = [:]
        for files in trees.values {
            for index in files.indices where files[index].content > 0 {
                found[files[index].content] = files[index].size
            }
        }
        return found
    }

    /// The same of the beginning of what was written; nil when that is too short.
    package static func contents(ofBeginning bytes: [UInt8]) -> [Int64: Int64]? {
        guard bytes.starts(with: title) else { return nil }
        var reader = ByteReader(bytes, title.count..<bytes.count)
        return reader.contents()
    }

    /// The largest number of a kept content, 0 where there is none.
    package var largestContent: Int64 {
        trees.values.joined().reduce(0) { max($0, $1.content) }
    }
}

private struct ByteWriter {
    private(set) var bytes: [UInt8]

    init(_ bytes: [UInt8], capacity: Int) {
        self.bytes = bytes
        self.bytes.reserveCapacity(capacity)
    }

    mutating func add(_ number: UInt64) {
        // Seven bits a byte, the last byte without the eighth.
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    mutating func add(_ number: Int64) { add(UInt64(bitPattern: number)) }

    mutating func end(with text: [UInt8]) { bytes += text }

    mutating func add(_ text: [UInt8]) {
        add(UInt64(text.count))
        bytes += text
    }

    mutating func add(_ file: TreeFile) {
        bytes.append(file.kind.rawValue)
        add(file.path)
        add(UInt64(file.mode))
        add(file.size)
        add(file.modified.seconds)
        add(file.modified.nanoseconds)
        add(file.changed)
        add(file.inode)
        add(file.names)
        add(file.target)
        add(file.content + 2)
    }
}

private struct ByteReader {
    private let bytes: [UInt8]
    private var position: Int
    private let end: Int

    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        (position, end) = (range.lowerBound, range.upperBound)
    }

    var isAtEnd: Bool { position == end }

    private mutating func byte() -> UInt8? {
        if position == end { return nil }
        position += 1
        return bytes[position - 1]
    }

    mutating func number() -> UInt64? {
        var (value, shift): (UInt64, UInt64) = (0, 0)
        while shift < 64, let byte = byte() {
            value |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return value }
            shift += 7
        }
        return nil
    }

    mutating func signed() -> Int64? { number().map { Int64(bitPattern: $0) } }

    mutating func text() -> [UInt8]? {
        guard let count = number(), count <= UInt64(end - position) else { return nil }
        defer { position += Int(count) }
        return Array(bytes[position..<position + Int(count)])
    }

    mutating func contents() -> [Int64: Int64]? {
        guard let count = number(), count <= UInt64(end - position) else { return nil }
        var (sizes, last) = ([Int64: Int64](minimumCapacity: Int(count)), Int64(0))
        for _ in 0..<count {
            guard let more = signed(), more > 0, let size = signed() else { return nil }
            let (number, isTooLarge) = last.addingReportingOverflow(more)
            if isTooLarge { return nil }
            sizes[number] = size
            last = number
        }
        return sizes
    }

    mutating func file() -> TreeFile? {
        guard let kind = byte().flatMap(TreeFile.Kind.init), let path = text(),
            let mode = number().flatMap({ UInt32(exactly: $0) }), let size = signed(), let seconds = signed(),
            let rest = signed(), let changed = signed(), let inode = number(), let names = number(),
            let target = text(),
            let content = signed(), content >= 0
        else { return nil }
        return TreeFile(
            path: path,
            kind: kind,
            mode: mode,
            size: size,
            modified: TreeFile.Time(seconds, rest),
            changed: changed,
            inode: inode,
            names: names,
            target: target,
            content: content - 2
        )
    }
}

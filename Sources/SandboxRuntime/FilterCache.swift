// Compiled filters on disk, in the user's own cache directory. The full key is stored and compared, so a
// stale or colliding file is never used; one that another user could have written is not read.

internal import LinuxSystem
internal import SyscallFilter

enum FilterCache {
    /// key length, first length, second length: three little-endian 32-bit numbers, then the three parts.
    private static let headLength = 12

    static func read(_ path: String, key: String) -> (FilterProgram, FilterProgram)? {
        guard let bytes = content(path), bytes.count > headLength else { return nil }
        let lengths = (0..<3).map { part in
            (0..<4).reduce(0) { $0 | Int(bytes[part * 4 + $1]) << ($1 * 8) }
        }
        guard lengths.allSatisfy({ $0 > 0 && $0 < 1 << 20 }),
            bytes.count == headLength + lengths[0] + lengths[1] + lengths[2],
            lengths[1] % 8 == 0, lengths[2] % 8 == 0,
            bytes[headLength..<headLength + lengths[0]].elementsEqual(key.utf8)
        else { return nil }
        let first = headLength + lengths[0]
        let second = first + lengths[1]
        return (
            FilterProgram(bytes: Array(bytes[first..<second])), FilterProgram(bytes: Array(bytes[second...]))
        )
    }

    /// What is in the file; nil when it is missing, unreadable, or another user could have written it.
    private static func content(_ path: String) -> [UInt8]? {
        do {
            let file = try Files.open(path)
            let status = try Files.status(of: file)
            guard status.owner == CurrentUser.id, status.mode & 0o022 == 0 else { return nil }
            return try file.readToEnd(limit: 1 << 20)
        } catch {
            // Whatever is wrong with the file, the filter is compiled then.
            return nil
        }
    }

    static func write(_ path: String, key: String, _ first: FilterProgram, _ second: FilterProgram) {
        let text = Array(key.utf8)
        var bytes: [UInt8] = []
        for length in [text.count, first.bytes.count, second.bytes.count] {
            bytes += (0..<4).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) }
        }
        do {
            try Files.makeDirectories(path.parentPath)
            try Files.writeAtomically(path, bytes + text + first.bytes + second.bytes)
        } catch {
            // A cache that cannot be written costs time, nothing else.
        }
    }
}

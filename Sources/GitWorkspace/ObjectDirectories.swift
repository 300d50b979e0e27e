// Where a repository's objects are: its own directory and those it borrows from (`objects/info/alternates`),
// which may borrow in turn. A sandbox needs all of them, read-only.

internal import ClocheModel
internal import LinuxSystem

enum ObjectDirectories {
    /// git follows alternates of alternates this deep.
    private static let deepest = 5

    /// The object directory and all it borrows from, nearest first, without duplicates and without missing
    /// ones.
    static func all(of commonDirectory: String) throws(ClocheError) -> [String] {
        let first: String
        do {
            first = try Files.canonicalPath(commonDirectory + "/objects")
        } catch {
            throw ClocheError(
                "the repository's objects cannot be found",
                error,
                remedy: "run `git fsck` in it"
            )
        }
        var found = [first]
        var level = [first]
        for _ in 0..<deepest {
            level = level.flatMap { alternates(of: $0) }.filter { !found.contains($0) }
            for path in level where !found.contains(path) { found.append(path) }
        }
        return found
    }

    /// The directories that one borrows from directly.
    ///
    /// A missing one, or one without git's `pack`, is left out: git warns and goes on, too.
    private static func alternates(of objects: String) -> [String] {
        // Most repositories have no such file.
        guard let bytes = try? Files.read(objects + "/info/alternates") else { return [] }
        return bytes.split(separator: UInt8(ascii: "\n")).compactMap { line in
            guard line.first != UInt8(ascii: "#") else { return nil }
            let path = unquoted([UInt8](line)).text
            // A directory that is gone is what git warns about in its own commands.
            guard let real = try? Files.canonicalPath(path.hasPrefix("/") ? path : objects + "/" + path)
            else { return nil }
            // What an agent shall see must be objects: a repository that came with its `.git` from elsewhere may
            // name any directory of the user's.
            return Files.isDirectory(real + "/pack") ? real : nil
        }
    }

    /// A line as git's C-style quoting wrote it: `"a\nb"`.
    static func unquoted(_ line: [UInt8]) -> [UInt8] {
        guard line.count >= 2, line.first == UInt8(ascii: "\""), line.last == UInt8(ascii: "\"") else {
            return line
        }
        let simple: [UInt8: UInt8] = [
            UInt8(ascii: "n"): 10, UInt8(ascii: "t"): 9, UInt8(ascii: "r"): 13, UInt8(ascii: "a"): 7,
            UInt8(ascii: "b"): 8, UInt8(ascii: "v"): 11, UInt8(ascii: "f"): 12,
        ]
        var bytes: [UInt8] = []
        var rest = line.dropFirst().dropLast()
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let next = rest.popFirst() else {
                bytes.append(byte)
                continue
            }
            if let value = simple[next] {
                bytes.append(value)
            } else if (0x30...0x33).contains(next),
                let octal = UInt8(([next] + rest.prefix(2)).text, radix: 8)
            {
                rest = rest.dropFirst(2)
                bytes.append(octal)
            } else {
                bytes.append(next)
            }
        }
        return bytes
    }
}

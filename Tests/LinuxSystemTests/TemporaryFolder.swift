// A directory for one test.

import Glibc
import LinuxSystem

/// A directory below /tmp; removed with everything below it when the value goes.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = "/tmp/cloche-system-test.\(getpid()).\(UInt32.random(in: 0...UInt32.max))"
        try Files.makeDirectory(path)
    }

    // What stays behind is in the temporary directory.
    deinit { try? Files.removeTree(path) }

    /// Writes a small file.
    @discardableResult
    func write(_ name: String, _ text: String = "x") throws -> String {
        let file = "\(path)/\(name)"
        try Files.makeDirectories(file.parentPath)
        try Files.writeAtomically(file, Array(text.utf8))
        return file
    }
}

/// Thrown where a test needs a value and there is none; `#require` takes only copyable ones.
struct MissingValue: Error {}

/// The value, which must be there.
func needed<T: ~Copyable>(_ value: consuming T?) throws -> T {
    guard let value else { throw MissingValue() }
    return value
}

/// Whether there is no value.
func isMissing<T: ~Copyable>(_ value: consuming T?) -> Bool {
    if value != nil { false } else { true }
}

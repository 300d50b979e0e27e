// Whether files have changed since they were last looked at, without reading them.

internal import CLinux
internal import Glibc

/// Paths whose files are watched for change by looking, not by notification.
package struct FileFingerprint: Equatable, Sendable {
    /// The paths, each ended by a null byte, as they are kept on disk.
    package let paths: [UInt8]

    /// Paths as they were kept.
    package init(paths: [UInt8]) { self.paths = paths }

    /// Absolute paths; one with a null byte in it is none.
    package init(_ paths: [String]) {
        self.paths = paths.flatMap { Array($0.utf8) + [0] }
    }

    /// A number that is another one when any of the files was replaced, changed, made or removed.
    ///
    /// Made of inode, size and the times of the last change of content and of status, in nanoseconds, of what
    /// each path names; `stat(2)`. An entry of a directory that comes or goes changes the directory.
    package func value() -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func mix(_ value: Int) { hash = (hash ^ UInt64(bitPattern: Int64(value))) &* 0x0000_0100_0000_01b3 }
        unsafe paths.withUnsafeBytes { bytes in
            guard let base = unsafe bytes.baseAddress?.assumingMemoryBound(to: CChar.self),
                unsafe bytes.last == 0
            else { return }
            var next = 0
            while next < bytes.count {
                var status = stat()
                if unsafe stat(base + next, &status) == 0 {
                    mix(Int(bitPattern: UInt(status.st_ino)))
                    mix(Int(status.st_size))
                    mix(status.st_mtim.tv_sec << 30 ^ status.st_mtim.tv_nsec)
                    mix(status.st_ctim.tv_sec << 30 ^ status.st_ctim.tv_nsec)
                } else {
                    mix(Int(errno))
                }
                hash ^= hash >> 29
                next += unsafe strlen(base + next) + 1
            }
        }
        return hash
    }
}

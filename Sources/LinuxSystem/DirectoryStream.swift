// Reading a directory piece by piece, for loops that have other work: one stream, entries one at a time, nothing kept.

internal import CLinux
internal import Glibc

/// A name in a directory, ended by a zero, as the kernel gives it: bytes, not always UTF-8.
package typealias EntryName = [CChar]

/// An open directory that is read from where the last reading ended.
@safe
package final class DirectoryStream {
    private let stream: OpaquePointer

    /// Takes over a directory that is open for reading.
    package init(_ directory: consuming FileDescriptor) throws(SystemError) {
        let number = directory.release()
        guard let stream = unsafe fdopendir(number) else {
            let failure = Errno(errno)
            close(number)
            throw SystemError("fdopendir", failure)
        }
        unsafe self.stream = unsafe stream
    }

    deinit { unsafe closedir(stream) }

    /// Its descriptor, for calls on what is in it.
    package var number: CInt { unsafe dirfd(stream) }

    /// Goes back to the beginning; what has come since is listed as well.
    package func rewind() { unsafe rewinddir(stream) }

    /// The next name that is a positive number, such as a process in `/proc` or a descriptor in its `fd`; nil at the
    /// end.
    package func nextNumber() -> Int32? {
        while let number = nextLargeNumber() {
            if let number = Int32(exactly: number) { return number }
        }
        return nil
    }

    /// The next name that is a number of at most 18 digits; nil at the end.
    package func nextLargeNumber() -> Int64? {
        while let entry = unsafe readdir(stream) {
            let number = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe Self.number(bytes)
            }
            if let number { return number }
        }
        return nil
    }

    /// The next name, without `.` and `..`; nil at the end.
    package func nextName() -> EntryName? {
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe bytes.prefix { $0 != 0 }.map { CChar(bitPattern: $0) } + [0]
            }
            if name != [46, 0] && name != [46, 46, 0] { return name }
        }
        return nil
    }

    /// What is next, without `.` and `..`: its path below the directory's own, and what stat tells of it; nil at the end.
    ///
    /// One call of the kernel and one allocation for each, for walks through many.
    func nextStatus(below folder: [UInt8]) throws(SystemError) -> (path: [UInt8], status: stat)? {
        while let entry = unsafe readdir(stream) {
            let directory = number
            var status = stat()
            var failure: CInt = 0
            let path: [UInt8]? = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { name in
                guard let text = unsafe name.baseAddress?.assumingMemoryBound(to: CChar.self) else {
                    return nil
                }
                let count = unsafe strnlen(text, name.count)
                let isDot = unsafe name[0] == 46 && (count == 1 || count == 2 && name[1] == 46)
                if isDot { return nil }
                if unsafe fstatat(directory, text, &status, AT_SYMLINK_NOFOLLOW) < 0 { failure = errno }
                let bytes = unsafe name.prefix(count)
                if folder.isEmpty { return unsafe Array(bytes) }
                return unsafe [UInt8](unsafeUninitializedCapacity: folder.count + 1 + count) {
                    place,
                    filled in
                    _ = unsafe place.update(fromContentsOf: folder)
                    unsafe place[folder.count] = UInt8(ascii: "/")
                    _ = unsafe place[(folder.count + 1)...].update(fromContentsOf: bytes)
                    filled = folder.count + 1 + count
                }
            }
            guard let path else { continue }
            guard failure == 0 else {
                throw SystemError("fstatat", Errno(failure), String(decoding: path, as: UTF8.self))
            }
            return (path, status)
        }
        return nil
    }

    /// What is next, without `.` and `..`: its path below the directory's own, whether it is a directory, and when its content
    /// was changed last, in nanoseconds since 1970; nil at the end.
    package func nextTime(below folder: [UInt8]) throws(SystemError)
        -> (path: [UInt8], isDirectory: Bool, modified: Int64)?
    {
        guard let (path, status) = try nextStatus(below: folder) else { return nil }
        // A file can say that it is from beyond all times.
        let (seconds, isBeyond) = Int64(status.st_mtim.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
        let time =
            isBeyond ? .max : seconds.addingReportingOverflow(Int64(status.st_mtim.tv_nsec)).partialValue
        return (path, status.st_mode & S_IFMT == S_IFDIR, time)
    }

    /// The next name, without `.` and `..`, and whether it may be a directory's; nil at the end.
    package func nextEntry() -> (name: [UInt8], mayBeDirectory: Bool)? {
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe Array(bytes.prefix { $0 != 0 })
            }
            // DT_DIR; a file system that does not tell says DT_UNKNOWN.
            let kind = unsafe entry.pointee.d_type
            if name != [46], name != [46, 46] { return (name, kind == 4 || kind == 0) }
        }
        return nil
    }

    private static func number(_ bytes: UnsafeRawBufferPointer) -> Int64? {
        var value: Int64 = 0
        var index = 0
        while index < 19, unsafe bytes[index] != 0 {
            let digit = unsafe bytes[index]
            guard (48...57).contains(digit), index < 18 else { return nil }
            value = value * 10 + Int64(digit - 48)
            index += 1
        }
        return index == 0 ? nil : value
    }
}

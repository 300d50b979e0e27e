// The one owner of an open descriptor. Everything above passes these: borrowed for use, consumed for
// hand-over; the number itself shows only where a C call or a record of plain numbers needs it.

internal import CLinux
internal import Glibc

/// An open file description's number in this process, closed when the value ends.
package struct FileDescriptor: ~Copyable, Sendable {
    /// The number, for calls; it is borrowed and must not be kept.
    package let number: CInt

    /// Takes ownership of an open descriptor.
    package init(owning number: CInt) {
        precondition(number >= 0, "a descriptor is not negative")
        self.number = number
    }

    deinit { _ = Glibc.close(number) }

    /// Gives up ownership: the caller must close the number.
    package consuming func release() -> CInt {
        let number = self.number
        discard self
        return number
    }

    /// A second descriptor of the same description, `fcntl(2)` with `F_DUPFD_CLOEXEC`.
    package borrowing func duplicate() throws(SystemError) -> FileDescriptor {
        let number = self.number
        return FileDescriptor(owning: try check("fcntl") { fcntl(number, F_DUPFD_CLOEXEC, 0) })
    }

    /// Puts it in the place of another number, `dup2(2)`, where it stays open over an exec.
    package borrowing func replace(_ other: CInt) throws(SystemError) {
        let number = self.number
        try check("dup2") { dup2(number, other) }
    }

    /// Reads at most `count` bytes, `read(2)`; empty at the end of the file.
    package borrowing func read(upTo count: Int) throws(SystemError) -> [UInt8] {
        let number = self.number
        var failure: SystemError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = 0
            do throws(SystemError) {
                filled = try check("read") { unsafe Glibc.read(number, buffer.baseAddress, count) }
            } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Reads what there is, in as many calls as it takes, of a descriptor that does not wait.
    ///
    /// - Returns: the bytes, and why there are no more; nil when there are `count`.
    package borrowing func readAvailable(upTo count: Int) -> (bytes: [UInt8], end: End?) {
        let number = self.number
        var end: End?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = 0
            reading: while filled < count {
                do throws(SystemError) {
                    let some = try check("read") {
                        unsafe Glibc.read(number, buffer.baseAddress?.advanced(by: filled), count - filled)
                    }
                    if some == 0 {
                        end = .closed
                        break reading
                    }
                    filled += some
                } catch {
                    end = .failed(error)
                    break reading
                }
            }
        }
        return (bytes, end)
    }

    /// Why no more could be read.
    package enum End {
        case closed
        case failed(SystemError)
    }

    /// Reads to the end.
    package borrowing func readToEnd(limit: Int = .max) throws(SystemError) -> [UInt8] {
        var all: [UInt8] = []
        var status = stat()
        let number = self.number
        // A size is said by whoever made the file: room for much of it is made as it is read.
        if unsafe fstat(number, &status) == 0 {
            all.reserveCapacity(min(limit, max(0, Int(status.st_size)), 4 << 20))
        }
        while all.count < limit {
            let part = try read(upTo: min(65536, limit - all.count))
            if part.isEmpty { break }
            all += part
        }
        return all
    }

    /// Writes all of it, `write(2)`, however many calls that takes.
    package borrowing func write(_ bytes: [UInt8]) throws(SystemError) {
        let number = self.number
        var written = 0
        while written < bytes.count {
            written += try check("write") {
                unsafe bytes[written...].withUnsafeBytes {
                    unsafe Glibc.write(number, $0.baseAddress, $0.count)
                }
            }
        }
    }

    /// Writes once, as much as the kernel takes: the count, or nil when it would block.
    package borrowing func writeSome(_ bytes: ArraySlice<UInt8>) throws(SystemError) -> Int? {
        let number = self.number
        do {
            return try check("write") {
                unsafe bytes.withUnsafeBytes { unsafe Glibc.write(number, $0.baseAddress, $0.count) }
            }
        } catch  where error.errno == .wouldBlock {
            return nil
        }
    }

    /// Goes to a place, back to the beginning if none is named, `lseek(2)`.
    package borrowing func rewind(to place: Int64 = 0) throws(SystemError) {
        let number = self.number
        try check("lseek") { lseek(number, off_t(place), SEEK_SET) }
    }

    /// `fchmod(2)`.
    package borrowing func setMode(_ mode: UInt32) throws(SystemError) {
        let number = self.number
        try check("fchmod") { fchmod(number, mode) }
    }

    /// Sets `O_NONBLOCK`, keeping the other flags.
    package borrowing func setNonBlocking() throws(SystemError) {
        let number = self.number
        let flags = try check("fcntl") { fcntl(number, F_GETFL) }
        try check("fcntl") { fcntl(number, F_SETFL, flags | O_NONBLOCK) }
    }

    /// The byte at a place of a file, `pread(2)`; nil behind its end.
    package borrowing func byte(at place: Int64) throws(SystemError) -> UInt8? {
        var byte: UInt8 = 0
        let number = self.number
        return try check("pread") { unsafe Int32(pread(number, &byte, 1, off_t(place))) } == 1 ? byte : nil
    }

    /// A part of a file, `pread(2)`; shorter at its end.
    package borrowing func read(at place: Int64, count: Int) throws(SystemError) -> [UInt8] {
        let number = self.number
        var all: [UInt8] = []
        while all.count < count {
            var part = [UInt8](repeating: 0, count: count - all.count)
            let there = off_t(place) + off_t(all.count)
            let got = try check("pread") {
                unsafe part.withUnsafeMutableBytes { unsafe pread(number, $0.baseAddress, $0.count, there) }
            }
            if got == 0 { break }
            all += part[..<got]
        }
        return all
    }

    /// Writes at the beginning of a file, in one call, `pwrite(2)`.
    package borrowing func overwrite(_ bytes: [UInt8]) throws(SystemError) {
        let number = self.number
        let written = try check("pwrite") {
            unsafe bytes.withUnsafeBytes { unsafe pwrite(number, $0.baseAddress, $0.count, 0) }
        }
        if written != bytes.count { throw SystemError("pwrite", .noSpace) }
    }

    /// How long a lock's holder is waited for, in milliseconds.
    package static let lockPatience: Int64 = 5000

    /// Holds the open file's lock (`flock(2)`) while something is done.
    ///
    /// - Throws: `EWOULDBLOCK` with the path when another has had it for too long: anybody who can open the file can
    ///   hold its lock, and be stopped.
    package borrowing func locked<R>(
        _ path: String,
        shared: Bool = false,
        within patience: Int64 = lockPatience,
        _ body: () throws(SystemError) -> R
    ) throws(SystemError) -> R {
        let number = self.number
        let kind = (shared ? LOCK_SH : LOCK_EX) | LOCK_NB
        let last = MonotonicClock.milliseconds + patience
        while true {
            do throws(SystemError) {
                try check("flock", path) { flock(number, kind) }
                break
            } catch  where error.errno == .wouldBlock && MonotonicClock.milliseconds < last {
                Pause.milliseconds(3)
            }
        }
        defer { _ = flock(number, LOCK_UN) }
        return try body()
    }

    /// Cuts a file off, `ftruncate(2)`.
    package borrowing func truncate(to size: Int64) throws(SystemError) {
        let number = self.number
        try check("ftruncate") { ftruncate(number, off_t(size)) }
    }

    /// Reserves room of the file system for a part of a file, without making the file longer: `fallocate(2)`.
    ///
    /// A file system that cannot reserve does nothing.
    package borrowing func reserve(from place: Int64, count: Int64) throws(SystemError) {
        let number = self.number
        do throws(SystemError) {
            try check("fallocate") { clinux_allocate(number, 0, place, count) }
        } catch {
            if error.errno != Errno(EOPNOTSUPP) { throw error }
        }
    }

    /// Gives the room of a part of a file back, which reads as zeros from then on: `fallocate(2)`.
    ///
    /// A file system that cannot do that does nothing.
    package borrowing func giveBack(from place: Int64, count: Int64) throws(SystemError) {
        let number = self.number
        do throws(SystemError) {
            try check("fallocate") { clinux_allocate(number, 1, place, count) }
        } catch {
            if error.errno != Errno(EOPNOTSUPP) { throw error }
        }
    }

    /// Bytes of the file system that a file takes.
    package borrowing func allocatedBytes() throws(SystemError) -> Int64 {
        var status = stat()
        let number = self.number
        try check("fstat") { unsafe fstat(number, &status) }
        return Int64(status.st_blocks) * 512
    }

    /// Flushes data to the disk, `fdatasync(2)`.
    package borrowing func synchronize() throws(SystemError) {
        let number = self.number
        try check("fdatasync") { fdatasync(number) }
    }
}

/// The numbers 0, 1 and 2.
package enum StandardStreams {
    /// Puts `/dev/null` where the caller has left nothing open: a socket of ours would get the number, and what is
    /// printed would go to it.
    package static func open() {
        for number in 0...2 as ClosedRange<CInt> where fcntl(number, F_GETFD) < 0 {
            // The lowest free number is this one.
            _ = unsafe Glibc.open("/dev/null", O_RDWR)
        }
    }

    /// While `body` runs, standard output leads where standard error does.
    package static func aside<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure)
        -> Result
    {
        let output = fcntl(1, F_DUPFD_CLOEXEC, 3)
        if output >= 0 { dup2(2, 1) }
        defer {
            if output >= 0 {
                dup2(output, 1)
                close(output)
            }
        }
        return try body()
    }
}

/// The two ends of a pipe, both `CLOEXEC`.
package struct Pipe: ~Copyable {
    /// Where bytes come out.
    package var readEnd: FileDescriptor
    /// Where bytes go in.
    package var writeEnd: FileDescriptor

    /// Makes one, `pipe2(2)`.
    package init() throws(SystemError) {
        var ends: [CInt] = [-1, -1]
        try check("pipe2") { unsafe clinux_pipe(&ends) }
        readEnd = FileDescriptor(owning: ends[0])
        writeEnd = FileDescriptor(owning: ends[1])
    }

    /// Closes the writing end, which a child has inherited, and gives the reading one.
    package consuming func readOnlyEnd() -> FileDescriptor { readEnd }

    /// Gives the reading end; another has the writing one now, and closes it.
    consuming func givenAway() -> FileDescriptor {
        _ = writeEnd.release()
        return readEnd
    }

    /// The two ends, each to be held and closed on its own.
    package consuming func shared() -> (read: FileDescriptor.Shared, write: FileDescriptor.Shared) {
        let read = FileDescriptor.Shared(readEnd)
        return (read, FileDescriptor.Shared(writeEnd))
    }
}

extension FileDescriptor {
    /// A descriptor in a place that only takes copyable values: an array of received ones.
    package final class Shared: Sendable {
        fileprivate let descriptor: FileDescriptor
        /// The number, for calls.
        package var number: CInt { descriptor.number }

        /// Takes ownership.
        package init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }
    }
}

extension FileDescriptor.Shared {
    /// See `FileDescriptor.read`.
    package func read(upTo count: Int) throws(SystemError) -> [UInt8] { try descriptor.read(upTo: count) }
    /// See `FileDescriptor.write`.
    package func write(_ bytes: [UInt8]) throws(SystemError) { try descriptor.write(bytes) }
    /// See `FileDescriptor.writeSome`.
    package func writeSome(_ bytes: ArraySlice<UInt8>) throws(SystemError) -> Int? {
        try descriptor.writeSome(bytes)
    }
    /// See `FileDescriptor.setNonBlocking`.
    package func setNonBlocking() throws(SystemError) { try descriptor.setNonBlocking() }
    /// The descriptor, for a call that takes one.
    package func borrowed<Result: ~Copyable, Failure: Error>(
        _ body: (borrowing FileDescriptor) throws(Failure) -> Result
    )
        throws(Failure) -> Result
    {
        try body(descriptor)
    }
    /// See `Files.status(of:)`.
    package func status() throws(SystemError) -> FileStatus { try Files.status(of: descriptor) }
    /// Reads into memory: as many bytes as have come, 0 at the end.
    package func read(into room: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
        try check("read") { unsafe Glibc.read(number, room.baseAddress, room.count) }
    }
    /// See `UnixSocket.send`: without waiting, false when there is no room.
    package func sendMessage(_ bytes: [UInt8], descriptors: [CInt] = []) throws(SystemError) -> Bool {
        try UnixSocket.send(descriptor, bytes, descriptors: descriptors, wait: false)
    }
    /// See `UnixSocket.receive`: without waiting, nil when nothing has come.
    package func receiveMessage() throws(SystemError) -> ReceivedMessage? {
        try UnixSocket.receive(descriptor, wait: false)
    }
    /// See `Terminal.setSize`.
    package func setTerminalSize(_ size: TerminalSize) { Terminal.setSize(descriptor, size) }
}

extension FileDescriptor {
    /// A copy of a descriptor that this process got from its parent; nil when the number is closed.
    package init?(duplicating number: CInt) {
        let copy = fcntl(number, F_DUPFD_CLOEXEC, 3)
        guard copy >= 0 else { return nil }
        self.init(owning: copy)
    }
}

// Memory for what must be nowhere else: not in a core dump, not on a swap device, and gone when it is let go of.

internal import Glibc

/// Secret bytes, in pages of their own: mlock(2) where the limit allows it, MADV_DONTDUMP, overwritten at the end.
@safe package final class Secret: Sendable {
    // Written once, before anybody else has the object.
    private nonisolated(unsafe) let pages: UnsafeMutableRawBufferPointer
    /// How many bytes it has.
    package let count: Int

    /// Room for so many bytes, filled by `body`, which says how many there are.
    ///
    /// - Throws: what `body` throws, or that there is no memory.
    package init(capacity: Int, _ body: (UnsafeMutableRawBufferPointer) throws(SystemError) -> Int)
        throws(SystemError)
    {
        let size = max(1, (capacity + 4095) / 4096) * 4096
        let flags = MAP_PRIVATE | MAP_ANONYMOUS
        guard let start = unsafe mmap(nil, size, PROT_READ | PROT_WRITE, flags, -1, 0),
            unsafe start != MAP_FAILED
        else { throw SystemError("mmap", Errno(errno)) }
        let pages = unsafe UnsafeMutableRawBufferPointer(start: start, count: size)
        // Without the right to lock so much, it could only be swapped out: the host's matter.
        unsafe mlock(start, size)
        unsafe madvise(start, size, MADV_DONTDUMP)
        do throws(SystemError) {
            count = try unsafe body(UnsafeMutableRawBufferPointer(rebasing: pages[..<capacity]))
        } catch {
            unsafe Self.release(pages)
            throw error
        }
        unsafe self.pages = pages
    }

    /// A copy of bytes, which the caller wipes.
    package convenience init(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
        try unsafe self.init(capacity: bytes.count) { room throws(SystemError) in
            unsafe room.copyMemory(from: bytes)
            return bytes.count
        }
    }

    deinit { unsafe Self.release(pages) }

    private static func release(_ pages: UnsafeMutableRawBufferPointer) {
        guard let start = pages.baseAddress else { return }
        unsafe explicit_bzero(start, pages.count)
        unsafe munmap(start, pages.count)
    }

    /// Looks at the bytes; nothing may keep them.
    package func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(UnsafeRawBufferPointer(rebasing: pages[..<count]))
    }
}

extension [UInt8] {
    /// Overwrites the bytes and empties the list: what was in it is nowhere, if nothing has copied it.
    package mutating func wipe() {
        unsafe withUnsafeMutableBytes { bytes in
            if let start = bytes.baseAddress { unsafe explicit_bzero(start, bytes.count) }
        }
        self = []
    }
}

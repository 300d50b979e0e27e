// fdatasync(2) that goes on beside this thread, so that whoever waits for a slow disk is only the one who asked for it.
// A thread of C does it, which allocates nothing and takes no signal, and tells by an eventfd.

internal import CLinux
internal import Glibc

/// At most one fdatasync that is under way.
@safe package final class BackgroundSync {
    private let event: FileDescriptor
    private let order: UnsafeMutablePointer<clinux_sync>
    /// Whether one is under way, or its end was not asked for yet.
    package private(set) var isRunning = false

    /// Readable when one has ended, until that was asked for.
    package var number: CInt { event.number }

    /// Prepares; nil where no more descriptors are to be had.
    package init?() {
        let number = eventfd(0, CInt(EFD_CLOEXEC))
        guard number >= 0 else { return nil }
        event = FileDescriptor(owning: number)
        unsafe order = UnsafeMutablePointer.allocate(capacity: 1)
        unsafe order.initialize(to: clinux_sync(fd: -1, event: number, failure: 0))
    }

    deinit {
        // The thread has the order until its end.
        if isRunning { awaitEvent() }
        unsafe order.deallocate()
    }

    /// Begins with all that a file holds now; none may be under way.
    package func begin(_ file: borrowing FileDescriptor) throws(SystemError) {
        precondition(!isRunning, "one is under way")
        let copy = try file.duplicate()
        unsafe order.pointee.fd = copy.number
        try check("pthread_create") { unsafe clinux_sync_begin(order) }
        // The thread closes it.
        _ = copy.release()
        isRunning = true
    }

    /// As the other one.
    package func begin(_ file: FileDescriptor.Shared) throws(SystemError) {
        try file.borrowed { file throws(SystemError) in try begin(file) }
    }

    /// Whether the one that was begun has ended; with `wait`, waits until it has.
    ///
    /// - Throws: why it has failed.
    package func hasEnded(wait: Bool) throws(SystemError) -> Bool {
        guard isRunning else { return true }
        if !wait {
            var interest = pollfd(fd: event.number, events: Int16(POLLIN), revents: 0)
            guard unsafe poll(&interest, 1, 0) == 1 else { return false }
        }
        awaitEvent()
        isRunning = false
        let failure = unsafe order.pointee.failure
        if failure != 0 { throw SystemError("fdatasync", Errno(failure)) }
        return true
    }

    private func awaitEvent() {
        var count: UInt64 = 0
        while unsafe Glibc.read(event.number, &count, 8) < 0 && errno == EINTR {}
    }
}

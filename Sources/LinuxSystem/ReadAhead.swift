// A pty gives a page at a time, and whoever writes into it waits meanwhile. While a program writes much, a thread of C
// moves what there is into a pipe, so that the program, the kernel and this thread work at the same time: twice as fast.

internal import CLinux
internal import Glibc

/// A thread that reads from a descriptor before anybody asks, into a pipe.
package struct ReadAhead: ~Copyable {
    /// What was read; it ends when nothing came for a while, or the descriptor has ended or failed.
    ///
    /// Whoever reads on from the descriptor then learns which.
    package let pipe: FileDescriptor

    /// So long does nothing come, in milliseconds.
    private static let patience: CInt = 20

    fileprivate init(_ source: borrowing FileDescriptor, _ ends: consuming Pipe) throws(SystemError) {
        try ends.readEnd.setNonBlocking()
        let copy = try source.duplicate()
        let (from, into) = (copy.number, ends.writeEnd.number)
        try check("pthread_create") { clinux_read_ahead(from, into, Self.patience) }
        // The thread closes both.
        _ = copy.release()
        pipe = ends.givenAway()
    }
}

extension FileDescriptor {
    /// Begins to read ahead from it, into a new pipe.
    ///
    /// It must be one that does not wait, and nobody else may read it until the pipe has ended.
    ///
    /// - Throws: what the kernel refuses; nothing was read, and the pipe is closed.
    package borrowing func readAhead(_ pipe: consuming Pipe) throws(SystemError) -> ReadAhead {
        try ReadAhead(self, pipe)
    }
}

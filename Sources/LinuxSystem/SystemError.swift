// The error of this layer: which call failed, on what, and the kernel's answer. It carries facts only;
// the layers above turn it into a sentence with a remedy.

internal import Glibc

/// An error number of the kernel.
///
/// See `errno(3)`.
package struct Errno: Error, Equatable, Hashable, Sendable, CustomStringConvertible {
    /// The number itself, for example 2 for `ENOENT`.
    package let number: CInt

    /// Wraps a number that a call left in `errno`.
    package init(_ number: CInt) { self.number = number }

    /// The kernel's sentence for it, `strerror(3)`.
    package var description: String {
        guard let text = unsafe strerror(number) else { return "error \(number)" }
        return unsafe String(cString: text)
    }

    /// `ENOENT`: the path, or a directory on the way, does not exist.
    package static let noEntry = Errno(ENOENT)
    /// `ENODEV`: the device is not there, or has no such thing.
    package static let noDevice = Errno(ENODEV)
    /// `EEXIST`: the name is taken.
    package static let exists = Errno(EEXIST)
    /// `ENOTEMPTY`: the directory holds something.
    package static let notEmpty = Errno(ENOTEMPTY)
    /// `EPIPE`: whoever would have read has gone.
    package static let brokenPipe = Errno(EPIPE)
    /// `EAGAIN`, which is `EWOULDBLOCK`: nothing to read, no room, or a lock is held.
    package static let wouldBlock = Errno(EAGAIN)
    /// `ENOTDIR`: a component on the way is a file.
    package static let notDirectory = Errno(ENOTDIR)
    /// `EACCES`: permission bits forbid it.
    package static let access = Errno(EACCES)
    /// `EPERM`: only the owner, or someone with a capability, may.
    package static let notPermitted = Errno(EPERM)
    /// `EINTR`: a signal came first.
    package static let interrupted = Errno(EINTR)
    /// `ELOOP`: a symbolic link where none is followed.
    package static let loop = Errno(ELOOP)
    /// `ENOSPC`: the disk is full.
    package static let noSpace = Errno(ENOSPC)
    /// `ECONNREFUSED`: nobody listens there.
    package static let connectionRefused = Errno(ECONNREFUSED)
    /// `ECONNRESET`: the other end has broken the connection off.
    package static let connectionReset = Errno(ECONNRESET)
    /// `ENOMEM`: no memory for it.
    package static let noMemory = Errno(ENOMEM)
    /// `EHOSTUNREACH`: no way leads to the host.
    package static let hostUnreachable = Errno(EHOSTUNREACH)
    /// `ETIMEDOUT`: nobody answered.
    package static let timedOut = Errno(ETIMEDOUT)
    /// Another socket has this address.
    package static let addressInUse = Errno(EADDRINUSE)
    /// No interface has this address.
    package static let addressNotAvailable = Errno(EADDRNOTAVAIL)
    /// `EROFS`: the file system is mounted read-only.
    package static let readOnly = Errno(EROFS)
}

/// A system call that failed.
package struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The call, by its manual page's name: `openat2`.
    package let call: String
    /// The kernel's answer.
    package let errno: Errno
    /// What it was about: a path, as a rule.
    package let subject: String

    /// Names a failed call.
    package init(_ call: String, _ errno: Errno, _ subject: String = "") {
        self.call = call
        self.errno = errno
        self.subject = subject
    }

    package var description: String {
        subject.isEmpty ? "\(call): \(errno)" : "\(call) \(subject): \(errno)"
    }
}

/// Runs a call, again while a signal interrupts it, and reads `errno` in the very next statement.
///
/// - Parameters:
///   - call: the manual page's name, for the error.
///   - subject: what it is about, for the error.
///   - body: the call; negative means failure.
/// - Throws: the call's error. `EBADF` and `EFAULT` can only be mistakes of ours and stop the program.
@discardableResult
package func check<T: FixedWidthInteger>(
    _ call: String,
    _ subject: @autoclosure () -> String = "",
    _ body: () -> T
) throws(SystemError) -> T {
    while true {
        let result = body()
        if result >= 0 { return result }
        let number = errno
        if number == EINTR { continue }
        precondition(number != EBADF && number != EFAULT, "\(call): a mistake of ours, \(Errno(number))")
        throw SystemError(call, Errno(number), subject())
    }
}

// A secret typed by a person: at the terminal of the process, whatever its input and output are, and without echo.

internal import CLinux
internal import Glibc

/// Asking at the terminal.
package enum SecretPrompt {
    /// Most bytes that a terminal hands over as one line, `termios(3)`.
    package static let mostBytes = 4095

    /// Whether this process has a terminal.
    package static var isPossible: Bool {
        // Whatever is wrong with it, nobody can be asked at it.
        (try? open()) != nil
    }

    /// Asks, and reads one line that is not shown; nil when this process has no terminal, or the person ended the input.
    ///
    /// - Throws: also `EINTR` when the person broke off by Ctrl-C or hung up; the terminal is as it was then.
    package static func ask(_ question: String) throws(SystemError) -> Secret? {
        guard let terminal = try open() else { return nil }
        let number = terminal.number
        var found = termios()
        guard unsafe tcgetattr(number, &found) == 0 else { return nil }
        // A signal must find the terminal put back.
        let signals = try SignalDescriptor([SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGTSTP])
        defer { release() }
        var quiet = found
        quiet.c_lflag &= ~tcflag_t(ECHO)
        quiet.c_lflag |= tcflag_t(ICANON | ECHONL | ISIG)
        quiet.c_iflag |= tcflag_t(ICRNL)
        // What was typed before nobody had asked for.
        unsafe tcsetattr(number, TCSAFLUSH, &quiet)
        defer { unsafe tcsetattr(number, TCSAFLUSH, &found) }
        try terminal.write(Array(question.utf8))
        let line = try unsafe Secret(capacity: mostBytes + 1) { room throws(SystemError) in
            let ready = try Poll.wait([
                .init(number, readable: true), .init(signals.descriptor.number, readable: true),
            ])
            if ready[1] {
                try terminal.write([UInt8(ascii: "\n")])
                throw SystemError("read", .interrupted, "the terminal")
            }
            return try check("read") { unsafe Glibc.read(number, room.baseAddress, room.count) }
        }
        guard line.count > 0 else { return nil }
        let last = unsafe line.withBytes { unsafe $0[line.count - 1] }
        // Ended by Ctrl-D, or longer than a terminal takes: it could be cut off.
        guard last == UInt8(ascii: "\n"), line.count <= mostBytes else {
            throw SystemError("read", Errno(EMSGSIZE), "the terminal")
        }
        return try line.part(0..<line.count - 1)
    }

    private static func open() throws(SystemError) -> FileDescriptor.Shared? {
        do {
            return FileDescriptor.Shared(try Files.open("/dev/tty", O_RDWR | O_NOCTTY))
        } catch  where [ENXIO, ENOENT, EACCES].contains(error.errno.number) { return nil }
    }

    private static func release() {
        var mask = sigset_t()
        unsafe sigemptyset(&mask)
        for signal in [SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGTSTP] { unsafe sigaddset(&mask, signal) }
        // What came in meanwhile was read from the descriptor, or is taken now.
        unsafe sigprocmask(SIG_UNBLOCK, &mask, nil)
    }
}

// The user's own terminal: size, raw mode, and putting it back.

internal import CLinux
internal import Glibc

/// The size of a terminal's screen, in characters.
package struct TerminalSize: Equatable, Sendable {
    /// Characters in a line.
    package var columns: UInt16
    /// Lines.
    package var rows: UInt16

    /// A size of `columns` by `rows` characters.
    package init(columns: UInt16, rows: UInt16) {
        self.columns = columns
        self.rows = rows
    }
}

/// A terminal behind a descriptor of this process.
package enum Terminal {
    /// Whether it is one, `isatty(3)`.
    package static func isTerminal(_ number: CInt) -> Bool { isatty(number) == 1 }

    /// Its size; nil when it is no terminal.
    package static func size(_ number: CInt) -> TerminalSize? {
        var columns: UInt16 = 0
        var rows: UInt16 = 0
        guard unsafe clinux_get_window_size(number, &columns, &rows) == 0, columns > 0, rows > 0 else {
            return nil
        }
        return TerminalSize(columns: columns, rows: rows)
    }

    /// Sets the size of a pty, by its master.
    package static func setSize(_ descriptor: borrowing FileDescriptor, _ size: TerminalSize) {
        _ = clinux_set_window_size(descriptor.number, size.columns, size.rows)
    }

    /// Whether something that was typed into a pty is not read yet, by its master; of what cannot be told, no.
    package static func hasUnreadInput(_ descriptor: borrowing FileDescriptor) -> Bool {
        // `TIOCGPTPEER`, a macro that Swift does not see: the slave, which alone tells, for a moment.
        let slave = ioctl(descriptor.number, 0x5441, O_RDONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)
        guard slave >= 0 else { return false }
        let held = FileDescriptor(owning: slave)
        var count: CInt = 0
        return unsafe ioctl(held.number, UInt(FIONREAD), &count) == 0 && count > 0
    }

    /// How a terminal was found, to be put back as often as it takes.
    ///
    /// Programs that had the terminal meanwhile may have left it otherwise.
    package struct Settings: ~Copyable {
        private let number: CInt
        private let found: termios

        /// Nil when the descriptor is no terminal.
        package init?(_ number: CInt) {
            var settings = termios()
            guard unsafe tcgetattr(number, &settings) == 0 else { return nil }
            found = settings
            self.number = number
        }

        /// As it was found.
        package borrowing func restore() {
            var settings = found
            unsafe tcsetattr(number, TCSADRAIN, &settings)
        }

        /// Nothing is echoed, edited or turned into a signal; see `cfmakeraw(3)`.
        package borrowing func makeRaw() {
            var settings = found
            unsafe cfmakeraw(&settings)
            unsafe tcsetattr(number, TCSADRAIN, &settings)
        }
    }

    /// Raw mode until the value ends: nothing is echoed, edited or turned into a signal.
    ///
    /// See `cfmakeraw(3)`.
    package struct RawMode: ~Copyable {
        private let number: CInt
        private let saved: termios

        /// Nil when the descriptor is no terminal.
        package init?(_ number: CInt) {
            var settings = termios()
            guard unsafe tcgetattr(number, &settings) == 0 else { return nil }
            saved = settings
            self.number = number
            unsafe cfmakeraw(&settings)
            unsafe tcsetattr(number, TCSADRAIN, &settings)
        }

        deinit {
            var settings = saved
            unsafe tcsetattr(number, TCSADRAIN, &settings)
        }
    }
}

// Windows in the hands of somebody who is not attached: keys and messages typed into them; of window 0, its size and what
// it shows from now on. Called by Supervisor+Requests.swift.

internal import AgentStore
internal import AuditRecords
internal import ClocheModel
internal import LinuxSystem
internal import TerminalScreen
internal import TerminalText

extension Supervisor {
    /// The most columns and rows that may be asked for.
    private static let sizes: ClosedRange<UInt16> = 1...1000

    /// What the program in a window has asked its terminal to send.
    func keyModes(of window: Window) -> KeyModes {
        let screen = window.screen
        return KeyModes(
            applicationCursor: screen.modes.applicationCursor,
            applicationKeypad: screen.modes.applicationKeypad,
            bracketedPaste: screen.modes.bracketedPaste,
            kittyFlags: screen.keyboardFlags
        )
    }

    /// Types keys or a message for a user; that it did is on record, and what it typed is not.
    func type(_ request: KeysRequest, by user: UInt32) throws(ClocheError) -> Document {
        try refuseUnlessTyping()
        let window = try existing(request.window)
        guard window.isOpen else {
            throw ClocheError(
                .state,
                "window \(window.number) of agent \(record.name) has no terminal any more",
                why: "its program has closed it",
                remedy: "`cloche windows \(record.name)` lists the windows"
            )
        }
        let modes = keyModes(of: window)
        let bytes = try request.bytes(modes)
        guard window.input.count + bytes.count <= Window.inputLimit else {
            throw ClocheError(
                .state,
                "agent \(record.name) reads nothing that is typed",
                why: "\(window.input.count) bytes wait in its terminal already",
                remedy: "`cloche attach \(record.name)` shows what it does"
            )
        }
        try audit.append(
            .keys,
            [
                "kind": .string(request.form == .message ? "message" : "keys"),
                "bytes": .integer(Int64(bytes.count)), "by": .integer(Int64(user)),
                "window": .optional(window.number == 0 ? nil : Int64(window.number)),
            ],
            // Whoever sent a message is answered when Enter was pressed, and it is on disk by then.
            request.form == .message && request.enter ? .soon : .standard
        )
        if window.number == 0 {
            lifecycle.activity(at: MonotonicClock.milliseconds)
            following.watch.typed(at: MonotonicClock.milliseconds)
            log.typed(bytes) { shownScreen }
        }
        type(bytes, in: window)
        return .object([
            "bytes": .integer(Int64(bytes.count)), "bracketed-paste": .bool(modes.bracketedPaste),
        ])
    }

    func refuseUnlessTyping() throws(ClocheError) {
        if record.state == .paused {
            throw ClocheError(
                .state,
                "agent \(record.name) is paused",
                why: "nothing reads what would be typed",
                remedy: "`cloche unpause \(record.name)` first"
            )
        }
        guard sandbox != nil, harnessWindow.isOpen else { throw betweenStarts }
    }

    /// Gives window 0 another size; the report has the old one, too.
    func changeSize(_ size: TerminalSize) throws(ClocheError) -> Document {
        guard Self.sizes.contains(size.columns), Self.sizes.contains(size.rows) else {
            throw ClocheError(.usage, "a terminal has 1 to \(Self.sizes.upperBound) columns and rows")
        }
        guard sandbox != nil, harnessWindow.isOpen else { throw betweenStarts }
        let before = harnessWindow.size
        resize(harnessWindow, size)
        return .object(["old": before.document, "new": size.document])
    }

    /// Shows a viewer what window 0 shows from now on.
    func follow(_ viewer: Viewer) -> Bool {
        guard viewer.role == .asking else { return false }
        viewer.role = .following
        // Whoever follows may read what was before from there.
        log.flush { shownScreen }
        return true
    }
}

extension TerminalSize {
    fileprivate var document: Document {
        .object(["columns": .integer(Int64(columns)), "rows": .integer(Int64(rows))])
    }
}

// Windows as people meet them: attaching to one, looking at one, programs that open and end one.

internal import ClocheModel
internal import LinuxSystem
internal import StructuredText
internal import TerminalScreen

extension Supervisor {
    func existing(_ number: Int) throws(ClocheError) -> Window {
        if let window = windows[number] { return window }
        throw ClocheError(
            .notFound,
            "agent \(record.name) has no window \(number)",
            why: "it has \(windows.keys.sorted().map(String.init).joined(separator: ", "))",
            remedy: "`cloche windows \(record.name)` lists them"
        )
    }

    /// A terminal comes before a window.
    func attach(_ viewer: Viewer, _ request: AttachRequest) {
        do throws(ClocheError) {
            let window = try existing(request.window)
            recordDetach(viewer)
            try recordAttach(viewer, readOnly: request.readOnly)
            if request.steals { sendAway(from: window) }
            viewer.role = .attached(Viewer.Attachment(window: window.number, readOnly: request.readOnly))
            viewer.size = request.size
            viewer.linesAbove = request.linesAbove
            viewer.mustRestore = true
            viewer.lastFrame = 0
            if !request.readOnly { resize(window, request.size) }
        } catch { reply(viewer, .failed(error)) }
    }

    /// Ends the sessions of those who may type.
    private func sendAway(from window: Window) {
        for viewer in viewers(of: window) where viewer.attachment?.readOnly == false {
            reply(viewer, .left)
            recordDetach(viewer)
        }
    }

    /// A terminal leaves; its window stays.
    func detach(_ viewer: Viewer) {
        if viewer.attachment?.program != nil {
            viewer.role = .asking
        } else {
            recordDetach(viewer)
        }
    }

    /// Who types is active: the window takes that terminal's size.
    func typed(_ bytes: [UInt8], by viewer: Viewer) {
        guard let attachment = viewer.attachment, !attachment.readOnly,
            let window = windows[attachment.window]
        else { return }
        if window.number == 0 {
            lifecycle.activity(at: MonotonicClock.milliseconds)
            following.watch.typed(at: MonotonicClock.milliseconds)
        }
        viewer.typed += Int64(bytes.count)
        if window.number == 0 { log.typed(bytes) { shownScreen } }
        if viewer.size != window.size { resize(window, viewer.size) }
        type(bytes, in: window)
    }

    /// A terminal has another size.
    func resized(_ viewer: Viewer, _ size: TerminalSize) {
        guard let attachment = viewer.attachment, let window = windows[attachment.window] else { return }
        viewer.size = size
        viewer.mustRestore = true
        if !attachment.readOnly { resize(window, size) }
    }

    /// What a window shows, in as many messages as it takes.
    func look(_ viewer: Viewer, _ request: LookRequest) {
        do throws(ClocheError) {
            let report = ScreenReport(try existing(request.window).screen, linesAbove: request.linesAbove)
            let sent = viewer.send(chunks: JSONText.serializeBytes(report.document))
            if sent { reply(viewer, .report(.object([:]))) } else { drop(viewer) }
        } catch { reply(viewer, .failed(error)) }
    }

    /// The windows, for `status`.
    var windowReports: [Document] {
        windows.values.sorted { $0.number < $1.number }.map { window in
            .object([
                "number": .integer(Int64(window.number)), "command": .strings(window.arguments),
                "columns": .integer(Int64(window.size.columns)), "rows": .integer(Int64(window.size.rows)),
                "opened": .string(WallClock.format(window.opened)),
                "viewers": .integer(Int64(viewers(of: window).count)),
            ])
        }
    }

    // MARK: Programs

    /// A program of `exec` runs in a terminal of its own, before that of whoever started it.
    func openWindow(
        _ id: UInt32,
        _ arguments: [String],
        _ size: TerminalSize,
        _ terminal: consuming FileDescriptor,
        for viewer: Viewer
    ) {
        let number = (1...).first { windows[$0] == nil } ?? 1
        let window = Window(number, id, arguments, size, opened: WallClock.milliseconds)
        do throws(SystemError) {
            try open(window, terminal)
        } catch {
            return reply(
                viewer,
                .failed(ClocheError(.system, "cannot open a window", why: error.description))
            )
        }
        windows[number] = window
        viewer.role = .attached(Viewer.Attachment(window: number, readOnly: false, program: id))
        viewer.size = size
        // It begins where the shell's last line ended: nothing is to be painted.
        viewer.mustRestore = false
    }

    /// The sandbox is gone, and with it the programs beside the harness.
    func closeWindows() {
        for viewer in viewers.values {
            if case .executing = viewer.role {
                viewer.role = .asking
                reply(viewer, .exited(137))
            } else if let attachment = viewer.attachment, attachment.window != 0 {
                recordDetach(viewer)
                reply(viewer, .exited(137))
            }
        }
        for window in windows.values { close(window) }
        windows = windows.filter { $0.key == 0 }
        openings = [:]
    }

    /// The program of a window has ended: what it wrote last is shown, and everybody leaves.
    func closeWindow(_ window: Window, _ exitCode: Int32) {
        drain(window, milliseconds: 200)
        showFrames()
        for viewer in viewers(of: window) {
            reply(viewer, .exited(exitCode))
            recordDetach(viewer)
        }
        close(window)
        windows[window.number] = nil
    }
}

// The recording of window 0, on disk: asciicast v2, already made harmless, bounded, in two files of which the older is
// dropped. Each begins with a header and can be played by itself. Written by the supervisor, read by RecordingFiles.swift.

package import AgentStore
package import ClocheModel
internal import Glibc
package import LinuxSystem
internal import SessionRecording

/// The writer of one agent's recording.
package struct SessionLog: ~Copyable {
    /// The terminal as it is now.
    package struct Screen {
        /// Its size.
        package var size: TerminalSize
        /// What paints it on an empty terminal of this size: allowed sequences, UTF-8.
        package var bytes: [UInt8]

        /// A screen of this size.
        package init(size: TerminalSize, bytes: [UInt8]) {
            self.size = size
            self.bytes = bytes
        }
    }

    /// Gives the terminal as it is after everything that was recorded.
    package typealias Snapshot = () -> Screen

    /// Whose terminal it is.
    package struct Subject {
        /// The agent's name.
        package var title: String
        /// Its variable `TERM`.
        package var terminal: String

        /// An agent's terminal.
        package init(title: String, terminal: String) {
            self.title = title
            self.terminal = terminal
        }
    }

    /// Events that are closer, in microseconds, are written as one line.
    private static let joinTime: Int64 = 10_000

    private let path: String
    private let recording: SessionPolicy.Recording
    private let subject: Subject
    /// A file that is as long is followed by another.
    private let fullSize: Int64
    private var file: FileDescriptor?
    private var written: Int64 = 0
    /// What it began with: a screen may be larger than what is kept.
    private var begun: Int64 = 0
    /// When the file's time began, in microseconds of the monotonic clock.
    private var origin: Int64
    /// The beginning of a line that is still open: its kind, and all but its end.
    private var kind: RecordingEvent.Kind?
    private var line: [UInt8] = []
    /// When the last line was written.
    private var lastWrite: Int64 = .min
    private var size: TerminalSize
    /// The disk took a part of a line.
    private var isTorn = false

    /// Opens the recording, or goes on with the one that is there; it keeps about `limit` bytes.
    package init(
        _ directory: AgentDirectory,
        _ subject: Subject,
        _ recording: SessionPolicy.Recording,
        limit: Int64,
        size: TerminalSize,
        now: Int64 = MonotonicClock.microseconds
    ) {
        path = directory.recording
        self.recording = recording
        self.subject = subject
        self.size = size
        // Room for what comes at once, so that both files stay within the limit.
        let half = max(limit, 65536) / 2
        fullSize = max(half - 65536, half / 2)
        origin = now
        if recording != .off { open(now) { Screen(size: size, bytes: []) } }
    }

    // MARK: What happens

    /// The terminal showed something; `snapshot` has it already.
    package mutating func append(
        _ bytes: [UInt8],
        now: Int64 = MonotonicClock.microseconds,
        _ snapshot: Snapshot
    ) {
        add(.output, bytes, now, snapshot)
    }

    /// Somebody typed something.
    package mutating func typed(
        _ bytes: [UInt8],
        now: Int64 = MonotonicClock.microseconds,
        _ snapshot: Snapshot
    ) {
        // What a terminal sends need not be UTF-8, and the format wants it.
        if recording == .input {
            add(.input, Array(String(decoding: bytes, as: UTF8.self).utf8), now, snapshot)
        }
    }

    /// The terminal has another size.
    package mutating func resized(
        _ size: TerminalSize,
        now: Int64 = MonotonicClock.microseconds,
        _ snapshot: Snapshot
    ) {
        if size == self.size { return }
        add(.resize, Array("\(size.columns)x\(size.rows)".utf8), now, snapshot)
        self.size = size
        flush(now: now, snapshot)
    }

    /// Names this place of the recording.
    package mutating func mark(
        _ label: String,
        now: Int64 = MonotonicClock.microseconds,
        _ snapshot: Snapshot
    ) {
        add(.marker, Array(label.utf8), now, snapshot)
        flush(now: now, snapshot)
    }

    private mutating func add(
        _ kind: RecordingEvent.Kind,
        _ bytes: [UInt8],
        _ now: Int64,
        _ snapshot: Snapshot
    ) {
        if recording == .off || bytes.isEmpty { return }
        if self.kind != kind { flush(now: now, snapshot) }
        if self.kind == nil {
            if file == nil { open(now, snapshot) }
            self.kind = kind
            RecordingLine.begin(now - origin, kind, in: &line)
        }
        RecordingLine.appendText(bytes[...], to: &line)
        let isLong =
            line.count >= RecordingLine.longestText || written + Int64(line.count) >= fullLength
        // The first after a rest at once: whoever follows sees a key's echo without delay.
        if isLong || now - Self.joinTime >= lastWrite { flush(now: now, snapshot) }
    }

    // MARK: Lines to the file

    /// When an open line is to be written, in milliseconds of the monotonic clock.
    package var flushDue: Int64? { kind == nil ? nil : (lastWrite + Self.joinTime) / 1000 + 1 }

    /// Writes the open line when its time has come.
    package mutating func flushIfDue(now: Int64 = MonotonicClock.microseconds, _ snapshot: Snapshot) {
        if kind != nil && now - Self.joinTime >= lastWrite { flush(now: now, snapshot) }
    }

    /// Writes the open line, and begins another file when this one is full.
    package mutating func flush(now: Int64 = MonotonicClock.microseconds, _ snapshot: Snapshot) {
        if kind == nil { return }
        RecordingLine.end(&line)
        write(line)
        line.removeAll(keepingCapacity: true)
        kind = nil
        lastWrite = now
        if written >= fullLength { rotate(now, snapshot) }
    }

    /// A file has room for events beside the screen that it begins with: else each would write that anew.
    private var fullLength: Int64 { max(fullSize, begun + fullSize / 2) }

    /// A full disk costs the recording, not the agent; what does not fit is dropped.
    private mutating func write(_ bytes: [UInt8]) {
        do throws(SystemError) {
            // What is left of a line must not spoil the next one.
            if isTorn { try file?.write([0x0a]) }
            isTorn = true
            try file?.write(bytes)
            isTorn = false
        } catch {}  // said above
        written += Int64(bytes.count)
    }

    private mutating func rotate(_ now: Int64, _ snapshot: Snapshot) {
        do throws(SystemError) {
            try Files.rename(path, path + ".1")
        } catch { return }  // kept in one file then, until the disk allows
        file = nil
        open(now, snapshot)
    }

    // MARK: Files

    /// Begins a recording with the screen as it is, or goes on with the one that is there.
    private mutating func open(_ now: Int64, _ snapshot: Snapshot) {
        do throws(SystemError) {
            let opened = try Files.open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW)
            isTorn = false
            if let last = try Self.end(of: opened) {
                (written, begun) = (try Files.status(of: opened).size, 0)
                file = consume opened
                goOn(behind: last, now, snapshot)
            } else {
                try opened.truncate(to: 0)
                let screen = snapshot()
                let bytes = beginning(screen)
                do throws(SystemError) {
                    try opened.write(bytes)
                } catch {
                    // A file without a header would be taken for a recording.
                    try opened.truncate(to: 0)
                    throw error
                }
                (size, written, origin) = (screen.size, Int64(bytes.count), now)
                begun = written
                file = consume opened
            }
        } catch { file = nil }  // tried again with the next event; without a recording the agent goes on
    }

    /// The header, and what paints the screen.
    private func beginning(_ screen: Screen) -> [UInt8] {
        var painting: [UInt8] = []
        var lines = 0
        if !screen.bytes.isEmpty {
            lines = RecordingLine.append(RecordingEvent(0, .output, screen.bytes), to: &painting)
        }
        var bytes: [UInt8] = []
        RecordingLine.append(
            RecordingHeader(
                columns: Int(screen.size.columns),
                rows: Int(screen.size.rows),
                began: WallClock.milliseconds / 1000,
                title: subject.title,
                terminal: subject.terminal,
                repeated: lines
            ),
            to: &bytes
        )
        return bytes + painting
    }

    /// The last time of a recording, of which a torn end is cut off; nil if there is nothing to go on with.
    private static func end(of file: borrowing FileDescriptor) throws(SystemError) -> Int64? {
        let size = try Files.status(of: file).size
        let start = max(0, size - Int64(RecordingReader.longestLine))
        let tail = try file.read(at: start, count: Int(size - start))
        guard let newline = tail.lastIndex(of: 0x0a) else { return nil }
        if newline + 1 < tail.count { try file.truncate(to: start + Int64(newline) + 1) }
        var reader = RecordingReader(inside: start > 0)
        var events: [RecordingEvent] = []
        reader.feed(tail[...newline], into: &events)
        if start == 0 && reader.header == nil { return nil }
        return events.map(\.time).max() ?? 0
    }

    /// Another run of the agent: its times follow those of the last one.
    private mutating func goOn(behind last: Int64, _ now: Int64, _ snapshot: Snapshot) {
        origin = now - last
        var bytes: [UInt8] = []
        RecordingLine.append(RecordingEvent(last, .marker, Array("resumed".utf8)), to: &bytes)
        // The screen begins anew, whatever the last run has left.
        RecordingLine.append(RecordingEvent(last, .output, [0x1b, UInt8(ascii: "c")]), to: &bytes)
        let resize = RecordingEvent(last, columns: Int(size.columns), rows: Int(size.rows))
        RecordingLine.append(resize, to: &bytes)
        write(bytes)
        if written >= fullLength { rotate(now, snapshot) }
    }
}

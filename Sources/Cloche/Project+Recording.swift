// What an agent's terminal showed, from its recording: for `logs` and `replay`.

internal import AgentStore
package import ClocheModel
package import LinuxSystem
internal import ProfileLoading
package import SessionRecording
package import Supervision

extension Project {
    /// The recording of an agent's terminal; it may be empty yet.
    ///
    /// - Throws: if nothing is recorded, because the profile says so.
    package func recording(_ name: String) throws(ClocheError) -> RecordingFiles {
        let directory = try agentDirectory(name)
        let record = try directory.read()
        let files: RecordingFiles
        do throws(SystemError) {
            files = try RecordingFiles(directory)
        } catch { throw Self.cannotRead(name, error) }
        if !files.exists, try Policy(document: record.effective).session.recording == .off {
            throw ClocheError(
                .state,
                "nothing is recorded of \(name)",
                why: "`session.record` is off in its profile",
                remedy: "an agent started with `--set session.record=output` is recorded"
            )
        }
        return files
    }

    /// What the terminal of an agent showed that ran before there were recordings.
    package func earlierLog(_ name: String) throws(ClocheError) -> [UInt8] {
        RecordingFiles.earlierLog(try agentDirectory(name))
    }

    /// A recording of which something cannot be read.
    package static func cannotRead(_ name: String, _ error: SystemError) -> ClocheError {
        ClocheError(.system, "cannot read the recording of \(name)", why: error.description)
    }
}

/// What a recording has, counted.
package struct RecordingTotals: Sendable {
    /// What its first line says; nil when there is nothing.
    package var header: RecordingHeader?
    /// The time of the last event, in microseconds.
    package var duration: Int64 = 0
    /// How many events there are.
    package var events: Int64 = 0
    /// How many bytes were shown.
    package var bytes: Int64 = 0
    /// How many lines are no events.
    package var skipped: Int64 = 0

    /// Reads a recording to its end.
    package init(_ files: RecordingFiles) throws(SystemError) {
        while let events = try files.next() {
            self.events += Int64(events.count)
            for event in events where event.kind == .output { bytes += Int64(event.bytes.count) }
        }
        (header, duration, skipped) = (files.header, files.time, Int64(files.skipped))
    }
}

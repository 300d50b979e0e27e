// The first word of a supervisor to the command that started it, over a pipe: empty for "it runs", an error
// otherwise.

package import ClocheModel
package import LinuxSystem
internal import StructuredText

/// The start report of a supervisor.
package enum SupervisorReady {
    private static let runs: [UInt8] = Array("ok".utf8)

    /// Says that the harness runs, or why not.
    package static func write(_ error: ClocheError?, to pipe: consuming FileDescriptor) {
        let bytes = error.map { Array(JSONText.serialize($0.document).utf8) } ?? runs
        try? pipe.write(bytes)  // the command that would have read it was killed; the agent goes on
    }

    /// Waits for the report; nil means that the harness runs.
    package static func read(_ pipe: consuming Pipe) throws(SystemError) -> ClocheError? {
        let bytes = try pipe.readOnlyEnd().readToEnd(limit: 65536)
        if bytes == runs { return nil }
        // A supervisor that died before its report leaves an empty pipe.
        if let document = try? JSONText.parse(bytes), let error = ClocheError(document: document) {
            return error
        }
        return ClocheError(
            .system,
            "the supervisor ended before the agent ran",
            why: "it left no report",
            remedy: "its last words may be in supervisor.log in the agent's state directory"
        )
    }
}

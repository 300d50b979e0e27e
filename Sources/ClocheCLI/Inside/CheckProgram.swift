// `cloche internal check`: the sandbox in which what an agent merges is tried. Its profile is no file's: it comes at standard
// input, from the process that carries out the agent's request.

internal import Cloche
internal import ClocheModel
internal import LinuxSystem
internal import StructuredText
internal import Supervision

/// The process.
enum CheckProgram {
    /// Runs a command line with these files as its workspace, and returns its exit code.
    static func run(_ directory: String, files: String, _ command: String) throws -> Int32 {
        var bytes: [UInt8] = []
        while case let part = UserInput.read(), !part.isEmpty { bytes += part }
        let profile = try JSONText.parse(bytes, file: "standard input")
        let project = try Project(at: directory, installation: Installation())
        return try project.runCheck(command, in: files, profile)
    }
}

// A check or a judge's command: `cloche run` as a child of ours, with files that agents wrote, in a throw-away sandbox.

internal import AgentStore
internal import ClocheModel
internal import GitWorkspace
internal import Glibc
internal import LinuxSystem

final class TaskCommand {
    let pid: Int32
    /// Where its standard output and errors are.
    let output: String
    private let files: ScratchFiles

    /// Starts a command line on the files of a commit.
    ///
    /// - Parameter name: what its output is called.
    init(
        _ line: String,
        on commit: String,
        profile: String,
        called name: String,
        _ project: Project,
        _ repository: GitRepository,
        _ place: GraphDirectory
    ) throws(ClocheError) {
        files = try ScratchFiles.make(commit, of: repository, in: place.scratch)
        output = "\(place.outputs)/\(name)"
        let words = [
            "-C", project.directory, "run", "--profile", profile, "--workspace", "dir:\(files.directory)",
            // What stands for protected names in a user's directory would be files of the result here.
            "--set", "filesystem.protect=[]",
            "--", "/bin/sh", "-c", line,
        ]
        do throws(SystemError) {
            let null = try Files.openForUpdate("/dev/null")
            let flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW
            let out = try Files.open(output + ".out", flags)
            let errors = try Files.open(output + ".err", flags)
            // A session of its own: the terminal's Ctrl-C is for us, and we end it.
            pid = try Subprocess(
                project.installation.executable,
                words,
                environment: ProcessEnvironment.atStart(),
                directory: project.directory
            ).spawn(stdin: null.number, stdout: out.number, stderr: errors.number, newSession: true)
        } catch {
            throw ClocheError(.system, "cannot start the sandbox of a check", why: error.description)
        }
    }

    /// Ends it.
    func kill() { Subprocess.kill(session: pid) }

    /// The last line that it printed and that is not empty.
    func lastLine(_ kind: String) -> String? {
        // What cannot be read says nothing.
        let text = (try? Files.read(output + kind, limit: 1 << 20)).map {
            String(decoding: $0, as: UTF8.self)
        }
        return text?.split(whereSeparator: \.isNewline).last { line in line.contains { !$0.isWhitespace } }
            .map { String($0) }
    }

    /// Why it did not go well; nil when it did.
    func failure(_ what: String, status: Int32) -> String? {
        if status == 0 { return nil }
        let said = (lastLine(".err") ?? lastLine(".out")).map { ": " + $0 } ?? ""
        if status == 125 { return "\(what) could not be run\(said)" }
        return "\(what) ended with exit code \(status)\(said) (output in \(output).out and .err)"
    }
}

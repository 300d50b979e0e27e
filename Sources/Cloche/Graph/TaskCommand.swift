// A check or a judge's command: `cloche run` as a child of ours, with files that agents wrote, in a throw-away sandbox.

internal import AgentStore
internal import ClocheModel
internal import GitWorkspace
internal import LinuxSystem
internal import ProfileLoading

final class TaskCommand {
    let pid: Int32
    /// Where the beginning and the end of its standard output and errors are.
    let output: String
    private let out: TaskOutput
    private let errors: TaskOutput
    private let files: ScratchFiles

    /// How long one may take whose profile does not say, in seconds: whoever waits for it waits for its whole plan.
    private static let mostSeconds = 3600

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
        var words = [
            "-C", project.directory, "run", "--profile", profile, "--workspace", "dir:\(files.directory)",
            // What stands for protected names in a user's directory would be files of the result here.
            "--set", "filesystem.protect=[]",
        ]
        if try project.profiles.load(name: profile).policy.limits.wallClockSeconds == nil {
            words += ["--set", "limits.wall-clock=\(Self.mostSeconds)s"]
        }
        words += ["--", "/bin/sh", "-c", line]
        do throws(SystemError) {
            let null = try Files.openForUpdate("/dev/null")
            let (outEnd, outStart) = try Pipe().shared()
            let (errorEnd, errorStart) = try Pipe().shared()
            out = try TaskOutput(outEnd, into: output + ".out")
            errors = try TaskOutput(errorEnd, into: output + ".err")
            let program = Subprocess(
                project.installation.executable,
                words,
                environment: try ProcessEnvironment.atStart(),
                directory: project.directory
            )
            // A session of its own: the terminal's Ctrl-C is for us, and we end it.
            pid = try program.spawn(
                stdin: null.number,
                stdout: outStart.number,
                stderr: errorStart.number,
                newSession: true
            )
            // They are the child's from then on.
            withExtendedLifetime((outStart, errorStart)) {}
        } catch {
            throw ClocheError(.system, "cannot start the sandbox of a check", why: error.description)
        }
    }

    /// Ends it.
    func kill() { Subprocess.kill(session: pid) }

    /// Its outputs that have not ended: whoever waits for it reads them.
    var openOutputs: [TaskOutput] { [out, errors].filter(\.isOpen) }

    /// It has ended: takes what it wrote last.
    func finish() {
        out.finish()
        errors.finish()
    }

    /// The last line of its standard output that is not empty.
    var lastLine: String? { out.lastLine }

    /// Why it did not go well; nil when it did.
    func failure(_ what: String, status: Int32) -> String? {
        if status == 0 { return nil }
        let said = (errors.lastLine ?? out.lastLine).map { ": " + $0 } ?? ""
        if status == 125 { return "\(what) could not be run\(said)" }
        return "\(what) ended with exit code \(status)\(said) (output in \(output).out and .err)"
    }
}

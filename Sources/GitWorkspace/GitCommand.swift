// How git is run on the host: one absolute program, an environment made from nothing, and the settings of
// GitHardening in force over every file. Nothing else in this target starts a program.

package import ClocheModel
internal import LinuxSystem

/// git, with all that a command needs besides its arguments.
package struct Git: Sendable {
    /// Where a command works.
    package struct Place: Equatable, Sendable {
        /// `GIT_DIR`; nil lets git look for it from `directory`, which also checks who owns it.
        package var gitDirectory: String?
        /// `GIT_WORK_TREE`.
        package var workTree: String?
        /// `GIT_INDEX_FILE`; nil means the one of the git directory.
        package var indexFile: String?
        /// The working directory of the process.
        package var directory: String

        init(
            _ gitDirectory: String?,
            workTree: String? = nil,
            indexFile: String? = nil,
            directory: String = "/"
        ) {
            self.gitDirectory = gitDirectory
            self.workTree = workTree
            self.indexFile = indexFile
            self.directory = directory
        }
    }

    /// Absolute path of the program.
    var program: String
    /// Overrides; a later one wins.
    var settings: [GitSetting] = GitHardening.always
    /// Further variables, `NAME=value`.
    var environment: [String] = []
    /// Whether the user's and the system's own files are in force: only while reading what they say.
    var readsUserFiles = false
    /// Descriptors of locks that each command holds too, so that a lock outlives us as long as one of them
    /// runs.
    var inherited: [CInt] = []

    /// Finds git and checks that it is recent enough.
    package static func find() throws(ClocheError) -> Git {
        let places = "/usr/bin:/usr/local/bin:/bin"
        guard
            let program = ProcessEnvironment.findProgram("git", path: places)
                ?? ProcessEnvironment.findProgram("git")
        else {
            throw ClocheError(
                .host,
                "git is not installed",
                why: "no program git in \(places) or PATH",
                remedy: "install it: apt-get install git; or work without it: --workspace dir:PATH"
            )
        }
        return Git(program: program)
    }

    /// Runs a command to its end, whatever its exit status.
    func run(_ arguments: [String], at place: Place, input: [UInt8] = [], atMost most: Int = .max)
        throws(ClocheError) -> SubprocessResult
    {
        do {
            return try process(arguments, at: place).run(input: input, inheriting: inherited, atMost: most)
        } catch {
            throw ClocheError("git \(arguments.first ?? "") could not be run", error)
        }
    }

    /// Runs a command that has to succeed unless it is ended early.
    ///
    /// - Parameters:
    ///   - intent: as of `output`.
    ///   - take: gets its output as it comes; the command is killed when the answer is no.
    func stream(
        _ arguments: [String],
        at place: Place,
        input: [UInt8] = [],
        _ intent: String,
        _ take: ([UInt8]) -> Bool
    ) throws(ClocheError) {
        let result: SubprocessResult
        do {
            result = try process(arguments, at: place).stream(input: input, inheriting: inherited, take)
        } catch {
            throw ClocheError("git \(arguments.first ?? "") could not be run", error)
        }
        guard result.status == 0 || result.isCut else { throw Self.failure(intent, result) }
    }

    /// What one process of git may have: several times what it needs for a repository with a million paths, and less than what
    /// an agent's objects could make it ask for (a merge of two files that are all line ends, a chain of deltas).
    private static let mostMemory: UInt64 = 2 << 30

    private func process(_ arguments: [String], at place: Place) -> Subprocess {
        var process = Subprocess(
            program,
            ["--no-pager", "--literal-pathspecs"] + arguments,
            environment: variables(for: place),
            directory: place.directory
        )
        process.mostMemory = Self.mostMemory
        return process
    }

    /// Runs a command that has to succeed, and returns what it printed.
    ///
    /// - Parameters:
    ///   - most: bytes of it; the rest is not waited for.
    ///   - intent: what failed, in the error: "the agent's branch could not be moved".
    func output(
        _ arguments: [String],
        at place: Place,
        input: [UInt8] = [],
        atMost most: Int = .max,
        _ intent: String
    ) throws(ClocheError) -> [UInt8] {
        let result = try run(arguments, at: place, input: input, atMost: most)
        guard result.status == 0 || result.isCut else { throw Self.failure(intent, result) }
        return result.output
    }

    /// As `output`, one line of text.
    func line(_ arguments: [String], at place: Place, _ intent: String) throws(ClocheError) -> String {
        try output(arguments, at: place, intent).text.withoutFinalNewline
    }

    /// The error for a command that failed: git's own words, made harmless.
    static func failure(_ intent: String, _ result: SubprocessResult) -> ClocheError {
        let reason = reason(result)
        if reason.contains("dubious ownership") { return notOurs(intent, reason) }
        var remedy =
            "run it again; if it fails again, `git fsck` in the repository tells whether it is damaged"
        if reason.contains("No space left") { remedy = "make room on that disk and run it again" }
        if reason.contains("Permission denied") || reason.contains("Read-only file system") {
            remedy = "make the repository's .git directory writable for you"
        }
        if reason.contains("ut of memory") {
            remedy = "git may have \(Amount.bytes(Int64(mostMemory))) here: is there a file too large for it?"
        }
        if reason.contains(".lock': File exists") {
            remedy = "another git is at work there, or one was killed: if none runs, remove that .lock file"
        }
        return ClocheError(.git, intent, why: reason, remedy: remedy)
    }

    private static func notOurs(_ intent: String, _ reason: String) -> ClocheError {
        ClocheError(
            .git,
            "the repository belongs to another user",
            why: reason,
            remedy: "run cloche as its owner, or trust it: git config --global --add safe.directory <path>"
        )
    }

    /// What git said, at most a few lines, safe to print.
    static func reason(_ result: SubprocessResult) -> String {
        let lines = result.errorText.split(whereSeparator: \.isNewline).map(String.init)
        let telling = lines.filter { line in
            ["fatal: ", "error: ", "remote: "].contains { line.hasPrefix($0) }
        }
        let kept = (telling.isEmpty ? lines : telling).prefix(4).map { line in
            // "fatal:" is how git ends, not what a person needs to know.
            String(line.withoutPrefix("remote: ").withoutPrefix("fatal: ").visible.prefix(300))
        }
        return kept.isEmpty ? "git ended with status \(result.status)" : kept.joined(separator: "; ")
    }

    /// The whole environment of a command.
    private func variables(for place: Place) -> [String] {
        var all = [
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
            "HOME=\(ProcessEnvironment.home)", "GIT_ATTR_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
            "GIT_OPTIONAL_LOCKS=0", "GIT_ASKPASS=false",
            "GIT_SSH_COMMAND=false", "GIT_ALLOW_PROTOCOL=file", "GIT_NO_LAZY_FETCH=1",
        ]
        if !readsUserFiles { all += ["GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null"] }
        for name in ["XDG_CONFIG_HOME", "SUDO_UID", "TZ"] {
            if let value = ProcessEnvironment.value(name) { all.append("\(name)=\(value)") }
        }
        if let path = place.gitDirectory { all.append("GIT_DIR=\(path)") }
        if let path = place.workTree { all.append("GIT_WORK_TREE=\(path)") }
        if let path = place.indexFile { all.append("GIT_INDEX_FILE=\(path)") }
        return all + environment + Self.variables(for: settings)
    }

    /// Settings as `GIT_CONFIG_*` variables: unlike `-c`, they carry names with any character.
    private static func variables(for settings: [GitSetting]) -> [String] {
        var all = ["GIT_CONFIG_COUNT=\(settings.count)"]
        for (index, setting) in settings.enumerated() {
            all.append("GIT_CONFIG_KEY_\(index)=\(setting.key)")
            all.append("GIT_CONFIG_VALUE_\(index)=\(setting.value)")
        }
        return all
    }
}

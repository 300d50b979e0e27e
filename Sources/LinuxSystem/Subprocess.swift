// Programs that Cloche runs on the host: git, and itself as supervisor. posix_spawn(3) with an explicit
// environment and descriptor list; everything else of ours is CLOEXEC.

internal import CLinux
internal import Glibc

/// What a finished program left.
package struct SubprocessResult: Sendable {
    /// Its exit code, or 128 plus the signal's number.
    package let status: Int32
    /// Standard output.
    package let output: [UInt8]
    /// Standard error.
    package let errors: [UInt8]
    /// Whether it was killed because it printed more than was wanted.
    package let isCut: Bool

    /// Standard output as text.
    package var outputText: String { String(decoding: output, as: UTF8.self) }
    /// Standard error as text.
    package var errorText: String { String(decoding: errors, as: UTF8.self) }
}

/// One program to run.
package struct Subprocess: Sendable {
    /// Absolute path of the program.
    package var program: String
    /// Arguments without the program's own name.
    package var arguments: [String]
    /// The whole environment, `NAME=value`.
    package var environment: [String]
    /// Working directory; nil means ours.
    package var directory: String?
    /// Bytes of memory of its own that it may have, `RLIMIT_DATA`: files that it only maps do not count; nil is our own limit.
    package var mostMemory: UInt64?

    /// Names a program; nothing runs yet.
    package init(
        _ program: String,
        _ arguments: [String],
        environment: [String] = [],
        directory: String? = nil
    ) {
        self.program = program
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
    }

    /// Runs it to its end, collecting what it prints.
    ///
    /// - Parameters:
    ///   - inheriting: descriptors that it keeps, by their numbers.
    ///   - most: of its standard output, in bytes; what prints more is killed, and its output ends there.
    package func run(input: [UInt8] = [], inheriting: [CInt] = [], atMost most: Int = .max)
        throws(SystemError) -> SubprocessResult
    {
        var output: [UInt8] = []
        let result = try stream(input: input, inheriting: inheriting) { part in
            output += part
            return output.count <= most
        }
        return SubprocessResult(
            status: result.status,
            output: result.isCut ? Array(output.prefix(most)) : output,
            errors: result.errors,
            isCut: result.isCut
        )
    }

    /// Runs it to its end, or until what it prints is not wanted any more.
    ///
    /// - Parameter take: gets its standard output as it comes; it is killed when the answer is no.
    /// - Returns: what it left, without its output.
    package func stream(input: [UInt8] = [], inheriting: [CInt] = [], _ take: ([UInt8]) -> Bool)
        throws(SystemError) -> SubprocessResult
    {
        let stdin = try Pipe()
        let stdout = try Pipe()
        let stderr = try Pipe()
        let pid = try spawn(
            stdin: stdin.readEnd.number,
            stdout: stdout.writeEnd.number,
            stderr: stderr.writeEnd.number,
            extra: inheriting
        )
        // It has hardly begun; whatever it has until then stays.
        if let mostMemory { clinux_limit_data(pid, mostMemory) }
        let (errors, isCut) = try exchange(stdin, stdout, stderr, input, take)
        if isCut { _ = Glibc.kill(pid, SIGKILL) }
        return SubprocessResult(status: try Self.wait(pid), output: [], errors: errors, isCut: isCut)
    }

    /// Starts it with these descriptors as 0, 1 and 2, and returns its process id.
    ///
    /// `extra` are further descriptors that keep their numbers.
    package func spawn(
        stdin: CInt,
        stdout: CInt,
        stderr: CInt,
        extra: [CInt] = [],
        newSession: Bool = false
    ) throws(SystemError) -> Int32 {
        var pid: Int32 = 0
        let failure = unsafe withCStrings([program] + arguments) { argv in
            unsafe withCStrings(environment) { envp in
                let stdio = [stdin, stdout, stderr]
                return unsafe clinux_spawn(
                    &pid,
                    program,
                    argv,
                    envp,
                    directory,
                    stdio,
                    extra,
                    extra.count,
                    newSession ? 1 : 0
                )
            }
        }
        guard failure == 0 else { throw SystemError("posix_spawn", Errno(failure), program) }
        return pid
    }

    /// Waits for a child of ours and returns its exit code, or 128 plus the signal.
    package static func wait(_ pid: Int32) throws(SystemError) -> Int32 {
        var status: CInt = 0
        try check("waitpid") { unsafe waitpid(pid, &status, 0) }
        return clinux_exited(status) != 0 ? clinux_exit_code(status) : 128 + clinux_term_signal(status)
    }

    /// Whether a child of ours has ended; if so, it is gone for good.
    package static func hasEnded(_ pid: Int32) -> Bool {
        var status: CInt = 0
        // No such child: it has been waited for.
        return unsafe waitpid(pid, &status, WNOHANG) != 0
    }

    /// Kills a child of ours that was started in a session of its own, with all that is still in its process group.
    package static func kill(session pid: Int32) { _ = Glibc.kill(-pid, SIGKILL) }

    /// As `wait`, without waiting: nil while the child runs.
    package static func status(_ pid: Int32) throws(SystemError) -> Int32? {
        var status: CInt = 0
        let ended = try check("waitpid") { unsafe waitpid(pid, &status, WNOHANG) }
        if ended == 0 { return nil }
        return clinux_exited(status) != 0 ? clinux_exit_code(status) : 128 + clinux_term_signal(status)
    }

    /// Any child of ours that has ended, with its exit code, nil when a signal killed it; nil when none has ended.
    ///
    /// Only for a process that waits for no child by its number at the same time.
    package static func reap() -> (pid: Int32, exitCode: Int32?)? {
        var status: CInt = 0
        let pid = unsafe waitpid(-1, &status, WNOHANG)
        return pid > 0 ? (pid, clinux_exited(status) != 0 ? clinux_exit_code(status) : nil) : nil
    }

    /// Feeds standard input and drains both outputs together, so that neither side waits for the other for ever.
    ///
    /// Ends early when more output is not wanted.
    private func exchange(
        _ stdin: consuming Pipe,
        _ stdout: consuming Pipe,
        _ stderr: consuming Pipe,
        _ input: [UInt8],
        _ take: ([UInt8]) -> Bool
    ) throws(SystemError) -> (errors: [UInt8], isCut: Bool) {
        var feed: FileDescriptor? = stdin.writeEnd
        _ = stdin.readEnd
        let out = stdout.readEnd
        _ = stdout.writeEnd
        let err = stderr.readEnd
        _ = stderr.writeEnd
        try feed?.setNonBlocking()
        var written = 0
        var errors: [UInt8] = []
        var open = (true, true)
        if input.isEmpty { feed = nil }
        while open.0 || open.1 {
            var polls = [
                pollfd(fd: open.0 ? out.number : -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: open.1 ? err.number : -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: feed?.number ?? -1, events: Int16(POLLOUT), revents: 0),
            ]
            try check("poll") { unsafe poll(&polls, 3, -1) }
            if polls[0].revents != 0 {
                let part = try out.read(upTo: 65536)
                if part.isEmpty { open.0 = false } else if !take(part) { return (errors, true) }
            }
            if polls[1].revents != 0 {
                let part = try err.read(upTo: 65536)
                if part.isEmpty { open.1 = false }
                // Whoever complains at every object of millions says nothing new.
                if errors.count < Self.mostErrors { errors += part }
            }
            if polls[2].revents != 0 {
                do {
                    written += try feed?.writeSome(input[written...]) ?? 0
                    if written == input.count { feed = nil }
                } catch  where error.errno.number == EPIPE { feed = nil }
            }
        }
        return (errors, false)
    }

    /// Bytes of standard error that are kept.
    private static let mostErrors = 1 << 20
}

/// Calls `body` with a null-terminated array of C strings.
package func withCStrings<R>(
    _ strings: [String],
    _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> R
) -> R {
    let copies = unsafe strings.map { unsafe strdup($0) }
    defer { for index in unsafe copies.indices { unsafe free(copies[index]) } }
    var array = unsafe copies + [nil]
    return unsafe array.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { preconditionFailure("an array with a null has a base") }
        return unsafe body(base)
    }
}

/// This process's environment.
package enum ProcessEnvironment {
    /// A variable's value; nil when unset.
    package static func value(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }

    /// All variables that this process began with, `NAME=value`.
    package static func atStart() throws(SystemError) -> [String] {
        try Files.read("/proc/self/environ").split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }

    /// All variables as they are now, `NAME=value`; also when nobody may look into this process any more.
    package static var current: [String] {
        guard var place = unsafe clinux_environment() else { return [] }
        var variables: [String] = []
        while let variable = unsafe place.pointee {
            unsafe variables.append(String(cString: variable))
            unsafe place += 1
        }
        return variables
    }

    /// Takes these variables, `NAME=value`, in place of all that there are.
    package static func replace(_ variables: [String]) {
        clearenv()
        for variable in variables {
            guard let equals = variable.utf8.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let value = String(variable[variable.utf8.index(after: equals)...])
            unsafe setenv(String(variable[..<equals]), value, 1)
        }
    }

    /// Makes a directory the one in which relative paths are meant, `chdir(2)`.
    package static func enter(_ directory: String) throws(SystemError) {
        try check("chdir", directory) { unsafe chdir(directory) }
    }

    /// The home directory: `HOME`, or `/`.
    package static var home: String { value("HOME").flatMap { $0.isEmpty ? nil : $0 } ?? "/" }

    /// Where an executable of that name is: itself when it has a slash, otherwise the first in `PATH`.
    package static func findProgram(_ name: String, path: String? = nil) -> String? {
        if name.utf8.contains(UInt8(ascii: "/")) { return isExecutable(name) ? name : nil }
        let search = path ?? value("PATH") ?? "/usr/local/bin:/usr/bin:/bin"
        for directory in search.split(separator: ":") where directory.hasPrefix("/") {
            let candidate = "\(directory)/\(name)"
            if isExecutable(candidate) { return candidate }
        }
        return nil
    }

    private static func isExecutable(_ path: String) -> Bool {
        guard !Files.isDirectory(path) else { return false }
        return unsafe access(path, X_OK) == 0
    }
}

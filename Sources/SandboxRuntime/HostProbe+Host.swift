// Checks of the host beside the kernel: git, the state directory, subordinate ids, and cgroup delegation.

internal import CLinux
internal import Glibc
internal import LinuxSystem

/// An empty temporary directory on the file system of the state directory, removed when the value ends.
struct ProbePlace: ~Copyable {
    /// Where it is; nil when none could be made.
    let path: String?
    /// Why none could be made.
    let failure: SystemError?
    /// The state directory, or the nearest directory above it that exists.
    let existing: String

    init(state: String) {
        var directory = state
        while !Files.isDirectory(directory) && directory.parentPath != directory {
            directory = directory.parentPath
        }
        existing = directory
        var template = Array("\(directory == "/" ? "" : directory)/.cloche-doctor-XXXXXX".utf8CString)
        let made = unsafe template.withUnsafeMutableBufferPointer { buffer -> String? in
            guard let base = buffer.baseAddress, let path = unsafe mkdtemp(base) else { return nil }
            return unsafe String(cString: path)
        }
        failure = made == nil ? SystemError("mkdtemp", Errno(errno), directory) : nil
        path = made
    }

    deinit {
        // What cannot be removed is empty but for the layers of a trial, and hidden.
        if let path { try? Files.removeTree(path) }
    }
}

extension HostProbe {
    // MARK: State

    static func stateDirectory(_ state: String, _ place: borrowing ProbePlace) -> HostCheck {
        let feature = HostFeature("state-directory", "the state directory", for: "agents")
        if let failure = place.failure {
            return feature.missing(
                "\(state) cannot be written: \(failure)",
                "make it writable for you, or point XDG_STATE_HOME to a directory that is"
            )
        }
        // Gone since the line above: the next start makes it anew, as ours.
        if place.existing == state, let status = try? Files.status(state),
            status.owner != CurrentUser.id || status.mode & 0o022 != 0
        {
            return feature.missing(
                "\(state) belongs to user id \(status.owner) and has mode \(String(status.mode, radix: 8))",
                "it must be yours alone: `chown \(CurrentUser.id) \(state) && chmod 700 \(state)`"
            )
        }
        if let kind = fileSystem(place.existing).flatMap({ networkKinds[$0] }) {
            return feature.degraded(
                "\(state) is on \(kind), whose locks and overlay layers cannot be relied on",
                "point XDG_STATE_HOME to a local disk"
            )
        }
        return feature.ok(
            "\(state) can be written\(place.existing == state ? "" : " (it is made when needed)")"
        )
    }

    /// `f_type` of statfs(2): file systems of other machines, or of programs.
    private static let networkKinds: [Int: String] = [
        0x6969: "NFS", 0xff53_4d42: "CIFS", 0xfe53_4d42: "SMB", 0x0102_1997: "9p", 0x6573_5546: "FUSE",
        0x5346_414f: "AFS", 0x00c3_6400: "Ceph", 0x0bd0_0bd0: "Lustre",
    ]

    private static func fileSystem(_ path: String) -> Int? {
        // A directory that cannot be opened was refused above.
        guard let directory = try? Files.open(path, O_RDONLY | O_DIRECTORY) else { return nil }
        return clinux_filesystem_type(directory.number)
    }

    // MARK: Git

    static func git() -> HostCheck {
        let feature = HostFeature("git", "git", for: "worktrees; `--workspace none` and `dir` work without")
        let install = "install git 2.38 or later, for example with `sudo apt-get install git`"
        guard let program = ProcessEnvironment.findProgram("git") else {
            return feature.missing("there is no git in PATH", install)
        }
        do {
            let result = try Subprocess(
                program,
                ["--version"],
                environment: ["PATH=/usr/bin:/bin", "LC_ALL=C"]
            ).run()
            guard result.status == 0, let version = GitVersion(result.outputText) else {
                return feature.missing(
                    "`\(program) --version` failed with exit code \(result.status)",
                    install
                )
            }
            if version < GitVersion.oldest { return feature.missing("\(program) is \(version)", install) }
            return feature.ok("\(program) is \(version)")
        } catch { return feature.missing("\(error)", install) }
    }

    // MARK: Ids

    static func subordinateIDs() -> HostCheck {
        let feature = HostFeature(
            "subordinate-ids",
            "subordinate ids",
            for: "profiles that need more than one user id; the built-in ones do not"
        )
        let name = CurrentUser.name
        // Root needs no helper, and lends ids of its own where the file has none.
        let text = (try? Files.readText("/etc/subuid")) ?? ""
        let range = SubordinateRange.parse([name, String(CurrentUser.id)], in: text)
        let words = range.map { "/etc/subuid gives \(name) \($0.count) ids from \($0.first)" }
        if CurrentUser.isRoot {
            return feature.ok(words ?? "/etc/subuid has none for root, so Cloche's own range is used")
        }
        guard let words else {
            return feature.degraded(
                "/etc/subuid has no line for \(name)",
                "sudo usermod --add-subuids 100000-165535 \(name)"
            )
        }
        guard ProcessEnvironment.findProgram("newuidmap") != nil else {
            return feature.degraded("\(words), but there is no newuidmap", "sudo apt-get install uidmap")
        }
        return feature.ok(words + ", and newuidmap is there")
    }
}

/// A version of git.
struct GitVersion: Comparable, CustomStringConvertible {
    let major: Int
    let minor: Int
    /// The oldest that does all that Cloche asks of it.
    static let oldest = GitVersion(major: 2, minor: 38)

    init(major: Int, minor: Int) { (self.major, self.minor) = (major, minor) }

    /// Reads `git version 2.39.5 (Apple Git-154)`.
    init?(_ text: String) {
        guard let word = text.split(whereSeparator: \.isWhitespace).dropFirst(2).first else { return nil }
        let parts = word.split(separator: ".").prefix(2).compactMap { Int($0) }
        guard text.hasPrefix("git version "), parts.count == 2 else { return nil }
        (major, minor) = (parts[0], parts[1])
    }

    var description: String { "\(major).\(minor)" }

    static func < (one: GitVersion, other: GitVersion) -> Bool {
        (one.major, one.minor) < (other.major, other.minor)
    }
}

// What an agent program is given beside its task, brought to where that program looks for it: instructions and MCP
// servers in files of the agent's home, skills as read-only binds. Which files those are, and in which form, is told by the
// program's bundle; no program is known here. The home is the agent's, who may have put links in it: nothing is opened
// through one, and what a file holds besides is read, kept, and never obeyed.

internal import ClocheModel
internal import Glibc
internal import LinuxSystem
internal import ProfileLoading
internal import SandboxRuntime

enum HarnessFiles {
    /// The most that a file in an agent's home may hold to be written into.
    private static let fileLimit = 8 << 20
    /// The most of instructions; as an argument, the kernel takes 128 KiB.
    private static let (textLimit, argumentLimit) = (1 << 20, 120 << 10)

    /// Refuses what the program has no form for, before anything is made.
    ///
    /// - Parameter hasHome: false if the home is thrown away, so that no file can be put into it.
    static func check(_ policy: Policy, _ installation: Installation, hasHome: Bool = true)
        throws(ClocheError)
    {
        let (harness, wanted) = (policy.harness, policy.equipment)
        if !wanted.model.isEmpty && harness.model.isEmpty { throw missing("model", "harness.model", policy) }
        if wanted.hasInstructions && !harness.instructions.isThere {
            throw missing("instructions", "harness.instructions", policy)
        }
        if !wanted.skills.isEmpty && harness.skills == nil {
            throw missing("skills", "harness.skills", policy)
        }
        if !wanted.servers.isEmpty && harness.servers == nil {
            throw missing("mcp-servers", "harness.mcp", policy)
        }
        for server in wanted.servers { _ = try harness.servers?.description(of: server) }
        _ = try skillBinds(policy)
        _ = try instructions(policy, installation)
        for (key, file) in files(policy) {
            guard hasHome else {
                throw ClocheError(
                    .usage,
                    "`\(key)` cannot be given to a program in a throw-away sandbox",
                    why: "it is written into ~/\(file) of an agent, and `run` keeps no home",
                    remedy: "use `cloche start`, or give a command: cloche run -- COMMAND"
                )
            }
            try refuseHidden(file, key, policy)
        }
    }

    /// A policy whose instructions also tell of the agent's own `cloche`, where it has others to work with, and a program
    /// that takes instructions.
    static func telling(_ policy: Policy, of parent: ParentReference?) -> Policy {
        let mayStart = policy.agents.children > 0 && policy.agents.depth > 0
        guard policy.harness.instructions.isThere, !policy.agents.verbs.isEmpty, mayStart || parent != nil
        else {
            return policy
        }
        var parts = policy.equipment.instructions.isEmpty ? [] : [policy.equipment.instructions]
        if mayStart {
            parts.append(
                """
                You can share out work to agents of your own, each on a git branch of its own, with the command `cloche`: \
                read `cloche help` once before you do.
                """
            )
        }
        if let parent {
            parts.append(
                """
                The agent \(parent.name) has started you, and waits for your result. Commit what you do. When it is finished, run \
                `cloche report done "WHAT CAME OF IT"`; if you cannot finish it, `cloche report failed "WHY"`. \
                `cloche help` tells what else you can say to other agents.
                """
            )
        }
        var told = policy
        told.equipment.instructions = parts.joined(separator: "\n\n")
        return told
    }

    /// The files that are written, each with the key that it is for.
    private static func files(_ policy: Policy) -> [(key: String, file: String)] {
        var files: [(key: String, file: String)] = []
        if policy.equipment.hasInstructions, let file = policy.harness.instructions.file {
            files.append(("instructions", file))
        }
        if !policy.equipment.servers.isEmpty, let form = policy.harness.servers {
            files.append(("mcp-servers", form.file))
        }
        return files
    }

    private static func missing(_ key: String, _ form: String, _ policy: Policy) -> ClocheError {
        ClocheError(
            .configuration,
            "the program of profile \(policy.profile) takes no `\(key)`",
            why: "`\(key)` is set, and the profile does not say how the program is told (`\(form)`)",
            remedy: "set `\(form)` in a profile of yours, or take the key away: "
                + (key == "instructions"
                    ? "--set instructions.text=null --set instructions.files=null" : "--set \(key)=null")
        )
    }

    /// What is bound over a file of the home hides what is written there.
    private static func refuseHidden(_ file: String, _ key: String, _ policy: Policy) throws(ClocheError) {
        var places = policy.filesystem.binds.filter { !$0.optional || Files.exists($0.source) }.map(\.target)
        for case .file(_, let target) in policy.credentials.map(\.kind) { places.append(target) }
        let path = "\(InsidePath.home)/\(file)"
        guard let place = places.first(where: { path == $0 || path.hasPrefix($0 + "/") }) else { return }
        throw ClocheError(
            .configuration,
            "`\(key)` cannot be given to the program of profile \(policy.profile)",
            why: "it is to be written into \(path), and a file of the host is shown at \(place)",
            remedy: "take that bind away, or write `\(key)` into the file of the host"
        )
    }

    // MARK: what becomes of each

    /// Skills as binds.
    static func skillBinds(_ policy: Policy) throws(ClocheError) -> [BindPolicy] {
        guard let directory = policy.harness.skills else { return [] }
        var names: Set<String> = []
        var binds: [BindPolicy] = []
        for skill in policy.equipment.skills {
            guard Files.exists(skill + "/SKILL.md") else {
                throw ClocheError(
                    .configuration,
                    "\(skill) is no skill",
                    why: "there is no SKILL.md in it",
                    remedy: "list the directories of the skills themselves under `skills`"
                )
            }
            guard names.insert(skill.lastComponent).inserted else {
                throw ClocheError(
                    .configuration,
                    "two skills have the name \(skill.lastComponent)",
                    why: skill,
                    remedy: "rename the directory of one of them"
                )
            }
            let target = "\(InsidePath.home)/\(directory)/\(skill.lastComponent)"
            binds.append(BindPolicy(source: skill, target: target))
        }
        return binds
    }

    /// The text of the instructions; empty if there are none.
    static func instructions(_ policy: Policy, _ installation: Installation) throws(ClocheError) -> String {
        let wanted = policy.equipment
        try installation.refuseOwnFiles(
            in: wanted.instructionFiles.map { BindPolicy(source: $0, target: "") }
        )
        var parts: [String] = []
        for file in wanted.instructionFiles { parts.append(try text(of: file)) }
        if !wanted.instructions.isEmpty { parts.append(wanted.instructions) }
        let text = parts.map { $0.hasSuffix("\n") ? String($0.dropLast()) : $0 }.joined(separator: "\n\n")
        let isArgument = policy.harness.instructions.putsTextInArguments
        let limit = isArgument ? argumentLimit : textLimit
        guard text.utf8.count <= limit else {
            throw ClocheError(
                .configuration,
                "the instructions are too long",
                why:
                    "\(text.utf8.count) bytes; the program of profile \(policy.profile) can be given \(limit)",
                remedy: "put a part of them into files of the workspace, and name those"
            )
        }
        return text
    }

    private static func text(of file: String) throws(ClocheError) -> String {
        do throws(SystemError) {
            let opened = try Files.open(file, O_RDONLY | O_NONBLOCK)
            guard try Files.status(of: opened).kind == .regular else {
                throw SystemError("open", Errno(EINVAL), file)
            }
            let bytes = try opened.readToEnd(limit: textLimit + 1)
            guard let text = String(validating: bytes, as: UTF8.self), !text.utf8.contains(0) else {
                throw SystemError("read", Errno(EILSEQ), file)
            }
            return text
        } catch {
            throw ClocheError(
                .configuration,
                "the instructions in \(file) cannot be read",
                why: error.errno.description,
                remedy: "make it a file of text, or take it out of `instructions.files`"
            )
        }
    }

    // MARK: writing

    /// Writes instructions and servers into the home of an agent that does not run.
    static func write(_ policy: Policy, _ installation: Installation, home: String) throws(ClocheError) {
        let text = try instructions(policy, installation)
        if !text.isEmpty, let file = policy.harness.instructions.file {
            try refuseHidden(file, "instructions", policy)
            try change(file, in: home) { old throws(ClocheError) in
                Array(try InstructionsBlock.placing(text, in: String(decoding: old, as: UTF8.self)).utf8)
            }
        }
        let servers = policy.equipment.servers
        if !servers.isEmpty, let form = policy.harness.servers {
            try refuseHidden(form.file, "mcp-servers", policy)
            try change(form.file, in: home) { old throws(ClocheError) in try form.placing(servers, in: old) }
        }
    }

    private static func change(
        _ path: String,
        in home: String,
        _ edit: ([UInt8]) throws(ClocheError) -> [UInt8]
    ) throws(ClocheError) {
        let file = try HomeFile.open(path, in: home)
        let content = try edit(file.content)
        if content != file.content { try file.replace(content) }
    }

    /// A file below an agent's home, reached through no link.
    private struct HomeFile: ~Copyable {
        let path: String
        let directory: FileDescriptor
        let mode: UInt32
        /// What it holds; empty if it is not there.
        let content: [UInt8]

        /// Opens it; directories on the way are made.
        static func open(_ path: String, in home: String) throws(ClocheError) -> HomeFile {
            do throws(SystemError) {
                let root = try Files.open(home, O_RDONLY | O_DIRECTORY)
                let parent = path.contains("/") ? path.parentPath : "."
                let directory = try Files.makeDirectoriesBeneath(root, parent, mode: 0o755)
                let (content, mode) = try read(path.lastComponent, in: directory)
                return HomeFile(path: path, directory: directory, mode: mode, content: content)
            } catch { throw refusal(path, error) }
        }

        /// Puts another content in its place.
        func replace(_ content: [UInt8]) throws(ClocheError) {
            do {
                try Files.replaceFile(path.lastComponent, at: directory, content, mode: mode)
            } catch { throw Self.refusal(path, error) }
        }

        private static func read(_ name: String, in directory: borrowing FileDescriptor) throws(SystemError)
            -> (content: [UInt8], mode: UInt32)
        {
            let file: FileDescriptor
            do {
                file = try Files.openBeneath(directory, name, O_RDONLY | O_NONBLOCK)
            } catch  where error.errno == .noEntry { return ([], 0o644) }
            let status = try Files.status(of: file)
            guard status.kind == .regular, status.size <= fileLimit else {
                throw SystemError("open", status.kind == .regular ? Errno(EFBIG) : Errno(EINVAL), name)
            }
            return (try file.readToEnd(limit: fileLimit), status.mode & 0o777)
        }

        private static func refusal(_ path: String, _ error: SystemError) -> ClocheError {
            ClocheError(
                .state,
                "~/\(path) of the agent cannot be written",
                why: error.errno == .loop
                    ? "there is a link on the way, which is not followed" : error.description,
                remedy: "look at it in the agent's home (`cloche path NAME home`), and move it away"
            )
        }
    }
}

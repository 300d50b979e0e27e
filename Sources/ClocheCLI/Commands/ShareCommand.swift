// share: directories that agents of a project have together.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import Glibc
internal import LinuxSystem
internal import ProfileLoading

enum ShareCommand {
    static func function(_ name: String) -> ClocheCommandLine.Function? {
        switch name {
        case "create": create
        case "list": list
        case "add": add
        case "delete": delete
        default: nil
        }
    }

    /// `NAME` or `NAME:MODE` as settings of the profile.
    static func overrides(_ words: [String]) throws(ClocheError) -> [String] {
        var overrides: [String] = []
        for word in words {
            let parts = word.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(
                String.init
            )
            try ShareName.check(parts[0])
            let mode = parts.count == 1 ? ShareMode.readOnly.rawValue : parts[1]
            guard ShareMode(rawValue: mode) != nil else {
                throw ClocheError(
                    .usage,
                    "bad --share \(word.debugDescription)",
                    why: "what an agent may do there is ro, append or rw",
                    remedy: "for example --share \(parts[0]):append"
                )
            }
            overrides.append("shares.\(parts[0])=\(mode)")
        }
        return overrides
    }

    private static func create(_ context: Context) throws(ClocheError) -> Int32 {
        let (command, project) = (context.command, try context.project)
        let name = command.required("name")
        var bytes: Int64 = 1 << 30
        if let text = command.value("size") {
            guard let size = Quantity.bytes(text), size > 0 else {
                throw ClocheError(
                    .usage,
                    "bad --size \(text.debugDescription)",
                    why: "it is a number of bytes, or one with a unit: KiB, MiB, GiB, kB, MB, GB",
                    remedy: "for example --size 200MiB"
                )
            }
            bytes = size
        }
        // The form has been checked.
        let files = command.value("files").flatMap { Int64($0) } ?? 100_000
        try project.createShare(name, bytes: bytes, files: files)
        guard let share = project.shares().shares.first(where: { $0.name == name }) else {
            throw ClocheError(
                .state,
                "the shared directory \(name) is gone again",
                remedy: "make it once more"
            )
        }
        if command.flag("json") {
            context.output.json(document(share))
        } else {
            context.output.line(
                "made \(name), at most \(Amount.bytes(bytes)) and \(files) files: \(share.files)"
            )
            context.output.line("next: cloche start NAME --share \(name):rw ...")
        }
        return ExitCode.success
    }

    private static func list(_ context: Context) throws(ClocheError) -> Int32 {
        let (shares, damaged) = try context.project.shares()
        if context.command.flag("json") {
            context.output.json(.list(shares.map(document)))
        } else {
            let rows = shares.map { share in
                let agents = share.agents.map { "\($0.key):\($0.value.string ?? "?")" }.joined(separator: " ")
                return [
                    share.name, Amount.bytes(share.bytes), Amount.bytes(share.mostBytes), "\(share.count)",
                    "\(share.mostFiles)", agents.isEmpty ? "-" : agents,
                ]
            }
            context.output.table(rows, header: ["NAME", "SIZE", "MOST", "FILES", "MOST", "AGENTS"])
        }
        for error in damaged { context.output.report(error, json: false) }
        return ExitCode.success
    }

    private static func document(_ share: ShareInfo) -> Document {
        .object([
            "name": .string(share.name), "path": .string(share.files),
            "created": .string(WallClock.format(share.created)),
            "size": .integer(share.bytes), "size-limit": .integer(share.mostBytes),
            "files": .integer(share.count), "files-limit": .integer(share.mostFiles),
            "agents": .map(share.agents),
        ])
    }

    private static func add(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let project = try context.project
        try project.addToShare(
            command.required("name"),
            file: command.required("file"),
            bytes: content(command)
        )
        return ExitCode.success
    }

    /// More than this is no addition but a copy, which a person makes with `cp`.
    private static let most = 64 << 20

    private static func content(_ command: ParsedCommand) throws(ClocheError) -> [UInt8] {
        let path = command.value("from")
        if !command.rest.isEmpty, command.rest != ["-"] {
            guard path == nil else {
                throw ClocheError(
                    .usage,
                    "a text and --from are given",
                    why: "one thing is added at a time",
                    remedy: "leave out one of them"
                )
            }
            return Array((command.rest.joined(separator: " ") + "\n").utf8)
        }
        let bytes: [UInt8]
        do throws(SystemError) {
            if let path {
                bytes = try Files.read(path, limit: most + 1)
            } else {
                guard let input = FileDescriptor(duplicating: 0) else {
                    throw SystemError("fcntl", Errno(EBADF))
                }
                bytes = try input.readToEnd(limit: most + 1)
            }
        } catch {
            throw ClocheError(
                .usage,
                "cannot read what is to be added",
                why: error.description,
                remedy: "name a file with --from, or give it as standard input"
            )
        }
        if bytes.count <= most { return bytes }
        throw ClocheError(
            .usage,
            "that is too much to add at one time",
            why: "at most \(Amount.bytes(Int64(most))) are taken",
            remedy: "copy it into the directory that `cloche share list --json` names"
        )
    }

    private static func delete(_ context: Context) throws(ClocheError) -> Int32 {
        try context.project.deleteShare(
            context.command.required("name"),
            force: context.command.flag("force")
        )
        return ExitCode.success
    }
}

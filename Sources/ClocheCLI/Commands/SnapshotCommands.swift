// snapshot, rollback, fork.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import LinuxSystem
internal import Snapshots

enum SnapshotCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let name = command.required("name")
        let project = try context.project
        if command.flag("list") {
            if let surplus = command.rest.first {
                throw ClocheError(
                    .usage,
                    "--list shows all snapshots of \(name)",
                    why: "\(surplus.debugDescription) is no part of it",
                    remedy: "`cloche snapshot \(name) --list`"
                )
            }
            return list(try project.snapshots(of: name), context)
        }
        let doomed = command.values("delete")
        if !doomed.isEmpty {
            return try ForEach.name(doomed + command.rest, context) { snapshot throws(ClocheError) in
                try project.deleteSnapshot(snapshot, of: name)
                context.output.line("snapshot \(snapshot) of \(name) deleted")
            }
        }
        if command.rest.count > 1 {
            throw ClocheError(
                .usage,
                "a snapshot has one name",
                why:
                    "there are \(command.rest.count): \(command.rest.joined(separator: " ").debugDescription)",
                remedy: "`cloche snapshot \(name) \(command.rest[0].debugDescription)`"
            )
        }
        let made = try project.snapshot(name, as: command.rest.first)
        if command.flag("json") {
            context.output.json(document(made))
        } else {
            context.output.line("snapshot \(made.name) of \(name) made")
        }
        return ExitCode.success
    }

    private static func list(_ snapshots: [Snapshot], _ context: Context) -> Int32 {
        if context.command.flag("json") {
            context.output.json(.list(snapshots.map(document)))
            return ExitCode.success
        }
        let rows = snapshots.map { snapshot in
            [
                snapshot.name, WallClock.format(snapshot.created), "\(snapshot.files)",
                Amount.text(snapshot.newBytes, .bytes), "\(snapshot.layers.count)",
            ]
        }
        context.output.table(rows, header: ["NAME", "MADE", "FILES", "COPIED", "LAYERS"])
        return ExitCode.success
    }

    static func document(_ snapshot: Snapshot) -> Document {
        .object([
            "name": .string(snapshot.name),
            "created": .string(WallClock.format(snapshot.created)),
            "automatic": .bool(snapshot.isAutomatic),
            "files": .integer(snapshot.files),
            "copied-bytes": .integer(snapshot.newBytes),
            "layers": .integer(Int64(snapshot.layers.count)),
        ])
    }
}

enum RollbackCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let name = command.required("name")
        let done = try context.project.rollback(name, to: command.required("snapshot"))
        if command.flag("json") {
            context.output.json(
                .object([
                    "snapshot": SnapshotCommand.document(done.snapshot), "before": .string(done.before),
                ])
            )
        } else {
            context.output.line("\(name) is as it was at \(done.snapshot.name)")
            context.output.note("what it was before is kept: cloche rollback \(name) \(done.before)")
        }
        return ExitCode.success
    }
}

enum ForkCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let (name, new) = (command.required("name"), command.required("new"))
        let made = try context.project.fork(name, as: new, from: command.value("from"))
        if command.flag("json") {
            context.output.json(ListCommand.document(made))
        } else {
            context.output.line(
                "\(new) made from \(name)" + (made.record.branch.map { ", on branch \($0)" } ?? "")
            )
            context.output.note("it does not run yet: cloche resume \(new)")
        }
        return ExitCode.success
    }
}

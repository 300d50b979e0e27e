// What stands for absent names of `filesystem.protect` in a directory of the user's, as long as a sandbox works there.
//
// A mount needs something to be mounted on, and the kernel drops a mount whose mount point is removed, in whatever namespace.
// So an empty directory or file is made for each absent name, and taken away with the last sandbox in that directory: the
// sandboxes hold locks on a record of what was made, in Cloche's state, which no agent can reach. When all of them are
// gone without having done so, since they were killed, the next one in that directory finds the record.
//
// What is not as it was made stays: it is somebody's work. A directory is only ever removed by rmdir(2).

internal import ClocheModel
internal import Glibc
internal import LinuxSystem

/// The stubs of one directory, held by one sandbox.
package final class WorkspaceGuard {
    private let directory: String
    private let root: FileDescriptor
    private let record: SharedRecord

    /// Nil for a workspace in which nothing is protected.
    ///
    /// Until its stubs are made, others of that directory wait.
    init?(of request: SandboxRequest) throws(ClocheError) {
        guard let records = request.stubRecords, let workspace = request.workspace,
            workspace.mode == .readWrite, !request.policy.filesystem.protect.isEmpty
        else { return nil }
        directory = workspace.source
        do throws(SystemError) {
            root = try Files.openPlace(directory)
            let status = try Files.status(of: root)
            try Files.makeDirectories(records)
            record = try SharedRecord("\(records)/\(status.device)-\(status.inode)")
        } catch {
            throw ClocheError(
                .system,
                "cannot keep names in \(workspace.source) from being made",
                why: error.description,
                remedy:
                    "make the directory for Cloche's state writable, or point XDG_STATE_HOME to one that is"
            )
        }
    }

    /// Makes what is absent, and lets others go on.
    func make(_ stubs: [PlanStub]) throws(ClocheError) {
        if !stubs.isEmpty {
            do throws(SystemError) {
                try makeAll(stubs)
            } catch {
                throw ClocheError(
                    .system,
                    "cannot keep names in \(directory) from being made",
                    why: "\(error.description), asked for by filesystem.protect",
                    remedy: "use a worktree or a read-only workspace"
                )
            }
        }
        record.unlock()
    }

    /// Each is written down before it is made, and again when its inode is known.
    private func makeAll(_ stubs: [PlanStub]) throws(SystemError) {
        // What is absent is there no more, whoever made it: a killed sandbox may have taken it away.
        let absent = Set(stubs.map(\.path))
        var entries = try entries().filter { !absent.contains($0.path) }
        let known = entries.count
        entries += stubs.map { Entry(path: $0.path, kind: $0.kind, inode: 0) }
        try record.replace(Entry.text(entries))
        var isOurs = Array(repeating: true, count: entries.count)
        for index in entries.indices.dropFirst(known) {
            let inode = try make(entries[index])
            isOurs[index] = inode != nil
            entries[index].inode = inode ?? 0
        }
        try record.replace(Entry.text(entries.indices.filter { isOurs[$0] }.map { entries[$0] }))
    }

    /// Makes one and returns its inode; nil when somebody else was faster.
    private func make(_ stub: Entry) throws(SystemError) -> UInt64? {
        let name = stub.path.lastComponent
        return try withParent(of: stub.path) { (parent) throws(SystemError) in
            var inode: UInt64 = 0
            // Not the workspace's: a link in it may lead to a directory below in which its owner may make nothing.
            let owner = try Files.status(of: parent)
            switch stub.kind {
            case .directory:
                guard try Files.makeDirectory(name, at: parent, mode: 0o755) else { return nil }
                if owner.owner != CurrentUser.id { try giveDirectory(name, at: parent, to: owner) }
            case .file:
                guard let file = try Files.makeFile(name, at: parent, mode: 0o644) else { return nil }
                try file.write(Self.content(name))
                inode = try Files.status(of: file).inode
                if owner.owner != CurrentUser.id {
                    try Files.changeOwner(of: file, user: owner.owner, group: owner.group)
                }
            }
            return inode
        }
    }

    /// Root's new directory goes to the owner of the one that it is in, who may have put another one of root's in its place by
    /// now: one that holds nothing is no loss.
    private func giveDirectory(_ name: String, at parent: borrowing FileDescriptor, to owner: FileStatus)
        throws(SystemError)
    {
        let made = try Files.openBeneath(parent, name, O_RDONLY | O_DIRECTORY)
        let isOurs = try Files.status(of: made).owner == CurrentUser.id
        let names = try Files.list("/proc/self/fd/\(made.number)")
        guard isOurs && names.isEmpty else { return }
        try Files.changeOwner(of: made, user: owner.owner, group: owner.group)
    }

    /// What programs that read the file take for no settings.
    private static func content(_ name: String) -> [UInt8] {
        let isStructured = [".json", ".yml", ".yaml"].contains { name.hasSuffix($0) }
        return isStructured ? Array("{}\n".utf8) : []
    }

    deinit {
        // What cannot be removed now is removed by the next sandbox here, which finds the record.
        try? removeIfLast()
    }

    private func removeIfLast() throws(SystemError) {
        guard try record.isLast() else { return }
        var left: [Entry] = []
        for stub in try entries().reversed() {
            do throws(SystemError) {
                try remove(stub)
            } catch  where [.noEntry, .loop, .notDirectory, .notEmpty].contains(error.errno) {
                // It is somebody's by now.
            } catch { left.append(stub) }
        }
        if left.isEmpty { return try record.remove() }
        try record.replace(Entry.text(left.reversed()))
    }

    private func remove(_ stub: Entry) throws(SystemError) {
        let name = stub.path.lastComponent
        try withParent(of: stub.path) { (parent) throws(SystemError) in
            switch stub.kind {
            case .directory: try Files.removeEmptyDirectory(name, at: parent)
            case .file:
                let file = try Files.openBeneath(parent, name, O_RDONLY | O_NONBLOCK)
                let status = try Files.status(of: file)
                let content = Self.content(name)
                guard status.kind == .regular, stub.inode == 0 || status.inode == stub.inode,
                    status.size == content.count, try file.readToEnd(limit: content.count + 1) == content
                else { return }
                try Files.removeFile(name, at: parent)
            }
        }
    }

    private func withParent<T>(
        of path: String,
        _ body: (borrowing FileDescriptor) throws(SystemError) -> T
    ) throws(SystemError) -> T {
        guard path.utf8.contains(UInt8(ascii: "/")) else { return try body(root) }
        return try body(Files.openBeneath(root, path.parentPath, O_RDONLY | O_DIRECTORY))
    }

    private func entries() throws(SystemError) -> [Entry] { Entry.parse(try record.text()) }

    /// A line of the record.
    private struct Entry {
        let path: String
        let kind: ProtectedName.Stub
        /// 0: not known, or a directory's, which need not be known.
        var inode: UInt64

        static func text(_ entries: [Entry]) -> String {
            entries.map { "\($0.kind.rawValue) \($0.inode) \($0.path)\n" }.joined()
        }

        static func parse(_ text: String) -> [Entry] {
            text.split(separator: "\n").compactMap { line in
                let fields = line.split(separator: " ", maxSplits: 2)
                guard fields.count == 3, let kind = ProtectedName.Stub(rawValue: String(fields[0])),
                    let inode = UInt64(fields[1])
                else { return nil }
                return Entry(path: String(fields[2]), kind: kind, inode: inode)
            }
        }
    }
}

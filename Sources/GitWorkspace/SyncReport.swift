// What the export says about an agent's workspace besides commits: a blob of `kind value` records that came
// through the same checked fetch. Its text is the agent's to forge; it is shown, never acted upon.

internal import ClocheModel
internal import LinuxSystem

/// Something about a sync that the user should know.
package enum SyncNotice: Equatable, Sendable {
    /// The agent has another branch checked out, or a commit without a branch.
    case checkedOut(String?)
    /// The agent's git directory has no usable HEAD; its files count as changes on top of what was known
    /// last.
    case damaged
    /// Repositories inside the workspace: neither their files nor their commits were taken over.
    case nestedRepositories([String])
    /// Files that could not be read.
    case unreadableFiles(Int)
    /// The uncommitted changes could not be taken over at all.
    case noSnapshot(String)
    /// The branch was moved on the host to a commit that is not the agent's, and stayed there.
    case branchMovedOnHost(String, commit: String)
    /// The user checked out something else in the agent's worktree.
    case worktreeElsewhere(String)
    /// The worktree's `.git` was not the file that the host wrote, and was put back.
    case pointerRestored(String)
    /// The repository has no entry for the worktree any more.
    case worktreeForgotten(String)

    /// One sentence, safe to print.
    package var text: String {
        switch self {
        case .checkedOut(let name?): "the agent works on its own branch \(name.visible)"
        case .checkedOut(nil): "the agent works on a commit without a branch"
        case .damaged:
            "the agent's git directory is damaged; its files are taken as changes on its last known commit"
        case .nestedRepositories(let paths):
            "repositories inside the workspace are left out: " + paths.map(\.visible).joined(separator: ", ")
        case .unreadableFiles(let count): "\(count) changed files could not be read and are left out"
        case .noSnapshot(let reason): "the uncommitted changes could not be read: \(reason.visible)"
        case .branchMovedOnHost(let name, let commit):
            "\(name) was moved on the host to \(commit.prefix(12)) and stays there; merge uses the agent's own commits"
        case .worktreeElsewhere(let path):
            "\(path.visible) has something else checked out; its index stays as it is"
        case .pointerRestored(let path):
            "\(path.visible)/.git was not what Cloche wrote there; it was put back"
        case .worktreeForgotten(let path):
            "git does not know the worktree \(path.visible); try `git worktree repair`"
        }
    }

    /// Whether work of the agent may be missing from what was brought over.
    package var isIncomplete: Bool {
        switch self {
        case .nestedRepositories, .unreadableFiles, .noSnapshot: true
        default: false
        }
    }
}

enum SyncReport {
    /// A longer report is cut: it lists at most a hundred paths.
    private static let limit = 1 << 20

    /// Reads the report of the last fetch.
    static func read(_ worktree: AgentWorktree) throws(ClocheError) -> [SyncNotice] {
        let repository = worktree.repository
        let ref = worktree.refs.fetchedReport
        let intent = "the report of the export cannot be read"
        let size =
            Int(try repository.git.line(["cat-file", "-s", ref], at: repository.store, intent)) ?? .max
        guard size <= limit else { return [] }
        return notices(
            try repository.git.output(["cat-file", "blob", ref], at: repository.store, intent),
            branch: worktree.branch
        )
    }

    /// Turns records into notices.
    static func notices(_ records: [UInt8], branch: String) -> [SyncNotice] {
        var notices: [SyncNotice] = []
        var nested: [String] = []
        for record in records.nulSeparated {
            let parts = record.split(separator: UInt8(ascii: " "), maxSplits: 1).map { [UInt8]($0).text }
            let value = parts.count > 1 ? parts[1] : ""
            switch parts.first {
            case "checkout":
                if value != branch { notices.append(.checkedOut(value == "detached" ? nil : value)) }
            case "damaged": notices.append(.damaged)
            case "nested": nested.append(value)
            case "unreadable": notices.append(.unreadableFiles(Int(value) ?? 0))
            case "unsnapshot": notices.append(.noSnapshot(value))
            default: break
            }
        }
        if !nested.isEmpty { notices.append(.nestedRepositories(nested)) }
        return notices
    }
}

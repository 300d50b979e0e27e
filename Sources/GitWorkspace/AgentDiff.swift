// What an agent changed, computed between two commits of the main repository: no file of the workspace is
// read, no external diff or text conversion runs, and no `.gitattributes` of the agent's can hide a change as
// binary.

package import ClocheModel
internal import LinuxSystem

/// How a diff is to be printed.
package enum DiffForm: Equatable, Sendable {
    /// A patch; with `binary` it can be applied by `git apply` whatever the files hold.
    case patch(binary: Bool)
    /// A line per file with counts, `width` columns wide.
    case stat(width: Int)
    /// A line per file: a letter for what happened, and its name.
    case names
}

/// A diff of an agent.
package struct AgentDiff: Equatable, Sendable {
    /// The commit compared with: the last one that the agent and its branch of origin share.
    package let base: String
    /// git's output, as it is: for a file or a pipe.
    ///
    /// `DiffText` makes it fit for a terminal.
    package let output: [UInt8]
    /// What deserves a look before a merge.
    package let warnings: [DiffWarning]
    /// Files that changed.
    package let changedFiles: Int
}

extension AgentWorktree {
    /// The agent's commits and uncommitted changes as of the last sync, against the branch that it started
    /// from.
    ///
    /// - Parameters:
    ///   - names: of files that a change of deserves a warning.
    ///   - includeUncommitted: if false, its commits only.
    package func diff(
        _ form: DiffForm,
        protecting names: [ProtectedName] = [],
        includeUncommitted: Bool = true,
        atMost most: Int = .max
    ) throws(ClocheError) -> AgentDiff {
        let (base, tree) = try ends(includeUncommitted: includeUncommitted)
        let arguments =
            ["diff-tree", "-r", "--no-ext-diff", "--no-textconv", "--no-color", "-M"] + form.arguments
        let output = try repository.git.output(
            arguments + [base, tree, "--"],
            at: repository.store,
            atMost: most,
            "the diff could not be made"
        )
        let changes = try repository.changes(from: base, to: tree)
        return AgentDiff(
            base: base,
            output: output,
            warnings: try DiffWarning.all(in: changes, of: repository, protecting: names),
            changedFiles: changes.count
        )
    }

    /// What is compared: a commit and a tree.
    private func ends(includeUncommitted: Bool) throws(ClocheError) -> (base: String, tree: String) {
        let origin = try origin()
        var target = origin.commit
        if let branch = origin.branch, let tip = try repository.commit(branch) { target = tip }
        let proposal = try proposal(to: target, includeUncommitted: includeUncommitted)
        var base = origin.commit
        // A commit that is to be has the ancestors of its parents.
        for parent in proposal.parents.reversed() {
            if let shared = try repository.mergeBase(target, parent) {
                base = shared
                break
            }
        }
        return (base, proposal.tree)
    }
}

extension DiffForm {
    fileprivate var arguments: [String] {
        switch self {
        case .patch(let binary): ["-p"] + (binary ? ["--binary"] : [])
        case .stat(let width): ["--stat=\(width)", "--summary"]
        case .names: ["--name-status"]
        }
    }
}

/// One file that differs between two trees.
struct FileChange: Equatable {
    /// Modes as git writes them, `000000` where there is no file.
    let oldMode: String
    let newMode: String
    let oldObject: String
    let newObject: String
    /// The path's bytes.
    let path: [UInt8]

    var isAdded: Bool { oldMode == "000000" }
    var isDeleted: Bool { newMode == "000000" }

    /// Reads the output of `git diff-tree --raw -z`.
    static func all(inRaw output: [UInt8]) -> [FileChange] {
        let fields = output.nulSeparated
        return stride(from: 0, to: fields.count - 1, by: 2).compactMap { index in
            let facts = fields[index].text.dropFirst().split(separator: " ").map(String.init)
            guard facts.count >= 5 else { return nil }
            return FileChange(
                oldMode: facts[0],
                newMode: facts[1],
                oldObject: facts[2],
                newObject: facts[3],
                path: fields[index + 1]
            )
        }
    }
}

extension GitRepository {
    /// The files that differ between two commits or trees; a rename is a file less and a file more.
    func changes(from old: String, to new: String) throws(ClocheError) -> [FileChange] {
        let arguments = ["diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", old, new, "--"]
        return FileChange.all(inRaw: try git.output(arguments, at: store, "the changes could not be listed"))
    }

    /// The content of a blob.
    func blob(_ object: String) throws(ClocheError) -> [UInt8] {
        try git.output(
            ["cat-file", "blob", object],
            at: store,
            "an object of the repository could not be read"
        )
    }
}

// Results of tasks: one commit each, which a ref of Cloche's own keeps when the agent that made it is gone. They are merged
// on objects alone, as agents' work is; no checkout is touched.

package import ClocheModel
internal import LinuxSystem

/// The work of one task, as one commit.
package struct TaskResult: Equatable, Sendable {
    /// Who it is of, for messages and conflicts.
    package let task: String
    /// The commit.
    package let commit: String
    /// The ref that keeps it.
    package let ref: String

    /// A task's commit.
    package init(task: String, commit: String, ref: String) {
        (self.task, self.commit, self.ref) = (task, commit, ref)
    }
}

/// The refs that keep the results of one plan.
package struct ResultRefs: Sendable {
    private let prefix: String

    /// Those of a plan of this name.
    package init(plan: String) { prefix = "refs/cloche-graphs/\(plan)/" }

    /// All of them are below this.
    package var all: String { prefix }
    /// What an agent made.
    package func result(_ unit: String) -> String { prefix + "result/" + unit }
    /// What several agents begin at, or choose from.
    package func base(_ unit: String) -> String { prefix + "base/" + unit }
    /// The merged end result, until a branch has it.
    package var end: String { prefix + "end" }
}

extension AgentWorktree {
    /// The same worktree, of the repository as `GitRepository.durable` has it.
    package var durable: AgentWorktree {
        get throws(ClocheError) {
            try AgentWorktree(
                repository: repository.durable,
                agent: agent,
                workspace: workspace,
                metadata: metadata
            )
        }
    }

    /// One commit with everything that the last sync brought, uncommitted changes included, kept by a ref.
    ///
    /// - Throws: `.git` when the user has no name for a commit that has to be made.
    package func takeResult(as ref: String) throws(ClocheError) -> String {
        try repository.locked { repository throws(ClocheError) in
            let head = try required(refs.head)
            let commit = try commit(try proposal(to: head, includeUncommitted: true))
            try repository.keep(commit, as: ref)
            return commit
        }
    }
}

extension GitRepository {
    /// The same repository with a git that puts each object on disk before it names it: as a rule only packs and refs are, so
    /// that after a power cut a ref could lead to nothing.
    package var durable: GitRepository {
        var git = git
        git.settings += [GitSetting("core.fsync", "all"), GitSetting("core.fsyncMethod", "batch")]
        return GitRepository(
            topLevel: topLevel,
            gitDirectory: gitDirectory,
            commonDirectory: commonDirectory,
            objectFormat: objectFormat,
            configuration: configuration,
            git: git
        )
    }

    /// Has a ref of Cloche's own lead to a commit.
    package func keep(_ commit: String, as ref: String) throws(ClocheError) {
        _ = try git.output(
            ["update-ref", "-m", "cloche up", ref, commit],
            at: store,
            "the result could not be kept"
        )
    }

    /// Removes refs of Cloche's own below a name.
    package func forget(below prefix: String) throws(ClocheError) {
        let names = try refs(below: [prefix]).keys.sorted()
        guard !names.isEmpty else { return }
        _ = try git.output(
            ["update-ref", "--no-deref", "--stdin"],
            at: store,
            input: [UInt8](names.map { "delete \($0)\n" }.joined().utf8),
            "the results could not be removed"
        )
    }

    /// Merges results one after the other; those that are in it already make no commit.
    ///
    /// - Parameters:
    ///   - start: where the merge begins.
    ///   - name: what that is called in words: a branch.
    ///   - ref: keeps what comes out.
    /// - Throws: `.conflict` with each file and who changed it.
    package func merge(_ results: [TaskResult], onto start: String, called name: String, as ref: String)
        throws(ClocheError) -> String
    {
        try checkVersion()
        return try locked { repository throws(ClocheError) in
            var fold = ResultFold(repository, start, name)
            for result in results { try fold.add(result) }
            try repository.keep(fold.tip, as: ref)
            return fold.tip
        }
    }

    /// A commit that holds several others side by side, each in a directory of its number.
    package func sideBySide(_ commits: [(number: Int, commit: String)], as ref: String) throws(ClocheError)
        -> String
    {
        var lines = ""
        for (number, commit) in commits {
            let tree = try git.line(
                ["rev-parse", "--verify", commit + "^{tree}"],
                at: store,
                "a candidate's files cannot be read"
            )
            lines += "040000 tree \(tree)\t\(number)\n"
        }
        let tree = try git.output(
            ["mktree"],
            at: store,
            input: [UInt8](lines.utf8),
            "the candidates could not be put side by side"
        ).text.withoutFinalNewline
        let made = try makeCommit(tree: tree, parents: [], message: "Candidates side by side\n")
        try keep(made, as: ref)
        return made
    }

    /// Whether a commit has a file of that path.
    package func hasFile(_ path: String, in commit: String) throws(ClocheError) -> Bool {
        let kind = try git.run(["cat-file", "-t", "\(commit):\(path)"], at: store)
        return kind.status == 0 && kind.outputText.withoutFinalNewline == "blob"
    }

    /// A file of a commit as text; nil when there is no such file, or it is larger than that.
    package func text(of path: String, in commit: String, limit: Int) throws(ClocheError) -> String? {
        let name = try git.run(["rev-parse", "-q", "--verify", "\(commit):\(path)"], at: store)
        guard name.status == 0 else { return nil }
        let object = name.outputText.withoutFinalNewline
        guard try git.run(["cat-file", "-t", object], at: store).outputText.withoutFinalNewline == "blob",
            let size = Int(try git.line(["cat-file", "-s", object], at: store, "a result cannot be read")),
            size <= limit
        else { return nil }
        return try git.output(["cat-file", "blob", object], at: store, "a result cannot be read").text
    }

    /// The full name of a branch, and its commit if it is there.
    ///
    /// - Throws: `.usage` for what cannot name one, `.state` for one that is checked out anywhere.
    package func uncheckedBranch(_ name: String) throws(ClocheError) -> (branch: String, tip: String?) {
        try checkBranchName(name)
        let branch = "refs/heads/" + name
        try refuseCheckedOutElsewhere(branch)
        return (branch, try commit(branch))
    }

    /// Moves a branch that is checked out nowhere to a merge that began at its tip.
    ///
    /// - Returns: false when it has moved since.
    package func land(_ commit: String, on name: String, from previous: String?) throws(ClocheError) -> Bool {
        try locked { repository throws(ClocheError) in
            let (branch, tip) = try repository.uncheckedBranch(name)
            // It has it: whoever moved it was ended before that was on record.
            if let tip, try repository.isAncestor(commit, of: tip) { return true }
            guard tip == previous else { return false }
            try repository.moveUncheckedBranch(branch, to: commit, from: previous, "cloche up")
            try LastMerge(branch: branch, old: previous, new: commit).write(repository.commonDirectory)
            return true
        }
    }

    /// Keeps the commits of an agent's branch that is about to go, under a name of its own.
    package func keepBranch(_ name: String, as other: String) throws(ClocheError) {
        guard let commit = try commit("refs/heads/" + name) else { return }
        try keep(commit, as: "refs/heads/" + other)
    }
}

/// A merge of results that grows by one at a time.
private struct ResultFold {
    private let repository: GitRepository
    private let start: String
    private let name: String
    private(set) var tip: String
    /// Who changed which file.
    private var changed: [(result: TaskResult, paths: Set<[UInt8]>)] = []

    init(_ repository: GitRepository, _ start: String, _ name: String) {
        (self.repository, self.start, self.name, tip) = (repository, start, name, start)
    }

    mutating func add(_ result: TaskResult) throws(ClocheError) {
        if try repository.isAncestor(result.commit, of: tip) { return }
        let base = try repository.mergeBase(start, result.commit)
        var paths: Set<[UInt8]> = []
        if let base { paths = Set(try repository.changes(from: base, to: result.commit).map(\.path)) }
        if try repository.isAncestor(tip, of: result.commit) {
            tip = result.commit
            return changed.append((result, paths))
        }
        let place = try repository.topLevel == nil ? repository.store : repository.checkout()
        switch try repository.mergedTree(of: result.commit, into: tip, at: place) {
        case .conflict(let files, _): throw conflict(result, files)
        case .tree(let tree):
            tip = try repository.makeCommit(
                tree: tree,
                parents: [tip, result.commit],
                message: "Merge task \(result.task)\n"
            )
        }
        changed.append((result, paths))
    }

    private func conflict(_ result: TaskResult, _ files: [String]) -> ClocheError {
        let task = result.task
        var refs: [String] = []
        let shown = files.prefix(20).map { path in
            let bytes = Array(path.utf8)
            let others = changed.filter { $0.paths.contains(bytes) }.map(\.result)
            for other in others where !refs.contains(other.ref) { refs.append(other.ref) }
            let who = others.isEmpty ? name : others.map { "task " + $0.task }.joined(separator: ", ")
            return "\n    \(path.visible): task \(task) and \(who)"
        }
        let more = files.count > 20 ? "\n    and \(files.count - 20) more" : ""
        return ClocheError(
            .conflict,
            "task \(task) is in conflict; nothing was merged and no file was touched",
            why: "both changed the same places of:\(shown.joined())\(more)",
            remedy: """
                merge them by hand on a branch of your own, \
                \((refs + [result.ref]).map { "`git merge \($0)`" }.joined(separator: " and ")), and give a task that needs \
                both that branch as its `base`
                """
        )
    }
}

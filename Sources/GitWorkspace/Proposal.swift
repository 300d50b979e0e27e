// What an agent offers to a branch: one commit that holds its commits and its uncommitted changes, built so
// that git finds the right common ancestor even when earlier uncommitted changes were merged before.
//
//   base --- h1 --- h2            the agent's commits; h2 is `head`
//              \      \
//               P1 ----- P2       P1: uncommitted changes, merged some time ago; P2: those of today
//
// P2 has P1 as a parent when the target holds P1. Otherwise the merge base would be h1, and every line of P1
// that the agent went on working on would be a conflict of the agent with itself.

internal import ClocheModel
internal import LinuxSystem

/// A commit to be: it exists in the repository only once `commit` made it.
struct Proposal: Equatable {
    /// The commit itself when nothing has to be made.
    let existing: String?
    let tree: String
    let parents: [String]
    /// Whether it holds uncommitted changes.
    let includesUncommitted: Bool
}

extension AgentWorktree {
    /// What the agent offers to a target commit, as of the last sync.
    func proposal(to target: String, includeUncommitted: Bool) throws(ClocheError) -> Proposal {
        let head = try required(refs.head)
        let snapshot = includeUncommitted ? try required(refs.snapshot) : head
        return try proposal(to: target, head: head, snapshot: snapshot)
    }

    /// The same as of any sync: its commit, and that with the uncommitted changes on top.
    func proposal(to target: String, head: String, snapshot: String) throws(ClocheError) -> Proposal {
        let tree = try repository.git.line(
            ["rev-parse", "--verify", snapshot + "^{tree}"],
            at: repository.store,
            "the agent's files cannot be read"
        )
        var parents = [head]
        if let earlier = try repository.commit(refs.proposal), try repository.isAncestor(earlier, of: target),
            try !repository.isAncestor(earlier, of: head)
        {
            parents = try repository.isAncestor(head, of: earlier) ? [earlier] : [head, earlier]
        }
        let last = parents[parents.count - 1]
        let lastTree = try repository.git.line(
            ["rev-parse", "--verify", last + "^{tree}"],
            at: repository.store,
            "the agent's files cannot be read"
        )
        return Proposal(
            existing: parents.count == 1 && lastTree == tree ? last : nil,
            tree: tree,
            parents: parents,
            includesUncommitted: snapshot != head
        )
    }

    /// Makes the commit if it is not there.
    ///
    /// Its author is the user.
    func commit(_ proposal: Proposal) throws(ClocheError) -> String {
        if let existing = proposal.existing { return existing }
        let what = proposal.includesUncommitted ? "uncommitted changes" : "work"
        return try repository.makeCommit(
            tree: proposal.tree,
            parents: proposal.parents,
            message: "cloche: \(what) of \(agent)\n"
        )
    }

    /// A ref that a sync made.
    func required(_ ref: String) throws(ClocheError) -> String {
        guard let commit = try repository.commit(ref) else {
            throw ClocheError(
                .git,
                "nothing of \(agent) was brought to the repository yet",
                why: "\(ref) is missing",
                remedy: "run `cloche sync \(agent)`"
            )
        }
        return commit
    }
}

extension GitRepository {
    /// Makes a commit with the user as author and committer.
    func makeCommit(tree: String, parents: [String], message: String) throws(ClocheError) -> String {
        var git = git
        for name in [
            "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL",
        ] {
            if let value = ProcessEnvironment.value(name) { git.environment.append("\(name)=\(value)") }
        }
        let arguments = ["commit-tree", tree] + parents.flatMap { ["-p", $0] } + ["-F", "-"]
        let result = try git.run(arguments, at: store, input: [UInt8](message.utf8))
        guard result.status == 0 else {
            let reason = Git.reason(result)
            guard result.errorText.contains("tell me who you are") || reason.contains("ident") else {
                throw Git.failure("the commit could not be made", result)
            }
            throw ClocheError(
                .git,
                "git does not know your name for the commit",
                why: reason,
                remedy:
                    "git config --global user.name 'Your Name'; git config --global user.email you@example.org"
            )
        }
        return result.outputText.withoutFinalNewline
    }

    /// The best common ancestor; nil when the histories share nothing.
    func mergeBase(_ one: String, _ other: String) throws(ClocheError) -> String? {
        let result = try git.run(["merge-base", one, other], at: store)
        return result.status == 0 ? result.outputText.withoutFinalNewline : nil
    }
}

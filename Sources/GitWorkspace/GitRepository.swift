// The user's repository: found from a directory, asked for facts, and locked while we write to it. Everything
// here is the user's own; what an agent makes is reached through AgentWorktree only.

package import ClocheModel
internal import LinuxSystem

/// A git repository of the user's, bare or with a checkout, which may itself be a linked worktree.
package struct GitRepository: Sendable {
    /// Root of the checkout; nil in a bare repository.
    package let topLevel: String?
    /// The git directory of this checkout.
    package let gitDirectory: String
    /// The git directory that all worktrees share.
    package let commonDirectory: String
    /// `sha1` or `sha256`.
    package let objectFormat: String
    let configuration: GitConfiguration
    let git: Git

    /// Finds the repository that a directory is in.
    ///
    /// - Throws: `.notFound` when there is none, `.git` when it belongs to somebody git does not trust,
    ///   `.host` when git is missing or too old.
    package static func discover(from directory: String) throws(ClocheError) -> GitRepository {
        guard Files.isDirectory(directory) else {
            throw ClocheError(.notFound, "no directory \(directory.visible)", remedy: "name one that exists")
        }
        var git = try Git.find()
        let place = Git.Place(nil, directory: directory)
        let configuration = try readConfiguration(git, place)
        git.settings = configuration.handedOn + GitHardening.always + configuration.withoutDrivers
        let facts = try facts(git, place)
        return GitRepository(
            topLevel: facts.top,
            gitDirectory: facts.own,
            commonDirectory: facts.common,
            objectFormat: facts.format,
            configuration: configuration,
            git: git
        )
    }

    private typealias Facts = (common: String, own: String, format: String, top: String?)

    /// Where the parts of the repository are: with one command, or one for each when a path has a line end in
    /// it.
    private static func facts(_ git: Git, _ place: Git.Place) throws(ClocheError) -> Facts {
        let questions = ["--git-common-dir", "--absolute-git-dir", "--show-object-format", "--show-toplevel"]
        let absolute = ["rev-parse", "--path-format=absolute"]
        let all = try git.run(absolute + questions, at: place)
        let lines = all.output.split(separator: UInt8(ascii: "\n")).map { [UInt8]($0).text }
        if all.status == 0, lines.count == 4 { return (lines[0], lines[1], lines[2], lines[3]) }
        var answers: [String] = []
        for question in questions.dropLast() {
            let result = try git.run(absolute + [question], at: place)
            guard result.status == 0 else { throw notRepository(place.directory, result) }
            answers.append(result.outputText.withoutFinalNewline)
        }
        let top = try git.run(absolute + ["--show-toplevel"], at: place)
        return (
            answers[0], answers[1], answers[2], top.status == 0 ? top.outputText.withoutFinalNewline : nil
        )
    }

    private static func notRepository(_ directory: String, _ result: SubprocessResult) -> ClocheError {
        guard Git.reason(result).contains("not a git repository") else {
            return Git.failure("the repository cannot be read", result)
        }
        return ClocheError(
            .notFound,
            "\(directory.visible) is not in a git repository",
            why: Git.reason(result),
            remedy: """
                name one with `cloche -C DIR`, or make this one: `git init` and a commit; `cloche start` alone works without \
                git, too: --workspace dir:PATH
                """
        )
    }

    /// The version that has `git merge-tree --write-tree`.
    private static let oldestVersion = (2, 38)

    /// Checks that git is recent enough for all that Cloche does with it.
    func checkVersion() throws(ClocheError) {
        let text = try git.line(["version"], at: Git.Place(nil), "git does not tell its version")
        let numbers =
            text.split(separator: " ").dropFirst(2).first?.split(separator: ".").compactMap { Int($0) } ?? []
        guard numbers.count >= 2, (numbers[0], numbers[1]) >= Self.oldestVersion else {
            throw ClocheError(
                .host,
                "git is too old",
                why: "\(git.program) says `\(text.visible)`; 2.38 or newer is needed",
                remedy: "install a newer git"
            )
        }
    }

    /// Reads the settings with the user's own files in force, which `Git` leaves out.
    private static func readConfiguration(_ git: Git, _ place: Git.Place) throws(ClocheError)
        -> GitConfiguration
    {
        var plain = git
        plain.settings = []
        plain.readsUserFiles = true
        let listing = try plain.output(
            ["config", "--list", "-z", "--show-scope"],
            at: place,
            "git's configuration cannot be read"
        )
        return GitConfiguration(listing: listing)
    }

    /// Where commands on objects and refs work: the shared git directory, no checkout, no index.
    var store: Git.Place { Git.Place(commonDirectory, directory: commonDirectory) }

    /// Where commands on the user's checkout work.
    ///
    /// - Throws: `.git` in a bare repository.
    func checkout() throws(ClocheError) -> Git.Place {
        guard let topLevel else {
            throw ClocheError(
                .git,
                "there is no checkout to merge into",
                why: "\(commonDirectory.visible) is a bare repository",
                remedy: "run cloche in a checkout of it: git worktree add <path> <branch>"
            )
        }
        return Git.Place(gitDirectory, workTree: topLevel, directory: topLevel)
    }

    /// The branch that is checked out, as a full ref name; nil when HEAD is detached.
    package func currentBranch() throws(ClocheError) -> String? {
        let result = try git.run(["symbolic-ref", "-q", "HEAD"], at: Git.Place(gitDirectory))
        return result.status == 0 ? result.outputText.withoutFinalNewline : nil
    }

    /// The commit that a revision names; nil when there is none.
    package func commit(_ revision: String) throws(ClocheError) -> String? {
        let arguments = ["rev-parse", "-q", "--verify", "--end-of-options", revision + "^{commit}"]
        let result = try git.run(arguments, at: Git.Place(gitDirectory))
        return result.status == 0 ? result.outputText.withoutFinalNewline : nil
    }

    /// The refs below these names and what they point to.
    func refs(below names: [String]) throws(ClocheError) -> [String: String] {
        let listing = try git.output(
            ["for-each-ref", "--format=%(objectname) %(refname)"] + names,
            at: store,
            "the refs cannot be listed"
        )
        var refs: [String: String] = [:]
        for line in listing.split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(separator: UInt8(ascii: " ")).map { [UInt8]($0).text }
            if fields.count == 2 { refs[fields[1]] = fields[0] }
        }
        return refs
    }

    /// Whether the first commit is the second or one of its ancestors.
    package func isAncestor(_ ancestor: String, of commit: String) throws(ClocheError) -> Bool {
        try git.run(["merge-base", "--is-ancestor", ancestor, commit], at: store).status == 0
    }

    /// Runs `body` while no other cloche writes to this repository.
    ///
    /// - Parameter waiting: called once, with a sentence, when another holds the lock.
    func locked<R: Sendable>(
        waiting: (String) -> Void = { _ in },
        _ body: (GitRepository) throws(ClocheError) -> R
    ) throws(ClocheError) -> R {
        let lock = try RepositoryLock.take(commonDirectory + "/cloche.lock", waiting: waiting)
        return try body(holding(lock.number))
    }

    /// The same repository with a git whose commands keep a lock's descriptor open.
    func holding(_ lock: CInt) -> GitRepository {
        var git = git
        git.inherited.append(lock)
        return GitRepository(
            topLevel: topLevel,
            gitDirectory: gitDirectory,
            commonDirectory: commonDirectory,
            objectFormat: objectFormat,
            configuration: configuration,
            git: git
        )
    }
}

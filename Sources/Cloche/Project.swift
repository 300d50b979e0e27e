// The entry for everything that is done with agents: a directory, its configuration, its agents. The
// operations are in the files beside this one.

internal import AgentStore
public import ClocheModel
internal import GitWorkspace
internal import LinuxSystem
public import Messaging
package import ProfileLoading
internal import Snapshots

/// A directory whose files agents work on.
public struct Project: Sendable {
    /// The directory, canonical.
    public let directory: String
    /// Where Cloche is and keeps things.
    public let installation: Installation

    /// The agent at whose request something is done; nil for a person.
    var requester: AgentDirectory?

    /// The project that a directory belongs to: the nearest one above it with `.cloche/` or `.git`, the
    /// project of the agent whose workspace it lies in, or else the directory itself.
    ///
    /// - Throws: when the directory does not exist.
    public init(at path: String, installation: Installation) throws(ClocheError) {
        self.installation = installation
        let start: String
        do {
            start = try Files.canonicalPath(path)
        } catch {
            throw ClocheError(
                .notFound,
                "no such directory: \(path)",
                why: "\(error.errno)",
                remedy: "check the path"
            )
        }
        directory = Self.projectOfAgent(start, installation) ?? Self.nearest(start) ?? start
    }

    private static func nearest(_ start: String) -> String? {
        var path = start
        while true {
            if Files.isDirectory(path + "/.cloche") || Files.exists(path + "/.git") { return path }
            if path == "/" { return nil }
            path = path.parentPath
        }
    }

    private static func projectOfAgent(_ start: String, _ installation: Installation) -> String? {
        // A state directory that does not exist holds no agent.
        guard let root = try? Files.canonicalPath(installation.stateDirectory), start.hasPrefix(root + "/")
        else {
            return nil
        }
        let folder = start.dropFirst(root.utf8.count + 1).prefix { $0 != "/" }
        return installation.stateRoot.projects().first { $0.path.lastComponent == folder }?.directory
    }

    /// Whether this is a directory like any other: in no repository and no project, and without agents.
    package var isNowhere: Bool { Self.nearest(directory) == nil && state.agents().isEmpty }

    /// The state of this project.
    var state: ProjectState { installation.stateRoot.project(directory) }

    /// The directory of an agent; refuses what cannot be a name.
    func agentDirectory(_ name: String) throws(ClocheError) -> AgentDirectory {
        try AgentName.check(name)
        return state.agent(name)
    }

    /// The loader of profiles as this project sees them: the built-in ones, the user's own and the project's.
    package var profiles: ProfileLoader {
        ProfileLoader(
            home: installation.home,
            configDirectory: installation.configDirectory,
            projectDirectory: directory
        )
    }
}

/// What is known of one agent.
public struct AgentInfo: Equatable, Sendable {
    /// What was recorded last.
    public let record: AgentRecord
    /// Where it is in its life, judged now.
    public let state: AgentState
    /// What its program does; nil when it never ran.
    public let activity: HarnessState?
    /// Commits and uncommitted changes since it began, as far as that is known without asking the agent: `-`,
    /// `+2`, `+2*`, with `?` when it moved on since.
    public let changes: String
    /// How many messages wait for its program.
    public let queuedMessages: Int
    /// Its questions that wait for the person, the oldest first.
    public let questions: [Message]
    /// What it has reported as its result since it was last started; nil if nothing.
    public let result: HarnessState?
    /// How many snapshots there are of it.
    public var snapshots = 0
    /// Its directory on the host.
    public let directory: String

    /// Whether a sandbox exists for it now.
    public var isRunning: Bool { state.isSupervised }
}

extension Project {
    /// The agents of this project, by name.
    ///
    /// One whose record cannot be read is left out and named in `damaged`.
    public func agents() -> (agents: [AgentInfo], damaged: [ClocheError]) {
        var found: [AgentInfo] = []
        var damaged: [ClocheError] = []
        var repositories: [String: GitRepository] = [:]
        let questions = openQuestions
        for directory in state.agents() {
            do throws(ClocheError) {
                found.append(try info(directory, questions, &repositories))
            } catch { damaged.append(error) }
        }
        return (found, damaged)
    }

    /// As `agents`, with repositories that were found before.
    func readableAgents(_ repositories: inout [String: GitRepository]) -> [AgentInfo] {
        var found: [AgentInfo] = []
        let questions = openQuestions
        for directory in state.agents() {
            // `list` names those whose record cannot be read.
            if let agent = try? info(directory, questions, &repositories) { found.append(agent) }
        }
        return found
    }

    /// One agent.
    public func agent(_ name: String) throws(ClocheError) -> AgentInfo { try info(agentDirectory(name)) }

    func info(_ directory: AgentDirectory) throws(ClocheError) -> AgentInfo {
        var repositories: [String: GitRepository] = [:]
        return try info(directory, openQuestions, &repositories)
    }

    private func info(
        _ directory: AgentDirectory,
        _ questions: [Message],
        _ repositories: inout [String: GitRepository]
    ) throws(ClocheError) -> AgentInfo {
        let status = try AgentStatus(of: directory)
        return AgentInfo(
            record: status.record,
            state: status.state,
            activity: status.activity,
            changes: changes(directory, status.record, &repositories),
            queuedMessages: directory.queuedMessages,
            questions: questions.filter { $0.sender == messageSender(status.record) },
            result: directory.readResult(),
            snapshots: SnapshotDirectory(directory).count,
            directory: directory.path
        )
    }
}

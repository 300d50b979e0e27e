// Where agents write on the host, or have written: their state, workspaces and binds. What lies there decides nothing
// about what is brought into a sandbox.

internal import AgentStore
internal import ClocheModel
internal import LinuxSystem
internal import ProfileLoading

/// Gathers the directories that agents can write in.
struct AgentWritable {
    let installation: Installation

    /// All of them, without links.
    ///
    /// - Parameters:
    ///   - policy: that of the sandbox to be made.
    ///   - project: the directory it belongs to.
    ///   - workspace: where it works.
    func places(_ policy: Policy, project: String, workspace: String?) -> [String] {
        var places = [installation.stateDirectory] + Self.binds(policy)
        if let workspace { places.append(workspace) }
        var projects = [project]
        for state in installation.stateRoot.projects() {
            projects.append(state.directory)
            for agent in state.agents() {
                // One whose record cannot be read does not run; `list` names it.
                guard let record = try? agent.read() else { continue }
                places.append(record.workspacePath)
                // Made by this Cloche; a newer one's would have been refused above.
                if let policy = try? Policy(document: record.effective) { places += Self.binds(policy) }
            }
        }
        places += configured(projects)
        // What agents made comes into projects by merges. A home that is one is the user's all the same.
        places += projects.filter { !installation.home.isWithin($0) }
        // What does not exist holds nothing.
        let real = places.compactMap { try? Files.canonicalPath($0) }
        return Array(Set(real)).sorted()
    }

    /// What profiles of the user and of projects bind, used or not; the built-in ones bind nothing to be written.
    private func configured(_ projects: [String]) -> [String] {
        var places: [String] = []
        for project in Set(projects) {
            let loader = ProfileLoader(
                home: installation.home,
                configDirectory: installation.configDirectory,
                projectDirectory: project
            )
            let own = loader.names().filter { $0.layers != [.builtIn] }.map(\.name)
            // Any built-in one shows what the overrides of configuration files add to all.
            for name in own + [ProfileLoader.standardProfile] {
                // No agent runs with a profile that cannot be loaded.
                guard let policy = try? loader.load(name: name).policy else { continue }
                places += Self.binds(policy)
            }
        }
        return places
    }

    private static func binds(_ policy: Policy) -> [String] {
        policy.filesystem.binds.filter { $0.mode == .readWrite }.map(\.source)
    }
}

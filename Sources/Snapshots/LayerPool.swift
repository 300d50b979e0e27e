// The upper layers of agents that nobody writes any more. A snapshot makes the present one a lower layer, by renaming it, and
// puts an empty one in its place; so it takes the same time whatever is in it. Layers belong to the project, because forks
// have them in common; which are in use is read from those who use them, so that no count can be wrong.

package import AgentStore
package import ClocheModel
package import LinuxSystem
internal import StructuredText

extension AgentDirectory {
    /// Which layers are below the agent's own, the topmost first.
    var layerList: String { path + "/layers.json" }
    /// Its snapshots.
    var snapshots: String { path + "/snapshots" }
}

/// The layers of a project.
package struct LayerPool {
    /// As many as an overlay is given: their names are one option of a mount, of at most 255 bytes.
    package static let mostLayers = 24

    private let project: ProjectState
    private var path: String { project.path + "/.layers" }

    /// Those of a project.
    package init(_ project: ProjectState) { self.project = project }

    /// The pool that an agent's layers are in.
    package init(of directory: AgentDirectory) {
        project = ProjectState(of: directory)
    }

    /// Whether there ever was a layer.
    package var isThere: Bool { Files.isDirectory(path) }

    /// The directory of a layer.
    private func place(_ layer: String) -> String { "\(path)/\(layer)" }

    /// Holds off everybody else who changes the pool.
    ///
    /// - Returns: the lock.
    package func lock() throws(ClocheError) -> FileLock {
        do throws(SystemError) {
            try Files.makeDirectories(path)
            // It waits, so there is one.
            guard let lock = try FileLock(path + "/lock", wait: true) else {
                throw SystemError("fcntl", .wouldBlock, path)
            }
            return lock
        } catch { throw StoreError.cannotWrite(error) }
    }

    // MARK: The layers of one agent

    /// The layers below an agent's own, the topmost first.
    package func layers(of directory: AgentDirectory) throws(ClocheError) -> [String] {
        try Self.read(directory.layerList)
    }

    /// The same as directories.
    package func places(of directory: AgentDirectory) throws(ClocheError) -> [String] {
        try layers(of: directory).map(place)
    }

    /// Puts other layers below an agent's own.
    package func set(_ layers: [String], of directory: AgentDirectory) throws(ClocheError) {
        do {
            try Files.writeAtomically(
                directory.layerList,
                JSONText.serializeBytes(.object(["layers": .strings(layers)])),
                sync: false
            )
        } catch { throw StoreError.cannotWrite(error) }
    }

    private static func read(_ file: String) throws(ClocheError) -> [String] {
        do {
            guard Files.exists(file) else { return [] }
            let names = try JSONText.parse(try Files.read(file), file: file)["layers"]?.list ?? []
            return names.compactMap(\.string).filter { AgentName.isValid($0) }
        } catch {
            throw ClocheError(.state, "cannot read an agent's layers", why: "\(error)")
        }
    }

    /// Makes what the agent has written over the system's directories a layer, if it has written anything.
    ///
    /// The list names the layer before it is there; `repair` finishes what is cut off.
    package func freeze(_ directory: AgentDirectory) throws(ClocheError) {
        let before = try repair(directory)
        guard Self.isUsed(directory.upper) else { return }
        guard before.count < Self.mostLayers else {
            throw ClocheError(
                .state,
                "agent \(directory.name) has too many layers",
                why: "each snapshot after a run adds one, and an overlay takes \(Self.mostLayers)",
                remedy: "go back to an older snapshot, or start another agent from its branch"
            )
        }
        let layer = Self.newName()
        try set([layer] + before, of: directory)
        do throws(SystemError) {
            try Files.rename(directory.upper, place(layer))
            try Self.makeUpper(directory)
        } catch { throw StoreError.cannotWrite(error) }
    }

    /// Finishes or takes back a freezing that was cut off.
    ///
    /// - Returns: the layers below the agent's own.
    @discardableResult
    package func repair(_ directory: AgentDirectory) throws(ClocheError) -> [String] {
        let named = try layers(of: directory)
        let there = named.filter { Files.isDirectory(place($0)) }
        if there.count < named.count {
            guard there == Array(named.dropFirst()), Files.isDirectory(directory.upper) else {
                throw ClocheError(
                    .state,
                    "layers of agent \(directory.name) are gone",
                    why: "\(named.count - there.count) of \(named.count) are not in \(path)",
                    remedy: "`cloche delete --force \(directory.name)` removes the rest"
                )
            }
            try set(there, of: directory)
        }
        do throws(SystemError) {
            if !Files.exists(directory.upper) { try Self.makeUpper(directory) }
        } catch { throw StoreError.cannotWrite(error) }
        return there
    }

    private static func makeUpper(_ directory: AgentDirectory) throws(SystemError) {
        let new = directory.upper + ".new"
        try Files.removeTree(new)
        try AgentDirectory.makeUpper(new)
        try Files.rename(new, directory.upper)
    }

    /// Whether a sandbox was ever made with it: then there is something in it.
    private static func isUsed(_ upper: String) -> Bool {
        // What cannot be listed may hold anything.
        ["layers", "var"].contains { (try? Files.list("\(upper)/\($0)").isEmpty) != true }
    }

    private static func newName() -> String {
        var generator = SystemRandomNumberGenerator()
        let digits = String(generator.next() as UInt64, radix: 16)
        return "layer-" + String(repeating: "0", count: 16 - digits.count) + digits
    }

    // MARK: Removing

    /// Removes the layers that no agent of the project and none of their snapshots has.
    ///
    /// The caller holds the lock. What cannot be read may name any layer: then all stay.
    package func removeUnused() throws(ClocheError) {
        guard Files.isDirectory(path) else { return }
        var used: Set<String> = []
        for directory in project.agents() {
            used.formUnion(try layers(of: directory))
            for snapshot in try SnapshotDirectory(directory).list() { used.formUnion(snapshot.layers) }
        }
        do throws(SystemError) {
            for name in try Files.list(path) where name != "lock" && !used.contains(name) {
                try Files.removeTree(place(name))
            }
        } catch {
            throw ClocheError(.system, "cannot remove layers that nobody uses", why: error.description)
        }
    }
}

// Which places of a directory the names of `filesystem.protect` are, as the directory is now. Looks only; the planner
// turns the places into mounts, WorkspaceGuard makes what is absent.
//
// A mount on a name keeps it from being changed, renamed and removed, but not the directories above it: renamed away, one of
// them could be made anew. So each directory on the way is a mount of its own, and so is each symbolic link.

internal import ClocheModel
internal import LinuxSystem

/// The protected places of one directory.
struct ProtectedPlaces {
    /// One path that is bound over itself.
    struct Place: Equatable {
        /// Below the directory.
        let path: String
        /// Whether nothing there may change; otherwise the name leads there and must go on to do so.
        var isFixed: Bool
    }

    /// In an order in which each comes after those above it.
    private(set) var all: [Place] = []
    /// What has to be made first.
    private(set) var stubs: [PlanStub] = []

    private let root: String
    private var indexes: [String: Int] = [:]
    private static let linkLimit = 16

    init(_ names: [ProtectedName], in root: String) throws(ClocheError) {
        self.root = root
        for name in names {
            guard let path = name.path else { continue }
            try add(path.split(separator: "/").map(String.init), of: name)
        }
    }

    /// Follows a name from the directory on, one component at a time.
    private mutating func add(_ components: [String], of name: ProtectedName) throws(ClocheError) {
        var (path, rest, links) = ("", components[...], 0)
        while let component = rest.popFirst() {
            if component == "." { continue }
            if component == ".." {
                // Above the directory there is nothing that the agent could change.
                if path.isEmpty { return try refuseReturn(name) }
                path = path.utf8.contains(UInt8(ascii: "/")) ? path.parentPath : ""
                continue
            }
            path += path.isEmpty ? component : "/" + component
            guard let kind = try kind(of: path, name) else {
                return try addAbsent(path, Array(rest), name)
            }
            if kind == .symbolicLink {
                links += 1
                guard links < Self.linkLimit else { throw cannotProtect(name, "too many links lead to it") }
                add(path, isFixed: false)
                let target = try linkTarget(path, name)
                if target.hasPrefix("/") { return try refuseReturn(name) }
                path = path.utf8.contains(UInt8(ascii: "/")) ? path.parentPath : ""
                rest = (target.split(separator: "/").map(String.init) + rest)[...]
                continue
            }
            // A file in the place of a directory on the way must not become one.
            let isFixed = rest.isEmpty || kind != .directory
            add(path, isFixed: isFixed)
            if isFixed { return }
        }
        throw cannotProtect(name, "a link leads from it to the directory itself")
    }

    /// What is there; nil when nothing is.
    private func kind(of path: String, _ name: ProtectedName) throws(ClocheError) -> FileStatus.Kind? {
        do throws(SystemError) {
            return try Files.status("\(root)/\(path)", followLinks: false).kind
        } catch  where error.errno == .noEntry {
            return nil
        } catch { throw cannotProtect(name, "\(error.errno)") }
    }

    private func linkTarget(_ path: String, _ name: ProtectedName) throws(ClocheError) -> String {
        do throws(SystemError) {
            return try Files.readLink("\(root)/\(path)")
        } catch { throw cannotProtect(name, "\(error.errno)") }
    }

    /// The first missing component and those after it.
    private mutating func addAbsent(_ first: String, _ rest: [String], _ name: ProtectedName)
        throws(ClocheError)
    {
        if indexes[first] == nil {
            let parent = first.utf8.contains(UInt8(ascii: "/")) ? "\(root)/\(first.parentPath)" : root
            guard try canBeMade(in: parent, name) else { return }
        }
        guard !rest.contains("..") else { throw cannotProtect(name, "a link leads from it to nowhere") }
        var path = first
        for component in rest where component != "." {
            addStub(path, .directory, isFixed: false)
            path += "/" + component
        }
        guard !path.utf8.contains(0x0a) else { throw cannotProtect(name, "a link's target has a line end") }
        addStub(path, name.stub, isFixed: true)
    }

    /// Whether anybody with the agent's rights could make a name in a directory.
    private func canBeMade(in directory: String, _ name: ProtectedName) throws(ClocheError) -> Bool {
        do throws(SystemError) {
            try Files.checkWritable(directory)
            return true
        } catch  where error.errno == .noEntry {
            // It is to be made itself.
            return true
        } catch  where error.errno == .access {
            // Its owner could change the permissions, inside as well as outside.
            let status = try? Files.status(directory, followLinks: false)  // unknown: taken for ours
            guard let status, status.owner != CurrentUser.id else {
                throw cannotProtect(name, "\(directory) is yours, but you may not write in it")
            }
            return false
        } catch {
            // Read-only or immutable: for everybody.
            return false
        }
    }

    private mutating func addStub(_ path: String, _ kind: ProtectedName.Stub, isFixed: Bool) {
        if indexes[path] == nil, !isBelowFixed(path) { stubs.append(PlanStub(path: path, kind: kind)) }
        add(path, isFixed: isFixed)
    }

    private mutating func add(_ path: String, isFixed: Bool) {
        if let index = indexes[path] {
            if isFixed { all[index].isFixed = true }
            return
        }
        if isBelowFixed(path) { return }
        indexes[path] = all.count
        all.append(Place(path: path, isFixed: isFixed))
    }

    private func isBelowFixed(_ path: String) -> Bool {
        guard path.utf8.contains(UInt8(ascii: "/")) else { return false }
        let parent = path.parentPath
        return indexes[parent].map { all[$0].isFixed } ?? false || isBelowFixed(parent)
    }

    /// A path out of the directory may lead back into it, by ways that the agent cannot see but the host can.
    private func refuseReturn(_ name: ProtectedName) throws(ClocheError) {
        let real: String
        do throws(SystemError) {
            real = try Files.canonicalPath("\(root)/\(name.path ?? "")")
        } catch { throw cannotProtect(name, "a link leads from it out of the directory: \(error.errno)") }
        guard real == root || real.hasPrefix(root == "/" ? root : root + "/") else { return }
        throw cannotProtect(name, "a link leads from it out of the directory and back to \(real)")
    }

    private func cannotProtect(_ name: ProtectedName, _ why: String) -> ClocheError {
        ClocheError(
            .configuration,
            "cannot keep \(name.text) in \(root) from being changed",
            why: "\(why), asked for by filesystem.protect",
            remedy: "use a worktree, a read-only workspace, or take the name out of filesystem.protect"
        )
    }
}

// From a path to the file behind it, link by link, with a judgement of every step: nothing that an agent or another user
// can write may decide what is brought into a sandbox.

internal import ClocheModel
internal import LinuxSystem
internal import SandboxRuntime

/// Why something of the host is not brought in.
struct ProgramRefusal: Error, Equatable {
    let path: String
    let why: String
}

/// A file or directory of the host without links, and the links that led to it.
struct WalkedPath: Equatable {
    let path: String
    let real: String
    let status: FileStatus
    let links: [ProgramLink]

    var isExecutable: Bool { status.kind == .regular && status.mode & 0o111 != 0 }
}

/// Who may have made what is brought in, besides the system.
struct HostUser: Sendable {
    let id: UInt32
    /// Whether a group has no member but this user: what it may write, nobody else may.
    let isPrivate: @Sendable (UInt32) -> Bool

    static var current: HostUser {
        HostUser(id: CurrentUser.id) { group in
            // Read as text, as `CurrentUser.name` does. Without them nobody knows a group's members.
            guard let users = try? Files.readText("/etc/passwd"),
                let groups = try? Files.readText("/etc/group")  // as above
            else { return false }
            return isPrivate(group, of: CurrentUser.name, users: users, groups: groups)
        }
    }

    /// The same from the text of `passwd(5)` and `group(5)`; a group that they do not name is nobody's own.
    static func isPrivate(_ group: UInt32, of name: String, users: String, groups: String) -> Bool {
        let fields = { (line: Substring) in line.split(separator: ":", omittingEmptySubsequences: false) }
        for line in users.split(separator: "\n").map(fields) where line.count > 3 && line[3] == "\(group)" {
            if line[0] != name && line[0] != "root" { return false }
        }
        let entries = groups.split(separator: "\n").map(fields).filter { $0.count > 3 && $0[2] == "\(group)" }
        return !entries.isEmpty
            && entries.allSatisfy { entry in
                entry[3].split(separator: ",").allSatisfy { $0 == name || $0 == "root" }
            }
    }
}

/// Follows paths of the host by hand.
struct PathWalk {
    let tree: HostTree
    /// The user's home; without links, once that is known.
    var home: String
    let user: HostUser
    /// Where agents write; gathered only when a path leaves the system's directories.
    private(set) lazy var writable: [String] = gather()
    private let gather: () -> [String]

    /// Directories in which only root writes.
    ///
    /// In a user namespace root may have no id, so their owners are not asked for.
    private static let system = [
        "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/etc",
    ]
    /// As the kernel's limit, path_resolution(7).
    private static let maximumLinks = 40

    init(tree: HostTree, home: String, user: HostUser, writable: @escaping () -> [String]) {
        self.tree = tree
        self.home = home
        self.user = user
        gather = writable
    }

    /// Whether a path is in a directory of the system's.
    static func isSystem(_ path: String) -> Bool { system.contains { path.isWithin($0) } }

    /// The file behind an absolute path; nil when there is none.
    mutating func walk(_ path: String) throws(ProgramRefusal) -> WalkedPath? {
        var pending = Array(path.split(separator: "/").reversed())
        var directory = ""
        var last: FileStatus?
        var links: [ProgramLink] = []
        while let name = pending.popLast() {
            if name == "." { continue }
            if name == ".." {
                directory = directory.isEmpty ? "" : directory.parentPath
                if directory == "/" { directory = "" }
                last = nil
                continue
            }
            let place = "\(directory)/\(name)"
            guard let status = tree.status(place) else { return nil }
            try judge(place, status)
            if status.kind == .symbolicLink {
                guard links.count < Self.maximumLinks, let target = tree.link(place) else { return nil }
                links.append(Self.link(place, target, in: directory, towards: pending.last))
                if target.hasPrefix("/") { directory = "" }
                pending += target.split(separator: "/").reversed()
                last = nil
                continue
            }
            // A file on the way leads nowhere.
            guard status.kind == .directory || pending.isEmpty else { return nil }
            directory = place
            last = status
        }
        let real = directory.isEmpty ? "/" : directory
        guard let status = last ?? tree.status(real) else { return nil }
        return WalkedPath(path: path, real: real, status: status, links: links)
    }

    /// The link as it is to be inside, where the agent's home stands in a directory of its own: for a host's `/home`
    /// that leads elsewhere there is a link in it.
    private static func link(
        _ place: String,
        _ target: String,
        in directory: String,
        towards next: Substring?
    )
        -> ProgramLink
    {
        guard let next, InsidePath.home.isWithin(place) else {
            return ProgramLink(place: place, target: target)
        }
        let whole = target.hasPrefix("/") ? target : "\(directory)/\(target)"
        return ProgramLink(place: "\(place)/\(next)", target: "\(whole)/\(next)")
    }

    /// Refuses a step that somebody other than this user or root can have made, or can change.
    private mutating func judge(_ place: String, _ status: FileStatus) throws(ProgramRefusal) {
        if Self.isSystem(place) { return }
        // Whoever can change what is above the home has the home.
        if home != place && home.hasPrefix(place + "/") { return }
        if let tree = writable.first(where: { place.isWithin($0) }) {
            throw ProgramRefusal(path: place, why: "agents can write in \(tree)")
        }
        guard status.owner == user.id || status.owner == 0 else {
            throw ProgramRefusal(path: place, why: "\(place) belongs to another user (\(status.owner))")
        }
        // A link has no mode of its own.
        if status.kind == .symbolicLink { return }
        let isOpen =
            status.mode & 0o002 != 0 || status.mode & 0o020 != 0 && !user.isPrivate(status.group)
        if isOpen {
            throw ProgramRefusal(
                path: place,
                why: "others can write \(place) (`chmod go-w \(place)` ends that)"
            )
        }
    }
}

// Brings a program together: finds it, walks to it, and collects what it needs until nothing is missing. What comes of
// it is a value; nothing is changed on the host.

internal import ClocheModel
internal import LinuxSystem
internal import SandboxRuntime

/// A program that was found.
struct FoundFile: Equatable {
    /// The path by which it was found, links and all.
    let path: String
    /// The file behind it.
    let real: String
}

/// The host that programs are looked for on, as values, so that a test can give another.
struct ProgramHost {
    var tree = HostTree()
    let home: String
    let user: HostUser
    /// Variables of the host's environment.
    let variable: (String) -> String?
    /// Where agents write, without links; asked for only when a program is not the system's.
    let writable: () -> [String]
}

/// Collects what programs need.
struct ProgramGathering {
    let tree: HostTree
    let search: ProgramSearch
    /// The system directories that the sandbox shows.
    let visible: [String]
    /// `PATH` inside.
    let insidePath: [String]
    private var walk: PathWalk
    private var package: ProgramPackage
    private var parts: [String] = []
    private var links: [ProgramLink] = []
    private var names: [ProgramLink] = []
    /// Programs and files that were taken care of.
    private var done: Set<String> = []
    /// The first candidate that may not be brought in, for whoever asks why there is none.
    private(set) var refusal: ProgramRefusal?

    /// For a sandbox of this policy, with this `PATH` inside.
    init(_ host: ProgramHost, _ policy: Policy, insidePath: [String]) {
        tree = host.tree
        search = ProgramSearch(tree: host.tree, home: host.home, variable: host.variable)
        visible = policy.filesystem.system
        self.insidePath = insidePath
        walk = PathWalk(tree: host.tree, home: host.home, user: host.user, writable: host.writable)
        let credentials = policy.credentials.compactMap { credential -> String? in
            guard case .file(let source, _) = credential.kind else { return nil }
            return source
        }
        package = ProgramPackage(
            tree: host.tree,
            search: search,
            home: host.home,
            credentials: credentials
        )
    }

    /// Finds a program and what it needs; nil when there is none that may be brought in.
    ///
    /// - Parameter beside: directories to look in first.
    mutating func bring(_ name: String, beside: [String] = []) -> FoundFile? {
        for directory in beside + search.path {
            if let found = attempt(name, in: directory) { return found }
        }
        resolveHome()
        for directory in search.directories(for: name) {
            if let found = attempt(name, in: directory) { return found }
        }
        return nil
    }

    /// What was collected.
    var programs: HostPrograms {
        let whole = parts.filter { part in !parts.contains { $0 != part && part.isWithin($0) } }
        let outer = links.filter { link in !whole.contains { link.place.isWithin($0) } }
        return HostPrograms(
            binds: whole.map { BindPolicy(source: $0, target: $0) },
            links: outer + names,
            path: names.isEmpty ? [] : [InsidePath.programs]
        )
    }

    /// A program in a directory; what one that is refused would have needed is forgotten.
    private mutating func attempt(_ name: String, in directory: String) -> FoundFile? {
        let path = directory == "/" ? "/" + name : "\(directory)/\(name)"
        guard tree.status(path) != nil else { return nil }
        // The table is not even made for a program of the system's.
        if !PathWalk.isSystem(directory) && search.isShims(directory) { return nil }
        let before = (parts, links, names, done)
        do throws(ProgramRefusal) {
            guard let file = try walkTo(path), file.isExecutable else { return nil }
            try need(file)
            if !(insidePath.contains(directory) && isVisible(path)) {
                let link = ProgramLink(place: "\(InsidePath.programs)/\(name)", target: path)
                if !names.contains(where: { $0.place == link.place }) { names.append(link) }
            }
            return FoundFile(path: path, real: file.real)
        } catch {
            (parts, links, names, done) = before
            if refusal == nil { refusal = error }
            return nil
        }
    }

    private func isVisible(_ path: String) -> Bool { visible.contains { path.isWithin($0) } }

    private mutating func walkTo(_ path: String) throws(ProgramRefusal) -> WalkedPath? {
        if !PathWalk.isSystem(path) { resolveHome() }
        return try walk.walk(path)
    }

    /// From here on paths are compared with the home as it is without links.
    private mutating func resolveHome() {
        guard package.home == search.home, done.insert("~").inserted else { return }
        // One that cannot be walked to has nothing to bring in either.
        guard let walked = try? walk.walk(search.home) else { return }
        walk.home = walked.real
        package.home = walked.real
    }

    /// Collects a file with its links, its package, and its interpreter.
    private mutating func need(_ file: WalkedPath) throws(ProgramRefusal) {
        note(file.links)
        for link in file.links {
            // A link in an environment of Python is what its scripts name, and says which environment it is.
            if let environment = package.environment(link.place) { try needEnvironment(environment) }
        }
        guard done.insert(file.real).inserted else { return }
        if !isVisible(file.real) {
            for part in package.parts(of: file.real) { try take(part) }
            if let environment = package.environment(file.real) { try needEnvironment(environment) }
        }
        try needInterpreter(of: file)
    }

    private mutating func needInterpreter(of file: WalkedPath) throws(ProgramRefusal) {
        switch Shebang(tree.head(file.real, Shebang.length)) {
        case nil: return
        case .path(let path):
            // What is missing on the host is missing inside: the kernel tells.
            guard let interpreter = try walkTo(path) else { return }
            try need(interpreter)
        case .name(let name):
            guard done.insert("env " + name).inserted else { return }
            let beside = ([file.path] + file.links.map(\.place) + [file.real]).map(\.parentPath)
            // Managers install programs beside the interpreter they are for.
            let own = beside.filter { !isVisible($0) }
            if bring(name, beside: own) == nil {
                let why = refusal.map { "\($0.why)" } ?? "it is nowhere on this host"
                throw ProgramRefusal(path: file.path, why: "it needs \(name): \(why)")
            }
        }
    }

    private mutating func needEnvironment(_ environment: String) throws(ProgramRefusal) {
        if isVisible(environment) { return }
        guard done.insert(environment + "/pyvenv.cfg").inserted else { return }
        try take(environment)
        // Its library is found by this path, whatever the links in the environment say.
        guard let path = package.basePython(of: environment), let home = try walkTo(path) else { return }
        note(home.links)
        if isVisible(home.real) { return }
        for name in tree.names(home.real) where Self.isPython(name) {
            if let python = try walkTo("\(home.real)/\(name)"), python.isExecutable { try need(python) }
        }
    }

    /// `python`, `python3`, `python3.12`; not the tools beside them.
    private static func isPython(_ name: String) -> Bool {
        name.hasPrefix("python") && name.dropFirst(6).allSatisfy { $0.isNumber || $0 == "." }
    }

    /// Takes a file or a directory, if it may be shown as a whole.
    private mutating func take(_ path: String) throws(ProgramRefusal) {
        guard let walked = try walkTo(path), !parts.contains(walked.real) else { return }
        note(walked.links)
        if isVisible(walked.real) { return }
        if walked.status.kind == .directory {
            try package.judgeWhole(walked.real, writable: walk.writable)
        } else if walked.status.kind != .regular {
            throw ProgramRefusal(path: path, why: "\(path) is neither a file nor a directory")
        }
        parts.append(walked.real)
    }

    /// Of `/etc` a sandbox has its own, with the links that choose among the system's programs.
    private mutating func note(_ found: [ProgramLink]) {
        for link in found where !isVisible(link.place) && !link.place.isWithin("/etc") {
            if !links.contains(link) { links.append(link) }
        }
    }
}

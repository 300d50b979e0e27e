// The line of a profile that would give a program a path that it looked for, and whether a person should look at it first.

internal import ClocheModel

/// What would give a path.
struct PathGrant: Equatable {
    /// The key below `filesystem`, and an item of its list.
    let key: String
    let value: String
    /// Why it is left to a person.
    let doubt: String?

    /// Nil for what no line of a profile would give, or nobody misses.
    init?(_ sought: SoughtPath, _ context: LearningContext, endedWell: Bool) {
        let path = LearningContext.hostPath(sought.path, home: context.home)
        let parts = path.split(separator: "/")
        let isPlain =
            path.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f } && !parts.contains { $0 == ".." || $0 == "." }
        let unusual = isPlain ? nil : "an unusual name"
        let system = context.policy.filesystem.system
        if sought.purpose == .write {
            let parent = "/" + parts.dropLast().joined(separator: "/")
            let trees = system + ["/etc", "/var"]
            guard trees.contains(where: { Self.is(parent, in: $0) }),
                !context.policy.filesystem.writable.contains(parent),
                // Python goes without its cache.
                !parts.contains("__pycache__")
            else { return nil }
            let whole = trees.contains(parent) ? "a whole tree" : nil
            (key, value) = ("writable", NetworkEntry.quoted(parent))
            doubt = unusual ?? whole ?? (endedWell ? "it ended well without" : nil)
            return
        }
        // What is missing in the trees that are shown leads out of them.
        guard let file = context.hostFiles[sought.path], !system.contains(where: { Self.is(path, in: $0) })
        else {
            return nil
        }
        let isSecret = SensitivePath.isSecret(path) || SensitivePath.isSecret(file.place)
        if Self.is(path, in: "/etc") {
            (key, value) = ("etc", NetworkEntry.quoted(String(path.dropFirst(5))))
            doubt = isSecret ? "looks like a secret" : "left out of /etc on purpose"
            return
        }
        (key, value) = ("binds", Self.bind(sought.path, path, context.home))
        let link = file.place == path ? nil : "a link to \(file.place)"
        let unneeded = sought.purpose == .look && endedWell ? "it ended well without" : nil
        doubt =
            isSecret
            ? "looks like a secret" : unusual ?? link ?? Self.doubt(path, file.kind, context.home) ?? unneeded
    }

    /// The bind that shows a file of the host where the program looked for it.
    private static func bind(_ sought: String, _ path: String, _ home: String) -> String {
        let source = "source: \(NetworkEntry.quoted(path))"
        // Without a target, what is below the user's home is shown below the agent's.
        guard sought == path, home != "/", home != LearningContext.homeInside, Self.is(path, in: home) else {
            return "{\(source)}"
        }
        let target = "$HOST_HOME\(path.dropFirst(home.count))"
        return "{\(source), target: \(NetworkEntry.quoted(target))}"
    }

    private static func doubt(_ path: String, _ kind: LearningContext.HostFile.Kind, _ home: String)
        -> String?
    {
        if SensitivePath.isBroad(path, home: home) { return "would give much" }
        if path.hasPrefix(home + "/.") { return "settings of yours, which may hold tokens" }
        if SensitivePath.isForeign(path, home: home) { return "belongs to the system or to others" }
        return kind == .other ? "no plain file" : nil
    }

    private static func `is`(_ path: String, in tree: String) -> Bool {
        path == tree || path.hasPrefix(tree + "/")
    }
}

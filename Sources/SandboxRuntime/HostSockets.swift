// Sockets of the host in what a profile binds. A read-only mount does not keep a program from connecting to one, and
// whoever listens there (a container engine, a session's bus, a key agent) acts with the user's rights.

internal import ClocheModel
internal import LinuxSystem

enum HostSockets {
    /// How deep a bound directory is searched, and how many names are looked at: sockets lie near the top, and a start must
    /// not take longer the more there is.
    private static let (depth, names) = (2, 4000)

    /// A socket that a bind of this path would show, if there is one.
    static func first(in path: String) -> String? {
        var left = names
        return first(in: path, depth: depth, &left)
    }

    private static func first(in path: String, depth: Int, _ left: inout Int) -> String? {
        left -= 1
        // What cannot be looked at can be connected to neither: that takes the same rights.
        guard left > 0, let status = try? Files.status(path, followLinks: false) else { return nil }
        if status.kind == .socket { return path }
        guard status.kind == .directory, depth > 0,
            let entries = try? Files.list(path)  // as above
        else { return nil }
        for name in entries {
            if let found = first(in: "\(path)/\(name)", depth: depth - 1, &left) { return found }
        }
        return nil
    }

    /// Refuses a bind that shows one, unless it says that it means to.
    static func refuse(in bind: BindPolicy) throws(ClocheError) {
        // A path that leads nowhere is told by whoever binds it.
        guard !bind.sockets, let real = try? Files.canonicalPath(bind.source), let socket = first(in: real)
        else { return }
        throw ClocheError(
            .configuration,
            "cannot bring \(bind.source) into the sandbox",
            why:
                "\(socket) is a socket, asked for by filesystem.binds: whoever listens there would serve the agent with"
                + " your rights, and a read-only bind does not stop that",
            remedy: "bind only what is needed, or set `sockets: true` for this bind"
        )
    }
}

// What sandboxes see of the host's /etc: a copy of the allow-listed names in the user's cache, the lower layer of
// every agent's /etc. Callers make it before they plan. One tree per list of names and state of the host; a tree
// never changes, since it may be mounted. Beside it is a manifest of every path that was looked at, so that the
// next start knows by stat(2) alone whether the tree is still true; it looks while the sandbox is being built, and
// before anything runs in it.

package import ClocheModel
internal import Glibc
internal import LinuxSystem

/// A copy of a part of the host's `/etc`, not removed while this value lives.
package final class EtcTree: Sendable {
    /// The directory with the copies.
    package let path: String
    /// Holds a shared lock on the directory.
    private let directory: FileDescriptor
    private let kind: Kind
    /// What it was made of.
    private let sources: Manifest

    private init(_ path: String, _ directory: consuming FileDescriptor, _ kind: Kind, _ sources: Manifest) {
        self.path = path
        self.directory = directory
        self.kind = kind
        self.sources = sources
    }

    /// What all trees of one list of names have in common.
    private struct Kind {
        let names: [String]
        /// The manifest; the trees are named after it.
        let place: String
        /// What the manifest begins with.
        let key: [UInt8]

        init(_ names: [String], cache: String) {
            let text = names.joined(separator: "\n")
            self.names = names
            place = "\(cache)/etc-\(StableHash.hexadecimal(text))"
            key = Array("2\0\(text)\0".utf8)
        }

        func path(_ fingerprint: UInt64) -> String { "\(place)-\(String(fingerprint, radix: 16))" }
    }

    /// The tree for a policy as it was found right when it was last made; made if there is none yet.
    ///
    /// - Parameter cache: the user's cache directory; missing ones are made.
    /// - Returns: nil if nothing can be kept there; the planner then takes the host's files one by one.
    package static func last(_ policy: Policy, cache: String) -> EtcTree? {
        keep(policy, cache) { kind throws(SystemError) in
            // One that has gone since is made anew.
            if let sources = Manifest.read(kind), let tree = try? open(kind, sources) { return tree }
            return try make(kind)
        }
    }

    /// The tree for a policy, made if there is none yet or the host's files have changed.
    ///
    /// See `last`.
    package static func current(_ policy: Policy, cache: String) -> EtcTree? {
        keep(policy, cache) { kind throws(SystemError) in
            // As in `last`.
            if let sources = Manifest.read(kind), sources.isTrue, let tree = try? open(kind, sources) {
                return tree
            }
            return try make(kind)
        }
    }

    /// Whether the host's files are still those that the tree was made of.
    var isCurrent: Bool { sources.isTrue }

    /// The tree for what the host has now.
    func renewed() -> EtcTree? {
        // See `current`.
        try? Self.make(kind)
    }

    private static func keep(
        _ policy: Policy,
        _ cache: String,
        _ find: (Kind) throws(SystemError) -> EtcTree?
    ) -> EtcTree? {
        do throws(SystemError) {
            try Files.makeDirectories(cache)
            guard isOwn(try Files.status(cache)) else { return nil }
            return try find(Kind(policy.etcNames, cache: cache))
        } catch {
            // Whatever is wrong with the cache costs time, nothing else.
            return nil
        }
    }

    /// Every path that was looked at, and what was found.
    private struct Manifest {
        let paths: FileFingerprint
        let value: UInt64

        /// In the form of `bytes`.
        static func read(_ kind: Kind) -> Manifest? {
            // Missing or unreadable is the same: the tree is made.
            guard let bytes = try? Files.read(kind.place, limit: 1 << 22), bytes.starts(with: kind.key) else {
                return nil
            }
            let rest = bytes[kind.key.count...]
            guard let end = rest.firstIndex(of: 0),
                let value = UInt64(String(decoding: rest[..<end], as: UTF8.self), radix: 16)
            else { return nil }
            return Manifest(paths: FileFingerprint(paths: Array(rest[(end + 1)...])), value: value)
        }

        var bytes: [UInt8] { Array(String(value, radix: 16).utf8) + [0] + paths.paths }
        var isTrue: Bool { paths.value() == value }
    }

    /// Others could otherwise change what all agents of this user see.
    private static func isOwn(_ status: FileStatus) -> Bool {
        status.kind == .directory && status.owner == CurrentUser.id && status.mode & 0o022 == 0
    }

    private static func open(_ kind: Kind, _ sources: Manifest) throws(SystemError) -> EtcTree {
        let path = kind.path(sources.value)
        return EtcTree(path, try lock(path), kind, sources)
    }

    private static func lock(_ path: String) throws(SystemError) -> FileDescriptor {
        let directory = try Files.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        guard flock(directory.number, LOCK_SH | LOCK_NB) == 0 else {
            throw SystemError("flock", Errno(errno), path)
        }
        // Removed between the two calls: the path is gone, whatever the descriptor still shows.
        guard isOwn(try Files.status(of: directory)), Files.isDirectory(path) else {
            throw SystemError("open", .noEntry, path)
        }
        return directory
    }

    private static func make(_ kind: Kind) throws(SystemError) -> EtcTree? {
        let copy = EtcCopy(kind.names)
        let sources = Manifest(paths: copy.fingerprint, value: copy.fingerprint.value())
        let path = kind.path(sources.value)
        let temporary = "\(kind.place).\(getpid()).new"
        try Files.makeDirectory(temporary, mode: 0o755)
        do throws(SystemError) {
            // Keeps others from clearing it away.
            let building = try lock(temporary)
            try copy.write(to: temporary)
            guard sources.isTrue else { throw SystemError("copy", .wouldBlock, path) }
            do throws(SystemError) {
                try Files.renameWithoutReplacing(temporary, path)
            } catch  where error.errno == .exists { try Files.removeTree(temporary) }
            // Before the manifest: once that is there, nobody comes here again for what a killed one left.
            removeOthers(kind.place, path)
            try Files.writeAtomically(kind.place, kind.key + sources.bytes, sync: false)
            _ = building.number
        } catch {
            // The failure that matters is the one above.
            try? Files.removeTree(temporary)
            throw error
        }
        return try open(kind, sources)
    }

    /// Removes the trees of this list that nobody uses.
    private static func removeOthers(_ place: String, _ path: String) {
        // What cannot be removed now is tried again by the next that makes a tree.
        for name in (try? Files.list(place.parentPath)) ?? [] {
            let other = "\(place.parentPath)/\(name)"
            guard other != path, other.hasPrefix(place + "-") || other.hasPrefix(place + "."),
                // Gone already, or not ours to remove.
                let directory = try? Files.open(other, O_RDONLY | O_DIRECTORY | O_NOFOLLOW),
                flock(directory.number, LOCK_EX | LOCK_NB) == 0
            else { continue }
            try? Files.removeTree(other)  // see above
        }
    }
}

/// One copying: what is to be copied, found before anything is written.
private struct EtcCopy {
    private enum Entry {
        case directory(String)
        case file(from: String, to: String, executable: Bool)
        case link(String, target: String)
    }

    /// The largest file that is copied.
    private static let largest: Int64 = 16 << 20

    private var entries: [Entry] = []
    private var seen: [String] = ["/etc"]

    init(_ names: [String]) {
        for name in HostEtc.names(fitting: names) {
            var parent = name.parentPath
            while parent != "." {
                seen.append("/etc/" + parent)
                parent = parent.parentPath
            }
            seen.append("/etc/" + name)
            // Not on this host.
            guard let real = try? Files.canonicalPath("/etc/" + name) else { continue }
            parents(of: name)
            add(real, to: name)
        }
    }

    /// Everything that was looked at, once.
    var fingerprint: FileFingerprint {
        var known: Set<String> = []
        return FileFingerprint(seen.filter { known.insert($0).inserted })
    }

    private mutating func parents(of name: String) {
        var path = ""
        for component in name.split(separator: "/").dropLast() {
            path += path.isEmpty ? String(component) : "/" + component
            entries.append(.directory(path))
        }
    }

    /// What everybody may read; the rest is nothing for an agent.
    private mutating func add(_ source: String, to target: String) {
        // What vanishes or cannot be read while it is looked at is left out, like what was never there.
        guard let status = try? Files.status(source, followLinks: false) else { return }
        switch status.kind {
        case .regular where status.mode & 0o004 != 0 && status.size <= Self.largest:
            seen.append(source)
            entries.append(.file(from: source, to: target, executable: status.mode & 0o001 != 0))
        case .directory where status.mode & 0o005 == 0o005:
            seen.append(source)
            entries.append(.directory(target))
            // See above.
            for name in (try? Files.list(source)) ?? [] { add("\(source)/\(name)", to: "\(target)/\(name)") }
        case .symbolicLink:
            guard let link = try? Files.readLink(source) else { return }  // see above
            entries.append(.link(target, target: link))
        default: return
        }
    }

    func write(to root: String) throws(SystemError) {
        for entry in entries {
            switch entry {
            case .directory(let path): try Files.makeDirectories("\(root)/\(path)", mode: 0o755)
            case .link(let path, let target): try Files.makeSymbolicLink("\(root)/\(path)", to: target)
            case .file(let source, let path, let executable):
                let bytes = try Files.read(source)
                let mode: UInt32 = executable ? 0o755 : 0o644
                try Files.open("\(root)/\(path)", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: mode).write(
                    bytes
                )
            }
        }
    }
}

/// The names of a profile's `etc` list on this host.
enum HostEtc {
    /// One with a star stands for whatever in the host's directory fits it.
    static func names(fitting patterns: [String]) -> [String] {
        var listings: [String: [String]] = [:]
        return patterns.flatMap { pattern -> [String] in
            guard pattern.utf8.contains(UInt8(ascii: "*")) else { return [pattern] }
            let parent = pattern.parentPath == "." ? "" : pattern.parentPath + "/"
            // A directory that is not there has no names.
            let names = listings[parent] ?? (try? Files.list("/etc/" + parent)) ?? []
            listings[parent] = names
            let fitting = NamePattern(pattern.lastComponent)
            return names.filter { fitting.matches($0) }.map { parent + $0 }
        }
    }
}

extension Policy {
    /// What of the host's `/etc` is shown; with the host's network, its names of hosts as well.
    var etcNames: [String] { filesystem.etc + (network.mode == .host ? ["resolv.conf", "hosts"] : []) }
}

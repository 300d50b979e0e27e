// What sandboxes see of the host's /etc: a copy of the allow-listed names in the user's cache, the lower layer of
// every agent's /etc. Callers make it before they plan. One tree per list of names and state of the host; a tree
// never changes, since it may be mounted. Beside it is a manifest of every path that was looked at, so that the
// next start knows by stat(2) alone whether the tree is still true.

package import ClocheModel
internal import Glibc
internal import LinuxSystem

/// A copy of a part of the host's `/etc`, not removed while this value lives.
package final class EtcTree: Sendable {
    /// The directory with the copies.
    package let path: String
    /// Holds a shared lock on the directory.
    private let directory: FileDescriptor

    private init(_ path: String, _ directory: consuming FileDescriptor) {
        self.path = path
        self.directory = directory
    }

    /// The tree for a policy, made if there is none yet or the host's files have changed.
    ///
    /// - Parameter cache: the user's cache directory; missing ones are made.
    /// - Returns: nil if nothing can be kept there; the planner then takes the host's files one by one.
    package static func current(_ policy: Policy, cache: String) -> EtcTree? {
        let names = policy.etcNames
        let key = Array("1\0\(names.joined(separator: "\n"))\0".utf8)
        let place = "\(cache)/etc-\(StableHash.hexadecimal(names.joined(separator: "\n")))"
        do throws(SystemError) {
            try Files.makeDirectories(cache)
            guard isOwn(try Files.status(cache)) else { return nil }
            if let kept = keptPaths(place, key) {
                // One that has gone since is made anew.
                let tree = try? open(treePath(place, kept.value()))
                if let tree { return tree }
            }
            return try make(names, place, key)
        } catch {
            // Whatever is wrong with the cache costs time, nothing else.
            return nil
        }
    }

    private static func treePath(_ place: String, _ fingerprint: UInt64) -> String {
        "\(place)-\(String(fingerprint, radix: 16))"
    }

    /// Others could otherwise change what all agents of this user see.
    private static func isOwn(_ status: FileStatus) -> Bool {
        status.kind == .directory && status.owner == CurrentUser.id && status.mode & 0o022 == 0
    }

    /// The paths of the manifest: what follows the key.
    private static func keptPaths(_ place: String, _ key: [UInt8]) -> FileFingerprint? {
        // Missing or unreadable is the same: the tree is made.
        guard let bytes = try? Files.read(place, limit: 1 << 22), bytes.starts(with: key) else { return nil }
        return FileFingerprint(paths: Array(bytes[key.count...]))
    }

    private static func open(_ path: String) throws(SystemError) -> EtcTree {
        let directory = try Files.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        guard flock(directory.number, LOCK_SH | LOCK_NB) == 0 else {
            throw SystemError("flock", Errno(errno), path)
        }
        // Removed between the two calls: the path is gone, whatever the descriptor still shows.
        guard isOwn(try Files.status(of: directory)), Files.isDirectory(path) else {
            throw SystemError("open", .noEntry, path)
        }
        return EtcTree(path, directory)
    }

    private static func make(_ names: [String], _ place: String, _ key: [UInt8]) throws(SystemError)
        -> EtcTree?
    {
        let copy = EtcCopy(names)
        let before = copy.fingerprint.value()
        let path = treePath(place, before)
        let temporary = "\(place).\(getpid()).new"
        try Files.makeDirectory(temporary, mode: 0o755)
        do throws(SystemError) {
            // Keeps others from clearing it away.
            let building = try open(temporary)
            try copy.write(to: temporary)
            guard copy.fingerprint.value() == before else { throw SystemError("copy", .wouldBlock, path) }
            do throws(SystemError) {
                try Files.renameWithoutReplacing(temporary, path)
            } catch  where error.errno == .exists { try Files.removeTree(temporary) }
            // Before the manifest: once that is there, nobody comes here again for what a killed one left.
            removeOthers(place, path)
            try Files.writeAtomically(place, key + copy.fingerprint.paths)
            withExtendedLifetime(building) {}
        } catch {
            // The failure that matters is the one above.
            try? Files.removeTree(temporary)
            throw error
        }
        return try open(path)
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

    /// Everything that was looked at.
    var fingerprint: FileFingerprint { FileFingerprint(seen) }

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
    var etcNames: [String] { filesystem.etc + (network == .host ? ["resolv.conf", "hosts"] : []) }
}

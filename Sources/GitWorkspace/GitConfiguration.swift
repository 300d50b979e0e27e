// What git's configuration says for a repository, read once with the user's own files in force. Reading it
// runs nothing. No file of it was ever writable by an agent.

/// The settings in force for one repository, in git's order: a later one wins.
struct GitConfiguration: Equatable, Sendable {
    /// One line of `git config --list --show-scope`.
    struct Entry: Equatable, Sendable {
        /// `system`, `global`, `local`, `worktree` or `command`.
        let scope: String
        /// Section and name in lower case, the part between as written.
        let key: String
        let value: String
    }

    let entries: [Entry]

    /// Parses the output of `git config --list -z --show-scope`.
    init(listing: [UInt8]) {
        let parts = listing.nulSeparated
        var entries: [Entry] = []
        for index in stride(from: 0, to: parts.count - 1, by: 2) {
            let setting = parts[index + 1]
            let end = setting.firstIndex(of: UInt8(ascii: "\n")) ?? setting.endIndex
            // A name without `= value` means true.
            let value = end < setting.endIndex ? [UInt8](setting[(end + 1)...]).text : "true"
            entries.append(Entry(scope: parts[index].text, key: [UInt8](setting[..<end]).text, value: value))
        }
        self.entries = entries
    }

    /// The value in force.
    func value(_ key: String) -> String? { entries.last { $0.key == key }?.value }

    /// The settings in force among these keys, in the order of their names.
    func settings(among keys: Set<String>) -> [GitSetting] {
        keys.sorted().compactMap { key in value(key).map { GitSetting(key, $0) } }
    }

    /// The user's own settings that our commands take over, except where the repository has its own.
    var handedOn: [GitSetting] {
        let own = Set(entries.filter { $0.scope == "local" || $0.scope == "worktree" }.map(\.key))
        return settings(among: GitHardening.handedOn.subtracting(own)) + trustedDirectories
    }

    /// `safe.directory` of the user's and the system's files; an empty value resets the list, as in git.
    var trustedDirectories: [GitSetting] {
        entries.filter { $0.key == "safe.directory" && ($0.scope == "system" || $0.scope == "global") }
            .map { GitSetting("safe.directory", $0.value) }
    }

    /// Settings that switch off every driver the configuration defines.
    var withoutDrivers: [GitSetting] {
        var seen: Set<String> = []
        var settings: [GitSetting] = []
        for entry in entries {
            guard let (section, name) = Self.driver(entry.key), seen.insert("\(section).\(name)").inserted,
                let overrides = GitHardening.drivers[section]
            else { continue }
            settings += overrides.map { GitSetting("\(section).\(name).\($0.key)", $0.value) }
        }
        return settings
    }

    /// Settings that put something harmless in the place of every program that `git diff` is to run.
    ///
    /// The agent's `.gitattributes` choose among them, and one named by a relative path would be the agent's file.
    var withoutDiffPrograms: [GitSetting] {
        var seen: Set<String> = []
        return entries.compactMap { entry in
            guard entry.key.hasPrefix("diff."), seen.insert(entry.key).inserted else { return nil }
            let isDriver = entry.key.split(separator: ".").count > 2
            if isDriver && entry.key.hasSuffix(".textconv") { return GitSetting(entry.key, "cat") }
            if isDriver && entry.key.hasSuffix(".command") || entry.key == "diff.external" {
                return GitSetting(entry.key, GitHardening.plainDiff)
            }
            return nil
        }
    }

    /// Names of the merge drivers that are defined.
    var mergeDrivers: [String] {
        entries.compactMap { Self.driver($0.key) }.filter { $0.section == "merge" }.map(\.name)
    }

    /// Section and name of a key like `filter.lfs.clean`.
    private static func driver(_ key: String) -> (section: String, name: String)? {
        guard let first = key.firstIndex(of: "."), let last = key.lastIndex(of: "."), first < last else {
            return nil
        }
        let section = String(key[..<first])
        let variable = String(key[key.index(after: last)...])
        guard let known = GitHardening.drivers[section], known.contains(where: { $0.key == variable }) else {
            return nil
        }
        return (section, String(key[key.index(after: first)..<last]))
    }
}

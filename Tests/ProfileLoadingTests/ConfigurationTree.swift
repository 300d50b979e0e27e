// A user's home and a project in a directory of the test's own, with the loader that reads them.

import ClocheModel
import Glibc
import LinuxSystem
import Testing

@testable import ProfileLoading

/// Directories that go away with the test.
final class ConfigurationTree {
    let root: String
    var home: String { root + "/home" }
    var config: String { home + "/.config/cloche" }
    var project: String { root + "/project" }

    /// Files by path below the root: `user/...` is the user's configuration, `project/...` the project's
    /// `.cloche`.
    init(_ files: KeyValuePairs<String, String> = [:]) throws {
        var template = Array("/tmp/cloche-profiles-XXXXXX".utf8CString)
        let made = unsafe template.withUnsafeMutableBufferPointer { buffer in
            unsafe buffer.baseAddress.flatMap { unsafe mkdtemp($0) }.map { unsafe String(cString: $0) }
        }
        root = try #require(made)
        try Files.makeDirectories(home)
        try Files.makeDirectories(project + "/.cloche/profiles")
        for (path, text) in files { try write(path, text) }
    }

    deinit {
        do { try Files.removeTree(root) } catch { Issue.record("\(root) is left behind: \(error)") }
    }

    func path(_ name: String) -> String {
        if name.hasPrefix("user/") { return config + name.dropFirst(4) }
        if name.hasPrefix("project/") { return project + "/.cloche" + name.dropFirst(7) }
        return "\(root)/\(name)"
    }

    func write(_ name: String, _ text: String) throws {
        try Files.makeDirectories(path(name).parentPath)
        try Files.writeAtomically(path(name), Array(text.utf8))
    }

    func makeFIFO(_ name: String) throws {
        let path = self.path(name)
        try check("mkfifo", path) { unsafe mkfifo(path, 0o600) }
    }

    var loader: ProfileLoader {
        ProfileLoader(home: home, configDirectory: config, projectDirectory: project)
    }

    /// The error of a load, with the tree's own paths shortened to `user/...` and `project/...`.
    func failure(_ name: String? = nil, _ overrides: [String] = []) -> String {
        do throws(ClocheError) {
            let profile = try loader.load(name: name, overrides: overrides)
            return "no error, but profile \(profile.name)"
        } catch {
            return shorten(error.description)
        }
    }

    func shorten(_ text: String) -> String {
        replace(replace(replace(text, config, "user"), project + "/.cloche", "project"), root + "/", "")
    }

    private func replace(_ text: String, _ old: String, _ new: String) -> String {
        var result = ""
        var rest = text[...]
        while let character = rest.first {
            if rest.hasPrefix(old) {
                result += new
                rest = rest.dropFirst(old.count)
            } else {
                result.append(character)
                rest = rest.dropFirst()
            }
        }
        return result
    }
}

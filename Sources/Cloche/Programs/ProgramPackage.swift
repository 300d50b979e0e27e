// What a file of the host needs beside itself: the package it is a part of, and the interpreter that its first line
// names. Decided by what lies around it, not by which program it is.

internal import ClocheModel
internal import Learning
internal import LinuxSystem

/// The interpreter of a script.
enum Shebang: Equatable {
    /// `#!/path`.
    case path(String)
    /// `#!/usr/bin/env NAME`: looked for in PATH.
    case name(String)

    /// As many bytes as the kernel reads (`BINPRM_BUF_SIZE`).
    static let length = 256

    /// From the first bytes of a file; nil for what is no script.
    init?(_ head: [UInt8]) {
        guard head.starts(with: [0x23, 0x21]) else { return nil }
        let line = head.dropFirst(2).prefix { $0 != UInt8(ascii: "\n") && $0 != 0 }
        var words = String(decoding: line, as: UTF8.self).split { $0 == " " || $0 == "\t" || $0 == "\r" }
        guard let first = words.first, first.hasPrefix("/") else { return nil }
        guard String(first).lastComponent == "env" else {
            self = .path(String(first))
            return
        }
        words.removeFirst()
        // `env -S NAME ...`, and settings before the name.
        words = Array(words.drop { $0.hasPrefix("-") || $0.contains("=") })
        guard let name = words.first else { return nil }
        self = name.hasPrefix("/") ? .path(String(name)) : .name(String(name))
    }
}

/// What belongs to a file.
struct ProgramPackage {
    let tree: HostTree
    let search: ProgramSearch
    /// The user's; without links, once that is known.
    var home: String
    /// Files that the profile knows to be credentials.
    let credentials: [String]

    /// The paths to bring in for a file without links: one directory as a rule, or the file alone.
    func parts(of real: String) -> [String] {
        if let directory = nodePackage(real) { return [directory] }
        if let directory = environment(real) { return [directory] }
        if let parts = search.package(of: real) { return parts.filter { tree.status($0) != nil } }
        if let directory = pythonInstallation(real) { return [directory] }
        if let directory = describedPackage(real) { return [directory] }
        return [real]
    }

    /// Below `node_modules`: the package, or all of them where packages share what they need.
    private func nodePackage(_ real: String) -> String? {
        let names = real.split(separator: "/")
        guard let index = names.firstIndex(of: "node_modules"), index + 1 < names.count else { return nil }
        var count = index + 1
        // A global prefix of npm, where each package has its own.
        if index > 0, names[index - 1] == "lib" { count += names[index + 1].hasPrefix("@") ? 2 : 1 }
        return count < names.count ? "/" + names.prefix(count).joined(separator: "/") : nil
    }

    /// The Python environment that a path in its `bin` belongs to.
    func environment(_ path: String) -> String? {
        let directory = path.parentPath.parentPath
        guard path.parentPath.lastComponent == "bin", tree.status(directory + "/pyvenv.cfg") != nil else {
            return nil
        }
        return directory
    }

    /// Where the interpreter is that an environment was made with: `home` of `pyvenv.cfg`.
    func basePython(of environment: String) -> String? {
        for line in tree.lines(environment + "/pyvenv.cfg") {
            let words = line.split(separator: "=", maxSplits: 1).map { $0.filter { $0 != " " } }
            if words.count == 2, words[0] == "home", words[1].hasPrefix("/") { return words[1] }
        }
        return nil
    }

    /// An interpreter of Python needs its library, which lies beside its `bin`.
    private func pythonInstallation(_ real: String) -> String? {
        guard real.lastComponent.hasPrefix("python"), real.parentPath.lastComponent == "bin" else {
            return nil
        }
        let directory = real.parentPath.parentPath
        return tree.names(directory + "/lib").contains { $0.hasPrefix("python") } ? directory : nil
    }

    /// A script in a directory of its own with a `package.json`, as `npm link` leaves them.
    private func describedPackage(_ real: String) -> String? {
        guard Shebang(tree.head(real, Shebang.length)) != nil else { return nil }
        var directory = real.parentPath
        for _ in 0..<3 where directory != "/" && !home.isWithin(directory) {
            if tree.status(directory + "/package.json") != nil { return directory }
            directory = directory.parentPath
        }
        return nil
    }

    /// Directories of a home that hold things of all kinds.
    private static let mixed: Set<String> = [
        ".local", ".local/bin", ".local/lib", ".local/share", ".local/state", ".config", ".cache", "bin",
        "Desktop", "Documents", "Downloads", "src", "projects", "work",
    ]

    /// Refuses a directory that has more in it than a program.
    func judgeWhole(_ directory: String, writable: [String]) throws(ProgramRefusal) {
        let belowHome = directory.isWithin(home) ? String(directory.dropFirst(home.utf8.count + 1)) : ""
        if SensitivePath.isBroad(directory, home: home) || Self.mixed.contains(belowHome) {
            throw ProgramRefusal(path: directory, why: "\(directory) holds much besides a program")
        }
        if let file = credentials.first(where: { $0.isWithin(directory) }) {
            throw ProgramRefusal(path: directory, why: "\(directory) holds credentials (\(file))")
        }
        let names = [directory.lastComponent] + tree.names(directory)
        if let name = names.first(where: { SensitivePath.isCredential($0) }) {
            throw ProgramRefusal(path: directory, why: "\(directory) may hold credentials (\(name))")
        }
        if let place = writable.first(where: { $0.isWithin(directory) }) {
            throw ProgramRefusal(path: directory, why: "agents can write in \(place)")
        }
    }
}

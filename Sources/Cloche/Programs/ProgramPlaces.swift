// Where programs are installed that are not the system's: a table of package managers and version managers. The order
// is that of the search, after PATH.

/// What one package manager makes below its root.
struct ProgramPrefix: Sendable {
    /// Variables that name the root; the first that is set wins.
    var variables: [String] = []
    /// Where it is otherwise; `~` is the user's home.
    var roots: [String]
    /// Directories of programs below the root; `*` stands for every name there, the newest version first, and
    /// `{program}` for the name that is looked for.
    var programs: [String]
    /// Directories in PATH whose programs only choose among those above: they need all of the manager to do so.
    var shims: [String] = []
    /// What belongs together: whoever needs something below `tree` needs `parts`, or if nil the tree.
    var packages: [(tree: String, parts: [String]?)] = []
}

/// The table.
enum ProgramPlaces {
    static let prefixes: [ProgramPrefix] = [
        // What installers of single programs make: a program or a link in one of these.
        ProgramPrefix(
            roots: ["~"],
            programs: [
                ".local/bin", "bin", ".{program}/bin", ".{program}/local/node_modules/.bin",
                "node_modules/.bin",
            ]
        ),
        // npm has further roots: the `prefix` of ~/.npmrc.
        ProgramPrefix(
            variables: ["NPM_CONFIG_PREFIX", "npm_config_prefix"],
            roots: ["~/.npm-global"],
            programs: ["bin"]
        ),
        ProgramPrefix(
            variables: ["UV_TOOL_DIR"],
            roots: ["~/.local/share/uv/tools"],
            programs: ["*/bin"]
        ),
        ProgramPrefix(
            variables: ["PIPX_HOME"],
            roots: ["~/.local/share/pipx", "~/.local/pipx"],
            programs: ["venvs/*/bin"]
        ),
        ProgramPrefix(
            variables: ["NVM_DIR"],
            roots: ["~/.nvm", "~/.config/nvm"],
            programs: ["versions/node/*/bin"]
        ),
        ProgramPrefix(
            variables: ["FNM_DIR"],
            roots: ["~/.local/share/fnm"],
            programs: ["node-versions/*/installation/bin"]
        ),
        ProgramPrefix(
            variables: ["VOLTA_HOME"],
            roots: ["~/.volta"],
            programs: [
                "tools/image/packages/*/bin", "tools/image/packages/*/*/bin", "tools/image/node/*/bin",
            ],
            shims: ["bin"]
        ),
        ProgramPrefix(
            variables: ["BUN_INSTALL"],
            roots: ["~/.bun"],
            programs: ["bin"]
        ),
        ProgramPrefix(variables: ["DENO_INSTALL_ROOT"], roots: ["~/.deno"], programs: ["bin"]),
        ProgramPrefix(variables: ["CARGO_HOME"], roots: ["~/.cargo"], programs: ["bin"]),
        ProgramPrefix(
            variables: ["PYENV_ROOT"],
            roots: ["~/.pyenv"],
            programs: ["versions/*/bin"],
            shims: ["shims"]
        ),
        ProgramPrefix(
            variables: ["MISE_DATA_DIR"],
            roots: ["~/.local/share/mise"],
            programs: ["installs/*/*/bin"],
            shims: ["shims"],
            packages: [("installs/*/*", nil)]
        ),
        ProgramPrefix(
            variables: ["ASDF_DATA_DIR"],
            roots: ["~/.asdf"],
            programs: ["installs/*/*/bin"],
            shims: ["shims"],
            packages: [("installs/*/*", nil)]
        ),
        ProgramPrefix(
            variables: ["HOMEBREW_PREFIX"],
            roots: ["/home/linuxbrew/.linuxbrew", "~/.linuxbrew"],
            programs: ["bin"],
            // Its programs name each other's libraries through `opt` and `lib`; `etc` has settings of all kinds.
            packages: [("Cellar", ["Cellar", "opt", "lib", "etc/openssl@3", "etc/ca-certificates"])]
        ),
    ]

    /// The variables of the host that are asked for.
    static var variables: [String] { prefixes.flatMap(\.variables) }
}

/// The table as it is for one user.
struct ProgramSearch {
    let tree: HostTree
    let home: String
    let variable: (String) -> String?

    /// The directories of PATH.
    var path: [String] {
        (variable("PATH") ?? "").split(separator: ":").filter { $0.hasPrefix("/") }.map { directory in
            var directory = directory
            while directory.utf8.count > 1 && directory.hasSuffix("/") { directory.removeLast() }
            return String(directory)
        }
    }

    /// Whether the programs of a directory only choose among others.
    func isShims(_ directory: String) -> Bool {
        ProgramPlaces.prefixes.contains { prefix in
            !prefix.shims.isEmpty
                && roots(prefix).contains { root in prefix.shims.contains { "\(root)/\($0)" == directory } }
        }
    }

    /// The directories of the table that are there and may hold a program.
    func directories(for program: String) -> [String] {
        ProgramPlaces.prefixes.flatMap { prefix in
            let patterns = prefix.programs.map { pattern in
                pattern.split(separator: "/").map { $0 == ".{program}" ? "." + program : String($0) }
            }
            return roots(prefix).flatMap { root in patterns.flatMap { expand(root, $0[...]) } }
        }
    }

    /// What belongs to a file by the table; nil for what no package manager of it made.
    func package(of real: String) -> [String]? {
        for prefix in ProgramPlaces.prefixes where !prefix.packages.isEmpty {
            for root in roots(prefix) where real.isWithin(root) {
                for (pattern, parts) in prefix.packages {
                    let names = real.dropFirst(root.utf8.count + 1).split(separator: "/")
                    let wanted = pattern.split(separator: "/")
                    guard names.count > wanted.count,
                        zip(names, wanted).allSatisfy({ $1 == "*" || $0 == $1 })
                    else { continue }
                    if let parts { return parts.map { "\(root)/\($0)" } }
                    return ["\(root)/\(names.prefix(wanted.count).joined(separator: "/"))"]
                }
            }
        }
        return nil
    }

    /// Where a manager's root is; nowhere without a home.
    private func roots(_ prefix: ProgramPrefix) -> [String] {
        var roots: [String] = []
        if let named = prefix.variables.lazy.compactMap(variable).first(where: { $0.hasPrefix("/") }) {
            roots.append(named)
        }
        if prefix.variables.contains("NPM_CONFIG_PREFIX"), let named = npmPrefix { roots.append(named) }
        for root in prefix.roots where !root.hasPrefix("~") || home != "/" {
            roots.append(root.hasPrefix("~") ? home + root.dropFirst() : root)
        }
        return roots
    }

    /// `prefix = DIRECTORY` of ~/.npmrc; nothing else of that file is used.
    private var npmPrefix: String? {
        guard home != "/" else { return nil }
        for line in tree.lines(home + "/.npmrc") {
            let words = line.split(separator: "=", maxSplits: 1).map { $0.filter { !" \t\"'".contains($0) } }
            guard words.count == 2, words[0] == "prefix" else { continue }
            for name in ["~", "${HOME}", "$HOME"] where words[1].hasPrefix(name + "/") {
                return home + words[1].dropFirst(name.count)
            }
            return words[1].hasPrefix("/") ? words[1] : nil
        }
        return nil
    }

    /// The directories that a pattern names and that are there.
    private func expand(_ root: String, _ pattern: ArraySlice<String>) -> [String] {
        guard let first = pattern.first else { return [root] }
        let rest = pattern.dropFirst()
        guard first == "*" else { return expand("\(root)/\(first)", rest) }
        return tree.names(root).sorted { Self.isNewer($0, $1) }.flatMap { expand("\(root)/\($0)", rest) }
    }

    /// Whether a name has the higher version: numbers in it count as numbers, `v22.1.0` above `v9.9`.
    static func isNewer(_ one: String, _ other: String) -> Bool {
        let (one, other) = (pieces(one), pieces(other))
        for (left, right) in zip(one, other) where left != right {
            if let left = Int(left), let right = Int(right) {
                if left != right { return left > right }
                continue
            }
            return left > right
        }
        return one.count > other.count
    }

    /// Digits and what is between them, apart.
    private static func pieces(_ name: String) -> [String] {
        var pieces: [String] = []
        var wasNumber: Bool?
        for character in name {
            let isNumber = character.isASCII && character.isNumber
            if isNumber == wasNumber, let last = pieces.indices.last {
                pieces[last].append(character)
            } else {
                pieces.append(String(character))
            }
            wasNumber = isNumber
        }
        return pieces
    }
}

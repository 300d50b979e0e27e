// Changes that do more than change text: files which a program of the user's runs or obeys later, links that
// lead out of the tree, and nested repositories. The table is data; a new tool is one line there.

internal import ClocheModel
internal import LinuxSystem

/// A change that deserves a look before it is merged.
package struct DiffWarning: Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
        /// A program obeys this file when it is used in the checkout.
        case obeyed(by: String)
        /// A symbolic link that leads out of the tree.
        case linkOutside(target: String)
        /// Another repository's commit under this path.
        case nestedRepository
    }

    /// The path below the root of the checkout.
    package let path: String
    package let kind: Kind

    /// One line, safe to print.
    package var text: String {
        switch kind {
        case .obeyed(let program): "\(path.visible): \(program) runs or obeys it"
        case .linkOutside(let target): "\(path.visible): a link out of the tree, to \(target.visible)"
        case .nestedRepository: "\(path.visible): a commit of another repository (submodule)"
        }
    }

    /// Links of a diff that are looked at; more than this in one change is itself unusual.
    private static let linkLimit = 1000

    /// The warnings of a list of changes, in its order.
    static func all(in changes: [FileChange], of repository: GitRepository) throws(ClocheError)
        -> [DiffWarning]
    {
        var warnings: [DiffWarning] = []
        var links = 0
        for change in changes where !change.isDeleted {
            let path = change.path.text
            if let program = ObeyedFiles.program(obeying: path) {
                warnings.append(DiffWarning(path: path, kind: .obeyed(by: program)))
            }
            if change.newMode == "160000" {
                warnings.append(DiffWarning(path: path, kind: .nestedRepository))
            }
            if change.newMode == "120000", links < linkLimit {
                links += 1
                let target = try repository.blob(change.newObject).text
                if leadsOutside(target, from: path) {
                    warnings.append(DiffWarning(path: path, kind: .linkOutside(target: target)))
                }
            }
        }
        return warnings
    }

    /// Whether a link at a path below the root leads above it, by its text alone.
    static func leadsOutside(_ target: String, from path: String) -> Bool {
        if target.utf8.first == UInt8(ascii: "/") { return true }
        var depth = path.pathComponents.count - 1
        for part in target.pathComponents where part != "." {
            depth += part == ".." ? -1 : 1
            if depth < 0 { return true }
        }
        // Through `.git` of the main checkout a link reaches what no commit may hold.
        return target.pathComponents.contains { $0.lowercased() == ".git" }
    }
}

/// Files that programs on the user's side run or obey, by path.
enum ObeyedFiles {
    /// A pattern is a name at any depth (`.envrc`), or a directory with everything below it (`.husky/`).
    static let table: [(pattern: String, program: String)] = [
        (".gitattributes", "git"), (".gitmodules", "git"), (".gitconfig", "git"), (".lfsconfig", "git-lfs"),
        (".githooks/", "git"), (".husky/", "git (husky)"), (".pre-commit-config.yaml", "pre-commit"),
        ("lefthook.yml", "lefthook"), ("lefthook.yaml", "lefthook"), (".envrc", "direnv"),
        (".mise.toml", "mise"),
        ("mise.toml", "mise"), (".vscode/", "VS Code"), (".idea/", "JetBrains IDEs"), (".zed/", "Zed"),
        (".devcontainer/", "dev containers"), (".exrc", "vim"), (".vimrc", "vim"), (".nvim.lua", "neovim"),
        (".dir-locals.el", "emacs"), (".mcp.json", "agent programs (MCP servers)"),
        (".claude/", "Claude Code"),
        (".cursor/", "Cursor"), (".gemini/", "Gemini CLI"), (".codex/", "Codex"), (".opencode/", "opencode"),
        ("opencode.json", "opencode"), (".aider.conf.yml", "aider"), (".cloche/", "cloche"),
        (".github/workflows/", "GitHub Actions"), (".gitlab-ci.yml", "GitLab CI"), (".npmrc", "npm"),
        (".yarnrc.yml", "yarn"), (".cargo/", "cargo"), (".ci/", "CI"),
    ]

    /// The program that obeys a file; nil for most.
    ///
    /// Letter case does not count: a file system may not know it.
    static func program(obeying path: String) -> String? {
        let parts = path.pathComponents.map { $0.lowercased() }
        return table.first { entry in
            let wanted = entry.pattern.lowercased().pathComponents
            guard entry.pattern.hasSuffix("/") else { return parts.last == wanted.last }
            return parts.indices.contains { start in
                start + wanted.count < parts.count && Array(parts[start..<(start + wanted.count)]) == wanted
            }
        }?.program
    }
}

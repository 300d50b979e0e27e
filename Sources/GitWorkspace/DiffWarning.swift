// Changes that do more than change text: files which a program of the user's runs or obeys later, links that
// lead out of the tree, and nested repositories. Which files those are is in the agent's profile: `filesystem.protect`.

internal import ClocheModel
internal import LinuxSystem

/// A change that deserves a look before it is merged.
package struct DiffWarning: Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
        /// Programs obey this file when they are used in the checkout: an entry of `filesystem.protect`.
        case protected(by: String, isDeleted: Bool)
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
        case .protected(let name, let isDeleted):
            "\(path.visible): \(isDeleted ? "deleted; " : "")programs of yours run or obey it (\(name.visible))"
        case .linkOutside(let target): "\(path.visible): a link out of the tree, to \(target.visible)"
        case .nestedRepository: "\(path.visible): a commit of another repository (submodule)"
        }
    }

    /// Whether the path is one that the profile protects.
    package var isProtected: Bool {
        if case .protected = kind { true } else { false }
    }

    /// Links of a diff that are looked at; more than this in one change is itself unusual.
    private static let linkLimit = 1000

    /// The warnings of a list of changes, in its order.
    static func all(
        in changes: [FileChange],
        of repository: GitRepository,
        protecting names: [ProtectedName]
    ) throws(ClocheError) -> [DiffWarning] {
        var warnings: [DiffWarning] = []
        var links = 0
        for change in changes {
            let path = change.path.text
            let folded = ProtectedName.FoldedPath(path)
            if let name = names.first(where: { $0.covers(folded) }) {
                let kind = Kind.protected(by: name.text, isDeleted: change.isDeleted)
                warnings.append(DiffWarning(path: path, kind: kind))
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

// `extends:` followed to its end. A profile's own files (built-in, user's, project's) make one link; the
// highest of them that says so decides what the link extends.

internal import ClocheModel
internal import StructuredText

struct ProfileChain {
    /// One profile of the chain.
    struct Link {
        let name: String
        let parts: [ProfilePart]
        /// Whether it is a file named on the command line, which stands above all configuration.
        let isFile: Bool
    }

    /// `base` first.
    private(set) var links: [Link] = []
    private(set) var diagnostics: [Diagnostic] = []

    /// Follows the chain of a profile, or of a file if the name has a slash or ends in `.yaml`.
    init(_ name: String, _ library: inout ProfileLibrary) throws(ClocheError) {
        var link = try ProfileChain.start(name, &library)
        while true {
            links.insert(link, at: 0)
            guard let extended = parent(of: link) else { return }
            if links.contains(where: { $0.name == extended.name && !$0.isFile }) {
                let names = links.map(\.name).reversed() + [extended.name]
                let round = names.joined(separator: " > ")
                diagnostics.append(Diagnostic(extended.place, "a profile cannot extend itself: \(round)"))
                return
            }
            let before = library.diagnostics.count
            let parts = library.parts(of: extended.name)
            guard !parts.isEmpty || library.diagnostics.count > before else {
                let hint = Suggestion.hint(extended.name, library.names().map(\.name))
                let message = "there is no profile `\(extended.name)` to extend\(hint)"
                diagnostics.append(Diagnostic(extended.place, message))
                return
            }
            link = Link(name: extended.name, parts: parts, isFile: false)
        }
    }

    private func parent(of link: Link) -> (name: String, place: String)? {
        for part in link.parts.reversed() {
            if let (name, position) = part.extends { return (name, part.source.text(position)) }
        }
        return link.name == ProfileLoader.rootProfile && !link.isFile
            ? nil : (ProfileLoader.rootProfile, link.name)
    }

    private static func start(_ name: String, _ library: inout ProfileLibrary) throws(ClocheError) -> Link {
        if name.contains("/") || name.hasSuffix(".yaml") {
            return try file(name, &library)
        }
        let before = library.diagnostics.count
        let parts = TextForm.profileName.accepts(name) ? library.parts(of: name) : []
        guard !parts.isEmpty || library.diagnostics.count > before else {
            let near = Suggestion.nearest(to: name, in: library.names().map(\.name))
            throw ClocheError(
                .notFound,
                "there is no profile `\(name)`",
                remedy: (near.map { "did you mean `\($0)`? " } ?? "") + "`cloche profile list` lists them all"
            )
        }
        return Link(name: name, parts: parts, isFile: false)
    }

    private static func file(_ path: String, _ library: inout ProfileLibrary) throws(ClocheError) -> Link {
        let before = library.diagnostics.count
        let part = library.readFile(path, .profileOption)
        guard part != nil || library.diagnostics.count > before else {
            throw ClocheError(
                .notFound,
                "there is no profile file \(path)",
                remedy: "`--profile` takes a profile's name, or the path of a YAML file"
            )
        }
        var name = path[...]
        if let slash = name.lastIndex(of: "/") { name = name[name.index(after: slash)...] }
        if name.hasSuffix(".yaml") { name = name.dropLast(5) }
        return Link(name: String(name), parts: part.map { [$0] } ?? [], isFile: true)
    }
}

// What no single value shows: paths that contradict each other, a place that Cloche itself fills, a limit that
// another one makes useless. Called after the merge, because one layer's value may be made right by another's.

internal import ClocheModel
internal import NetworkRules
internal import SyscallFilter

extension MergedSettings {
    /// Files of /etc that are made for each agent.
    static let generatedNames = [
        "passwd", "group", "hosts", "hostname", "resolv.conf", "nsswitch.conf", "machine-id",
    ]
    /// Places that Cloche fills, with all that is below them.
    private static let ownTrees = ["/proc", "/sys", "/dev", "/run/cloche"]
    /// Places that Cloche fills; below them there may be binds.
    private static let ownPlaces = [
        "/", "/home", PathExpansion.agentHome, "/workspace", "/tmp", "/run", "/etc",
    ]

    /// Everything that contradicts itself in the effective profile.
    func inconsistencies(_ document: Document) -> [Diagnostic] {
        let filesystem = document["filesystem"] ?? .map([])
        let system = filesystem["system"]?.stringList ?? []
        var found = problems(filesystem, "writable") { path in
            let above = ["/etc", "/var", "/usr", "/opt"] + system
            return above.contains { MergedSettings.isBelow(path.string ?? "", $0) }
                ? nil : "is not below /etc, /var, /usr, /opt or a directory of `filesystem.system`"
        }
        found += problems(filesystem, "system") {
            MergedSettings.isOwn($0.string ?? "") ? "is Cloche's own" : nil
        }
        found += problems(filesystem, "etc") { name in
            MergedSettings.generatedNames.contains(name.string ?? "") ? "is made for each agent" : nil
        }
        found += problems(filesystem, "binds") { bind in
            MergedSettings.isOwn(bind["target"]?.string ?? "") ? "has a target that is Cloche's own" : nil
        }
        let definitions = document.value(at: SyscallPolicy.definitionsPath)
        found += problems(document["syscalls"] ?? .map([]), "groups", in: "syscalls") { name in
            let name = name.string ?? ""
            let isThere = SyscallTable.builtInGroups.contains(name) || definitions?[name] != nil
            return isThere ? nil : "is no group\(Suggestion.hint(name, SyscallTable.builtInGroups))"
        }
        for key in ["allow", "deny"] {
            found += problems(document["syscalls"] ?? .map([]), key, in: "syscalls") { name in
                let name = name.string ?? ""
                if SyscallNumbers.knows(name) { return nil }
                return "is no system call\(Suggestion.hint(name, SyscallNumbers.all.map(\.name)))"
            }
        }
        let services = document["services"] ?? .map([])
        let known = (services.entries ?? []).map(\.key)
        found += problems(document, "credentials", in: "") { credential in
            guard let name = credential["service"]?.string else { return nil }
            let fields = (services[name]?["headers"]?.entries ?? []).compactMap(\.value.string)
            let showsKey = fields.contains { $0.contains("{key}") || $0.contains("{basic ") }
            // One of the user's replaces a built-in one of the name as a whole.
            if services[name] != nil, !showsKey, credential["public"]?.bool != true {
                return "names `\(name)`, whose `headers` show no key: none has `{key}` or `{basic USER}`"
            }
            if credential["intercept"]?.bool == true, let url = services[name]?["url"]?.string,
                let problem = Self.interceptionProblem(url)
            {
                return "cannot `intercept` \(name): \(problem)"
            }
            if let service = services[name], credential["login"] != nil, service["login"] == nil {
                return "has a login for `\(name)`, which says not how one is renewed: it has no `login`"
            }
            guard services[name] == nil else { return nil }
            return "names `\(name)`, which is none of `services`\(Suggestion.hint(name, known))"
        }
        for (name, service) in (services.entries ?? []).map({ ($0.key, $0.value) }) {
            let lost = (service["links"]?.stringList ?? []).filter { services[$0] == nil }
            found += lost.map {
                Diagnostic("services", "`services.\(name).links`: `\($0)` is none of `services`")
            }
        }
        found += bundleProblems(document)
        found += approvalProblems(document)
        for section in ["limits", "project.limits"] { found += softLimitProblem(document, section) }
        return found
    }

    /// Why a gateway cannot answer inside in the place of what is at an URL.
    private static func interceptionProblem(_ url: String) -> String? {
        // One that is none was told when it was read.
        guard let url = try? ServiceURL(url) else { return nil }
        guard url.usesTLS else { return "its `url` is without TLS" }
        guard case .name = url.destination.host else { return "its `url` has an address and no name" }
        return nil
    }

    /// A soft limit on memory that does nothing: the kernel slows down beyond it, and kills before or there.
    ///
    /// No other two limits contradict each other. The kernel holds `swap` without `memory`, too: it counts the two
    /// apart, and `swap: 0` alone keeps an agent's memory off the disk. And an agent's limit above its project's is
    /// what `base` has for everybody: the smaller one holds.
    private func softLimitProblem(_ document: Document, _ section: String) -> [Diagnostic] {
        let values = document.value(at: section.split(separator: ".").map(String.init))
        guard let soft = values?["memory-high"], let hard = values?["memory"],
            let high = soft.bytes, let most = hard.bytes, high >= most
        else { return [] }
        let origins = ["memory-high", "memory"].compactMap { item("\(section).\($0)")?.origins.last }
        // Of the two, the one set last is the one to think about; where a file has both, the soft one.
        let latest = origins.last.flatMap { last in origins.first.map { $0.layer < last.layer ? last : $0 } }
        return [
            Diagnostic(
                latest?.description ?? section,
                "`\(section).memory-high`: \(Document.inline(soft)) is not below `\(section).memory` "
                    + "(\(Document.inline(hard))), so that the agent would be killed before it is slowed down",
                remedy: "lower `\(section).memory-high`, or take it away with `none`"
            )
        ]
    }

    /// The texts of the groups of system calls that are not built in.
    func definitions(_ library: inout ProfileLibrary) -> [Document.Entry] {
        let names = item("syscalls.groups")?.value?.stringList ?? []
        return names.filter { !SyscallTable.builtInGroups.contains($0) }.compactMap { name in
            let before = library.diagnostics.count
            let text = library.group(name)
            // One mistake in a group's file is enough: it is not missing as well.
            if text == nil && library.diagnostics.count == before { return nil }
            return Document.Entry(name, .string(text ?? ""))
        }
    }

    func problems(
        _ values: Document,
        _ name: String,
        in section: String = "filesystem",
        _ judge: (Document) -> String?
    ) -> [Diagnostic] {
        let key = section.isEmpty ? name : "\(section).\(name)"
        let origins = item(key)?.itemOrigins ?? []
        return (values[name]?.list ?? []).enumerated().compactMap { index, value in
            guard let problem = judge(value) else { return nil }
            let place = index < origins.count ? origins[index].description : key
            return Diagnostic(place, "`\(key)`: \(Document.inline(value)) \(problem)")
        }
    }

    private static func isOwn(_ path: String) -> Bool {
        ownPlaces.contains(path) || ownTrees.contains { isBelow(path, $0) }
    }

    private static func isBelow(_ path: String, _ directory: String) -> Bool {
        path == directory || path.hasPrefix(directory + "/")
    }
}

// Bundles: the hosts of a service under one word. Files profiles/network/NAME.yaml, built in, of the user's
// (`network/NAME.yaml` of the configuration, which stands above a built-in one) or of a trusted project's. A stored
// profile names built-in ones and holds the text of others.

package import ClocheModel
internal import NetworkRules
internal import StructuredText

/// What is wrong with a bundle's file.
struct BundleError: Error {
    let diagnostics: [Diagnostic]
}

/// A named list of entries for `network.allow`.
struct NetworkBundle: Equatable {
    /// What it is for, in one line.
    private(set) var summary = ""
    /// Its entries as a document has them, each with its line.
    private(set) var items: [(item: Document, line: Int)] = []

    /// The names of the built-in ones.
    static let builtIn = embeddedNetworkBundles.map {
        String($0.path.dropFirst("network/".count).dropLast(".yaml".count))
    }

    static func == (first: NetworkBundle, second: NetworkBundle) -> Bool {
        first.summary == second.summary && first.items.map(\.item) == second.items.map(\.item)
    }

    /// Reads a bundle's file; the error names the places in `file`.
    init(_ text: String, file: String) throws(BundleError) {
        let root: LocatedNode
        do throws(StructuredTextError) {
            root = try YAMLText.parse(text, file: file)
        } catch { throw BundleError(diagnostics: [Diagnostic(error)]) }
        let source = SettingSource(layer: .profileOption, place: file, isUntrusted: false)
        var reader = ValueReader(source: source, hostHome: "/")
        if case .map(let entries) = root.value {
            for entry in entries { read(entry, &reader) }
        } else {
            reader.complain(at: root.position, "a bundle must be a map of keys")
        }
        if !reader.diagnostics.isEmpty { throw BundleError(diagnostics: reader.diagnostics) }
    }

    private mutating func read(_ entry: LocatedNode.Entry, _ reader: inout ValueReader) {
        switch entry.key {
        case "description": summary = reader.read(entry.value, as: .text(.line), key: entry.key)?.string ?? ""
        case "allow":
            guard case .list(let nodes) = entry.value.value else {
                return reader.complain(at: entry.value.position, "`allow` must be a list")
            }
            for node in nodes {
                guard let item = reader.readNetworkRule(node, denies: false, key: "allow") else { continue }
                if let name = item.string, NetworkRule.isBundle(name) {
                    reader.complain(at: node.position, "`\(name)`: a bundle has hosts, and no other bundles")
                }
                items.append((item, node.position.line))
            }
        default:
            reader.complain(
                at: entry.keyPosition,
                "unknown key `\(entry.key)`; a bundle has description, allow"
            )
        }
    }

    /// The bundle of that name, out of a stored profile's definitions or built in; nil if there is none.
    ///
    /// Both were checked: the built-in ones by a test, the others when they were read.
    init?(_ name: String, definitions: Document?) {
        let builtIn = embeddedNetworkBundles.first { $0.path == "network/\(name).yaml" }?.text
        guard let text = definitions?[name]?.string ?? builtIn else { return nil }
        // Whoever gets here with a text that is no bundle has seen the error already.
        guard let bundle = try? NetworkBundle(text, file: name) else { return nil }
        self = bundle
    }
}

extension NetworkSettings {
    /// Where a stored profile has the texts of bundles that are not built in; no file of a profile has this key.
    static let definitionsKey = "definitions"
    /// Where a stored profile has the places of the entries of `allow` and `deny`; no file of a profile has this key.
    static let originsKey = "origins"
    static let listKeys = ["allow", "deny"]

    /// The bundles that the lists of a section name, each once.
    static func bundleNames(in section: Document) -> [String] {
        let items = listKeys.flatMap { section[$0]?.list ?? [] }
        var names: [String] = []
        for name in items.compactMap(\.string) where NetworkRule.isBundle(name) && !names.contains(name) {
            names.append(name)
        }
        return names
    }

    /// The settings of a document's section.
    init(checked document: Document) {
        self.init(
            mode: document["mode"]?.string.flatMap { NetworkMode(rawValue: $0) } ?? .none,
            allow: Self.entries(document, "allow"),
            deny: Self.entries(document, "deny"),
            dnsServers: document.value(at: ["dns", "servers"])?.stringList ?? [],
            upstreamProxy: document["upstream-proxy"]?.string.flatMap { $0 == "none" ? nil : $0 },
            proxyVariables: document["proxy-variables"]?.bool ?? true,
            allowsHiddenNames: document["hidden-names"]?.string == "allow"
        )
    }

    /// The entries of a list, bundles replaced by theirs.
    private static func entries(_ document: Document, _ key: String) -> [NetworkEntry] {
        let origins = document.value(at: [originsKey, key])?.stringList ?? []
        let denies = key == "deny"
        var entries: [NetworkEntry] = []
        for (index, item) in (document[key]?.list ?? []).enumerated() {
            let origin = index < origins.count ? origins[index] : nil
            guard let name = item.string, NetworkRule.isBundle(name) else {
                entries.append(NetworkEntry(checked: item, denies: denies, origin: origin))
                continue
            }
            for (item, line) in NetworkBundle(name, definitions: document[definitionsKey])?.items ?? [] {
                let place = "bundle \(name), line \(line)" + (origin.map { ", named by \($0)" } ?? "")
                var entry = NetworkEntry(checked: item, denies: false, origin: place)
                if denies { entry = NetworkEntry(entry.target, origin: place) }
                entries.append(entry)
            }
        }
        return entries
    }
}

extension MergedSettings {
    /// What a document has besides its keys: the texts of bundles that are not built in, and where entries come from.
    ///
    /// `stored` are those of a document that was read again; they hold where nothing has changed.
    func networkAdditions(
        _ definitions: [Document.Entry],
        stored: Document? = nil
    ) -> [Document.Entry] {
        var additions: [Document.Entry] = []
        if !definitions.isEmpty {
            additions.append(Document.Entry(NetworkSettings.definitionsKey, .map(definitions)))
        }
        let origins = NetworkSettings.listKeys.compactMap { key -> Document.Entry? in
            guard let item = item("network.\(key)"), !item.itemOrigins.isEmpty else { return nil }
            let before = stored?[key]?.stringList ?? []
            let texts = item.itemOrigins.enumerated().map { index, origin in
                origin.place == StoredProfile.place && index < before.count ? before[index] : "\(origin)"
            }
            return Document.Entry(key, .strings(texts))
        }
        if !origins.isEmpty { additions.append(Document.Entry(NetworkSettings.originsKey, .map(origins))) }
        return additions
    }

    /// The texts of the bundles that are not built in, or that the user has one of the same name for.
    ///
    /// Those of `known` names hold already, whatever has become of their files.
    func bundles(_ library: inout ProfileLibrary, besides known: [String] = []) -> [Document.Entry] {
        var texts: [Document.Entry] = []
        for name in bundleNames() where !known.contains(name) {
            let before = library.diagnostics.count
            let text = library.bundle(name, isBuiltIn: NetworkBundle.builtIn.contains(name))
            // One mistake in a bundle's file is enough: it is not missing as well.
            if text == nil && library.diagnostics.count == before { continue }
            texts.append(Document.Entry(name, .string(text ?? "")))
        }
        return texts
    }

    /// The bundles that the lists name, each once.
    private func bundleNames() -> [String] {
        let lists = NetworkSettings.listKeys.map { Document.Entry($0, item("network.\($0)")?.value ?? .null) }
        return NetworkSettings.bundleNames(in: .map(lists))
    }

    /// Bundles that are not there, and definitions that are none.
    func bundleProblems(_ document: Document) -> [Diagnostic] {
        let network = document["network"] ?? .map([])
        let definitions = network[NetworkSettings.definitionsKey]
        var found: [Diagnostic] = []
        for key in NetworkSettings.listKeys {
            found += problems(network, key, in: "network") { item in
                guard let name = item.string, NetworkRule.isBundle(name),
                    !NetworkBundle.builtIn.contains(name),
                    definitions?[name] == nil
                else { return nil }
                let known = NetworkBundle.builtIn + (definitions?.entries ?? []).map(\.key)
                return
                    "is no bundle\(Suggestion.hint(name, known)) (a host is written with its port: `\(name):443`)"
            }
        }
        for definition in definitions?.entries ?? [] where definition.value != .string("") {
            do throws(BundleError) {
                _ = try NetworkBundle(definition.value.string ?? "", file: "bundle \(definition.key)")
            } catch { found += error.diagnostics }
        }
        return found
    }
}

extension StoredProfile {
    /// An effective profile's network on one line, such as `allow: anthropic, 3 rules`.
    package static func networkSummary(_ document: Document) -> String {
        let section = document["network"] ?? .map([])
        let mode = section["mode"]?.string ?? NetworkMode.none.rawValue
        guard [NetworkMode.allow, .open].map(\.rawValue).contains(mode) else { return mode }
        let allowed = section["allow"]?.list ?? []
        let bundles = NetworkSettings.bundleNames(in: .object(["allow": .list(allowed)]))
        var parts = mode == NetworkMode.open.rawValue ? ["every public address"] : []
        parts += bundles
        let rules = allowed.count { item in !(item.string.map(NetworkRule.isBundle) ?? false) }
        if rules > 0 { parts.append(rules == 1 ? "1 rule" : "\(rules) rules") }
        if parts.isEmpty { parts.append("nothing") }
        let denied = section["deny"]?.list?.count ?? 0
        return "\(mode): \(parts.joined(separator: ", "))" + (denied == 0 ? "" : "; \(denied) denied")
    }

    /// The items of a list of a stored section `network`, as they were written, each with its place; a bundle with what it
    /// stands for.
    package static func networkItems(_ section: Document, _ list: String)
        -> [(text: String, origin: String, parts: [String])]
    {
        let origins = section.value(at: [NetworkSettings.originsKey, list])?.stringList ?? []
        let definitions = section[NetworkSettings.definitionsKey]
        return (section[list]?.list ?? []).enumerated().map { index, item in
            let bundle = item.string.flatMap { name in
                NetworkRule.isBundle(name) ? NetworkBundle(name, definitions: definitions) : nil
            }
            func text(_ item: Document) -> String {
                item.string ?? NetworkEntry(checked: item, denies: list == "deny").description
            }
            return (
                text(item), index < origins.count ? origins[index] : "",
                bundle?.items.map { text($0.item) } ?? []
            )
        }
    }
}

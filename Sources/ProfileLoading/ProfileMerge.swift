// The layers of one load, applied in order, and the judgement of what untrusted files did. Called by
// ProfileLoader.

internal import ClocheModel
internal import StructuredText

struct ProfileMerge {
    private let home: String
    private var merged = MergedSettings()
    private(set) var diagnostics: [Diagnostic]
    /// Where untrusted files chose what to extend.
    private var untrustedExtensions: [(place: String, name: String)] = []

    init(home: String, diagnostics: [Diagnostic]) {
        self.home = home
        self.diagnostics = diagnostics
    }

    /// Adds the parts of one profile.
    mutating func add(_ parts: [ProfilePart]) {
        for part in parts {
            read(part.node, part.source)
            if part.source.isUntrusted, let (name, position) = part.extends {
                untrustedExtensions.append((part.source.text(position), name))
            }
        }
    }

    /// Adds what a `config.yaml` says about every profile.
    mutating func addOverrides(of file: ConfigurationFile) {
        guard let overrides = file.overrides else { return }
        if let extends = overrides["extends"] {
            let message = "`extends` belongs to a profile; to choose one here, use the key `profile`"
            diagnostics.append(Diagnostic(file.source.text(extends.position), message))
        }
        read(overrides, file.source)
    }

    /// Adds a `KEY=VALUE` that stood after a word.
    ///
    /// - Parameter mustSay: whether a value that is missing or sets nothing is a mistake, such as an empty variable of a
    ///   script; otherwise it stands for the default.
    mutating func addOption(_ option: String, after word: String = "--set", mustSay: Bool = false) {
        let place = "\(word) \(option)"
        guard let equals = option.firstIndex(of: "="), equals != option.startIndex else {
            diagnostics.append(Diagnostic(place, "there is no `KEY=VALUE` here"))
            return
        }
        let path = String(option[..<equals])
        guard path != "extends" else {
            diagnostics.append(
                Diagnostic(place, "`extends` belongs to a profile; use `--profile` to choose one")
            )
            return
        }
        do {
            let value = try YAMLText.parse(String(option[option.index(after: equals)...]), file: place)
            if mustSay, [.null, .map([])].contains(value.document) {
                diagnostics.append(Diagnostic(place, "there is no value; `[]` is an empty list"))
                return
            }
            set(path, value, place)
        } catch {
            diagnostics.append(Diagnostic(place, error.message))
        }
    }

    /// Adds a rule of the network as a person types it: a text, or a map in braces.
    mutating func addRule(_ text: String, to list: String) {
        let place = "cloche policy \(list.split(separator: ".").last ?? "")"
        let start = TextPosition(line: 1, column: 1)
        do {
            let isMap = text.hasPrefix("{")
            let rule = isMap ? try YAMLText.parse(text, file: place) : LocatedNode(.string(text), at: start)
            set(list + "+", LocatedNode(.list([rule]), at: start), place)
        } catch {
            diagnostics.append(Diagnostic("\(place) \(text)", error.message))
        }
    }

    private mutating func set(_ path: String, _ value: LocatedNode, _ place: String) {
        let source = SettingSource(layer: .setOption, place: place, isUntrusted: false)
        var reader = SettingReader(source: source, hostHome: home)
        reader.readOverride(path: path, value: value)
        diagnostics += reader.diagnostics
        merged.apply(reader.settings)
    }

    /// Adds what an agent's state keeps.
    mutating func addStored(_ node: LocatedNode) {
        read(node, SettingSource(layer: .setOption, place: StoredProfile.place, isUntrusted: false))
    }

    /// Notes that an option is not possible here.
    mutating func refuse(_ option: String, _ why: String) { diagnostics.append(Diagnostic(option, why)) }

    /// What was added, without regard to who said it, with what the stored document had besides its keys.
    ///
    /// - Parameter loader: knows the bundles of the user and the project, for those that are not stored.
    func document(_ stored: Document, _ loader: ProfileLoader? = nil) throws(ClocheError) -> Document {
        var document = merged.document(name: stored["profile"]?.string ?? "")
        document["syscalls"]?["definitions"] = stored.value(at: SyscallPolicy.definitionsPath)
        let network = stored["network"]
        var bundles = network?[NetworkSettings.definitionsKey]?.entries ?? []
        var mistakes = diagnostics
        if var library = loader?.library() {
            // What else is wrong with files of the user's does not concern what is stored.
            let others = library.diagnostics.count
            bundles += merged.bundles(&library, besides: network.map(NetworkSettings.bundleNames(in:)) ?? [])
            mistakes += library.diagnostics[others...]
        }
        for entry in merged.networkAdditions(bundles, stored: network?[NetworkSettings.originsKey]) {
            document["network"]?[entry.key] = entry.value
        }
        mistakes += merged.inconsistencies(document)
        guard mistakes.isEmpty else { throw ClocheError(mistakes) }
        return document
    }

    private mutating func read(_ node: LocatedNode, _ source: SettingSource) {
        var reader = SettingReader(source: source, hostHome: home)
        reader.readProfile(node)
        diagnostics += reader.diagnostics
        merged.apply(reader.settings)
    }

    /// The result, unless an untrusted file went beyond its rights.
    func profile(chain: [String], choice: ProfileChoice, _ library: inout ProfileLibrary) throws(ClocheError)
        -> EffectiveProfile
    {
        let name = chain.last ?? choice.name
        var document = merged.document(name: name)
        let refusals = self.refusals(choice, Grants.keys(of: document))
        guard refusals.isEmpty else { throw ClocheError(refusals) }
        let definitions = merged.definitions(&library)
        if !definitions.isEmpty { document["syscalls"]?["definitions"] = .map(definitions) }
        for entry in merged.networkAdditions(merged.bundles(&library)) {
            document["network"]?[entry.key] = entry.value
        }
        let mistakes = library.diagnostics + merged.inconsistencies(document)
        guard mistakes.isEmpty else { throw ClocheError(mistakes) }
        return EffectiveProfile(
            name: name,
            chain: chain,
            document: document,
            policy: Policy(checked: document),
            merged: merged
        )
    }

    private func refusals(_ choice: ProfileChoice, _ grants: [String]) -> [Diagnostic] {
        var refusals = merged.refusals(grants: grants)
        guard !grants.isEmpty else { return refusals }
        let list = grants.joined(separator: ", ")
        if let place = choice.untrustedPlace {
            refusals.append(
                Trust.refusal(place, "`profile: \(choice.name)` chooses what grants more (\(list))")
            )
        }
        for (place, name) in untrustedExtensions {
            refusals.append(Trust.refusal(place, "`extends: \(name)` takes over what grants more (\(list))"))
        }
        return refusals
    }
}

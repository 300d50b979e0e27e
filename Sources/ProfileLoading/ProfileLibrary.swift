// Where the texts of profiles are: built in, in the user's configuration, in the project's. Files are read at
// most once and only when asked for; whatever is wrong with one becomes a diagnostic. Called by
// ProfileLoader.

internal import ClocheModel
internal import Glibc
internal import LinuxSystem
internal import StructuredText
internal import SyscallFilter

/// One file's or entry's part of a profile.
struct ProfilePart {
    let source: SettingSource
    let node: LocatedNode

    /// The profile it extends, and where it says so; nil if it does not say, or not as a name.
    var extends: (name: String, position: TextPosition)? {
        guard let value = node["extends"], case .scalar(.string(let name), _) = value.value,
            TextForm.profileName.accepts(name)
        else {
            return nil
        }
        return (name, value.position)
    }
}

/// A `config.yaml`.
struct ConfigurationFile {
    let source: SettingSource
    /// The profile used when none is named.
    var defaultProfile: (name: String, position: TextPosition)?
    /// A partial profile merged over whichever is used.
    var overrides: LocatedNode?
    /// Profiles by name.
    var profiles: [LocatedNode.Entry] = []

    static let keys = ["profile", "overrides", "profiles"]

    init(_ source: SettingSource) { self.source = source }
}

struct ProfileLibrary {
    let userDirectory: String
    let projectDirectory: String?
    private let trust: ProjectTrust
    private(set) var diagnostics: [Diagnostic] = []
    private(set) var configurations: [ConfigurationFile] = []

    /// Reads both `config.yaml` files, the user's first.
    init(configDirectory: String, projectDirectory: String?) {
        userDirectory = configDirectory
        self.projectDirectory = projectDirectory.map { $0 + "/.cloche" }
        trust = ProjectTrust(configDirectory: configDirectory)
        for (layer, directory) in directories {
            if let part = readFile(directory + "/config.yaml", layer) {
                configurations.append(configuration(part))
            }
        }
    }

    private var directories: [(Layer, String)] {
        [(.user, userDirectory)] + (projectDirectory.map { [(.project, $0)] } ?? [])
    }

    /// The parts of a profile, lowest layer first; none if there is no such profile.
    mutating func parts(of name: String) -> [ProfilePart] {
        var parts: [ProfilePart] = []
        if let text = embeddedProfiles.first(where: { Self.name(of: $0.path) == name })?.text {
            let source = SettingSource(layer: .builtIn, place: name, isUntrusted: false)
            if let part = parse(Array(text.utf8), source) { parts.append(part) }
        }
        for (layer, directory) in directories {
            for file in configurations where file.source.layer == layer {
                for entry in file.profiles where entry.key == name {
                    parts.append(ProfilePart(source: file.source, node: entry.value))
                }
            }
            for folder in Self.folders {
                if let part = readFile("\(directory)/\(folder)/\(name).yaml", layer) { parts.append(part) }
            }
        }
        return parts
    }

    /// Where profiles of a layer are: bundles, each with all that is known of one agent program, below the others.
    private static let folders = ["harness", "profiles"]

    /// The name of a profile by the path of its file.
    static func name(of path: String) -> String { String(path.lastComponent.dropLast(5)) }

    /// The names of the bundles of all layers, sorted: profiles that have a file in `harness`.
    func bundleNames() -> [String] {
        var names = embeddedProfiles.filter { $0.path.hasPrefix("harness/") }.map { Self.name(of: $0.path) }
        for (_, directory) in directories { names += yamlFiles(directory, "harness").map(Self.name) }
        return Set(names).filter(TextForm.profileName.accepts).sorted()
    }

    /// The names of all profiles with the layers that say something about each, sorted.
    func names() -> [(name: String, layers: [Layer])] {
        var layers: [String: [Layer]] = [:]
        for profile in embeddedProfiles {
            layers[Self.name(of: profile.path), default: []].append(.builtIn)
        }
        for (layer, directory) in directories {
            var names = configurations.filter { $0.source.layer == layer }.flatMap { $0.profiles.map(\.key) }
            for folder in Self.folders { names += yamlFiles(directory, folder).map(Self.name) }
            for name in Set(names) where TextForm.profileName.accepts(name) {
                layers[name, default: []].append(layer)
            }
        }
        return layers.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// The files of the project that are there: what trusting it means.
    func projectFiles() -> [String] {
        guard let projectDirectory else { return [] }
        let names =
            ["config.yaml"]
            + (Self.folders + ["syscalls", "network"]).flatMap { yamlFiles(projectDirectory, $0) }
        return names.map { "\(projectDirectory)/\($0)" }.filter { Files.exists($0) }
    }

    private func yamlFiles(_ directory: String, _ name: String) -> [String] {
        // A directory that is not there is the usual case.
        let files = (try? Files.list("\(directory)/\(name)")) ?? []
        return files.filter { $0.hasSuffix(".yaml") }.map { "\(name)/\($0)" }
    }

    /// The text of a group of system calls, the user's before the project's; nil if nobody defines it, or not well,
    /// which is then a diagnostic.
    mutating func group(_ name: String) -> String? {
        for (layer, directory) in directories {
            let path = "\(directory)/syscalls/\(name).yaml"
            let why = "the group `\(name)` decides about system calls"
            guard let text = definition(path, layer, why) else { continue }
            guard let text else { return nil }
            do throws(StructuredTextError) {
                _ = try SyscallGroup(name, text, file: path)
                return text
            } catch {
                diagnostics.append(Diagnostic(error))
                return nil
            }
        }
        return nil
    }

    /// The text of a bundle of hosts: the user's, or the project's if none is built in; nil if there is none, or none
    /// that is well-formed, which is then a diagnostic.
    mutating func bundle(_ name: String, isBuiltIn: Bool) -> String? {
        for (layer, directory) in directories where layer == .user || !isBuiltIn {
            let path = "\(directory)/network/\(name).yaml"
            let why = "the bundle `\(name)` decides what can be reached"
            guard let text = definition(path, layer, why) else { continue }
            guard let text else { return nil }
            do throws(BundleError) {
                _ = try NetworkBundle(text, file: path)
                return text
            } catch {
                diagnostics += error.diagnostics
                return nil
            }
        }
        return nil
    }

    /// The text of a file that a profile names by a word: nil if it is not there, a nil text after a diagnostic.
    private mutating func definition(_ path: String, _ layer: Layer, _ why: String) -> String?? {
        do {
            let bytes = try Trust.read(path)
            if layer == .project && !trust.isTrusted(path, bytes) {
                diagnostics.append(Trust.refusal(path, why))
                return .some(nil)
            }
            return String(decoding: bytes, as: UTF8.self)
        } catch {
            if error.errno == .noEntry || error.errno == .notDirectory { return nil }
            diagnostics.append(Diagnostic(path, "cannot be read: \(error.errno)"))
            return .some(nil)
        }
    }

    /// Reads one file; nil when it is not there, or not valid, which is then a diagnostic.
    mutating func readFile(_ path: String, _ layer: Layer) -> ProfilePart? {
        do {
            let bytes = try Trust.read(path)
            let isUntrusted = layer == .project && !trust.isTrusted(path, bytes)
            return parse(bytes, SettingSource(layer: layer, place: path, isUntrusted: isUntrusted))
        } catch {
            if error.errno != .noEntry && error.errno != .notDirectory {
                let reason = error.errno == Errno(EINVAL) ? "it is no regular file" : error.errno.description
                diagnostics.append(Diagnostic(path, "cannot be read: \(reason)"))
            }
            return nil
        }
    }

    private mutating func parse(_ bytes: [UInt8], _ source: SettingSource) -> ProfilePart? {
        let file = source.layer == .builtIn ? "built-in profile \(source.place)" : source.place
        do {
            return ProfilePart(source: source, node: try YAMLText.parse(bytes, file: file))
        } catch {
            diagnostics.append(Diagnostic(error))
            return nil
        }
    }

    // MARK: config.yaml

    private mutating func configuration(_ part: ProfilePart) -> ConfigurationFile {
        var file = ConfigurationFile(part.source)
        switch part.node.value {
        case .scalar(.null, _): break
        case .map(let entries): for entry in entries { read(entry, into: &file) }
        default: complain(file, part.node.position, "a configuration file must be a map of keys")
        }
        return file
    }

    private mutating func read(_ entry: LocatedNode.Entry, into file: inout ConfigurationFile) {
        switch (entry.key, entry.value.value) {
        case ("profile", .scalar(.string(let name), _)) where TextForm.profileName.accepts(name):
            file.defaultProfile = (name, entry.value.position)
        case ("profile", _):
            complain(file, entry.value.position, "`profile` must be \(TextForm.profileName.expected)")
        case ("overrides", _): file.overrides = entry.value
        case ("profiles", .map(let profiles)):
            for profile in profiles where !TextForm.profileName.accepts(profile.key) {
                complain(file, profile.keyPosition, "`\(profile.key)` cannot be the name of a profile")
            }
            file.profiles = profiles
        case ("profiles", .scalar(.null, _)): break
        case ("profiles", _):
            complain(file, entry.value.position, "`profiles` must be a map of profiles by name")
        default:
            let hint = configurationHint(entry.key)
            complain(file, entry.keyPosition, "unknown key `\(entry.key)`\(hint)")
        }
    }

    /// A key of a profile at the top of config.yaml is the usual mistake.
    private func configurationHint(_ key: String) -> String {
        if ProfileSchema.keys.contains(where: { $0.name == key }) {
            return "; keys of a profile stand under `overrides` here"
        }
        return Suggestion.hint(key, ConfigurationFile.keys)
    }

    private mutating func complain(_ file: ConfigurationFile, _ position: TextPosition, _ message: String) {
        diagnostics.append(Diagnostic(file.source.text(position), message))
    }
}

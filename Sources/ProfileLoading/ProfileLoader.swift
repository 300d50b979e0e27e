// From a profile's name and the options of a command line to the effective profile: the layers of
// configuration, merged. The one entry to this target for whatever starts, explains or lists profiles.

package import ClocheModel
internal import StructuredText

/// Finds, checks and merges profiles.
package struct ProfileLoader: Sendable {
    /// What is used when neither the command line nor a configuration file names a profile.
    package static let standardProfile = "shell"
    /// What a profile extends that does not say.
    static let rootProfile = "base"

    private let home: String
    private let configDirectory: String
    private let projectDirectory: String?

    /// A loader for one user and one project.
    ///
    /// - Parameters:
    ///   - home: the user's home directory, for `~` and `$HOME` in host paths.
    ///   - configDirectory: as a rule `~/.config/cloche`; it need not exist.
    ///   - projectDirectory: the directory that has `.cloche/`, or nil outside a project.
    package init(home: String, configDirectory: String, projectDirectory: String?) {
        self.home = home
        self.configDirectory = configDirectory
        self.projectDirectory = projectDirectory
    }

    /// All profiles there are, by name.
    package func names() -> [ProfileSummary] {
        var library = self.library()
        return library.names().map { name, layers in
            let description = library.parts(of: name).compactMap { $0.node["description"]?.document.string }
                .last
            return ProfileSummary(name: name, layers: layers, description: description ?? "")
        }
    }

    /// Whether a profile can have this name, and be chosen by it.
    package static func isName(_ text: String) -> Bool {
        TextForm.profileName.accepts(text) && !text.hasSuffix(".yaml")
    }

    /// The names of the profiles that are bundles: each has a file in a directory `harness`.
    package func bundleNames() -> [String] { library().bundleNames() }

    /// The profile used when a command names none: the project's choice, the user's, or `shell`.
    package func defaultName() -> String { choice(nil, library()).name }

    /// The project's configuration files that are there, and whether the user trusts each as it is now.
    package func projectFiles() -> [(path: String, isTrusted: Bool)] {
        let trust = ProjectTrust(configDirectory: configDirectory)
        return library().projectFiles().map { ($0, trust.isTrusted($0)) }
    }

    /// Trusts the project's files as they are now; the paths of those that were not trusted before.
    package func trustProject() throws(ClocheError) -> [String] {
        let trust = ProjectTrust(configDirectory: configDirectory)
        let files = library().projectFiles().filter { !trust.isTrusted($0) }
        for file in files { try trust.trust(file) }
        return files
    }

    /// Everything wrong with any profile of the user and the project, whether used or not.
    package func check() -> [String] {
        var found = library().diagnostics.map(\.description)
        for profile in names() where profile.layers != [.builtIn] {
            do throws(ClocheError) {
                _ = try load(name: profile.name)
            } catch {
                let lines = error.why.split(separator: "\n").map { String($0.drop { $0 == " " }) }
                for line in lines where !found.contains(line) { found.append(line) }
            }
        }
        return found
    }

    /// The effective profile.
    ///
    /// - Parameters:
    ///   - name: a profile's name, or the path of a YAML file (with a slash, or ending in `.yaml`); nil for
    ///     the default.
    ///   - overrides: the `--set` options, each `KEY=VALUE` with a dotted key and a YAML value; `KEY+=VALUE`
    ///     appends.
    /// - Throws: everything that is wrong with the files used, each with its place; a project's file that
    ///   gives an agent more than the user's own files while it is not trusted; a profile that does not
    ///   exist.
    package func load(name: String? = nil, overrides: [String] = []) throws(ClocheError) -> EffectiveProfile {
        var library = self.library()
        let choice = self.choice(name, library)
        let chain = try ProfileChain(choice.name, &library)
        var merge = ProfileMerge(home: home, diagnostics: library.diagnostics + chain.diagnostics)
        for link in chain.links where !link.isFile { merge.add(link.parts) }
        for file in library.configurations { merge.addOverrides(of: file) }
        for link in chain.links where link.isFile { merge.add(link.parts) }
        for option in overrides { merge.addOption(option) }
        guard merge.diagnostics.isEmpty else { throw ClocheError(merge.diagnostics) }
        return try merge.profile(chain: chain.links.map(\.name), choice: choice, &library)
    }

    func library() -> ProfileLibrary {
        ProfileLibrary(configDirectory: configDirectory, projectDirectory: projectDirectory)
    }

    private func choice(_ name: String?, _ library: ProfileLibrary) -> ProfileChoice {
        if let name { return ProfileChoice(name: name) }
        for file in library.configurations.reversed() {
            guard let (name, position) = file.defaultProfile else { continue }
            let place = file.source.isUntrusted ? file.source.text(position) : nil
            return ProfileChoice(name: name, untrustedPlace: place)
        }
        return ProfileChoice(name: ProfileLoader.standardProfile)
    }
}

/// A profile as a list shows it.
package struct ProfileSummary: Equatable, Sendable {
    /// Its name.
    package let name: String
    /// The layers that say something about it, lowest first.
    package let layers: [Layer]
    /// Its own description; empty if it has none.
    package let description: String
}

/// The profile chosen.
struct ProfileChoice {
    let name: String
    /// Where an untrusted project file chose it; nil otherwise.
    var untrustedPlace: String?
}

// `cloche profile new`: a bundle for an agent program, from answers to questions. What it writes is a file like those
// that come with Cloche, to be mended by hand.

package import ClocheModel
internal import LinuxSystem
internal import ProfileLoading
internal import StructuredText
internal import TerminalText

/// What is to be known of an agent program for a profile of it.
package struct NewProfile: Equatable, Sendable {
    /// The profile's name.
    package var name: String
    /// What it extends.
    package var base = "agent"
    /// One line.
    package var description = ""
    /// Command lines, by the key of `harness` that each is for; `command` is among them.
    package var words: [(key: String, words: [String])] = []
    /// Texts, by the key of `harness` that each is for.
    package var texts: [(key: String, text: String)] = []
    /// Variables with keys for its service.
    package var variables: [String] = []
    /// Hosts that it must reach.
    package var hosts: [String] = []

    /// A profile of this name.
    package init(name: String) { self.name = name }

    package static func == (first: Self, second: Self) -> Bool { first.yaml == second.yaml }

    /// Words as a person types them in a line: apart by blanks, unless they are in quotes.
    package static func words(_ line: String) -> [String] {
        var words: [String] = []
        var word: String?
        var quote: Character?
        for character in line {
            switch character {
            case quote: quote = nil
            case "\"" where quote == nil, "'" where quote == nil:
                quote = character
                word = word ?? ""
            case " " where quote == nil, "\t" where quote == nil:
                if let finished = word { words.append(finished) }
                word = nil
            default: word = (word ?? "") + String(character)
            }
        }
        return words + (word.map { [$0] } ?? [])
    }

    /// The profile's file.
    package var yaml: String {
        // What JSON writes in quotes, YAML reads as the same text.
        func text(_ value: String) -> String { JSONText.serialize(.string(value)) }
        func list(_ values: [String]) -> String { "[" + values.map(text).joined(separator: ", ") + "]" }
        var result = "# Made by `cloche profile new`; docs/profiles.md of Cloche describes every key.\n"
        result +=
            "description: \(text(description.isEmpty ? name : description))\nextends: \(base)\n\nharness:\n"
        for (key, words) in words where !words.isEmpty { result += "  \(key): \(list(words))\n" }
        var section = ""
        for (key, value) in texts where !value.isEmpty {
            let parts = key.split(separator: ".").map(String.init)
            if parts.count == 2, parts[0] != section { result += "  \(parts[0]):\n" }
            section = parts.count == 2 ? parts[0] : ""
            result += (parts.count == 2 ? "    \(parts[1])" : "  \(key)") + ": \(text(value))\n"
        }
        if !hosts.isEmpty { result += "\nnetwork:\n  mode: allow\n  allow: \(list(hosts))\n" }
        if !variables.isEmpty {
            result += "\n# The first that is there is given.\ncredentials:\n"
            result += variables.map { "  - {env: \(text($0))}\n" }.joined()
        }
        return result
    }
}

extension Project {
    /// Writes a new profile into the user's own configuration, and returns its path.
    ///
    /// - Throws: when there is a profile of this name already, or this one would have mistakes.
    package func make(_ profile: NewProfile) throws(ClocheError) -> String {
        let path = "\(installation.configDirectory)/harness/\(profile.name).yaml"
        try refuseTaken(profile.name)
        do throws(SystemError) {
            try Files.makeDirectories(path.parentPath)
            let directory = try Files.open(path.parentPath)
            guard let file = try Files.makeFile(path.lastComponent, at: directory, mode: 0o600) else {
                throw SystemError("open", .exists, path)
            }
            try file.write(Array(profile.yaml.utf8))
        } catch {
            throw ClocheError(
                error.errno == .exists ? .exists : .system,
                "cannot write \(path)",
                why: "\(error.errno)",
                remedy: "make the directory writable, or choose another name"
            )
        }
        do throws(ClocheError) {
            _ = try profiles.load(name: profile.name)
        } catch {
            // What is told is why the file is of no use; that it stays would be the smaller harm.
            try? Files.remove(path)
            throw error
        }
        return path
    }

    /// Refuses what can be no name, and one under which there is a profile: files of one name are parts of one profile.
    package func refuseTaken(_ name: String) throws(ClocheError) {
        guard ProfileLoader.isName(name) else {
            throw ClocheError(
                .usage,
                "\(visible(name)) cannot be the name of a profile",
                why:
                    "it has letters, digits, dots, dashes and underscores, and begins with a letter or digit",
                remedy: "choose another name"
            )
        }
        guard let taken = profiles.names().first(where: { $0.name == name }) else { return }
        throw ClocheError(
            .exists,
            "there is a profile \(name) already",
            why: "it comes from: \(taken.layers.map(\.rawValue).joined(separator: ", "))",
            remedy: "choose another name; `cloche profile show \(name)` prints it"
        )
    }
}

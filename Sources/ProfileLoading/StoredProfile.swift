// The profile that an agent was made with, as its state keeps it: read again at each start, with other limits if a person
// says so.

package import ClocheModel
internal import StructuredText

/// A stored profile.
package enum StoredProfile {
    /// What stands for the place of what it holds.
    static let place = "the stored policy"

    /// The same document with other limits.
    ///
    /// It is checked again: a state file may have been edited, or written by another version.
    ///
    /// - Parameter overrides: `--set` options, of `limits` and `project.limits` alone: what else an agent is, was decided
    ///   when it was made.
    package static func changed(_ document: Document, _ overrides: [String]) throws(ClocheError) -> Document {
        var body = document
        body["profile"] = nil
        body["syscalls"]?["definitions"] = nil
        body["network"]?[NetworkSettings.definitionsKey] = nil
        body["network"]?[NetworkSettings.originsKey] = nil
        var merge = ProfileMerge(home: "/", diagnostics: [])
        merge.addStored(LocatedNode(body, at: TextPosition(line: 1, column: 1)))
        for option in overrides {
            if isLimit(option) {
                merge.addOption(option)
            } else {
                merge.refuse(
                    option,
                    "only `limits` and `project.limits` can be changed later; make another agent"
                )
            }
        }
        return try merge.document(document)
    }

    /// The document without the places of its entries, which change with every line added to a file.
    package static func withoutPlaces(_ document: Document) -> Document {
        var result = document
        result["network"]?[NetworkSettings.originsKey] = nil
        return result
    }

    private static func isLimit(_ option: String) -> Bool {
        let path = option.prefix { $0 != "=" }
        return ["limits", "project"].contains { path == $0 || path.hasPrefix($0 + ".") }
    }
}

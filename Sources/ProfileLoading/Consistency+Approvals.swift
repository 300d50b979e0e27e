// Classes of `ask` that would hold nothing: a gate that a person believes in and that is not there.

internal import ClocheModel

extension MergedSettings {
    /// What is wrong with the items of `ask`.
    func approvalProblems(_ document: Document) -> [Diagnostic] {
        let credentials = document["credentials"]?.list ?? []
        let names = credentials.flatMap { credential -> [String] in
            guard let service = credential["service"]?.string else { return [] }
            return [service] + (credential["kept"]?.string.map { [$0] } ?? [])
        }
        let mode = document.value(at: ["network", "mode"])?.string ?? ""
        return problems(document, "ask", in: "") { item in
            switch item.string.flatMap({ ApprovalClass($0) }) {
            // Where there is no credential at all, as in other profiles of a project, nothing has to be held.
            case .credential(let name)? where !credentials.isEmpty && !names.contains(name):
                "names `\(name)`, which is neither a service of `credentials` nor the `kept` name of one"
                    + Suggestion.hint(name, names)
            case .newHost? where ["open", "host"].contains(mode):
                "would hold nothing: with `network.mode: \(mode)`, no rule is needed to reach a host"
            default: nil
            }
        }
    }
}

// What the network of a run has refused, and what could not be reached, for its user: programs seldom pass on why.

internal import NetworkRelay
internal import NetworkRules
internal import TerminalText

/// Refusals, equal ones together.
package final class RefusalSummary {
    private struct Entry {
        let place: String
        let refusal: Refusal
        var count = 1
    }

    /// Names that are many do not hide connections.
    private var names: [Entry] = []
    private var entries: [Entry] = []
    /// Of connections that were allowed, and how often.
    private var failures: [(text: String, count: Int)] = []
    private var others = 0
    private var untold = 0

    /// More than these are only counted.
    private static let most = 8

    func note(_ event: NetworkEvent) {
        switch event {
        case .question(let name, _, let refusal?): note("the name \(name)", refusal, &names)
        case .refused(let facts, let refusal):
            note(facts.destination.map { "a connection to \($0)" } ?? "a connection", refusal, &entries)
        case .untold(let count): untold += count
        case .failed(_, let why): noteFailure(why)
        case .question, .askable, .connected, .disconnected: return
        }
    }

    private func noteFailure(_ why: String) {
        if let index = failures.firstIndex(where: { $0.text == why }) {
            failures[index].count += 1
        } else if failures.count < Self.most {
            failures.append((why, 1))
        } else {
            others += 1
        }
    }

    private static func times(_ count: Int) -> String { count == 1 ? "" : ", \(count) times" }

    private func note(_ place: String, _ refusal: Refusal, _ entries: inout [Entry]) {
        if let index = entries.firstIndex(where: { $0.place == place && $0.refusal == refusal }) {
            entries[index].count += 1
        } else if entries.count < Self.most {
            entries.append(Entry(place: place, refusal: refusal))
        } else {
            others += 1
        }
    }

    /// A sentence for each, and one for those that are too many.
    package var sentences: [String] {
        var sentences = (names + entries).map { entry in
            let rule = entry.refusal.rule.map { " (\($0))" } ?? ""
            let option = entry.refusal.suggestion.map { "; to allow it: --set 'network.allow+=[\($0)]'" }
            return
                "refused \(entry.place)\(Self.times(entry.count)): \(entry.refusal.text)\(rule)\(option ?? "")"
        }
        sentences += failures.map { "\($0.text)\(Self.times($0.count))" }
        if untold > 0 {
            sentences.append("\(untold) more connections and questions came too fast to be noted")
        }
        if others > 0 { sentences.append("\(others) more were refused or failed") }
        return sentences.map { visible($0, limit: 2000) }
    }
}

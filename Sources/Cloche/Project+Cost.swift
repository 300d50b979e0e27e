// What agents used of model APIs, from their ledgers; and what tokens cost.

internal import AgentStore
package import ClocheModel
internal import LinuxSystem
package import ModelUsage
internal import StructuredText

/// What one agent used.
package struct AgentSpending: Equatable, Sendable {
    /// Its name; empty for agents that were deleted so long ago that they are one sum.
    package let name: String
    /// Whether it has been deleted.
    package let isDeleted: Bool
    /// What it used.
    package let ledger: UsageLedger

    /// What an agent of this name used.
    package init(name: String, isDeleted: Bool, ledger: UsageLedger) {
        (self.name, self.isDeleted, self.ledger) = (name, isDeleted, ledger)
    }
}

extension Project {
    /// What each agent used that ever asked a model, those that are there first, then those that were deleted.
    ///
    /// - Throws: when a ledger is there and cannot be read.
    package func spending() throws(ClocheError) -> [AgentSpending] {
        var found: [AgentSpending] = []
        for directory in state.agents() {
            guard let ledger = try directory.readUsage(), !ledger.rows.isEmpty else { continue }
            found.append(AgentSpending(name: directory.name, isDeleted: false, ledger: ledger))
        }
        // One whose deletion was cut short is in both places.
        let living = Set(found.map(\.ledger.id))
        let deleted = try state.readDeletedUsage()
        for ledger in deleted.agents where !living.contains(ledger.id) {
            let name = String(ledger.id.prefix { $0 != " " })
            found.append(AgentSpending(name: name, isDeleted: true, ledger: ledger))
        }
        if !deleted.others.rows.isEmpty {
            found.append(AgentSpending(name: "", isDeleted: true, ledger: deleted.others))
        }
        return found
    }
}

extension Installation {
    /// Where the user's own prices are.
    package var pricesFile: String { configDirectory + "/prices.yaml" }

    /// What tokens cost: the built-in prices and the user's own above them.
    package func prices() throws(ClocheError) -> PriceList {
        do {
            var list = try PriceList.builtIn()
            if Files.exists(pricesFile) {
                try list.add(Files.read(pricesFile, limit: YAMLText.sizeLimit + 1), file: pricesFile)
            }
            return list
        } catch let error as StructuredTextError {
            throw ClocheError(
                .configuration,
                "cannot read the prices of models",
                why: error.description,
                remedy: "docs/budgets.md describes the file"
            )
        } catch {
            throw ClocheError(.system, "cannot read the prices of models", why: "\(error)")
        }
    }
}

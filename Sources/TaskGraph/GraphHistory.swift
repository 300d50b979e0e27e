// A run from its journal: the events applied in their order, with the plans that they bring.

package import ClocheModel

/// A run, and what its journal says besides.
package struct GraphHistory: Equatable, Sendable {
    /// Where it stands.
    package private(set) var run: GraphRun
    /// What tells its agents from those of another run.
    package private(set) var id: String
    /// The commits that revisions stood for when the run began; the one that was checked out is under the empty name.
    package private(set) var pins: [String: String]
    /// The text of the plan.
    package private(set) var text: String

    /// A run from all events that there are; nil when there is none.
    ///
    /// - Parameter file: the plan's name for errors, which a text without a `name` takes its own from.
    /// - Throws: when it begins with something else than a plan, or one that this version cannot read.
    package init?(_ events: [GraphEvent], file: String) throws(ClocheError) {
        guard let first = events.first else { return nil }
        guard case .plan(let text, let id, let pins) = first else {
            throw ClocheError(
                .state,
                "the journal of \(file) does not begin with a plan",
                remedy: "`cloche up --restart --force` begins anew"
            )
        }
        run = GraphRun(try TaskPlan.read(Array(text.utf8), file: file))
        (self.text, self.id, self.pins) = (text, id, pins)
        for event in events.dropFirst() { try apply(event, file: file) }
    }

    /// Takes in what has happened.
    package mutating func apply(_ event: GraphEvent, file: String) throws(ClocheError) {
        guard case .plan(let text, _, let pins) = event else { return run.apply(event) }
        _ = run.change(to: try TaskPlan.read(Array(text.utf8), file: file))
        (self.text, self.pins) = (text, pins)
    }
}

// What a person says of a request that is held, as a message to its supervisor.

internal import ClocheModel

/// A person's answer.
package struct ApprovalRequest: Equatable, Sendable {
    /// The number of the request.
    package var number: Int64
    /// Whether it is approved of.
    package var isApproval: Bool
    /// Whether the answer holds for the like until the agent ends.
    package var isLasting: Bool

    /// An answer.
    package init(number: Int64, isApproval: Bool, isLasting: Bool) {
        (self.number, self.isApproval, self.isLasting) = (number, isApproval, isLasting)
    }

    var document: Document {
        .object([
            "number": .integer(number), "approve": .bool(isApproval), "always": .bool(isLasting),
        ])
    }

    init?(document: Document) {
        guard let number = document["number"]?.integer, let isApproval = document["approve"]?.bool,
            let isLasting = document["always"]?.bool
        else { return nil }
        self.init(number: number, isApproval: isApproval, isLasting: isLasting)
    }
}

// JSON from anywhere, and an agent's record, which a user or another version may have edited.

import ClocheModel
import StructuredText

@testable import ProfileLoading

/// What was read is written as what it is read as; a record and its policy are values or an error.
@Sendable func fuzzJSON(_ bytes: [UInt8]) {
    // Most inputs are no JSON.
    guard let document = try? JSONText.parse(bytes) else { return }
    for pretty in [false, true] {
        do {
            let again = try JSONText.parse(JSONText.serializeBytes(document, pretty: pretty))
            require(again == document, "read again (pretty: \(pretty))")
        } catch { fatalError("what was written is not read: \(error)") }
    }
    if let record = AgentRecord(document: document) {
        require(AgentRecord(document: record.document) == record, "a record is written as it was read")
        requirePolicyOrError(record.effective)
    }
    requirePolicyOrError(document)
}

private func requirePolicyOrError(_ document: Document) {
    do throws(ClocheError) {
        _ = try Policy(document: document)
    } catch { require(!error.description.isEmpty, "an error has words") }
}

// Answers of model APIs and requests to them: both are read alike in any pieces, and whatever is in them, what is counted is a
// number that can be, and never nothing where the provider did not say it.

import ClocheModel
import ModelUsage

/// The first byte says which form and content type, the second where the rest is cut.
@Sendable func fuzzUsage(_ bytes: [UInt8]) {
    guard bytes.count >= 2 else { return }
    let form = UsageForm.allCases[Int(bytes[0]) % 3]
    let isEventStream = bytes[0] & 0x80 != 0
    let isWhole = bytes[0] & 0x40 != 0
    let body = bytes.dropFirst(2)
    let cut = body.startIndex + Int(bytes[1]) % (body.count + 1)

    func read(_ pieces: [ArraySlice<UInt8>]) -> UsageReading {
        var reader = UsageReader(form, isEventStream: isEventStream)
        for piece in pieces { unsafe piece.withUnsafeBytes { unsafe reader.feed($0) } }
        return reader.finish(isWhole: isWhole, requestBytes: 300)
    }
    let reading = read([body])
    require(reading == read([body[..<cut], body[cut...]]), "one cut makes no difference")
    require(reading == read(body.map { [$0][...] }), "nor do single bytes")
    let usage = reading.usage
    for number in [usage.input, usage.output, usage.cacheRead, usage.cacheWrite, usage.cacheWriteLong] {
        require((0...(4 << 40)).contains(number), "a number of tokens: \(number)")
    }
    if reading.isEstimated {
        require(usage.output >= max(1, Int64(body.count) / 3), "an estimate is not below the length")
    }
    if let model = reading.model {
        require(
            model.utf8.count <= 128 && model.utf8.allSatisfy { 0x21...0x7E ~= $0 },
            "a name that can be shown"
        )
    }
    fuzzRequest(form, body, cut)
    fuzzLedger(reading)
}

private func fuzzRequest(_ form: UsageForm, _ body: ArraySlice<UInt8>, _ cut: Int) {
    func read(_ pieces: [ArraySlice<UInt8>]) -> ModelRequest {
        var reader = RequestReader(form, method: "POST", path: "/v1/responses")
        for piece in pieces { unsafe piece.withUnsafeBytes { unsafe reader.feed($0) } }
        return reader.finish()
    }
    let request = read([body])
    require(request == read([body[..<cut], body[cut...]]), "a request, too, is read alike in pieces")
    require(request.bytes == body.count && request.billing != .free, "and is not free")
}

private func fuzzLedger(_ reading: UsageReading) {
    var ledger = UsageLedger(id: "a 1")
    for _ in 0..<2 {
        ledger.add(reading, RequestCost(money: Money(nanoDollars: .max), isPriced: false), day: 1)
    }
    require(UsageLedger(document: ledger.document) == ledger, "a ledger reads back as it was written")
}

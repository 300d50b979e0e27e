// Reads from a provider's answer what it used, while the answer passes by. It is fed with the decoded bytes of the body, in
// whatever pieces they come, and keeps a few numbers of them. In a stream of events, a line that cannot hold usage is
// searched for one word and forgotten. Called by the gateway, one reader for each request.

internal import ClocheModel
internal import StructuredText

/// Counts the tokens of one answer.
package struct UsageReader {
    private let form: UsageForm
    private let isEventStream: Bool
    private var skimmer: MemberSkimmer
    private var lines = EventLines()
    private var bytes: Int64 = 0
    private var numbers = UsageNumbers()
    /// The provider's latest numbers as it wrote them, as long as nobody needs them.
    private var latest: [UInt8] = []
    private var model: String?
    /// The provider has said that these are the last numbers.
    private var isLast = false
    /// Something about usage was not as it should be.
    private var isBroken = false

    /// A reader for one answer.
    ///
    /// - Parameters:
    ///   - form: how the provider says it.
    ///   - isEventStream: whether the content type is `text/event-stream`; anything else is read as JSON.
    package init(_ form: UsageForm, isEventStream: Bool) {
        self.form = form
        self.isEventStream = isEventStream
        skimmer = MemberSkimmer(Self.members(form))
    }

    /// In this order: usage and model in the document; both in the object in it; the sign that more will not come.
    private static func members(_ form: UsageForm) -> [MemberSkimmer.Member] {
        switch form {
        case .anthropic:
            [
                .init("usage"), .init("model", limit: 256), .init("usage", in: "message"),
                .init("model", in: "message", limit: 256), .init("stop_reason", in: "delta", limit: 256),
            ]
        case .openai:
            [
                .init("usage"), .init("model", limit: 256), .init("usage", in: "response"),
                .init("model", in: "response", limit: 256), .init("choices", limit: 2),
            ]
        case .gemini:
            [
                .init("usageMetadata"), .init("modelVersion", limit: 256),
                .init("usageMetadata", in: "response"),
                .init("modelVersion", in: "response", limit: 256),
            ]
        }
    }

    /// Takes in the next bytes of the answer's body.
    package mutating func feed(_ piece: UnsafeRawBufferPointer) {
        bytes = TokenUsage.sum(bytes, Int64(piece.count))
        guard isEventStream else { return unsafe skim(piece) }
        var position = 0
        while let part = unsafe lines.next(piece, &position) {
            // Providers write a document on one line. One on several is not read, and so an estimate: whether a line may
            // be passed over must not depend on the lines before it, nor on the pieces in which it comes.
            switch part {
            case .line(let range):
                let line = unsafe UnsafeRawBufferPointer(rebasing: piece[range])
                // Most lines are pieces of text. The first is read, for the model's name.
                if unsafe model != nil && !Self.mayHoldUsage(line) { continue }
                skimmer.reset()
                unsafe skim(line)
            case .piece(let range, let begins):
                if begins { skimmer.reset() }
                unsafe skim(UnsafeRawBufferPointer(rebasing: piece[range]))
            }
        }
    }

    /// Whether `usage` is in a line, as it is in `usageMetadata`: looked for by its rarest letter.
    private static func mayHoldUsage(_ line: UnsafeRawBufferPointer) -> Bool {
        var index = 3
        while index + 1 < line.count {
            while index + 8 < line.count {
                let word = unsafe line.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                if word.hasByte(UInt8(ascii: "g")) { break }
                index += 8
            }
            if index + 1 >= line.count { return false }
            if unsafe line[index] == UInt8(ascii: "g"), unsafe line[index - 1] == UInt8(ascii: "a"),
                unsafe line[index - 2] == UInt8(ascii: "s"), unsafe line[index - 3] == UInt8(ascii: "u"),
                unsafe line[index + 1] == UInt8(ascii: "e")
            {
                // Each chunk of a chat but the last has `"usage":null`.
                let rest = unsafe UnsafeRawBufferPointer(rebasing: line[(index + 2)...])
                if unsafe !rest.starts(with: "\":null".utf8) { return true }
            }
            index += 1
        }
        return false
    }

    private mutating func skim(_ piece: UnsafeRawBufferPointer) {
        var start = 0
        while start < piece.count {
            start += unsafe skimmer.skim(UnsafeRawBufferPointer(rebasing: piece[start...]))
            if skimmer.hasEnded { take() }
        }
    }

    /// A document has ended.
    private mutating func take() {
        let values = skimmer.values
        for index in [1, 3] where model == nil && !values[index].isEmpty && !skimmer.isCut[index] {
            // A name that cannot be read is none.
            model = (try? JSONText.parse(values[index]))?.string.flatMap(UsageReading.modelName)
        }
        // What is no object is `null`, or is found out when it is read.
        for index in [2, 0] where !values[index].isEmpty && values[index].first != UInt8(ascii: "n") {
            if skimmer.isCut[index] || skimmer.isAmbiguous { isBroken = true }
            isLast = isLast(index, values)
            latest = values[index]
            // Of the others' numbers, the latest are all.
            if form == .anthropic { takeLatest() }
        }
    }

    private mutating func takeLatest() {
        if !latest.isEmpty && !numbers.take(latest, form) { isBroken = true }
        latest.removeAll()
    }

    /// Whether the numbers of a document are the last.
    private func isLast(_ index: Int, _ values: [[UInt8]]) -> Bool {
        switch form {
        // `message_start` has the first numbers, in the message; `message_delta` has the last, with why it stops.
        case .anthropic: index == 0 && (!isEventStream || values[4].contains(UInt8(ascii: "\"")))
        // Responses have them where they end. The last chunk of a chat has no choices; others may have them as they grow.
        case .openai: index == 2 || !isEventStream || values[4] == Array("[]".utf8)
        // They grow, and nothing in them says that they are the last.
        case .gemini: false
        }
    }

    /// The answer is over, or nobody waits for the rest of it.
    ///
    /// What the provider has not said to its end is estimated, and never as nothing: by the length of what was sent and
    /// answered, or by what it said so far if that is more. So an agent gains nothing by breaking off.
    ///
    /// - Parameters:
    ///   - isWhole: whether the body came to its end, as HTTP sees it.
    ///   - requestBytes: the length of the request's body.
    ///   - requestModel: the model that was asked for, as far as that is known.
    package mutating func finish(
        isWhole: Bool,
        requestBytes: Int64,
        requestModel: String? = nil
    ) -> UsageReading {
        takeLatest()
        let model = model ?? requestModel.flatMap(UsageReading.modelName)
        var usage = numbers.tokens(form)
        // A stream of Anthropic's without its `message_delta` broke off, however HTTP sees it.
        let endsWithLast = form == .anthropic && isEventStream
        let isOver = isLast || lines.isDone || (isWhole && !endsWithLast)
        if numbers.saysAnything && isOver && !isBroken {
            return UsageReading(model: model, usage: usage, isEstimated: false)
        }
        usage.output = max(usage.output, UsageReading.tokens(inBytes: bytes))
        if !numbers.saysInput || isBroken {
            usage.input = max(usage.input, UsageReading.tokens(inBytes: requestBytes))
        }
        return UsageReading(model: model, usage: usage, isEstimated: true)
    }
}

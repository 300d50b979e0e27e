// What a request to a model API used, as values. The sum of two never wraps: it stays at the largest number.

internal import ClocheModel

/// How a provider says what a request used.
package enum UsageForm: String, Equatable, Sendable, CaseIterable {
    /// Anthropic's messages.
    case anthropic
    /// OpenAI's chat completions and responses, and whatever speaks like them.
    case openai
    /// Google's `generateContent` and `streamGenerateContent`.
    case gemini
}

/// Tokens by what they cost; none is counted twice.
package struct TokenUsage: Equatable, Sendable {
    /// Sent, and not read from a cache nor written to one.
    package var input: Int64
    /// Answered, with what a model thought before.
    package var output: Int64
    /// Sent, and read from the provider's cache.
    package var cacheRead: Int64
    /// Sent, and written to the provider's cache.
    package var cacheWrite: Int64
    /// Sent, and written to a cache that keeps it for an hour, which costs more.
    package var cacheWriteLong: Int64

    /// These tokens.
    package init(
        input: Int64 = 0,
        output: Int64 = 0,
        cacheRead: Int64 = 0,
        cacheWrite: Int64 = 0,
        cacheWriteLong: Int64 = 0
    ) {
        self.input = input
        self.output = output
        self.cacheRead = cacheRead
        self.cacheWrite = cacheWrite
        self.cacheWriteLong = cacheWriteLong
    }

    /// All that was sent.
    package var sent: Int64 { [input, cacheRead, cacheWrite, cacheWriteLong].reduce(0, Self.sum) }

    /// All that was sent and answered.
    package var all: Int64 { Self.sum(sent, output) }

    /// What is more in one than in the other; never less than nothing.
    package static func - (first: TokenUsage, second: TokenUsage) -> TokenUsage {
        TokenUsage(
            input: max(0, first.input - second.input),
            output: max(0, first.output - second.output),
            cacheRead: max(0, first.cacheRead - second.cacheRead),
            cacheWrite: max(0, first.cacheWrite - second.cacheWrite),
            cacheWriteLong: max(0, first.cacheWriteLong - second.cacheWriteLong)
        )
    }

    /// Both together.
    package static func + (first: TokenUsage, second: TokenUsage) -> TokenUsage {
        TokenUsage(
            input: sum(first.input, second.input),
            output: sum(first.output, second.output),
            cacheRead: sum(first.cacheRead, second.cacheRead),
            cacheWrite: sum(first.cacheWrite, second.cacheWrite),
            cacheWriteLong: sum(first.cacheWriteLong, second.cacheWriteLong)
        )
    }

    static func sum(_ first: Int64, _ second: Int64) -> Int64 {
        let (sum, overflow) = first.addingReportingOverflow(second)
        return overflow ? .max : sum
    }
}

/// What is known of what one request used.
package struct UsageReading: Equatable, Sendable {
    /// The model that answered, or that was asked for; nil when neither is known.
    package var model: String?
    /// What it used.
    package var usage: TokenUsage
    /// Whether that is an estimate, because the provider did not say it, or not to its end.
    package var isEstimated: Bool

    /// A reading.
    package init(model: String?, usage: TokenUsage, isEstimated: Bool) {
        self.model = model
        self.usage = usage
        self.isEstimated = isEstimated
    }

    /// Of a request that is under way: what is sent, by its length.
    package static func expected(model: String?, requestBytes: Int64) -> UsageReading {
        let tokens = TokenUsage(input: UsageReading.tokens(inBytes: requestBytes))
        return UsageReading(model: model, usage: tokens, isEstimated: true)
    }

    /// Never fewer than there can be as a rule, and never none: a token of text has four bytes in English, three and
    /// more in most other writing.
    static func tokens(inBytes bytes: Int64) -> Int64 { max(1, bytes / 3 + (bytes % 3 > 0 ? 1 : 0)) }

    /// A model's name as it may be kept and shown: at most 128 visible ASCII characters; nil for any other.
    ///
    /// What is asked for is an agent's choice, and what answers repeats it.
    package static func modelName(_ text: String) -> String? {
        let bytes = text.utf8
        return (1...128).contains(bytes.count) && bytes.allSatisfy { 0x21...0x7E ~= $0 } ? text : nil
    }
}

// The numbers of a provider's usage object, in its own words, and the tokens that they mean. Numbers that cannot be are no
// numbers: then nothing of the object is believed.

internal import ClocheModel
internal import StructuredText

/// What was said of a request so far; a later number takes the place of an earlier one.
struct UsageNumbers: Equatable {
    /// More is no number of tokens.
    static let most: Int64 = 1 << 40

    /// A number, by the names that stand for it in the forms.
    enum Slot: String, CaseIterable {
        /// What was sent; with OpenAI and Gemini, what came from a cache is part of it.
        case sent
        case answered
        /// Gemini's thoughts, which are not part of what was answered.
        case thought
        /// Gemini's results of tools, which are not part of what was sent.
        case tools
        case cacheRead
        case cacheWrite
        /// What of `cacheWrite` stays for an hour.
        case cacheWriteLong
        case total

        func path(_ form: UsageForm) -> [[String]] {
            switch (form, self) {
            case (.anthropic, .sent): [["input_tokens"]]
            case (.anthropic, .answered): [["output_tokens"]]
            case (.anthropic, .cacheRead): [["cache_read_input_tokens"]]
            case (.anthropic, .cacheWrite): [["cache_creation_input_tokens"]]
            case (.anthropic, .cacheWriteLong): [["cache_creation", "ephemeral_1h_input_tokens"]]
            case (.openai, .sent): [["prompt_tokens"], ["input_tokens"]]
            case (.openai, .answered): [["completion_tokens"], ["output_tokens"]]
            case (.openai, .cacheRead):
                [["prompt_tokens_details", "cached_tokens"], ["input_tokens_details", "cached_tokens"]]
            case (.openai, .total): [["total_tokens"]]
            case (.gemini, .sent): [["promptTokenCount"]]
            case (.gemini, .answered): [["candidatesTokenCount"]]
            case (.gemini, .thought): [["thoughtsTokenCount"]]
            case (.gemini, .tools): [["toolUsePromptTokenCount"]]
            case (.gemini, .cacheRead): [["cachedContentTokenCount"]]
            case (.gemini, .total): [["totalTokenCount"]]
            default: []
            }
        }
    }

    private var numbers: [Slot: Int64] = [:]

    /// Whether it is known what was sent.
    var saysInput: Bool { numbers[.sent] != nil }

    /// Whether anything is known at all.
    var saysAnything: Bool { numbers[.sent] != nil || numbers[.answered] != nil || numbers[.total] != nil }

    /// Takes in a usage object as JSON; `null` says nothing.
    ///
    /// - Returns: whether it could be read.
    mutating func take(_ text: [UInt8], _ form: UsageForm) -> Bool {
        // What it was is of no use to anybody.
        guard let object = try? JSONText.parse(text) else { return false }
        if object == .null { return true }
        guard object.entries != nil else { return false }
        var taken = self
        for slot in Slot.allCases {
            for path in slot.path(form) {
                switch object.value(at: path) {
                case nil, .null?: continue
                case let value?:
                    guard let number = Self.count(value) else { return false }
                    taken.numbers[slot] = number
                }
            }
        }
        self = taken
        return true
    }

    private static func count(_ value: Document) -> Int64? {
        switch value {
        case .integer(let number): 0...most ~= number ? number : nil
        case .real(let number): number >= 0 && number <= Double(most) ? Int64(number.rounded(.up)) : nil
        default: nil
        }
    }

    /// The tokens by what they cost.
    func tokens(_ form: UsageForm) -> TokenUsage {
        func number(_ slot: Slot) -> Int64 { numbers[slot] ?? 0 }
        if form == .anthropic {
            // Part of what was written; if it is said to be more, that is believed.
            let long = number(.cacheWriteLong)
            return TokenUsage(
                input: number(.sent),
                output: number(.answered),
                cacheRead: number(.cacheRead),
                cacheWrite: max(0, number(.cacheWrite) - long),
                cacheWriteLong: long
            )
        }
        let sent = number(.sent) + number(.tools)
        let cached = min(number(.cacheRead), sent)
        // Some count what a model thinks in the total alone.
        let answered = max(number(.answered) + number(.thought), number(.total) - sent)
        return TokenUsage(input: sent - cached, output: answered, cacheRead: cached)
    }
}

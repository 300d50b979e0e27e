// What is read from answers: whole, in any pieces, cut anywhere, and of hostile ones.

import Testing

@testable import ModelUsage

@Suite struct UsageReaderTests {
    @Test(arguments: Answer.all) func readsWhatTheProviderSays(_ answer: Answer) {
        let reading = answer.read([answer.bytes[...]])
        #expect(reading == UsageReading(model: answer.model, usage: answer.usage, isEstimated: false))
    }

    @Test(arguments: Answer.all) func readsTheSameInTwoPiecesCutAnywhere(_ answer: Answer) {
        let bytes = answer.bytes
        let whole = answer.read([bytes[...]])
        for cut in bytes.indices {
            #expect(answer.read([bytes[..<cut], bytes[cut...]]) == whole, "cut at \(cut)")
        }
    }

    @Test(arguments: Answer.all) func readsTheSameInPiecesOfAnySize(_ answer: Answer) {
        let bytes = answer.bytes
        let whole = answer.read([bytes[...]])
        for size in [1, 2, 3, 7, 8, 9, 64] {
            let pieces = stride(from: 0, to: bytes.count, by: size).map {
                bytes[$0..<min($0 + size, bytes.count)]
            }
            #expect(answer.read(pieces) == whole, "pieces of \(size)")
        }
    }

    @Test(arguments: Answer.all.filter(\.isEventStream), ["\r\n", "\r"])
    func readsEveryKindOfLineEnd(_ answer: Answer, _ end: String) {
        // One scalar: as a Character, CR LF would be one.
        let bytes = answer.bytes.flatMap { $0 == 0x0A ? Array(end.utf8) : [$0] }
        let whole = answer.read([answer.bytes[...]])
        for size in [1, 5, bytes.count] {
            let pieces = stride(from: 0, to: bytes.count, by: size).map {
                bytes[$0..<min($0 + size, bytes.count)]
            }
            #expect(answer.read(pieces) == whole, "pieces of \(size)")
        }
    }

    @Test(arguments: Answer.all) func readsBehindAByteOrderMark(_ answer: Answer) {
        let bytes = [0xEF, 0xBB, 0xBF] + answer.bytes
        let whole = answer.read([answer.bytes[...]])
        for cut in 0...6 { #expect(answer.read([bytes[..<cut], bytes[cut...]]) == whole, "cut at \(cut)") }
    }

    /// An agent that breaks off gains nothing: what is counted is at least what the provider said so far, what was
    /// answered so far, and never nothing; and it is the exact number only if the provider had said it to its end.
    @Test(arguments: Answer.all) func whatIsCutAnywhereIsNeverCountedAsLess(_ answer: Answer) {
        let bytes = answer.bytes
        for cut in bytes.indices {
            let reading = answer.read([bytes[..<cut]], isWhole: false)
            if reading.isEstimated {
                #expect(reading.usage.output >= max(1, Int64(cut) / 3), "cut at \(cut)")
                #expect(reading.usage.sent >= 1, "cut at \(cut)")
                // Before the provider says what was sent, it is what the request's length says.
                if cut < 40 { #expect(reading.usage.input == 100, "cut at \(cut)") }
            } else {
                #expect(reading.usage == answer.usage, "cut at \(cut)")
            }
        }
        #expect(answer.read([], isWhole: false).isEstimated)
    }

    @Test func theEndThatTheProviderSaysIsAnEndWhateverHTTPSays() {
        for answer in [Answer.anthropicStream, .anthropicCumulative, .chatStream, .responsesStream] {
            #expect(!answer.read([answer.bytes[...]], isWhole: false).isEstimated, "\(answer)")
        }
        // Nothing says that Gemini's numbers are the last but the end of the body.
        let cut = Answer.geminiStream.read([Answer.geminiStream.bytes[...]], isWhole: false)
        #expect(cut.isEstimated)
        #expect(cut.usage.output >= 83 && cut.usage.input == 159 && cut.usage.cacheRead == 256)
    }

    @Test func aStreamOfAnthropicsWithoutItsEndIsAnEstimateEvenIfHTTPIsContent() {
        let answer = Answer.anthropicStream
        let text = String(answer.text.prefix(900))
        let reading = answer.with(text).read([Array(text.utf8)[...]], isWhole: true)
        #expect(reading.isEstimated)
        // What was sent is known from the first event, exactly.
        #expect(reading.usage.cacheRead == 40960 && reading.usage.input == 12)
        #expect(reading.usage.output == 300)
    }

    @Test func aChatWithoutIncludeUsageIsCountedByItsLength() {
        let answer = Answer.chatStream
        let lines = answer.text.split(separator: "\n", omittingEmptySubsequences: false)
        let text = lines.filter { !$0.contains("prompt_tokens") }.joined(separator: "\n")
            .split(separator: ",\"usage\":null").joined()
        let reading = answer.with(text).read(
            [Array(text.utf8)[...]],
            requestBytes: 3000,
            requestModel: "gpt-5"
        )
        #expect(reading.isEstimated)
        #expect(reading.model == "gpt-5-2025-08-07")
        #expect(reading.usage == TokenUsage(input: 1000, output: Int64(text.utf8.count + 2) / 3))
    }

    @Test func numbersThatGrowAreNoEnd() {
        let chunk = """
            data: {"model":"m","choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":9,"completion_tokens":1}}


            """
        let answer = Answer.chatStream.with(chunk)
        #expect(answer.read([answer.bytes[...]], isWhole: false).isEstimated)
        let ended = answer.with(chunk + "data: [DONE]\n\n")
        let reading = ended.read([ended.bytes[...]], isWhole: false)
        #expect(
            reading == UsageReading(model: "m", usage: TokenUsage(input: 9, output: 1), isEstimated: false)
        )
    }

    static let broken: [(String, String)] = [
        ("negative", "\"output_tokens\":-5"),
        ("huge", "\"output_tokens\":99999999999999"),
        ("beyond 64 bits", "\"output_tokens\":99999999999999999999999"),
        ("text", "\"output_tokens\":\"89\""),
        ("a list", "\"output_tokens\":[89]"),
        ("twice", "\"output_tokens\":1,\"output_tokens\":89"),
        ("a NUL", "\"output_tokens\":8\u{0}9"),
        ("not a number", "\"output_tokens\":NaN"),
    ]

    @Test(arguments: broken) func numbersThatCannotBeAreNotBelieved(_ name: String, _ number: String) {
        let answer = Answer.anthropicStream.replacing("\"output_tokens\":89", number)
        let reading = answer.read([answer.bytes[...]], requestBytes: 9000)
        #expect(reading.isEstimated, "\(name)")
        #expect(reading.usage.output == Int64(answer.bytes.count + 2) / 3)
        #expect(reading.usage.input == 3000 && reading.usage.cacheRead == 40960)
    }

    @Test func usageThatIsThereTwiceIsNotBelieved() {
        let twice = """
            {"model":"m","usage":{"prompt_tokens":900,"completion_tokens":900},"usage":{"prompt_tokens":1,"completion_tokens":1}}
            """
        let answer = Answer.embeddings.with(twice)
        #expect(answer.read([answer.bytes[...]]).isEstimated)
        let hidden = answer.with(
            twice.split(separator: ",\"usage\"").joined(separator: ",\"us\\u0061ge\"")
        )
        #expect(hidden.read([hidden.bytes[...]]).isEstimated)
    }

    @Test func aRealNumberIsRoundedUp() {
        let answer = Answer.embeddings.with("{\"usage\":{\"prompt_tokens\":8.2,\"completion_tokens\":1e2}}")
        #expect(answer.read([answer.bytes[...]]).usage == TokenUsage(input: 9, output: 100))
    }

    @Test func anEventMayBeAsLongAsItLikes() {
        // Two MiB of text before the numbers, in one event.
        let long = String(repeating: "text \\\" {[ ", count: 200_000)
        let answer = Answer.responsesStream.replacing("Hi {[\\\"", long)
        #expect(answer.bytes.count > 2 << 20)
        let pieces = stride(from: 0, to: answer.bytes.count, by: 16384).map {
            answer.bytes[$0..<min($0 + 16384, answer.bytes.count)]
        }
        let reading = answer.read(pieces)
        #expect(reading == UsageReading(model: answer.model, usage: answer.usage, isEstimated: false))
    }

    @Test func aUsageObjectWithoutEndIsNotKept() {
        let long = String(repeating: "1,", count: 100_000)
        let answer = Answer.embeddings.with(
            "{\"model\":\"m\",\"usage\":{\"prompt_tokens\":1,\"x\":[\(long)1]}}"
        )
        let reading = answer.read([answer.bytes[...]])
        #expect(reading.isEstimated)
        #expect(reading.usage.output == Int64(answer.bytes.count + 2) / 3)
    }

    @Test func aNameThatIsNoneIsNotKept() {
        for name in ["a b", "\\u001b[2J", "", String(repeating: "x", count: 129), "ä"] {
            let answer = Answer.embeddings.with("{\"model\":\"\(name)\",\"usage\":{\"prompt_tokens\":1}}")
            #expect(answer.read([answer.bytes[...]], requestModel: "gpt-5").model == "gpt-5")
        }
        for name in ["a b", "\u{1B}[2J", "", "ä"] {
            let answer = Answer.embeddings.with("{}")
            #expect(answer.read([answer.bytes[...]], requestModel: name).model == nil)
        }
    }

    @Test func aDocumentOnSeveralLinesIsAnEstimateInWhateverPieces() {
        let text = """
            data: {"model":"m","choices":
            data: {"model":"m","choices":[],
            data: "usage":{"prompt_tokens":3,"completion_tokens":4}}


            """
        let answer = Answer.chatStream.with(text)
        let whole = answer.read([answer.bytes[...]])
        #expect(whole.isEstimated && whole.usage.output >= Int64(answer.bytes.count) / 3)
        for cut in answer.bytes.indices {
            #expect(answer.read([answer.bytes[..<cut], answer.bytes[cut...]]) == whole, "cut at \(cut)")
        }
    }

    /// What a line is worth does not depend on whether it comes whole: found by fuzzing.
    @Test(arguments: [
        "{\"model\":\"a\",\"model\":\"b\"}", "{\"us\\u0061ge\":{\"prompt_tokens\":1}}",
        "{\"model\":\"a\",\"usage\":null,\"usage\":null}",
        "{\"choices\":", "\"", "[", "}}", "{\"usage\":nullx}", "{\"usage\": null}",
    ])
    func linesWithoutUsageMakeNoDifference(_ line: String) {
        let lines = Answer.chatStream.text.split(separator: "\n\n")
        let text = lines.joined(separator: "\n\ndata: \(line)\n") + "\n\n"
        let answer = Answer.chatStream.with(text)
        for size in [1, 3, 50, answer.bytes.count] {
            let pieces = stride(from: 0, to: answer.bytes.count, by: size).map {
                answer.bytes[$0..<min($0 + size, answer.bytes.count)]
            }
            let reading = answer.read(pieces)
            #expect(!reading.isEstimated && reading.usage == answer.usage, "pieces of \(size)")
        }
    }

    @Test func anEventThatBreaksOffDoesNotSwallowTheNext() {
        let text = "data: {\"model\":\"m\",\"x\":\"open\n\n" + Answer.chatStream.text
        let answer = Answer.chatStream.with(text)
        #expect(answer.read([answer.bytes[...]]).usage == answer.usage)
    }

    @Test func anErrorIsCountedAsAnEstimate() {
        let text =
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n"
        let answer = Answer.anthropicStream.with(text)
        let reading = answer.read([answer.bytes[...]], requestModel: "claude-opus-4-8")
        #expect(reading.isEstimated && reading.usage.output > 0 && reading.model == "claude-opus-4-8")
    }
}

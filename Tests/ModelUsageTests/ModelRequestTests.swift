// What is known of a request before it is answered; all of it is the agent's choice.

import Testing

@testable import ModelUsage

@Suite struct ModelRequestTests {
    static func read(_ form: UsageForm, _ path: String, _ body: String = "", method: String = "POST")
        -> ModelRequest
    {
        var results: [ModelRequest] = []
        let bytes = Array(body.utf8)
        for cut in 0...bytes.count {
            var reader = RequestReader(form, method: method, path: path)
            for piece in [bytes[..<cut], bytes[cut...]] {
                unsafe piece.withUnsafeBytes { unsafe reader.feed($0) }
            }
            results.append(reader.finish())
        }
        for result in results { #expect(result == results[0]) }
        return results[0]
    }

    @Test func theModelIsInTheBodyOrInThePath() {
        let body =
            "{\"messages\":[{\"content\":\"\\\"model\\\":\\\"x\\\"\"}],\"model\":\"claude-opus-4-8\",\"stream\":true}"
        let request = Self.read(.anthropic, "/v1/messages?beta=true", body)
        #expect(
            request
                == ModelRequest(billing: .answered, model: "claude-opus-4-8", bytes: Int64(body.utf8.count))
        )
        #expect(request.expected.usage.input == Int64(body.utf8.count + 2) / 3)
        let path = "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse"
        #expect(Self.read(.gemini, path, "{\"model\":\"cheap\"}").model == "gemini-2.5-pro")
    }

    /// A provider may read the other one of two names.
    @Test func aModelThatCanBeReadTwoWaysIsUnknown() {
        for body in [
            "{\"model\":\"dear\",\"model\":\"cheap\"}", "{\"mod\\u0065l\":\"dear\",\"model\":\"cheap\"}",
            "{\"model\":\"cheap\"}{\"model\":\"dear\"}", "{\"model\":[\"cheap\"]}", "model=cheap", "",
            "{\"model\":\"cheap\"", "{\"model\":\"two words\"}",
            "{\"model\":\"\(String(repeating: "x", count: 300))\"}",
        ] {
            #expect(Self.read(.openai, "/v1/chat/completions", body).model == nil, "\(body)")
        }
        // The control.
        #expect(Self.read(.openai, "/v1/chat/completions", "{\"model\":\"cheap\"}").model == "cheap")
    }

    @Test(arguments: [
        (UsageForm.anthropic, "POST", "/v1/messages", ModelRequest.Billing.answered),
        (.anthropic, "POST", "/v1/messages/count_tokens?beta=true", .free),
        (.anthropic, "POST", "/v1/messages/batches", .deferred),
        (.anthropic, "POST", "/v1/messages/batches/msgbatch_1/cancel", .free),
        (.anthropic, "GET", "/v1/models", .free),
        (.openai, "POST", "/v1/chat/completions", .answered),
        (.openai, "POST", "/v1/responses", .answered),
        (.openai, "POST", "/v1/batches", .deferred),
        (.openai, "POST", "/v1/fine_tuning/jobs", .deferred),
        (.openai, "POST", "/v1/files", .free),
        (.openai, "PATCH", "/v1/whatever", .answered),
        (.gemini, "POST", "/v1beta/models/g:generateContent", .answered),
        (.gemini, "POST", "/v1beta/models/g:countTokens", .free),
        (.gemini, "POST", "/v1beta/models/g:batchGenerateContent", .deferred),
        (.openai, "POST", "/v1/threads/t/runs", .deferred),
        // What a server may read as another path is taken for what is put off.
        (.anthropic, "POST", "/v1/messages/%2e%2e/count_tokens", .deferred),
        (.anthropic, "POST", "/v1/messages/../count_tokens", .deferred),
        (.anthropic, "POST", "/v1/messages//count_tokens", .deferred),
        (.anthropic, "POST", "/v1/messages;/count_tokens", .deferred),
        (.anthropic, "POST", "/v1/messages/b%61tches", .deferred),
        (.anthropic, "POST", "/v1/messages?x=/count_tokens", .answered),
        (.anthropic, "get", "/v1/messages", .answered),
    ])
    func whatCostsNothing(
        _ form: UsageForm,
        _ method: String,
        _ path: String,
        _ billing: ModelRequest.Billing
    ) {
        #expect(Self.read(form, path, method: method).billing == billing, "\(method) \(path)")
    }

    @Test func workInTheBackgroundIsPutOff() {
        for body in [
            "{\"background\":true}", "{\"background\": 1}", "{\"background\":false,\"background\":true}",
            "{\"b\\u0061ckground\":true}", "{}{}",
        ] {
            #expect(Self.read(.openai, "/v1/responses", body).billing == .deferred, "\(body)")
        }
        for body in ["{\"background\": false}", "{\"background\":null}", "{}", ""] {
            #expect(Self.read(.openai, "/v1/responses", body).billing == .answered, "\(body)")
        }
    }
}

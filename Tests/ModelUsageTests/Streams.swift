// Answers of model APIs as their providers document them, and what they used. Used by the tests of UsageReader.

@testable import ModelUsage

/// An answer, and what is to be read from it.
struct Answer: Sendable, CustomStringConvertible {
    let name: String
    let form: UsageForm
    var isEventStream = true
    let text: String
    let model: String?
    let usage: TokenUsage

    var description: String { name }
    var bytes: [UInt8] { Array(text.utf8) }

    static let anthropicStream = Answer(
        name: "Anthropic, a stream with thinking and a tool",
        form: .anthropic,
        text: """
            event: message_start
            data: {"type":"message_start","message":{"id":"msg_01Abc","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":12,"cache_creation_input_tokens":2048,"cache_read_input_tokens":40960,"cache_creation":{"ephemeral_5m_input_tokens":1024,"ephemeral_1h_input_tokens":1024},"output_tokens":3,"service_tier":"standard"}}}

            event: content_block_start
            data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

            event: ping
            data: {"type": "ping"}

            event: content_block_delta
            data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"It says \\"usage\\": {\\"output_tokens\\": 9999}, which is text."}}

            event: content_block_stop
            data: {"type":"content_block_stop","index":0}

            event: content_block_start
            data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"toolu_01","name":"Bash","input":{}}}

            event: content_block_delta
            data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\\"command\\": \\"ls\\", \\"usage\\": {}}"}}

            event: content_block_stop
            data: {"type":"content_block_stop","index":1}

            event: message_delta
            data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":89}}

            event: message_stop
            data: {"type":"message_stop"}


            """,
        model: "claude-sonnet-4-5-20250929",
        usage: TokenUsage(input: 12, output: 89, cacheRead: 40960, cacheWrite: 1024, cacheWriteLong: 1024)
    )

    static let anthropicCumulative = Answer(
        name: "Anthropic, all numbers again at the end",
        form: .anthropic,
        text: """
            event: message_start
            data: {"type":"message_start","message":{"model":"claude-opus-4-8","usage":{"input_tokens":10,"output_tokens":1}}}

            event: message_delta
            data: {"type":"message_delta","delta":{"stop_reason":null},"usage":{"input_tokens":200,"output_tokens":20}}

            event: message_delta
            data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"input_tokens":300,"cache_creation_input_tokens":0,"cache_read_input_tokens":7,"output_tokens":30,"server_tool_use":{"web_search_requests":1}}}

            event: message_stop
            data: {"type":"message_stop"}


            """,
        model: "claude-opus-4-8",
        usage: TokenUsage(input: 300, output: 30, cacheRead: 7)
    )

    static let anthropicWhole = Answer(
        name: "Anthropic, not streamed",
        form: .anthropic,
        isEventStream: false,
        text: """
            {"id":"msg_013Z","type":"message","role":"assistant","model":"claude-haiku-4-5-20251001",
             "content":[{"type":"text","text":"Say {\\"usage\\":{\\"input_tokens\\":0}} ü\\u00fc\\n"}],
             "stop_reason":"end_turn","stop_sequence":null,
             "usage":{"input_tokens":2095,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":503}}
            """,
        model: "claude-haiku-4-5-20251001",
        usage: TokenUsage(input: 2095, output: 503)
    )

    static let chatStream = Answer(
        name: "OpenAI chat, a stream with include_usage",
        form: .openai,
        text: """
            data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-5-2025-08-07","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}

            data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-5-2025-08-07","choices":[{"index":0,"delta":{"content":"the usage, or \\"usage\\":{}"},"finish_reason":null}],"usage":null}

            data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-5-2025-08-07","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}

            data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-5-2025-08-07","choices":[],"usage":{"prompt_tokens":1117,"completion_tokens":46,"total_tokens":1163,"prompt_tokens_details":{"cached_tokens":1024,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":32}}}

            data: [DONE]


            """,
        model: "gpt-5-2025-08-07",
        usage: TokenUsage(input: 93, output: 46, cacheRead: 1024)
    )

    static let responsesStream = Answer(
        name: "OpenAI responses, a stream",
        form: .openai,
        text: """
            event: response.created
            data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_67","object":"response","status":"in_progress","error":null,"instructions":"You count usage.","model":"gpt-5.1-codex","output":[],"tools":[{"name":"usage"}],"usage":null}}

            event: response.output_text.delta
            data: {"type":"response.output_text.delta","sequence_number":4,"item_id":"msg_67","output_index":0,"delta":"Hi"}

            event: response.completed
            data: {"type":"response.completed","sequence_number":9,"response":{"id":"resp_67","object":"response","status":"completed","model":"gpt-5.1-codex","output":[{"type":"message","content":[{"type":"output_text","text":"Hi {[\\""}]}],"usage":{"input_tokens":37,"input_tokens_details":{"cached_tokens":5},"output_tokens":11,"output_tokens_details":{"reasoning_tokens":4},"total_tokens":48},"user":null,"metadata":{}}}


            """,
        model: "gpt-5.1-codex",
        usage: TokenUsage(input: 32, output: 11, cacheRead: 5)
    )

    static let embeddings = Answer(
        name: "OpenAI embeddings",
        form: .openai,
        isEventStream: false,
        text: """
            {"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.0023,-9.1e-05]}],"model":"text-embedding-3-small","usage":{"prompt_tokens":8,"total_tokens":8}}
            """,
        model: "text-embedding-3-small",
        usage: TokenUsage(input: 8)
    )

    static let geminiStream = Answer(
        name: "Gemini, a stream of events",
        form: .gemini,
        text: """
            data: {"candidates": [{"content": {"parts": [{"text": "One "}],"role": "model"},"index": 0}],"usageMetadata": {"promptTokenCount": 400,"totalTokenCount": 480,"thoughtsTokenCount": 78,"candidatesTokenCount": 2},"modelVersion": "gemini-2.5-pro","responseId": "x"}

            data: {"candidates": [{"content": {"parts": [{"text": "two"}],"role": "model"},"finishReason": "STOP","index": 0}],"usageMetadata": {"promptTokenCount": 400,"candidatesTokenCount": 5,"totalTokenCount": 498,"cachedContentTokenCount": 256,"toolUsePromptTokenCount": 15,"thoughtsTokenCount": 78,"promptTokensDetails": [{"modality": "TEXT","tokenCount": 400}]},"modelVersion": "gemini-2.5-pro","responseId": "x"}


            """,
        model: "gemini-2.5-pro",
        usage: TokenUsage(input: 159, output: 83, cacheRead: 256)
    )

    static let geminiArray = Answer(
        name: "Gemini, a stream as an array",
        form: .gemini,
        isEventStream: false,
        text: """
            [{
              "candidates": [{"content": {"parts": [{"text": "a ]}, [{ \\\\"}]}}],
              "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 1, "totalTokenCount": 8},
              "modelVersion": "gemini-3-flash-preview"
            }
            ,
            {
              "candidates": [{"content": {"parts": [{"text": "b"}]}, "finishReason": "STOP"}],
              "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 20, "totalTokenCount": 40},
              "modelVersion": "gemini-3-flash-preview"
            }
            ]
            """,
        model: "gemini-3-flash-preview",
        usage: TokenUsage(input: 7, output: 33)
    )

    static let all = [
        anthropicStream, anthropicCumulative, anthropicWhole, chatStream, responsesStream, embeddings,
        geminiStream, geminiArray,
    ]

    /// What a reader finds that is fed in these pieces.
    func read(
        _ pieces: [ArraySlice<UInt8>],
        isWhole: Bool = true,
        requestBytes: Int64 = 300,
        requestModel: String? = nil
    ) -> UsageReading {
        var reader = UsageReader(form, isEventStream: isEventStream)
        for piece in pieces { unsafe piece.withUnsafeBytes { unsafe reader.feed($0) } }
        return reader.finish(isWhole: isWhole, requestBytes: requestBytes, requestModel: requestModel)
    }

    /// The same answer with other bytes.
    func with(_ text: String) -> Answer {
        Answer(name: name, form: form, isEventStream: isEventStream, text: text, model: model, usage: usage)
    }

    /// The same answer with a part of it replaced, everywhere.
    func replacing(_ part: String, _ other: String) -> Answer {
        var result = ""
        var rest = text[...]
        while !rest.isEmpty {
            if rest.hasPrefix(part) {
                result += other
                rest = rest.dropFirst(part.count)
            } else {
                result.append(rest.removeFirst())
            }
        }
        return with(result)
    }
}

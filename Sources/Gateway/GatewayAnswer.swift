// What a gateway answers by itself, in the form that clients of model APIs show.

internal import ClocheModel
internal import StructuredText

/// Answers that come from no service.
enum GatewayAnswer {
    private static let reasons = [
        400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
        421: "Misdirected Request",
        429: "Too Many Requests", 502: "Bad Gateway",
        503: "Service Unavailable", 504: "Gateway Timeout",
    ]

    /// The head; clients that try again by themselves are told not to, but where that may help: 503.
    static func head(_ status: Int, length: Int, keepsAlive: Bool) -> String {
        "HTTP/1.1 \(status) \(reasons[status] ?? "Error")\r\ncontent-type: application/json\r\n"
            + "content-length: \(length)\r\nx-should-retry: \(status == 503)\r\n"
            + (keepsAlive ? "" : "connection: close\r\n") + "\r\n"
    }

    /// In the form that Anthropic's and OpenAI's clients show.
    static func body(_ refusal: GatewayRefusal) -> [UInt8] {
        let kind =
            switch refusal.status {
            case 400, 421: "invalid_request_error"
            case 401: "authentication_error"
            case 403: "permission_error"
            case 404: "not_found_error"
            case 429: "rate_limit_error"
            default: "api_error"
            }
        let error = Document.object([
            "type": .string(kind), "code": .string(kind), "message": .string("cloche: \(refusal.why)"),
        ])
        return JSONText.serializeBytes(.object(["type": .string("error"), "error": error]))
    }
}

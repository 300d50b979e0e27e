// The head of a service's answer as the agent is told it: the service's fields, and a framing of our own.

internal import NetworkMessages

/// What stands before an answer's body.
struct AgentAnswerHead {
    /// Status line, fields and the empty line.
    private(set) var text: String
    /// Whether the body follows in chunks.
    private(set) var isChunked = false
    /// Whether another request may follow.
    private(set) var keepsAlive: Bool

    init(_ head: HTTPAnswerHead, to request: HTTPRequestHead, _ links: ServiceLinks?, keepsAlive: Bool) {
        self.keepsAlive = keepsAlive
        text = "HTTP/1.1 \(head.status) \r\n"
        let changes = links?.changes(head, ofMethod: request.method) ?? false
        for field in head.fields where !changes || !ServiceLinks.aboutBytes.contains(field.name) {
            let value = field.name == "location" ? links?.place(field.value) ?? field.value : field.value
            text += "\(field.name): \(value)\r\n"
        }
        switch head.body(ofMethod: request.method) {
        case .none: break
        case .length(let length) where !changes || length == 0: text += "content-length: \(length)\r\n"
        case .length, .chunked, .untilEnd:
            isChunked = request.minorVersion == 1
            if isChunked { text += "transfer-encoding: chunked\r\n" } else { self.keepsAlive = false }
        }
        if request.method == "HEAD", !changes, case .length(let length) = head.body(ofMethod: "GET") {
            text += "content-length: \(length)\r\n"
        }
        if !self.keepsAlive { text += "connection: close\r\n" }
        text += "\r\n"
    }
}

// What an agent sends to its gateway and what a service answers. Whatever it is: the service gets one request, for its own
// host, with the key once; the agent gets no key, and a body whose end is where every reader sees it.

import ClocheModel
import LinuxSystem
import ModelUsage
import NetworkMessages

@testable import Gateway

private let keyText = "sk-canary-0123456789"

private func key() -> Secret {
    var bytes = Array(keyText.utf8)
    // Without memory for one page nothing goes on.
    guard let secret = try? Secret(wiping: &bytes) else { fatalError("no memory") }
    return secret
}

/// The first byte says whether the rest is a request or an answer, the second where it is cut.
@Sendable func fuzzGateway(_ bytes: [UInt8]) {
    guard bytes.count >= 2 else { return }
    let text = Array(bytes.dropFirst(2))
    bytes[0] & 1 == 0 ? request(text) : answer(text, cut: Int(bytes[1]), isChunked: bytes[0] & 2 != 0)
}

private func request(_ bytes: [UInt8]) {
    guard case .found(let head, let length) = HTTPRequestHead.parse(bytes.span) else { return }
    var service = GatewayService(name: "model", host: "api.test", port: 443)
    service.headers = [Document.Entry("authorization", .string("Bearer {key}"))]
    service.paths = ["/v1/"]
    // What is no target is answered with an error.
    guard let target = try? ServiceTarget(head) else { return }
    let written = service.head(head, path: target.path, key: key())
    let followed = written + Array("GET / HTTP/1.1\r\n\r\n".utf8)
    guard case .found(let again, written.count) = HTTPRequestHead.parse(followed.span) else {
        fatalError(
            "does not hold: what the service gets is one request: \(String(decoding: written, as: UTF8.self))"
        )
    }
    require(again.authority?.text == "api.test" && again.form == .origin, "for its host")
    require(again.method == head.method && again.body == head.body, "the same request")
    require(again["authorization"] == "Bearer \(keyText)", "with the key")
    // An agent may write what it likes: what is not in its request comes from us.
    require(head.path.contains(keyText) || !again.path.contains(keyText), "nowhere else")
    require(again["cookie"] == nil && again.upgrades.isEmpty, "and nothing else")
    let lines = String(decoding: written, as: UTF8.self).lowercased().split(separator: "\r\n")
    require(lines.filter { $0.hasPrefix("authorization:") }.count == 1, "once")
    scan(head, target, Array(bytes.dropFirst(length)))
}

/// The body is read alike in one piece and in single bytes.
private func scan(_ head: HTTPRequestHead, _ target: ServiceTarget, _ body: [UInt8]) {
    func read(_ pieces: [ArraySlice<UInt8>]) -> (ModelRequest?, Bool) {
        var scan = RequestScan(head, .openai, path: target.path)
        var input = ByteQueue()
        for piece in pieces {
            input.append(piece)
            scan.look(at: input)
            require(scan.scanned <= input.count, "no more is read than there is")
            let count = scan.scanned / 2
            input.consume(count)
            scan.passed(count)
        }
        return (scan.request, scan.isDone)
    }
    let whole = read([body[...]])
    require(read(body.map { [$0][...] }) == whole, "pieces make no difference")
}

private func answer(_ bytes: [UInt8], cut: Int, isChunked: Bool) {
    var reader = HTTPAnswerReader()
    guard case .found(let head, let length) = reader.read(bytes.span) else { return }
    let body = Array(bytes.dropFirst(length))
    let framing = head.body(ofMethod: "POST")
    let cut = cut % (body.count + 1)
    let whole = pass([body[...]], framing, isChunked)
    let single = pass(body.map { [$0][...] }, framing, false)
    require(single.text == pass([body[...]], framing, false).text, "pieces make no difference")
    require(pass([body[..<cut], body[cut...]], framing, false).text == single.text, "nor does a cut")
    require(!String(decoding: single.text, as: UTF8.self).contains(keyText), "no key reaches the agent")
    // Only bodies that come in chunks, or end with the connection, go on in chunks.
    guard isChunked, whole.isDone, framing == .chunked || framing == .untilEnd else { return }
    var chunks = ChunkedBody()
    require(chunks.read(whole.text.span) == .done(length: whole.text.count), "the end is where all see it")
}

/// What the agent gets, as long as the pieces are a body.
private func pass(_ pieces: [ArraySlice<UInt8>], _ framing: HTTPAnswerHead.Body, _ isChunked: Bool)
    -> (text: [UInt8], isDone: Bool)
{
    var answer = AnswerBody(framing, isChunked: isChunked, SecretFilter([key()]))
    var output = ByteQueue()
    for piece in pieces {
        var copy = Array(piece)
        let why = unsafe copy.withUnsafeMutableBytes { unsafe answer.feed($0, &output) { _ in } }
        if why != nil { return ([], false) }
    }
    let isDone = answer.end(&output)
    // What is not whole is broken off, and what was held back is never sent.
    return isDone || !isChunked ? (Array(output.slice), isDone) : ([], false)
}

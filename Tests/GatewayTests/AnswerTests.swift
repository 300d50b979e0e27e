// What an answer becomes on its way: out of any framing, in any pieces, and without the key.

import ClocheModel
import LinuxSystem
import NetworkMessages
import Testing

@testable import Gateway

@Suite struct AnswerTests {
    private static let key = "sk-canary-0123456789"

    private static func secret(_ text: String = key) throws -> Secret {
        var bytes = Array(text.utf8)
        return try Secret(wiping: &bytes)
    }

    /// What an agent gets of a body that comes in pieces of a size.
    private func passed(
        _ bytes: [UInt8],
        _ body: HTTPAnswerHead.Body,
        size: Int,
        isChunked: Bool = false
    ) throws -> (output: [UInt8], answer: AnswerBody) {
        var answer = AnswerBody(body, isChunked: isChunked, SecretFilter([try Self.secret()]))
        var output = ByteQueue()
        var looked: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: size) {
            var piece = Array(bytes[start..<min(start + size, bytes.count)])
            let why = unsafe piece.withUnsafeMutableBytes { room in
                unsafe answer.feed(room, &output) { unsafe looked += Array($0) }
            }
            #expect(why == nil)
        }
        #expect(Int64(looked.count) == answer.count)
        return (Array(output.slice), answer)
    }

    @Test(arguments: [1, 2, 3, 7, 16, 1000]) func aKeyIsFoundHoweverItIsCut(_ size: Int) throws {
        let text = "a\(Self.key)b\(Self.key)\(Self.key)sk-canary-sk-canary-0123456789end sk-cana"
        let stars = String(repeating: "*", count: Self.key.utf8.count)
        let wanted = text.replacing(Self.key, with: stars)
        let bytes = Array(text.utf8)
        let (output, answer) = try passed(bytes, .length(bytes.count), size: size)
        #expect(String(decoding: output, as: UTF8.self) == wanted)
        #expect(answer.hasFound && answer.isDone && !answer.hasMore)
    }

    @Test(arguments: [1, 2, 5, 64]) func chunksAreReadAndWrittenAnew(_ size: Int) throws {
        let text = "5;ext=1\r\nhello\r\n0a\r\n0123456789\r\n0\r\nX-Trailer: gone\r\n\r\n"
        let (plain, answer) = try passed(Array(text.utf8), .chunked, size: size)
        #expect(String(decoding: plain, as: UTF8.self) == "hello0123456789" && answer.isDone)
        let (chunked, _) = try passed(Array(text.utf8), .chunked, size: size, isChunked: true)
        var body = ChunkedBody()
        #expect(body.read(chunked.span) == .done(length: chunked.count))
    }

    @Test func whatFollowsABodyIsSeen() throws {
        let (output, answer) = try passed(Array("helloHTTP/1.1 200".utf8), .length(5), size: 100)
        #expect(output == Array("hello".utf8) && answer.hasMore)
        let (_, none) = try passed(Array("x".utf8), .none, size: 1)
        #expect(none.hasMore && none.isDone)
    }

    @Test func aBodyThatIsCutIsNotWhole() throws {
        var output = ByteQueue()
        var (_, answer) = try passed(Array("hell".utf8), .length(5), size: 100)
        var isWhole = answer.end(&output)
        #expect(!isWhole)
        (_, answer) = try passed(Array("5\r\nhell".utf8), .chunked, size: 100)
        isWhole = answer.end(&output)
        #expect(!isWhole)
        (_, answer) = try passed(Array("hell".utf8), .untilEnd, size: 100)
        isWhole = answer.end(&output)
        #expect(isWhole)
    }

    static let bad = [
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 1\n\n", "HTTP/2 200\r\n\r\n", "ICY 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\n folded: x\r\n\r\n", "HTTP/1.1 99 X\r\n\r\n",
    ]

    @Test(arguments: bad) func answersWithTwoMeaningsAreNone(_ text: String) {
        var reader = HTTPAnswerReader()
        let bytes = Array(text.utf8)
        guard case .malformed = reader.read(bytes.span) else {
            Issue.record("\(text.debugDescription) is taken for an answer")
            return
        }
    }

    @Test func headsAreReadByByte() throws {
        let text =
            "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nConnection: close\r\nKeep-Alive: x\r\n"
            + "Content-Length: 3\r\n\r\n"
        let bytes = Array(text.utf8)
        var reader = HTTPAnswerReader()
        for count in 0..<bytes.count {
            let front = Array(bytes[..<count])
            guard case .needMore = reader.read(front.span) else {
                Issue.record("found after \(count) bytes")
                return
            }
        }
        guard case .found(let head, let length) = reader.read(bytes.span) else {
            Issue.record("not found")
            return
        }
        #expect(length == bytes.count && head.status == 200 && !head.keepsAlive)
        #expect(head.fields.map(\.name) == ["content-type"] && head["content-type"] == "a/b")
        #expect(head.body(ofMethod: "GET") == .length(3) && head.body(ofMethod: "HEAD") == .none)
    }
}

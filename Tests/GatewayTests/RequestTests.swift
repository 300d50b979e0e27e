// What an agent's request becomes: the service's path and host, none of the agent's own identity, and the key.

import ClocheModel
import LinuxSystem
import ModelUsage
import NetworkMessages
import Testing

@testable import Gateway

@Suite struct RequestTests {
    private func service() -> GatewayService {
        var service = GatewayService(name: "model", host: "api.test", port: 443, basePath: "/base")
        service.headers = [Document.Entry("X-Api-Key", .string("{key}"))]
        service.drop = ["x-organization"]
        service.paths = ["/v1/"]
        return service
    }

    private func head(_ text: String) throws -> HTTPRequestHead {
        let bytes = Array(text.utf8)
        guard case .found(let head, _) = HTTPRequestHead.parse(bytes.span) else {
            throw ClocheError(.usage, "no head")
        }
        return head
    }

    private func secret(_ text: String) throws -> Secret {
        var bytes = Array(text.utf8)
        return try Secret(wiping: &bytes)
    }

    @Test func theKeyTakesThePlaceOfWhatTheAgentSends() throws {
        let request = try head(
            "POST /model/v1/x?a=1&key=cloche-holds-the-key HTTP/1.1\r\nHost: 127.0.0.1:4180\r\nx-api-key: mine\r\n"
                + "Authorization: Bearer mine\r\nCOOKIE: a\r\nX-Organization: o\r\nAccept-Encoding: gzip\r\n"
                + "X-Hint: uses cloche-holds-the-key\r\nX-Kept: yes\r\nContent-Length: 3\r\n\r\n"
        )
        let target = try ServiceTarget(request)
        #expect(target.service == "model" && target.path == "/v1/x?a=1&key=cloche-holds-the-key")
        let text = String(
            decoding: service().head(request, path: target.path, key: try secret("sk-real-key")),
            as: UTF8.self
        )
        let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false).map(String.init)
        #expect(
            lines == [
                "POST /base/v1/x?a=1 HTTP/1.1", "Host: api.test", "X-Kept: yes", "Content-Length: 3",
                "Accept-Encoding: identity", "X-Api-Key: sk-real-key", "", "",
            ]
        )
    }

    @Test func userAndKeyInBase64() throws {
        var service = service()
        service.headers = [Document.Entry("authorization", .string("Basic {basic git}"))]
        let request = try head("GET /model/v1/x HTTP/1.1\r\nHost: h\r\n\r\n")
        let key = try secret("sk-real-key")
        let text = String(decoding: service.head(request, path: "/v1/x", key: key), as: UTF8.self)
        #expect(text.contains("authorization: Basic Z2l0OnNrLXJlYWwta2V5\r\n"))
        // Both forms are looked for in answers.
        let forms = try service.secrets(key).map { secret in
            unsafe secret.withBytes { unsafe String(decoding: $0, as: UTF8.self) }
        }
        #expect(forms == ["sk-real-key", "Z2l0OnNrLXJlYWwta2V5"])
    }

    static let refused = [
        "/model/v1/../x", "/model/v1/%2e%2e/x", "/model/v1%2fx", "/model/v1//x", "/model/v1/x;a",
        "/model/v1/\\x",
    ]

    @Test(arguments: refused) func pathsWithTwoMeaningsAreRefused(_ path: String) throws {
        let request = try head("GET \(path) HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(throws: GatewayRefusal.self) { try ServiceTarget(request) }
    }

    @Test func pathsBegin() {
        var service = service()
        #expect(service.allows(path: "/v1/x?/v2/") && !service.allows(path: "/v2/?/v1/"))
        #expect(!service.allows(path: "/v1"))
        service.paths = ["/v1"]
        #expect(service.allows(path: "/v1") && service.allows(path: "/v1/x") && !service.allows(path: "/v1x"))
        service.paths = []
        #expect(service.allows(path: "/anything"))
    }

    @Test(arguments: [1, 3, 1000]) func aRequestIsReadBeforeItGoesOn(_ size: Int) throws {
        let body = #"{"messages": [1, 2], "model": "claude-test"}"#
        let rest = body.dropFirst(16)
        let framed =
            "10\r\n\(body.prefix(16))\r\n\(String(rest.utf8.count, radix: 16))\r\n\(rest)\r\n0\r\n\r\n"
        let length = "Content-Length: \(body.utf8.count)"
        for (fields, text) in [(length, body), ("Transfer-Encoding: chunked", framed)] {
            let request = try head("POST /v1/messages HTTP/1.1\r\nHost: h\r\n\(fields)\r\n\r\n")
            var scan = RequestScan(request, .anthropic, path: "/v1/messages")
            var input = ByteQueue()
            let bytes = Array(text.utf8)
            for start in stride(from: 0, to: bytes.count, by: size) {
                input.append(bytes[start..<min(start + size, bytes.count)])
                scan.look(at: input)
                #expect(scan.scanned == input.count)
                // Half of it goes on at once.
                let count = input.count / 2
                input.consume(count)
                scan.passed(count)
            }
            #expect(scan.isDone && scan.request?.model == "claude-test")
            #expect(scan.request?.billing == .answered && scan.request?.bytes == Int64(body.utf8.count))
        }
    }
}

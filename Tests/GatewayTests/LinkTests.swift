// Addresses in answers: those of services become the gateway's, however the bytes are cut, and nothing else changes.

import ClocheModel
import NetworkMessages
import Testing

@testable import Gateway

@Suite struct LinkTests {
    private func index() -> (service: GatewayService, all: [GatewayService]) {
        var service = GatewayService(name: "pypi", host: "index.test", port: 443, basePath: "/base")
        service.links = ["files"]
        service.number = 1
        var files = GatewayService(name: "files", host: "files.test", port: 8443)
        files.number = 258
        return (service, [service, files])
    }

    private func passed(_ text: String, size: Int) -> String {
        var filter = LinkFilter([
            ("https://a.test/", "<A>"), ("https://a.test/b/", "<AB>"), ("http://c/", ""),
        ])
        var output: [UInt8] = []
        let bytes = Array(text.utf8)
        func take(_ piece: UnsafeRawBufferPointer) {
            #expect(piece.count > 0)
            unsafe output += Array(piece)
        }
        for start in stride(from: 0, to: bytes.count, by: size) {
            let piece = Array(bytes[start..<min(start + size, bytes.count)])
            unsafe piece.withUnsafeBytes { unsafe filter.feed($0, take) }
        }
        unsafe filter.finish(take)
        return String(decoding: output, as: UTF8.self)
    }

    @Test(arguments: [1, 2, 3, 5, 8, 1000]) func addressesAreFoundHoweverTheyAreCut(_ size: Int) {
        #expect(passed("xhttps://a.test/yhttps://a.test/b/z", size: size) == "x<A>y<AB>z")
        #expect(passed("https://https://a.test/bhttp://c/http://c/", size: size) == "https://<A>b")
        let plain = "nothing here: http https://a.tes/ https://b.test/ https://a.test"
        #expect(passed(plain, size: size) == plain)
        #expect(passed("", size: size).isEmpty && passed("h", size: size) == "h")
    }

    private func head(_ text: String) throws -> HTTPAnswerHead {
        var reader = HTTPAnswerReader()
        let bytes = Array(text.utf8)
        guard case .found(let head, _) = reader.read(bytes.span) else { throw ClocheError(.usage, "no head") }
        return head
    }

    @Test func pagesAreChangedAndNothingElse() throws {
        let (service, all) = index()
        let links = ServiceLinks(service, all)
        func changes(_ type: String, status: Int = 200, method: String = "GET") throws -> Bool {
            let text = "HTTP/1.1 \(status) OK\r\nContent-Type: \(type)\r\nContent-Length: 5\r\n\r\n"
            return links.changes(try head(text), ofMethod: method)
        }
        for type in ["text/html; charset=utf-8", "application/json", "application/vnd.pypi.simple.v1+json"] {
            #expect(try changes(type))
        }
        #expect(try changes("text/html", method: "HEAD"))
        for type in ["application/octet-stream", "text/html-not", "image/png"] { #expect(try !changes(type)) }
        #expect(try !changes("text/html", status: 206) && !changes("text/html", method: "POST"))
        let plain = ServiceLinks(all[1], all)
        #expect(
            plain.filter(try head("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"), ofMethod: "GET")
                == nil
        )
    }

    @Test func redirectionsLeadToTheGateway() {
        let (service, all) = index()
        let links = ServiceLinks(service, all)
        let own = "http://127.65.0.1:4180"
        #expect(links.place("https://index.test/base/x?y#z") == own + "/x?y#z")
        #expect(links.place("https://index.test/base") == own)
        #expect(links.place("/base/x") == own + "/x")
        #expect(links.place("https://files.test:8443/f") == "http://127.65.1.2:4180/f")
        // What is not of the service stays where it is, and out of reach.
        for place in [
            "https://index.test/based", "http://index.test/base/x", "//other.test/x", "https://other.test/",
            "x",
        ] {
            #expect(links.place(place) == place)
        }
        #expect(links.place("/other") == "https://index.test/other")
    }
}

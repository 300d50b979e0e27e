// The certificates with which a gateway answers in the place of services, and where requests in their TLS go.

import ClocheModel
import LinuxSystem
import NetworkMessages
import Testing

@testable import Gateway

@Suite struct InterceptionTests {
    private func service(_ name: String, _ host: String, port: UInt16 = 443, basePath: String = "")
        -> GatewayService
    {
        var service = GatewayService(name: name, host: host, port: port, basePath: basePath)
        service.isIntercepted = true
        return service
    }

    private func head(_ text: String) throws -> HTTPRequestHead {
        let bytes = Array(text.utf8)
        guard case .found(let head, _) = HTTPRequestHead.parse(bytes.span) else {
            throw ClocheError(.usage, "no head")
        }
        return head
    }

    @Test func nothingIsMadeUnlessItIsAskedFor() throws {
        var service = service("a", "a.test")
        service.isIntercepted = false
        #expect(try InterceptedPort.make([service]) == nil)
        #expect(try InterceptedPort.make([]) == nil)
    }

    @Test func oneAuthorityForAllHostsOfOneAgent() throws {
        let services = [
            service("a", "a.test"), service("b", "b.test", port: 8443), service("c", "a.test", port: 8443),
        ]
        let made = try #require(try InterceptedPort.make(services))
        #expect(made.ports.keys.sorted() == [443, 8443])
        #expect(made.ports[443]?.host("a.test")?.service == "a")
        #expect(made.ports[443]?.host("b.test") == nil)
        #expect(made.ports[8443]?.host("b.test")?.service == "b")
        #expect(made.ports[8443]?.host("a.test")?.service == "c")
        let lines = made.authority.certificate.split(separator: "\n")
        #expect(lines.first == "-----BEGIN CERTIFICATE-----" && lines.last == "-----END CERTIFICATE-----")
        #expect(lines.dropFirst().dropLast().allSatisfy { $0.utf8.count <= 64 })
        #expect(made.authority.fingerprint.utf8.count == 64)
        // Another agent's is another one.
        let other = try #require(try InterceptedPort.make(services))
        #expect(other.authority.fingerprint != made.authority.fingerprint)
    }

    @Test func longNamesHaveCertificatesToo() throws {
        let long = Array(repeating: String(repeating: "a", count: 49), count: 5).joined(separator: ".")
        #expect(try InterceptedPort.make([service("a", long)]) != nil)
    }

    @Test func requestsGoWhereTheirHostSays() throws {
        let made = try #require(
            try InterceptedPort.make([service("model", "api.test", port: 8443, basePath: "/base")])
        )
        let host = try #require(made.ports[8443]?.host("api.test"))
        func path(_ target: String, _ name: String = "API.test:8443") -> Result<String, GatewayRefusal> {
            Result { () throws(GatewayRefusal) in
                // One that cannot be read has a status that nothing here expects.
                guard let head = try? head("GET \(target) HTTP/1.1\r\nHost: \(name)\r\n\r\n") else {
                    throw GatewayRefusal(0, "")
                }
                let found = try host.target(head)
                #expect(found.service == "model")
                return found.path
            }
        }
        func status(_ result: Result<String, GatewayRefusal>) -> Int? {
            if case .failure(let refusal) = result { refusal.status } else { nil }
        }
        #expect(path("/base/v1?a=b") == .success("/v1?a=b"))
        #expect(path("/base") == .success("/"))
        #expect(path("/base?a") == .success("/?a"))
        for target in ["/", "/v1", "/basement", "/model/base/v1", "/Base/v1"] {
            #expect(status(path(target)) == 403, "\(target)")
        }
        for target in ["/base/../v1", "/base/%2e%2e/v1", "http://api.test:8443/base/v1"] {
            #expect(status(path(target)) == 400, "\(target)")
        }
        // Without a port, it is 443.
        for name in ["api.test", "api.test:443", "other.test:8443", "x.api.test:8443", "127.0.0.1:8443"] {
            #expect(status(path("/base/v1", name)) == 421, "\(name)")
        }
    }

    @Test func variablesNameBothFiles() {
        let variables = GatewayService.trust(list: "/all", authority: "/own")
        #expect(variables.contains { $0 == ("SSL_CERT_FILE", "/all") })
        #expect(variables.contains { $0 == ("NODE_EXTRA_CA_CERTS", "/own") })
        #expect(Set(variables.map(\.name)).count == variables.count)
    }
}

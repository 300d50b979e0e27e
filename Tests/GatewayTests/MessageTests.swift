// What a supervisor and its gateway say to each other survives the way.

import ClocheModel
import LinuxSystem
import ModelUsage
import Testing

@testable import Gateway

@Suite struct MessageTests {
    @Test func ordersAndReportsSurvive() throws {
        var service = GatewayService(name: "a", usesTLS: false, host: "::1", port: 8080, basePath: "/b")
        service.headers = [Document.Entry("x", .string("{key}"))]
        (service.usage, service.certificates, service.isIntercepted) = ("openai", "/ca.pem", true)
        service.append = [Document.Entry("x-list", .string("a"))]
        service.login = LoginForm(
            server: LoginForm.Server(usesTLS: false, host: "::1", port: 1, path: "/t"),
            access: ["a", "b"],
            refresh: ["c"]
        )
        let orders: [GatewayOrder] = [
            .serve([service], upstreamProxy: "http://p:1", nameServers: ["1.1.1.1"]), .listen,
            .intercept(port: 8443),
            .rotate(service: "a"), .revoke(service: "a"), .verdict(id: 7, refusal: nil),
            .verdict(id: .max, refusal: "no\u{1B}[31m"), .verdict(id: 8, refusal: "no", status: 403),
        ]
        for order in orders { #expect(GatewayOrder(order.bytes) == order) }
        var outcome = GatewayOutcome()
        (outcome.status, outcome.sent, outcome.received, outcome.milliseconds) = (200, 1, 2, 3)
        (outcome.why, outcome.hadKey) = ("why", true)
        outcome.usage = UsageReading(model: "m", usage: TokenUsage(input: 1, output: 2), isEstimated: true)
        let request = GatewayRequest(service: "a", method: "GET", path: "/x")
        // Of one that has ended, its query and its length are not told.
        var told = request
        told.target = nil
        let reports: [GatewayReport] = [
            .ready, .authority(InterceptionAuthority(certificate: "c\n", fingerprint: "f")),
            .distrusted(service: "a"), .failed("no"), .changed(service: "a"),
            .renewed(service: "a", failure: nil),
            .renewed(service: "a", failure: "no"), .question(id: 1, request, nil),
            .question(id: 1, request, ModelRequest(billing: .deferred, model: "m", bytes: 9)),
            .withdrawn(id: 3), .ended(id: 2, told, outcome), .ended(id: 2, told, GatewayOutcome()),
        ]
        for report in reports { #expect(GatewayReport(report.bytes) == report) }
        #expect(GatewayOrder([]) == nil && GatewayReport(Array("{}".utf8)) == nil)
    }

    @Test func pathsAreToldWithoutTheirQueryAndNotWhole() {
        let long = GatewayRequest(
            service: "a",
            method: "GET",
            path: "/" + String(repeating: "x", count: 9999) + "?secret"
        )
        #expect(long.path.count == GatewayRequest.longest && !long.path.contains("?"))
    }

    @Test func keysGoThroughAPipe() throws {
        func secret(_ text: String) throws -> Secret {
            var bytes = Array(text.utf8)
            return try Secret(wiping: &bytes)
        }
        let keys = [("first", try secret("one\0two\n")), ("second", try secret(""))]
        let pipe = try #require(try GatewayKeys.pipe(keys.map { (service: $0.0, key: $0.1) }))
        let found = try #require(try GatewayKeys.read(pipe))
        #expect(found.count == 2)
        for (name, key) in keys { #expect(found[name]?.isSame(as: key) == true) }
        let long = try secret(String(repeating: "x", count: GatewayKeys.limit))
        #expect(try GatewayKeys.pipe([("long", long)]) == nil)
    }
}

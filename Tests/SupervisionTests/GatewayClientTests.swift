// The supervisor's end of a gateway, with a program in the gateway's place that says what the test wants said.

import ClocheModel
import Gateway
import Glibc
import LinuxSystem
import Testing

@testable import Supervision

@Suite struct GatewayClientTests {
    /// A gateway that sends these messages at once, and stays.
    private func client(saying reports: [GatewayReport]) throws -> GatewayClient {
        let path = "/tmp/cloche-gateway-test.\(getpid()).\(UInt32.random(in: 0...UInt32.max))"
        let messages = reports.map { String(decoding: $0.bytes, as: UTF8.self) }
        let lines = messages.map { "socket.send(rb'''\($0)''')" }
        let text =
            "#!/usr/bin/python3\nimport socket, time\nsocket = socket.socket(fileno=0)\n"
            + lines.joined(separator: "\n") + "\ntime.sleep(60)\n"
        // Closed again: what is open for writing cannot be executed.
        func write() throws {
            try Files.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o700).write(Array(text.utf8))
        }
        try write()
        let keys = try Pipe().shared().read
        return try GatewayClient(path, GatewaySettings(services: [], keys: keys), NetworkSettings())
    }

    @Test func aQuestionRightBehindTheFirstWordIsNotLost() throws {
        let question = GatewayReport.question(
            id: 7,
            GatewayRequest(service: "model", method: "GET", path: "/x"),
            nil
        )
        var client = try client(saying: [.ready, question])
        defer {
            client.kill()
            // A child that nobody waits for would keep Swift Testing from seeing the end of its own.
            #expect(throws: Never.self) { try Subprocess.wait(client.pid) }
        }
        // Both are there before the first is read.
        usleep(1_000_000)
        try client.awaitReady()
        let isThere = try Poll.wait(
            [Poll.Interest(client.socket.number, readable: true)],
            milliseconds: 20_000
        )
        #expect(isThere == [true])
        #expect(client.receive() == [question])
    }
}

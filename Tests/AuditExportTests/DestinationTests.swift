// The texts that name destinations.

import NetworkRules
import Testing

@testable import AuditExport

private let home = IPAddress.v4(0x7f00_0001)

@Test(arguments: [
    ("journald", ExportDestination.journald(socket: "/run/systemd/journal/socket")),
    ("journald:/a/b", .journald(socket: "/a/b")),
    ("syslog", .syslog(socket: "/dev/log")),
    ("syslog:/a:b", .syslog(socket: "/a:b")),
    ("file:/var/log/a b.jsonl", .file(path: "/var/log/a b.jsonl")),
    ("otlp:http://127.0.0.1:99/x/y?z=1", .otlp(collector: home, port: 99, path: "/x/y?z=1")),
    ("otlp:http://localhost", .otlp(collector: home, port: 4318, path: "/v1/logs")),
    ("otlp:http://localhost:80/", .otlp(collector: home, port: 80, path: "/v1/logs")),
    ("otlp:http://[::1]:4318/v1/logs", .otlp(collector: .v6(0, 1), port: 4318, path: "/v1/logs")),
])
func destinationsAreRead(text: String, destination: ExportDestination) throws {
    #expect(try ExportDestination(text) == destination)
}

@Test(arguments: [
    "", "journal", "journald:", "journald:a", "syslog:../x", "file", "file:", "file:x", "file:/a/../b",
    "file:/a/",
    "file:/a\nb", "otlp", "otlp:https://127.0.0.1/", "otlp:http://", "otlp:http://example.com/v1/logs",
    "otlp:http://127.0.0.1:0/", "otlp:http://127.0.0.1/a b", "otlp:http://127.0.0.1/a\r\nX: y",
    "otlp:http://127.1/",
    "otlp:http://u:p@127.0.0.1/",
])
func whatIsNoDestinationIsRefused(text: String) {
    #expect(throws: DestinationError.self) { try ExportDestination(text) }
}

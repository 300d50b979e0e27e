// Where records go besides the local log: one text in a profile's `audit.export`, or after `--to`.

package import NetworkRules

/// Why a text is no destination.
package struct DestinationError: Error, Equatable, Sendable {
    /// Completes "it is no destination: ".
    package let why: String

    init(_ why: String) { self.why = why }
}

/// A destination as a person names it.
package enum ExportDestination: Equatable, Sendable {
    /// The journal, by its native protocol: a datagram socket.
    case journald(socket: String)
    /// A syslog daemon: a datagram socket.
    case syslog(socket: String)
    /// A file that records are appended to.
    case file(path: String)
    /// An OpenTelemetry collector, by OTLP over HTTP in JSON.
    case otlp(collector: IPAddress, port: UInt16, path: String)

    /// What a destination may look like, for messages.
    package static let forms =
        "journald, syslog, file:/PATH or otlp:http://ADDRESS:PORT/v1/logs; also journald:/SOCKET, syslog:/SOCKET"
    private static let journalSocket = "/run/systemd/journal/socket"
    private static let syslogSocket = "/dev/log"
    /// The port and the path of OTLP over HTTP.
    private static let otlpPort: UInt16 = 4318
    private static let otlpPath = "/v1/logs"

    /// Reads a destination.
    ///
    /// - Throws: what is wrong with it.
    package init(_ text: String) throws(DestinationError) {
        guard text.utf8.count <= 1000 else { throw DestinationError("it is too long") }
        let colon = text.firstIndex(of: ":")
        let rest = colon.map { String(text[text.index(after: $0)...]) }
        switch (text[..<(colon ?? text.endIndex)], rest) {
        case ("journald", nil): self = .journald(socket: Self.journalSocket)
        case ("journald", let path?): self = .journald(socket: try Self.absolute(path))
        case ("syslog", nil): self = .syslog(socket: Self.syslogSocket)
        case ("syslog", let path?): self = .syslog(socket: try Self.absolute(path))
        case ("file", let path?): self = .file(path: try Self.absolute(path))
        case ("otlp", let url?): self = try Self.collector(url)
        default: throw DestinationError("it is none of \(Self.forms)")
        }
    }

    private static func absolute(_ path: String) throws(DestinationError) -> String {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard path.hasPrefix("/"), !path.hasSuffix("/"), !path.utf8.contains(where: { $0 < 0x20 }),
            !parts.contains(where: { $0 == "." || $0 == ".." })
        else { throw DestinationError("what follows the colon is no absolute path of a file") }
        return path
    }

    private static func collector(_ url: String) throws(DestinationError) -> ExportDestination {
        guard url.hasPrefix("http://") else {
            throw DestinationError(
                "what follows the colon does not begin with http://; for TLS, a collector on this host passes on"
            )
        }
        let rest = url.dropFirst("http://".count)
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let place: Destination
        do throws(HostError) {
            place = try Destination(authority: String(rest[..<slash]), standardPort: otlpPort)
        } catch { throw DestinationError(error.description) }
        let address: IPAddress
        switch place.host {
        case .address(let known): address = known
        case .name(let name) where name.text == "localhost": address = .v4(0x7f00_0001)
        case .name: throw DestinationError("the collector is named by its address, or as localhost")
        }
        let path = String(rest[slash...])
        // It stands in a request line.
        guard path.utf8.allSatisfy({ 0x21...0x7e ~= $0 }) else {
            throw DestinationError("the path has characters that no URL has")
        }
        return .otlp(
            collector: address,
            port: place.port,
            path: path.isEmpty || path == "/" ? otlpPath : path
        )
    }
}

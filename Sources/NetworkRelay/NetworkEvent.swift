// What the network tells of itself: the facts of an audit record each.

package import ClocheModel
package import NetworkRules

/// How a connection was asked for.
package enum ConnectionPath: String, Sendable {
    /// A plain connection to an address.
    case transparent
    /// `CONNECT` at the proxy's address.
    case connect
    /// A request for a whole URL there.
    case http
    /// SOCKS5 there.
    case socks
    /// A question over TCP to a resolver.
    case dns
    /// From the host into the sandbox.
    case forward
}

/// A connection as it is told.
package struct ConnectionFacts: Sendable {
    /// Counts from 1 within a run of the agent.
    package var id: UInt64
    /// How it was asked for.
    package var path: ConnectionPath
    /// Where to, as far as it was said.
    package var destination: Destination?
    /// The address it was made to.
    package var address: String?
    /// The rule that allows it, and where that stands.
    package var rule: String?
    package var origin: String?
    /// Bytes that the agent sent, and was sent.
    package var sent: Int64 = 0
    package var received: Int64 = 0
    /// When it began, in milliseconds of the monotonic clock.
    package var began: Int64
    /// The program's end of it here, open while an event is told.
    package var socket: CInt

    /// The facts for a record.
    package var entries: [Document.Entry] {
        var entries = [
            Document.Entry("connection", .integer(Int64(id))), Document.Entry("path", .string(path.rawValue)),
        ]
        if let destination {
            entries.append(Document.Entry("host", .string(destination.host.description)))
            entries.append(Document.Entry("port", .integer(Int64(destination.port))))
        }
        for (name, value) in [("address", address), ("rule", rule), ("from", origin)] {
            if let value { entries.append(Document.Entry(name, .string(value))) }
        }
        return entries
    }
}

/// Something that happened.
package enum NetworkEvent: Sendable {
    /// A name was asked for; the refusal, if it was refused.
    case question(name: String, type: String, Refusal?)
    /// A name was asked for that no rule allows; a person is asked when it is connected to.
    case askable(name: String, type: String)
    /// A connection was made.
    case connected(ConnectionFacts)
    /// One has ended; after so many milliseconds, and why, if something broke or forbade it.
    case disconnected(ConnectionFacts, milliseconds: Int64, why: String?)
    /// A connection, or a request on one, was not allowed.
    case refused(ConnectionFacts, Refusal)
    /// One was allowed and could not be made.
    case failed(ConnectionFacts, why: String)
    /// So many more events were not told one by one.
    case untold(Int)
}

extension Refusal {
    /// The facts for a record.
    package var entries: [Document.Entry] {
        var entries = [
            Document.Entry("reason", .string(reason.rawValue)), Document.Entry("why", .string(text)),
        ]
        if let rule { entries.append(Document.Entry("denied-by", .string(rule))) }
        if let suggestion { entries.append(Document.Entry("would-allow", .string(suggestion))) }
        return entries
    }
}

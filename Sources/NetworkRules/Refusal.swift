// What the policy answers: a grant with the rule that gave it, or a refusal in words with the line that would lift it.

internal import ClocheModel

/// Why something is refused: the words of the audit log.
package enum RefusalReason: String, CaseIterable, Sendable {
    /// `network.mode` is `none`.
    case noNetwork = "no-network"
    /// No rule names the host.
    case hostNotAllowed = "host-not-allowed"
    /// A rule names the host, with other ports.
    case portNotAllowed = "port-not-allowed"
    /// A rule of `network.deny` names the host or its address.
    case denied
    /// The name leads to an address that is not the internet's.
    case addressNotPublic = "address-not-public"
    /// The name leads to an address of this machine.
    case hostAddress = "host-address"
    /// The name leads to the metadata service of a cloud.
    case metadataAddress = "metadata-address"
    /// The text of the host can be read in two ways, or in none.
    case invalidHost = "invalid-host"
    /// The name has no address, or no server answered.
    case unresolved
    /// TLS or HTTP names another host than the connection was made to.
    case nameMismatch = "name-mismatch"
    /// TLS names no host, or hides it.
    case nameHidden = "name-hidden"
    /// The first bytes are not of the protocol that the rule asks for.
    case wrongProtocol = "wrong-protocol"
    /// What was sent is not well-formed.
    case malformed
    /// The rules for the host have other methods.
    case methodNotAllowed = "method-not-allowed"
    /// The rules for the host have other paths.
    case pathNotAllowed = "path-not-allowed"
    /// Servers read the path in different ways.
    case pathUnclear = "path-unclear"
    /// A change to another protocol within HTTP.
    case upgrade
    /// Neither TCP nor a DNS question.
    case unsupported
}

/// A refusal.
package struct Refusal: Error, Equatable, Sendable {
    /// Why, as the audit log has it.
    package let reason: RefusalReason
    /// Why, in words: a sentence without its full stop.
    package let text: String
    /// The rule of `network.deny`, with its place.
    package let rule: String?
    /// The smallest line below `network.allow` that would allow it.
    package let suggestion: String?

    /// A refusal for that reason.
    package init(_ reason: RefusalReason, _ text: String, rule: String? = nil, suggestion: String? = nil) {
        self.reason = reason
        self.text = text
        self.rule = rule
        self.suggestion = suggestion
    }
}

/// What the first bytes of a connection must be.
package enum ProtocolDemand: String, Sendable {
    /// TLS with the name that was asked for.
    case tls
    /// HTTP in plain text with that name.
    case http
    /// One of both.
    case tlsOrHTTP = "tls-or-http"
    /// What looks like TLS or HTTP has that name; anything else passes.
    case checked
    /// Nothing is looked at.
    case any

    /// What satisfies one of both demands.
    func union(_ other: ProtocolDemand) -> ProtocolDemand {
        if self == other { return self }
        if self == .any || other == .any { return .any }
        return self == .checked || other == .checked ? .checked : .tlsOrHTTP
    }
}

/// What is allowed for a destination, all rules that name it taken together.
package struct Grant: Sendable {
    /// The rule, as written; of several, the first.
    package let rule: String
    /// `FILE:LINE` of the rule, and its bundle.
    package let origin: String?
    /// What requests of plain HTTP may be; nil for any.
    ///
    /// Whether TLS is allowed, `demand` tells.
    package let requests: [RequestRule]?
    /// Addresses, not public ones, that the host may have.
    package let addresses: [AddressRange]
    /// What the first bytes must be.
    package let demand: ProtocolDemand
}

/// What the policy says of a destination.
package enum Decision: Sendable {
    case allowed(Grant)
    case refused(Refusal)

    /// The grant, if there is one.
    package var grant: Grant? { if case .allowed(let grant) = self { grant } else { nil } }
    /// The refusal, if it is one.
    package var refusal: Refusal? { if case .refused(let refusal) = self { refusal } else { nil } }
}

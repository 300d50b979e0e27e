// Addresses in answers, as the agent can use them: what a service says of itself and of the services that its answers lead to
// becomes the gateway's address of them.

internal import ClocheModel
internal import NetworkMessages

/// The addresses that one service's answers may name, and what they are inside.
struct ServiceLinks {
    private let service: GatewayService
    private let others: [GatewayService]

    /// - Parameter known: all services of the gateway.
    init(_ service: GatewayService, _ known: [GatewayService]) {
        self.service = service
        others = service.links.compactMap { name in known.first { $0.name == name } }
    }

    /// What changes the body of an answer; nil for one that goes on as it is.
    ///
    /// A part of a page, whose bytes are counted, is not changed.
    func filter(_ head: HTTPAnswerHead, ofMethod method: String) -> LinkFilter? {
        guard method == "GET", changes(head, ofMethod: method) else { return nil }
        return LinkFilter(others.map { ($0.address + "/", $0.root + "/") })
    }

    /// Whether an answer's body has other addresses for the agent, and so another length than the service says.
    func changes(_ head: HTTPAnswerHead, ofMethod method: String) -> Bool {
        guard !others.isEmpty, head.status == 200, method == "GET" || method == "HEAD" else { return false }
        let type = head["content-type"]?.lowercased().prefix { $0 != ";" && $0 != " " } ?? ""
        return type == "text/html" || type == "application/json" || type.hasSuffix("+json")
            || type.hasSuffix("+html")
    }

    /// Fields that speak of the body's bytes.
    static let aboutBytes: Set<String> = [
        "accept-ranges", "content-digest", "content-md5", "digest", "repr-digest",
    ]

    /// The place of a redirection.
    func place(_ value: String) -> String {
        for one in [service] + others {
            let end = value.index(value.startIndex, offsetBy: one.address.count, limitedBy: value.endIndex)
            guard let end, value.hasPrefix(one.address) else { continue }
            let rest = value[end...]
            if rest.isEmpty || ["/", "?", "#"].contains(rest[rest.startIndex]) { return one.root + rest }
        }
        guard value.hasPrefix("/"), !value.hasPrefix("//") else { return value }
        // From the root of its host, which the gateway's is not.
        if value.hasPrefix(service.basePath + "/") {
            return service.root + value.dropFirst(service.basePath.count)
        }
        return "\(service.usesTLS ? "https" : "http")://\(service.authority)\(value)"
    }
}

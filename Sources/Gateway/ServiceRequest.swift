// From an agent's request to the one that the service gets: who is asked, what may be asked for, what is left out, and
// the key.

internal import ClocheModel
internal import LinuxSystem
internal import NetworkMessages
internal import NetworkRelay
internal import NetworkRules

/// Why a request is answered by the gateway itself.
struct GatewayRefusal: Error, Equatable {
    let status: Int
    let why: String

    init(_ status: Int, _ why: String) { (self.status, self.why) = (status, why) }
}

/// Where a request goes.
struct ServiceTarget: Equatable {
    /// The service's name, the first part of the path.
    let service: String
    /// Path and query at the service.
    let path: String

    /// None yet.
    init() { (service, path) = ("", "") }

    /// This path of this service.
    init(service: String, path: String) { (self.service, self.path) = (service, path) }

    /// Reads the target of a request to a gateway.
    ///
    /// - Parameter only: the service to which all paths of a connection belong.
    init(_ head: HTTPRequestHead, only: String? = nil) throws(GatewayRefusal) {
        let plain = try Self.plainPath(head)
        if let only {
            (service, path) = (only, plain)
            return
        }
        let rest = plain.dropFirst()
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        service = String(rest[..<end])
        let path = rest[end...]
        self.path = path.hasPrefix("/") ? String(path) : "/" + path
    }

    /// Path and query of a request that is none for a proxy, nor for another protocol, nor with two meanings.
    static func plainPath(_ head: HTTPRequestHead) throws(GatewayRefusal) -> String {
        guard head.form == .origin else {
            throw GatewayRefusal(400, "this is a gateway to a few services, and no proxy")
        }
        guard head.upgrades.isEmpty else {
            throw GatewayRefusal(400, "the gateway changes to no other protocol")
        }
        guard RequestPath(target: head.path) != nil else {
            throw GatewayRefusal(400, "two servers could read this path differently")
        }
        return head.path
    }
}

extension GatewayService {
    /// Fields that show who somebody is, wherever: an agent's own never go on.
    private static let identifying: Set<String> = [
        "authorization", "x-api-key", "api-key", "x-goog-api-key", "x-auth-token", "private-token", "cookie",
        "proxy-authorization", "x-amz-security-token", "oauth-token", "ocp-apim-subscription-key",
    ]

    /// Fields that make a request another one than its first line says.
    private static let overriding: Set<String> = [
        "x-http-method-override", "x-http-method", "x-method-override",
    ]

    /// Whether a path may be asked for.
    func allows(path: String) -> Bool {
        let plain = path.prefix { $0 != "?" }
        return paths.isEmpty
            || paths.contains { beginning in
                beginning.hasSuffix("/")
                    ? plain.hasPrefix(beginning) : plain == beginning || plain.hasPrefix(beginning + "/")
            }
    }

    /// The head for the service, with the key; whoever sends it wipes it.
    ///
    /// Without a key, fields that would show it are left out.
    func head(_ request: HTTPRequestHead, path: String, key: Secret?) -> [UInt8] {
        let own = Set(headers.map { $0.key.lowercased() })
        let lists = Set(append.map { $0.key.lowercased() })
        var head = request.forService(path: basePath + withoutIdentity(path), host: authority) { field in
            // Some servers take the one for the other.
            let name = field.replacing("_", with: "-")
            return Self.identifying.contains(name) || lists.contains(name) || own.contains(name)
                || drop.contains(name)
                || Self.overriding.contains(name)
                // What is encoded could not be looked at.
                || name == "accept-encoding" || request[field]?.contains(placeholder) ?? false
        }
        // Not moved once the key is in it.
        head.reserveCapacity(head.count + 1024 + 2 * (key?.count ?? 0) * headers.count)
        head.append(contentsOf: "Accept-Encoding: identity\r\n".utf8)
        for field in append { head.append(contentsOf: list(field, request).utf8) }
        for field in headers {
            let template = field.value.string ?? ""
            if key == nil, Self.showsKey(template) { continue }
            head.append(contentsOf: "\(field.key): ".utf8)
            if let key {
                appendValue(template, key, to: &head)
            } else {
                head.append(contentsOf: template.utf8)
            }
            head.append(contentsOf: "\r\n".utf8)
        }
        head.append(contentsOf: "\r\n".utf8)
        return head
    }

    private static func showsKey(_ template: String) -> Bool {
        template.range(of: "{key}") != nil || template.range(of: "{basic ") != nil
    }

    /// The line of a field with a list: what the agent has in it, and the member that must be there.
    private func list(_ field: Document.Entry, _ request: HTTPRequestHead) -> String {
        let member = field.value.string ?? ""
        var members = (request[field.key] ?? "").split(separator: ",").map { $0.trimmingBlanks }
        if members.contains(where: { $0.contains(placeholder) }) { members = [] }
        if !members.contains(member[...]) { members.append(member[...]) }
        return "\(field.key): \(members.filter { !$0.isEmpty }.joined(separator: ","))\r\n"
    }

    /// Parameters of a query that say who somebody is.
    private static let identifyingParameters: Set<String> = ["key", "api_key", "access_token", "token"]

    /// The path without parameters that are another identity than the key, or its placeholder.
    private func withoutIdentity(_ path: String) -> String {
        guard let mark = path.firstIndex(of: "?") else { return path }
        let kept = path[path.index(after: mark)...].split(separator: "&", omittingEmptySubsequences: false)
            .filter { parameter in
                let name = parameter.prefix { $0 != "=" }.lowercased()
                // Nobody writes these with percent signs but to hide them.
                return !parameter.contains(placeholder) && !Self.identifyingParameters.contains(name)
                    && !name.contains("%")
            }
        return path[..<mark] + (kept.isEmpty ? "" : "?" + kept.joined(separator: "&"))
    }

    private func appendValue(_ template: String, _ key: Secret, to head: inout [UInt8]) {
        unsafe key.withBytes { bytes in
            if let start = template.range(of: "{basic "),
                let end = template[start.upperBound...].firstIndex(of: "}")
            {
                head.append(contentsOf: template[..<start.lowerBound].utf8)
                var pair: [UInt8] = []
                pair.reserveCapacity(template.utf8.count + bytes.count)
                pair.append(contentsOf: "\(template[start.upperBound..<end]):".utf8)
                unsafe pair.append(contentsOf: bytes)
                var text = Base64.bytes(pair)
                head.append(contentsOf: text)
                text.wipe()
                pair.wipe()
                head.append(contentsOf: template[template.index(after: end)...].utf8)
            } else if let mark = template.range(of: "{key}") {
                head.append(contentsOf: template[..<mark.lowerBound].utf8)
                unsafe head.append(contentsOf: bytes)
                head.append(contentsOf: template[mark.upperBound...].utf8)
            } else {
                head.append(contentsOf: template.utf8)
            }
        }
    }

    /// The forms in which a service could echo its key.
    func secrets(_ key: Secret) throws(SystemError) -> [Secret] {
        var found = [key]
        for field in headers {
            guard let template = field.value.string, let mark = template.range(of: "{basic ") else {
                continue
            }
            var value: [UInt8] = []
            value.reserveCapacity(2 * (key.count + template.utf8.count) + 64)
            appendValue(String(template[mark.lowerBound...]), key, to: &value)
            found.append(try Secret(wiping: &value))
        }
        return found
    }
}

extension Substring {
    fileprivate var trimmingBlanks: Substring {
        var text = self
        while text.first == " " || text.first == "\t" { text = text.dropFirst() }
        while text.last == " " || text.last == "\t" { text = text.dropLast() }
        return text
    }
}

extension String {
    /// Where a text is first.
    fileprivate func range(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}

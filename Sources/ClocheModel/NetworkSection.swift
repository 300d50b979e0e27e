// An effective profile as a document: what of it may be shown and written into logs.

extension AgentRecord {
    /// What of the network it has.
    public var networkMode: NetworkMode {
        effective.value(at: ["network", "mode"])?.string.flatMap(NetworkMode.init(rawValue:)) ?? .none
    }
}

extension Policy {
    /// A merged profile without what may be secret, for logs and pages that are passed on: values of variables, and the
    /// password of a proxy.
    public static func withoutSecrets(_ effective: Document) -> Document {
        var shown = effective
        if let network = shown["network"] { shown["network"] = NetworkSettings.withoutSecrets(network) }
        if case .map(let variables)? = shown.value(at: ["environment", "set"]) {
            shown["environment"]?["set"] = .map(
                variables.map { Document.Entry($0.key, .string("(not shown)")) }
            )
        }
        return shown
    }
}

extension NetworkSettings {
    /// The section without the password of a proxy.
    public static func withoutSecrets(_ section: Document) -> Document {
        var section = section
        if let proxy = section["upstream-proxy"]?.string {
            section["upstream-proxy"] = .string(Self.withoutPassword(proxy))
        }
        return section
    }

    /// `http://USER:PASSWORD@HOST` with `***` in the password's place.
    private static func withoutPassword(_ url: String) -> String {
        guard let at = url.lastIndex(of: "@") else { return url }
        let head = url[..<at]
        // Without a scheme, all before the host may be secret.
        let scheme = head.hasPrefix("http://") ? "http://" : ""
        let credentials = head.dropFirst(scheme.count)
        guard let colon = credentials.firstIndex(of: ":") else { return scheme + "***" + url[at...] }
        return scheme + credentials[..<colon] + ":***" + url[at...]
    }
}

// The section `network` of an effective profile as a document: what of it may be shown and written into logs.

extension AgentRecord {
    /// What of the network it has.
    public var networkMode: NetworkMode {
        effective.value(at: ["network", "mode"])?.string.flatMap(NetworkMode.init(rawValue:)) ?? .none
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

// Entries of `network.allow` and `network.deny`: a text, or a map for more. Whether an entry is right, NetworkRules
// knows; here is what it is in a document. Called by ValueReader, and by PolicyDecoder for the values.

internal import ClocheModel
internal import NetworkRules
internal import StructuredText

extension ValueReader {
    /// The checked entry; nil after a diagnostic.
    mutating func readNetworkRule(_ node: LocatedNode, denies: Bool, key: String) -> Document? {
        let value: Document
        switch node.value {
        case .scalar(.string(let text), _):
            // Whether there is a bundle of this name is known after the merge.
            if NetworkRule.isBundle(text) { return .string(text) }
            value = .string(text)
        case .map:
            guard let record = readRecord(node, ProfileSchema.networkRule, .networkRule, key: key) else {
                return nil
            }
            value = record
        default: return refuse(node, .networkRule(denies: denies), key)
        }
        do throws(ClocheError) {
            _ = try NetworkRule(NetworkEntry(checked: value, denies: denies), denies: denies)
            return value
        } catch {
            complain(at: node.position, "`\(key)`: \(error.what): \(error.why)", remedy: error.remedy)
            return nil
        }
    }
}

extension NetworkEntry {
    /// The entry of a document's item.
    init(checked item: Document, denies: Bool, origin: String? = nil) {
        self.init(
            item.string ?? Self.target(item, denies: denies),
            addresses: item["addresses"]?.stringList ?? [],
            methods: item["methods"]?.stringList ?? [],
            paths: item["paths"]?.stringList ?? [],
            demand: item["protocol"]?.string.flatMap { NetworkProtocol(rawValue: $0) },
            origin: origin
        )
    }

    /// Host and ports of a map as one text; there an IPv6 address needs no brackets.
    private static func target(_ item: Document, denies: Bool) -> String {
        var host = item["host"]?.string ?? ""
        let address = host.prefix { $0 != "/" }
        if IPAddress(String(address))?.isIPv4 == false { host = "[\(host)]" }
        guard let ports = item["ports"]?.stringList else {
            // A port may stand behind the host as well.
            let isBare = host.hasSuffix("]") || !host.contains(":")
            return isBare ? host + (denies ? ":*" : ":443") : host
        }
        return host + ":" + ports.joined(separator: ",")
    }
}

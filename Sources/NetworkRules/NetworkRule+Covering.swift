// Whether one rule allows all that another does: how a list of rules is known to be narrower than another.

internal import ClocheModel

extension NetworkRule {
    /// Whether all that `other` allows is allowed by this rule, on the same terms.
    ///
    /// The answer no is also given where it cannot be told: patterns are compared with patterns as texts alone.
    package func covers(_ other: NetworkRule) -> Bool {
        guard entry.demand == other.entry.demand, requests == other.requests,
            ports.intersection(other.ports) == other.ports,
            other.addresses.allSatisfy({ range in addresses.contains { $0.contains(range) } })
        else { return false }
        switch (hosts, other.hosts) {
        case (.names(let pattern), .names(let name)):
            if pattern == name { return true }
            return name.plainName.map(pattern.matches) ?? false
        case (.addresses(let range), .addresses(let part)): return range.contains(part)
        default: return false
        }
    }

    /// Whether only public addresses are reached by it: a name without addresses of its own.
    package var isPublicName: Bool {
        if case .names = hosts { addresses.isEmpty } else { false }
    }

    /// Whether it says nothing of requests and protocols.
    package var isPlain: Bool { requests == nil && entry.demand == nil }
}

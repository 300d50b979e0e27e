// Hosts that no rule names, where a person may be asked about them.

extension Refusal {
    /// Whether nothing but the absence of a rule for the host is against it.
    package var isOfNewHost: Bool { reason == .hostNotAllowed }
}

extension Grant {
    /// What a person's approval of a host gives: what a rule that only names host and port would.
    package init(approved what: String, port: UInt16) {
        self.init(
            rule: what,
            origin: nil,
            requests: nil,
            addresses: [],
            demand: NetworkRule.standardDemand(on: port)
        )
    }
}

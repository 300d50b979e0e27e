// What may name an agent: the rule that commands, plans and the state directory share.

/// The names an agent may have.
package enum AgentName {
    /// Letters, digits, `.`, `_` and `-`, beginning with a letter or digit, at most 48: a name is part of a
    /// branch, a path and a host name.
    package static func isValid(_ name: String) -> Bool {
        guard let first = name.utf8.first, name.utf8.count <= 48, isAlphanumeric(first) else { return false }
        guard !name.hasSuffix("."), !name.hasSuffix(".lock") else { return false }
        // Without `contains("..")`, whose algorithm takes longer to be set up than all the rest.
        guard !zip(name.utf8, name.utf8.dropFirst()).contains(where: { $0 == 0x2e && $1 == 0x2e }) else {
            return false
        }
        return name.utf8.allSatisfy { isAlphanumeric($0) || [0x2d, 0x2e, 0x5f].contains($0) }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
        default: false
        }
    }

    /// Refuses a name that cannot be one.
    package static func check(_ name: String) throws(ClocheError) {
        if isValid(name) { return }
        throw ClocheError(
            .usage,
            "not a name for an agent: \(name.debugDescription)",
            why: "it becomes part of a branch, a path and a host name",
            remedy: "use at most 48 letters, digits, '.', '_' and '-', beginning with a letter or digit"
        )
    }
}

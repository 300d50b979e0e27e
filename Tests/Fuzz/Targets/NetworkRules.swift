// Hosts, rules, paths and whole policies as texts. Whatever can be read is read in one way; no text is a name that another
// reader takes for an address; the two questions about a name have one answer; a suggested rule lifts its refusal.

import ClocheModel

@testable import NetworkRules

/// The lines of the input: the first is a host, a rule and a path in turn; all of them are a policy's rules with a question.
@Sendable func fuzzNetworkRules(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard let first = lines.first else { return }
    requireOneHost(first)
    requireOneAddress(first)
    requireOnePath(first, pattern: lines.dropFirst().first ?? "")
    // What is no proxy and no server is an error, and must not trap.
    _ = try? UpstreamProxy(first)
    _ = try? Destination(nameServer: first)  // as above
    requireOneAnswer(lines)
}

private func requireOneHost(_ text: String) {
    // Most texts name no host.
    guard let host = try? Host(parsing: text) else { return }
    // An error would be a finding as well.
    require((try? Host(parsing: host.description)) == host, "a host is read again as itself")
    if case .name(let name) = host {
        require(name.text.utf8.count <= 253 && IPAddress(name.text) == nil, "a name is no address")
        let last = name.labels.last.map(String.init) ?? ""
        require(last.utf8.contains { !(0x30...0x39).contains($0) }, "no name ends in a number")
        require(
            name.text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && !"/\\%@:#?*[]".utf8.contains($0) },
            "plain names"
        )
    }
}

private func requireOneAddress(_ text: String) {
    if let address = IPAddress(text) {
        require(IPAddress(address.description) == address, "an address is read again as itself")
        require(IPAddress(bytes: address.bytes) == address, "bytes are the address")
        require(address.kind >= address.unmapped.kind, "no spelling makes an address harmless")
        for inner in address.embedded { require(address.kind >= inner.kind, "what is embedded counts") }
    }
    if let range = AddressRange(text) {
        require(AddressRange(range.description) == range, "a range is read again as itself")
        require(range.contains(range.base), "a range has its first address")
    }
}

private func requireOnePath(_ target: String, pattern: String) {
    guard let path = RequestPath(target: target) else { return }
    require(path.segments.allSatisfy { $0 != [0x2e] && $0 != [0x2e, 0x2e] }, "no dot segments")
    let digits = Array("0123456789ABCDEF".utf8)
    let encoded = path.segments.map { segment in
        "/"
            + String(
                decoding: segment.flatMap { [0x25, digits[Int($0 >> 4)], digits[Int($0 & 15)]] },
                as: UTF8.self
            )
    }.joined()
    require(RequestPath(target: encoded) == path, "an encoded path is the same path")
    require(PathPattern(path.text)?.matches(path) == true, "a path fits itself as a pattern")
    guard let pattern = PathPattern(pattern), pattern.matches(path) else { return }
    require(PathPattern("/**")?.matches(path) == true, "what fits a pattern fits the widest one")
}

/// The last line is asked for; of the others, those that begin with `!` are denied and the rest allowed.
private func requireOneAnswer(_ lines: [String]) {
    var settings = NetworkSettings(mode: lines.count % 4 == 3 ? .open : .allow)
    for line in lines.dropLast() {
        let denies = line.hasPrefix("!")
        let entry = NetworkEntry(denies ? String(line.dropFirst()) : line)
        // What is no rule is an error with a remedy.
        do throws(ClocheError) {
            _ = try NetworkRule(entry, denies: denies)
        } catch {
            require(!error.why.isEmpty && !error.remedy.isEmpty, "an error says what to do")
            continue
        }
        if denies { settings.deny.append(entry) } else { settings.allow.append(entry) }
    }
    // Only rules that were read are in it, and most last lines ask for nothing.
    guard let policy = try? NetworkPolicy(settings), let question = try? NetworkQuestion(lines.last ?? "")
    else { return }
    let destination = question.destination
    let decision = policy.decide(destination)
    if case .name(let name) = destination.host, decision.grant != nil {
        require(policy.decide(name: name).grant != nil, "DNS answers what may be connected to")
    }
    if case .address(let address) = destination.host, let grant = decision.grant {
        require(
            policy.refusal(of: address, for: destination, grant, hostAddresses: []) == nil,
            "one judgement"
        )
        require(settings.mode == .open || !settings.allow.isEmpty, "nothing is allowed by nothing")
    }
    guard let refusal = decision.refusal, let line = refusal.suggestion else { return }
    settings.allow.append(NetworkEntry(line.hasPrefix("\"") ? String(line.dropFirst().dropLast()) : line))
    // An error would be a finding as well.
    let changed = try? NetworkPolicy(settings)
    require(changed?.decide(destination).grant != nil, "a suggestion helps: \(line)")
}

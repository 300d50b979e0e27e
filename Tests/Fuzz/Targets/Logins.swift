// Files of logins, which any program of the host writes, and what a server of tokens answers. What is read of them is what
// another reader of JSON sees; a token stands in a header; of the file nothing but the tokens changes.

import ClocheModel
import LinuxSystem
import StructuredText

@testable import Gateway

private let form: LoginForm = {
    let server = LoginForm.Server(usesTLS: true, host: "api.test", port: 443, path: "/token")
    var form = LoginForm(server: server, access: ["o", "a"], refresh: ["o", "r"])
    form.expires = ["e"]
    form.keep = [("id_token", ["o", "i"])]
    return form
}()

/// Up to the first NUL it is a file, then an answer.
@Sendable func fuzzLogin(_ bytes: [UInt8]) {
    let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false).map { Array($0) }
    members(parts[0])
    // What is no login is an error with words.
    guard let file = secret(parts[0]), let tokens = try? LoginTokens(file: file, form) else { return }
    token(tokens.access)
    token(tokens.refresh)
    // Nor is what is no answer.
    guard parts.count == 2, let text = secret(parts[1]),
        // See above.
        let answer = try? RenewedTokens(text, form, now: 1000)
    else { return }
    // Places within each other, which a form could name, are refused.
    guard let written = try? answer.written(into: file, form) else { return }
    // An error is a finding.
    guard let again = try? LoginTokens(file: written, form) else {
        fatalError("does not hold: what was written is a login")
    }
    token(again.access)
    require(again.expires == nil || again.expires == answer.expires || tokens.expires == nil, "with its time")
    // An error is a finding.
    guard let same = try? RenewedTokens(text, form, now: 1000).written(into: written, form) else {
        fatalError("does not hold: it can be written again")
    }
    require(same.isSame(as: written), "and is the same then")
}

private func secret(_ bytes: [UInt8]) -> Secret? {
    var copy = bytes
    // Without memory for a page nothing goes on.
    return try? Secret(wiping: &copy)
}

private func token(_ token: Secret) {
    let isPlain = unsafe token.withBytes { unsafe $0.allSatisfy { 0x21...0x7e ~= $0 } }
    require(isPlain && token.count >= SecretFilter.shortest, "a token stands in a header")
}

/// Both readers see the same members.
private func members(_ bytes: [UInt8]) {
    let places = [form.access, form.refresh, ["e"]]
    // Most inputs are no JSON.
    let ours = try? unsafe bytes.withUnsafeBytes { try unsafe MemberScan.find(places, in: $0) }
    // As above.
    guard let document = try? JSONText.parse(bytes), document.entries != nil else { return }
    guard let ours else { return }
    for (place, member) in zip(places, ours) {
        let theirs = document.value(at: place)
        require((theirs == nil) == (member == nil), "a member is there for both: \(place)")
        guard let theirs, let member else { continue }
        switch theirs {
        case .string: require(member.kind == .string, "a text")
        case .integer, .real: require(member.kind == .number, "a number")
        case .list: require(member.kind == .list, "a list")
        case .map: require(member.kind == .object, "an object")
        default: require(member.kind == .word, "a word")
        }
        // An error is a finding.
        let again = try? JSONText.parse(Array(bytes[member.range]))
        require(again == theirs, "and stands where it was found")
    }
}

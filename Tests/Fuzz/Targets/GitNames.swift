// Names, patches and listings as git prints them of an agent's repository. Nothing traps; what is shown
// drives no terminal; what a shell or git reads again is the same text.

import ClocheModel

@testable import GitWorkspace

/// The bytes as each kind of output in turn.
@Sendable func fuzzGitNames(_ bytes: [UInt8]) {
    fuzzPatch(bytes)
    fuzzListings(bytes)
    let text = bytes.text
    require(isOneLine(text.visible), "a visible name is one line")
    require(shellWord(text.shellQuoted) == Array(text.unicodeScalars), "a shell reads the same word")
    require(isOneValue(text.configurationQuoted, text), "git reads the same value")
    let parts = text.split(separator: "\n", maxSplits: 1).map(String.init)
    if parts.count == 2 {
        let kinds: [DiffWarning.Kind] = [
            .protected(by: parts[1], isDeleted: true), .linkOutside(target: parts[1]), .nestedRepository,
        ]
        for kind in kinds {
            require(isOneLine(DiffWarning(path: parts[0], kind: kind).text), "a warning is one line")
        }
        let leads = DiffWarning.leadsOutside(parts[1], from: parts[0])
        require(leads || staysInside(parts[1], parts[0]), "a link that stays inside")
        _ = ProtectedName(parts[1]).covers(ProtectedName.FoldedPath(parts[0]))
    }
    require(ObjectDirectories.unquoted(bytes).count <= bytes.count, "unquoting makes nothing longer")
}

private func fuzzPatch(_ bytes: [UInt8]) {
    let plain = DiffText.forTerminal(bytes, colored: false)
    require(plain.unicodeScalars.allSatisfy(isPlain), "an uncoloured diff is plain")
    // Without the colours that are ours, the coloured diff is the same text.
    let colored = DiffText.forTerminal(bytes, colored: true)
    require(withoutColors(colored) == Array(plain.unicodeScalars), "only our colours are added")
}

private func fuzzListings(_ bytes: [UInt8]) {
    for notice in SyncReport.notices(bytes, branch: "refs/heads/cloche/a") {
        require(isOneLine(notice.text), "a notice is one line: \(notice)")
    }
    for change in FileChange.all(inRaw: bytes) { require(!change.path.contains(0), "a path has no null") }
    let configuration = GitConfiguration(listing: bytes)
    let settings =
        configuration.handedOn + configuration.withoutDrivers + configuration.withoutDiffPrograms
        + configuration.trustedDirectories
    let lines = WorktreeConfiguration.text(settings).utf8.count { $0 == 0x0A }
    let inKeys = settings.reduce(0) { $0 + $1.key.utf8.count { $0 == 0x0A } }
    require(inKeys > 0 || lines == 2 * settings.count, "a setting is two lines")
    _ = configuration.mergeDrivers
}

private func isOneLine(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { isPlain($0) && $0 != "\n" && $0 != "\t" }
}

/// The text without `ESC [ digits m`.
private func withoutColors(_ text: String) -> [Unicode.Scalar] {
    var result: [Unicode.Scalar] = []
    var rest = Array(text.unicodeScalars)[...]
    while let scalar = rest.popFirst() {
        guard scalar == "\u{1B}" else {
            result.append(scalar)
            continue
        }
        require(rest.popFirst() == "[", "a colour begins with ESC [")
        rest = rest.drop { "0"..."9" ~= $0 }
        require(rest.popFirst() == "m", "a colour ends with m")
    }
    return result
}

/// What a POSIX shell makes of single-quoted parts and `\'` between them; nil if anything else is there.
private func shellWord(_ quoted: String) -> [Unicode.Scalar]? {
    var word: [Unicode.Scalar] = []
    var rest = Array(quoted.unicodeScalars)[...]
    while let scalar = rest.popFirst() {
        switch scalar {
        case "'":
            guard let end = rest.firstIndex(of: "'") else { return nil }
            word += rest[..<end]
            rest = rest[(end + 1)...]
        case "\\": if let next = rest.popFirst() { word.append(next) }
        default: return nil
        }
    }
    return word
}

/// Whether git's configuration format reads a quoted value on one line as the text.
private func isOneValue(_ quoted: String, _ text: String) -> Bool {
    var rest = Array(quoted.unicodeScalars)[...]
    guard rest.popFirst() == "\"", rest.popLast() == "\"" else { return false }
    var value: [Unicode.Scalar] = []
    while let scalar = rest.popFirst() {
        switch scalar {
        case "\"", "\n": return false
        case "\\":
            switch rest.popFirst() {
            case "n": value.append("\n")
            case "t": value.append("\t")
            case let next? where next == "\\" || next == "\"": value.append(next)
            default: return false
            }
        default: value.append(scalar)
        }
    }
    return value == Array(text.unicodeScalars)
}

/// By walking: every prefix of the link's way is below the root.
private func staysInside(_ target: String, _ path: String) -> Bool {
    guard target.utf8.first != 0x2F else { return false }
    var place = path.utf8.split(separator: 0x2F).dropLast().map { String(decoding: $0, as: UTF8.self) }
    for part in target.utf8.split(separator: 0x2F).map({ String(decoding: $0, as: UTF8.self) }) {
        switch part {
        case ".": continue
        case "..":
            if place.isEmpty { return false }
            place.removeLast()
        default: place.append(part)
        }
    }
    return true
}

// The forms a string of a profile may have: one row each, with the words for errors, the pattern for editors
// and the rule that decides. The pattern may accept a little more than the rule, never less.

internal import AuditExport
internal import ClocheModel
internal import LinuxSystem
internal import NetworkRules

/// The form of a string.
package struct TextForm: Sendable {
    /// One of it, and several, as the key reference names them.
    let name: String
    let plural: String
    /// Completes "must be ...".
    package let expected: String
    /// An ECMA 262 regular expression for the JSON Schema; nil where any text will do.
    package let pattern: String?
    let accepts: @Sendable (String) -> Bool
    let expansion: PathExpansion?
    let takesAnyScalar: Bool

    private init(
        _ name: String,
        plural: String? = nil,
        _ expected: String,
        pattern: String? = nil,
        expansion: PathExpansion? = nil,
        takesAnyScalar: Bool = false,
        accepts: @escaping @Sendable (String) -> Bool
    ) {
        self.name = name
        self.plural = plural ?? name + "s"
        self.expected = expected
        self.pattern = pattern
        self.expansion = expansion
        self.takesAnyScalar = takesAnyScalar
        self.accepts = accepts
    }

    /// Anything; `1` and `true` too are meant as the text that stands there.
    static let any = TextForm("text", plural: "strings", "text", takesAnyScalar: true) {
        !$0.utf8.contains(0)
    }
    static let line = TextForm("one line", plural: "lines", "one line of text", pattern: "^[^\\n]*$") {
        !$0.utf8.contains { $0 == 0x0a || $0 == 0x0d }
    }
    static let profileName = TextForm(
        "profile name",
        "the name of a profile",
        pattern: "^[A-Za-z0-9][A-Za-z0-9._-]*$"
    ) {
        isName($0, also: "._-")
    }
    static let headerName = TextForm(
        "name of a header field",
        plural: "names of header fields",
        "the name of a field such as x-api-key",
        pattern: "^[A-Za-z0-9-]+$"
    ) { isName($0, also: "-") }
    static let servicePath = TextForm(
        "beginning of a path",
        plural: "beginnings of paths",
        "a path such as /v1/",
        pattern: "^/[^?#\\s]*$"
    ) { text in
        text.hasPrefix("/") && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != 0x3f && $0 != 0x23 }
    }
    static let gitAddress = TextForm(
        "beginning of addresses",
        plural: "beginnings of addresses",
        "the beginning of an address such as https://github.com/",
        pattern: "^[A-Za-z0-9][A-Za-z0-9+.@:/_~-]*[:/]$"
    ) { text in
        isName(text, also: "+.@:/_~-") && (text.hasSuffix("/") || text.hasSuffix(":"))
    }
    static let serviceURL = TextForm(
        "URL",
        "a URL such as https://api.example.com/v1",
        pattern: "^https?://[^/?#@\\s]+(/[^?#\\s]*)?$"
    ) { text in
        do throws(HostError) {
            _ = try ServiceURL(text)
            return true
        } catch { return false }
    }
    static let variableName = TextForm(
        "variable name",
        "the name of a variable",
        pattern: "^[A-Za-z_][A-Za-z0-9_]*$"
    ) { name in
        name.utf8.first.map { !isDigit($0) } == true && name.utf8.allSatisfy { isWord($0, also: "_") }
    }
    static let modelName = TextForm(
        "model",
        "the name of a model, which begins with a letter or digit and has no blanks",
        pattern: "^([A-Za-z0-9][A-Za-z0-9._:/@+\\[\\]-]*)?$"
    ) { name in
        // It becomes an argument of its own in a command line, where a dash at its beginning would make it an option.
        name.isEmpty
            || name.utf8.count <= 200 && isWord(name.utf8.first ?? 0, also: "")
                && name.utf8.allSatisfy { isWord($0, also: "._:/@+[]-") }
    }
    static let serverName = TextForm(
        "server name",
        "a name of letters, digits, dashes and underscores",
        pattern: "^[A-Za-z0-9][A-Za-z0-9_-]*$"
    ) {
        isName($0, also: "_-")
    }
    static let fileKey = TextForm(
        "key",
        "a key of letters, digits, dashes and underscores",
        pattern: "^[A-Za-z0-9][A-Za-z0-9_-]*$"
    ) {
        isName($0, also: "_-")
    }
    static let webAddress = TextForm(
        "URL",
        "an address that begins with https:// or http://",
        pattern: "^https?://[^\\s]+$"
    ) { text in
        ["https://", "http://"].contains { text.hasPrefix($0) && text.utf8.count > $0.utf8.count }
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
    }
    static let memberPlace = TextForm(
        "place in a JSON file",
        plural: "places in a JSON file",
        "names of members with dots between them, such as tokens.access_token",
        pattern: "^[^.\\s]+([.][^.\\s]+)*$"
    ) { text in
        let names = text.split(separator: ".", omittingEmptySubsequences: false)
        return text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != 0x22 && $0 != 0x5c }
            && names.count <= 8 && !names.contains("")
    }
    static let lockPlace = TextForm(
        "place of a lock",
        plural: "places of locks",
        "a path that begins with {directory}",
        pattern: "^\\{directory\\}"
    ) { text in
        let rest = text.dropFirst("{directory}".count)
        return text.hasPrefix("{directory}") && !rest.isEmpty && !rest.contains("..")
            && rest.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
    }
    static let syscallName = TextForm(
        "system call",
        "the name of a system call",
        pattern: "^[a-z_][a-z0-9_]*$"
    ) { name in
        !name.isEmpty && name.utf8.allSatisfy { isWord($0, also: "_") && !($0 >= 0x41 && $0 <= 0x5a) }
    }
    static let shareName = TextForm(
        "name of a shared directory",
        plural: "names of shared directories",
        "a name of at most 48 letters, digits, dashes and underscores",
        pattern: "^[A-Za-z0-9][A-Za-z0-9_-]{0,47}$"
    ) { ShareName.isValid($0) }
    static let groupName = TextForm(
        "group",
        "the name of a group of system calls",
        pattern: "^[a-z0-9][a-z0-9-]*$"
    ) { name in
        isName(name, also: "-") && name.utf8.allSatisfy { !($0 >= 0x41 && $0 <= 0x5a) && $0 != 0x5f }
    }
    static let hostPath = TextForm(
        "host path",
        "an absolute path, or one that begins with ~ or $HOME",
        pattern: "^(/|~(/|$)|\\$HOME|\\$\\{HOME\\})",
        expansion: .host,
        accepts: isAbsolute
    )
    static let insidePath = TextForm(
        "path inside",
        plural: "paths inside",
        "an absolute path inside the sandbox, or one that begins with ~ (/home/agent) or $HOST_HOME",
        pattern: "^(/|~(/|$)|\\$HOME|\\$\\{HOME\\}|\\$HOST_HOME)",
        expansion: .inside,
        accepts: isAbsolute
    )
    static let homePath = TextForm(
        "path below the home",
        "a path below the agent's home, without .. and no leading /",
        pattern: "^[^/]"
    ) {
        isRelative($0)
    }
    static let etcName = TextForm(
        "name below /etc",
        plural: "names below /etc",
        "a name below /etc, where * stands for any characters of one component",
        pattern: "^[^/]"
    ) { isRelative($0) }
    static let protectedName = TextForm(
        "name in the workspace",
        plural: "names in the workspace",
        "a path below the workspace, such as .vscode/, .mcp.json or **/.gitattributes",
        pattern: "^[^/]"
    ) { name in
        let path = name.hasSuffix("/") ? String(name.dropLast()) : name
        return isRelative(path) && !path.utf8.contains(0x0a) && path != "**"
    }
    static let approvalClass = TextForm(
        "class of actions",
        plural: "classes of actions",
        "a class of actions: push, network:new-host, or credential:NAME",
        pattern: "^(push|network:new-host|credential:[A-Za-z0-9][A-Za-z0-9._-]*)$"
    ) { ApprovalClass($0) != nil }
    static let recipient = TextForm(
        "recipient",
        "`parent`, `children`, `siblings`, an agent's name in which * stands for any characters, or label:KEY[=VALUE]",
        pattern: "^(label:[^\\s]+|[A-Za-z0-9*._-]+)$"
    ) { text in
        text.hasPrefix("label:")
            ? text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f } && text.utf8.count > 6
            : isName(text.replacing("*", with: "x"), also: "._-")
    }
    static let ports = TextForm(
        "port",
        "a port, a range of ports such as 8000-8010, or *",
        pattern: "^([0-9]+(-[0-9]+)?|\\*)$",
        takesAnyScalar: true
    ) { $0 == "*" || (!$0.isEmpty && $0.utf8.allSatisfy { isDigit($0) || $0 == UInt8(ascii: "-") }) }
    static let nameServer = TextForm(
        "name server",
        "the address of a name server, ADDRESS or ADDRESS:PORT"
    ) { text in
        // Only whether it is one matters here.
        (try? Destination(nameServer: text)) != nil
    }
    static let proxyURL = TextForm(
        "URL of a proxy",
        plural: "URLs of proxies",
        "the URL of an HTTP proxy, http://HOST:PORT or http://USER:PASSWORD@HOST:PORT",
        pattern: "^http://"
    ) { text in
        // Only whether it is one matters here.
        (try? UpstreamProxy(text)) != nil
    }
    static let exportDestination = TextForm(
        "destination",
        "a destination: \(ExportDestination.forms)",
        pattern: "^(journald|syslog)(:/.*)?$|^file:/|^otlp:http://"
    ) { text in
        // Only whether it is one matters here.
        (try? ExportDestination(text)) != nil
    }
    static let stateName = TextForm(
        "state",
        "a state: " + HarnessState.Activity.allCases.map(\.rawValue).joined(separator: ", "),
        pattern: "^(" + HarnessState.Activity.allCases.map(\.rawValue).joined(separator: "|") + ")$"
    ) { HarnessState.Activity(rawValue: $0) != nil }
    static let expression = TextForm(
        "regular expression",
        "an extended regular expression of at most 200 characters, without back references, and repeating no more than 1,000 times"
    ) { text in
        // Screens are an agent's: with back references, one of them could take for ever. Repetitions within each other
        // take memory when they are read, whoever wrote them.
        text.utf8.count <= 200 && !text.isEmpty && !text.utf8.contains(0) && !hasReference(text)
            && repetitions(text) <= 1000
            && (try? PosixRegex(text)) != nil  // only whether it is one matters here
    }
    static let signal = TextForm("signal", "a signal such as TERM, INT or HUP", pattern: "^(SIG)?[A-Z0-9]+$")
    {
        SignalName.number(of: $0) != nil
    }
    static let detachKeys = TextForm(
        "keys",
        plural: "keys",
        "one to four keys such as `ctrl-] d`, each a character or ctrl- and a character",
        pattern: "^(ctrl-)?\\S( (ctrl-)?\\S){0,3}$",
        accepts: isKeySequence
    )

    // MARK: rules

    /// The product of all counts in braces, as if each stood within the others.
    private static func repetitions(_ text: String) -> Int {
        text.split(separator: "{").dropFirst().reduce(1) { product, part in
            let counts = part.prefix { $0 != "}" }.split(separator: ",").map { Int($0) ?? 1 }
            return min(1 << 20, product * min(1 << 20, max(1, counts.max() ?? 1)))
        }
    }

    /// Whether a backslash stands before a digit, and not behind another backslash.
    private static func hasReference(_ text: String) -> Bool {
        var isEscaped = false
        for byte in text.utf8 {
            if isEscaped && isDigit(byte) { return true }
            isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
        }
        return false
    }

    private static func isAbsolute(_ path: String) -> Bool {
        path.hasPrefix("/") && !hasDots(path) && !path.utf8.contains(0)
    }

    private static func isRelative(_ path: String) -> Bool {
        !path.isEmpty && !path.hasPrefix("/") && !path.hasSuffix("/") && !hasDots(path)
            && !path.utf8.contains(0)
    }

    private static func hasDots(_ path: String) -> Bool {
        guard path.utf8.contains(UInt8(ascii: ".")) else { return false }
        return path.utf8.split(separator: UInt8(ascii: "/")).contains { component in
            component.count <= 2 && component.allSatisfy { $0 == UInt8(ascii: ".") }
        }
    }

    private static func isKeySequence(_ text: String) -> Bool {
        let keys = text.split(separator: " ", omittingEmptySubsequences: false)
        return (1...4).contains(keys.count)
            && keys.allSatisfy { key in
                let character = key.hasPrefix("ctrl-") && key.count > 5 ? key.dropFirst(5) : key
                return character.utf8.count == 1 && character.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
            }
    }

    private static func isName(_ text: String, also: String) -> Bool {
        guard let first = text.utf8.first, isWord(first, also: ""), text.utf8.count <= 64 else {
            return false
        }
        return text.utf8.allSatisfy { isWord($0, also: also) }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    private static func isWord(_ byte: UInt8, also: String) -> Bool {
        isDigit(byte) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a)
            || also.utf8.contains(byte)
    }
}

/// Whose home `~` and `$HOME` mean.
package enum PathExpansion: Sendable {
    /// The user's, on the host.
    case host
    /// The agent's, in the sandbox.
    case inside

    /// The agent's home, the same in every sandbox.
    package static let agentHome = "/home/agent"

    /// The path with a leading `~`, `$HOME`, `${HOME}` or `$HOST_HOME` replaced and no slash at its end.
    func expand(_ path: String, hostHome: String) -> String {
        let home = self == .host ? hostHome : PathExpansion.agentHome
        var result = path
        if path.hasPrefix("~") || path.hasPrefix("$") {
            for (prefix, home) in [("~", home), ("$HOME", home), ("${HOME}", home), ("$HOST_HOME", hostHome)]
            where path == prefix || path.hasPrefix(prefix + "/") {
                result = home + path.dropFirst(prefix.count)
            }
        }
        while result.count > 1 && result.hasSuffix("/") { result.removeLast() }
        return result
    }

    /// Where a host path is shown when nothing else is said: at its own place, the user's home becoming the
    /// agent's.
    static func place(of source: String, hostHome: String) -> String {
        guard source == hostHome || source.hasPrefix(hostHome + "/"), hostHome != "/" else { return source }
        return agentHome + source.dropFirst(hostHome.count)
    }
}

// Hosts as programs name them. One strict parser serves every path, so that what is judged is what is connected to:
// a text that two readers could take for two hosts is an error, and never a name.

internal import ClocheModel

/// Why a text names no host.
package struct HostError: Error, Equatable, Sendable, CustomStringConvertible {
    /// In words, to follow the text itself.
    package let description: String

    init(_ description: String) { self.description = description }
}

/// The name of a host: lower case, without the last dot.
package struct HostName: Hashable, Sendable, CustomStringConvertible {
    /// The whole name.
    package let text: String

    /// The name of a text.
    package init(_ text: String) throws(HostError) {
        self.text = try HostText.name(text)
        if HostText.endsInNumber(self.text) {
            throw HostError("its last part is a number, and it is no address of four decimal numbers")
        }
    }

    /// What stands between the dots.
    package var labels: [Substring] { text.split(separator: ".") }

    /// The name itself.
    package var description: String { text }
}

/// Checks and changes on the text of a name, wildcards aside.
enum HostText {
    /// The name in lower case without the last dot, if it consists of labels.
    static func name(_ text: String) throws(HostError) -> String {
        var bytes = Array(text.utf8)
        if bytes.isEmpty { throw HostError("it is empty") }
        if bytes.last == UInt8(ascii: ".") { bytes.removeLast() }
        if bytes.count > 253 { throw HostError("it is longer than 253 characters") }
        for index in bytes.indices where (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(bytes[index]) {
            bytes[index] |= 0x20
        }
        for label in bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            try check(label: label)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func check(label: ArraySlice<UInt8>) throws(HostError) {
        guard let first = label.first, let last = label.last else {
            throw HostError("a part between the dots is empty")
        }
        if label.count > 63 { throw HostError("a part between the dots is longer than 63 characters") }
        for byte in label {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "_"):
                continue
            case 0x80...:
                throw HostError("it has a character beyond ASCII; write the form that begins with xn--")
            case 0..<0x20, 0x7f: throw HostError("it has a control character")
            case UInt8(ascii: ":"): throw HostError("it has a colon; an IPv6 address stands in brackets")
            default:
                throw HostError("it has '\(Character(Unicode.Scalar(byte)))', which no name of a host has")
            }
        }
        if first == UInt8(ascii: "-") || last == UInt8(ascii: "-") {
            throw HostError("a part between the dots begins or ends with '-'")
        }
    }

    /// Whether some readers take it for an address: its last part is a decimal, octal or hexadecimal number.
    static func endsInNumber(_ text: some StringProtocol) -> Bool {
        let last = Array(text.utf8).split(separator: UInt8(ascii: ".")).last ?? []
        if last.starts(with: "0x".utf8) {
            return last.dropFirst(2).allSatisfy { PercentCoding.hexDigit($0) != nil }
        }
        return last.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }
}

/// A host as a name or as an address.
package enum Host: Hashable, Sendable, CustomStringConvertible {
    case name(HostName)
    case address(IPAddress)

    /// Reads `name`, `a.b.c.d` or `[IPv6]`, as it stands in a URL; `[::ffff:a.b.c.d]` is `a.b.c.d`.
    package init(parsing text: String) throws(HostError) {
        if text.utf8.first == UInt8(ascii: "[") {
            let inner = text.dropFirst().dropLast()
            guard text.utf8.last == UInt8(ascii: "]"), inner.utf8.contains(UInt8(ascii: ":")),
                let address = IPAddress(String(inner))
            else { throw HostError("what stands in brackets is no IPv6 address") }
            self = .address(address.unmapped)
        } else if let address = IPAddress(text), address.isIPv4 {
            self = .address(address)
        } else {
            self = .name(try HostName(text))
        }
    }

    /// The host as it stands in a URL.
    package var description: String {
        switch self {
        case .name(let name): name.text
        case .address(let address): address.isIPv4 ? address.description : "[\(address)]"
        }
    }
}

/// Where a program wants to connect to.
package struct Destination: Hashable, Sendable, CustomStringConvertible {
    /// The host.
    package var host: Host
    /// The port, never 0.
    package var port: UInt16

    /// That port of that host.
    package init(_ host: Host, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Reads `HOST:PORT`, or `HOST` where a port goes without saying.
    package init(authority text: String, standardPort: UInt16? = nil) throws(HostError) {
        let end = text.lastIndex(of: "]").map { text.index(after: $0) } ?? text.startIndex
        guard let colon = text[end...].firstIndex(of: ":") else {
            guard let standardPort else { throw HostError("it has no port") }
            self.init(try Host(parsing: text), port: standardPort)
            return
        }
        let host = try Host(parsing: String(text[..<colon]))
        guard let port = PortNumber.port(text[text.index(after: colon)...]) else {
            throw HostError("what follows the colon is no port from 1 to 65535")
        }
        self.init(host, port: port)
    }

    /// The same, with an IPv4 address that is mapped into IPv6 as itself.
    var unmapped: Destination {
        guard case .address(let address) = host else { return self }
        return Destination(.address(address.unmapped), port: port)
    }

    /// `HOST:PORT`.
    package var description: String { "\(host):\(port)" }
}

/// Text of the agent's in a sentence.
package enum ShownText {
    /// The text with anything but printable ASCII as `\xNN`, and no more than 200 bytes of it.
    package static func of(_ text: String) -> String {
        var result = ""
        for byte in text.utf8.prefix(200) {
            if (0x20..<0x7f).contains(byte) {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                result += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
        return text.utf8.count > 200 ? result + "..." : result
    }
}

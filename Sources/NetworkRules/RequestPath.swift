// Paths of URLs, read so that no two servers read them differently.

/// Percent-encoding.
enum PercentCoding {
    /// The value of a hexadecimal digit.
    static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// The bytes that a text stands for; nil if a percent sign is not followed by two digits.
    static func decoded(_ text: some Collection<UInt8>) -> [UInt8]? {
        let bytes = Array(text)
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] != UInt8(ascii: "%") {
                result.append(bytes[index])
                index += 1
                continue
            }
            guard index + 2 < bytes.count, let high = hexDigit(bytes[index + 1]),
                let low = hexDigit(bytes[index + 2])
            else { return nil }
            result.append(high << 4 | low)
            index += 3
        }
        return result
    }
}

/// The path of a request, one value for all spellings that mean the same to every server.
package struct RequestPath: Equatable, Sendable {
    /// What stands between the slashes, decoded; the last one is empty if the path ends with a slash.
    package let segments: [[UInt8]]

    /// The decoded path.
    package var text: String { segments.map { "/" + String(decoding: $0, as: UTF8.self) }.joined() }

    /// Characters that servers read differently when they are encoded, or even when they are not.
    private static let ambiguous = Set("/\\%;?#".utf8)

    /// The path of a request's target, without its query; nil if two servers could read it differently.
    ///
    /// That is so for dot segments, empty segments, `;`, `\`, an encoded slash or percent sign and the like, control characters,
    /// and bytes that are no UTF-8.
    package init?(target: String) {
        let target = target.utf8
        guard !target.contains(UInt8(ascii: "#")) else { return nil }
        let path = target.prefix { $0 != UInt8(ascii: "?") }
        guard path.first == UInt8(ascii: "/") else { return nil }
        let parts = path.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        var segments: [[UInt8]] = []
        for (index, part) in parts.enumerated() {
            guard part.allSatisfy({ $0 < 0x80 && $0 != UInt8(ascii: " ") }),
                let segment = PercentCoding.decoded(part), Self.isClear(segment),
                !segment.isEmpty || index == parts.count - 1
            else { return nil }
            segments.append(segment)
        }
        self.segments = segments
    }

    /// Whether every server takes a segment, decoded, for the same name.
    static func isClear(_ segment: [UInt8]) -> Bool {
        segment != Array(".".utf8) && segment != Array("..".utf8)
            && segment.allSatisfy { $0 >= 0x20 && $0 != 0x7f && !ambiguous.contains($0) }
            && String(validating: segment, as: UTF8.self) != nil
    }
}

/// A pattern of paths: `*` within a segment is any characters but a slash, a segment `**` one or more segments.
struct PathPattern: Equatable, Sendable {
    private enum Segment: Equatable, Sendable {
        /// Characters; nil for any number of them.
        case characters([UInt8?])
        case any
    }

    /// The segments; nil for any number of them.
    private let segments: [Segment?]

    /// The pattern of a text; nil if it is no path, or one that no request is allowed to have.
    init?(_ text: String) {
        let parts = text.utf8.dropFirst().split(
            separator: UInt8(ascii: "/"),
            omittingEmptySubsequences: false
        )
        guard text.utf8.first == UInt8(ascii: "/") else { return nil }
        var segments: [Segment?] = []
        for (index, part) in parts.enumerated() {
            let bytes = Array(part)
            guard RequestPath.isClear(bytes), !bytes.isEmpty || index == parts.count - 1 else { return nil }
            if bytes == Array("**".utf8) {
                segments += [.any, nil]
            } else {
                segments.append(.characters(bytes.map { $0 == UInt8(ascii: "*") ? nil : $0 }))
            }
        }
        self.segments = segments
    }

    /// Whether the path fits; a star alone is no empty segment.
    func matches(_ path: RequestPath) -> Bool {
        Wildcards.fit(segments, path.segments) { segment, bytes in
            switch segment {
            case .any: true
            case .characters(let pattern):
                pattern.isEmpty == bytes.isEmpty && Wildcards.fit(pattern, bytes) { $0 == $1 }
            }
        }
    }
}

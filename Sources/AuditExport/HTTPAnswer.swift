// As much of HTTP/1.1 as it takes to post something to a collector and to read the answer. Each request has a connection
// of its own, so that there is nothing to keep in step.

/// One request.
package enum HTTPPost {
    /// The head of a request with a body of JSON.
    package static func head(path: String, authority: String, length: Int) -> [UInt8] {
        Array(
            """
            POST \(path) HTTP/1.1\r
            Host: \(authority)\r
            Content-Type: application/json\r
            Content-Length: \(length)\r
            User-Agent: cloche\r
            Connection: close\r
            \r

            """.utf8
        )
    }
}

/// An answer.
package struct HTTPAnswer: Equatable, Sendable {
    /// The status.
    package let status: Int
    /// What the server sent behind the head.
    package let body: [UInt8]
    private let headers: [(name: String, value: String)]
    /// Whether all of it is there; of one that does not say how long it is, the end of the connection tells.
    package let isWhole: Bool

    /// An answer is looked at only so far.
    package static let mostBytes = 64 << 10

    /// Reads what has come of an answer.
    ///
    /// - Returns: nil while its head is not there.
    package init?(_ bytes: [UInt8]) {
        var rest = bytes[...]
        var head: [Substring]
        var number: Int
        repeat {
            guard let end = Self.headEnd(rest) else { return nil }
            head = String(decoding: rest[..<end], as: UTF8.self).split(separator: "\r\n")
            let words = head.first?.split(separator: " ", maxSplits: 2) ?? []
            // Whoever speaks another protocol has no status; 0 is judged like any other failure.
            number = words.count >= 2 && words[0].hasPrefix("HTTP/1.") ? Int(words[1]) ?? 0 : 0
            rest = rest[(end + 4)...]
        } while 100...199 ~= number
        status = number
        headers = head.dropFirst().compactMap { line in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            return (line[..<colon].lowercased(), String(value))
        }
        let content = Array(rest)
        let length = headers.last { $0.name == "content-length" }.flatMap { Int($0.value) }
        isWhole = number == 204 || length.map { content.count >= $0 } ?? false
        body = content
    }

    private static func headEnd(_ bytes: ArraySlice<UInt8>) -> Int? {
        let mark: [UInt8] = [0x0d, 0x0a, 0x0d, 0x0a]
        return bytes.indices.first { bytes[$0...].starts(with: mark) }
    }

    /// A header's value, by its name in small letters.
    package func header(_ name: String) -> String? { headers.last { $0.name == name }?.value }

    package static func == (one: HTTPAnswer, other: HTTPAnswer) -> Bool {
        one.status == other.status && one.body == other.body && one.isWhole == other.isWhole
            && one.headers.elementsEqual(other.headers) { $0 == $1 }
    }
}

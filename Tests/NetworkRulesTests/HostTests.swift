// The one parser of hosts: what it takes, and what it must not take for anything (T90, T94 of the escape list).

import NetworkRules
import Testing

@Suite struct HostTests {
    @Test(arguments: [
        ("example.com", "example.com"), ("EXAMPLE.Com.", "example.com"), ("a", "a"),
        ("a_b.c-d.e", "a_b.c-d.e"),
        ("1a.example", "1a.example"), ("1.example", "1.example"), ("xn--mnchen-3ya.de", "xn--mnchen-3ya.de"),
        ("1.2.3.4", "1.2.3.4"), ("[::1]", "[::1]"), ("[FD00::0]", "[fd00::]"),
        ("[::ffff:127.0.0.1]", "127.0.0.1"), ("[::ffff:7f00:1]", "127.0.0.1"),
    ])
    func hostsAreReadInOneWay(text: String, canonical: String) throws {
        #expect(try Host(parsing: text).description == canonical)
    }

    /// Every spelling that some resolver or library takes for an address, and bytes that end a name elsewhere.
    static let refused: [String] = [
        "", ".", "..", ".a", "a..b", "a.b..", " a", "a ", "a b", "a\tb", "a\0.example.com",
        "evil.com\0.example.com",
        "a%00.example.com", "a%2eb", "a\r\n.example.com", "a\nb", "a/b", "a\\b", "a@b", "user@example.com",
        "a:80",
        "a#b", "a?b", "a,b", "a;b", "a'b", "a\"b", "a*b", "*.example.com", "ex\u{e4}mple.com", "\u{ff41}.com",
        "example\u{3002}com", "a\u{7f}", "-a.com", "a-.com", "a.-",
        String(repeating: "a", count: 64) + ".com",
        String(repeating: "a.", count: 127) + "aa", "127.1", "2130706433", "0x7f000001", "0x7f.1",
        "0177.0.0.1",
        "0x7f.0.0.1", "127.0.0.01", "127.0.0.1.", "127.0.0.256", "1.2.3", "1.2.3.4.5", "example.1",
        "example.0x1",
        "example.0x", "a.0X7F", "999", "0", "00", "127.0.0.1%lo", "::1", "[::1", "::1]", "[]", "[1.2.3.4]",
        "[a]",
        "[::1%lo]", "[::1]a", "[::1].", "[[::1]]", "fd00::1", "localhost:80", "[::1]:80", "\u{2460}.2.3.4",
    ]

    @Test(arguments: refused) func whatCouldBeReadOtherwiseIsAnError(text: String) {
        #expect(throws: HostError.self) { try Host(parsing: text) }
    }

    @Test func aNameOfTheGreatestLengthIsOne() throws {
        let long = String(repeating: "a.", count: 126) + "a"
        #expect(try HostName(long).text.utf8.count == 253)
        #expect(try HostName(long + ".").text == long)
        #expect(throws: HostError.self) { try HostName(long + "a") }
    }

    @Test func authoritiesHaveOnePort() throws {
        #expect(try Destination(authority: "a.b:443").description == "a.b:443")
        #expect(try Destination(authority: "[::1]:8").description == "[::1]:8")
        #expect(try Destination(authority: "[::1]", standardPort: 80).description == "[::1]:80")
        #expect(try Destination(authority: "A.b.", standardPort: 80).description == "a.b:80")
        for text in [
            "a", "a:", "a:0", "a:65536", "a:080", "a:+80", "a: 80", "a:80:81", ":80", "[::1]", "[::1]80",
            "::1:80",
        ] {
            #expect(throws: HostError.self, "\(text)") { try Destination(authority: text) }
        }
    }

    /// Bytes of all kinds, with those that matter coming up often: no crash, and what is read is read again alike.
    @Test func randomTextsAreReadOnceAndForAll() throws {
        let pieces = [
            "a", "B", "1", "0", "0x", "7f", ".", "..", "-", "_", "*", ":", "::", "[", "]", "%", "\0", "\r\n",
            " ", "@", "/",
            "127", "255", "256", "ffff", "\u{e9}", "\u{3002}", "xn--",
        ]
        var hosts = 0
        for _ in 0..<30_000 {
            let text = (0..<Int.random(in: 0...8)).map { _ in pieces.randomElement() ?? "" }.joined()
            // Most texts are no hosts, and that is all there is to know of them.
            guard let host = try? Host(parsing: text) else { continue }
            hosts += 1
            #expect(try Host(parsing: host.description) == host, "\(text)")
            if case .name(let name) = host {
                #expect(IPAddress(name.text) == nil, "\(text)")
                #expect(name.labels.joined(separator: ".") == name.text, "\(text)")
                #expect(name.text == text.lowercased() || name.text + "." == text.lowercased(), "\(text)")
            }
        }
        #expect(hosts > 300)
    }
}

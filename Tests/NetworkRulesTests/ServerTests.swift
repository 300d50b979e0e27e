// Name servers and the proxy of the host, as a profile names them.

import NetworkRules
import Testing

@Suite struct ServerTests {
    @Test func nameServersAreAddresses() throws {
        for (text, expected) in [
            ("127.0.0.1", "127.0.0.1:53"), ("127.0.0.1:5353", "127.0.0.1:5353"), ("::1", "[::1]:53"),
            ("[::1]:5353", "[::1]:5353"),
            ("[::1]", "[::1]:53"),
        ] {
            #expect(try Destination(nameServer: text).description == expected)
        }
        for text in [
            "", "dns.example", "dns.example:53", "127.1", "127.0.0.1:0", "127.0.0.1:", "::1:53:x", "1.2.3.4 ",
        ] {
            #expect(throws: HostError.self, "\(text)") { try Destination(nameServer: text) }
        }
    }

    @Test func theProxyOfTheHostHasAPort() throws {
        let plain = try UpstreamProxy("http://Proxy.example:3128/")
        #expect(plain.destination.description == "proxy.example:3128" && plain.credentials == nil)
        let secret = try UpstreamProxy("http://me:p%40ss:%2f@[::1]:8080")
        #expect(secret.destination.description == "[::1]:8080" && secret.credentials == "me:p@ss:/")
        for text in [
            "", "proxy:3128", "https://proxy:3128", "socks5://proxy:1080", "http://proxy",
            "http://me@proxy:1", "http://a:b%@p:1",
            "http://a:b%0d%0a@p:1", "http://p:1/path", "http://p:1?q", "http://:1", "http://a:%ff@p:1",
        ] {
            #expect(throws: HostError.self, "\(text)") { try UpstreamProxy(text) }
        }
    }
}

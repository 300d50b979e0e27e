// What of a section `network` may be shown.

import ClocheModel
import Testing

@Suite struct SecretsOfTheNetworkTests {
    @Test(arguments: [
        ("http://me:secret@proxy.test:3128", "http://me:***@proxy.test:3128"),
        ("http://me:sec@ret:x@proxy.test:3128", "http://me:***@proxy.test:3128"),
        ("http://secret@proxy.test", "http://***@proxy.test"), ("me:secret@proxy.test", "me:***@proxy.test"),
        ("http://proxy.test:3128", "http://proxy.test:3128"), ("none", "none"),
    ])
    func theProxysPasswordIsNotShown(_ proxy: String, _ shown: String) {
        let section = Document.object(["mode": .string("allow"), "upstream-proxy": .string(proxy)])
        let safe = NetworkSettings.withoutSecrets(section)
        #expect(safe["upstream-proxy"]?.string == shown && safe["mode"]?.string == "allow")
    }
}

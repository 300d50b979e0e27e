// The classes of bytes, written out.

import Testing

@testable import NetworkMessages

@Suite struct BytesTests {
    private static let alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

    static let sets: [(set: ByteSet, characters: String)] = [
        (.token, "\(alphanumeric)!#$%&'*+-.^_`|~"),
        (.name, "\(alphanumeric)-._"),
        (.label, "\(alphanumeric)-_"),
        (.socksName, "\(alphanumeric)-._:[]"),
        (.address6, "0123456789abcdefABCDEF:."),
        (
            .target,
            "!\"$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"
        ),
        (.protocolName, "\(alphanumeric)!#$%&'*+-.^_`|~/"),
        (.digit, "0123456789"),
    ]

    @Test(arguments: sets.indices) func setsAreWhatTheySay(_ index: Int) {
        let sample = Self.sets[index]
        let found = (UInt8.min...UInt8.max).filter(sample.set.contains)
        #expect(found == sample.characters.utf8.sorted())
    }
}

// The form of the store's files: one text for each value, and no bit that does not count.

import ClocheModel
import Testing

@testable import CredentialStore

@Suite struct SealedFileTests {
    static let header = Document.object(["name": .string("deploy"), "created": .integer(7)])
    static let file = SealedFile(.credential, header, payload: [0, 10, 255])

    @Test func isReadAsItWasWritten() throws {
        #expect(try SealedFile(.credential, reading: Self.file.bytes) == Self.file)
    }

    @Test func everyBitCounts() {
        let bytes = Self.file.bytes
        for index in bytes.indices {
            for bit in 0..<8 {
                var changed = bytes
                changed[index] ^= 1 << bit
                #expect(throws: SealedFile.Problem.self, "byte \(index), bit \(bit)") {
                    try SealedFile(.credential, reading: changed)
                }
            }
        }
    }

    @Test func everyByteCounts() {
        let bytes = Self.file.bytes
        for count in 0..<bytes.count {
            #expect(throws: SealedFile.Problem.self) {
                try SealedFile(.credential, reading: Array(bytes[..<count]))
            }
        }
        #expect(throws: SealedFile.Problem.self) { try SealedFile(.credential, reading: bytes + [0]) }
    }

    @Test func anotherKindIsNone() {
        #expect(throws: SealedFile.Problem.self) { try SealedFile(.key, reading: Self.file.bytes) }
    }

    /// A text, with the checksum that belongs to it.
    static func checked(_ text: String) -> [UInt8] { Array(text.utf8) + Sealing.digest(Array(text.utf8)) }

    @Test func laterVersionsAreNamed() {
        let later = Array("cloche-credential 2\nwhatever that has".utf8)
        #expect(throws: SealedFile.Problem.newer(2)) { try SealedFile(.credential, reading: later) }
        #expect(throws: SealedFile.Problem.damaged("there is no version 0")) {
            try SealedFile(.credential, reading: Self.checked("cloche-credential 0\n{}\n"))
        }
    }

    static let otherwise = [
        "cloche-credential 01\n{}\n", "cloche-credential 1\n{ }\n", "cloche-credential 1\n{}",
        "cloche-credential 1\n",
        "cloche-credential +1\n{}\n", "cloche-credential  1\n{}\n",
        "cloche-credential 1\n{\"a\":1,\"a\":1}\n",
        "cloche-credential 1\n{\"a\":\"\\u0041\"}\n", "cloche-credential 1\nno JSON\n", "\n", "",
    ]

    @Test(arguments: otherwise) func anotherTextOfTheSameIsNone(_ text: String) throws {
        #expect(throws: SealedFile.Problem.self) { try SealedFile(.credential, reading: Self.checked(text)) }
        // The control: with the one right text, the same way of making it gives a file.
        _ = try SealedFile(.credential, reading: Self.checked("cloche-credential 1\n{}\n"))
    }
}

@Suite struct HexadecimalTests {
    @Test func isReadAsItWasWritten() {
        let bytes = (0...255).map { UInt8($0) }
        #expect(Hexadecimal.bytes(Hexadecimal.text(bytes)) == bytes)
    }

    @Test(arguments: ["0", "0G", "AB", " 0", "0x", "ä"]) func nothingElseIsRead(_ text: String) {
        #expect(Hexadecimal.bytes(text) == nil)
    }
}

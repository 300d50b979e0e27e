// The sources of secrets, what is refused of each, and that nothing stays in the heap.

import ClocheModel
import Glibc
import LinuxSystem
import Testing

@testable import CredentialStore

@Suite struct ReaderTests {
    @Test func aVariable() throws {
        let place = try TemporaryStore()
        let name = "CLOCHE_TEST_\(UInt32.random(in: 0...UInt32.max))"
        #expect(throws: ClocheError.self) { try place.reader().read(.environment(name: name)) }
        for (value, isTaken) in [
            ("abc def", true), ("abc\n", true), ("", false), ("a\nb", false), ("a\u{1B}[m", false),
        ] {
            unsafe setenv(name, value, 1)
            if isTaken {
                #expect(try place.reader().read(.environment(name: name)).text == value.filter { $0 != "\n" })
            } else {
                #expect(throws: ClocheError.self) { try place.reader().read(.environment(name: name)) }
            }
        }
        unsafe unsetenv(name)
    }

    @Test func theFirstLineOfAFile() throws {
        let place = try TemporaryStore()
        for content in ["abc", "abc\n", "abc\r\n", "abc\nuser: x\n"] {
            #expect(try place.reader().read(.file(path: place.file("f", content))).text == "abc")
        }
        for content in ["", "\n", "\nabc", "a\u{0}b", String(repeating: "x", count: 70000)] {
            let path = try place.file("f", content)
            #expect(throws: ClocheError.self) { try place.reader().read(.file(path: path)) }
        }
        #expect(throws: ClocheError.self) { try place.reader().read(.file(path: place.root + "/missing")) }
    }

    @Test func aFileThatOthersCouldHaveWrittenIsRefused() throws {
        let place = try TemporaryStore()
        var warnings: [String] = []
        for (mode, isTaken, count) in [
            (0o600, true, 0), (0o640, true, 1), (0o620, false, 1), (0o602, false, 1),
        ] {
            let path = try place.file("f", "abc", mode: UInt32(mode))
            let reader = place.reader(warn: { warnings.append($0) })
            if isTaken {
                #expect(try reader.read(.file(path: path)).text == "abc")
            } else {
                #expect(throws: ClocheError.self) { try reader.read(.file(path: path)) }
            }
            #expect(warnings.count == count)
        }
    }

    @Test func linksAreFollowedAndPipesAreNot() throws {
        let place = try TemporaryStore()
        try Files.makeSymbolicLink(place.root + "/link", to: place.file("f", "abc"))
        #expect(try place.reader().read(.file(path: place.root + "/link")).text == "abc")
        try Files.makePipe(place.root + "/pipe")
        #expect(throws: ClocheError.self) { try place.reader().read(.file(path: place.root + "/pipe")) }
        #expect(throws: ClocheError.self) { try place.reader().read(.file(path: "/dev/null")) }
        #expect(throws: ClocheError.self) { try place.reader().read(.file(path: "/")) }
    }

    @Test func theFirstLineOfACommand() throws {
        let place = try TemporaryStore()
        #expect(try place.reader().read(.command(["sh", "-c", "echo abc; echo user: x"])).text == "abc")
        let error = #expect(throws: ClocheError.self) {
            try place.reader().read(.command(["sh", "-c", "echo abc; echo no vault >&2; exit 3"]))
        }
        #expect(error?.why == "it ended with 3: no vault")
        #expect(error?.description.contains("abc") == false)
        #expect(throws: ClocheError.self) { try place.reader().read(.command(["true"])) }
        #expect(throws: ClocheError.self) { try place.reader().read(.command(["cloche-no-such-program"])) }
    }

    @Test func whatIsKeptAndWhatIsReferredTo() throws {
        let place = try TemporaryStore()
        let path = place.root + "/unlock"
        try KeyMaterialFile.make(path)
        let key = try place.store.create(.file(path: path), mayAsk: false)
        try place.store.add("mine", .kept(secret("abc"), key))
        try place.store.add("other", .reference(.command(["echo", "def"])))
        #expect(try place.reader().read(.kept(name: "mine")).text == "abc")
        #expect(try place.reader().read(.kept(name: "other")).text == "def")
        #expect(throws: ClocheError.self) { try place.reader().read(.kept(name: "third")) }
    }

    @Test(arguments: [
        CredentialSource.environment(name: "A"), .file(path: "/a b"),
        .command(["a", "--b", "c\nd", "\u{202E}"]),
    ])
    func aReferenceIsReadAsItWasWritten(_ source: CredentialSource) throws {
        let place = try TemporaryStore()
        try place.store.add("a", .reference(source))
        #expect(try place.store.entry("a").place == .reference(source))
    }

    @Test func aFingerprintTellsSecretsApart() throws {
        let one = try SecretLine.fingerprint(secret("sk-0123456789abcdef"))
        #expect(one?.count == 8)
        #expect(try SecretLine.fingerprint(secret("sk-0123456789abcdef")) == one)
        #expect(try SecretLine.fingerprint(secret("sk-0123456789abcdeg")) != one)
        #expect(try SecretLine.fingerprint(secret("1234")) == nil)
    }

    /// A secret that a command printed in two parts, so that nothing of this test has it, was read, kept and opened.
    @Test func nothingStaysInTheHeap() throws {
        let place = try TemporaryStore()
        let key = try place.withKey()
        let parts = ["Kanarienvogel-\(UInt32.random(in: 0...UInt32.max))", "-im-Bergwerk"]
        let masked = parts.joined().utf8.map { $0 ^ 0x55 }
        func use() throws -> Int {
            let read = try place.reader().read(
                .command(["sh", "-c", "printf %s \"$0\"; echo \"$1\""] + parts)
            )
            try place.store.add("canary", .kept(read, key))
            return try place.store.secret("canary", key).count
        }
        // The array above that joined them is gone, but its bytes may still be there.
        let before = try occurrences(masked)
        #expect(try use() == masked.count)
        #expect(try occurrences(masked) <= before)
        // The control: an array that holds it is found.
        var copy = masked.map { $0 ^ 0x55 }
        #expect(try occurrences(masked) > before)
        copy.wipe()
        #expect(try occurrences(masked) <= before)
    }

    /// How often what is masked is in the writable memory of this process, unmasked.
    private func occurrences(_ masked: [UInt8]) throws -> Int {
        let memory = try Files.open("/proc/self/mem")
        var count = 0
        for line in try Files.readText("/proc/self/maps").split(separator: "\n") {
            let words = line.split(separator: " ")
            let ends = words[0].split(separator: "-").compactMap { Int64($0, radix: 16) }
            guard words[1].hasPrefix("rw"), ends.count == 2, !line.hasSuffix("[vvar]") else { continue }
            var place = ends[0]
            while place < ends[1] {
                let size = Int(min(ends[1] - place, 1 << 20))
                // A mapping can have gone meanwhile: other tests run beside this one.
                guard var part = try? memory.read(at: place, count: size), part.count > masked.count else {
                    break
                }
                count += Self.count(masked, in: part)
                let isShort = part.count < size
                part.wipe()
                if isShort { break }
                place += Int64(size - masked.count)
            }
        }
        return count
    }

    private static func count(_ masked: [UInt8], in part: [UInt8]) -> Int {
        var count = 0
        unsafe part.withUnsafeBufferPointer { bytes in
            let first = masked[0] ^ 0x55
            for index in 0..<(bytes.count - masked.count) where unsafe bytes[index] == first {
                if masked.indices.allSatisfy({ unsafe bytes[index + $0] == masked[$0] ^ 0x55 }) {
                    count += 1
                }
            }
        }
        return count
    }
}

// What is kept comes back, and nothing else does: changed, swapped and copied files, other keys, two at once.

import ClocheModel
import Glibc
import LinuxSystem
import Testing

@testable import CredentialStore

@Suite struct StoreTests {
    private func code(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch { return (error as? ClocheError)?.code.name }
    }

    @Test func whatIsKeptComesBack() throws {
        let place = try TemporaryStore()
        let key = try place.withKey()
        try place.store.add("deploy", .kept(secret("hush-hush-hush"), key))
        #expect(try place.store.secret("deploy", key).text == "hush-hush-hush")
        let entry = try place.store.entry("deploy")
        #expect(entry.kind == "kept" && entry.rotated == nil)
        try place.store.rotate("deploy", .kept(secret("new"), key))
        #expect(try place.store.secret("deploy", key).text == "new")
        #expect(try place.store.entry("deploy").rotated != nil)
        #expect(try place.store.entry("deploy").created == entry.created)
        try place.store.delete("deploy")
        #expect(code { _ = try place.store.entry("deploy") } == "not-found")
        #expect(code { try place.store.delete("deploy") } == "not-found")
        #expect(code { try place.store.rotate("deploy", .kept(secret("x"), key)) } == "not-found")
    }

    @Test func filesAreForTheirOwnerAlone() throws {
        let place = try TemporaryStore()
        try place.store.add("deploy", .kept(secret("hush"), place.withKey()))
        #expect(try Files.status(place.store.directory).mode == 0o700)
        for name in try Files.list(place.store.directory) {
            #expect(try Files.status("\(place.store.directory)/\(name)").mode == 0o600, "\(name)")
        }
        #expect(try place.names() == ["deploy.credential", "key"])
    }

    @Test func aTakenNameIsRefused() throws {
        let place = try TemporaryStore()
        try place.store.add("a", .reference(.environment(name: "A")))
        #expect(code { try place.store.add("a", .reference(.environment(name: "B"))) } == "exists")
        #expect(code { try place.store.checkIsFree("a") } == "exists")
        #expect(try place.store.entry("a").place == .reference(.environment(name: "A")))
    }

    @Test(arguments: [
        "", ".", "..", "a/b", "../a", "-a", "a b", "ä", "a\n", String(repeating: "a", count: 65),
    ])
    func aNameIsNoPath(_ name: String) throws {
        let place = try TemporaryStore()
        #expect(code { try place.store.add(name, .reference(.environment(name: "A"))) } == "usage")
        #expect(code { _ = try place.store.entry(name) } == "usage")
    }

    @Test func everyBitOfACredentialCounts() throws {
        let place = try TemporaryStore()
        let key = try place.withKey()
        try place.store.add("deploy", .kept(secret("hush"), key))
        let path = place.store.path("deploy")
        let bytes = try Files.read(path)
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 1 << UInt8(index % 8)
            try Files.writeAtomically(path, changed, sync: false)
            let error = #expect(throws: ClocheError.self, "byte \(index)") {
                try place.store.secret("deploy", key)
            }
            #expect(error?.description.contains(path) == true)
            guard case .damaged("deploy", _)? = try place.store.list().first else {
                Issue.record("list did not see byte \(index)")
                return
            }
        }
        try Files.writeAtomically(path, bytes)
        #expect(try place.store.secret("deploy", key).text == "hush")
    }

    /// Damage that somebody made who knows how checksums are made: only the seal tells.
    @Test func theSealCoversHeaderAndPayload() throws {
        let place = try TemporaryStore()
        let key = try place.withKey()
        try place.store.add("deploy", .kept(secret("hush"), key))
        let path = place.store.path("deploy")
        let file = try SealedFile(.credential, reading: Files.read(path))
        var older = file.header
        older["created"] = .integer(1)
        try Files.writeAtomically(path, SealedFile(.credential, older, payload: file.payload).bytes)
        #expect(try place.store.entry("deploy").created == 1)
        #expect(code { _ = try place.store.secret("deploy", key) } == "state")
        for index in file.payload.indices {
            var changed = file
            changed.payload[index] ^= 0x10
            try Files.writeAtomically(path, changed.bytes, sync: false)
            #expect(code { _ = try place.store.secret("deploy", key) } == "state", "byte \(index)")
        }
        // The control: the same way of writing it gives a file that opens.
        try Files.writeAtomically(path, file.bytes)
        #expect(try place.store.secret("deploy", key).text == "hush")
    }

    @Test func everyBitOfTheKeyFileCounts() throws {
        let place = try TemporaryStore()
        _ = try place.withKey()
        let bytes = try Files.read(place.store.keyPath)
        let phrase = try secret("correct horse")
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 1 << UInt8(index % 8)
            try Files.writeAtomically(place.store.keyPath, changed, sync: false)
            let error = #expect(throws: ClocheError.self, "byte \(index)") {
                try place.store.key(asking: { _ throws(ClocheError) in phrase })
            }
            #expect(error?.description.contains(place.store.keyPath) == true)
        }
    }

    @Test func swappedAndRenamedFilesAreFound() throws {
        let place = try TemporaryStore()
        let key = try place.withKey()
        try place.store.add("a", .kept(secret("first"), key))
        try place.store.add("b", .kept(secret("second"), key))
        let (a, b) = (place.store.path("a"), place.store.path("b"))
        try Files.rename(a, a + ".aside")
        try Files.rename(b, a)
        try Files.rename(a + ".aside", b)
        #expect(code { _ = try place.store.secret("a", key) } == "state")
        // With the other's name in its header, as well.
        let file = try SealedFile(.credential, reading: Files.read(a))
        var header = file.header
        header["name"] = .string("a")
        try Files.writeAtomically(a, SealedFile(.credential, header, payload: file.payload).bytes)
        #expect(try place.store.entry("a").name == "a")
        #expect(code { _ = try place.store.secret("a", key) } == "state")
    }

    @Test func aCredentialOfAnotherStoreIsNamed() throws {
        let (one, other) = (try TemporaryStore(), try TemporaryStore())
        let key = try one.withKey()
        try other.store.add("a", .kept(secret("other"), other.withKey()))
        try Files.writeAtomically(one.store.path("a"), Files.read(other.store.path("a")))
        let error = #expect(throws: ClocheError.self) { try one.store.secret("a", key) }
        #expect(error?.why.contains("another store") == true)
    }

    @Test func noNewKeyHidesThatTheOldOneIsLost() throws {
        let place = try TemporaryStore()
        try place.store.add("a", .kept(secret("hush"), place.withKey()))
        try Files.remove(place.store.keyPath)
        let error = #expect(throws: ClocheError.self) { try place.withKey() }
        #expect(error?.remedy.contains("lost") == true)
        #expect(try place.names() == ["a.credential"])
        try place.store.delete("a")
        _ = try place.withKey()
    }

    @Test func twoWritersLoseNothing() async throws {
        let place = try TemporaryStore()
        let key = try place.withKey()
        let store = place.store
        try store.add("shared", .kept(secret("0"), key))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<4 {
                group.addTask {
                    for index in 0..<10 {
                        try store.add("n\(worker)-\(index)", .kept(secret("\(worker)/\(index)"), key))
                        try store.rotate("shared", .kept(secret("\(worker)-\(index)"), key))
                        try store.addLock(.passphrase(secret("phrase \(worker)"), .least), key, mayAsk: false)
                    }
                }
            }
            try await group.waitForAll()
        }
        for worker in 0..<4 {
            for index in 0..<10 {
                #expect(try store.secret("n\(worker)-\(index)", key).text == "\(worker)/\(index)")
            }
        }
        #expect(try store.keyFile()?.locks.count == 41)
        #expect(try store.secret("shared", key).text.hasSuffix("-9"))
    }

    @Test func whatAKilledWriterLeftIsCleared() throws {
        let place = try TemporaryStore()
        let key = try place.withKey()
        try Files.writeAtomically(place.store.path("a") + ".77.new", [1, 2, 3])
        #expect(try place.store.list().isEmpty)
        try place.store.add("b", .kept(secret("hush"), key))
        #expect(try place.names() == ["b.credential", "key"])
    }
}

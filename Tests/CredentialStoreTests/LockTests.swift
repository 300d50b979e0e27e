// What opens the store: passphrases, ssh keys, key files, the kernel's keyring.

import ClocheModel
import Glibc
import LinuxSystem
import Testing

@testable import CredentialStore

@Suite struct LockTests {
    private func answer(_ text: String) -> PassphraseQuestion {
        { _ throws(ClocheError) in
            do {
                return try secret(text)
            } catch { throw ClocheError(.system, "\(error)") }
        }
    }

    @Test func theRightPassphraseOpens() throws {
        let place = try TemporaryStore()
        let made = try place.withKey()
        let opened = try place.store.key(asking: answer("correct horse"))
        #expect(opened.secret.isSame(as: made.secret))
    }

    @Test func aWrongOneDoesNot() throws {
        let place = try TemporaryStore()
        _ = try place.withKey()
        var count = 0
        let error = #expect(throws: ClocheError.self) {
            try place.store.key(asking: { question throws(ClocheError) in
                count += 1
                return try self.answer("battery staple")(question)
            })
        }
        #expect(error?.code == .state && error?.why.contains("three wrong") == true)
        #expect(count == 3)
    }

    @Test func withoutAnybodyToAskItIsLocked() throws {
        let place = try TemporaryStore()
        _ = try place.withKey()
        let error = #expect(throws: ClocheError.self) { try place.store.key(asking: nil) }
        #expect(error?.what == "the store of credentials is locked")
        #expect(error?.remedy.contains("unlock") == true)
    }

    @Test func aKeyFileOpensAndAsksNobody() throws {
        let place = try TemporaryStore()
        let path = place.root + "/unlock"
        try KeyMaterialFile.make(path)
        #expect(try Files.status(path).mode == 0o600)
        let before = try Files.read(path)
        try KeyMaterialFile.make(path)
        #expect(try Files.read(path) == before, "what is there stays")
        let made = try place.store.create(.file(path: path), mayAsk: false)
        #expect(try place.store.key(asking: nil).secret.isSame(as: made.secret))
        unsafe chmod(path, 0o640)
        #expect(throws: ClocheError.self) { try place.store.key(asking: nil) }
        unsafe chmod(path, 0o600)
        #expect(try place.store.key(asking: nil).secret.isSame(as: made.secret))
        try Files.writeAtomically(path, Array(before.reversed()))
        let error = #expect(throws: ClocheError.self) { try place.store.key(asking: nil) }
        #expect(error?.why.contains("another one than the lock was made with") == true)
        try Files.remove(path)
        #expect(throws: ClocheError.self) { try place.store.key(asking: nil) }
    }

    @Test func aShortKeyFileIsRefused() throws {
        let place = try TemporaryStore()
        let path = try place.file("short", String(repeating: "x", count: 31))
        #expect(throws: ClocheError.self) { try place.store.create(.file(path: path), mayAsk: false) }
        let enough = try place.file("enough", String(repeating: "x", count: 32))
        _ = try place.store.create(.file(path: enough), mayAsk: false)
    }

    private func makeIdentity(_ place: TemporaryStore, _ kind: String, _ name: String, phrase: String = "")
        throws
        -> String
    {
        let path = "\(place.root)/\(name)"
        let made = try Subprocess("/usr/bin/ssh-keygen", ["-q", "-t", kind, "-N", phrase, "-f", path]).run()
        try #require(made.status == 0, "\(made.errorText)")
        return path
    }

    @Test func anSSHKeyOpens() throws {
        let place = try TemporaryStore()
        let made = try place.store.create(.ssh(identity: makeIdentity(place, "ed25519", "id")), mayAsk: false)
        #expect(try place.store.key(asking: nil).secret.isSame(as: made.secret))
        // Another key at the same place.
        for file in ["id", "id.pub"] { try Files.remove("\(place.root)/\(file)") }
        _ = try makeIdentity(place, "ed25519", "id")
        #expect(throws: ClocheError.self) { try place.store.key(asking: nil) }
    }

    @Test(arguments: ["ecdsa", "rsa"]) func anSSHKeyOfAnotherKindIsRefused(_ kind: String) throws {
        let place = try TemporaryStore()
        let identity = try makeIdentity(place, kind, "id")
        let error = #expect(throws: ClocheError.self) {
            try place.store.create(.ssh(identity: identity), mayAsk: false)
        }
        #expect(error?.why.contains("ed25519") == true)
    }

    @Test func aLockedSSHKeyDoesNotMakeAnybodyWait() throws {
        let place = try TemporaryStore()
        let identity = try makeIdentity(place, "ed25519", "id", phrase: "a phrase")
        #expect(throws: ClocheError.self) { try place.store.create(.ssh(identity: identity), mayAsk: false) }
    }

    @Test func locksAreAddedAndTakenAway() throws {
        let place = try TemporaryStore()
        let key = try place.withKey()
        try place.store.addLock(.passphrase(secret("second one"), .least), key, mayAsk: false)
        let locks = try #require(try place.store.keyFile()).locks
        #expect(locks.count == 2)
        #expect(try place.store.key(asking: answer("second one")).secret.isSame(as: key.secret))
        #expect(try place.store.key(asking: answer("correct horse")).secret.isSame(as: key.secret))
        try place.store.removeLock(0, locks[0], key)
        #expect(throws: ClocheError.self) { try place.store.key(asking: answer("correct horse")) }
        #expect(try place.store.key(asking: answer("second one")).secret.isSame(as: key.secret))
        let last = #expect(throws: ClocheError.self) { try place.store.removeLock(0, locks[1], key) }
        #expect(last?.code == .wouldLose)
    }

    /// A lock that its owner has not made: its key would be the attacker's, and everything kept from then on.
    @Test func aLockThatSomebodyAddedIsFound() throws {
        let (place, other) = (try TemporaryStore(), try TemporaryStore())
        _ = try place.withKey()
        let foreign = try other.store.create(.passphrase(secret("mine"), .least), mayAsk: false)
        let file = try #require(try place.store.keyFile())
        let lock = try #require(try other.store.keyFile()).locks[0]
        let forged = KeyFile(store: file.store, locks: file.locks + [lock])
        try Files.writeAtomically(place.store.keyPath, forged.file(provedBy: foreign).bytes)
        let error = #expect(throws: ClocheError.self) {
            try place.store.key(asking: answer("correct horse"))
        }
        #expect(error?.what.contains(place.store.keyPath) == true)
    }

    @Test func theKeyringKeepsTheKeyForATime() throws {
        let place = try TemporaryStore()
        let key = try place.withKey()
        #expect(try !place.store.isUnlocked())
        try place.store.keep(key, seconds: 100)
        #expect(try place.store.isUnlocked())
        #expect(try place.store.key(asking: nil).secret.isSame(as: key.secret))
        #expect(try place.store.forgetKey())
        #expect(try !place.store.isUnlocked())
        #expect(try !place.store.forgetKey())
        #expect(throws: ClocheError.self) { try place.store.key(asking: nil) }
        try place.store.keep(key, seconds: 1)
        let last = MonotonicClock.milliseconds + 10000
        while try place.store.isUnlocked(), MonotonicClock.milliseconds < last { Pause.milliseconds(20) }
        #expect(try !place.store.isUnlocked())
    }

    @Test func aStaleKeyInTheKeyringOpensNothing() throws {
        let place = try TemporaryStore()
        let key = try place.withKey()
        try place.store.keep(key, seconds: 100)
        // Its time is over soon.
        defer { _ = try? place.store.forgetKey() }
        let other = try MasterKey(Sealing.randomKey(), store: key.store)
        try KernelKeyring.keep("cloche-credentials:\(key.store)", other.secret, seconds: 100)
        #expect(try !place.store.isUnlocked())
        #expect(throws: ClocheError.self) { try place.store.key(asking: nil) }
    }
}

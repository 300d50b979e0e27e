// The master key of the store: made once, random; opened through the kernel's keyring, or through one of its locks.

package import ClocheModel
package import LinuxSystem

/// Asks a person for a passphrase without showing it; nil when nobody is there to be asked.
package typealias PassphraseQuestion = (String) throws(ClocheError) -> Secret?

extension CredentialStore {
    /// The locks that there are; nil when there is no store yet.
    package func keyFile() throws(ClocheError) -> KeyFile? {
        guard let file = try readFile(.key, keyPath) else { return nil }
        guard let keyFile = KeyFile(file) else { throw damaged(keyPath, "its header holds no locks") }
        return keyFile
    }

    private func requiredKeyFile() throws(ClocheError) -> KeyFile {
        if let file = try keyFile() { return file }
        throw try hasNoKey()
    }

    private func hasNoKey() throws(ClocheError) -> ClocheError {
        ClocheError(
            .state,
            "the store of credentials has no key",
            why: "\(keyPath) is not there",
            remedy: try keptNames().isEmpty
                ? "`cloche credential protect` makes one"
                : "put the file back from a copy: without it, what is kept here is lost"
        )
    }

    private func keptNames() throws(ClocheError) -> [String] {
        try list().compactMap { finding in
            switch finding {
            case .entry(let entry): entry.kind == "kept" ? entry.name : nil
            case .damaged(let name, _): name
            }
        }
    }

    /// Makes the store's key, with a first lock.
    package func create(_ material: LockMaterial, mayAsk: Bool) throws(ClocheError) -> MasterKey {
        let key = try newKey()
        // Before the directory's lock is taken: ssh-keygen may ask, and a passphrase takes its time.
        let lock = try newLock(material, key, mayAsk)
        try locked { () throws(ClocheError) in
            guard !Files.exists(keyPath) else {
                throw ClocheError(
                    .exists,
                    "the store of credentials has a key already",
                    why: "another command made it meanwhile",
                    remedy: "try again"
                )
            }
            try checkNothingIsKept()
            try replace(keyPath, KeyFile(store: key.store, locks: [lock]).file(provedBy: key))
        }
        return key
    }

    /// Refuses to make a key where something is kept: it would open none of that, and hide that the old one is missing.
    package func checkNothingIsKept() throws(ClocheError) {
        if try !keptNames().isEmpty { throw try hasNoKey() }
    }

    private func newKey() throws(ClocheError) -> MasterKey {
        do throws(SystemError) {
            return try MasterKey(Sealing.randomKey(), store: Hexadecimal.text(try Sealing.random(16)))
        } catch { throw cannotWrite(error) }
    }

    private func newLock(_ material: LockMaterial, _ key: MasterKey, _ mayAsk: Bool) throws(ClocheError)
        -> KeyLock
    {
        try KeyLock(material, holding: key.secret, store: key.store, ssh: SSHIdentity(mayAsk: mayAsk))
    }

    /// Adds a way to the key.
    package func addLock(_ material: LockMaterial, _ key: MasterKey, mayAsk: Bool) throws(ClocheError) {
        let lock = try newLock(material, key, mayAsk)
        try locked { () throws(ClocheError) in
            try check(key)
            var file = try requiredKeyFile()
            file.locks.append(lock)
            try replace(keyPath, file.file(provedBy: key))
        }
    }

    /// Takes a way to the key away, by its place in the list; the last one stays.
    package func removeLock(_ index: Int, _ lock: KeyLock, _ key: MasterKey) throws(ClocheError) {
        try locked { () throws(ClocheError) in
            try check(key)
            var file = try requiredKeyFile()
            guard file.locks.indices.contains(index), file.locks[index] == lock else {
                throw ClocheError(
                    .notFound,
                    "there is no such lock any more",
                    remedy: "see `cloche credential protect --list`"
                )
            }
            guard file.locks.count > 1 else {
                throw ClocheError(
                    .wouldLose,
                    "this is the only lock",
                    why: "without any, what is kept could never be read again",
                    remedy: "add another one first"
                )
            }
            file.locks.remove(at: index)
            try replace(keyPath, file.file(provedBy: key))
        }
    }

    /// Refuses a key that is not, or no longer, the one of this store.
    func check(_ key: MasterKey) throws(ClocheError) {
        guard try requiredKeyFile().isProved(by: key) else {
            throw damaged(keyPath, "it is not as the holder of its key wrote it")
        }
    }

    // MARK: Opening

    /// The key, from the kernel's keyring or through a lock.
    ///
    /// - Parameter question: asks for a passphrase; nil when nobody may be asked.
    package func key(asking question: PassphraseQuestion?) throws(ClocheError) -> MasterKey {
        let file = try requiredKeyFile()
        if let key = try cachedKey(file) { return key }
        return try openLocks(file, question)
    }

    /// The key through a lock, whether or not the keyring has it.
    package func unlockedKey(asking question: PassphraseQuestion?) throws(ClocheError) -> MasterKey {
        try openLocks(try requiredKeyFile(), question)
    }

    private func openLocks(_ file: KeyFile, _ question: PassphraseQuestion?) throws(ClocheError) -> MasterKey
    {
        let ssh = SSHIdentity(mayAsk: question != nil)
        var reasons: [String] = []
        // Those that ask nobody first.
        for lock in file.locks.filter({ !$0.isPassphrase }).sorted(by: { $0.rank < $1.rank }) {
            do throws(ClocheError) {
                if let key = try proved(lock.open(file.store, passphrase: nil, ssh: ssh), file) { return key }
                reasons.append("\(lock.text): it is another one than the lock was made with")
            } catch {
                // A file that somebody changed is no lock that did not open.
                if error.code == .state { throw error }
                reasons.append("\(lock.text): \(error.why)")
            }
        }
        let phrases = file.locks.filter(\.isPassphrase)
        guard !phrases.isEmpty, let question else { throw isLocked(reasons, phrases.isEmpty) }
        for attempt in 0..<3 {
            let words = attempt == 0 ? "" : "That is not it. "
            guard let phrase = try question("\(words)Passphrase of Cloche's credentials: ") else { break }
            for lock in phrases {
                if let key = try proved(lock.open(file.store, passphrase: phrase, ssh: ssh), file) {
                    return key
                }
            }
            if attempt == 2 { reasons.append("three wrong passphrases") }
        }
        throw isLocked(reasons, false)
    }

    private func proved(_ secret: Secret?, _ file: KeyFile) throws(ClocheError) -> MasterKey? {
        guard let secret else { return nil }
        let key = try masterKey(secret, file)
        guard file.isProved(by: key) else {
            throw damaged(keyPath, "it is not as the holder of its key wrote it")
        }
        return key
    }

    private func masterKey(_ secret: Secret, _ file: KeyFile) throws(ClocheError) -> MasterKey {
        do throws(SystemError) {
            return try MasterKey(secret, store: file.store)
        } catch { throw cannotRead(keyPath, error) }
    }

    private func isLocked(_ reasons: [String], _ hasNoPhrase: Bool) -> ClocheError {
        ClocheError(
            .state,
            "the store of credentials is locked",
            why: reasons.joined(separator: "; "),
            remedy: hasNoPhrase
                ? "mend that, or put the key back where it was"
                : "run `cloche credential unlock` in a terminal"
        )
    }

    // MARK: The keyring

    private func keyringName(_ file: KeyFile) -> String { "cloche-credentials:\(file.store)" }

    /// From the keyring; nil when it has none, or no right one.
    private func cachedKey(_ file: KeyFile) throws(ClocheError) -> MasterKey? {
        // A host without keyrings, or one that refuses them, only makes us ask each time.
        guard let secret = try? KernelKeyring.read(keyringName(file)), secret.count == Sealing.keyBytes else {
            return nil
        }
        let key = try masterKey(secret, file)
        // Of another time of this store, or the file is not as it was: the locks will tell.
        return file.isProved(by: key) ? key : nil
    }

    /// Whether the key is in the kernel's keyring.
    package func isUnlocked() throws(ClocheError) -> Bool {
        guard let file = try keyFile() else { return false }
        return try cachedKey(file) != nil
    }

    /// Keeps the key in the kernel's keyring for so many seconds; 0 means until the machine is started anew.
    package func keep(_ key: MasterKey, seconds: UInt32) throws(ClocheError) {
        let name = keyringName(try requiredKeyFile())
        do throws(SystemError) {
            try KernelKeyring.keep(name, key.secret, seconds: seconds)
        } catch {
            throw ClocheError(
                .host,
                "cannot keep the key in the kernel's keyring",
                why: error.description,
                remedy:
                    "without it, the passphrase is asked for each time; a key file or an ssh key needs none"
            )
        }
    }

    /// Takes the key out of the kernel's keyring; whether it was there.
    package func forgetKey() throws(ClocheError) -> Bool {
        guard let file = try keyFile() else { return false }
        do throws(SystemError) {
            return try KernelKeyring.forget(keyringName(file))
        } catch {
            throw ClocheError(
                .host,
                "cannot take the key out of the kernel's keyring",
                why: error.description,
                remedy: "if the host refuses keyrings, there is none in it"
            )
        }
    }
}

extension KeyLock {
    var isPassphrase: Bool { if case .passphrase = kind { true } else { false } }

    /// A file is read in no time; ssh-keygen may ask.
    var rank: Int { if case .file = kind { 0 } else { 1 } }
}

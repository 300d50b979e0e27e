// What opens the store for good: each lock holds the master key, sealed with a key that is derived from something the user
// has or knows. The kernel's keyring is none of them: it forgets.

package import ClocheModel
package import LinuxSystem

/// One way to the master key.
package struct KeyLock: Equatable, Sendable {
    /// From what the key of the lock is derived.
    package enum Kind: Equatable, Sendable {
        /// A passphrase, by Argon2id with these costs; memory in bytes.
        case passphrase(salt: [UInt8], operations: Int64, memory: Int64)
        /// The signature of a text with an ed25519 key of ssh.
        case ssh(identity: String, challenge: [UInt8])
        /// The bytes of a file.
        case file(path: String)
    }

    /// From what its key is derived.
    package let kind: Kind
    /// Milliseconds since 1970.
    package let added: Int64
    /// The master key, sealed.
    let wrapped: [UInt8]

    /// In few words, for people.
    package var text: String {
        switch kind {
        case .passphrase: "passphrase"
        case .ssh(let identity, _): "ssh key \(identity)"
        case .file(let path): "key file \(path)"
        }
    }
}

/// What a new lock is to be opened with.
package enum LockMaterial {
    /// How long one try of a passphrase takes, and how much memory.
    package struct Cost: Sendable {
        let operations: Int64
        let memory: Int64

        /// libsodium's "moderate": most of a second, and 256 MiB, which makes guessing dear.
        package static let usual = Cost(operations: 3, memory: 268_435_456)
        /// The least that there is; for tests.
        package static let least = Cost(operations: 1, memory: 8192)
    }

    case passphrase(Secret, Cost)
    case ssh(identity: String)
    case file(path: String)
}

extension KeyLock {
    /// Seals the master key anew.
    init(_ material: LockMaterial, holding master: Secret, store: String, ssh: SSHIdentity)
        throws(ClocheError)
    {
        do throws(SystemError) {
            let key: Secret
            switch material {
            case .passphrase(let passphrase, let cost):
                let salt = try Sealing.random(Sealing.saltBytes)
                kind = .passphrase(salt: salt, operations: cost.operations, memory: cost.memory)
                key = try Sealing.key(
                    from: passphrase,
                    salt: salt,
                    operations: cost.operations,
                    memory: cost.memory
                )
            case .ssh(let identity):
                let challenge = try Sealing.random(Sealing.keyBytes)
                kind = .ssh(identity: identity, challenge: challenge)
                key = try ssh.lastingKey(identity, challenge)
            case .file(let path):
                kind = .file(path: path)
                key = try KeyMaterialFile.key(path)
            }
            added = WallClock.milliseconds
            let context = Self.context(store, Self.parameters(kind, added))
            wrapped = try Sealing.seal(master, with: key, for: context)
        } catch { throw Self.words(error) }
    }

    /// The master key; nil when what was given is not what the lock was made with.
    ///
    /// - Parameter passphrase: for a lock of that kind.
    func open(_ store: String, passphrase: Secret?, ssh: SSHIdentity) throws(ClocheError) -> Secret? {
        do throws(SystemError) {
            let key: Secret
            switch kind {
            case .passphrase(let salt, let operations, let memory):
                guard let passphrase else { return nil }
                key = try Sealing.key(from: passphrase, salt: salt, operations: operations, memory: memory)
            case .ssh(let identity, let challenge): key = try ssh.key(identity, challenge)
            case .file(let path): key = try KeyMaterialFile.key(path)
            }
            return try Sealing.open(
                wrapped,
                with: key,
                for: Self.context(store, Self.parameters(kind, added))
            )
        } catch { throw Self.words(error) }
    }

    private static func words(_ error: SystemError) -> ClocheError {
        switch error.call {
        case "ssh-keygen": ClocheError(.system, "no key from the ssh key", why: error.subject)
        case "key-file": ClocheError(.system, "no key from the key file", why: error.subject)
        case "crypto_pwhash":
            ClocheError(
                .system,
                "not enough memory for the passphrase",
                why: "trying one takes 256 MiB, so that guessing is dear",
                remedy: "raise the limit of memory (ulimit -v, or the cgroup's)"
            )
        default: ClocheError(.system, "cannot open the store of credentials", why: error.description)
        }
    }

    private static func context(_ store: String, _ parameters: [Document.Entry]) -> [UInt8] {
        let file = SealedFile(.key, .map([Document.Entry("store", .string(store))] + parameters))
        return file.context
    }

    private static func parameters(_ kind: Kind, _ added: Int64) -> [Document.Entry] {
        let entries: [Document.Entry] =
            switch kind {
            case .passphrase(let salt, let operations, let memory):
                [
                    Document.Entry("kind", .string("passphrase")),
                    Document.Entry("salt", .string(Hexadecimal.text(salt))),
                    Document.Entry("operations", .integer(operations)),
                    Document.Entry("memory", .integer(memory)),
                ]
            case .ssh(let identity, let challenge):
                [
                    Document.Entry("kind", .string("ssh")), Document.Entry("identity", .string(identity)),
                    Document.Entry("challenge", .string(Hexadecimal.text(challenge))),
                ]
            case .file(let path):
                [Document.Entry("kind", .string("key-file")), Document.Entry("path", .string(path))]
            }
        return entries + [Document.Entry("added", .integer(added))]
    }

    /// What people and scripts are told of it.
    package var summary: Document {
        let shown = ["kind", "identity", "path", "added"]
        return .map(Self.parameters(kind, added).filter { shown.contains($0.key) })
    }

    /// As the key file has it.
    var document: Document {
        .map(
            Self.parameters(kind, added) + [Document.Entry("wrapped", .string(Hexadecimal.text(wrapped)))]
        )
    }

    /// Reads one; nil when it is none.
    init?(document: Document) {
        func bytes(_ key: String, _ count: Int) -> [UInt8]? {
            document[key]?.string.flatMap { Hexadecimal.bytes($0) }.flatMap { $0.count == count ? $0 : nil }
        }
        guard let added = document["added"]?.integer,
            let wrapped = bytes("wrapped", Sealing.keyBytes + Sealing.overhead)
        else { return nil }
        switch document["kind"]?.string {
        case "passphrase":
            // Bounds against a file that would take an hour, or all memory, to be tried.
            guard let salt = bytes("salt", Sealing.saltBytes),
                let operations = document["operations"]?.integer,
                let memory = document["memory"]?.integer, (1...64).contains(operations),
                (8192...4_294_967_296).contains(memory)
            else { return nil }
            kind = .passphrase(salt: salt, operations: operations, memory: memory)
        case "ssh":
            guard let identity = document["identity"]?.string, identity.hasPrefix("/"),
                let challenge = bytes("challenge", Sealing.keyBytes)
            else { return nil }
            kind = .ssh(identity: identity, challenge: challenge)
        case "key-file":
            guard let path = document["path"]?.string, path.hasPrefix("/") else { return nil }
            kind = .file(path: path)
        default: return nil
        }
        (self.added, self.wrapped) = (added, wrapped)
        guard self.document == document else { return nil }
    }
}

/// A file whose bytes open the store: for machines at which nobody types.
package enum KeyMaterialFile {
    /// Makes one of random bytes, for this user alone; nothing happens if something is there.
    package static func make(_ path: String) throws(ClocheError) {
        if Files.exists(path) { return }
        do throws(SystemError) {
            var text = Array((Hexadecimal.text(try Sealing.random(Sealing.keyBytes)) + "\n").utf8)
            defer { text.wipe() }
            try Files.writeAtomically(path, text)
            try Files.synchronizeDirectory(path.parentPath)
        } catch {
            throw ClocheError(.system, "cannot make the key file", why: error.description)
        }
    }

    /// The key that its bytes give.
    static func key(_ path: String) throws(SystemError) -> Secret {
        let content: Secret
        do throws(SystemError) {
            let file = try HostFile.open(path)
            guard file.isPrivate else { throw SystemError("open", .access, "others may read \(path)") }
            content = try Secret(reading: file.descriptor)
        } catch { throw refusal(error.description) }
        guard content.count >= Sealing.keyBytes else {
            throw refusal("\(path) has fewer than \(Sealing.keyBytes) bytes")
        }
        guard content.count < Secret.mostBytes else { throw refusal("\(path) is too long") }
        return try Sealing.key(from: content, "cloche credential key file")
    }

    private static func refusal(_ why: String) -> SystemError { SystemError("key-file", .access, why) }
}

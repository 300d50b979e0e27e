// A store in a directory of its own, and secrets made of text.

import CredentialStore
import Glibc
import LinuxSystem
import Testing

/// A store below /tmp; removed when the value goes.
final class TemporaryStore {
    let root = "/tmp/cloche-credentials-test.\(getpid()).\(UInt32.random(in: 0...UInt32.max))"
    let store: CredentialStore

    init() throws {
        store = CredentialStore(directory: root + "/state/credentials")
        try Files.makeDirectories(root)
    }

    // What stays behind is in the temporary directory.
    deinit { try? Files.removeTree(root) }

    /// A store with a passphrase, "correct horse".
    func withKey() throws -> MasterKey {
        try store.create(.passphrase(secret("correct horse"), .least), mayAsk: false)
    }

    func file(_ name: String, _ content: String, mode: UInt32 = 0o600) throws -> String {
        let path = "\(root)/\(name)"
        try Files.writeAtomically(path, Array(content.utf8))
        unsafe try #require(chmod(path, mode) == 0)
        return path
    }

    /// What is in the store's directory, but its lock.
    func names() throws -> [String] { try Files.list(store.directory).filter { $0 != "lock" } }

    func reader(_ question: PassphraseQuestion? = nil, warn: @escaping (String) -> Void = { _ in })
        -> CredentialReader
    {
        CredentialReader(store: store, environment: ["PATH=/usr/bin:/bin"], question: question, warn: warn)
    }
}

func secret(_ text: String) throws -> Secret {
    var text = text
    return try text.withUTF8 { try unsafe Secret(UnsafeRawBufferPointer($0)) }
}

extension Secret {
    /// As text; only for what is no secret.
    var text: String { unsafe withBytes { unsafe String(decoding: $0, as: UTF8.self) } }
}

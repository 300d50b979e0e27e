// The file that holds the locks of the store: header with the locks, and a payload that proves, to whoever has the master
// key, that it is as somebody with the master key wrote it.

internal import ClocheModel
internal import LinuxSystem

/// The key that opens what is kept; it lives in locked pages and in the kernel's keyring, and on no disk.
package final class MasterKey: Sendable {
    /// The key itself, for locks and the keyring.
    let secret: Secret
    /// Which store it opens.
    package let store: String
    /// Seals credentials.
    let sealing: Secret
    /// Proves the key file.
    let proof: Secret

    init(_ secret: Secret, store: String) throws(SystemError) {
        self.secret = secret
        self.store = store
        sealing = try Sealing.derive(secret, 1)
        proof = try Sealing.derive(secret, 2)
    }
}

/// The locks of one store.
package struct KeyFile: Equatable, Sendable {
    /// The store's id: 32 hexadecimal digits.
    package let store: String
    /// All ways to the master key.
    package var locks: [KeyLock]
    private var proof: [UInt8] = []

    init(store: String, locks: [KeyLock]) { (self.store, self.locks) = (store, locks) }

    /// Reads a file's parts; nil when it holds no locks.
    package init?(_ file: SealedFile) {
        guard let store = file.header["store"]?.string, Hexadecimal.bytes(store)?.count == 16,
            let items = file.header["locks"]?.list, !items.isEmpty, file.payload.count == Sealing.keyBytes
        else { return nil }
        let locks = items.compactMap { KeyLock(document: $0) }
        guard locks.count == items.count else { return nil }
        (self.store, self.locks, proof) = (store, locks, file.payload)
        guard header == file.header else { return nil }
    }

    private var header: Document {
        .object(["store": .string(store), "locks": .list(locks.map(\.document))])
    }

    /// Whether somebody with this key wrote it.
    func isProved(by key: MasterKey) -> Bool {
        key.store == store
            && Sealing.isSame(proof, Sealing.digest(SealedFile(.key, header).context, key: key.proof))
    }

    /// The file to be written.
    func file(provedBy key: MasterKey) -> SealedFile {
        var file = SealedFile(.key, header)
        file.payload = Sealing.digest(file.context, key: key.proof)
        return file
    }

    /// The file as it was read, for tests of its form.
    package var unchanged: SealedFile { SealedFile(.key, header, payload: proof) }
}

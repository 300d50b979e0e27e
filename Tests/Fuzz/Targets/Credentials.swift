// Files of the store of credentials, which a disk, a backup or another program may have changed, and what ssh-keygen prints.

import ClocheModel
import LinuxSystem

@testable import CredentialStore

/// A file is refused, or is written again as it was read; with a seal that is not the key's it never opens.
@Sendable func fuzzCredential(_ bytes: [UInt8]) {
    readSignature(bytes)
    // As it is, and with the checksum that belongs to it, which chance does not find.
    for content in [bytes, bytes + Sealing.digest(bytes)] {
        for kind in [SealedFile.Kind.credential, .key] {
            // Most inputs are none.
            guard let file = try? SealedFile(kind, reading: content) else { continue }
            require(file.bytes == content, "one text for each value")
            if kind == .credential { requireEntry(file) } else { requireLocks(file) }
        }
    }
}

// Made anew in each run: no input can be sealed with it.
private let chance = try? MasterKey(Sealing.randomKey(), store: String(repeating: "0", count: 32))

private func requireEntry(_ file: SealedFile) {
    guard let entry = CredentialEntry(header: file.header) else { return }
    require(entry.header == file.header, "one header for each entry")
    require(!entry.name.contains("/") && entry.name != "..", "a name is no path")
    guard let chance else { fatalError("no memory for a key") }
    // Only a lack of memory is an error.
    let opened = try? Sealing.open(file.payload, with: chance.sealing, for: file.context)
    require(opened == nil, "another key opens nothing")
}

private func requireLocks(_ file: SealedFile) {
    guard let locks = KeyFile(file) else { return }
    require(locks.unchanged == file, "one file for each list of locks")
    guard let chance else { fatalError("no memory for a key") }
    require(!locks.isProved(by: chance), "nobody without the key proves it")
}

/// A signature is a key or an error.
private func readSignature(_ bytes: [UInt8]) {
    do throws(SystemError) {
        let text = try unsafe Secret(capacity: bytes.count) { room throws(SystemError) in
            unsafe room.copyBytes(from: bytes)
            return bytes.count
        }
        _ = try SSHIdentity.key(fromArmored: text)
    } catch { require(!error.description.isEmpty, "an error has words") }
}

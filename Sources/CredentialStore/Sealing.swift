// libsodium's part: what is sealed is encrypted and authenticated (XChaCha20-Poly1305), with the text that it belongs to.
// Keys and plain texts are in locked pages always; only what may lie on a disk is an array.

internal import CSodium
internal import Glibc
internal import LinuxSystem

/// Encryption, derivation of keys, checksums.
enum Sealing {
    /// Of every key and checksum.
    static let keyBytes = 32
    /// How much longer what is sealed is than the secret in it.
    static let overhead = nonceBytes + Int(crypto_aead_xchacha20poly1305_ietf_ABYTES)
    private static let nonceBytes = Int(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES)

    // Before any other call of the library, once.
    private static let isReady = sodium_init() >= 0

    private static func prepare() throws(SystemError) {
        guard isReady else { throw SystemError("sodium_init", Errno(ENOSYS), "libsodium") }
    }

    /// Unpredictable bytes that need not be secret.
    static func random(_ count: Int) throws(SystemError) -> [UInt8] {
        try prepare()
        var bytes = [UInt8](repeating: 0, count: count)
        unsafe randombytes_buf(&bytes, count)
        return bytes
    }

    /// A new key.
    static func randomKey() throws(SystemError) -> Secret {
        try prepare()
        return try unsafe Secret(capacity: keyBytes) { room throws(SystemError) in
            unsafe randombytes_buf(bytes(room), keyBytes)
            return keyBytes
        }
    }

    /// A secret as it may lie on a disk: a random nonce, and what it became, bound to a context.
    static func seal(_ secret: Secret, with key: Secret, for context: [UInt8]) throws(SystemError) -> [UInt8]
    {
        let nonce = try random(nonceBytes)
        var sealed = [UInt8](repeating: 0, count: secret.count + overhead - nonceBytes)
        unsafe secret.withBytes { plain in
            unsafe key.withBytes { key in
                // It has no way to fail.
                _ = unsafe crypto_aead_xchacha20poly1305_ietf_encrypt(
                    &sealed,
                    nil,
                    bytes(plain),
                    UInt64(plain.count),
                    context,
                    UInt64(context.count),
                    nil,
                    nonce,
                    bytes(key)
                )
            }
        }
        return nonce + sealed
    }

    /// The secret again; nil when key or context are others, or a bit has changed.
    static func open(_ sealed: [UInt8], with key: Secret, for context: [UInt8]) throws(SystemError) -> Secret?
    {
        guard sealed.count >= overhead else { return nil }
        let (nonce, cipher) = (Array(sealed[..<nonceBytes]), Array(sealed[nonceBytes...]))
        var isGenuine = false
        let secret = try unsafe Secret(capacity: sealed.count - overhead) { room throws(SystemError) in
            var count: UInt64 = 0
            let answer = unsafe key.withBytes { key in
                unsafe crypto_aead_xchacha20poly1305_ietf_decrypt(
                    bytes(room),
                    &count,
                    nil,
                    cipher,
                    UInt64(cipher.count),
                    context,
                    UInt64(context.count),
                    nonce,
                    bytes(key)
                )
            }
            isGenuine = answer == 0
            return isGenuine ? Int(count) : 0
        }
        return isGenuine ? secret : nil
    }

    /// A key for one purpose out of a master key.
    static func derive(_ master: Secret, _ purpose: UInt64) throws(SystemError) -> Secret {
        try unsafe Secret(capacity: keyBytes) { room throws(SystemError) in
            unsafe master.withBytes { master in
                // It fails for wrong lengths only.
                _ = unsafe crypto_kdf_derive_from_key(
                    bytes(room),
                    keyBytes,
                    purpose,
                    "clocheCR",
                    bytes(master)
                )
            }
            return keyBytes
        }
    }

    /// BLAKE2b of a secret of any length, as a key.
    static func key(from secret: Secret, _ context: String) throws(SystemError) -> Secret {
        let label = Array(context.utf8)
        return try unsafe Secret(capacity: keyBytes) { room throws(SystemError) in
            unsafe secret.withBytes { secret in
                // The label is the hash's key: two purposes have nothing in common.
                _ = unsafe crypto_generichash(
                    bytes(room),
                    keyBytes,
                    bytes(secret),
                    UInt64(secret.count),
                    label,
                    label.count
                )
            }
            return keyBytes
        }
    }

    /// BLAKE2b of what lies on a disk: it tells damage, and keyed, that nobody without the key has written it.
    static func digest(_ content: [UInt8], key: Secret? = nil) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: keyBytes)
        func hash(_ key: UnsafeRawBufferPointer?) {
            _ = unsafe crypto_generichash(
                &digest,
                keyBytes,
                content,
                UInt64(content.count),
                key.flatMap { unsafe bytes($0) },
                key?.count ?? 0
            )
        }
        if let key { unsafe key.withBytes { unsafe hash($0) } } else { hash(nil) }
        return digest
    }

    /// Whether two digests are the same, in a time that does not depend on them.
    static func isSame(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        guard one.count == keyBytes, other.count == keyBytes else { return false }
        return unsafe crypto_verify_32(one, other) == 0
    }

    /// A key out of a passphrase, by Argon2id.
    ///
    /// - Throws: `ENOMEM` when there is not so much memory.
    static func key(
        from passphrase: Secret,
        salt: [UInt8],
        operations: Int64,
        memory: Int64
    ) throws(SystemError) -> Secret {
        try prepare()
        return try unsafe Secret(capacity: keyBytes) { room throws(SystemError) in
            let answer = unsafe passphrase.withBytes { passphrase in
                unsafe crypto_pwhash_argon2id(
                    bytes(room),
                    UInt64(keyBytes),
                    UnsafeRawPointer(bytes(passphrase)).assumingMemoryBound(to: CChar.self),
                    UInt64(passphrase.count),
                    salt,
                    UInt64(operations),
                    Int(memory),
                    crypto_pwhash_argon2id_ALG_ARGON2ID13
                )
            }
            guard answer == 0 else { throw SystemError("crypto_pwhash", .noMemory) }
            return keyBytes
        }
    }

    /// Of the salt of a passphrase.
    static let saltBytes = Int(crypto_pwhash_argon2id_SALTBYTES)

    // The pages of a secret have an address, even if it has no bytes.
    private static func bytes(_ buffer: UnsafeRawBufferPointer) -> UnsafePointer<UInt8> {
        guard let start = buffer.baseAddress else { preconditionFailure("a secret has pages") }
        return unsafe start.assumingMemoryBound(to: UInt8.self)
    }

    private static func bytes(_ buffer: UnsafeMutableRawBufferPointer) -> UnsafeMutablePointer<UInt8> {
        guard let start = buffer.baseAddress else { preconditionFailure("a secret has pages") }
        return unsafe start.assumingMemoryBound(to: UInt8.self)
    }
}

/// Bytes as hexadecimal digits in small letters.
enum Hexadecimal {
    static func text(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] },
            as: UTF8.self
        )
    }

    /// Nil for anything that `text` does not write.
    static func bytes(_ text: String) -> [UInt8]? {
        let digits = text.utf8.map { character -> UInt8? in
            switch character {
            case 0x30...0x39: character - 0x30
            case 0x61...0x66: character - 0x61 + 10
            default: nil
            }
        }
        guard digits.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = digits[index], let low = digits[index + 1] else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }
}

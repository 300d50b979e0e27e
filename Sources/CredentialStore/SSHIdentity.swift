// A key out of an ed25519 key of ssh: `ssh-keygen -Y sign` signs a random text, and the signature, which is the same each
// time and which nobody else can make, is hashed. So Cloche reads no private key, and one that an ssh agent holds, or that
// has a passphrase, works as well. The signature itself is a secret, and stays in locked pages.

internal import CSodium
internal import Glibc
internal import LinuxSystem

/// ssh's program that signs.
struct SSHIdentity {
    /// Whether it may ask at the terminal for the passphrase of the key.
    let mayAsk: Bool

    private static let namespace = "cloche-credential"

    /// The key for a challenge, tried twice: another kind of key signs differently each time, and would open nothing.
    func lastingKey(_ identity: String, _ challenge: [UInt8]) throws(SystemError) -> Secret {
        let (first, second) = (try key(identity, challenge), try key(identity, challenge))
        guard first.isSame(as: second) else {
            throw Self.refusal("\(identity) signs the same text differently each time")
        }
        return first
    }

    /// The key for a challenge.
    func key(_ identity: String, _ challenge: [UInt8]) throws(SystemError) -> Secret {
        guard let program = ProcessEnvironment.findProgram("ssh-keygen") else {
            throw Self.refusal("ssh-keygen is not installed")
        }
        let names = ["HOME", "PATH", "SSH_AUTH_SOCK", "SSH_ASKPASS", "DISPLAY", "WAYLAND_DISPLAY"]
        var environment = names.compactMap { name in ProcessEnvironment.value(name).map { "\(name)=\($0)" } }
        if !mayAsk { environment.append("SSH_ASKPASS_REQUIRE=never") }
        let arguments = ["-Y", "sign", "-n", Self.namespace, "-f", identity]
        let input = Array("Cloche's store of credentials \(Hexadecimal.text(challenge))\n".utf8)
        let result = try Subprocess(program, arguments, environment: environment).secret(
            input: input,
            patience: mayAsk ? 120_000 : 30_000,
            isAlone: !mayAsk
        )
        guard let status = result.status else { throw Self.refusal("ssh-keygen did not end in time") }
        guard status == 0 else {
            let words = String(decoding: result.errors, as: UTF8.self).split(whereSeparator: \.isNewline)
            throw Self.refusal(words.last.map(String.init) ?? "ssh-keygen ended with \(status)")
        }
        return try Self.key(fromArmored: result.output)
    }

    /// From the text that ssh-keygen writes.
    static func key(fromArmored armored: Secret) throws(SystemError) -> Secret {
        let (begin, end) = ("-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----")
        let blob = try unsafe Secret(capacity: armored.count) { room throws(SystemError) in
            let count = unsafe armored.withBytes { text -> Int? in
                guard unsafe text.starts(with: begin.utf8), let start = text.baseAddress,
                    let target = room.baseAddress
                else { return nil }
                let body = unsafe UnsafeRawBufferPointer(rebasing: text.dropFirst(begin.utf8.count))
                // Base64 has no dash.
                guard let last = unsafe body.firstIndex(of: UInt8(ascii: "-")),
                    unsafe body[last...].starts(with: end.utf8)
                else { return nil }
                var length = 0
                let answer = unsafe sodium_base642bin(
                    target.assumingMemoryBound(to: UInt8.self),
                    room.count,
                    (start + begin.utf8.count).assumingMemoryBound(to: CChar.self),
                    last,
                    "\n",
                    &length,
                    nil,
                    sodium_base64_VARIANT_ORIGINAL
                )
                return answer == 0 ? length : nil
            }
            guard let count else { throw refusal("ssh-keygen wrote no signature") }
            return count
        }
        let range = unsafe try blob.withBytes { bytes throws(SystemError) in try unsafe signature(in: bytes) }
        return try Sealing.key(from: try blob.part(range), "cloche credential ssh signature")
    }

    /// Where the 64 bytes of an ed25519 signature are, `PROTOCOL.sshsig` of OpenSSH.
    private static func signature(in blob: UnsafeRawBufferPointer) throws(SystemError) -> Range<Int> {
        var place = 0
        func number() throws(SystemError) -> Int {
            guard blob.count - place >= 4 else { throw refusal("ssh-keygen's signature is cut short") }
            defer { place += 4 }
            return unsafe blob[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
        }
        func string() throws(SystemError) -> Range<Int> {
            let count = try number()
            guard count <= blob.count - place else { throw refusal("ssh-keygen's signature is cut short") }
            defer { place += count }
            return place..<place + count
        }
        func isText(_ range: Range<Int>, _ text: String) -> Bool {
            unsafe blob[range].elementsEqual(text.utf8)
        }
        guard unsafe blob.starts(with: "SSHSIG".utf8) else { throw refusal("ssh-keygen wrote no signature") }
        place = 6
        guard try number() == 1 else { throw refusal("ssh-keygen's signature has another version") }
        _ = try string()  // the public key: whoever opens the lock is proved by the lock
        guard isText(try string(), namespace) else { throw refusal("ssh-keygen signed for something else") }
        _ = try string()
        guard isText(try string(), "sha512") else {
            throw refusal("ssh-keygen used another hash than sha512")
        }
        let inner = try string()
        guard place == blob.count else { throw refusal("ssh-keygen's signature goes on after its end") }
        place = inner.lowerBound
        guard isText(try string(), "ssh-ed25519") else {
            throw refusal(
                "only an ed25519 key will do: others sign differently each time, or may in another version"
            )
        }
        let raw = try string()
        guard raw.count == 64, place == inner.upperBound else { throw refusal("no ed25519 signature") }
        return raw
    }

    private static func refusal(_ why: String) -> SystemError {
        SystemError("ssh-keygen", .notPermitted, why)
    }
}

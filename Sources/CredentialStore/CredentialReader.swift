// Where the bytes of a credential come from, whatever its source: used by commands, and by whoever gives agents their
// credentials. A secret is one line without control characters, as it will stand in a header or a variable.

package import ClocheModel
internal import Glibc
package import LinuxSystem

/// Reads secrets from their sources.
package struct CredentialReader {
    private let store: CredentialStore
    private let environment: [String]?
    private let question: PassphraseQuestion?
    private let warn: (String) -> Void

    /// How long a program may take, in milliseconds.
    package static let patience: Int64 = 30000

    /// A reader.
    ///
    /// - Parameters:
    ///   - store: has what is kept.
    ///   - environment: of programs that are run, `NAME=value`; nil means this process's own.
    ///   - question: asks for a passphrase; nil when nobody is there, and programs may not ask either.
    ///   - warn: is told what is unwise and no error.
    package init(
        store: CredentialStore,
        environment: [String]? = nil,
        question: PassphraseQuestion?,
        warn: @escaping (String) -> Void
    ) {
        (self.store, self.environment, self.question, self.warn) = (store, environment, question, warn)
    }

    /// The secret of a source.
    package func read(_ source: CredentialSource) throws(ClocheError) -> Secret {
        switch source {
        case .environment(let name): try readVariable(name)
        case .file(let path): try readFile(path)
        case .command(let words): try run(words)
        case .kept(let name): try readKept(name)
        case .login(let path): throw Self.failure("login \(path)", "only a gateway reads it")
        }
    }

    /// The secret of a credential of the store: kept there, or from where its entry says.
    private func readKept(_ name: String) throws(ClocheError) -> Secret {
        try store.refuseRevoked(name)
        switch try store.entry(name).place {
        case .kept: return try store.secret(name, store.key(asking: question))
        case .reference(let source): return try read(source)
        }
    }

    private func readVariable(_ name: String) throws(ClocheError) -> Secret {
        let value: Secret?
        do throws(SystemError) {
            value = try Secret(environment: name)
        } catch { throw Self.failure("variable \(name)", error.description) }
        if let value { return try SecretLine.whole(value, "variable \(name)") }
        throw Self.failure("variable \(name)", "it is not set", remedy: "export it, or use another source")
    }

    private func readFile(_ path: String) throws(ClocheError) -> Secret {
        let content: Secret
        do throws(SystemError) {
            let file = try HostFile.open(path)
            if !file.isPrivate { warn("other users may read \(path), which holds a secret") }
            content = try Secret(reading: file.descriptor)
        } catch {
            throw Self.failure(
                "file \(path)",
                error.description,
                remedy:
                    "a file of yours that only you may write; `chmod 600` makes it so. A pipe is read with --stdin"
            )
        }
        return try SecretLine.first(content, "file \(path)")
    }

    private func run(_ words: [String]) throws(ClocheError) -> Secret {
        let origin = "command \(words.first ?? "")"
        guard let name = words.first, let program = ProcessEnvironment.findProgram(name) else {
            throw Self.failure(origin, "there is no such program", remedy: "see PATH, or give its whole path")
        }
        let result: SecretProgram
        do throws(SystemError) {
            let variables = environment ?? ProcessEnvironment.current
            result = try Subprocess(program, Array(words.dropFirst()), environment: variables).secret(
                patience: Self.patience,
                isAlone: question == nil
            )
        } catch { throw Self.failure(origin, error.description) }
        let said = String(decoding: result.errors.prefix(600), as: UTF8.self)
            .split(whereSeparator: \.isNewline).prefix(4).joined(separator: " / ")
        guard let status = result.status else {
            throw Self.failure(
                origin,
                "it did not end within \(Self.patience / 1000) seconds" + (said.isEmpty ? "" : ": \(said)"),
                remedy: "if it asks for something, run it by hand first"
            )
        }
        guard status == 0 else {
            throw Self.failure(origin, "it ended with \(status)" + (said.isEmpty ? "" : ": \(said)"))
        }
        return try SecretLine.first(result.output, origin)
    }

    static func failure(_ origin: String, _ why: String, remedy: String = "") -> ClocheError {
        ClocheError(.state, "no secret from \(origin)", why: why, remedy: remedy)
    }
}

/// The form of a secret.
package enum SecretLine {
    /// The first line of what a file or program has.
    package static func first(_ content: Secret, _ origin: String) throws(ClocheError) -> Secret {
        let end = unsafe content.withBytes { bytes in unsafe bytes.firstIndex(of: UInt8(ascii: "\n")) }
        if end == nil, content.count >= Secret.mostBytes {
            throw CredentialReader.failure(origin, "its first line is longer than \(Secret.mostBytes) bytes")
        }
        return try checked(content, end ?? content.count, origin)
    }

    /// All of it, which must be one line; an end of line may follow.
    package static func whole(_ content: Secret, _ origin: String) throws(ClocheError) -> Secret {
        let end = unsafe content.withBytes { bytes in unsafe bytes.firstIndex(of: UInt8(ascii: "\n")) }
        if let end, end != content.count - 1 {
            throw CredentialReader.failure(origin, "it has more than one line")
        }
        if content.count >= Secret.mostBytes {
            throw CredentialReader.failure(origin, "it is longer than \(Secret.mostBytes) bytes")
        }
        return try checked(content, end ?? content.count, origin)
    }

    private static func checked(_ content: Secret, _ end: Int, _ origin: String) throws(ClocheError) -> Secret
    {
        let (count, isPlain) = unsafe content.withBytes { bytes in
            let isReturned = unsafe end > 0 && bytes[end - 1] == UInt8(ascii: "\r")
            let count = isReturned ? end - 1 : end
            return (count, unsafe bytes[..<count].allSatisfy { $0 >= 0x20 && $0 != 0x7f })
        }
        if count == 0 { throw CredentialReader.failure(origin, "it is empty") }
        // In a header of HTTP it would begin another one.
        guard isPlain else { throw CredentialReader.failure(origin, "it has a control character") }
        do throws(SystemError) {
            return try content.part(0..<count)
        } catch { throw CredentialReader.failure(origin, error.description) }
    }

    /// Eight digits by which a person tells two secrets apart; nil for one that is so short that they would help to guess.
    package static func fingerprint(_ secret: Secret) throws(ClocheError) -> String? {
        guard secret.count >= 16 else { return nil }
        do throws(SystemError) {
            let key = try Sealing.key(from: secret, "cloche credential fingerprint")
            return unsafe key.withBytes { bytes in unsafe Hexadecimal.text(bytes.prefix(4)) }
        } catch { throw CredentialReader.failure("its bytes", error.description) }
    }
}

// What `cloche audit sign` signs: a short text that names one record of one log by its hash, which stands for all
// before it. ssh-keygen makes and checks the signature, in the namespace `cloche-audit`.

internal import AgentStore
internal import AuditRecords
internal import ClocheModel
internal import LinuxSystem

/// The text that was signed, and its signature beside it.
struct SignedHead {
    private static let namespace = "cloche-audit"

    private let path: String
    private let agent: String
    private let log: String
    private let hash: String
    /// The last record that is covered.
    let record: Int64
    /// When it was signed.
    let time: String
    /// The file as it was when these were read: another would have another signature.
    private var content: [UInt8] = []

    /// The end of a log, to be signed.
    init(_ directory: AgentDirectory, log: String, _ end: ChainEnd, at time: String) {
        path = directory.auditSigned
        agent = directory.name
        (self.log, self.time) = (log, time)
        record = end.sequence
        hash = end.hash.hexadecimal
        content = Array(text.utf8)
    }

    /// What was signed; nil when no such file is there.
    init?(_ path: String) throws(ClocheError) {
        do throws(SystemError) {
            content = try Files.read(path)
        } catch  where error.errno == .noEntry {
            return nil
        } catch {
            throw ClocheError(.system, "cannot read the audit log's signature", why: error.description)
        }
        var facts: [Substring: Substring] = [:]
        for line in String(decoding: content, as: UTF8.self).split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            facts[line[..<colon]] = line[colon...].dropFirst().drop { $0 == " " }
        }
        self.path = path
        agent = String(facts["agent"] ?? "")
        log = String(facts["log"] ?? "")
        record = facts["record"].flatMap { Int64($0) } ?? 0
        hash = String(facts["hash"] ?? "")
        time = String(facts["time"] ?? "")
    }

    private var text: String {
        """
        The audit log of an agent of Cloche's, up to one record.
        agent: \(agent)
        log: \(log)
        record: \(record)
        hash: \(hash)
        time: \(time)

        """
    }

    /// Signs it; the old signature stays if that fails.
    func sign(_ key: String) throws(ClocheError) {
        let draft = path + ".new"
        do throws(SystemError) {
            defer {
                // Moved away, or of a failure that is told below.
                for file in [draft, draft + ".sig"] { try? Files.remove(file) }
            }
            try Files.remove(draft + ".sig")
            try Files.writeAtomically(draft, content)
            let result = try run(["-Y", "sign", "-n", Self.namespace, "-f", key, draft])
            guard result.status == 0 else {
                throw SystemError("ssh-keygen", .notPermitted, Self.words(result))
            }
            try Files.rename(draft + ".sig", path + ".sig")
            try Files.rename(draft, path)
        } catch {
            throw ClocheError(
                .system,
                "cannot sign the audit log",
                why: error.call == "ssh-keygen" ? error.subject : error.description,
                remedy: "name a key with --key; `ssh-keygen -t ed25519 -f \(key)` makes one"
            )
        }
    }

    /// What is to be thought of the signature, with ssh-keygen's words.
    enum Standing: Equatable {
        /// Of a key that counts.
        case good(String)
        /// Of another one.
        case stranger(String)
        /// Of no key.
        case bad(String)
    }

    /// Checks the signature itself; without a file of signers, every key counts.
    func standing(_ signers: String?) throws(ClocheError) -> Standing {
        do throws(SystemError) {
            let file = path + ".sig"
            let common = ["-n", Self.namespace, "-s", file]
            let anybody = try run(["-Y", "check-novalidate"] + common, input: content)
            guard anybody.status == 0 else { return .bad(Self.words(anybody)) }
            guard let signers else { return .good(Self.words(anybody)) }
            let found = try run(["-Y", "find-principals", "-s", file, "-f", signers])
            var last = Self.words(anybody)
            // One key may have several names, with different limits of time and namespace.
            for principal in found.outputText.split(whereSeparator: \.isNewline) where found.status == 0 {
                let arguments = ["-Y", "verify", "-f", signers, "-I", String(principal)] + common
                let known = try run(arguments, input: content)
                if known.status == 0 { return .good(Self.words(known)) }
                last = Self.words(known)
            }
            return .stranger(last)
        } catch {
            throw ClocheError(.system, "cannot check the audit log's signature", why: error.description)
        }
    }

    /// What a log has of what was signed.
    enum Hold: Equatable {
        /// It is there.
        case whole
        /// Retention took it away, so nothing that is there is signed.
        case gone
        /// Something else is there.
        case broken(String)
    }

    /// Whether what was signed is in a log.
    func hold(in report: ChainReport) -> Hold {
        if log != report.log { return .broken("what was signed is the log \(log)") }
        if let first = report.first, record < first {
            // The very last that was signed is vouched for by the first that is there.
            let isNext = record == first - 1 && report.firstPrevious?.hexadecimal == hash
            return isNext ? .whole : .gone
        }
        guard let found = report.hashes[record] else {
            return .broken("record \(record), which was signed, is not there")
        }
        if found.hexadecimal == hash { return .whole }
        return .broken("record \(record) is another one than the one that was signed")
    }

    private func run(_ arguments: [String], input: [UInt8] = []) throws(SystemError) -> SubprocessResult {
        guard let program = ProcessEnvironment.findProgram("ssh-keygen") else {
            throw SystemError("ssh-keygen", .noEntry, "ssh-keygen is not installed")
        }
        let environment = ["HOME", "PATH", "SSH_AUTH_SOCK", "SSH_ASKPASS", "DISPLAY"].compactMap { name in
            ProcessEnvironment.value(name).map { "\(name)=\($0)" }
        }
        return try Subprocess(program, arguments, environment: environment).run(input: input)
    }

    private static func words(_ result: SubprocessResult) -> String {
        let text = result.status == 0 ? result.outputText : result.errorText
        return text.split(whereSeparator: \.isNewline).first.map(String.init) ?? "it gave no reason"
    }
}

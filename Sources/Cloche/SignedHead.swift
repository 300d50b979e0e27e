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

    /// The end of a log, to be signed.
    init(_ directory: AgentDirectory, log: String, _ end: ChainEnd, at time: String) {
        path = directory.auditSigned
        agent = directory.name
        (self.log, self.time) = (log, time)
        record = end.sequence
        hash = end.hash.hexadecimal
    }

    /// The one that is there; nil when nothing was signed.
    init?(_ directory: AgentDirectory) throws(ClocheError) {
        let path = directory.auditSigned
        guard Files.exists(path) else { return nil }
        let text: String
        do throws(SystemError) {
            text = try Files.readText(path)
        } catch {
            throw ClocheError(.system, "cannot read the audit log's signature", why: error.description)
        }
        var facts: [Substring: Substring] = [:]
        for line in text.split(separator: "\n") {
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
            try Files.writeAtomically(draft, Array(text.utf8))
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
                remedy: "name a key with --key; `ssh-keygen -t ed25519` makes one"
            )
        }
    }

    /// Whose signature it is, in ssh-keygen's words; nil when it is not a good one.
    func signer(_ signers: String?) throws(ClocheError) -> String? {
        do throws(SystemError) {
            let text = try Files.read(path)
            guard let signers else {
                let result = try run(
                    ["-Y", "check-novalidate", "-n", Self.namespace, "-s", path + ".sig"],
                    input: text
                )
                return result.status == 0 ? Self.words(result) : nil
            }
            let found = try run(["-Y", "find-principals", "-s", path + ".sig", "-f", signers])
            guard found.status == 0, let principal = found.outputText.split(separator: "\n").first else {
                return nil
            }
            let result = try run(
                [
                    "-Y", "verify", "-n", Self.namespace, "-s", path + ".sig", "-f", signers, "-I",
                    String(principal),
                ],
                input: text
            )
            return result.status == 0 ? Self.words(result) : nil
        } catch {
            throw ClocheError(.system, "cannot check the audit log's signature", why: error.description)
        }
    }

    /// Why it does not hold for a log; nil when it does.
    func problem(_ report: ChainReport, _ signer: String?) -> String? {
        if signer == nil { return "this is no good signature of a key that counts" }
        if log != report.log { return "what was signed is the log \(log)" }
        guard let found = report.hashes[record] else {
            if let first = report.first, record < first { return nil }
            return "record \(record), which was signed, is not there"
        }
        return found.hexadecimal == hash
            ? nil : "record \(record) is another one than the one that was signed"
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
        return text.split(separator: "\n").first.map(String.init) ?? "it gave no reason"
    }
}

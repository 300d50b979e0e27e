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

    /// What was signed; nil when no such file is there.
    init?(_ path: String) throws(ClocheError) {
        let text: String
        do throws(SystemError) {
            text = try Files.readText(path)
        } catch  where error.errno == .noEntry {
            return nil
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
            let (text, file) = (try Files.read(path), path + ".sig")
            let common = ["-n", Self.namespace, "-s", file]
            let anybody = try run(["-Y", "check-novalidate"] + common, input: text)
            guard anybody.status == 0 else { return .bad(Self.words(anybody)) }
            guard let signers else { return .good(Self.words(anybody)) }
            let found = try run(["-Y", "find-principals", "-s", file, "-f", signers])
            guard found.status == 0, let principal = found.outputText.split(whereSeparator: \.isNewline).first
            else { return .stranger(Self.words(anybody)) }
            let known = try run(
                ["-Y", "verify", "-f", signers, "-I", String(principal)] + common,
                input: text
            )
            // A key may be limited to a time or a namespace.
            return known.status == 0 ? .good(Self.words(known)) : .stranger(Self.words(known))
        } catch {
            throw ClocheError(.system, "cannot check the audit log's signature", why: error.description)
        }
    }

    /// Why what was signed does not hold for a log; nil when it does.
    func problem(_ report: ChainReport) -> String? {
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
        return text.split(whereSeparator: \.isNewline).first.map(String.init) ?? "it gave no reason"
    }
}

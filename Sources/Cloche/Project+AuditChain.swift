// An agent's audit log: who writes it from here, whether it is unchanged, and its signature. Signatures are made and
// checked by ssh-keygen, so that a person can do without Cloche.

internal import AgentStore
internal import AuditRecords
public import ClocheModel
internal import LinuxSystem
internal import ProfileLoading

/// One thing that is wrong with an audit log.
public struct AuditFinding: Equatable, Sendable {
    /// What kind of thing, as a word.
    public let problem: String
    /// The number that the first bad record has or should have, if it is about one.
    public let record: Int64?
    /// In words, with file and line where there are any.
    public let text: String
    /// As JSON has it.
    public let document: Document
}

/// What is known of the signature of an audit log.
public struct AuditSignature: Equatable, Sendable {
    /// The last record that it covers.
    public let record: Int64
    /// When it was made, as the signed text says.
    public let time: String
    /// What ssh-keygen says of it: whose it is.
    public let signer: String
}

/// What verifying an agent's audit log found out.
public struct AuditVerification: Equatable, Sendable {
    /// What is wrong, in the order of the log.
    public internal(set) var findings: [AuditFinding] = []
    /// The numbers of the first and last record.
    public let first: Int64?
    /// See `first`.
    public let last: Int64?
    /// The hash of the last record.
    public let hash: String
    /// The log's id.
    public let log: String
    /// The signature, if there is one and it is good.
    public internal(set) var signature: AuditSignature?

    /// Whether somebody changed it.
    public var isChanged: Bool { firstBad != nil }
    /// Whether no key that counts has signed it, though that was asked for.
    public var isUnsigned: Bool { findings.contains { $0.problem == Self.unsigned } }
    /// Whether its last record was cut short by a crash.
    public var isTorn: Bool { findings.contains { $0.problem == ChainFinding.Problem.torn.rawValue } }

    static let signature = "signature"
    static let unsigned = "unsigned"

    private var firstBad: AuditFinding? {
        findings.first { $0.problem != ChainFinding.Problem.torn.rawValue && $0.problem != Self.unsigned }
    }

    private var state: String {
        isChanged ? "changed" : isUnsigned ? "unsigned" : isTorn ? "torn" : "whole"
    }

    /// For JSON.
    public var document: Document {
        let signed = signature.map { signature in
            Document.object([
                "record": .integer(signature.record), "time": .string(signature.time),
                "signer": .string(signature.signer),
            ])
        }
        return .object([
            "state": .string(state), "log": .string(log),
            "first": .optional(first), "last": .optional(last), "hash": .string(hash),
            "first-bad": .optional(firstBad?.record), "findings": .list(findings.map(\.document)),
            "signature": signed ?? .null,
        ])
    }
}

extension AuditFinding {
    /// One about a file as a whole.
    fileprivate init(_ problem: String, _ record: Int64?, _ text: String, _ path: String) {
        (self.problem, self.record, self.text) = (problem, record, "\(path): \(text)")
        document = .object([
            "problem": .string(problem), "record": .optional(record),
            "file": .string(path.lastComponent), "line": .integer(0), "text": .string(text),
        ])
    }
}

extension AuditVerification {
    /// Adds what is to be thought of a signature.
    fileprivate mutating func judge(
        _ signed: SignedHead,
        _ standing: SignedHead.Standing,
        _ report: ChainReport,
        _ path: String,
        isWanted: Bool
    ) {
        func note(_ problem: String, _ text: String) {
            findings.append(AuditFinding(problem, signed.record, text, path))
        }
        if case .bad(let words) = standing {
            return note(Self.signature, "this is no good signature: \(words)")
        }
        switch signed.hold(in: report) {
        case .broken(let problem): return note(Self.signature, problem)
        case .gone:
            let text =
                "record \(signed.record), up to which it was signed, is not kept: nothing that is there is signed"
            return isWanted ? note(Self.unsigned, text) : ()
        case .whole: break
        }
        switch standing {
        case .good(let words):
            signature = AuditSignature(record: signed.record, time: signed.time, signer: words)
        case .stranger(let words):
            note(Self.unsigned, "the key is not one of the signers': \(words)")
        case .bad: break
        }
    }
}

extension Project {
    /// The audit log of an agent, to be appended to by this command.
    func auditLog(_ directory: AgentDirectory, _ record: AgentRecord) -> AuditLog {
        AuditLog(directory, record, AuditPolicy(checked: record.effective["audit"] ?? .map([])))
    }

    /// Verifies that nobody has changed an agent's audit log, and the signature, if there is one.
    ///
    /// - Parameters:
    ///   - name: the agent.
    ///   - signers: a file of allowed signers (ssh-keygen(1)): one of them must have signed it. Without one, a good
    ///     signature of any key counts, and none as well.
    ///   - copy: a copy of what was signed, with the signature in a file beside it; the one beside the log if left out.
    public func verifyAudit(
        _ name: String,
        signers: String? = nil,
        copy: String? = nil
    ) throws(ClocheError) -> AuditVerification {
        let directory = try agentDirectory(name)
        let record = try directory.read()
        if let signers { try Self.mustRead(signers, "the signers' file") }
        if let copy { try Self.mustRead(copy, "what was signed") }
        let signed = try SignedHead(copy ?? directory.auditSigned)
        let history = AuditHistory(directory)
        var report = try history.verify(record.auditLog, hashesOf: Set([signed?.record].compactMap(\.self)))
        let wanted = Set(report.signs.map(\.covered) + [signed?.record].compactMap(\.self))
        if !report.signs.isEmpty { report = try history.verify(record.auditLog, hashesOf: wanted) }
        // Somebody may be signing it now.
        report.signs.removeAll { !wanted.contains($0.covered) }
        var result = AuditVerification(
            findings: report.findings.map { finding in
                let place = finding.line > 0 ? "\(finding.file):\(finding.line): " : ""
                return AuditFinding(
                    problem: finding.problem.rawValue,
                    record: finding.sequence,
                    text: place + finding.text,
                    document: finding.document
                )
            },
            first: report.first,
            last: report.last?.sequence,
            hash: report.last?.hash.hexadecimal ?? "",
            log: report.log ?? record.auditLog ?? ""
        )
        result.findings += Self.falseSigns(report, directory)
        guard let signed else {
            result.findings += Self.absence(report, directory, isWanted: signers != nil)
            return result
        }
        let standing = try signed.standing(signers)
        let path = copy ?? directory.auditSigned
        result.judge(signed, standing, report, path, isWanted: signers != nil || copy != nil)
        return result
    }

    private static func mustRead(_ path: String, _ what: String) throws(ClocheError) {
        do throws(SystemError) { _ = try Files.read(path) } catch {
            throw ClocheError(
                .usage,
                "cannot read \(what) \(path)",
                why: error.description,
                remedy: "`cloche audit verify --help` says what it is"
            )
        }
    }

    /// Records of signatures that tell of other records than those that are there.
    private static func falseSigns(_ report: ChainReport, _ directory: AgentDirectory) -> [AuditFinding] {
        report.signs.compactMap { sign in
            // Retention may have taken away what was signed.
            if let first = report.first, sign.covered < first { return nil }
            if report.hashes[sign.covered]?.hexadecimal == sign.hash { return nil }
            let text =
                "record \(sign.sequence) says that record \(sign.covered) was signed, which is another one now"
            return AuditFinding(AuditVerification.signature, sign.covered, text, directory.auditLog)
        }
    }

    /// What there is to say where nothing that was signed is there.
    private static func absence(
        _ report: ChainReport,
        _ directory: AgentDirectory,
        isWanted: Bool
    ) -> [AuditFinding] {
        let path = directory.auditSigned
        if let last = report.signs.last {
            let text =
                "it is not there, and record \(last.sequence) says that the log was signed up to record \(last.covered)"
            return [AuditFinding(AuditVerification.signature, last.covered, text, path)]
        }
        return isWanted ? [AuditFinding(AuditVerification.unsigned, nil, "nothing was signed", path)] : []
    }

    /// Signs an agent's audit log as it is now.
    ///
    /// - Parameters:
    ///   - name: the agent.
    ///   - key: the file of a private key of ssh's, or of a public one whose private key an ssh agent has.
    /// - Throws: when the log was changed, or ssh-keygen cannot sign.
    public func signAudit(_ name: String, key: String) throws(ClocheError) -> AuditSignature {
        let directory = try agentDirectory(name)
        let record = try directory.read()
        let report = try AuditHistory(directory).verify(record.auditLog)
        guard !report.isChanged, let last = report.last else {
            throw ClocheError(
                .state,
                "the audit log of \(name) is not signed",
                why: report.findings.first?.text ?? "it has no record yet",
                remedy: "`cloche audit verify \(name)` tells everything"
            )
        }
        let now = WallClock.format(WallClock.milliseconds)
        let signed = SignedHead(directory, log: report.log ?? "", last, at: now)
        try signed.sign(key)
        let facts: KeyValuePairs<String, Document> = [
            "record": .integer(last.sequence), "hash": .string(last.hash.hexadecimal),
        ]
        try auditLog(directory, record).append(.sign, facts)
        guard case .good(let signer) = try signed.standing(nil) else {
            throw ClocheError(
                .system,
                "the signature of the audit log is not good",
                why: "\(directory.auditSigned).sig is not what ssh-keygen has just written",
                remedy: "sign it again"
            )
        }
        return AuditSignature(record: last.sequence, time: signed.time, signer: signer)
    }
}

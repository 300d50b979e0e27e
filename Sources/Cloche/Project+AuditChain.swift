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
    public var isChanged: Bool { findings.contains { $0.problem != ChainFinding.Problem.torn.rawValue } }
    /// Whether its last record was cut short by a crash.
    public var isTorn: Bool { findings.contains { $0.problem == ChainFinding.Problem.torn.rawValue } }

    /// For JSON.
    public var document: Document {
        let signed = signature.map { signature in
            Document.object([
                "record": .integer(signature.record), "time": .string(signature.time),
                "signer": .string(signature.signer),
            ])
        }
        let firstBad = findings.first { $0.problem != ChainFinding.Problem.torn.rawValue }?.record
        return .object([
            "state": .string(isChanged ? "changed" : isTorn ? "torn" : "whole"), "log": .string(log),
            "first": .optional(first), "last": .optional(last), "hash": .string(hash),
            "first-bad": .optional(firstBad), "findings": .list(findings.map(\.document)),
            "signature": signed ?? .null,
        ])
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
    ///   - signers: a file of allowed signers (ssh-keygen(1)); without one, a good signature of any key counts.
    public func verifyAudit(_ name: String, signers: String? = nil) throws(ClocheError) -> AuditVerification {
        let directory = try agentDirectory(name)
        let record = try directory.read()
        let signed = try SignedHead(directory)
        let report = try AuditHistory(directory).verify(
            record.auditLog,
            hashesOf: Set([signed?.record].compactMap(\.self))
        )
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
        guard let signed else { return result }
        let signer = try signed.signer(signers)
        if let problem = signed.problem(report, signer) {
            let text = "\(directory.auditSigned): \(problem)"
            let document = Document.object([
                "problem": .string("signature"), "record": .integer(signed.record),
                "file": .string(directory.auditSigned.lastComponent), "line": .integer(0),
                "text": .string(problem),
            ])
            result.findings.append(
                AuditFinding(problem: "signature", record: signed.record, text: text, document: document)
            )
        } else {
            result.signature = AuditSignature(
                record: signed.record,
                time: signed.time,
                signer: signer ?? ""
            )
        }
        return result
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
        return AuditSignature(record: last.sequence, time: signed.time, signer: try signed.signer(nil) ?? "")
    }
}

// The commands that prove an audit log unchanged: audit verify, audit sign. Tables only; see ClocheCommands.swift.

extension ClocheCommands {
    static let verifyAudit = CommandSpec(
        "verify",
        "Tell whether anybody has changed an agent's audit log",
        suggestedFor: ["check"],
        discussion: """
            Each record carries the hash of the one before it, and a file beside the log the hash of the last one that is
            certainly on disk. What does not fit is named, the first bad record first. If the log was signed, the
            signature is checked as well, and that what was signed is still there. Whose key made it, only you can say: with
            --signers, it must be one of these, and the log must be signed.

            The exit code is 0 when everything fits, 1 when somebody has changed the log, or no such key has signed it, and
            3 when only the last record was cut short, as a crash does.
            """,
        arguments: [agent("The agent")],
        options: [
            .value(
                "signers",
                "FILE",
                completion: .file,
                "Want a signature of a key in this file, one `NAME KEY` on a line, as ssh-keygen has them"
            ),
            .value(
                "signed",
                "FILE",
                completion: .file,
                "What was signed: a copy that was kept elsewhere, with FILE.sig beside it"
            ),
            json,
        ],
        examples: [
            Example("cloche audit verify fixer", "whether its log is as it was written"),
            Example(
                "cloche audit verify fixer --signers ~/.ssh/allowed_signers",
                "and signed by one of these"
            ),
        ]
    )

    static let signAudit = CommandSpec(
        "sign",
        "Sign an agent's audit log as it is now",
        discussion: """
            Verifies the log, then signs a short text that names its last record, which stands for all before it. It is signed
            by `ssh-keygen -Y sign`, in the namespace `cloche-audit`; the key may be one that an ssh agent holds. The text is
            `audit.signed` in the agent's state directory, the signature `audit.signed.sig`: keep a copy of both where who can
            change the log cannot change them.
            """,
        arguments: [agent("The agent")],
        options: [
            .value(
                "key",
                letter: "k",
                "FILE",
                completion: .file,
                "The key to sign with; ~/.ssh/id_ed25519 if left out"
            ),
            json,
        ],
        examples: [Example("cloche audit sign fixer --key ~/.ssh/audit", "for whoever must rely on it later")]
    )
}

// audit verify, audit sign: whether an audit log is as it was written.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import LinuxSystem
internal import TerminalText

enum AuditVerifyCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let name = context.command.required("name")
        let signers = context.command.value("signers")
        let found = try context.project.verifyAudit(
            name,
            signers: signers,
            copy: context.command.value("signed")
        )
        let isRefused = found.isChanged || found.isUnsigned
        let code = isRefused ? ExitCode.negative : found.isTorn ? ExitCode.torn : ExitCode.success
        if context.command.flag("json") {
            context.output.json(found.document)
            return code
        }
        for finding in found.findings { context.output.line(visible(finding.text, limit: 1000)) }
        let last = found.last ?? 0
        if found.isChanged {
            context.output.line("the audit log of \(name) was changed")
        } else {
            let from = found.first ?? 1
            let records = from > 1 ? "records \(from) to \(last)" : "\(last) records"
            let rest = found.isUnsigned ? ", but no key that counts has signed it" : ""
            context.output.line(
                "the audit log of \(name) is unchanged: \(records), the last \(found.hash)\(rest)"
            )
        }
        if let signature = found.signature {
            let text = "signed up to record \(signature.record) at \(signature.time): \(signature.signer)"
            context.output.line(visible(text, limit: 1000))
            if signers == nil { context.output.line("whose key that is, --signers FILE decides; see --help") }
        }
        return code
    }
}

enum AuditSignCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let name = context.command.required("name")
        let key = context.command.value("key") ?? ProcessEnvironment.home + "/.ssh/id_ed25519"
        let signature = try context.project.signAudit(name, key: key)
        if context.command.flag("json") {
            context.output.json(
                .object([
                    "record": .integer(signature.record), "time": .string(signature.time),
                    "signer": .string(signature.signer),
                ])
            )
            return ExitCode.success
        }
        context.output.line(
            "signed up to record \(signature.record): " + visible(signature.signer, limit: 1000)
        )
        return ExitCode.success
    }
}

// netcheck: what a profile says of hosts and URLs, before an agent runs into it.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import NetworkRules
internal import ProfileLoading
internal import TerminalText

enum NetcheckCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let profile = try context.project.profiles.load(
            name: command.required("profile"),
            overrides: command.values("set")
        )
        let settings = profile.policy.network
        let policy = try NetworkPolicy(settings)
        let answers = command.rest.map { text in
            (text: text, decision: decide(text, policy, method: command.value("method") ?? "GET"))
        }
        if command.flag("json") {
            context.output.json(.list(answers.map { document($0.text, $0.decision) }))
        } else {
            for answer in answers { tell(answer.text, answer.decision, context.output) }
            if settings.mode == .none && !settings.allow.isEmpty {
                context.output.note("with --set network.mode=allow, the rules of `network.allow` would hold")
            }
        }
        return answers.allSatisfy { $0.decision.grant != nil } ? ExitCode.success : ExitCode.negative
    }

    private static func decide(_ text: String, _ policy: NetworkPolicy, method: String) -> Decision {
        do throws(HostError) {
            return policy.decide(try NetworkQuestion(text), method: method)
        } catch {
            return .refused(Refusal(.invalidHost, "it names no host and port: \(error)"))
        }
    }

    private static func tell(_ text: String, _ decision: Decision, _ output: Output) {
        let text = visible(text, limit: 300)
        switch decision {
        case .allowed(let grant):
            let place = grant.origin.map { output.styled("  # \(visible($0, limit: 300))", .faint) } ?? ""
            output.line(
                "\(output.styled("allowed", .green))  \(text)  by \(visible(grant.rule, limit: 300))\(place)"
            )
            if let need = grant.demand.words { output.line("         \(need)") }
        case .refused(let refusal):
            output.line("\(output.styled("refused", .red))  \(text)  \(visible(refusal.text, limit: 600))")
            if let rule = refusal.rule { output.line("         by \(visible(rule, limit: 300))") }
            if let suggestion = refusal.suggestion {
                let option = "network.allow+=[\(visible(suggestion, limit: 600))]".quotedForShell
                output.line("         to allow it: --set \(option)")
            }
        }
    }

    private static func document(_ text: String, _ decision: Decision) -> Document {
        switch decision {
        case .allowed(let grant):
            .object([
                "target": .string(text), "verdict": .string("allowed"), "rule": .string(grant.rule),
                "origin": .optional(grant.origin), "protocol": .string(grant.demand.rawValue),
            ])
        case .refused(let refusal):
            .object([
                "target": .string(text), "verdict": .string("refused"),
                "reason": .string(refusal.reason.rawValue),
                "text": .string(refusal.text), "rule": .optional(refusal.rule),
                "suggestion": .optional(refusal.suggestion),
            ])
        }
    }
}

extension ProtocolDemand {
    /// What a connection must be, in a sentence; nil if there is nothing to say.
    fileprivate var words: String? {
        switch self {
        case .tls: "it must be TLS with this name"
        case .http: "it must be plain HTTP with this host"
        case .tlsOrHTTP: "it must be TLS with this name, or plain HTTP with this host"
        case .checked: "TLS and HTTP on it must have this name"
        case .any: nil
        }
    }
}

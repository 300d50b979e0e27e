// The commands for what is held until a person approves of it: requests, approve, deny.
// Tables only; see ClocheCommands.swift.

extension ClocheCommands {
    static let approvals = [requests, approve, deny]

    private static let request = ArgumentSpec(
        "request",
        .required,
        "AGENT/NUMBER, as `cloche requests` has it"
    )

    private static let requests = CommandSpec(
        "requests",
        "List what agents ask for and a person must approve of",
        suggestedFor: ["approvals", "held", "ask", "asks"],
        discussion: """
            Actions of the classes that a profile names with `ask` are held until somebody says
            `cloche approve` or `cloche deny`, and denied when nobody does in time (`ask-timeout`).
            What is shown under WHAT is the agent's choice; it is shown whole.
            """,
        arguments: [ArgumentSpec("name", .optional, completion: .agentName, "This agent's alone")],
        options: [json],
        examples: [Example("cloche requests", "of all agents of the project")]
    )

    private static let approve = CommandSpec(
        "approve",
        "Let an agent do what it asks for",
        suggestedFor: ["accept", "permit", "yes"],
        discussion: """
            One request goes on: a connection, a request to a service, or one git push to one
            repository. A number is never used for another request.
            """,
        arguments: [request],
        options: [
            .flag(
                "always",
                "For the rest of the agent's run: this host and port, all requests with this key, or all pushes there"
            ),
            json,
        ],
        examples: [
            Example("cloche approve fixer/482913", "that one"),
            Example("cloche approve fixer/482913 --always", "and further ones of the same"),
        ]
    )

    private static let deny = CommandSpec(
        "deny",
        "Refuse an agent what it asks for",
        suggestedFor: ["refuse", "reject", "no"],
        discussion:
            "The same is refused for another minute without asking, so that it is not asked again at once.",
        arguments: [request],
        options: [
            .flag("always", "Refuse it for the rest of the agent's run, without asking"),
            json,
        ],
        examples: [Example("cloche deny fixer/482913", "it is told so")]
    )
}

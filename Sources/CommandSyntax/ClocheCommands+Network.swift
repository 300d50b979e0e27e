// The commands for an agent's network: policy, why, netcheck, forward, ports.
// Tables only; see ClocheCommands.swift.

extension ClocheCommands {
    static let network = [policy, why, netcheck, forward, ports]

    private static let rules = ArgumentSpec(
        "rule",
        .requiredRest,
        "HOST:PORT, a range of addresses with ports, a bundle such as github, or {host: ..., ...}"
    )

    private static let policy = CommandSpec(
        "policy",
        "Show and change what of the network an agent may reach",
        suggestedFor: ["rules", "firewall"],
        discussion: """
            A change counts at once, also for programs that run already, and for all later starts.
            The new rules are checked first: when something is wrong with them, the old ones hold
            on. Connections that the new rules do not allow are closed.
            """,
        subcommands: [
            CommandSpec(
                "show",
                "Print an agent's network rules and where they come from",
                suggestedFor: ["list", "get"],
                arguments: [agent("The agent")],
                options: [json],
                examples: [Example("cloche policy show fixer", "mode, rules, and the place of each")]
            ),
            CommandSpec(
                "allow",
                "Let an agent reach more",
                suggestedFor: ["add", "permit"],
                discussion: """
                    Adds rules to `network.allow`. A rule is what a profile has there: `example.com:443`,
                    `*.example.com:80,443`, `10.1.0.0/16:5432`, a bundle such as `github`, or
                    `{host: "example.com:80", methods: [GET]}`. What `network.deny` names stays denied.
                    """,
                arguments: [agent("The agent"), rules],
                options: [json],
                examples: [
                    Example("cloche policy allow fixer api.example.com:443", "one host"),
                    Example("cloche policy allow fixer pypi npm", "two bundles"),
                ]
            ),
            CommandSpec(
                "deny",
                "Keep an agent from reaching something",
                suggestedFor: ["block", "forbid", "refuse"],
                discussion:
                    "Adds rules to `network.deny`, which win over all others. Without a port, all ports.",
                arguments: [agent("The agent"), rules],
                options: [json],
                examples: [Example("cloche policy deny fixer uploads.example.com", "on every port, at once")]
            ),
            CommandSpec(
                "set",
                "Change keys of an agent's network",
                suggestedFor: ["update", "change", "edit"],
                discussion: """
                    Takes the keys below `network` of a profile, as `--set` of `cloche start` does;
                    `network.allow+=[...]` appends. While the agent runs, its mode can change between allow
                    and open only. Limits change with `cloche resume --set`.
                    """,
                arguments: [
                    agent("The agent"),
                    ArgumentSpec(
                        "assignment",
                        .requiredRest,
                        form: .assignment,
                        "KEY=VALUE, such as network.mode=open"
                    ),
                ],
                options: [json],
                examples: [
                    Example(
                        "cloche policy set fixer 'network.allow=[anthropic, api.example.com:443]'",
                        "in place of all rules before"
                    ),
                    Example("cloche policy set fixer network.mode=open", "every public address"),
                ]
            ),
        ]
    )

    private static let why = CommandSpec(
        "why",
        "Say what was refused to an agent, and what would allow it",
        suggestedFor: ["denied", "blocked", "refused"],
        discussion: """
            Prints the latest refusals of the network in words: what, when and how often, the rule
            that denied it, and the command that would allow it. Equal ones are shown once.
            """,
        arguments: [agent("The agent")],
        options: [
            .value("last", letter: "n", "COUNT", form: .number(1...Int.max), "Show so many, 10 if left out"),
            json,
        ],
        examples: [
            Example("cloche why fixer", "the latest ten"),
            Example("cloche why fixer --last 1", "the very last one"),
        ]
    )

    private static let netcheck = CommandSpec(
        "netcheck",
        "Say what a profile allows of the network, for hosts and URLs",
        suggestedFor: ["network", "allow", "curl", "ping"],
        discussion: """
            Judges each URL, HOST:PORT or HOST (port 443) by the profile's rules, as it would be for an agent: allowed
            with the rule and its place, or refused with the reason and the smallest rule that would allow it. Nothing
            is connected to or resolved; an agent may still be refused for the addresses to which a name leads. The
            exit code is 0 if all are allowed, else 1.
            """,
        arguments: [
            profileName(.required, "The profile that judges"),
            ArgumentSpec("url", .requiredRest, "A URL, a host with a port, or a host"),
        ],
        options: [
            .value("method", "METHOD", "The method of HTTP that is asked for; GET if left out"),
            set, json,
        ],
        examples: [
            Example("cloche netcheck claude https://api.anthropic.com", "can this agent reach its service"),
            Example(
                "cloche netcheck shell --set network.mode=allow --set 'network.allow=[pypi]' pypi.org",
                "try a rule before it is written down"
            ),
        ]
    )

    private static let forward = CommandSpec(
        "forward",
        "Let a port of this machine lead to a server inside",
        suggestedFor: ["port", "expose", "publish", "port-forward"],
        discussion: """
            Listens on 127.0.0.1 and connects what comes to the port of the sandbox's loopback, until
            the agent ends. Without HOSTPORT it is the same number as inside; with 0 or nothing
            before the colon, any free one, which is printed. Without a port, lists what leads to the agent.
            """,
        arguments: [
            agent("The agent"),
            ArgumentSpec("port", .optional, "[HOSTPORT:]PORT, such as 3000, 8080:3000 or 0:3000"),
        ],
        options: [
            .value("bind", "ADDRESS", "Listen on this address of the machine instead of 127.0.0.1"),
            .flag("remove", aliases: ["rm"], "End it; without HOSTPORT, all that lead to the port"),
            json,
        ],
        examples: [
            Example("cloche forward fixer 3000", "http://127.0.0.1:3000 is the agent's server"),
            Example("cloche forward fixer 0:3000", "at any free port, which is printed"),
            Example("cloche forward fixer --remove 3000", "no longer"),
        ]
    )

    private static let ports = CommandSpec(
        "ports",
        "List the ports at which programs of an agent listen",
        suggestedFor: ["listeners", "netstat", "ss"],
        arguments: [agent("The agent")],
        options: [json],
        examples: [Example("cloche ports fixer", "port, address and program of each")]
    )
}

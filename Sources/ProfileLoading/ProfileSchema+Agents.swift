// Rows of the schema for what an agent may do with others.

internal import ClocheModel

extension ProfileSchema {
    static let agents: [SchemaKey] = [
        SchemaKey(
            "verbs",
            .list(.choice(AgentVerb.allCases.map(\.rawValue))),
            default: .strings(AgentVerb.allCases.map(\.rawValue)),
            project: .narrower(.fewer),
            """
            The words of the `cloche` that is in the sandbox (docs/agents.md). Those for children do nothing unless `children` \
            allows some. Without any verb, neither the program nor its socket is there.
            """
        ),
        SchemaKey(
            "message",
            .list(.text(.recipient)),
            default: .strings(["parent", "children", "siblings"]),
            project: .narrower(.fewer),
            """
            Whom it may write to: `parent`, `children`, `siblings`, names of agents in which `*` stands for any characters, or \
            `label:KEY[=VALUE]`.
            """
        ),
        SchemaKey(
            "children",
            .integer(0...1000),
            default: .integer(0),
            project: .narrower(.smaller),
            """
            How many agents it may have started that have not ended. They get no more than it has itself: what a child asks for \
            beyond that is refused, and limits and budgets are parts of its own.
            """
        ),
        SchemaKey(
            "depth",
            .integer(0...16),
            default: .integer(1),
            project: .narrower(.smaller),
            "How many generations there may be below it: with 1, its children start none."
        ),
        SchemaKey(
            "profiles",
            .list(.text(.profileName)),
            default: .list([]),
            project: .narrower(.fewer),
            """
            Profiles that its children may have beside its own, by name: with other programs, which are brought into the child's \
            sandbox, and cut down to what this agent has.
            """
        ),
        SchemaKey(
            "at-end",
            .choice(AgentsPolicy.ParentEnd.allCases.map(\.rawValue)),
            default: .string("stop"),
            project: .narrower(.earlier(AgentsPolicy.ParentEnd.allCases.map(\.rawValue))),
            """
            What becomes of its children when it ends: `stop` ends them, too; with `keep` they go on, as children of its own \
            parent or of nobody.
            """
        ),
    ]
}

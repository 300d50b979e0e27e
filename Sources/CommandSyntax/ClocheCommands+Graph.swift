// The commands that carry out and draw plans of tasks: up, graph.
// Tables only; see ClocheCommands.swift.

extension ClocheCommands {
    static let plans = [up, graph]

    private static let planFile = ArgumentSpec(
        "plan",
        .required,
        completion: .file,
        "The plan: tasks in YAML, as docs/graphs.md has them"
    )

    private static let up = CommandSpec(
        "up",
        "Carry out a plan of tasks, each by an agent of its own",
        suggestedFor: ["flow", "pipeline", "make"],
        discussion: """
            Starts each task as soon as what it needs is done, as many at once as `parallel` says, and
            merges the results into a branch at the end; no checkout is touched. A run that was cut
            short, by Ctrl-C, a crash or a power cut, goes on where it stopped when the same command is
            given again. A task that fails stops only what needs it; given again, it is tried anew.
            """,
        arguments: [planFile],
        options: [
            .value(
                "parallel",
                letter: "j",
                "N",
                form: .number(1...1000),
                "How many agents may run at once, in place of what the plan says"
            ),
            .flag("dry-run", letter: "n", "Check everything, say what would be done, and start nothing"),
            .flag("restart", "Begin anew, without what an earlier run did"),
            .flag("force", letter: "f", "With --restart: also if work is lost that no branch has"),
            .repeated("approve", "TASK", "Say yes to a task that waits for a person, and do nothing else"),
            .repeated("deny", "TASK", "Say no to it"),
            .flag("json", "Print every event as a line of JSON"),
        ],
        exclusive: [
            ["dry-run", "approve"], ["dry-run", "deny"], ["restart", "approve"], ["restart", "deny"],
        ],
        examples: [
            Example("cloche up plan.yaml", "begin, or go on where it stopped"),
            Example("cloche up -n plan.yaml", "what would be done, in which order"),
            Example("cloche up plan.yaml --approve review", "let the task `review` begin"),
        ]
    )

    private static let graph = CommandSpec(
        "graph",
        "Draw a plan of tasks, or how its run stands",
        suggestedFor: ["plan", "tasks", "dag"],
        discussion: """
            As a tree each task stands below the one of its needs that is done last, and names the
            others. Nothing is started.
            """,
        arguments: [planFile],
        options: [
            .flag("svg", "Print a picture in SVG"),
            .flag("status", letter: "s", "Show how the run of the plan stands"),
            json,
        ],
        exclusive: [["svg", "status"], ["svg", "json"]],
        examples: [
            Example("cloche graph plan.yaml", "the tasks as a tree"),
            Example("cloche graph --status plan.yaml", "what is done, runs, waits or has failed"),
            Example("cloche graph --svg plan.yaml > plan.svg", "a picture"),
        ]
    )
}

// The keys of a profile file, one row each. This table is the only description of them: validation, merging,
// decoding, `explain`, the JSON Schema and the key reference in docs/profiles.md all read it.
// The rows of `filesystem`, `credentials`, `confinement`, `network`, `limits` and `project` are in files of their own.

internal import ClocheModel

/// The profile schema.
package enum ProfileSchema {
    /// The keys of a profile, in the order in which they are printed.
    package static let keys: [SchemaKey] = [
        SchemaKey(
            "description",
            .text(.line),
            default: .string(""),
            "What the profile is for, in one line; `cloche profile list` prints it."
        ),
        SchemaKey(
            "extends",
            .text(.profileName),
            """
            The profile this one starts from: its keys hold where this file says nothing. Without the key, that is \
            `base`. Chains may be of any length; a cycle is an error. A project's file that nobody trusts may extend \
            only what grants nothing.
            """
        ),
        SchemaKey(
            "harness",
            .section(harness),
            "How the agent program is started, given its task and resumed."
        ),
        SchemaKey(
            "model",
            .text(.modelName),
            default: .string(""),
            project: .unlessGranting,
            """
            The model that the agent program is to use, by the name that it has there; `--model` sets it, too. A program             whose profile does not say how it is told of a model (`harness.model`) is not started then.
            """
        ),
        SchemaKey(
            "instructions",
            .section(instructions),
            """
            What the agent program is told beside its task, at every start and resume. Files come first. How it reaches the             program is in `harness.instructions`; a program that takes none is not started then.
            """
        ),
        SchemaKey(
            "skills",
            .list(.text(.hostPath)),
            default: .list([]),
            project: .narrower(.fewer),
            """
            Directories of the host, each with a `SKILL.md`, shown read-only in the directory of the home in which the agent             program looks for skills (`harness.skills`).
            """
        ),
        SchemaKey(
            "mcp-servers",
            .map(.serverName, .record(server, .server)),
            default: .map([]),
            project: .unlessGranting,
            """
            Servers of the Model Context Protocol by name: programs in the sandbox, or URLs. They are written into the agent             program's own file, in its own form (`harness.mcp`), at every start and resume; what else is there stays.             What a server needs must be there by other keys: the program by `filesystem.binds`, a host by             `network.allow`, secrets by `credentials`, since `env` is written to the agent's state file.
            """
        ),
        SchemaKey("filesystem", .section(filesystem), "What of the host's files is there, and where."),
        SchemaKey(
            "shares",
            .map(.shareName, .choice(ShareMode.allCases.map(\.rawValue))),
            default: .map([]),
            // A share that nobody has granted is the empty word, and gives less than any.
            project: .narrower(.earlier([""] + ShareMode.allCases.map(\.rawValue))),
            """
            The project's shared directories (`cloche share create`) that the agent has, as a map from name to `ro`, `append` or \
            `rw`; each is shown at `/shared/NAME`. With `append` the directory is read-only inside, and what the agent adds goes \
            through Cloche. `null` takes an inherited one away; `--share` sets one. See docs/shares.md.
            """
        ),
        SchemaKey(
            "environment",
            .section(environment),
            "The environment inside. Nothing of the caller's environment is there unless it is named here."
        ),
        SchemaKey(
            "credentials",
            .list(.record(credential, .credential)),
            default: .list([]),
            project: .narrower(.fewer),
            """
            The secrets this agent gets: variables of the caller's environment (`env`) and single files of the host \
            (`file`), bound read-only at the place where the agent program looks for them; or, with `service`, only what \
            they are good for: a gateway outside has the secret, and adds it to the agent's requests. Those that are not `required` are \
            alternatives: the first that is there is given. Each that is `required` is given, or the start fails. \
            Their contents are never written to a state file or a log.
            """
        ),
        SchemaKey(
            "services",
            .map(.profileName, .record(service, .service)),
            project: .never,
            """
            Services that a gateway can speak to for an agent: where each is and how a key is shown to it. Named by \
            `credentials[].service`; nothing of them is used otherwise. See docs/gateway.md.
            """
        ),
        SchemaKey(
            "syscalls",
            .section(syscalls),
            "Which system calls are allowed; `cloche profile syscalls` prints them all."
        ),
        SchemaKey("confinement", .section(confinement), "The kernel's mechanisms that confine an agent."),
        SchemaKey("network", .section(network), "What of the network is there."),
        SchemaKey(
            "limits",
            .section(limits),
            """
            Limits of one run. `none` means that there is none. Who holds them depends on the host: the kernel, by a \
            cgroup of the agent's own, or else the supervisor, which measures and ends the agent. `start`, `list`, \
            `inspect` and the audit log say which of them nobody holds.
            """
        ),
        SchemaKey(
            "budget",
            .section(budget(periods: BudgetPolicy.Period.allCases.map(\.rawValue))),
            """
            How much of model APIs it may use through the gateway; `none` means that there is no limit. It is counted \
            outside the sandbox, from what the providers say; docs/budgets.md describes it.
            """
        ),
        SchemaKey("project", .section(project), "What all agents of a project have together."),
        SchemaKey(
            "ask",
            .list(.text(.approvalClass)),
            default: .list([]),
            project: .narrower(.moreExcept(ApprovalClass.newHost.description)),
            """
            Classes of actions that are held until a person says `cloche approve` or `cloche deny`. `push`: a git push \
            through a service of the gateway. `credential:NAME`: each request with the key of a service, named by the \
            service or by the credential's name in the store. `network:new-host`: a connection to a host that no rule of \
            `network.allow` names, which is refused without this. See docs/approvals.md.
            """
        ),
        SchemaKey(
            "ask-timeout",
            .duration(minimum: 1),
            default: .string("5m"),
            project: .narrower(.smaller),
            "How long a request that is held waits for an answer; then it is denied."
        ),
        SchemaKey(
            "agents",
            .section(agents),
            "What the agent may do with others, by the `cloche` that it has."
        ),
        SchemaKey(
            "hooks",
            .section(hooks),
            "Commands inside the sandbox before the agent program and after it; docs/hooks.md describes them."
        ),
        SchemaKey(
            "restart",
            .countedChoice(["no", "on-failure"], counted: "on-failure", standard: 5),
            default: .string("no"),
            project: .narrower(.smaller),
            """
            Whether the supervisor starts the agent program again by itself: `no`, `on-failure` (at most five \
            times), or `{on-failure: 3}`. The wait before each attempt doubles, starting at one second.
            """
        ),
        SchemaKey("stop", .section(stop), "How `cloche stop` ends the agent."),
        SchemaKey("session", .section(session), "The agent's terminal."),
        SchemaKey("audit", .section(audit), "The record of what happens; docs/audit.md describes it."),
    ]

    static let harness: [SchemaKey] =
        [
            SchemaKey(
                "command",
                .list(.text(.any)),
                default: .list([]),
                project: .unlessGranting,
                """
                The agent program and its fixed arguments. A program without a slash is looked up in the `PATH` inside. \
                In this and the other lists of this section, `{task}` stands for the task.
                """
            ),
            SchemaKey(
                "program",
                .text(.line),
                default: .string(""),
                project: .unlessGranting,
                """
                The program that must be there before the agent is started. It need be said only where that is not the \
                first word of `command`.
                """
            ),
            SchemaKey(
                "task",
                .list(.text(.any)),
                default: .list([]),
                project: .unlessGranting,
                "Arguments added when the agent is given a task."
            ),
            SchemaKey(
                "interactive",
                .list(.text(.any)),
                default: .list([]),
                project: .unlessGranting,
                "Arguments added when there is no task."
            ),
            SchemaKey(
                "resume",
                .list(.text(.any)),
                default: .list([]),
                project: .unlessGranting,
                "Arguments added by `cloche resume` without a new task. If empty, those of `interactive`."
            ),
            SchemaKey(
                "resume-task",
                .list(.text(.any)),
                default: .list([]),
                project: .unlessGranting,
                "Arguments added by `cloche resume` with a new task. If empty, those of `task`."
            ),
            SchemaKey(
                "seeds",
                .map(.homePath, .text(.any)),
                default: .map([]),
                project: .unlessGranting,
                """
                Files made in the agent's home before its first start, as a map from path (below the home) to text: \
                settings without which the agent program would ask a question that nobody is there to answer. A file \
                that exists is left alone. `null` takes an inherited file away.
                """
            ),
            SchemaKey(
                "install",
                .text(.line),
                default: .string(""),
                project: .unlessGranting,
                "The sentence that is printed when the program is not there: how to install it."
            ),
        ] + harnessForms

    static let environment: [SchemaKey] = [
        SchemaKey(
            "set",
            .map(.variableName, .text(.any)),
            default: .map([]),
            project: .unlessGranting,
            """
            Variables with fixed values, as a map. They are written to the agent's state file: secrets belong under \
            `credentials`. `null` takes an inherited variable away.
            """
        ),
        SchemaKey(
            "pass",
            .list(.text(.variableName)),
            default: .list([]),
            project: .narrower(.fewer),
            "Names of variables that are taken from the caller's environment when they are set there."
        ),
    ]

    static let syscalls: [SchemaKey] = [
        SchemaKey(
            "groups",
            .list(.text(.groupName)),
            default: .strings(SyscallPolicy.standardGroups),
            project: .narrower(.fewerGroups),
            """
            The groups of system calls that are allowed: built-in ones, and files `syscalls/NAME.yaml` of your \
            configuration or of a project that you trust. What no group names does not exist (ENOSYS); what a \
            built-in group refuses is refused (EPERM, as a rule) whether the group is listed or not.
            """
        ),
        SchemaKey(
            "allow",
            .list(.text(.syscallName)),
            default: .list([]),
            project: .narrower(.fewer),
            "System calls allowed beyond the groups, whatever their arguments but for those that a group refuses."
        ),
        SchemaKey(
            "deny",
            .list(.text(.syscallName)),
            default: .list([]),
            project: .narrower(.more),
            "System calls refused although a group or `allow` has them."
        ),
    ]

    static let stop: [SchemaKey] = [
        SchemaKey(
            "signal",
            .text(.signal),
            default: .string("TERM"),
            "The signal sent to the agent program first: `TERM`, `INT`, `HUP`, `QUIT`, `USR1`, `USR2` or `KILL`."
        ),
        SchemaKey(
            "grace",
            .duration(minimum: 0),
            default: .string("10s"),
            project: .narrower(.smaller),
            "How long it has to end by itself before everything in the sandbox is killed."
        ),
    ]
}

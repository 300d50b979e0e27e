// Rows of the schema for what an agent program is given beside its task, and for how a program takes it.

internal import ClocheModel

extension ProfileSchema {
    static let instructions: [SchemaKey] = [
        SchemaKey(
            "text",
            .text(.any),
            default: .string(""),
            project: .unlessGranting,
            "The text."
        ),
        SchemaKey(
            "files",
            .list(.text(.hostPath)),
            default: .list([]),
            project: .narrower(.fewer),
            "Files of the host, read at each start."
        ),
    ]

    static let server: [SchemaKey] = [
        SchemaKey("command", .text(.line), "The program that is the server, inside the sandbox."),
        SchemaKey("args", .list(.text(.any)), "Its arguments."),
        SchemaKey("env", .map(.variableName, .text(.any)), "Variables for it."),
        SchemaKey("url", .text(.webAddress), "Or else the address of a server that runs elsewhere."),
    ]

    /// What a bundle says of how its program takes model, instructions, skills and servers, and how it is tried.
    static let harnessForms: [SchemaKey] = [
        SchemaKey(
            "model",
            .list(.text(.any)),
            default: .list([]),
            project: .unlessGranting,
            "Arguments added when a model is chosen; `{model}` stands for it."
        ),
        SchemaKey(
            "instructions",
            .section(harnessInstructions),
            "How the program takes `instructions`."
        ),
        SchemaKey(
            "skills",
            .orNone(.text(.homePath)),
            default: .string("none"),
            project: .unlessGranting,
            "The directory in the agent's home in which the program looks for skills, each a directory there."
        ),
        SchemaKey("mcp", .section(harnessServers), "How the program is told of `mcp-servers`."),
        SchemaKey(
            "messages",
            .choice(["inbox", "typed"]),
            default: .string("inbox"),
            project: .narrower(.earlier(["inbox", "typed"])),
            """
            Where messages of other agents come: into the agent's inbox alone, where its program asks for them with \
            `cloche inbox`, or also typed into its terminal. Only for a program that takes what is typed as words for a \
            model: to a shell they would be commands. A person's messages are typed always.
            """
        ),
        SchemaKey(
            "interrupt",
            .list(.text(.line)),
            default: .list([]),
            "The keys that interrupt what the program does, as `cloche keys` takes them; `cloche keys --interrupt` types them."
        ),
        SchemaKey(
            "check",
            .list(.text(.any)),
            default: .list([]),
            project: .unlessGranting,
            "A command that ends well where the program works, such as `[PROGRAM, --version]`: `cloche profile check` runs it."
        ),
        SchemaKey(
            "rank",
            .orNone(.integer(1...1000)),
            default: .string("none"),
            "Which of the programs that are installed `cloche init` proposes: the one with the lowest number."
        ),
    ]

    static let harnessInstructions: [SchemaKey] = [
        SchemaKey(
            "file",
            .orNone(.text(.homePath)),
            default: .string("none"),
            project: .unlessGranting,
            """
            A file in the agent's home that the program reads. The instructions stand in it between two lines of Cloche's; \
            what is around them is the program's own and stays.
            """
        ),
        SchemaKey(
            "arguments",
            .list(.text(.any)),
            default: .list([]),
            project: .unlessGranting,
            "Arguments; `{instructions}` stands for the text, `{instructions-file}` for the path of `file`."
        ),
    ]

    static let harnessServers: [SchemaKey] = [
        SchemaKey(
            "file",
            .orNone(.text(.homePath)),
            default: .string("none"),
            project: .unlessGranting,
            "The file in the agent's home. What Cloche does not write in it stays."
        ),
        SchemaKey(
            "syntax",
            .choice(ServersForm.Syntax.allCases.map(\.rawValue)),
            default: .string("json"),
            project: .unlessGranting,
            "What is in the file: a map in JSON, or tables in TOML."
        ),
        SchemaKey(
            "key",
            .text(.fileKey),
            default: .string("mcpServers"),
            project: .unlessGranting,
            "The key at the top of the file under which servers stand by name."
        ),
        SchemaKey(
            "command",
            .template,
            default: .object([
                "command": .string("{command}"), "args": .string("{args}"), "env": .string("{env}"),
            ]),
            project: .unlessGranting,
            """
            What stands there for a server that is a program: a map in which `{name}`, `{command}`, `{args}` and `{env}` are \
            replaced. `{args}` alone is the list, or in a list its items; `{env}` alone is the map.
            """
        ),
        SchemaKey(
            "url",
            .orNone(.template),
            default: .string("none"),
            project: .unlessGranting,
            "The same for a server elsewhere, with `{url}`; `none` where the program can have no such server."
        ),
    ]
}

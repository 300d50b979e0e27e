// The commands about the program itself: completion, help, version, and the manual for the installer.
// Tables only; see ClocheCommands.swift.

extension ClocheCommands {
    static let program = [completion, help, version, manual]

    private static let completion = CommandSpec(
        "completion",
        "Print the completion script of a shell",
        arguments: [ArgumentSpec("shell", .required, form: .oneOf(["bash", "zsh", "fish"]), "The shell")],
        examples: [
            Example("source <(cloche completion bash)", "for this bash; put it into ~/.bashrc for all"),
            Example(
                "cloche completion zsh > ~/.zfunc/_cloche",
                "for zsh, with ~/.zfunc in fpath before compinit runs"
            ),
            Example(
                "cloche completion fish > ~/.config/fish/completions/cloche.fish",
                "for fish, from now on"
            ),
        ]
    )

    private static let help = CommandSpec(
        "help",
        "Show help of a command",
        arguments: [ArgumentSpec("command", .rest, completion: .subcommand, "The command; all if left out")],
        examples: [
            Example("cloche help start", "the same as `cloche start --help`"),
            Example("cloche help profile list", "of a command of two words"),
        ]
    )

    private static let version = CommandSpec(
        "version",
        "Print the version",
        examples: [Example("cloche version", "the same as `cloche --version`")]
    )

    private static let manual = CommandSpec(
        "manual",
        "Print the manual page in roff",
        isHidden: true,
        examples: [Example("cloche manual > cloche.1", "what the installer does")]
    )
}

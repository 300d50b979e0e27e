// The commands for secrets at rest: credential add, list, rotate, revoke, delete, test, lock, unlock, protect.
// Tables only; see ClocheCommands.swift.

extension ClocheCommands {
    static let credential = CommandSpec(
        "credential",
        "Keep keys and tokens encrypted, and say where others are",
        suggestedFor: ["secret", "secrets", "key", "token", "auth"],
        discussion: """
            A credential has a name, by which profiles ask for it. Its bytes are kept by Cloche, encrypted,
            or are read each time from a variable, a file or a program. They are never printed, and stand in
            no command line.

            What is kept opens with a key that the kernel holds after `unlock`, until `lock`, a time limit or
            the machine's end; what lasts is a passphrase, an ssh key or a key file: see `protect`.
            """,
        subcommands: [
            addCredential, listCredentials, rotateCredential, revokeCredential, deleteCredential,
            testCredential,
            lockCredentials, unlockCredentials, protectCredentials,
        ]
    )

    private static let sources: [OptionSpec] = [
        .value("env", "VARIABLE", "Take the value of this variable"),
        .value("file", "FILE", completion: .file, "Take the first line of this file"),
        .flag("stdin", "Take what standard input has, one line"),
        .flag("command", "Take the first line that a program prints: the words after the name"),
    ]

    private static let byReference = OptionSpec.flag(
        "by-reference",
        "Keep no bytes, but read the variable, file or program each time"
    )

    private static let sourcesExclude = [
        ["env", "file", "stdin", "command"], ["stdin", "by-reference"],
    ]

    private static func credentialName(_ summary: String) -> ArgumentSpec {
        ArgumentSpec("name", .required, completion: .credentialName, summary)
    }

    private static let sourceCommand = ArgumentSpec(
        "command",
        .rest,
        completion: .command,
        "With --command, the program and its arguments"
    )

    private static let addCredential = CommandSpec(
        "add",
        "Keep a secret under a name",
        suggestedFor: ["create", "set", "new", "login"],
        discussion: """
            On a terminal, the secret is asked for and not shown. It is one line without control characters.
            Of a file and of a program's output the first line counts. A program gets this shell's environment,
            and 30 seconds.

            The first secret that is kept asks for a passphrase, if `protect` was not run before.
            """,
        arguments: [ArgumentSpec("name", .required, "The name, for profiles"), sourceCommand],
        options: sources + [byReference, json],
        exclusive: sourcesExclude,
        stopsAtRest: true,
        examples: [
            Example("cloche credential add deploy", "ask for it, and keep it"),
            Example(
                "cloche credential add anthropic --env ANTHROPIC_API_KEY",
                "keep what the variable has now"
            ),
            Example(
                "cloche credential add github --by-reference --command gh auth token",
                "run this each time it is needed"
            ),
        ]
    )

    private static let rotateCredential = CommandSpec(
        "rotate",
        "Give a credential other bytes",
        suggestedFor: ["update", "change", "replace", "renew"],
        discussion: """
            As `add`, for a name that is there. Of one that is read from elsewhere, without an option, it is only
            tried whether the bytes can be read, and the time is noted.

            Agents that run with a gateway have the new bytes when the command returns.

            NAME may also be a service of agents that run, where no credential has that name: the key of each is
            read again from where it has it, a variable of this shell, a file, a program, or the file of a login,
            by whose path a login can be named, too.
            """,
        arguments: [credentialName("The credential, or a login's service"), sourceCommand],
        options: sources + [byReference, json],
        exclusive: sourcesExclude,
        stopsAtRest: true,
        examples: [
            Example("cloche credential rotate deploy --stdin < new-token", "take the new one from a file"),
            Example("cloche credential rotate anthropic", "read the key of agents that run anew"),
        ]
    )

    private static let revokeCredential = CommandSpec(
        "revoke",
        "Take a credential away from agents that run, and give it to no other",
        suggestedFor: ["withdraw", "disable"],
        discussion: """
            When the command returns, no gateway has it: requests under way with it are broken off, and others
            refused. It stays in the store, and is given to nobody until `rotate` gives it other bytes. NAME may
            also be a service of profiles, whose key comes from elsewhere: agents that run lose it. Of a login, the
            file's path will do as well; until `rotate`, no agent gets it.

            What an agent was given as a variable or a file, it has: only those behind a gateway can be revoked.
            """,
        arguments: [credentialName("The credential, or a service")],
        options: [json],
        examples: [Example("cloche credential revoke anthropic", "every agent loses the key now")]
    )

    private static let listCredentials = CommandSpec(
        "list",
        "List all credentials, without their bytes",
        aliases: ["ls"],
        suggestedFor: ["show"],
        discussion: "A file that is damaged is named, and the exit code is 1.",
        options: [.flag("names", "Print names only, one on a line"), json],
        exclusive: [["names", "json"]],
        examples: [Example("cloche credential list", "names, kinds, and when they changed")]
    )

    private static let deleteCredential = CommandSpec(
        "delete",
        "Delete a credential",
        aliases: ["rm"],
        suggestedFor: ["remove", "unset", "logout"],
        discussion: "Agents that run with a gateway lose it, as with `revoke`.",
        arguments: [credentialName("The credential")],
        options: [.flag("force", letter: "f", "Do not ask"), json],
        examples: [Example("cloche credential delete deploy", "asks first")]
    )

    private static let testCredential = CommandSpec(
        "test",
        "Tell whether a credential can be read now",
        suggestedFor: ["check", "verify"],
        discussion: """
            Prints how long it is, and eight digits by which two secrets are told apart; they are left out when it
            is so short that they would help to guess it.
            """,
        arguments: [credentialName("The credential")],
        options: [json],
        examples: [Example("cloche credential test deploy", "length and fingerprint, never the bytes")]
    )

    private static let lockCredentials = CommandSpec(
        "lock",
        "Take the key of the credentials out of the kernel's memory",
        suggestedFor: ["close"],
        examples: [Example("cloche credential lock", "what is kept can be read again after `unlock` only")]
    )

    private static let unlockCredentials = CommandSpec(
        "unlock",
        "Let commands and agents of yours read what is kept, for a time",
        suggestedFor: ["open"],
        discussion: """
            Opens the store once, by key file, ssh key or passphrase, and leaves its key in the kernel's keyring
            of this user. There it is on no disk and out of every sandbox.
            """,
        options: [
            .value(
                "for",
                "TIME",
                "How long, such as 30m or 12h; 8h if left out, 0 until the machine is started anew"
            )
        ],
        examples: [
            Example("cloche credential unlock", "for a working day"),
            Example("cloche credential unlock --for 0", "on a server, after it was started"),
        ]
    )

    private static let protectCredentials = CommandSpec(
        "protect",
        "Add, list or take away what opens the credentials",
        suggestedFor: ["init", "passwd"],
        discussion: """
            The key that encrypts is random, and each lock holds it: a passphrase, an ed25519 key of ssh (also
            one that an ssh agent holds), or a file of at least 32 bytes, which is made if it is not there.
            Any one of the locks opens. To change a passphrase, add the new one and remove the old one.

            Who has the key file, or may have the ssh key sign, needs nothing else. A key file belongs where the
            credentials' own backups are not.
            """,
        options: [
            .flag("passphrase", "Add a passphrase, which is asked for twice"),
            .value("ssh-key", "FILE", completion: .file, "Add an ed25519 key of ssh, private or public"),
            .value("key-file", "FILE", completion: .file, "Add a file whose bytes open"),
            .value(
                "remove",
                "NUMBER",
                form: .number(1...10000),
                "Take away a lock, by its number in the list"
            ),
            .flag("list", "List the locks; what happens without an option, too"),
            json,
        ],
        exclusive: [["passphrase", "ssh-key", "key-file", "remove", "list"]],
        examples: [
            Example(
                "cloche credential protect --ssh-key ~/.ssh/id_ed25519",
                "open without a passphrase of its own"
            ),
            Example(
                "cloche credential protect --key-file /etc/cloche/unlock",
                "for a server at which nobody types"
            ),
        ]
    )
}

// Where `credential add` and `rotate` take a secret from, and what is asked of a person.

internal import ClocheModel
internal import CommandSyntax
internal import CredentialStore
internal import LinuxSystem
internal import Supervision

/// The options of a command that takes a secret.
struct CredentialOptions {
    enum Kind: Equatable {
        case source(CredentialSource)
        case standardInput
        case terminal
    }

    let kind: Kind
    let isReference: Bool

    init(_ context: Context) throws(ClocheError) {
        let command = context.command
        isReference = command.flag("by-reference")
        if let name = command.value("env") {
            kind = .source(.environment(name: try Self.checkedVariable(name)))
        } else if let path = command.value("file") {
            kind = .source(.file(path: try Self.absolute(path)))
        } else if command.flag("command") {
            guard !command.rest.isEmpty else {
                throw ClocheError(.usage, "no program", remedy: "for example --command pass show deploy")
            }
            kind = .source(.command(command.rest))
        } else {
            kind = command.flag("stdin") ? .standardInput : .terminal
        }
        guard command.rest.isEmpty || command.flag("command") else {
            throw ClocheError(
                .usage,
                "a word too many",
                why: "a secret is never an argument, where every process can read it",
                remedy:
                    "leave it out to be asked for it; for a program's output, put --command before the program"
            )
        }
        if isReference, kind == .terminal {
            throw ClocheError(.usage, "--by-reference to what?", remedy: "add --env, --file or --command")
        }
    }

    private static func checkedVariable(_ name: String) throws(ClocheError) -> String {
        if !name.isEmpty, !name.contains("=") { return name }
        throw ClocheError(
            .usage,
            "not the name of a variable",
            why: "a secret is never an argument, where every process can read it",
            remedy: "give the name alone, for example --env GITHUB_TOKEN"
        )
    }

    /// A path that means the same from everywhere; links in it stay as they are.
    static func absolute(_ path: String) throws(ClocheError) -> String {
        if path.hasPrefix("/") { return path }
        do throws(SystemError) {
            return "\(try Files.canonicalPath("."))/\(path)"
        } catch { throw ClocheError(.system, "cannot tell where \(path) is", why: error.description) }
    }
}

/// Questions at the terminal of the process.
enum CredentialQuestions {
    /// For a passphrase that is there already; nil when there is no terminal.
    static var passphrase: PassphraseQuestion? {
        guard SecretPrompt.isPossible else { return nil }
        return { question throws(ClocheError) in try ask(question) }
    }

    /// A passphrase that is to be; asked for twice.
    static func newPassphrase() throws(ClocheError) -> LockMaterial {
        while true {
            let first = try answer("New passphrase for Cloche's credentials: ")
            guard first.count >= 8 else {
                say("too short: at least 8 characters")
                continue
            }
            if first.isSame(as: try answer("The same again: ")) { return .passphrase(first, .usual) }
            say("these were two different ones")
        }
    }

    /// A secret that is to be kept.
    static func secret() throws(ClocheError) -> Secret {
        try SecretLine.whole(try answer("Secret (not shown): "), "the terminal")
    }

    /// What standard input has.
    static func standardInput() throws(ClocheError) -> Secret {
        let content: Secret
        do throws(SystemError) {
            guard let input = FileDescriptor(duplicating: 0) else { throw SystemError("read", .noEntry) }
            content = try Secret(reading: input)
        } catch { throw ClocheError(.system, "cannot read standard input", why: error.description) }
        return try SecretLine.whole(content, "standard input")
    }

    /// Whether a person says yes.
    static func isMeant(_ question: String) throws(ClocheError) -> Bool {
        guard Terminal.isTerminal(0), let input = FileDescriptor(duplicating: 0) else {
            throw ClocheError(.usage, "nobody is here to be asked", remedy: "use --force")
        }
        UserOutput.write(Array("\(question) [y/N] ".utf8), to: 2)
        do throws(SystemError) {
            let answer = String(decoding: try input.read(upTo: 1024), as: UTF8.self)
            return ["y", "yes"].contains(
                answer.split(whereSeparator: \.isWhitespace).first?.lowercased() ?? ""
            )
        } catch { throw ClocheError(.system, "cannot read the answer", why: error.description) }
    }

    private static func say(_ text: String) { UserOutput.write(Array("\(text)\n".utf8), to: 2) }

    private static func answer(_ question: String) throws(ClocheError) -> Secret {
        if let secret = try ask(question) { return secret }
        throw ClocheError(
            .state,
            "nothing was typed",
            remedy: "without a terminal, use --stdin, --env, --file or --command"
        )
    }

    private static func ask(_ question: String) throws(ClocheError) -> Secret? {
        do throws(SystemError) {
            return try SecretPrompt.ask(question)
        } catch {
            let isLong = error.errno != .interrupted
            throw ClocheError(
                .state,
                "no answer",
                why: isLong ? error.description : "it was broken off",
                remedy: isLong ? "a terminal takes \(SecretPrompt.mostBytes) bytes a line; use --stdin" : ""
            )
        }
    }
}

// credential: secrets at rest. Each of these processes hides its memory before it has a secret, and asks at the terminal
// itself, so that input and output may be pipes. A change acts on running agents where `rotated` says so.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import CredentialStore
internal import LinuxSystem
internal import ProfileLoading
internal import TerminalText

enum CredentialCommand {
    static func function(_ name: String) -> ClocheCommandLine.Function? {
        let function: ClocheCommandLine.Function? =
            switch name {
            case "add": add
            case "list": list
            case "rotate": rotate
            case "revoke": revoke
            case "delete": delete
            case "test": test
            case "lock": lock
            case "unlock": unlock
            case "protect": protect
            default: nil
            }
        guard let function else { return nil }
        return { context throws(ClocheError) in
            ProcessMemory.hide()
            return try function(context)
        }
    }

    // MARK: Changes

    private static func add(_ context: Context) throws(ClocheError) -> Int32 {
        let (name, store) = (context.command.required("name"), context.store)
        let source = try CredentialOptions(context)
        try store.checkIsFree(name)
        try store.add(name, content(source, context))
        return try tell(name, "added", context)
    }

    private static func rotate(_ context: Context) throws(ClocheError) -> Int32 {
        let (name, store) = (context.command.required("name"), context.store)
        let source = try CredentialOptions(context)
        if !isKept(name, context), source.kind == .terminal {
            if let told = try rotateLogin(name, context) { return told }
            // A service of agents that run, whose keys are kept elsewhere.
            let changes = try RunningCredentials(context.installation).rotate(service: name)
            if !changes.isEmpty { return try tell(name, "read anew", context, changes) }
        }
        let entry = try store.entry(name)
        if case .reference(let place) = entry.place, source.kind == .terminal {
            _ = try context.credentialReader.read(place)
            try store.rotate(name, .reference(place))
        } else {
            try store.rotate(name, content(source, context))
        }
        return try tell(name, "rotated", context, RunningCredentials(context.installation).rotate(name))
    }

    /// Whether the store has a credential of a name; the path of a login is none.
    private static func isKept(_ name: String, _ context: Context) -> Bool {
        !name.hasPrefix("/") && context.store.holds(name)
    }

    private static func unknown(_ name: String, _ context: Context) -> ClocheError {
        if name.hasPrefix("/") {
            return ClocheError(.notFound, "there is no login \(visible(name))")
        }
        do throws(ClocheError) {
            _ = try context.store.entry(name)
        } catch { return error }
        return ClocheError(.state, "no agent has \(visible(name))")
    }

    /// Has agents use a login again, as its file has it now; nil where nobody has one by that name.
    private static func rotateLogin(_ name: String, _ context: Context) throws(ClocheError) -> Int32? {
        let running = RunningCredentials(context.installation)
        let files = running.logins(name)
        try running.mark(files, isRevoked: false)
        guard !files.isEmpty else {
            if name.hasPrefix("/") { throw unknown(name, context) }
            return nil
        }
        // Of a service, also those whose key is another's than a login's.
        let changes =
            try name.hasPrefix("/")
            ? running.rotateLogins(files) : running.rotate(service: name, logins: files)
        return try tell(name, "rotated", context, changes)
    }

    /// What is to be stored; a reference is tried first, because one that cannot be read is a mistake as a rule.
    private static func content(_ options: CredentialOptions, _ context: Context) throws(ClocheError)
        -> CredentialStore.Content
    {
        if options.isReference, case .source(let source) = options.kind {
            _ = try context.credentialReader.read(source)
            return .reference(source)
        }
        // First, so that nobody types a secret for which there is no place.
        let key = try context.storeKey()
        switch options.kind {
        case .source(let source): return .kept(try context.credentialReader.read(source), key)
        case .standardInput: return .kept(try CredentialQuestions.standardInput(), key)
        case .terminal: return .kept(try CredentialQuestions.secret(), key)
        }
    }

    private static func tell(
        _ name: String,
        _ done: String,
        _ context: Context,
        _ changes: [CredentialChange] = []
    ) throws(ClocheError) -> Int32 {
        if context.command.flag("json") {
            var result = isKept(name, context) ? document(try context.store.entry(name)) : .map([])
            if case .map(let entries) = result {
                result = .map(entries + [Document.Entry("agents", .list(changes.map(document)))])
            }
            context.output.json(result)
        } else {
            context.output.line("\(name) \(done)")
            for change in changes {
                let agent = "\(visible(change.agent)) (\(visible(change.project)), \(change.service))"
                context.output.line(
                    change.failure.map { "  not at \(agent): \(visible($0))" } ?? "  at \(agent)"
                )
            }
        }
        return changes.contains { $0.failure != nil } ? ExitCode.negative : ExitCode.success
    }

    private static func document(_ change: CredentialChange) -> Document {
        .object([
            "agent": .string(change.agent), "project": .string(change.project),
            "service": .string(change.service), "failure": .optional(change.failure),
        ])
    }

    /// Nobody gets it any more, and agents that run have it no more; also a service's name will do.
    private static func revoke(_ context: Context) throws(ClocheError) -> Int32 {
        let name = context.command.required("name")
        // First, so that an agent that is being started sees it, or is among those that run; a full disk keeps the key from
        // being taken away there no more than that.
        var failure: ClocheError?
        if isKept(name, context) {
            do throws(ClocheError) {
                try context.store.revoke(name)
            } catch { failure = error }
        }
        let running = RunningCredentials(context.installation)
        let logins = running.logins(name)
        do throws(ClocheError) {
            try running.mark(logins, isRevoked: true)
        } catch { failure = error }
        let changes = try running.revoke(name, logins: logins)
        if let failure { throw failure }
        if changes.isEmpty, logins.isEmpty, !isKept(name, context) { throw unknown(name, context) }
        return try tell(name, "revoked", context, changes)
    }

    private static func delete(_ context: Context) throws(ClocheError) -> Int32 {
        let name = context.command.required("name")
        try CredentialEntry.check(name)
        if !context.command.flag("force") {
            do throws(ClocheError) {
                _ = try context.store.entry(name)
            } catch { if error.code == .notFound || error.code == .usage { throw error } }
            guard try CredentialQuestions.isMeant("Delete the credential \(name)?") else {
                context.output.line("\(name) stays")
                return ExitCode.negative
            }
        }
        let changes = try RunningCredentials(context.installation).revoke(name)
        try context.store.delete(name)
        return try tell(name, "deleted", context, changes)
    }

    // MARK: Questions

    private static func document(_ entry: CredentialEntry) -> Document {
        var entries = [
            Document.Entry("name", .string(entry.name)), Document.Entry("kind", .string(entry.kind)),
            Document.Entry("created", .string(WallClock.format(entry.created))),
            Document.Entry("rotated", .optional(entry.rotated.map { WallClock.format($0) })),
        ]
        if case .reference(let source) = entry.place {
            entries.append(Document.Entry("source", source.document))
        }
        return .map(entries)
    }

    private static func list(_ context: Context) throws(ClocheError) -> Int32 {
        let findings = try context.store.list()
        var (rows, documents, problems): ([[String]], [Document], [ClocheError]) = ([], [], [])
        for finding in findings {
            switch finding {
            case .entry(let entry):
                let place = if case .reference(let source) = entry.place { source.text } else { "" }
                let rotated = entry.rotated.map { Timestamp.short($0) } ?? "never"
                rows.append([
                    entry.name, entry.kind, Timestamp.short(entry.created), rotated,
                    visible(place, limit: 200),
                ])
                documents.append(document(entry))
            case .damaged(let name, let problem):
                rows.append([visible(name, limit: 64), "damaged", "", "", ""])
                documents.append(
                    .object([
                        "name": .string(name), "kind": .string("damaged"),
                        "problem": .string(problem.description),
                    ])
                )
                problems.append(problem)
            }
        }
        if context.command.flag("json") {
            context.output.json(.object(["credentials": .list(documents)]))
        } else if context.command.flag("names") {
            for row in rows { context.output.line(row[0]) }
        } else if rows.isEmpty {
            context.output.line("no credentials; `cloche credential add NAME` keeps one")
        } else {
            context.output.table(rows, header: ["NAME", "KIND", "CREATED", "ROTATED", "SOURCE"])
        }
        for problem in problems { context.output.report(problem, json: false) }
        return problems.isEmpty ? ExitCode.success : ExitCode.negative
    }

    private static func test(_ context: Context) throws(ClocheError) -> Int32 {
        let name = context.command.required("name")
        let entry = try context.store.entry(name)
        let secret = try context.credentialReader.read(.kept(name: name))
        let fingerprint = try SecretLine.fingerprint(secret)
        if context.command.flag("json") {
            context.output.json(
                .object([
                    "name": .string(name), "kind": .string(entry.kind),
                    "bytes": .integer(Int64(secret.count)), "fingerprint": .optional(fingerprint),
                ])
            )
        } else {
            let print = fingerprint.map { "fingerprint \($0)" } ?? "too short for a fingerprint"
            context.output.line("\(name): \(entry.kind), \(secret.count) bytes, \(print)")
        }
        return ExitCode.success
    }

    // MARK: The key

    private static func lock(_ context: Context) throws(ClocheError) -> Int32 {
        context.output.line(try context.store.forgetKey() ? "locked" : "it was locked already")
        return ExitCode.success
    }

    private static func unlock(_ context: Context) throws(ClocheError) -> Int32 {
        let text = context.command.value("for") ?? "8h"
        guard let seconds = Quantity.seconds(text).flatMap({ UInt32(exactly: $0) }) else {
            throw ClocheError(.usage, "not a time: \(text.debugDescription)", remedy: "such as 30m, 12h or 0")
        }
        let key = try context.store.unlockedKey(asking: CredentialQuestions.passphrase)
        try context.store.keep(key, seconds: seconds)
        context.output.line(
            "unlocked " + (seconds == 0 ? "until the machine is started anew" : "for \(text)")
        )
        return ExitCode.success
    }

    private static func protect(_ context: Context) throws(ClocheError) -> Int32 {
        let (command, store) = (context.command, context.store)
        if let number = command.number("remove") {
            let locks = try store.keyFile()?.locks ?? []
            guard locks.indices.contains(number - 1) else {
                throw ClocheError(.notFound, "there is no lock \(number)", remedy: "see --list")
            }
            try store.removeLock(number - 1, locks[number - 1], try context.storeKey())
        } else if command.flag("passphrase") || command.value("ssh-key") != nil
            || command.value("key-file") != nil
        {
            try addLock(context)
        }
        return try listLocks(context)
    }

    private static func addLock(_ context: Context) throws(ClocheError) {
        let (store, mayAsk) = (context.store, SecretPrompt.isPossible)
        if try store.keyFile() == nil {
            try store.checkNothingIsKept()
            _ = try store.create(material(context.command), mayAsk: mayAsk)
        } else {
            // Who adds a lock must be able to open one, and is asked for that first.
            let key = try context.storeKey()
            try store.addLock(material(context.command), key, mayAsk: mayAsk)
        }
    }

    private static func material(_ command: ParsedCommand) throws(ClocheError) -> LockMaterial {
        if let path = command.value("ssh-key") { return .ssh(identity: try CredentialOptions.absolute(path)) }
        guard let path = command.value("key-file") else { return try CredentialQuestions.newPassphrase() }
        let file = try CredentialOptions.absolute(path)
        try KeyMaterialFile.make(file)
        return .file(path: file)
    }

    private static func listLocks(_ context: Context) throws(ClocheError) -> Int32 {
        let locks = try context.store.keyFile()?.locks ?? []
        let isUnlocked = try context.store.isUnlocked()
        if context.command.flag("json") {
            context.output.json(
                .object(["locks": .list(locks.map(\.summary)), "unlocked": .bool(isUnlocked)])
            )
        } else if locks.isEmpty {
            context.output.line(
                "nothing is kept yet, so there is no key; --passphrase, --ssh-key or --key-file makes one"
            )
        } else {
            let rows = locks.enumerated().map { index, lock in
                ["\(index + 1)", Timestamp.short(lock.added), visible(lock.text, limit: 200)]
            }
            context.output.table(rows, header: ["NUMBER", "ADDED", "OPENS WITH"])
            if isUnlocked { context.output.line("unlocked: the kernel's keyring has the key") }
        }
        return ExitCode.success
    }
}

extension Context {
    fileprivate var store: CredentialStore { installation.credentials }

    fileprivate var credentialReader: CredentialReader {
        CredentialReader(store: store, question: CredentialQuestions.passphrase, warn: output.note)
    }

    /// The store's key; with nothing kept yet, a new one with a passphrase.
    fileprivate func storeKey() throws(ClocheError) -> MasterKey {
        if try store.keyFile() != nil { return try store.key(asking: CredentialQuestions.passphrase) }
        try store.checkNothingIsKept()
        guard SecretPrompt.isPossible else {
            throw ClocheError(
                .state,
                "there is no key yet to encrypt with",
                why: "nobody is here to choose a passphrase",
                remedy: "run `cloche credential protect --key-file FILE` or `--ssh-key FILE` first"
            )
        }
        return try store.create(CredentialQuestions.newPassphrase(), mayAsk: true)
    }
}

// The effective document as the typed values that planner and supervisor read. The document has been checked
// against the schema, so that what is missing here can only be an older state file's, and the defaults serve.

package import ClocheModel
internal import NetworkRules
internal import StructuredText

extension Policy {
    /// The policy of a document that `EffectiveProfile` made, as `agent.json` keeps it.
    ///
    /// It is checked again: a state file may have been edited, or written by another version.
    package init(document: Document) throws(ClocheError) {
        self = Policy(checked: try StoredProfile.changed(document, []))
    }

    /// The policy of a document in which every key of the schema is there and valid.
    init(checked document: Document) {
        self.init(
            profile: document["profile"]?.string ?? "",
            summary: document["description"]?.string ?? "",
            harness: HarnessPolicy(checked: document["harness"] ?? .map([])),
            equipment: AgentEquipment(checked: document),
            filesystem: FilesystemPolicy(checked: document["filesystem"] ?? .map([])),
            shares: (document["shares"]?.entries ?? []).compactMap { entry in
                entry.value.string.flatMap(ShareMode.init).map { ShareGrant(entry.key, $0) }
            },
            environment: EnvironmentPolicy(
                set: document.value(at: ["environment", "set"])?.entries ?? [],
                pass: document.value(at: ["environment"])?.strings("pass") ?? []
            ),
            credentials: (document["credentials"]?.list ?? []).compactMap {
                CredentialPolicy(checked: $0, services: document["services"] ?? .map([]))
            },
            syscalls: SyscallPolicy(checked: document["syscalls"] ?? .map([])),
            confinement: ConfinementPolicy(checked: document["confinement"] ?? .map([])),
            network: NetworkSettings(checked: document["network"] ?? .map([])),
            limits: LimitsPolicy(checked: document["limits"] ?? .map([])),
            projectLimits: ResourceLimits(checked: document.value(at: ["project", "limits"]) ?? .map([])),
            budget: BudgetPolicy(checked: document["budget"] ?? .map([])),
            projectBudget: BudgetPolicy(checked: document.value(at: ["project", "budget"]) ?? .map([])),
            ask: ApprovalPolicy(checked: document),
            agents: AgentsPolicy(checked: document["agents"] ?? .map([])),
            hooks: HooksPolicy(checked: document["hooks"] ?? .map([])),
            restart: RestartPolicy(checked: document["restart"] ?? .null),
            stop: StopPolicy(checked: document["stop"] ?? .map([])),
            session: SessionPolicy(checked: document["session"] ?? .map([])),
            audit: AuditPolicy(checked: document["audit"] ?? .map([]))
        )
    }
}

extension AgentsPolicy {
    fileprivate init(checked document: Document) {
        self.init(
            verbs: document.strings("verbs").compactMap { AgentVerb(rawValue: $0) },
            recipients: document.strings("message"),
            profiles: document.strings("profiles"),
            children: document["children"]?.integer ?? 0,
            depth: document["depth"]?.integer ?? 0,
            atEnd: document["at-end"]?.string.flatMap { ParentEnd(rawValue: $0) } ?? .stop
        )
    }
}

extension HooksPolicy {
    fileprivate init(checked document: Document) {
        func commands(_ key: String) -> [[String]] {
            (document[key]?.list ?? []).map { HooksPolicy.arguments($0) }
        }
        self.init(
            preStart: commands("pre-start"),
            postStop: commands("post-stop"),
            timeoutSeconds: document["timeout"]?.seconds ?? 60
        )
    }
}

extension SyscallPolicy {
    /// Where a stored profile has the texts of groups that are not built in; no file of a profile has this key.
    static let definitionsPath = ["syscalls", "definitions"]

    fileprivate init(checked document: Document) {
        self.init(
            groups: document["groups"]?.stringList ?? SyscallPolicy.standardGroups,
            allow: document.strings("allow"),
            deny: document.strings("deny"),
            definitions: document["definitions"]?.entries ?? []
        )
    }
}

extension HarnessPolicy {
    fileprivate init(checked document: Document) {
        self.init(
            command: document.strings("command"),
            program: document["program"]?.string ?? "",
            task: document.strings("task"),
            interactive: document.strings("interactive"),
            resume: document.strings("resume"),
            resumeTask: document.strings("resume-task"),
            seeds: (document["seeds"]?.entries ?? []).map {
                HomeSeed(path: $0.key, content: $0.value.string ?? "")
            },
            install: document["install"]?.string ?? "",
            model: document.strings("model"),
            instructions: InstructionsForm(
                file: document.value(at: ["instructions", "file"])?.unlessNone,
                arguments: document["instructions"]?.strings("arguments") ?? []
            ),
            skills: document["skills"]?.unlessNone,
            servers: ServersForm(checked: document["mcp"] ?? .map([])),
            takesMessages: document["messages"]?.string == "typed",
            interrupt: document.strings("interrupt"),
            check: document.strings("check"),
            rank: document["rank"]?.integer
        )
    }
}

extension ServersForm {
    fileprivate init?(checked document: Document) {
        guard let file = document["file"]?.unlessNone else { return nil }
        self.init(
            file: file,
            syntax: document["syntax"]?.string.flatMap { Syntax(rawValue: $0) } ?? .json,
            key: document["key"]?.string ?? "",
            program: document["command"] ?? .map([]),
            url: document["url"].flatMap { $0.entries == nil ? nil : $0 }
        )
    }
}

extension AgentEquipment {
    /// Of the whole document: these are keys at its top.
    fileprivate init(checked document: Document) {
        self.init(
            model: document["model"]?.string ?? "",
            instructions: document.value(at: ["instructions", "text"])?.string ?? "",
            instructionFiles: document["instructions"]?.strings("files") ?? [],
            skills: document.strings("skills"),
            servers: (document["mcp-servers"]?.entries ?? []).map { entry in
                if let url = entry.value["url"]?.string { return MCPServer(entry.key, .url(url)) }
                return MCPServer(
                    entry.key,
                    .program(
                        command: entry.value["command"]?.string ?? "",
                        arguments: entry.value.strings("args"),
                        environment: entry.value["env"]?.entries ?? []
                    )
                )
            }
        )
    }
}

extension FilesystemPolicy {
    fileprivate init(checked document: Document) {
        self.init(
            workspace: document.access("workspace") ?? .readWrite,
            system: document.strings("system"),
            writable: document.strings("writable"),
            etc: document.strings("etc"),
            binds: (document["binds"]?.list ?? []).compactMap { bind in
                guard let source = bind["source"]?.string, let target = bind["target"]?.string else {
                    return nil
                }
                return BindPolicy(
                    source: source,
                    target: target,
                    mode: bind.access("mode") ?? .readOnly,
                    optional: bind["optional"]?.bool ?? false,
                    sockets: bind["sockets"]?.bool ?? false
                )
            },
            protect: document.strings("protect"),
            temporaryBytes: document["tmp-size"]?.bytes ?? 1 << 30,
            temporaryInodes: document["tmp-inodes"]?.integer ?? 1 << 20
        )
    }
}

extension CredentialPolicy {
    fileprivate init?(checked document: Document, services: Document) {
        let required = document["required"]?.bool ?? false
        if let name = document["service"]?.string {
            guard var service = services[name].flatMap({ GatewayService(name, checked: $0) }) else {
                return nil
            }
            let source = CredentialSource(checked: document)
            // Of a service with logins, another credential is the access token itself.
            if case .login(let path)? = source { service.login?.file = path } else { service.login = nil }
            service.isPublic = document["public"]?.bool ?? false
            service.isIntercepted = document["intercept"]?.bool ?? false
            service.along = service.links.filter { $0 != name }.compactMap { other in
                var along = services[other].flatMap { GatewayService(other, checked: $0) }
                along?.isPublic = true
                along?.login = nil
                return along
            }
            guard service.isPublic == (source == nil) else { return nil }
            self.init(.service(service, source), required: required)
        } else if let name = document["env"]?.string {
            self.init(.environment(name: name), required: required)
        } else if let source = document["file"]?.string, let target = document["target"]?.string {
            self.init(.file(source: source, target: target), required: required)
        } else {
            return nil
        }
    }
}

extension CredentialSource {
    /// Where an item of `credentials` that was checked comes from; nil for one without a secret.
    package init?(checked document: Document) {
        if let name = document["env"]?.string {
            self = .environment(name: name)
        } else if let path = document["file"]?.string {
            self = .file(path: path)
        } else if let words = document["command"]?.stringList {
            self = .command(words)
        } else if let name = document["kept"]?.string {
            self = .kept(name: name)
        } else if let path = document["login"]?.string {
            self = .login(path: path)
        } else {
            return nil
        }
    }
}

extension GatewayService {
    fileprivate init?(_ name: String, checked document: Document) {
        // What is no URL was refused when it was read.
        guard let url = document["url"]?.string.flatMap({ try? ServiceURL($0) }) else { return nil }
        self.init(
            name: name,
            usesTLS: url.usesTLS,
            host: url.hostName,
            port: url.destination.port,
            basePath: url.basePath
        )
        headers = document["headers"]?.entries ?? []
        drop = document.strings("drop").map { $0.lowercased() }
        paths = document.strings("paths")
        variables = document["variables"]?.entries ?? []
        placeholder = document["placeholder"]?.string ?? Self.standardPlaceholder
        usage = document["usage"]?.string
        certificates = document["certificates"]?.string
        git = document.strings("git")
        links = document.strings("links")
        append = document["append"]?.entries ?? []
        login = document["login"].flatMap { LoginForm(checked: $0) }
    }
}

extension LoginForm {
    fileprivate init?(checked document: Document) {
        // As above.
        guard let url = document["token-url"]?.string.flatMap({ try? ServiceURL($0) }),
            let access = document["access"]?.string, let refresh = document["refresh"]?.string
        else { return nil }
        self.init(
            server: Server(
                usesTLS: url.usesTLS,
                host: url.hostName,
                port: url.destination.port,
                path: url.basePath.isEmpty ? "/" : url.basePath
            ),
            access: Self.place(access),
            refresh: Self.place(refresh)
        )
        fields = document["fields"]?.entries ?? []
        requestForm = document["form"]?.string.flatMap(RequestForm.init) ?? .json
        expires = document["expires"]?.string.map(Self.place)
        unit = document["expires-in"]?.string.flatMap(TimeUnit.init) ?? .milliseconds
        keep = (document["keep"]?.entries ?? []).map { ($0.key, Self.place($0.value.string ?? "")) }
        locks = document.strings("locks")
    }
}

extension ServiceURL {
    /// The host without brackets.
    fileprivate var hostName: String {
        let host = "\(destination.host)"
        return host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    }
}

extension ConfinementPolicy {
    fileprivate init(checked document: Document) {
        self.init(
            mode: document["mode"]?.string.flatMap { Mode(rawValue: $0) } ?? .standard,
            permit: document.strings("permit").compactMap { Mechanism(rawValue: $0) },
            landlock: document["landlock"]?.string != "off",
            nestedNamespaces: document["nested-namespaces"]?.integer ?? 0,
            memoryDenyWriteExecute: document["memory-deny-write-execute"]?.string == "on",
            timeNamespace: document["time-namespace"]?.string == "on"
        )
    }
}

extension LimitsPolicy {
    fileprivate init(checked document: Document) {
        self.init(
            shares: ResourceLimits(checked: document),
            enforcement: document["enforcement"]?.string.flatMap { Enforcement(rawValue: $0) } ?? .available,
            wallClockSeconds: document["wall-clock"]?.seconds,
            idleSeconds: document["idle"]?.seconds,
            cpuSeconds: document["cpu-time"]?.seconds,
            startsPerMinute: document["process-starts"]?.integer,
            diskBytes: document["disk"]?.bytes,
            diskFiles: document["disk-files"]?.integer,
            openFiles: document["open-files"]?.integer,
            fileBytes: document["file-size"]?.bytes,
            outputBytes: document["output"]?.bytes,
            logBytes: document["log-size"]?.bytes ?? 16 << 20
        )
    }
}

extension ResourceLimits {
    fileprivate init(checked document: Document) {
        self.init(
            memoryBytes: document["memory"]?.bytes,
            memoryHighBytes: document["memory-high"]?.bytes,
            swapBytes: document["swap"]?.bytes,
            processes: document["processes"]?.integer,
            cpuMillicores: document["cpu"]?.thousandths,
            // What every cgroup has by itself is no limit that anybody must hold.
            cpuWeight: document["cpu-weight"]?.integer.flatMap {
                $0 == ResourceLimits.standardWeight ? nil : $0
            },
            ioReadBytes: document["io-read"]?.bytesPerSecond,
            ioWriteBytes: document["io-write"]?.bytesPerSecond,
            ioReadOperations: document["io-read-operations"]?.integer,
            ioWriteOperations: document["io-write-operations"]?.integer
        )
    }
}

extension BudgetPolicy {
    fileprivate init(checked document: Document) {
        self.init(
            requests: document["requests"]?.integer,
            inputTokens: document["input-tokens"]?.integer,
            outputTokens: document["output-tokens"]?.integer,
            tokens: document["tokens"]?.integer,
            cost: document["cost"]?.nanoDollars.map { Money(nanoDollars: $0) },
            period: document["per"]?.string.flatMap { Period(rawValue: $0) } ?? .total,
            warnPercent: document["warn"]?.percent,
            action: document["action"]?.string.flatMap { Action(rawValue: $0) } ?? .refuse
        )
    }
}

extension ApprovalPolicy {
    /// Of the whole document: these are keys at its top.
    fileprivate init(checked document: Document) {
        self.init(
            document.strings("ask").compactMap { ApprovalClass($0) },
            timeoutSeconds: document["ask-timeout"]?.seconds ?? ApprovalPolicy().timeoutSeconds
        )
    }
}

extension RestartPolicy {
    /// `no`, `on-failure` or `{on-failure: N}`; the number that goes without saying is in the schema.
    fileprivate init(checked document: Document) {
        var standard: Int64 = 0
        for row in ProfileSchema.keys where row.name == "restart" {
            if case .countedChoice(_, _, let count) = row.type { standard = count }
        }
        switch document {
        case .string("on-failure"): self = .onFailure(attempts: standard)
        case .map: self = document["on-failure"]?.integer.map { .onFailure(attempts: $0) } ?? .never
        default: self = .never
        }
    }
}

extension StopPolicy {
    fileprivate init(checked document: Document) {
        self.init(
            signal: document["signal"]?.string.flatMap { SignalName.number(of: $0) } ?? 15,
            graceSeconds: document["grace"]?.seconds ?? 10
        )
    }
}

extension SessionPolicy {
    fileprivate init(checked document: Document) {
        self.init(
            detachKeys: document["detach-keys"]?.string ?? "ctrl-] d",
            columns: document["columns"]?.integer ?? 120,
            rows: document["rows"]?.integer ?? 40,
            recording: document["record"]?.string.flatMap { Recording(rawValue: $0) } ?? .output,
            state: document["state"].map(StatePolicy.init(checked:)) ?? StatePolicy(),
            commands: Dictionary(
                (document["on-state"]?.entries ?? []).compactMap { entry in
                    guard let activity = HarnessState.Activity(rawValue: entry.key),
                        let command = entry.value.string, !command.isEmpty
                    else { return nil }
                    return (activity, command)
                },
                uniquingKeysWith: { $1 }
            ),
            notice: document["notify"]?.string.flatMap { Notice(rawValue: $0) } ?? .off
        )
    }
}

extension StatePolicy {
    fileprivate init(checked document: Document) {
        self.init(
            silenceMilliseconds: document["silence"]?.seconds.map { $0 * 1000 },
            bell: document["bell"]?.string.flatMap { HarnessState.Activity(rawValue: $0) },
            marks: document["marks"]?.bool ?? true,
            title: Self.patterns(document["title"]),
            screen: Self.patterns(document["screen"])
        )
    }

    private static func patterns(_ document: Document?) -> [Pattern] {
        (document?.list ?? []).compactMap { pattern in
            guard let match = pattern["match"]?.string,
                let activity = pattern["state"]?.string.flatMap({ HarnessState.Activity(rawValue: $0) })
            else { return nil }
            return Pattern(match, activity)
        }
    }
}

extension AuditPolicy {
    /// Of a section `audit` that was checked, as an agent's record keeps it; a record of an older version has none.
    package init(checked document: Document) {
        let standard = AuditPolicy()
        self.init(
            level: document["level"]?.string.flatMap { Level(rawValue: $0) } ?? standard.level,
            sync: document["sync"]?.string.flatMap { Sync(rawValue: $0) } ?? standard.sync,
            rotateBytes: document["rotate"]?.bytes ?? standard.rotateBytes,
            keptFiles: document["keep"]?.integer,
            export: document.strings("export")
        )
    }
}

extension Document {
    fileprivate func strings(_ key: String) -> [String] { self[key]?.stringList ?? [] }

    /// The text, unless it is the word for nothing.
    fileprivate var unlessNone: String? { string == "none" ? nil : string }

    fileprivate func access(_ key: String) -> AccessMode? {
        self[key]?.string.flatMap { AccessMode(rawValue: $0) }
    }
}

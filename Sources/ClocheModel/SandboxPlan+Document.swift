// A plan as a document and as lines: what `cloche explain --plan` prints.

extension SandboxPlan {
    /// The plan as a document.
    public var document: Document {
        let rules: [Document] = (confinement.fence?.rules ?? []).map { rule in
            .object(["target": .string("/" + rule.target), "access": .strings(Fence.names(rule.access))])
        }
        return .object([
            "identity": .object([
                "user": .integer(Int64(identity.user)), "group": .integer(Int64(identity.group)),
                "host-user": .integer(Int64(identity.hostUser)),
                "host-group": .integer(Int64(identity.hostGroup)),
            ]),
            "namespaces": .strings(namespaces),
            "executable": .string(executable),
            "sources": .list(
                sources.map { source in
                    .object([
                        "path": .string(source.path), "flags": .strings(source.attributes.names),
                        "recursive": .bool(source.recursive), "reason": .string(source.reason),
                    ])
                }
            ),
            "operations": .list(
                operations.map { operation in
                    .object([
                        "action": .string(operation.text), "target": .string("/" + operation.target),
                        "reason": .string(operation.reason),
                    ])
                }
            ),
            "confinement": confinement.document, "landlock": .list(rules),
            "stubs": .list(
                stubs.map { .object(["path": .string($0.path), "kind": .string($0.kind.rawValue)]) }
            ),
        ])
    }

    /// The namespaces that the sandbox does not share with the host.
    public var namespaces: [String] {
        ["user", "mount", "pid", "ipc", "uts", "cgroup"] + (sharesNetwork ? [] : ["net"])
            + (confinement.timeNamespace ? ["time"] : [])
    }

    /// One line per step.
    public var lines: [String] {
        let made = stubs.map { "empty \($0.kind.rawValue) \($0.path) in the workspace  [filesystem.protect]" }
        return made
            + operations.map { operation in
                var text = operation.text
                if !operation.target.isEmpty { text += " /\(operation.target)" }
                if case .bind(let index) = operation.action, sources.indices.contains(index) {
                    let source = sources[index]
                    text += " <- \(source.path) (\(source.attributes.names.joined(separator: ",")))"
                }
                return "\(text)  [\(operation.reason)]"
            }
    }
}

extension PlanOperation {
    /// The step in the kernel's words, and on what condition it is done.
    fileprivate var text: String {
        if let part { return "\(action.text), unless the kernel has no \(part.rawValue)" }
        return without.map { "\(action.text), without \($0.rawValue)" } ?? action.text
    }
}

extension PlanOperation.Action {
    /// The step in the kernel's words.
    var text: String {
        switch self {
        case .filesystem(let kind, let options, let attributes):
            "mount \(kind) (\((attributes.names + options).joined(separator: ",")))"
        case .bind: "bind"
        case .readOnly: "bind over itself (ro)"
        case .pin: "bind over itself"
        case .part(let directory): "bind of /\(directory)"
        case .seal(let attributes): "set flags (\(attributes.names.joined(separator: ",")))"
        case .directory: "mkdir"
        case .file(let content, _): "write \(content.utf8.count) bytes to"
        case .mountPoint: "touch"
        case .symlink(let target): "link to \(target) at"
        case .hostname(let name): "hostname \(name)"
        case .loopback: "loopback up"
        case .everyAddress(let isIPv6): "every IPv\(isIPv6 ? 6 : 4) address is local"
        case .packetFilter(let port): "packet filter: TCP to port \(port), nothing else leaves"
        case .listen(let ports):
            "listen at \(ports.map(String.init).joined(separator: ", ")), for the supervisor"
        case .datagrams(let port): "UDP at \(port), for the supervisor"
        case .socketTable: "a socket that tells whose connections are, for the supervisor"
        case .setting(let value): "write \(value) to"
        }
    }
}

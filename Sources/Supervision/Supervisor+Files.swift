// What the agent changed outside its workspace, told in the audit log when it has ended.

internal import AgentStore
internal import AuditRecords
internal import ClocheModel
internal import LinuxSystem
internal import SandboxRuntime

/// What of a plan says which files in the agent's own trees are Cloche's.
struct PlannedFiles {
    /// The names of the layers, with what they are on.
    private(set) var layers: [String: String] = [:]
    /// Places inside, with the content of those that are files with one.
    private(set) var places: [[UInt8]: String?] = [:]

    init(_ plan: SandboxPlan) {
        for operation in plan.operations {
            guard case .filesystem("overlay", let options, _) = operation.action,
                let layer = Self.value("upperdir", options).flatMap(Self.layer)?.name
            else { continue }
            layers[layer] = "/" + operation.target
        }
        for operation in plan.operations where !operation.target.isEmpty { note(operation) }
    }

    private mutating func note(_ operation: PlanOperation) {
        var path = "/" + operation.target
        if let (layer, rest) = Self.layer(operation.target) {
            guard let target = layers[layer] else { return }
            path = target + rest
        } else if !path.hasPrefix("/var/"), !path.hasPrefix(InsidePath.home + "/") {
            return
        }
        switch operation.action {
        case .file(let content, _): places[Array(path.utf8)] = .some(content)
        case .directory, .mountPoint, .symlink: places[Array(path.utf8)] = .some(nil)
        default: break
        }
    }

    private static func value(_ key: String, _ options: [String]) -> String? {
        options.first { $0.hasPrefix(key + "=") }.map { String($0.dropFirst(key.utf8.count + 1)) }
    }

    /// `run/layers/NAME/files/REST` as NAME and `/REST`.
    private static func layer(_ path: String) -> (name: String, rest: String)? {
        let words = path.split(separator: "/", maxSplits: 4)
        guard words.count >= 4, words[0] == "run", words[1] == "layers", words[3] == "files" else {
            return nil
        }
        return (String(words[2]), words.count > 4 ? "/" + words[4] : "")
    }
}

extension Supervisor {
    /// Microseconds that looking through an agent's files may take: whoever stops it waits for that.
    private static let filesBudget: Int64 = 50_000
    private static let filesAtOnce = 64
    private static let bytesAtOnce = 8192

    /// Writes down what was changed outside the workspace since the agent ended before; its processes are gone.
    func recordOutsideFiles() throws(ClocheError) {
        guard let plannedFiles else { return }
        let deadline = MonotonicClock.microseconds + Self.filesBudget
        let list = agent.directory.keptFiles
        // Without a list, what is older than this run was there before.
        let before = (try? Files.read(list)).map { KeptFiles($0) } ?? KeptFiles([])
        var files = OutsideFiles(
            before,
            since: began * 1_000_000,
            planned: plannedFiles.places,
            deadline: deadline
        )
        for tree in trees(plannedFiles) { files.look(through: tree) }
        let kept = files.end()
        // A disk that becomes full keeps room for the record of the end, and for no more than a few of these.
        var (some, bytes): ([AuditEvent], Int) = ([], 0)
        for change in files.changes {
            some.append(change.event)
            bytes += change.path.count
            guard some.count == Self.filesAtOnce || bytes > Self.bytesAtOnce else { continue }
            try audit.append(some, .left)
            (some, bytes) = ([], 0)
        }
        try audit.append(some + files.rest, .left)
        // The next end compares with what is there, or else with the time; no record is lost by that.
        try? Files.writeAtomically(list, kept.bytes, sync: false)
    }

    private func trees(_ planned: PlannedFiles) -> [OutsideTree] {
        let upper = agent.directory.upper
        var trees = planned.layers.sorted { $0.key < $1.key }.map { name, target in
            OutsideTree(
                path: "\(upper)/layers/\(name)/files",
                inside: target,
                place: .upper,
                lower: [Self.hostPath(below: target, agent.request)]
                    + agent.request.layers.flatMap { ["\($0)/layers/\(name)/files", $0 + target] }
            )
        }
        trees.append(OutsideTree(path: upper + "/var", inside: "/var", place: .upper))
        trees.append(OutsideTree(path: agent.directory.home, inside: InsidePath.home, place: .home))
        return trees
    }
}

extension Supervisor {
    /// What of the host's is below an overlay.
    private static func hostPath(below target: String, _ request: SandboxRequest) -> String {
        switch target {
        case "/etc": request.etc?.path ?? target
        // Nothing of the host's.
        case "/var": "/nonexistent"
        default: target
        }
    }
}

extension OutsideFiles {
    /// What is not told one by one.
    fileprivate var rest: [AuditEvent] {
        let places: [OutsideChange.Place] = [.upper, .home]
        return places.compactMap { place in
            let (count, isCut) = (untold[place] ?? 0, cut.contains(place))
            if count == 0 && !isCut { return nil }
            return AuditEvent(
                .filesUntold,
                [
                    .init("count", .integer(Int64(count))), .init("where", .string(place.rawValue)),
                    .init("cut", isCut ? .bool(true) : .null),
                ]
            )
        }
    }
}

extension OutsideChange {
    fileprivate var event: AuditEvent {
        AuditEvent(
            .file,
            [
                .init("path", .string(String(decoding: path, as: UTF8.self))),
                .init("change", .string(change)), .init("where", .string(place.rawValue)),
                .init("kind", .string(kind.word)),
            ]
        )
    }
}

extension TreeEntry.Kind {
    fileprivate var word: String {
        switch self {
        case .file: "file"
        case .directory: "directory"
        case .link: "link"
        // What it was is not to be seen any more.
        case .other, .absence: "other"
        }
    }
}

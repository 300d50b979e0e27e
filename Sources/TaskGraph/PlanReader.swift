// Plans in YAML. Every problem names its line and key, and all of them are told at once; a word that is nearly a known
// one is answered with that. What a plan means beyond single keys (matrices, who needs whom) is in PlanExpansion.

package import ClocheModel
internal import CommandSyntax
package import StructuredText

extension TaskPlan {
    /// Reads a plan.
    ///
    /// - Parameters:
    ///   - text: YAML.
    ///   - file: its name for errors, and without its ending the plan's name if it has no other.
    /// - Throws: `.configuration` with every problem and its line.
    package static func read(_ text: [UInt8], file: String) throws(ClocheError) -> TaskPlan {
        var reader = PlanReader(file: file)
        let root: LocatedNode
        do throws(StructuredTextError) {
            root = try YAMLText.parse(text, file: file)
        } catch {
            throw ClocheError(.configuration, "the plan cannot be read", why: error.description)
        }
        let plan = reader.plan(root)
        guard let plan, reader.problems.isEmpty else { throw reader.error }
        return plan
    }
}

extension TaskPlan {
    /// Where a task of this name in the file begins; nil where it is not there.
    package static func place(of task: String, in text: String) -> TextPosition? {
        // What cannot be read was refused before.
        guard let root = try? YAMLText.parse(Array(text.utf8), file: ""),
            case .map(let entries)? = root["tasks"]?.value
        else { return nil }
        return entries.first { $0.key == task }?.keyPosition
    }
}

/// A task as the file has it, before its matrix is expanded.
struct TaskDraft {
    let name: String
    let position: TextPosition
    var profile: String?
    var prompt = ""
    var needs: [(text: String, position: TextPosition)] = []
    var base: (text: String, position: TextPosition)?
    var outputs: [TaskOutput] = []
    var matrix: [(key: String, values: [String])] = []
    var candidates = 1
    var judge: TaskJudge?
    var check: String?
    var checkProfile = "shell"
    var retries = 0
    var overrides: [String] = []
    var hasGate = false
    /// Where each key's value stands.
    var places: [String: TextPosition] = [:]
}

struct PlanReader {
    let file: String
    private(set) var problems: [String] = []

    init(file: String) { self.file = file }

    static let topKeys = ["name", "parallel", "into", "keep", "defaults", "tasks"]
    static let taskKeys = [
        "profile", "prompt", "needs", "base", "outputs", "matrix", "best_of", "judge", "check",
        "check-profile", "retries",
        "timeout", "budget", "set", "gate",
    ]
    /// Keys that `defaults` may say for all tasks.
    static let defaultKeys = ["profile", "check-profile", "retries", "timeout", "budget", "set"]
    /// More agents than this are a mistake in a matrix.
    static let mostUnits = 500

    var error: ClocheError {
        let shown = problems.prefix(20).map { "\n    " + $0 }.joined()
        let more = problems.count > 20 ? "\n    and \(problems.count - 20) more" : ""
        return ClocheError(
            .configuration,
            "the plan is not valid",
            why: shown + more,
            remedy: "docs/graphs.md has every key; `cloche graph PLAN` shows a plan without starting anything"
        )
    }

    mutating func problem(_ position: TextPosition, _ text: String) {
        let line = StructuredTextError(file: file, position: position, message: text).description
        if !problems.contains(line) { problems.append(line) }
    }

    /// `; did you mean ...?`, or nothing.
    static func hint(_ word: String, _ known: [String]) -> String {
        let near = Suggestion.nearest(to: word, among: known)
        return near.isEmpty ? "" : "; did you mean " + near.map { "`\($0)`" }.joined(separator: " or ") + "?"
    }

    mutating func plan(_ root: LocatedNode) -> TaskPlan? {
        guard case .map(let entries) = root.value else {
            problem(root.position, "a plan is a map with `tasks`")
            return nil
        }
        refuseUnknown(entries, Self.topKeys, "a plan")
        let stem = file.split(separator: "/").last.map(String.init) ?? ""
        var name = stem.lastIndex(of: ".").map { String(stem[..<$0]) } ?? stem
        if let node = root["name"] { name = text(node, "name") ?? name }
        if !AgentName.isValid(name) {
            problem(
                root["name"]?.position ?? root.position,
                "`\(name)` cannot be a plan's name, which begins its agents' names: letters, digits, `.`, `_`, `-`"
            )
        }
        let parallel = root["parallel"].flatMap { number($0, "parallel", 1...1000) }
        let into = root["into"].flatMap { text($0, "into") } ?? "cloche/" + name
        let keep = root["keep"].flatMap { flag($0, "keep") } ?? false
        let defaults = defaults(root["defaults"])
        guard let tasks = root["tasks"], case .map(let taskEntries) = tasks.value, !taskEntries.isEmpty else {
            problem(root["tasks"]?.position ?? root.position, "`tasks` must be a map with a task or more")
            return nil
        }
        let drafts = taskEntries.map { draft($0, defaults) }
        guard problems.isEmpty else { return nil }
        var expansion = PlanExpansion(name, drafts)
        let planned = expansion.tasks()
        for (position, message) in expansion.problems { problem(position, message) }
        guard let planned else { return nil }
        return TaskPlan(name: name, parallel: parallel, into: into, keep: keep, tasks: planned)
    }

    private mutating func defaults(_ node: LocatedNode?) -> TaskDraft {
        var draft = TaskDraft(name: "", position: TextPosition(line: 1, column: 1))
        guard let node else { return draft }
        guard case .map(let entries) = node.value else {
            problem(node.position, "`defaults` must be a map")
            return draft
        }
        refuseUnknown(entries, Self.defaultKeys, "`defaults`")
        for entry in entries where Self.defaultKeys.contains(entry.key) { take(entry, into: &draft) }
        return draft
    }

    private mutating func draft(_ entry: LocatedNode.Entry, _ defaults: TaskDraft) -> TaskDraft {
        var draft = TaskDraft(name: entry.key, position: entry.keyPosition)
        draft.profile = defaults.profile
        draft.checkProfile = defaults.checkProfile
        draft.retries = defaults.retries
        draft.overrides = defaults.overrides
        if !AgentName.isValid(entry.key) {
            problem(
                entry.keyPosition,
                "`\(entry.key)` cannot be a task's name: letters, digits, `.`, `_`, `-`"
            )
        }
        guard case .map(let keys) = entry.value.value else {
            problem(entry.value.position, "task `\(entry.key)` must be a map with `prompt`")
            return draft
        }
        refuseUnknown(keys, Self.taskKeys, "task `\(entry.key)`")
        for key in keys where Self.taskKeys.contains(key.key) { take(key, into: &draft) }
        if draft.prompt.isEmpty, draft.places["prompt"] == nil {
            problem(entry.keyPosition, "task `\(entry.key)` has no `prompt`")
        }
        if draft.judge != nil, draft.candidates < 2 {
            let place = draft.places["judge"] ?? entry.keyPosition
            problem(place, "`judge` of task `\(entry.key)` has nothing to choose from without `best_of`")
        }
        return draft
    }

    private mutating func take(_ entry: LocatedNode.Entry, into draft: inout TaskDraft) {
        let (key, node) = (entry.key, entry.value)
        draft.places[key] = node.position
        switch key {
        case "profile": draft.profile = text(node, key)
        case "prompt": draft.prompt = text(node, key) ?? ""
        case "needs": draft.needs = texts(node, key)
        case "base": draft.base = text(node, key).map { ($0, node.position) }
        case "outputs": draft.outputs = outputs(node)
        case "matrix": draft.matrix = matrix(node)
        case "best_of": draft.candidates = number(node, key, 1...50) ?? 1
        case "judge": draft.judge = judge(node)
        case "check": draft.check = text(node, key)
        case "check-profile": draft.checkProfile = text(node, key) ?? "shell"
        case "retries": draft.retries = number(node, key, 0...100) ?? 0
        case "timeout":
            if let time = scalar(node, key) { draft.overrides.append("limits.wall-clock=\(time)") }
        case "budget": draft.overrides += settings(node, key).map { "budget." + $0 }
        case "set": draft.overrides += settings(node, key)
        default:
            if text(node, key) == "human" {
                draft.hasGate = true
            } else {
                problem(node.position, "`gate` must be `human`")
            }
        }
    }
}

// MARK: values

extension PlanReader {
    private mutating func refuseUnknown(_ entries: [LocatedNode.Entry], _ known: [String], _ what: String) {
        for entry in entries where !known.contains(entry.key) {
            problem(
                entry.keyPosition,
                "\(what) has no key `\(entry.key)`\(Self.hint(entry.key, known))"
            )
        }
    }

    private mutating func text(_ node: LocatedNode, _ key: String) -> String? {
        if case .scalar(.string(let text), _) = node.value, !text.isEmpty, !text.utf8.contains(0) {
            return text
        }
        problem(node.position, "`\(key)` must be text")
        return nil
    }

    /// Any single value, as it is written.
    private mutating func scalar(_ node: LocatedNode, _ key: String) -> String? {
        if case .scalar(let value, let text) = node.value, value != .null, !text.utf8.contains(0) {
            return text
        }
        problem(node.position, "`\(key)` must be a single value")
        return nil
    }

    private mutating func number(_ node: LocatedNode, _ key: String, _ range: ClosedRange<Int64>) -> Int? {
        if case .scalar(.integer(let value), _) = node.value, range.contains(value) { return Int(value) }
        problem(
            node.position,
            "`\(key)` must be a number from \(range.lowerBound) to \(range.upperBound)"
        )
        return nil
    }

    private mutating func flag(_ node: LocatedNode, _ key: String) -> Bool? {
        if case .scalar(.bool(let value), _) = node.value { return value }
        problem(node.position, "`\(key)` must be true or false")
        return nil
    }

    /// A text, or a list of texts.
    private mutating func texts(_ node: LocatedNode, _ key: String) -> [(String, TextPosition)] {
        guard case .list(let items) = node.value else {
            return text(node, key).map { [($0, node.position)] } ?? []
        }
        return items.compactMap { item in text(item, key).map { ($0, item.position) } }
    }

    private mutating func outputs(_ node: LocatedNode) -> [TaskOutput] {
        guard case .map(let entries) = node.value else {
            problem(node.position, "`outputs` must be a map of names and paths in the result")
            return []
        }
        return entries.compactMap { entry in
            guard let path = text(entry.value, entry.key) else { return nil }
            if entry.key.contains(".") || entry.key.contains("}") {
                problem(entry.keyPosition, "the name of an output has no `.` and no brace: `\(entry.key)`")
            }
            let parts = path.split(separator: "/", omittingEmptySubsequences: false)
            if parts.contains("") || parts.contains(".") || parts.contains("..") {
                problem(
                    entry.value.position,
                    "`\(path)` must be a path below the workspace, such as docs/plan.md"
                )
            }
            return TaskOutput(name: entry.key, path: path)
        }
    }

    private mutating func matrix(_ node: LocatedNode) -> [(key: String, values: [String])] {
        guard case .map(let entries) = node.value, !entries.isEmpty else {
            problem(node.position, "`matrix` must be a map of keys and lists of values")
            return []
        }
        return entries.map { entry in
            guard case .list(let items) = entry.value.value, !items.isEmpty else {
                problem(entry.value.position, "`matrix.\(entry.key)` must be a list of values")
                return (entry.key, [])
            }
            return (entry.key, items.compactMap { scalar($0, "matrix.\(entry.key)") })
        }
    }

    private mutating func judge(_ node: LocatedNode) -> TaskJudge? {
        guard case .map(let entries) = node.value else { return text(node, "judge").map { .command($0) } }
        refuseUnknown(entries, ["profile", "prompt"], "`judge`")
        guard let prompt = node["prompt"] else {
            problem(node.position, "`judge` must be a command line, or a map with `prompt`")
            return nil
        }
        let profile = node["profile"].flatMap { text($0, "judge.profile") }
        return text(prompt, "judge.prompt").map { .agent(profile: profile, prompt: $0) }
    }

    /// `key=value` settings from a map with one level or more, or from a list of such texts.
    private mutating func settings(_ node: LocatedNode, _ key: String) -> [String] {
        switch node.value {
        case .map(let entries):
            return entries.flatMap { entry -> [String] in
                guard case .map = entry.value.value else {
                    return value(entry.value, entry.key).map { ["\(entry.key)=\($0)"] } ?? []
                }
                return settings(entry.value, entry.key).map { entry.key + "." + $0 }
            }
        case .list: return texts(node, key).map(\.0)
        case .scalar:
            problem(node.position, "`\(key)` must be a map of keys and values")
            return []
        }
    }

    private mutating func value(_ node: LocatedNode, _ key: String) -> String? {
        guard case .list(let items) = node.value else { return scalar(node, key) }
        let values = items.compactMap { scalar($0, key) }
        return "[" + values.joined(separator: ", ") + "]"
    }
}

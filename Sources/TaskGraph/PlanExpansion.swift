// From the tasks of a file to those that are done: each combination of a matrix becomes a task, names are resolved, and
// what cannot be done in any order is refused with the way around the circle.

internal import ClocheModel
internal import StructuredText

struct PlanExpansion {
    private let plan: String
    private let drafts: [TaskDraft]
    private(set) var problems: [(TextPosition, String)] = []
    /// The names that each task of the file became.
    private var instances: [String: [String]] = [:]
    private var expanded: [(draft: TaskDraft, name: String, values: [String: String])] = []

    init(_ plan: String, _ drafts: [TaskDraft]) { (self.plan, self.drafts) = (plan, drafts) }

    private mutating func problem(_ position: TextPosition, _ text: String) {
        problems.append((position, text))
    }

    /// Nil when there are problems.
    mutating func tasks() -> [PlannedTask]? {
        expand()
        checkNames()
        guard problems.isEmpty else { return nil }
        var tasks: [PlannedTask] = []
        for one in expanded { tasks.append(task(one.draft, one.name, one.values)) }
        guard problems.isEmpty else { return nil }
        guard let sorted = sorted(tasks) else { return nil }
        checkReferences(sorted)
        return problems.isEmpty ? sorted : nil
    }

    // MARK: matrix

    private mutating func expand() {
        for draft in drafts {
            var combinations: [[(key: String, value: String)]] = [[]]
            for (key, values) in draft.matrix {
                combinations = combinations.flatMap { row in values.map { row + [(key, $0)] } }
                guard combinations.count <= PlanReader.mostUnits else { break }
            }
            for row in combinations.prefix(PlanReader.mostUnits + 1) {
                let name = ([draft.name] + row.map { Self.word($0.value) }).joined(separator: "-")
                instances[draft.name, default: []].append(name)
                expanded.append(
                    (draft, name, Dictionary(uniqueKeysWithValues: row.map { ($0.key, $0.value) }))
                )
            }
        }
        let units = expanded.reduce(0) { $0 + $1.draft.candidates }
        if units > PlanReader.mostUnits, let first = drafts.first {
            problem(
                first.position,
                "the plan has \(units) agents with its matrices; at most \(PlanReader.mostUnits)"
            )
        }
    }

    /// A value as part of a name.
    private static func word(_ value: String) -> String {
        String(
            value.map { character in
                character.isASCII && (character.isLetter || character.isNumber || "._-".contains(character))
                    ? character : "_"
            }
        )
    }

    private mutating func checkNames() {
        var owners: [String: String] = [:]
        for (draft, name, _) in expanded {
            var agents = [name]
            if draft.candidates > 1 {
                agents = (1...draft.candidates).map { "\(name)-\($0)" }
                if case .agent? = draft.judge { agents.append(name + "-judge") }
            }
            for agent in agents {
                if let other = owners[agent] {
                    problem(
                        draft.position,
                        "two agents would be named `\(plan)-\(agent)`: of task `\(draft.name)` and of `\(other)`"
                    )
                }
                owners[agent] = draft.name
                if !AgentName.isValid("\(plan)-\(agent)") {
                    problem(
                        draft.position,
                        "`\(plan)-\(agent)` cannot be an agent's name, which has at most 48 letters, digits, `.`, `_`, `-`"
                    )
                }
            }
        }
    }

    // MARK: one task

    private mutating func task(_ draft: TaskDraft, _ name: String, _ values: [String: String]) -> PlannedTask
    {
        var judge = draft.judge
        switch draft.judge {
        case .command(let line)?: judge = .command(command(line, "judge", draft, values))
        case .agent(let profile, let prompt)?:
            judge = .agent(profile: profile, prompt: filled(prompt, "judge", draft, values))
        case nil: break
        }
        var needs: [String] = []
        for need in draft.needs {
            let text = filled(need.text, "needs", draft, values, at: need.position)
            for one in resolve(text, need.position, draft) where !needs.contains(one) { needs.append(one) }
        }
        return PlannedTask(
            name: name,
            origin: draft.name,
            profile: draft.profile.map { filled($0, "profile", draft, values) },
            prompt: filled(draft.prompt, "prompt", draft, values),
            needs: needs,
            base: base(draft, values),
            outputs: draft.outputs.map {
                TaskOutput(name: $0.name, path: filled($0.path, "outputs", draft, values))
            },
            candidates: draft.candidates,
            judge: judge,
            check: draft.check.map { command($0, "check", draft, values) },
            checkProfile: draft.checkProfile,
            retries: draft.retries,
            overrides: draft.overrides.map { filled($0, "set", draft, values) },
            hasGate: draft.hasGate
        )
    }

    private mutating func filled(
        _ text: String,
        _ key: String,
        _ draft: TaskDraft,
        _ values: [String: String],
        at position: TextPosition? = nil
    ) -> String {
        let template = PromptTemplate(text)
        let place = position ?? draft.places[key] ?? draft.position
        for piece in template.pieces {
            switch piece {
            case .matrix(let name) where values[name] == nil:
                let hint = PlanReader.hint(name, draft.matrix.map(\.key))
                problem(
                    place,
                    "`\(piece.text)` in `\(key)`: the matrix of `\(draft.name)` has no such key\(hint)"
                )
            case .broken(let text):
                problem(place, "`{\(text)}` in `\(key)`: write {tasks.NAME.outputs.OUTPUT} or {matrix.KEY}")
            case .task where key == "prompt" || key == "judge":
                problem(
                    place,
                    "`\(piece.text)` in `\(key)`: name one of its outputs, {tasks.NAME.outputs.OUTPUT}"
                )
            case .output where key != "prompt" && key != "judge":
                problem(place, "`\(piece.text)` in `\(key)`: what another agent wrote goes into prompts only")
            default: break
            }
        }
        return template.filled { piece in
            if case .matrix(let name) = piece { return values[name] }
            return nil
        }
    }

    /// A shell's command line: what an agent wrote must never become a part of it.
    private mutating func command(
        _ text: String,
        _ key: String,
        _ draft: TaskDraft,
        _ values: [String: String]
    ) -> String {
        for piece in PromptTemplate(text).pieces {
            switch piece {
            case .task, .output:
                problem(
                    draft.places[key] ?? draft.position,
                    "`\(piece.text)` in `\(key)`: what an agent wrote is never part of a command; read it as a file"
                )
            default: break
            }
        }
        return filled(text, key == "judge" ? "judge-command" : key, draft, values)
    }

    /// The tasks that a name stands for: itself, or all of a matrix.
    private mutating func resolve(_ text: String, _ position: TextPosition, _ draft: TaskDraft) -> [String] {
        if let all = instances[text] { return all }
        if expanded.contains(where: { $0.name == text }) { return [text] }
        let known = drafts.map(\.name) + expanded.map(\.name).filter { instances[$0] == nil }
        problem(
            position,
            "task `\(draft.name)` needs `\(text)`, which the plan does not have\(PlanReader.hint(text, known))"
        )
        return []
    }

    private mutating func base(_ draft: TaskDraft, _ values: [String: String]) -> TaskBase {
        guard let base = draft.base else { return .needs }
        let text = filled(base.text, "base", draft, values, at: base.position)
        let pieces = PromptTemplate(text).pieces
        guard pieces.count == 1, case .task(let name) = pieces[0] else { return .revision(text) }
        let found = resolve(name, base.position, draft)
        if found.count > 1 {
            problem(
                base.position,
                "`\(name)` is \(found.count) tasks; a base is one, such as {tasks.\(found[0])}"
            )
        }
        return found.count == 1 ? .task(found[0]) : .needs
    }

    // MARK: order

    /// What is needed first; nil with a problem when there is a circle.
    private mutating func sorted(_ tasks: [PlannedTask]) -> [PlannedTask]? {
        let byName = Dictionary(tasks.map { ($0.name, $0) }) { first, _ in first }
        var done: Set<String> = []
        var order: [PlannedTask] = []
        var path: [String] = []
        func visit(_ name: String) -> [String]? {
            if done.contains(name) { return nil }
            if let start = path.firstIndex(of: name) { return Array(path[start...]) + [name] }
            guard let task = byName[name] else { return nil }
            path.append(name)
            for need in task.waitsFor {
                if let circle = visit(need) { return circle }
            }
            path.removeLast()
            done.insert(name)
            order.append(task)
            return nil
        }
        for task in tasks {
            guard let circle = visit(task.name) else { continue }
            let place = expanded.first { $0.name == circle[0] }?.draft
            let position = place.map { $0.places["needs"] ?? $0.position }
            problem(
                position ?? TextPosition(line: 1, column: 1),
                "tasks need each other in a circle: \(circle.joined(separator: " -> "))"
            )
            return nil
        }
        return order
    }

    /// A prompt may quote only what is there for certain when it is written.
    private mutating func checkReferences(_ tasks: [PlannedTask]) {
        var before: [String: Set<String>] = [:]
        for task in tasks {
            before[task.name] = task.waitsFor.reduce(into: []) {
                $0.insert($1)
                $0.formUnion(before[$1] ?? [])
            }
            let place = expanded.first { $0.name == task.name }?.draft
            let position =
                place.map { $0.places["prompt"] ?? $0.position } ?? TextPosition(line: 1, column: 1)
            var texts = [task.prompt]
            if case .agent(_, let prompt)? = task.judge { texts.append(prompt) }
            for case .output(let name, let output) in texts.flatMap({ PromptTemplate($0).pieces }) {
                let quoted = "`{tasks.\(name).outputs.\(output)}`"
                guard let source = tasks.first(where: { $0.name == name }) else {
                    let several = instances[name].map {
                        "; it is \($0.count) tasks: name one, such as `\($0[0])`"
                    }
                    let hint = several ?? PlanReader.hint(name, tasks.map(\.name))
                    problem(position, "\(quoted): the plan has no task `\(name)`\(hint)")
                    continue
                }
                if before[task.name]?.contains(name) != true {
                    problem(
                        position,
                        "\(quoted): task `\(task.name)` does not need `\(name)`, not even through others"
                    )
                }
                let names = source.outputs.map(\.name)
                if !names.contains(output) {
                    let hint = PlanReader.hint(output, names)
                    problem(position, "\(quoted): task `\(name)` has no output `\(output)`\(hint)")
                }
            }
        }
    }
}

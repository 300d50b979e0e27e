// A plan as a picture. As text it is a tree: each task stands below the one of its needs that is done last, and names the
// others; so a line is a task, and the same lines serve the live view. As SVG it is columns with lines between them.

/// A plan, drawn.
package struct GraphDrawing: Sendable {
    /// One task's line in the tree.
    package struct Row: Equatable, Sendable {
        /// The branches of the tree before its name.
        package let rail: String
        /// The task.
        package let task: PlannedTask
        /// What it needs besides the task that it stands below.
        package let alsoNeeds: [String]
    }

    private let plan: TaskPlan
    /// How many tasks are before each on the longest way.
    package let levels: [String: Int]

    /// Prepares to draw a plan.
    package init(_ plan: TaskPlan) {
        self.plan = plan
        var levels: [String: Int] = [:]
        for task in plan.tasks {
            levels[task.name] = (task.waitsFor.compactMap { levels[$0] }.max() ?? -1) + 1
        }
        self.levels = levels
    }

    /// The lines of the tree.
    package var rows: [Row] {
        var children: [String: [PlannedTask]] = [:]
        var roots: [PlannedTask] = []
        for task in plan.tasks {
            if let parent = parent(task) {
                children[parent, default: []].append(task)
            } else {
                roots.append(task)
            }
        }
        var rows: [Row] = []
        // Its own stack: a chain of hundreds of tasks is as deep.
        var stack = roots.reversed().map { (task: $0, rail: "", below: "") }
        while let (task, rail, below) = stack.popLast() {
            let parent = parent(task)
            rows.append(Row(rail: rail, task: task, alsoNeeds: task.waitsFor.filter { $0 != parent }))
            let all = children[task.name] ?? []
            for (index, child) in all.enumerated().reversed() {
                let isLast = index == all.count - 1
                stack.append((child, below + (isLast ? "└─ " : "├─ "), below + (isLast ? "   " : "│  ")))
            }
        }
        return rows
    }

    private func parent(_ task: PlannedTask) -> String? {
        task.waitsFor.max { (levels[$0] ?? 0) < (levels[$1] ?? 0) }
    }

    /// What is special about a task, in words: candidates, check, gate.
    package static func remarks(_ task: PlannedTask) -> [String] {
        var words: [String] = []
        if task.hasGate { words.append("after a person's yes") }
        if task.candidates > 1 { words.append("best of \(task.candidates)") }
        if task.check != nil { words.append("checked") }
        if task.retries > 0 { words.append("\(task.retries) \(task.retries == 1 ? "retry" : "retries")") }
        switch task.base {
        case .needs: break
        case .revision(let name): words.append("from \(name)")
        case .task(let name): words.append("on \(name)")
        }
        return words
    }

    /// The drawing as lines of at most so many characters.
    package func lines(width: Int = 80) -> [String] {
        let depth = (levels.values.max() ?? -1) + 1
        let count = plan.tasks.count
        let agents = plan.tasks.reduce(0) { $0 + $1.candidates }
        var head =
            "\(plan.name): \(count) task\(count == 1 ? "" : "s"), \(agents) agent\(agents == 1 ? "" : "s")"
        head += ", \(depth) level\(depth == 1 ? "" : "s"), into \(plan.into)"
        let rows = rows
        let room = max(20, width / 2)
        let column = min(room, (rows.map { $0.rail.count + $0.task.name.count }.max() ?? 0)) + 2
        return [String(head.prefix(width)), ""]
            + rows.map { row in
                var words = Self.remarks(row.task)
                if !row.alsoNeeds.isEmpty {
                    words.insert("+ " + row.alsoNeeds.joined(separator: ", "), at: 0)
                }
                let name = row.rail + row.task.name
                let gap = String(repeating: " ", count: max(2, column - name.count))
                return Self.shortened(
                    words.isEmpty ? name : name + gap + words.joined(separator: "; "),
                    width
                )
            }
    }

    /// A line that ends with dots where it would be too long.
    package static func shortened(_ line: String, _ width: Int) -> String {
        line.count <= width ? line : String(line.prefix(max(0, width - 1))) + "…"
    }
}

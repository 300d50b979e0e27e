// A plan as SVG: a column for each level, a box for each task, a curve for each need. No script, no font of its own.

extension GraphDrawing {
    private static let box = (width: 190, height: 44, across: 60, down: 16, margin: 16)

    /// The drawing as a document of its own.
    package func svg(of plan: TaskPlan) -> String {
        var places: [String: (x: Int, y: Int)] = [:]
        var used: [Int: Int] = [:]
        let size = Self.box
        for task in plan.tasks {
            let level = levels[task.name] ?? 0
            let row = used[level, default: 0]
            used[level] = row + 1
            places[task.name] = (
                size.margin + level * (size.width + size.across),
                size.margin + row * (size.height + size.down)
            )
        }
        let columns = (levels.values.max() ?? 0) + 1
        let width = 2 * size.margin + columns * size.width + (columns - 1) * size.across
        let rows = used.values.max() ?? 1
        let height = 2 * size.margin + rows * size.height + (rows - 1) * size.down
        var parts = [
            """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(height)" \
            viewBox="0 0 \(width) \(height)" font-family="sans-serif" font-size="13">
            """,
            "<title>\(Self.escaped(plan.name))</title>",
            #"<rect width="100%" height="100%" fill="white"/>"#,
        ]
        for task in plan.tasks {
            guard let end = places[task.name] else { continue }
            for start in task.waitsFor.compactMap({ places[$0] }) {
                let (x1, y1) = (start.x + size.width, start.y + size.height / 2)
                let (x2, y2) = (end.x, end.y + size.height / 2)
                let middle = (x1 + x2) / 2
                parts.append(
                    #"<path d="M\#(x1) \#(y1) C\#(middle) \#(y1) \#(middle) \#(y2) \#(x2) \#(y2)" "#
                        + #"fill="none" stroke="slategray" stroke-width="1.5"/>"#
                )
            }
        }
        for task in plan.tasks {
            guard let place = places[task.name] else { continue }
            parts += Self.drawn(task, place.x, place.y)
        }
        return (parts + ["</svg>", ""]).joined(separator: "\n")
    }

    private static func drawn(_ task: PlannedTask, _ x: Int, _ y: Int) -> [String] {
        let fill = task.hasGate ? "cornsilk" : "aliceblue"
        let remarks = remarks(task).joined(separator: "; ")
        return [
            #"<rect x="\#(x)" y="\#(y)" width="\#(box.width)" height="\#(box.height)" rx="6" fill="\#(fill)" "#
                + #"stroke="dimgray"/>"#,
            #"<text x="\#(x + 10)" y="\#(y + 18)" font-weight="bold">\#(escaped(shortened(task.name, 24)))</text>"#,
            #"<text x="\#(x + 10)" y="\#(y + 35)" font-size="11" fill="dimgray">"#
                + escaped(shortened(remarks, 32)) + "</text>",
        ]
    }

    private static func escaped(_ text: String) -> String {
        text.map { character in
            switch character {
            case "<": "&lt;"
            case ">": "&gt;"
            case "&": "&amp;"
            case "\"": "&quot;"
            default: String(character)
            }
        }.joined()
    }
}

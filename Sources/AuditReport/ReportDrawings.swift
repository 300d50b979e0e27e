// The sections of a report that are drawn: the timeline of each run, the tree of programs, the curves. Pictures are SVG
// with whole numbers, so that the same log gives the same bytes on every machine.

internal import ClocheModel

extension ReportPage {
    // MARK: Timeline

    var timeline: Section? {
        let runs = report.shownRuns
        var body: HTML = ""
        if report.runs.left > 0 { body += left("\(report.runs.left) earlier runs are not drawn.") }
        for run in runs { body += picture(run) }
        body += moments
        return Section("timeline", "Timeline", body)
    }

    private func picture(_ run: Run) -> HTML {
        let used = Lane.allCases.filter { !run.lanes[$0.rawValue].counts.isEmpty }
        let goesOn = isRunning(run)
        let length = max(0, (goesOn ? max(run.endedAt, report.subject.made) : run.endedAt) - run.beganAt)
        var width = used.map { run.lanes[$0.rawValue].width }.max() ?? 50
        while length / width >= Int64(Slots.most) { width *= 2 }
        let slots = max(60, Int(length / width) + 1)
        let lanes = used.map { lane -> HTML in
            var counted = run.lanes[lane.rawValue]
            counted.widen(to: width)
            return """
                <div class="lane"><span>\(lane.title)</span>\
                <svg class="l\(lane.rawValue)" viewBox="0 0 \(slots) 20" preserveAspectRatio="none" \
                role="img" aria-label="\(label(lane, counted, run))">\
                <rect class="back" width="\(slots)" height="20"/>\(bars(counted, run))</svg></div>

                """
        }
        let end = run.beganAt + Int64(slots) * width
        let axis: HTML = """
            <div class="axis"><span>\(Timestamp.timeOfDay(run.beganAt))</span>\
            <span>\(Timestamp.timeOfDay((run.beganAt + end) / 2))</span>\
            <span>\(Timestamp.timeOfDay(end)) UTC</span></div>
            """
        return """
            <figure class="run"><figcaption><b>Run \(run.number)</b> <time>\(shown(run.began)) UTC</time> \
            \(fate(run, length))</figcaption>
            \(HTML.all(lanes))\(HTML.when(!used.isEmpty, axis))</figure>

            """
    }

    /// Whether it is under way: of an earlier one, or of an agent that was lost, the end is not on record.
    private func isRunning(_ run: Run) -> Bool {
        run.ended == nil && report.subject.state.isSupervised && run.number == report.run?.number
    }

    /// How long a run took, and how it ended.
    private func fate(_ run: Run, _ length: Int64) -> HTML {
        let took = length < 1000 ? "\(length) ms" : Amount.duration(length / 1000)
        if isRunning(run) { return "<span>running for \(took)</span>" }
        let code: HTML = run.exitCode.map { ", exit code \($0)" } ?? ""
        let end: HTML = run.reason.map { "\(verdict($0))\(code)" } ?? "its end is not on record"
        return "<span>\(took)</span> <span>\(end)</span>"
    }

    /// The bars of a lane for whoever does not see them.
    private func label(_ lane: Lane, _ slots: Slots, _ run: Run) -> HTML {
        let bars = slots.counts.enumerated().filter { $0.element > 0 }
        let told = bars.prefix(Self.mostTold).map { number, count -> HTML in
            "\(Timestamp.timeOfDay(run.beganAt + Int64(number) * slots.width)): \(count)"
        }
        let rest: HTML = bars.count > told.count ? ", and \(bars.count - told.count) more bars" : ""
        return "\(lane.title), counts by time in UTC: \(HTML.all(told, by: ", "))\(rest)"
    }

    /// So many bars are read out.
    private static var mostTold: Int { 40 }

    private func bars(_ slots: Slots, _ run: Run) -> HTML {
        let most = max(1, Self.logarithm(slots.counts.max() ?? 1))
        let bars = slots.counts.enumerated().filter { $0.element > 0 }.map { number, count -> HTML in
            // One is to be seen beside a thousand.
            let height = most == 1 ? 14 : 6 + 14 * Self.logarithm(count) / most
            let begin = run.beganAt + Int64(number) * slots.width
            return """
                <rect x="\(number)" y="\(20 - height)" width="1" height="\(height)">\
                <title>\(Timestamp.timeOfDay(begin)): \(count)</title></rect>
                """
        }
        return HTML.all(bars)
    }

    /// The logarithm to the base of 2 in thirty-seconds, in whole numbers.
    private static func logarithm(_ count: Int) -> Int {
        let bits = Int.bitWidth - 1 - max(1, count).leadingZeroBitCount
        let rest = bits >= 5 ? (count >> (bits - 5)) - 32 : (max(1, count) << (5 - bits)) - 32
        return bits * 32 + rest
    }

    private var moments: HTML {
        let moments = report.moments
        guard moments.count > 0 else { return "" }
        func list(_ moments: [(time: String, words: EventWords)]) -> HTML {
            HTML.all(
                moments.map { time, words in
                    """
                    <li><time>\(shown(time))</time> <b>\(words.name)</b> \
                    <span>\(verdict(words.verdict))\(HTML.when(!words.verdict.isEmpty, " "))\
                    \(words.text, limit: 1500)</span></li>

                    """
                }
            )
        }
        let gap: HTML =
            moments.left > 0 ? "<li class=\"left\">\(moments.left) events in between are left out</li>\n" : ""
        return "<ol class=\"moments\">\n\(list(moments.first))\(gap)\(list(moments.last))</ol>\n"
    }

    // MARK: Programs

    /// Deeper than this nothing is indented, and a browser would not nest much more.
    private static var mostDepth: Int { 24 }

    var processes: Section? {
        let tree = report.processes
        guard tree.starts + tree.missing > 0 else { return nil }
        enum Step {
            case node(Int, depth: Int)
            case close(HTML)
        }
        var body: HTML = "<ul class=\"tree\">\n"
        // With a stack of its own: how deep the tree is, the agent chooses.
        var steps: [Step] = tree.roots.reversed().map { Step.node($0, depth: 0) }
        while let step = steps.popLast() {
            switch step {
            case .close(let tags): body += tags
            case .node(let number, let depth):
                let node = tree.nodes[number]
                let isNested = !node.children.isEmpty && depth < Self.mostDepth
                let next = isNested ? depth + 1 : depth
                if isNested {
                    let open: HTML = depth < 3 ? " open" : ""
                    body += "<li><details\(open)><summary>\(line(node))</summary><ul>\n"
                    steps.append(.close("</ul></details></li>\n"))
                } else {
                    body += "<li>\(line(node))</li>\n"
                }
                steps += node.children.reversed().map { Step.node($0, depth: next) }
            }
        }
        body += "</ul>\n"
        if tree.missing > 0 {
            body += left("\(tree.missing) times a program was asked for that is not there.")
        }
        if report.uncounted > 0 {
            body += left("\(report.uncounted) more starts were counted and not told one by one.")
        }
        if tree.left > 0 {
            body += left("\(tree.left) more starts, of commands that are not above, are left out.")
        }
        return Section("programs", "Programs", body)
    }

    private func line(_ node: ProcessNode) -> HTML {
        var marks: [HTML] = []
        let same = node.count - node.counted
        if same > 1 { marks.append("<b class=\"count\">×\(Amount.count(Int64(same)))</b>") }
        if node.counted > 0 {
            let others = ProgramStart.others(node.counted, of: node.program)
            marks.append("<span class=\"count\">\(others, limit: 500)</span>")
        }
        if node.isReplacement { marks.append("<small>in its place</small>") }
        if let code = node.exitCode {
            let times: HTML = node.failures > 1 ? " and others, \(node.failures) times" : ""
            marks.append("<span class=\"verdict warn\">exit code \(code)\(times)</span>")
        }
        let pids =
            node.pids.map(String.init).joined(separator: ", ")
            + (node.count > node.pids.count && !node.pids.isEmpty ? " …" : "")
        let directory: HTML = node.directory.isEmpty ? "" : " · \(node.directory, limit: 200)"
        // The program is told where the command does not begin with its name.
        let isPlain = node.program.isEmpty || node.command.hasPrefix(node.program)
        let program: HTML = isPlain ? "" : " · \(node.program, limit: 300)"
        return """
            <code>\(node.command.isEmpty ? node.program : node.command, limit: 600)</code> \(HTML.all(marks, by: " ")) \
            <small>\(pids.isEmpty ? "" : "pid \(pids) · " as HTML)\(shown(node.firstTime))\(program)\(directory)</small>
            """
    }

    // MARK: Curves

    var curves: Section? {
        let samples = report.samples
        let times = samples.points.map(\.time)
        guard let first = times.min(), let last = times.max(), last > first else { return nil }
        var body: HTML = ""
        for series in Samples.series {
            let points = samples.curve(
                series.key,
                isRate: series.isRate,
                perSecond: series.unit == .millicores ? 1 : 1000
            )
            let most = points.map(\.value).max() ?? 0
            guard points.count > 1, most > 0 else { continue }
            let places = points.map { point in
                let x = (point.time - first) * 600 / (last - first)
                return (x, 100 - Int64(Double(point.value) / Double(most) * 96))
            }
            let line = places.map { "\($0.0),\($0.1)" }.joined(separator: " ")
            let area = "\(places[0].0),100 \(line) \(places[places.count - 1].0),100"
            body += """
                <figure class="curve"><figcaption>\(series.title) <span>at most \(Amount.text(most, series.unit))</span></figcaption>
                <svg viewBox="0 0 600 100" preserveAspectRatio="none" role="img" \
                aria-label="\(series.title), at most \(Amount.text(most, series.unit))">\
                <polygon points="\(area)"/>\
                <polyline points="\(line)"/></svg>
                <div class="axis"><span>\(Timestamp.timeOfDay(first))</span>\
                <span>\(Timestamp.timeOfDay(last)) UTC</span></div></figure>

                """
        }
        return Section("resources", "Resources", body.isEmpty ? nil : "<div class=\"curves\">\(body)</div>\n")
    }
}

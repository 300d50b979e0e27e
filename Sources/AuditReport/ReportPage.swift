// The page as a whole: head, what the agent is and how it ended, the numbers, and the sections in their order.

internal import ClocheModel

/// A report as a page.
struct ReportPage {
    let report: AuditReport

    private var subject: ReportSubject { report.subject }
    private var record: AgentRecord { subject.record }

    var html: HTML {
        let sections = [
            timeline, denials, connections, processes, files, curves, policy, raw,
        ].compactMap(\.self)
        let links = HTML.all(sections.map { "<a href=\"#\($0.id)\">\($0.title)</a>" })
        let bodies = HTML.all(
            sections.map { "<section id=\"\($0.id)\"><h2>\($0.title)</h2>\n\($0.body)</section>\n" }
        )
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="\(ReportStyle.policy)">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="referrer" content="no-referrer">
            <meta name="robots" content="noindex">
            <title>\(record.name) – audit report</title>
            <style>\(ReportStyle.sheet)</style>
            </head>
            <body>
            \(header)
            \(tiles)
            <nav>\(links)</nav>
            <main>
            \(bodies)</main>
            <footer>Made \(Timestamp.short(subject.made)) UTC by cloche \(subject.version). All times are UTC. \
            Names, paths and commands are the agent's words; characters that could hide or reorder text stand as \
            <code>\\u{202E}</code>.</footer>
            </body>
            </html>

            """
    }

    /// A part of the page; nil where there is nothing to say.
    struct Section {
        let id: HTML
        let title: HTML
        let body: HTML

        init?(_ id: HTML, _ title: HTML, _ body: HTML?) {
            guard let body, !body.isEmpty else { return nil }
            (self.id, self.title, self.body) = (id, title, body)
        }
    }

    // MARK: The head

    private var header: HTML {
        let isBad = subject.state == .failed || subject.state == .lost
        let look: HTML = isBad ? "bad" : subject.state.isSupervised ? "live" : "calm"
        return """
            <header>
            <p class="kind">Audit report · all times are UTC</p>
            <h1>\(record.name) <span class="state \(look)">\(subject.state.rawValue)</span></h1>
            \(HTML.when(!record.task.isEmpty, "<p class=\"task\">\(record.task, limit: 600)</p>"))
            <dl class="facts">
            \(HTML.all(facts.map { "<div><dt>\($0.0)</dt><dd>\($0.1)</dd></div>" }, by: "\n"))
            </dl>
            </header>
            """
    }

    private var facts: [(HTML, HTML)] {
        var facts: [(HTML, HTML)] = [
            ("Profile", "\(record.profile)"), ("Project", "<code>\(record.project)</code>"),
            ("Workspace", workspace),
            ("Made", "\(Timestamp.short(record.created)) UTC"),
        ]
        if let started = record.started {
            let times: HTML = record.starts > 1 ? ", start \(record.starts)" : ""
            facts.append(("Last started", "\(Timestamp.short(started)) UTC\(times)"))
        }
        if let ended = record.ended {
            let took: HTML =
                record.started.map { " after \(Amount.duration(max(0, ended - $0) / 1000))" } ?? ""
            facts.append(("Ended", "\(Timestamp.short(ended)) UTC\(took)"))
        }
        if let reason = record.endReason {
            let code: HTML = record.exitCode.map { ", exit code \($0)" } ?? ""
            facts.append(("End", "The agent \(reason.text)\(code)"))
        }
        if let failure = record.failure { facts.append(("Failure", "\(failure)")) }
        facts.append(("Records", recordSpan))
        if let id = report.logID {
            let sequence: HTML = report.lastSequence.map { ", up to record \($0)" } ?? ""
            facts.append(("Log", "<code>\(id)</code>\(sequence)"))
        }
        if let hash = report.policyHash {
            facts.append(("Policy of the last start", "<code>\(hash, limit: 80)</code>"))
        }
        if report.isChained {
            facts.append(("Unaltered?", "<code>cloche audit verify \(record.name)</code>"))
        }
        return facts
    }

    private var recordSpan: HTML {
        guard let first = report.firstTime, let last = report.lastTime else { return "none" }
        let torn: HTML =
            report.unreadable == 0
            ? "" : "; <strong class=\"bad\">\(report.unreadable) lines could not be read</strong>"
        return "\(Amount.count(Int64(report.count))), \(shown(first)) to \(shown(last)) UTC\(torn)"
    }

    private var workspace: HTML {
        switch record.workspace {
        case .worktree(_, let branch, let base):
            "branch <code>\(branch)</code>\(base.isEmpty ? "" : " from <code>\(String(base.prefix(12)))</code>" as HTML)"
        case .directory(let path): "directory <code>\(path)</code>"
        case .empty: "its own, empty at first"
        }
    }

    private var tiles: HTML {
        let files = report.files.values.count + report.files.left
        let hosts = report.hosts.values.count
        let tiles: [(HTML, String, HTML)] = [
            ("Runs", Amount.count(Int64(report.runs.count + (report.run == nil ? 0 : 1))), ""),
            ("Programs started", Amount.count(Int64(report.processes.starts)), ""),
            ("Connections made", Amount.count(Int64(report.connections)), ""),
            ("Hosts asked for", Amount.count(Int64(hosts)) + (report.hosts.left > 0 ? "+" : ""), ""),
            ("Sent", EventWords.bytes(report.sent), ""), ("Received", EventWords.bytes(report.received), ""),
            ("Denied", Amount.count(report.denied), report.denied > 0 ? "bad" : ""),
            ("Files changed", Amount.count(Int64(files)), ""),
        ]
        let shown = tiles.filter { $0.1 != "0" && $0.1 != "0 B" }
        return """
            <dl class="tiles">
            \(HTML.all(shown.map { "<div\(look($0.2))><dt>\($0.0)</dt><dd>\($0.1)</dd></div>" }, by: "\n"))
            </dl>
            """
    }

    // MARK: Parts that several sections use

    /// `2026-11-21 10:00:05` of a time as the log has it; what is no time stands as it is.
    func shown(_ time: String) -> HTML { "\(Timestamp.parse(time).map(Timestamp.short) ?? time, limit: 40)" }

    /// A table whose rows become blocks on a narrow screen, with the heading before each cell.
    func table(_ classes: HTML, _ heads: [(title: HTML, look: HTML)], _ rows: [[HTML]]) -> HTML {
        let head = HTML.all(heads.map { "<th\(look($0.look))>\($0.title)</th>" })
        let body = HTML.all(
            rows.map { row in
                let cells = zip(heads, row).map { head, cell -> HTML in
                    let none: HTML = cell.isEmpty ? (head.look.isEmpty ? "none" : " none") : ""
                    return "<td\(look(head.look + none)) data-l=\"\(head.title)\">\(cell)</td>"
                }
                return "<tr>\(HTML.all(cells))</tr>\n"
            }
        )
        return """
            <table class="\(classes)"><thead><tr>\(head)</tr></thead><tbody>
            \(body)</tbody></table>

            """
    }

    /// The attribute of these classes; nothing where there are none.
    private func look(_ classes: HTML) -> HTML { classes.isEmpty ? "" : " class=\"\(classes)\"" }

    /// A sentence on what is left out.
    func left(_ text: HTML) -> HTML { "<p class=\"left\">\(text)</p>\n" }

    /// A verdict with its colour.
    func verdict(_ word: String) -> HTML {
        if word.isEmpty { return "" }
        let isBad = word.contains("refused") || word.contains("denied")
        let isMixed = word.contains("allowed") && word != "allowed"
        let isWarning = isMixed || word.contains("failed")
        let look: HTML = isWarning ? "warn" : isBad ? "bad" : word == "allowed" ? "good" : "calm"
        return "<span class=\"verdict \(look)\">\(word, limit: 60)</span>"
    }
}

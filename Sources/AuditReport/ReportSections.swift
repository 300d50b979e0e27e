// The sections of a report that are tables and lists.

internal import ClocheModel

extension ReportPage {
    // MARK: Denied

    var denials: Section? {
        let shown = report.denials.suffix(200).reversed().map(row) + calls
        var body: HTML = ""
        if !shown.isEmpty {
            body = table(
                "denials",
                [
                    ("What was denied", ""), ("Why", ""), ("What would allow it", ""), ("Times", "n"),
                    ("Last (UTC)", "t"),
                ],
                shown
            )
        }
        let hidden = max(0, report.denials.count - 200) + report.denialsLeft
        if hidden > 0 {
            body += left(
                "\(hidden) earlier kinds of refusals are left out; <code>cloche audit \(report.subject.record.name) --denied</code> has all."
            )
        }
        if report.calls.left > 0 {
            body += left(
                "\(report.calls.left) more records of denied system calls, of other programs, are left out."
            )
        }
        if report.uncountedCalls > 0 {
            body += left(
                "\(report.uncountedCalls) more denied calls, of too many kinds to tell, are only counted."
            )
        }
        if report.untold > 0 {
            body += left(
                "\(report.untold) more events of the network came too fast to be recorded one by one."
            )
        }
        return Section("denied", "Denied", body)
    }

    private func row(_ denial: ReportedDenial) -> [HTML] {
        let rule: HTML = denial.rule.map { "<small>rule <code>\($0, limit: 300)</code></small>" } ?? ""
        var remedy: [HTML] = []
        if let line = denial.line {
            // With `+`, since a list alone would take the place of all others.
            remedy.append("<code class=\"fix\">network: {allow+: [\(line, limit: 400)]}</code>")
        }
        if let command = denial.command {
            remedy.append(
                denial.line == nil
                    ? "\(command, limit: 600)" : "<small><code>\(command, limit: 600)</code></small>"
            )
        }
        return [
            "\(denial.what, limit: 400)", "\(denial.why, limit: 600)\(rule)",
            HTML.all(remedy), "\(denial.count)", shown(denial.last),
        ]
    }

    private var calls: [[HTML]] {
        let table = report.calls
        let all = zip(table.keys, table.values).sorted { ($0.1.count, $1.0.call) > ($1.1.count, $0.0.call) }
        return all.prefix(200).map { key, call in
            let by: HTML =
                key.program.isEmpty ? "" : "<small>by <code>\(key.program, limit: 60)</code></small>"
            let answer: HTML =
                key.answer.isEmpty ? "" : "<small>answered <code>\(key.answer, limit: 40)</code></small>"
            let reason = report.callReasons[key.call]
            let lines = call.suggestion.map { [$0] } ?? reason?.lines ?? []
            return [
                "the system call <code>\(key.call, limit: 60)</code>\(by)",
                "\(key.why.isEmpty ? reason?.why ?? "" : key.why, limit: 600)\(answer)", fix(lines),
                "\(call.count)", shown(call.lastTime),
            ]
        }
    }

    /// What would allow a system call, as a profile takes it.
    private func fix(_ lines: [String]) -> HTML {
        if lines.isEmpty { return "nothing that is recommended" }
        let code = lines.map { "<code class=\"fix\">\($0, limit: 400)</code>" as HTML }
        return """
            \(HTML.all(code))<small>a running agent's calls are fixed: write it into a profile and start \
            an agent with it</small>
            """
    }

    // MARK: Connections

    private static var mostHosts: Int { 250 }

    var connections: Section? {
        let table = report.hosts
        let all = zip(table.keys, table.values).sorted { Self.weight($0.1, $0.0) > Self.weight($1.1, $1.0) }
        let most = max(1, all.map(\.1.bytes).max() ?? 1)
        var body: HTML = ""
        if !all.isEmpty {
            body = self.table(
                "hosts",
                [
                    ("Host", ""), ("Ports", ""), ("Verdict", ""), ("Times", "n"), ("Sent", "n"),
                    ("Received", "n"), ("Share", "bar"), ("Programs", ""), ("Last (UTC)", "t"),
                ],
                all.prefix(Self.mostHosts).map { row($0, $1, most) }
            )
        }
        if all.count > Self.mostHosts {
            body += left("\(all.count - Self.mostHosts) more hosts are left out.")
        }
        if table.left > 0 { body += left("\(table.left) records are of still other hosts.") }
        body += withoutNetwork
        let names = report.names
        if !names.values.isEmpty {
            let asked = zip(names.keys, names.values).prefix(200).map { name, count -> HTML in
                count == 1 ? "<code>\(name)</code>" : "<code>\(name)</code> <small>×\(count)</small>"
            }
            let hidden = names.values.count - asked.count + names.left
            let rest: HTML = hidden > 0 ? ", and \(hidden) more" : ""
            body +=
                "<details><summary>\(names.values.count) names were looked up</summary><p class=\"names\">"
            body += "\(HTML.all(asked, by: ", "))\(rest)</p></details>\n"
        }
        return Section("connections", "Connections", body)
    }

    /// Why there is nothing of a network on record, where there was none.
    private var withoutNetwork: HTML {
        let starts = report.runs.count + (report.run == nil ? 0 : 1)
        let without = report.startsWithoutNetwork
        if without == 0 { return "" }
        if without == starts {
            return left("The agent had no network; attempts to connect are not recorded.")
        }
        return left(
            "In \(without) of \(starts) runs it had no network; attempts to connect are not recorded then."
        )
    }

    /// Most bytes first, then most often.
    private static func weight(_ host: HostTraffic, _ name: String) -> (Int64, Int, String) {
        (host.bytes, host.allowed + host.refused + host.failed, name)
    }

    private func row(_ name: String, _ host: HostTraffic, _ most: Int64) -> [HTML] {
        let addresses = host.addresses.filter { $0 != name }
        let below: HTML =
            addresses.isEmpty ? "" : "<small>\(addresses.prefix(4).joined(separator: ", "))</small>"
        let ports = host.ports.map(String.init).joined(separator: ", ")
        let programs = host.programs.prefix(4).map { "<code>\($0, limit: 40)</code>" as HTML }
        let width = Int(Double(host.bytes) / Double(most) * 100)
        let bar: HTML = """
            <svg viewBox="0 0 100 8" preserveAspectRatio="none" role="img"><title>\(width) % of the most</title>\
            <rect class="back" width="100" height="8"/><rect class="fill" width="\(width)" height="8"/></svg>
            """
        return [
            "<b>\(name, limit: 260)</b>\(below)", "\(ports)", verdict(host.verdict),
            "\(host.allowed + host.refused + host.failed)",
            host.sent == 0 ? "" : "\(EventWords.bytes(host.sent))",
            host.received == 0 ? "" : "\(EventWords.bytes(host.received))", host.bytes == 0 ? "" : bar,
            HTML.all(programs, by: " "), shown(host.lastTime),
        ]
    }

    // MARK: Files

    var files: Section? {
        let table = report.files
        let all = zip(table.keys, table.values).sorted { $0.0 < $1.0 }
        guard !all.isEmpty else { return nil }
        let rows = all.prefix(600).map { path, file -> [HTML] in
            [
                "<code>\(path, limit: 400)</code>", "\(file.changes.joined(separator: ", "), limit: 80)",
                "\(file.count)", shown(file.lastTime),
            ]
        }
        var body = self.table(
            "files",
            [("Path", ""), ("What", ""), ("Times", "n"), ("Last (UTC)", "t")],
            rows
        )
        let hidden = all.count - rows.count
        if hidden > 0 { body += left("\(hidden) more paths are left out.") }
        if table.left > 0 { body += left("\(table.left) records are of still other paths.") }
        if report.filesUntold > 0 { body += left("\(report.filesUntold) more changes are only counted.") }
        if report.filesCut { body += left("Not everything was looked at, because there was too much.") }
        return Section("files", "Files changed", body)
    }

    // MARK: The policy

    var policy: Section? {
        let rules = report.subject.rules
        var body: HTML = ""
        if !rules.isEmpty {
            body += table(
                "rules",
                [("Network", ""), ("Rule", ""), ("Written in", "")],
                rules.map {
                    ["\($0.key)", "<code>\($0.value, limit: 600)</code>", "<small>\($0.origin)</small>"]
                }
            )
        }
        let settings = report.subject.settings
        if !settings.isEmpty {
            let rows = settings.map { setting -> [HTML] in
                ["<code>\(setting.key, limit: 200)</code>", "\(setting.value, limit: 1000)"]
            }
            body += "<details><summary>All \(settings.count) values of the profile</summary>\n"
            body += table("settings", [("Key", ""), ("Value", "")], rows)
            body += "</details>\n"
        }
        return Section("policy", "Policy in force", body)
    }

    // MARK: Records

    var raw: Section? {
        let kept = report.raw.kept
        guard !kept.isEmpty else { return nil }
        let kinds = zip(report.kinds.keys, report.kinds.values).sorted { ($0.1, $1.0) > ($1.1, $0.0) }
        let counted = kinds.map { "<span><b>\($0.1)</b> \($0.0, limit: 60)</span>" as HTML }
        let hidden = report.count - kept.count
        let note: HTML =
            hidden == 0
            ? "All \(report.count) records"
            : "The last \(kept.count) of \(report.count) records; \(hidden) earlier ones are left out"
        var body: HTML = "<p class=\"kinds\">\(HTML.all(counted, by: " "))</p>\n"
        body += "<details><summary>\(note)</summary><pre>"
        for line in kept { body += "\(line, limit: 4000)\n" }
        body += "</pre></details>\n"
        return Section("records", "Records", body)
    }
}

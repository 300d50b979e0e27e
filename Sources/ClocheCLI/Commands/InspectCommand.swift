// inspect: what confines a running agent.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import TerminalText

enum InspectCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let name = context.command.required("name")
        let report = try context.project.inspect(name)
        let holds = report["holds"]?.bool ?? false
        let exports = try context.project.auditExports(of: name)
        if context.command.flag("json") {
            var shown = report
            // What `ports` alone needs.
            for key in ["init", "own-sockets"] { shown["network"]?[key] = nil }
            if !exports.isEmpty { shown["exports"] = .list(exports) }
            context.output.json(shown)
        } else {
            tell(name, report, exports, context)
        }
        return holds ? ExitCode.success : ExitCode.negative
    }

    private static func tell(_ name: String, _ report: Document, _ exports: [Document], _ context: Context) {
        let mechanisms = (report["mechanisms"]?.entries ?? []).map { entry in
            [entry.key, entry.value["state"]?.string ?? "", entry.value["detail"]?.string ?? ""]
        }
        context.output.table(mechanisms, header: ["MECHANISM", "STATE", "DETAIL"])
        let checks = report["checks"]?.list ?? []
        let shown = checks.filter { context.command.flag("all") || $0["holds"]?.bool != true }
        if !shown.isEmpty {
            context.output.line()
            context.output.table(shown.map(row), header: ["CHECKED", "PLANNED", "FOUND", ""])
        }
        if let network = report["network"].flatMap(NetworkReport.init(document:)) {
            context.output.line()
            for (index, line) in NetworkText.lines(network).enumerated() {
                context.output.line((index == 0 ? "network  " : "         ") + line)
            }
        }
        if let hosts = report["intercepts"]?["hosts"]?.stringList {
            let fingerprint = report["intercepts"]?["fingerprint"]?.string ?? ""
            context.output.line()
            context.output.line("intercepts  TLS to \(visible(hosts.joined(separator: ", "), limit: 600))")
            context.output.line(
                "            by an authority of its own, SHA-256 \(visible(fingerprint, limit: 80))"
            )
        }
        let limits = (report["limits"]?.list ?? []).compactMap(LimitState.init(document:)).map { limit in
            [
                limit.name.rawValue, Amount.text(limit.value, limit.unit),
                limit.used.map { Amount.text($0, limit.unit) } ?? "-", limit.holder.rawValue,
            ]
        }
        if !limits.isEmpty {
            context.output.line()
            context.output.table(limits, header: ["LIMIT", "VALUE", "USED", "HELD BY"])
        }
        if !exports.isEmpty {
            context.output.line()
            context.output.table(exports.map(export), header: ["AUDIT LOG TO", "RECORDS", "PROBLEM"])
        }
        let differing = checks.filter { $0["holds"]?.bool != true }.count
        context.output.line()
        context.output.line(
            differing == 0
                ? "\(checks.count) checks: \(name) is confined as planned"
                : context.output.styled("\(differing) of \(checks.count) checks differ from the plan", .bold)
        )
    }

    private static func export(_ position: Document) -> [String] {
        [
            visible(position["to"]?.string ?? "", limit: 200), "up to \(position["seq"]?.integer ?? 0)",
            visible(position["problem"]?.string ?? "", limit: 300),
        ]
    }

    private static func row(_ check: Document) -> [String] {
        ["subject", "planned", "found"].map { visible(check[$0]?.string ?? "", limit: 300) }
            + [check["holds"]?.bool == true ? "" : "DIFFERS"]
    }
}

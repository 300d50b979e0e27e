// list, stop, delete, path: agents by name.

internal import Cloche
internal import ClocheModel
internal import CommandSyntax
internal import LinuxSystem
internal import Messaging
internal import TerminalText

enum ListCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        var (agents, damaged) = try context.project.agents()
        if let text = command.value("label") {
            let label = try AgentLabel(query: text)
            let wanted = Recipients.label(label.key, value: label.value)
            agents = agents.filter { wanted.include($0.record.name, labels: $0.record.labels) }
        }
        let shown = command.flag("all") ? agents : agents.filter { !isOver($0.state) }
        if command.flag("names") {
            for agent in shown { context.output.line(agent.record.name) }
        } else if command.flag("json") {
            context.output.json(.list(shown.map(document)))
        } else {
            let header = ["NAME", "STATE", "ACTIVITY", "AGE", "PROFILE", "BRANCH", "CHANGES", "TASK"]
            let rows = command.flag("tree") ? tree(shown) : shown.map(row)
            context.output.table(rows, header: command.flag("no-header") ? nil : header)
            let hidden = agents.count - shown.count
            if shown.isEmpty && hidden > 0 {
                context.output.note(
                    "\(hidden) agent\(hidden == 1 ? " has" : "s have") ended; --all shows them"
                )
            }
        }
        for error in damaged { context.output.report(error, json: false) }
        return ExitCode.success
    }

    /// Each agent below the one that started it.
    private static func tree(_ agents: [AgentInfo]) -> [[String]] {
        func isChild(_ agent: AgentInfo, of parent: AgentInfo) -> Bool {
            agent.record.parent.map { $0.name == parent.record.name && $0.auditLog == parent.record.auditLog }
                ?? false
        }
        func rows(_ agent: AgentInfo, depth: Int) -> [[String]] {
            var own = row(agent)
            if depth > 0 { own[0] = String(repeating: " ", count: 3 * (depth - 1)) + "`- " + own[0] }
            // A record that somebody has changed may name its own child.
            if depth > 32 { return [own] }
            return [own] + agents.filter { isChild($0, of: agent) }.flatMap { rows($0, depth: depth + 1) }
        }
        let roots = agents.filter { agent in !agents.contains { isChild(agent, of: $0) } }
        return roots.flatMap { rows($0, depth: 0) }
    }

    /// Ended in a way that needs nobody: a failure or loss is shown without being asked for.
    private static func isOver(_ state: AgentState) -> Bool { [.stopped, .exited].contains(state) }

    private static func row(_ agent: AgentInfo) -> [String] {
        let record = agent.record
        let task = visible(record.task.split(separator: "\n").first.map(String.init) ?? "", limit: 50)
        return [
            record.name, state(agent), activity(agent),
            age(since: record.ended ?? record.started ?? record.created), record.profile + remarks(record),
            record.branch ?? "-", agent.changes, task,
        ]
    }

    /// What is weaker than one might think.
    private static func remarks(_ record: AgentRecord) -> String {
        var remarks: [String] = []
        if [.host, .open].contains(record.networkMode) {
            remarks.append("\(record.networkMode.rawValue) network")
        }
        if record.limits(heldBy: .supervisor).contains(LimitName.memory.rawValue) {
            remarks.append("memory measured")
        }
        let loose = record.limits(heldBy: .nobody)
        if !loose.isEmpty { remarks.append("not held: " + loose.joined(separator: " ")) }
        return remarks.isEmpty ? "" : " (\(remarks.joined(separator: "; ")))"
    }

    private static func state(_ agent: AgentInfo) -> String {
        switch (agent.state, agent.record.exitCode) {
        case (.exited, let code?): "exited(\(code))"
        case (.failed, _): "failed" + (agent.record.endReason.map { "(\($0.rawValue))" } ?? "")
        default: agent.state.rawValue
        }
    }

    private static func activity(_ agent: AgentInfo) -> String {
        let activity = agent.activity.map { "\($0.activity.rawValue) \(age(since: $0.since))" } ?? "-"
        return !agent.questions.isEmpty ? "asks, \(activity)" : activity
    }

    private static func age(since: Int64) -> String {
        let seconds = max(0, (WallClock.milliseconds - since) / 1000)
        switch seconds {
        case ..<120: return "\(seconds)s"
        case ..<7200: return "\(seconds / 60)m"
        case ..<172_800: return "\(seconds / 3600)h"
        default: return "\(seconds / 86400)d"
        }
    }

    static func document(_ agent: AgentInfo) -> Document {
        let record = agent.record
        return .object([
            "name": .string(record.name),
            "state": .string(agent.state.rawValue),
            "activity": agent.activity?.document { .string(WallClock.format($0)) } ?? .null,
            "result": agent.result?.document { .string(WallClock.format($0)) } ?? .null,
            "profile": .string(record.profile),
            "parent": .optional(record.parent?.name),
            "branch": .optional(record.branch),
            "workspace": .string(record.workspacePath),
            "access": .string(record.access.rawValue),
            "network": record.effective.value(at: ["network", "mode"]) ?? .null,
            "changes": .string(agent.changes),
            "queued-messages": .integer(Int64(agent.queuedMessages)),
            "questions": .integer(Int64(agent.questions.count)),
            "labels": .map(record.labels),
            "snapshots": .integer(Int64(agent.snapshots)),
            "task": .string(record.task),
            "created": .string(WallClock.format(record.created)),
            "started": .optional(record.started.map(WallClock.format)),
            "ended": .optional(record.ended.map(WallClock.format)),
            "end-reason": .optional(record.endReason?.rawValue),
            "exit-code": .optional(record.exitCode),
            "failure": .optional(record.failure),
            "limits": .map(record.limits),
            "starts": .integer(record.starts),
            "directory": .string(agent.directory),
        ])
    }
}

enum StopCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let project = try context.project
        let grace = command.flag("kill") ? 0 : command.number("grace").map { Int32(clamping: $0) }
        let names =
            command.flag("all")
            ? project.agents().agents.filter { $0.isRunning || $0.state == .lost }.map(\.record.name)
            : command.rest
        return try ForEach.name(names, context) { name throws(ClocheError) in
            let was = try project.agent(name)
            let stopped = try project.stop(name, graceSeconds: grace)
            context.output.line(
                stopped ? "\(name) stopped" : "\(name) was not running (\(was.state.rawValue))"
            )
            let waiting = try project.agent(name).queuedMessages
            if stopped && waiting > 0 {
                let count = waiting == 1 ? "1 message waits" : "\(waiting) messages wait"
                context.output.note("\(count) for \(name), to be typed when it is resumed")
            }
        }
    }
}

enum DeleteCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let command = context.command
        let project = try context.project
        let names = command.flag("all") ? project.agents().agents.map(\.record.name) : command.rest
        return try ForEach.name(names, context) { name throws(ClocheError) in
            let kept = try project.delete(
                name,
                force: command.flag("force"),
                keepBranch: command.flag("keep-branch")
            )
            context.output.line("\(name) deleted" + (kept.map { "; \($0)" } ?? ""))
        }
    }
}

/// Does the same to several agents: one failure is told and does not keep the others waiting.
enum ForEach {
    static func name(_ names: [String], _ context: Context, _ body: (String) throws(ClocheError) -> Void)
        throws(ClocheError) -> Int32
    {
        var code = ExitCode.success
        for name in names {
            do throws(ClocheError) {
                try body(name)
            } catch {
                if names.count == 1 { throw error }
                context.output.report(error, json: false)
                code = ExitCode.of(error)
            }
        }
        return code
    }
}

enum PathCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 {
        let agent = try context.project.agent(context.command.required("name"))
        switch context.command.argument("what") ?? "workspace" {
        case "home": context.output.line(agent.directory + "/home")
        case "state": context.output.line(agent.directory)
        default: context.output.line(agent.record.workspacePath)
        }
        return ExitCode.success
    }
}

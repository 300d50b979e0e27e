// An event of the audit log in words: what the columns of `cloche audit` and the lines of the report's timeline say. All
// that an agent may have chosen is made harmless for a terminal here; a page escapes it once more for HTML.

package import ClocheModel
internal import CommandSyntax
internal import StructuredText
internal import TerminalText

/// What an event says, in three columns.
package struct EventWords: Equatable {
    /// What it is called.
    package let name: String
    /// How it came out: `allowed`, `refused`, `ended`, a reason; empty where there is nothing to come out.
    package let verdict: String
    /// The rest.
    package let text: String

    /// Puts an event into words.
    package init(_ event: Document) {
        name = Self.word(event["event"], limit: 40)
        let words = Self.words(event["event"]?.string ?? "", event)
        verdict = words?.verdict ?? Self.word(event["verdict"], limit: 40)
        text = words?.text ?? Self.facts(event)
    }

    /// Whether the event tells that something was not allowed.
    package static func isDenial(_ event: Document) -> Bool {
        let name = event["event"]?.string
        if name == "denied" { return true }
        if name == "approval" {
            return ["denied", "refused", "timed-out"].contains(event["action"]?.string ?? "")
        }
        if name == "calls-untold" { return (event["denied"]?.integer ?? 0) > 0 }
        guard let verdict = event["verdict"]?.string else { return false }
        return verdict == "refused" || verdict == "denied"
    }

    /// Whether the event is of a program that was started inside, and not of a command that a person gave.
    package static func isProgramStart(_ event: Document) -> Bool {
        event["event"]?.string == "exec" && (event["program"] != nil || event["pid"] != nil)
    }

    /// The facts that every record has; they are not shown with it.
    private static let envelope: Set<String> = [
        "v", "seq", "time", "mono", "event", "level", "prev", "verdict", "agent-name",
    ]

    private typealias Words = (verdict: String, text: String)

    private static func words(_ name: String, _ event: Document) -> Words? {
        network(name, event) ?? life(name, event) ?? work(name, event)
    }

    // MARK: The network

    private static func network(_ name: String, _ event: Document) -> Words? {
        let verdict = word(event["verdict"], limit: 40)
        switch name {
        case "dns": return (verdict, joined([word(event["name"]), word(event["type"]), reason(event)]))
        case "connect": return (verdict, joined([place(event), way(event), rule(event), reason(event)]))
        case "disconnect":
            return ("ended", joined([place(event), program(event), traffic(event), reason(event)]))
        case "forward":
            let from = PortForward(document: event).map { "\($0.place) to port \($0.target)" }
            return (word(event["action"], limit: 40), from.map { visible($0, limit: 100) } ?? facts(event))
        case "network-untold":
            return ("", "\(event["count"]?.integer ?? 0) more events, too fast to be recorded one by one")
        case "network":
            guard let all = event["catches-all-ports"]?.bool else { return nil }
            let six = event["ipv6"]?.bool == true ? "with IPv6" : "without IPv6"
            return (
                "", joined([all ? "connections to all ports are taken" : "ports are taken one by one", six])
            )
        case "policy":
            guard let change = PolicyChange(event) else { return nil }
            let items = change.items.map { visible($0.line, limit: 300) }
            return ("", joined([items.isEmpty ? "no rule is different" : joined(items), by(event)]))
        default: return nil
        }
    }

    /// `HOST:PORT (ADDRESS)`, as far as it is known.
    private static func place(_ event: Document) -> String {
        let host = word(event["host"])
        let place = event["port"]?.integer.map { "\(host):\($0)" } ?? (host.isEmpty ? "?" : host)
        let address = word(event["address"])
        return address.isEmpty || address == host ? place : "\(place) (\(address))"
    }

    /// How it was asked for, and by whom.
    private static func way(_ event: Document) -> String { joined([word(event["path"]), program(event)]) }

    /// `PROGRAM (PID)`, where that is known.
    private static func program(_ event: Document) -> String {
        guard let program = event["program"]?.string, let pid = event["pid"]?.integer else { return "" }
        return "\(visible(program, limit: 40)) (\(pid))"
    }

    private static func rule(_ event: Document) -> String {
        let rule = word(event["rule"])
        return rule.isEmpty ? "" : "rule \(rule)"
    }

    private static func reason(_ event: Document) -> String {
        let why = word(event["why"])
        let rule = word(event["denied-by"])
        return rule.isEmpty ? why : "\(why): \(rule)"
    }

    private static func traffic(_ event: Document) -> String {
        let (sent, received) = (bytes(event["sent"]?.integer ?? 0), bytes(event["received"]?.integer ?? 0))
        return "sent \(sent), received \(received) in \(event["milliseconds"]?.integer ?? 0) ms"
    }

    /// `5 B`, `3.0 MiB`.
    static func bytes(_ count: Int64) -> String {
        let text = Amount.bytes(count)
        return text.last?.isNumber == true ? text + " B" : "\(text.dropLast()) \(text.suffix(1))iB"
    }

    // MARK: An agent's life

    private static func life(_ name: String, _ event: Document) -> Words? {
        switch name {
        case "create": return ("", joined([profile(event), task(event), by(event)]))
        case "start":
            let network = word(event["network"], limit: 40)
            return ("", joined([profile(event), network.isEmpty ? "" : "network \(network)", task(event)]))
        case "running": return ("", command(event["arguments"]))
        case "restart":
            let wait = event["wait"]?.integer.map { "again in \($0) ms" } ?? ""
            return ("", joined([code(event), wait]))
        case "limit": return (word(event["limit"], limit: 40), meaning(event["limit"]))
        case "budget": return (word(event["state"], limit: 40), budget(event))
        case "end":
            let reason = word(event["reason"], limit: 40)
            return (
                reason, joined([meaning(event["reason"]), code(event), word(event["failure"], limit: 1000)])
            )
        case "pause", "unpause": return ("", by(event))
        case "attach":
            return ("", joined([event["read-only"]?.bool == true ? "to look" : "to type", by(event)]))
        case "detach": return ("", joined([detach(event), by(event)]))
        case "keys":
            let what = event["kind"]?.string == "message" ? "of a message typed" : "of keys typed"
            return ("", joined(["\(bytes(event["bytes"]?.integer ?? 0)) \(what)", by(event)]))
        case "message":
            let number = event["id"]?.integer.map { "message \($0)" } ?? "message"
            let sender = event["sender"] == nil ? "" : "from \(word(event["sender"], limit: 60))"
            let recipient = event["recipient"] == nil ? "" : "to \(word(event["recipient"], limit: 60))"
            return (
                word(event["action"], limit: 40),
                joined([number, sender, recipient, bytes(event["bytes"]?.integer ?? 0), by(event)])
            )
        case "state":
            let untold = event["untold"]?.integer.map { "\($0) changes before were too many" } ?? ""
            return (
                word(event["state"], limit: 40),
                joined(["by \(word(event["by"], limit: 40))", word(event["text"], limit: 200), untold])
            )
        case "credential":
            let source = word(event["source"])
            return (
                word(event["kind"], limit: 40),
                joined([word(event["name"]), source.isEmpty ? "" : "from \(source)"])
            )
        case "request":
            let tokens = event["input-tokens"]?.integer.map {
                "\($0) and \(event["output-tokens"]?.integer ?? 0) tokens of \(word(event["model"], limit: 60))"
            }
            return (
                "\(event["status"]?.integer ?? 0)",
                joined([
                    "\(word(event["method"], limit: 20)) \(word(event["service"], limit: 60)) \(word(event["path"]))",
                    traffic(event), tokens ?? "", word(event["why"]),
                    event["key-in-answer"]?.bool == true ? "the answer had the key in it" : "",
                ])
            )
        case "approval": return (word(event["action"], limit: 40), approval(event))
        case "gateway":
            return (
                word(event["action"], limit: 40),
                joined([
                    word(event["service"], limit: 60),
                    (event["hosts"]?.stringList ?? []).map { word(.string($0), limit: 60) }.joined(
                        separator: " "
                    ),
                    word(event["fingerprint"], limit: 64), word(event["why"]),
                ])
            )
        case "log":
            let part = event["continues"]?.integer.map { "continues file \($0)" } ?? ""
            return ("", joined(["log \(word(event["id"], limit: 40))", part]))
        case "repair":
            guard let bytes = event["bytes"]?.integer else {
                return ("", "the log's head was lost; the log goes on from its last record")
            }
            return ("", "a record of \(bytes) bytes that a crash had cut short was taken away")
        case "sign": return ("", joined(["up to record \(event["record"]?.integer ?? 0)", by(event)]))
        default: return nil
        }
    }

    private static func approval(_ event: Document) -> String {
        let number = event["number"]?.integer.map { "request \($0)" } ?? ""
        let untold = event["untold"]?.integer.map { "\($0) others before were not told" } ?? ""
        return joined([
            word(event["class"], limit: 80), word(event["target"], limit: 8100), number,
            event["always"]?.bool == true ? "for the rest of the run" : "", word(event["why"]), untold,
            // Nobody has asked but the agent.
            event["action"]?.string == "asked" ? "" : by(event),
        ])
    }

    private static func budget(_ event: Document) -> String {
        let key = word(event["limit"], limit: 60)
        func amount(_ name: String) -> String {
            let number = event[name]?.integer ?? 0
            let limit = BudgetLimit(rawValue: String(key.split(separator: ".").last ?? ""))
            return limit?.text(number) ?? String(number)
        }
        let per = ["day", "run"].contains(event["per"]?.string) ? " a \(word(event["per"], limit: 10))" : ""
        let frozen = event["pauses"]?.bool == true ? "the agent is frozen" : ""
        return joined([key, "\(amount("used")) of \(amount("most"))\(per)", frozen])
    }

    private static func profile(_ event: Document) -> String {
        let name = word(event["profile"], limit: 100)
        return name.isEmpty ? "" : "profile \(name)"
    }

    private static func task(_ event: Document) -> String {
        let task = word(event["task"])
        return task.isEmpty ? "" : "task \"\(task)\""
    }

    private static func code(_ event: Document) -> String {
        event["exit-code"]?.integer.map { "exit code \($0)" } ?? ""
    }

    private static func meaning(_ reason: Document?) -> String {
        reason?.string.flatMap(EndReason.init).map { "the agent \($0.text)" } ?? ""
    }

    /// Which user of the host gave a command.
    private static func by(_ event: Document) -> String {
        (event["by"] ?? event["user"])?.integer.map { "by user \($0)" } ?? ""
    }

    private static func detach(_ event: Document) -> String {
        let typed = event["typed"]?.integer ?? 0
        let seconds = Amount.duration((event["milliseconds"]?.integer ?? 0) / 1000)
        return typed == 0 ? "nothing typed in \(seconds)" : "\(bytes(typed)) typed in \(seconds)"
    }

    // MARK: What it and others did

    private static func work(_ name: String, _ event: Document) -> Words? {
        switch name {
        case "exec" where isProgramStart(event): return ("", start(event))
        case "exec", "command":
            guard event["arguments"] != nil else { return nil }
            return ("", joined([command(event["arguments"]), by(event)]))
        case "denied": return ("denied", denied(event))
        case "calls-untold":
            let (denied, executed) = (event["denied"]?.integer ?? 0, event["executed"]?.integer ?? 0)
            return (
                "",
                "\(denied) more calls denied and \(executed) more programs started, of too many kinds to tell"
            )
        case "file":
            let change = word(event["change"] ?? event["kind"], limit: 40)
            let (path, from) = (word(event["path"]), word(event["from"]))
            return path.isEmpty ? nil : (change, joined([path, from.isEmpty ? "" : "was \(from)"]))
        case "files-untold":
            let cut = event["cut"]?.bool == true ? "and perhaps others, for there is too much to look at" : ""
            let place = word(event["where"], limit: 40)
            return (
                "", joined(["\(event["count"]?.integer ?? 0) more files changed in \(place)", cut], by: ", ")
            )
        case "share": return share(event)
        case "hook":
            let failure = word(event["failure"], limit: 300)
            return (word(event["stage"], limit: 40), joined([command(event["arguments"]), failure]))
        case "share-grant":
            return (
                word(event["action"], limit: 40),
                joined([word(event["name"]), word(event["mode"], limit: 40)])
            )
        case "sample": return ("", sample(event))
        case "exit", "program-exit": return exit(event)
        case "sync":
            let count = event["commits"]?.integer ?? 0
            let rest = event["uncommitted"]?.bool == true ? "and uncommitted changes" : ""
            let commits = "\(count) commit\(count == 1 ? "" : "s")"
            return ("", joined([joined([commits, rest], by: " "), "head \(id(event["head"]))", by(event)]))
        case "snapshot":
            let (before, into) = (word(event["before"]), word(event["into"]))
            let rest = [
                word(event["name"]), before.isEmpty ? "" : "before it \(before)",
                into.isEmpty ? "" : "into \(into)",
            ]
            return (word(event["action"], limit: 40), joined(rest + [by(event)]))
        case "merge":
            let into = word(event["into"], limit: 200)
            let what = event["commit"]?.string == nil ? "nothing new" : "commit \(id(event["commit"]))"
            return ("", joined([what, into.isEmpty ? "" : "into \(into)", by(event)]))
        default: return nil
        }
    }

    private static func share(_ event: Document) -> Words {
        let (path, from) = (word(event["path"]), word(event["from"]))
        let count = event["count"]?.integer.map { "\($0) more changes" } ?? ""
        let place = "/shared/" + word(event["name"], limit: 60)
        return (
            word(event["change"], limit: 40),
            joined([
                path.isEmpty ? place : place + "/" + path, from.isEmpty ? "" : "was \(from)", count,
                word(event["why"]),
            ])
        )
    }

    private static func id(_ commit: Document?) -> String {
        word(.string(String((commit?.string ?? "?").prefix(12))))
    }

    /// What was used up to then.
    private static func sample(_ event: Document) -> String {
        func amount(_ key: String, _ text: (Int64) -> String) -> String {
            event[key]?.integer.map(text) ?? ""
        }
        return joined([
            amount("cpu-microseconds") { "processor \($0 / 1_000_000).\($0 / 100_000 % 10) s" },
            amount("memory") { "memory \(bytes($0))" },
            amount("tasks") { $0 == 1 ? "1 task" : "\($0) tasks" },
            amount("network-sent") { "sent \(bytes($0))" },
            amount("network-received") { "received \(bytes($0))" }, amount("disk") { "disk \(bytes($0))" },
        ])
    }

    /// How a program ended.
    private static func exit(_ event: Document) -> Words {
        let number = event["number"]?.integer.map { "command \($0)" } ?? word(event["program"])
        let pid = event["pid"]?.integer.map { "pid \($0)" } ?? ""
        let signal = event["signal"]?.integer.map { "signal \($0)" }
        let time = event["milliseconds"]?.integer.map { "after \($0) ms" } ?? ""
        let failure = word(event["failure"])
        return (failure.isEmpty ? "" : "failed", joined([number, pid, signal ?? code(event), time, failure]))
    }

    /// A program that was started inside.
    private static func start(_ event: Document) -> String {
        let start = ProgramStart(event)
        let program = visible(start.program, limit: 300)
        let said = start.arguments?.list?.first?.string
        let name = said == start.program || program.isEmpty ? "" : "[\(program)]"
        let command = command(start.arguments) + (event["cut"]?.bool == true ? " …" : "")
        let parent = start.parent.map { ", parent \($0)" } ?? ""
        return joined([
            start.arguments == nil ? program : joined([command, name], by: " "),
            start.isFound ? "" : "not there", start.count == 1 ? "" : start.others(start.count - 1),
            start.pid.map { "pid \($0)\(parent)" } ?? "",
            start.directory.isEmpty ? "" : "in \(visible(start.directory, limit: 300))",
        ])
    }

    /// A system call that was refused.
    private static func denied(_ event: Document) -> String {
        let call = word(event["call"] ?? event["name"] ?? event["syscall"], limit: 60)
        let number = event["number"]?.integer ?? event["syscall"]?.integer
        let error = word(event["errno"] ?? event["answer"], limit: 40)
        let count = event["count"]?.integer ?? 1
        return joined([
            call.isEmpty ? number.map { "call \($0)" } ?? "?" : call, program(event),
            error.isEmpty ? "" : "answered \(error)", count == 1 ? "" : "\(count) times", reason(event),
        ])
    }

    /// A command line as a shell would take it.
    static func command(_ arguments: Document?) -> String {
        let words = (arguments?.list ?? []).map { $0.string ?? JSONText.serialize($0) }
        return visible(words.map(shown).joined(separator: " "), limit: 2000)
    }

    /// A word as a person would type it: options and assignments need no quotes.
    private static func shown(_ word: String) -> String {
        let isPlain = word.utf8.allSatisfy { byte in
            let character = Character(Unicode.Scalar(byte))
            return character.isASCII
                && (character.isLetter || character.isNumber || "-_./=:,@+%".contains(character))
        }
        return isPlain && !word.isEmpty ? word : word.quotedForShell
    }

    // MARK: Parts

    private static func joined(_ parts: [String], by separator: String = "  ") -> String {
        parts.filter { !$0.isEmpty }.joined(separator: separator)
    }

    private static func word(_ value: Document?, limit: Int = 300) -> String {
        visible(value?.string ?? "", limit: limit)
    }

    /// Everything that an event of an unknown kind has.
    private static func facts(_ event: Document) -> String {
        let facts = (event.entries ?? []).filter { !envelope.contains($0.key) && $0.value != .null }
        return joined(
            facts.map { fact in
                let value = fact.value.string ?? JSONText.serialize(fact.value)
                return "\(visible(fact.key, limit: 60))=\(visible(value, limit: 300))"
            },
            by: " "
        )
    }
}

/// What an event tells of a program that was started inside.
struct ProgramStart {
    let program: String
    let arguments: Document?
    let directory: String
    let pid: Int64?
    let parent: Int64?
    /// How many starts the record is for.
    let count: Int
    /// Whether the program was there.
    let isFound: Bool

    init(_ event: Document) {
        program = event["program"]?.string ?? ""
        arguments = event["arguments"] ?? event["argv"]
        directory = (event["directory"] ?? event["cwd"])?.string ?? ""
        (pid, parent) = (event["pid"]?.integer, event["parent"]?.integer)
        count = Int(clamping: max(1, event["count"]?.integer ?? 1))
        isFound = event["found"]?.bool ?? true
    }

    /// What a record says of the starts beyond the first, whose arguments nobody took down.
    func others(_ count: Int) -> String { Self.others(count, of: program, isFound: isFound) }

    /// The same of starts of a program that several records tell.
    static func others(_ count: Int, of program: String, isFound: Bool = true) -> String {
        let (word, link) = isFound ? ("start", "of") : ("attempt", "to start")
        let starts = "and \(count) more \(word)\(count == 1 ? "" : "s")"
        let name = program.isEmpty ? "" : " \(link) \(visible(program, limit: 300))"
        return "\(starts)\(name), with other arguments perhaps"
    }
}

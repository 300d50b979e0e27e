// The page: what it shows, that nothing of an agent becomes markup, that it stays small, and that it needs nothing else.

import ClocheModel
import Glibc
import LinuxSystem
import StructuredText
import Testing

@testable import AuditReport

@Suite struct PageTests {
    static let hostile = [
        "</script><script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "'><svg/onload=alert(1)>",
        "</style><style>*{display:none}", "</pre></details></title>", "<!--", "]]>", "&lt;b&gt;",
        "javascript:alert(1)",
        "a\u{202E}txt.exe\u{2066}x\u{2069}", "\u{1B}[31mred\u{7}\u{9B}2J", "a\u{0}b", "tab\tline\nend\r",
        "{{7*7}}${7*7}",
        "\u{FEFF}\u{200B}\u{E0001}", "<\u{338}", "x\" style=\"position:fixed", "\u{2028}\u{2029}\u{85}",
    ]

    /// One event of every kind that there is, with the text wherever one can stand.
    static func everything(_ text: String) -> [Document] {
        let value = Document.string(text)
        let facts: KeyValuePairs<String, Document> = [
            "profile": value, "task": value, "network": value, "arguments": .strings([text, text]),
            "program": value,
            "argv": .strings([text]), "directory": value, "host": value, "name": value, "type": value,
            "address": value,
            "path": value, "rule": value, "from": value, "why": value, "reason": value, "denied-by": value,
            "would-allow": value, "verdict": value, "action": value, "limit": value, "failure": value,
            "head": value,
            "into": value, "commit": value, "change": value, "call": value, "errno": value, "id": value,
            "old": .object(["allow": .strings([text]), "mode": value, text: value]),
            "new": .object(["deny": .strings([text])]), "port": .integer(443), "sent": .integer(5),
            "received": .integer(7), "exit-code": .integer(1), "count": .integer(2), text: value,
        ]
        let kinds = [
            "log", "create", "start", "running", "attach", "exec", "dns", "connect", "disconnect", "forward",
            "network-untold", "network", "policy", "denied", "file", "sample", "limit", "restart", "pause",
            "sync",
            "merge", "exit", "command", "sign", "repair", "calls-untold", "end", text,
        ]
        var events = kinds.enumerated().map { event($0.element, $0.offset * 10, facts) }
        for verdict in ["allowed", "refused", "failed"] {
            var one = event("connect", 500, facts)
            one["verdict"] = .string(verdict)
            events.append(one)
        }
        var program = event("exec", 600, facts)
        program["pid"] = .integer(2)
        program["parent"] = .integer(1)
        events.append(program)
        var ended = event("end", 700, facts)
        ended["time"] = value
        events.append(ended)
        return events
    }

    static func everywhere(_ text: String) -> String {
        var all = subject("fixer", task: text)
        all.rules.append(ReportSubject.Setting(text, text, origin: text))
        all.settings.append(ReportSubject.Setting(text, text, origin: text))
        return page(everything(text), all, denials: [denial(text)])
    }

    static let tags: Set<String> = [
        "!doctype", "a", "b", "body", "code", "dd", "details", "div", "dl", "dt", "figcaption", "figure",
        "footer", "h1",
        "h2", "head", "header", "html", "li", "main", "meta", "nav", "ol", "p", "polygon", "polyline", "pre",
        "rect",
        "section", "small", "span", "strong", "style", "summary", "svg", "table", "tbody", "td", "th",
        "thead", "time",
        "title", "tr", "ul",
    ]
    static let attributes: Set<String> = [
        "aria-label", "charset", "class", "content", "data-l", "height", "href", "html", "http-equiv", "id",
        "lang", "name",
        "open",
        "points", "preserveAspectRatio", "role", "viewBox", "width", "x", "y",
    ]

    /// The tags of a page as a browser would read them, with all their attributes; nil where there is one that it must
    /// not have.
    static func readTags(_ page: String) -> [String]? {
        var found: [String] = []
        var rest = page.utf8[...]
        while let begin = rest.firstIndex(of: UInt8(ascii: "<")) {
            guard let end = rest[begin...].firstIndex(of: UInt8(ascii: ">")) else { return nil }
            guard let tag = String(rest[rest.index(after: begin)..<end]) else { return nil }
            rest = rest[rest.index(after: end)...]
            let name = tag.drop { $0 == "/" }.prefix { !$0.isWhitespace && $0 != "/" }
            var words = tag.drop { $0 == "/" }.dropFirst(name.count)
            guard tags.contains(String(name)) else { return nil }
            while true {
                words = words.drop { $0 == " " || $0 == "/" }
                if words.isEmpty { break }
                let key = words.prefix { $0 != "=" && $0 != " " }
                words = words.dropFirst(key.count)
                guard attributes.contains(String(key)) else { return nil }
                guard words.first == "=" else { continue }
                words = words.dropFirst()
                guard words.first == "\"", let close = words.dropFirst().firstIndex(of: "\"") else {
                    return nil
                }
                words = words[words.index(after: close)...]
            }
            found.append(String(name))
        }
        return found
    }

    @Test(arguments: hostile)
    func nothingOfAnAgentBecomesMarkup(_ text: String) throws {
        let page = Self.everywhere(text)
        let tags = try #require(Self.readTags(page))
        // As many and the same as with a text that is nobody's markup.
        #expect(tags == Self.readTags(Self.everywhere("plain")))
        #expect(page.ranges(of: "<style>").count == 1 && page.ranges(of: "</style>").count == 1)
        for scalar in page.unicodeScalars where scalar != "\n" {
            let category = scalar.properties.generalCategory
            #expect(category != .control && category != .format, "U+\(String(scalar.value, radix: 16))")
            #expect(category != .lineSeparator && category != .paragraphSeparator)
        }
    }

    @Test func theTestFindsMarkup() {
        #expect(Self.readTags("<p>a</p>") == ["p", "p"])
        for bad in ["<script>", "<img src=\"x\">", "<p onclick=\"x\">", "<p class=x>", "<p", "<b\u{338}>"] {
            #expect(Self.readTags(bad) == nil, "\(bad)")
        }
    }

    @Test func hiddenCharactersAreSeen() {
        let page = Self.everywhere("a\u{202E}b\u{0}<")
        #expect(page.contains("a\\u{202E}b\\u{0}&lt;"))
    }

    @Test func theSameEventsGiveTheSamePage() {
        #expect(Self.everywhere("x") == Self.everywhere("x"))
    }

    @Test func noAttributeIsEmpty() {
        #expect(!Self.everywhere("x").contains("class=\"\""))
    }

    @Test func nothingIsFetchedAndNothingRuns() {
        let page = page([])
        #expect(page.contains("content=\"default-src 'none'; style-src 'sha256-"))
        for word in [
            "<script", "<link", "<img", "<iframe", "url(", "@import", "http://", "https://", "javascript:",
        ] {
            #expect(!page.lowercased().contains(word), "\(word)")
        }
        // Neither does the list of places inside the page have any other.
        #expect(page.ranges(of: "href=\"").count == page.ranges(of: "href=\"#").count)
    }

    /// The policy allows the one style by its hash.
    @Test func theHashIsThatOfTheStyle() throws {
        let file = "/tmp/cloche-report-test.\(getpid()).css"
        try Files.writeAtomically(file, Array(ReportStyle.sheet.text.utf8))
        defer { unsafe unlink(file) }
        let words = ["-c", "openssl dgst -sha256 -binary \"$1\" | openssl base64 -A", "sh", file]
        let result = try Subprocess("/bin/sh", words).run()
        #expect(result.outputText == ReportStyle.hash.text)
        #expect(page([]).contains("<style>\(ReportStyle.sheet.text)</style>"))
    }

    @Test func aLogWithoutEndGivesAPageWithAnEnd() {
        var report = AuditReport(subject())
        for number in 0..<5000 {
            let host = "host-\(number).test"
            report.add(
                event(
                    "connect",
                    number,
                    ["host": .string(host), "port": .integer(1), "verdict": .string("allowed")]
                )
            )
            report.add(exec(number, Int64(number), Int64(number) - 1, "program-\(number)"))
            report.add(event("file", number, ["path": .string("/p/\(number)"), "change": .string("made")]))
            report.add(event("dns", number, ["name": .string(host), "verdict": .string("allowed")]))
            report.add(event("denied", number, ["call": .string("call-\(number)"), "program": .string("p")]))
            report.add(event("attach", number))
            report.add(event("kind-\(number)", number, ["text": .string(String(repeating: "<", count: 200))]))
        }
        let page = report.page()
        #expect(page.utf8.count < 6 << 20, "\(page.utf8.count)")
        for text in [
            "more hosts are left out", "records are of still other hosts", "more starts, of commands",
            "more paths are left out",
            "records are of still other paths", "events in between are left out", "of 35000 records",
            "more records of denied system calls", "<dd>5000</dd>", "names were looked up",
        ] {
            #expect(page.contains(text), "\(text)")
        }
        // The last records are kept, not the first.
        #expect(page.contains("kind-4999") && !page.contains("&quot;call-1&quot;"))
    }

    @Test func theHeadSaysWhatHappened() {
        var failed = subject().record
        failed.endReason = .memory
        failed.exitCode = 137
        failed.failure = "limits.memory (1 GiB) was reached"
        let page = page(
            [event("log", 0, ["id": .string("abc"), "prev": .string("0")])],
            ReportSubject(failed, state: .failed, made: 0, version: "1")
        )
        for text in [
            "<h1>fixer <span class=\"state bad\">failed</span></h1>", "mend it",
            "branch <code>cloche/fixer</code>",
            "2026-11-21 10:00:01 UTC, start 2", "after 1m", "all times are UTC",
            "used more memory than `limits.memory` allows, exit code 137",
            "limits.memory (1 GiB) was reached", "<code>abc</code>", "cloche audit verify fixer",
        ] {
            #expect(page.contains(text), "\(text)")
        }
    }

    @Test func whatIsEmptyIsNotThere() {
        let page = page([])
        for id in ["denied", "connections", "programs", "files", "resources", "timeline", "records"] {
            #expect(!page.contains("id=\"\(id)\""), "\(id)")
        }
        #expect(page.contains("id=\"policy\"") && page.contains("api.test:443") && page.contains("profile:3"))
    }
}

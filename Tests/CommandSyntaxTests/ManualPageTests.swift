// The manual page: its sections, its escaping, and, where groff is installed, what a reader sees.

import Testing

@testable import CommandSyntax

@Suite("Manual page")
struct ManualPageTests {
    static let roff = ManualPage(
        .cloche,
        version: "1.2.3",
        date: "2026-01-31",
        exitStatuses: [Definition("0", "Success."), Definition("128+N", "A signal ended the program.")]
    ).roff

    @Test("Sections stand in the usual order")
    func sections() {
        let titles = Self.roff.split(separator: "\n").filter { $0.hasPrefix(".SH ") }.map {
            String($0.dropFirst(4))
        }
        let expected = [
            "NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "EXAMPLES", "EXIT STATUS", "FILES", "ENVIRONMENT",
            "SEE ALSO",
        ]
        #expect(titles == expected.map { "\"\($0)\"" })
    }

    @Test(
        "Parts of the source",
        arguments: [
            #".TH "CLOCHE" "1" "2026\-01\-31" "cloche 1.2.3""#,
            #"cloche \- run AI agents in parallel"#,
            #"\fBcloche start\fR [OPTIONS] NAME [TASK]"#,
            #"\fBcloche profile list\fR [OPTIONS]"#,
            #"\fB\-p\fR, \fB\-\-profile\fR \fIPROFILE\fR"#,
            ".TP\n\\fB128+N\\fR\nA signal ended the program.\n",
            #"\fB\(ti/.config/cloche/\fR"#,
            #"\fBgit\-worktree\fR(1),"#,
        ]
    )
    func parts(part: String) {
        #expect(Self.roff.contains(part))
    }

    @Test("Hidden commands and options are left out")
    func hidden() {
        #expect(!Self.roff.contains(#"cloche manual\fR"#))
        #expect(!Self.roff.contains(#"\-\-interactive"#))
    }

    @Test(
        "Signs of roff are escaped",
        arguments: [
            ("a-b", #"a\-b"#), (#"a\b"#, #"a\(rsb"#), (".x", #"\&.x"#), ("a.b", "a.b"), ("'x", #"\(aqx"#),
            (#""q""#, #"\(dqq\(dq"#), ("`~^", #"\(ga\(ti\(ha"#), (#".\"-"#, #"\&.\(rs\(dq\-"#), ("", ""),
        ]
    )
    func escaping(text: String, expected: String) {
        #expect(RoffText.line(text) == expected)
    }

    @Test("groff, where it is installed, has no complaint and shows what was meant")
    func rendering() throws {
        let isInstalled = try Bash.run("command -v groff >/dev/null").status == 0
        #expect(!Self.roff.split(separator: "\n").contains { $0.hasPrefix("'") })
        guard isInstalled else { return }
        let files = ["page": Self.roff]
        #expect(
            try Bash.run("groff -man -ww -z -Tutf8 page", files: files) == Bash.Result(output: "", status: 0)
        )
        let shown = try Bash.run("groff -man -Tutf8 -P-c -P-b -P-u -rLL=200n page", files: files)
        for part in [
            "cloche - run AI agents in parallel on one repository, each in a sandbox of its own",
            "-p, --profile PROFILE",
            #"cloche start fixer "Fix the failing parser test""#,
            "cloche list --all --json | jq '.[] | select(.activity.state == \"failed\")'",
            "~/.config/cloche/",
        ] {
            #expect(shown.output.contains(part), "\(part)")
        }
    }
}

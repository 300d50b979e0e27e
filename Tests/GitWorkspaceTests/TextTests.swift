// Text that crosses into a shell, a terminal or a configuration file, and the tables of what deserves a look.

import Testing

@testable import GitWorkspace

@Suite struct TextTests {
    @Test(arguments: [
        ("plain", "'plain'"), ("it's", #"'it'\''s'"#), ("'\u{301}x", "''\\''\u{301}x'"),
        ("$(x) `y`\n", "'$(x) `y`\n'"),
    ])
    func shellWords(_ text: String, _ quoted: String) { #expect(text.shellQuoted == quoted) }

    @Test(arguments: [
        ("a", "a"), ("\"a b\"", "a b"), (#""a\nb\"c\\d""#, "a\nb\"c\\d"), (#""\303\274""#, "\u{FC}"),
    ])
    func alternatesAreUnquoted(_ line: String, _ path: String) {
        #expect(ObjectDirectories.unquoted([UInt8](line.utf8)).text == path)
    }

    @Test func visibleTextDrivesNothing() {
        #expect("a\u{1B}[2Jb\u{202E}c\u{9B}d\n".visible == "a\\u{1b}[2Jb\\u{202e}c\\u{9b}d\\u{a}")
    }

    /// The one mark of the bidirectional algorithm outside the General Punctuation block.
    @Test func theArabicLetterMarkIsVisible() {
        #expect("a\u{61C}b".visible == "a\\u{61c}b")
        #expect(DiffText.forTerminal([UInt8]("+a\u{61C}b\n".utf8), colored: false) == "+a<U+61C>b\n")
    }

    @Test(arguments: [
        ("x", "a", false), ("/etc/passwd", "a", true), ("/\u{301}etc", "a", true), ("../x", "a", true),
        ("../x", "d/a", false), ("../../x", "d/a", true), ("x/../../y", "a", true), ("./..", "d/a", false),
        (".git/hooks", "a", true), ("d/.GIT/config", "a", true), ("", "a", false),
    ])
    func linksThatLeadOut(_ target: String, _ path: String, _ leads: Bool) {
        #expect(DiffWarning.leadsOutside(target, from: path) == leads)
    }

    /// A removed line that looks like a heading is coloured as what it is.
    @Test func coloursFollowTheHunk() {
        let patch = "--- a/x\n+++ b/x\n@@ -1,2 +1 @@\n-- a\n-\u{1B}[32m\n+y\n"
        #expect(
            DiffText.forTerminal([UInt8](patch.utf8), colored: true)
                == "\u{1B}[1m--- a/x\u{1B}[m\n\u{1B}[1m+++ b/x\u{1B}[m\n\u{1B}[36m@@ -1,2 +1 @@\u{1B}[m\n"
                + "\u{1B}[31m-- a\u{1B}[m\n\u{1B}[31m-^[[32m\u{1B}[m\n\u{1B}[32m+y\u{1B}[m\n"
        )
        #expect(DiffText.forTerminal([], colored: false) == "")
    }

    /// Counts that git never writes are no hunk, and nothing to count down from.
    @Test func hunksOfNoSenseAreText() {
        let patch = "@@ -1,5 +1,-9223372036854775808 @@\n+x\n"
        #expect(DiffText.forTerminal([UInt8](patch.utf8), colored: true).contains("+x"))
    }

    @Test func configurationText() {
        let settings = [GitSetting("user.name", "a \"b\"\n\\"), GitSetting("filter.x.y.clean", "")]
        #expect(
            WorktreeConfiguration.text(settings)
                == "[user]\n\tname = \"a \\\"b\\\"\\n\\\\\"\n[filter \"x.y\"]\n\tclean = \"\"\n"
        )
    }

    @Test func reportsAreReadWithoutTrust() {
        let records = "checkout refs/heads/cloche/a\0nested \u{301}x\0nested y\0junk\0\0unreadable z\0"
        let notices = SyncReport.notices([UInt8](records.utf8), branch: "refs/heads/cloche/a")
        #expect(notices == [.unreadableFiles(0), .nestedRepositories(["\u{301}x", "y"])])
    }
}

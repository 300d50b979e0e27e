// What a person copies into a crontab where there is no systemd.

import Testing

@testable import ClocheCLI

@Suite struct CrontabLineTests {
    private func line(_ words: [String], directory: String = "/src/parser") -> CrontabLine {
        CrontabLine(
            time: "30 2 * * 1-5",
            directory: directory,
            program: ["/usr/bin/cloche"],
            name: "nightly",
            words: words
        )
    }

    @Test func theCommandIsTheSame() {
        #expect(
            line(["--profile=claude", "--", "It's 5% done: $x"]).text
                == #"30 2 * * 1-5 cd /src/parser && /usr/bin/cloche start nightly-$(date +\%Y\%m\%d-\%H\%M) --label 'schedule=nightly'"#
                + #" '--profile=claude' -- 'It'\''s 5\% done: $x'"#
        )
        #expect(line([], directory: "/a b").text?.hasPrefix("30 2 * * 1-5 cd '/a b' && ") == true)
    }

    @Test func aLineEndNeedsAScript() {
        let line = line(["--", "one\ntwo"])
        #expect(line.text == nil)
        #expect(line.advice.contains("`30 2 * * 1-5 SCRIPT`"))
    }
}

// The two rules that live with the policy's values: command lines from a harness, and names with a star.

import ClocheModel
import Testing

@Suite struct PolicyTests {
    static let commandLines: [(task: String?, resuming: Bool, line: [String])] = [
        (nil, false, ["run", "-t=", "-i"]),
        ("a b", false, ["run", "-t=a b", "--task", "a b", "a ba b"]),
        (nil, true, ["run", "-t=", "--continue"]),
        ("x{task}", true, ["run", "-t=x{task}", "--again", "x{task}"]),
    ]

    @Test(arguments: commandLines)
    func makesTheCommandLine(_ task: String?, _ resuming: Bool, _ line: [String]) {
        let harness = HarnessPolicy(
            command: ["run", "-t={task}"],
            task: ["--task", "{task}", "{task}{task}"],
            interactive: ["-i"],
            resume: ["--continue"],
            resumeTask: ["--again", "{task}"]
        )
        #expect(harness.commandLine(task: task, resuming: resuming) == line)
    }

    @Test func resumesAsItStartsWhereNothingElseIsSaid() {
        let harness = HarnessPolicy(command: ["sh"], task: ["-c", "{task}"], interactive: ["-l"])
        #expect(harness.commandLine(task: "x", resuming: true) == ["sh", "-c", "x"])
        #expect(harness.commandLine(task: nil, resuming: true) == ["sh", "-l"])
    }

    static let names: [(pattern: String, name: String, matches: Bool)] = [
        ("ssl", "ssl", true), ("ssl", "ssl2", false), ("*-release", "os-release", true),
        ("*-release", "release", false),
        ("java-*", "java-17-openjdk", true), ("java-*", "java", false), ("zsh*", "zsh", true),
        ("*", "x", true),
        ("*", ".hidden", false), (".*", ".hidden", true), ("a*b*c", "aXbYc", true), ("a*b*c", "abc", true),
        ("a*b*c", "acb", false), ("ab*ba", "aba", false), ("a**b", "ab", true), ("*a*a", "a", false),
        ("", "", true),
    ]

    @Test(arguments: names)
    func matchesNames(_ pattern: String, _ name: String, _ matches: Bool) {
        #expect(NamePattern(pattern).matches(name) == matches)
    }
}

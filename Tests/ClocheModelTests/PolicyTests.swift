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

    @Test(arguments: [
        (".vscode/", ".vscode/tasks.json", true), (".vscode/", ".VSCode/tasks.json", true),
        (".vscode/", "deep/down/.vscode", true), (".vscode/", "vscode/tasks.json", false),
        (".vscode/", ".v\u{17F}code/x", true), (".vscode/", ".vs\u{200C}code/x", true),
        (".vscode/", ".vscode. /x", true),
        (".mcp.json", ".MCP.json", true), (".mcp.json", "x.mcp.json", false),
        (".mcp.json", ".mcp.json/x", true),
        (".github/hooks/", "a/.github/hooks/x.json", true), (".github/hooks/", ".github/x/hooks", false),
        ("**/.gitattributes", "src/.gitattributes", true), ("**/.gitattributes", ".gitattributes", true),
        (".claude/settings*.json", ".claude/settings.local.json", true),
        (".claude/settings*.json", ".claude/x", false),
        ("a/b", "a", false), ("a/b", "", false),
    ])
    func protectedNames(_ name: String, _ path: String, _ covers: Bool) {
        #expect(ProtectedName(name).covers(ProtectedName.FoldedPath(path)) == covers)
    }

    @Test func onlyPlainNamesAreKept() {
        #expect(ProtectedName(".vscode/").path == ".vscode")
        #expect(ProtectedName(".vscode/").stub == .directory)
        #expect(ProtectedName(".github/hooks").path == ".github/hooks")
        #expect(ProtectedName(".github/hooks").stub == .file)
        #expect(ProtectedName("**/.gitattributes").path == nil)
        #expect(ProtectedName(".claude/settings*.json").path == nil)
    }
}

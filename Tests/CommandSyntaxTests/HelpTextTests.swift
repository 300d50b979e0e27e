// The help texts, word for word where they are short enough to be read, and by their rules elsewhere.

import Testing

@testable import CommandSyntax

@Suite("Help texts")
struct HelpTextTests {
    @Test("The help of a command of Cloche")
    func exec() {
        let expected = """
            Usage: cloche exec [OPTIONS] NAME [--] COMMAND...

            Run another command in an agent's sandbox

            The command sees what the agent sees and can do no more. Its exit status is
            passed on. It gets a terminal when input and output of this command are one, and
            pipes otherwise. In a terminal it is a window of the agent: ctrl-] and then d
            leaves it running.

            All words from the first word of the command on are passed to it untouched.

            Arguments:
              NAME        The agent in whose sandbox to run it
              COMMAND...  The program to run and its arguments

            Options:
              -t, --tty              Give the command a terminal in any case
              -T, --no-tty           Give the command pipes in any case
              -w, --workdir DIR      Run it in this directory of the sandbox instead of the
                                     workspace
              -e, --env KEY[=VALUE]  Set a variable for the program; without a value, pass
                                     this shell's on (may be given several times)

            Global options:
              -C, --project DIR           Work on the project of this directory instead of
                                          the current one
                  --color, --colour WHEN  When to use colours; auto is on a terminal without
                                          NO_COLOR (auto, always, never)
              -h, --help                  Show help and do nothing else

            Examples:
              cloche exec fixer -- make test
                  the exit status is that of make
              cloche exec -t fixer bash
                  a shell beside the agent
              cloche exec -T fixer git diff > fixer.patch
                  output into a file, byte for byte

            """
        #expect(HelpText(.cloche).text(for: ["exec"]) == expected)
    }

    @Test("The help of a group of commands")
    func group() {
        let expected = """
            Usage: bell tower COMMAND [ARGUMENTS]

            About towers

            Commands:
              list  List towers
              show  Show a tower

            Global options:
              -C, --place DIR  Where to ring
              -h, --help       Show help

            """
        #expect(HelpText(.small).text(for: ["tower"]) == expected)
    }

    @Test("The overall help of a tool")
    func overview() {
        let expected = """
            Usage: bell [OPTIONS] COMMAND [ARGUMENTS]

            Ring bells

            First paragraph.

            Second paragraph.

            Ringing:
              ring     Ring a bell
              strike   Strike a bell with a tool
              silence  Silence bells
              tune     Tune a bell

            Other:
              tower    About towers
              help     Help
              version  Version

            Global options:
              -C, --place DIR  Where to ring
              -h, --help       Show help
                  --version    Print the version

            Run `bell COMMAND --help` for the options of a command.

            """
        #expect(HelpText(.small).text(for: []) == expected)
    }

    @Test("No line is wider than the screen but examples, which stay whole", arguments: [40, 60, 80, 200])
    func width(columns: Int) {
        let paths = [[]] + ToolSpec.cloche.locations.map(\.path)
        let examples = Set(
            (ToolSpec.cloche.examples + ToolSpec.cloche.locations.flatMap(\.spec.examples)).map(\.line)
        )
        for path in paths {
            let text = HelpText(.cloche, width: columns).text(for: path)
            for line in text.split(separator: "\n") where !examples.contains(String(line.dropFirst(2))) {
                let isUsage = line.hasPrefix("Usage: ")
                #expect(isUsage || line.count <= min(columns, 100), "\(line)")
                #expect(line.last != " ")
            }
        }
    }
}

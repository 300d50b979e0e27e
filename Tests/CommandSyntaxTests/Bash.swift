// Runs scripts in bash, for the tests of what this module prints for shells and for man.
// Each run has a directory of its own, which is its working directory and is removed afterwards.

import LinuxSystem

@testable import CommandSyntax

/// bash, which every machine that runs these tests has.
enum Bash {
    /// What a script printed, standard error included, and its exit status.
    struct Result: Equatable {
        let output: String
        let status: Int32

        var lines: [String] { output.split(separator: "\n").map(String.init) }
    }

    /// Runs a script to its end.
    ///
    /// The files are put into its working directory first.
    static func run(_ script: String, files: [String: String] = [:]) throws -> Result {
        let writing = files.map { "printf %s \($1.quotedForShell) >\($0.quotedForShell)" }
        let opening = """
            exec 2>&1
            directory=$(mktemp -d) && cd "$directory" || exit
            trap '/bin/rm -rf "$directory"' EXIT
            """
        let whole = ([opening] + writing + [script]).joined(separator: "\n")
        let environment = ["PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8"]
        let finished = try Subprocess("/bin/bash", ["--norc", "-c", whole], environment: environment).run()
        return Result(output: finished.outputText, status: finished.status)
    }
}

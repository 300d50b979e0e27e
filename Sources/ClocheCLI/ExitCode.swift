// The exit codes of `cloche`; README and manual page list the same table.

internal import ClocheModel
package import CommandSyntax

/// What `cloche` returns to the shell.
///
/// `run`, `exec` and `wait` return the program's own code, so failures of Cloche itself are told apart as 125 to 127,
/// the way `env(1)` and `timeout(1)` do.
package enum ExitCode {
    static let success: Int32 = 0
    /// The command worked and the answer is no: a conflict, an agent that does not run.
    static let negative: Int32 = 1
    /// The command line is wrong; nothing was done.
    static let usage: Int32 = 2
    /// `audit verify`: the last record was cut short, as a crash does, and nothing else is wrong.
    static let torn: Int32 = 3
    /// The time that the command was given is over.
    static let timeout: Int32 = 124
    /// Cloche itself failed, as opposed to the program it runs.
    static let cloche: Int32 = 125
    /// The program is in the sandbox and cannot be executed there.
    static let notExecutable: Int32 = 126
    /// The program is not in the sandbox.
    static let notFound: Int32 = 127
    /// 128 + SIGINT: a person ended it.
    static let interrupted: Int32 = 130
    /// 128 + SIGKILL: a limit was reached.
    static let killed: Int32 = 137
    /// 128 + SIGPIPE: the reader of our output has gone.
    static let brokenPipe: Int32 = 141

    /// The table for manual page and README.
    package static let table = [
        Definition("0", "Success; of run, exec and wait, the program's own status."),
        Definition(
            "1",
            "The command worked, and the answer is no: a merge conflict, a check that failed or found something, an agent that ended "
                + "before what `wait --for` waits for."
        ),
        Definition("2", "The command line is wrong."),
        Definition("3", "audit verify: only the last record is cut short, as a crash leaves it."),
        Definition("124", "The time given to wait is over."),
        Definition("125", "Cloche itself failed; the message says why and what to do."),
        Definition("126", "The program to run cannot be executed."),
        Definition("127", "The program to run is not there for a sandbox."),
        Definition("128+N", "The program was ended by signal N; 137 is also for a limit that was reached."),
    ]

    static func of(_ error: ClocheError) -> Int32 {
        switch error.code {
        case .usage: usage
        case .conflict, .check, .wouldLose: negative
        case .programNotFound: notFound
        case .programNotExecutable: notExecutable
        case .limit: killed
        case .interrupted: interrupted
        default: cloche
        }
    }
}

// The exit codes of `cloche`; README and manual page list the same table.

internal import ClocheModel
package import CommandSyntax

package enum ExitCode {
    static let success: Int32 = 0
    /// The command worked and the answer is no: a conflict, an agent that does not run.
    static let negative: Int32 = 1
    static let usage: Int32 = 2
    static let cloche: Int32 = 125
    static let notExecutable: Int32 = 126
    static let notFound: Int32 = 127
    /// 128 + SIGPIPE: the reader of our output has gone.
    static let brokenPipe: Int32 = 141

    /// The table for manual page and README.
    package static let table = [
        Definition("0", "Success; of run and exec, the program's own status."),
        Definition(
            "1",
            "The command worked, and the answer is no: a merge conflict, a check that found something."
        ),
        Definition("2", "The command line is wrong."),
        Definition("125", "Cloche itself failed; the message says why and what to do."),
        Definition("126", "The program of run or exec cannot be executed."),
        Definition("127", "The program of run or exec is not in the sandbox."),
        Definition("128+N", "The program was ended by signal N."),
    ]

    static func of(_ error: ClocheError) -> Int32 {
        switch error.code {
        case .usage: usage
        case .conflict, .wouldLose: negative
        case .programNotFound: notFound
        case .programNotExecutable: notExecutable
        default: cloche
        }
    }
}

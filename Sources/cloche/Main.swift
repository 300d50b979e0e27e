// The program: everything it does is in ClocheCLI; as init it never gets here (see CLinux/init.c).

import ClocheCLI
import Glibc

@main
struct Main {
    static func main() {
        // A reader that goes away is an answer of write(2), told like any other.
        signal(SIGPIPE, SIG_IGN)
        // A caller that ignores it would leave us no child to wait for.
        signal(SIGCHLD, SIG_DFL)
        // Not by CommandLine.arguments, which makes several types at its first use.
        let words = (1..<max(1, Int(CommandLine.argc))).compactMap { index in
            unsafe CommandLine.unsafeArgv[index].map { unsafe String(cString: $0) }
        }
        let prepared = ClocheCommandLine.prepare()
        exit(ClocheCommandLine.run(words, prepared))
    }
}

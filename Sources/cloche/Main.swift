// The program: everything it does is in ClocheCLI; as init it never gets here (see CLinux/init.c).

import ClocheCLI
import Glibc

@main
struct Main {
    static func main() {
        // A reader that goes away is an answer of write(2), told like any other.
        signal(SIGPIPE, SIG_IGN)
        exit(ClocheCommandLine.run(Array(CommandLine.arguments.dropFirst())))
    }
}

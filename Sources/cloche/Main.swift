// The program: everything it does is in ClocheCLI; as init it never gets here (see CLinux/init.c).

import ClocheCLI
import Glibc

@main
struct Main {
    static func main() {
        exit(ClocheCommandLine.run(Array(CommandLine.arguments.dropFirst())))
    }
}

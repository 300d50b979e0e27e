// Pipes through which bytes are spliced. A connection holds one only as long as bytes of it wait there, so that ten
// thousand connections that rest need none.

internal import LinuxSystem

/// A pipe and what is in it.
final class RelayPipe {
    let pipe: Pipe
    /// Bytes in it.
    var count = 0

    init() throws(SystemError) {
        pipe = try Pipe()
        // Without, bytes go in smaller pieces.
        _ = Splice.enlarge(pipe, to: Self.size)
    }

    /// What goes through in one turn of two calls; larger ones gain nothing (`scripts/bench network`).
    static let size = 512 << 10
}

/// Pipes that are empty.
final class PipePool {
    private var idle: [RelayPipe] = []
    private static let mostIdle = 4

    /// An empty pipe; a new one when none is there.
    func take() throws(SystemError) -> RelayPipe {
        if let pipe = idle.popLast() { return pipe }
        return try RelayPipe()
    }

    /// Takes back a pipe; one that is not empty is closed.
    func give(_ pipe: RelayPipe) {
        if pipe.count == 0 && idle.count < Self.mostIdle { idle.append(pipe) }
    }

    /// Closes all: an agent that rests costs no memory for them.
    func empty() { idle = [] }
}

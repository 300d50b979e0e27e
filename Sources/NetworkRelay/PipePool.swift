// Pipes through which bytes are spliced. A connection holds one only as long as bytes of it wait there, so that ten
// thousand connections that rest need none.

internal import LinuxSystem

/// A pipe and what is in it.
final class RelayPipe {
    let pipe: Pipe
    /// Bytes in it.
    var count = 0

    /// What goes in at most.
    let size: Int

    init(_ size: Int) throws(SystemError) {
        pipe = try Pipe()
        self.size = size
        // Without, bytes go in smaller pieces.
        _ = Splice.resize(pipe, to: size)
    }
}

/// Pipes that are empty.
final class PipePool {
    private var idle: [RelayPipe] = []
    private static let mostIdle = 4
    /// Pipes that are in use: whoever reads slowly holds one.
    private(set) var taken = 0
    /// So many may be; a pipe has two descriptors.
    let most: Int

    init(most: Int) { self.most = most }

    /// What goes through in one turn of two calls; larger ones gain nothing (`scripts/bench network`).
    static let size = 512 << 10
    /// The size of the next one: what waits in thousands of them is memory of the kernel's.
    private var nextSize: Int { taken < 64 ? Self.size : 64 << 10 }

    /// An empty pipe; nil when there is none to be had.
    func take() -> RelayPipe? {
        guard taken < most else { return nil }
        let size = nextSize
        if size == Self.size, let pipe = idle.popLast() {
            taken += 1
            return pipe
        }
        // Neither memory nor a descriptor is a reason to break a connection off.
        guard let pipe = try? RelayPipe(size) else { return nil }
        taken += 1
        return pipe
    }

    /// Takes back a pipe; one that is not empty is closed.
    func give(_ pipe: RelayPipe) {
        taken -= 1
        if pipe.count == 0 && pipe.size == Self.size && idle.count < Self.mostIdle { idle.append(pipe) }
    }

    /// Closes all: an agent that rests costs no memory for them.
    func empty() { idle = [] }
}

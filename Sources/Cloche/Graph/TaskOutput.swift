// What a check or a judge prints: an agent's programs do, as much as they like. Its beginning and its end are kept in a file.

internal import Glibc
internal import LinuxSystem

final class TaskOutput {
    /// Bytes of it that go into the file as they come.
    private static let room = 1 << 20
    /// Bytes at its end that are kept beside that.
    private static let tailRoom = 1 << 16
    /// Bytes that are read at a time: one that prints without end does not keep us from everything else.
    private static let portion = 1 << 20

    private let file: FileDescriptor
    private let pipe: FileDescriptor.Shared
    private var written = 0
    private var leftOut = 0
    private var tail: [UInt8] = []
    /// Whether more may come.
    private(set) var isOpen = true

    /// Reads from the end of a pipe.
    init(_ pipe: FileDescriptor.Shared, into path: String) throws(SystemError) {
        file = try Files.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW)
        try pipe.setNonBlocking()
        self.pipe = pipe
    }

    /// For whoever waits for more.
    var interest: Poll.Interest { Poll.Interest(pipe.number, readable: isOpen) }

    /// Takes what is there.
    func take() {
        var left = Self.portion
        while isOpen, left > 0 {
            let part: [UInt8]
            do throws(SystemError) {
                part = try pipe.read(upTo: 65536)
            } catch {
                // Nothing for now; whatever else fails on a pipe fails for good.
                if error.errno.number != EAGAIN { close() }
                return
            }
            if part.isEmpty { return close() }
            left -= part.count
            add(part)
        }
    }

    /// Takes the rest: there is no more than the pipe holds.
    func finish() {
        take()
        close()
    }

    /// The last line that is not empty.
    var lastLine: String? {
        String(decoding: tail, as: UTF8.self).split(whereSeparator: \.isNewline)
            .last { line in line.contains { !$0.isWhitespace } }.map { String($0) }
    }

    private func add(_ part: [UInt8]) {
        let kept = part.prefix(Self.room - written)
        // On a full disk a check still says by its exit code what it has to say.
        try? file.write(Array(kept))
        written += kept.count
        leftOut += part.count - kept.count
        tail += part
        if tail.count > 2 * Self.tailRoom { tail.removeFirst(tail.count - Self.tailRoom) }
    }

    private func close() {
        guard isOpen else { return }
        isOpen = false
        if leftOut == 0 { return }
        let end = tail.suffix(min(Self.tailRoom, leftOut))
        // As above.
        try? file.write(Array("\n[cloche: \(leftOut - end.count) bytes are left out here]\n".utf8) + end)
    }
}

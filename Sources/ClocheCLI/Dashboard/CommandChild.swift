// A command of Cloche that the dashboard runs as a process of its own, so that nothing it waits for is waited for here:
// `message`, `stop`, `resume` and the like, exactly as a person would type them.

internal import LinuxSystem

/// A running command whose words are kept.
final class CommandChild {
    /// What it prints on standard output beyond this is dropped.
    static let mostOutput = 16 << 20
    private static let mostErrors = 16384

    let pid: Int32
    private var input: FileDescriptor.Shared?
    private let out: FileDescriptor.Shared
    private let err: FileDescriptor.Shared
    private var unwritten: ArraySlice<UInt8>
    private var isOpen = (out: true, err: true)
    private(set) var output: [UInt8] = []
    private var errors: [UInt8] = []

    /// Starts a program with `input` as its standard input.
    init(_ command: Subprocess, input bytes: [UInt8] = []) throws(SystemError) {
        let (stdin, feed) = try Pipe().shared()
        let (outRead, outWrite) = try Pipe().shared()
        let (errRead, errWrite) = try Pipe().shared()
        for end in [feed, outRead, errRead] { try end.setNonBlocking() }
        pid = try command.spawn(stdin: stdin.number, stdout: outWrite.number, stderr: errWrite.number)
        (out, err) = (outRead, errRead)
        unwritten = bytes[...]
        input = bytes.isEmpty ? nil : feed
    }

    /// What to poll for.
    var interests: [Poll.Interest] {
        [
            Poll.Interest(input?.number ?? -1, writable: input != nil),
            Poll.Interest(out.number, readable: isOpen.out),
            Poll.Interest(err.number, readable: isOpen.err),
        ]
    }

    /// Writes and reads what can be; `ready` belongs to `interests`.
    func take(_ ready: [Bool]) {
        guard ready.count == 3 else { return }
        if ready[0] { feed() }
        if ready[1] { isOpen.out = Self.drain(out, into: &output, most: Self.mostOutput) }
        if ready[2] { isOpen.err = Self.drain(err, into: &errors, most: Self.mostErrors) }
    }

    private func feed() {
        // One that reads no more is told by its exit code.
        guard let count = try? input?.writeSome(unwritten) else {
            input = nil
            return
        }
        unwritten = unwritten.dropFirst(count)
        // Closed, so that the command knows that this is all.
        if unwritten.isEmpty { input = nil }
    }

    /// False at the end.
    private static func drain(_ end: FileDescriptor.Shared, into bytes: inout [UInt8], most: Int) -> Bool {
        do throws(SystemError) {
            let part = try end.read(upTo: 65536)
            if part.isEmpty { return false }
            bytes += part.prefix(max(0, most - bytes.count))
            return true
        } catch { return error.errno == .wouldBlock }
    }

    /// The exit code once it has ended; everything that it wrote is there then.
    func status() throws(SystemError) -> Int32? {
        guard let code = try Subprocess.status(pid) else { return nil }
        while isOpen.out {
            let before = output.count
            isOpen.out = Self.drain(out, into: &output, most: Self.mostOutput)
            if output.count == before { break }
        }
        while isOpen.err {
            let before = errors.count
            isOpen.err = Self.drain(err, into: &errors, most: Self.mostErrors)
            if errors.count == before { break }
        }
        return code
    }

    /// What it said, in one line: its error or note, else the first line of its output.
    var words: String {
        let notes = Self.lines(errors).map { $0.hasPrefix("cloche: ") ? String($0.dropFirst(8)) : $0 }
        if !notes.isEmpty { return notes.prefix(2).joined(separator: "; ") }
        return Self.lines(Array(output.prefix(4096))).first ?? ""
    }

    private static func lines(_ bytes: [UInt8]) -> [String] {
        String(decoding: bytes, as: UTF8.self).split(separator: "\n").map { line in
            String(line.drop { $0 == " " })
        }.filter { !$0.isEmpty && !$0.hasSuffix(" ...") }
    }
}

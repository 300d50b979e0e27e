// One connection to the supervisor: a command that asks, a terminal that watches, or a program run by `exec`.
//
// A terminal of the window's size follows the program's output byte by byte. One of another size is shown frames, and one
// that falls behind, or would be sent more than anybody reads, is brought up to date by frames: the program never waits for
// a viewer.

internal import LinuxSystem
internal import TerminalScreen

final class Viewer {
    /// A terminal before a window.
    struct Attachment: Equatable {
        var window: Int
        var readOnly: Bool
        /// The program that was started with the window; it is told when this terminal is gone.
        var program: UInt32?
    }

    enum Role: Equatable {
        case asking
        case attached(Attachment)
        /// A program that reads what window 0 shows.
        case following
        /// A program that is told what the agent's program does.
        case waiting
        case executing(id: UInt32)
    }

    let socket: FileDescriptor
    let token: UInt64
    /// Who is at the other end.
    let user: UInt32
    var role: Role = .asking
    /// When a terminal was connected, in milliseconds of the monotonic clock.
    var attached: Int64 = 0
    /// How many bytes were typed there.
    var typed: Int64 = 0
    /// The size of the terminal that is attached.
    var size = TerminalSize(columns: 80, rows: 24)
    /// Lines that have left the screen and are to be shown first.
    var linesAbove = 0
    /// What the terminal shows is not what the window shows.
    var mustRestore = true
    /// When it was shown a frame, in milliseconds of the monotonic clock.
    var lastFrame: Int64 = 0
    private var painter: FramePainter?
    private var paintedVersion: UInt64 = 0
    /// Messages not sent yet.
    private var queue: [[UInt8]] = []
    private var queued = 0
    /// A terminal with so many bytes of output before it has fallen behind.
    private static let limit = 1 << 20
    /// More than this within the time of a frame is shown as a frame.
    private static let flood = 1 << 18
    /// What was sent since `burstBegan`, in bytes.
    private var burst = 0
    private var burstBegan: Int64 = 0
    /// CAN ends a sequence of which only the first half was sent.
    private static let skipped = Array("\u{18}\r\n[cloche: too slow; output was skipped]\r\n".utf8)
    /// Between two frames, in milliseconds.
    static let frameInterval: Int64 = 33
    /// Bytes of output per message.
    static let chunk = 32768

    init(_ socket: consuming FileDescriptor, of user: UInt32, token: UInt64) {
        self.socket = socket
        self.user = user
        self.token = token
    }

    var attachment: Attachment? {
        if case .attached(let attachment) = role { attachment } else { nil }
    }

    /// Whether the socket must be watched for room.
    var isWaiting: Bool { !queue.isEmpty }

    // MARK: What a terminal is shown

    /// Whether it shows what the window shows, and needs but what comes.
    func follows(_ window: Window) -> Bool {
        role == .following ? window.number == 0 : size == window.size && !mustRestore
    }

    func wantsFrame(of window: Window) -> Bool {
        if size == window.size { return mustRestore }
        return mustRestore || paintedVersion != window.screen.version
    }

    /// Output of the window that it follows; false when the other end is gone.
    func send(output: [UInt8], now: Int64) -> Bool {
        if now - burstBegan >= Self.frameInterval { (burst, burstBegan) = (0, now) }
        burst += output.count
        if burst > Self.flood && role != .following {
            (mustRestore, lastFrame) = (true, now)
            return true
        }
        if queued + output.count > Self.limit {
            queue.removeAll(where: Self.isOutput)
            queued = queue.reduce(0) { $0 + $1.count }
            mustRestore = true
            return role == .following ? send(chunks: Self.skipped) : true
        }
        return send(chunks: output)
    }

    /// Any number of bytes, whatever waits already; false when the other end is gone.
    func send(chunks output: [UInt8]) -> Bool {
        for start in stride(from: 0, to: output.count, by: Self.chunk) {
            let part = Array(output[start..<min(start + Self.chunk, output.count)])
            if !send(.output(part)) { return false }
        }
        return true
    }

    /// The window as it is now; false when the other end is gone.
    func sendFrame(of window: Window) -> Bool {
        // CAN: ends a sequence of which only the first half was sent.
        var bytes: [UInt8] = mustRestore ? [0x18] : []
        if size == window.size {
            painter = nil
            bytes += window.screen.restoration(scrolledOff: linesAbove)
            linesAbove = 0
        } else {
            if mustRestore { painter = nil }
            var painter = painter ?? FramePainter(columns: Int(size.columns), rows: Int(size.rows))
            bytes += painter.frame(window.screen)
            self.painter = painter
        }
        paintedVersion = window.screen.version
        mustRestore = false
        return send(chunks: bytes)
    }

    // MARK: Messages

    /// Who asks again and again and reads no answer is dropped, with so many bytes before it.
    private static let most = 4 << 20

    private static func isOutput(_ message: [UInt8]) -> Bool {
        message.first == ControlMessage.output([]).bytes.first
    }

    /// Sends a message, or queues it.
    ///
    /// False when the other end is gone.
    func send(_ message: ControlMessage, descriptors: [CInt] = []) -> Bool {
        if queue.isEmpty {
            do {
                if try UnixSocket.send(socket, message.bytes, descriptors: descriptors, wait: false) {
                    return true
                }
            } catch { return false }
        }
        let bytes = message.bytes
        if !Self.isOutput(bytes) && queued > Self.most { return false }
        queue.append(bytes)
        queued += bytes.count
        return true
    }

    /// Sends what is queued as far as there is room.
    ///
    /// False when the other end is gone.
    func flush() -> Bool {
        do {
            while let first = queue.first {
                guard try UnixSocket.send(socket, first, wait: false) else { return true }
                queue.removeFirst()
                queued -= first.count
            }
            return true
        } catch { return false }
    }
}

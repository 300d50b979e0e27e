// One connection to the supervisor: a command that asks, a terminal that watches, or a program run by `exec`.

internal import LinuxSystem

final class Viewer {
    enum Role: Equatable {
        case asking
        case attached(readOnly: Bool)
        /// A program that reads what window 0 shows.
        case following
        case executing(id: UInt32)

        /// Whether it gets what window 0 shows.
        var getsOutput: Bool {
            switch self {
            case .attached, .following: true
            case .asking, .executing: false
            }
        }
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
    /// Messages not sent yet; a viewer that falls behind by more than `limit` bytes skips output.
    private var queue: [[UInt8]] = []
    private var queued = 0
    private static let limit = 1 << 20
    /// Bytes of output per message.
    static let chunk = 32768

    init(_ socket: consuming FileDescriptor, of user: UInt32, token: UInt64) {
        self.socket = socket
        self.user = user
        self.token = token
    }

    /// Whether the socket must be watched for room.
    var isWaiting: Bool { !queue.isEmpty }

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
        if case .output(let data) = message, queued + data.count > Self.limit {
            queue.removeAll()
            queued = 0
            // CAN: ends a sequence of which only the first half was sent.
            let notice = "\u{18}\r\n[cloche: this terminal was too slow; output was skipped]\r\n"
            enqueue(.output(Array(notice.utf8)))
        }
        enqueue(message)
        return true
    }

    private func enqueue(_ message: ControlMessage) {
        let bytes = message.bytes
        queue.append(bytes)
        queued += bytes.count
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

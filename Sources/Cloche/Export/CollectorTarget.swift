// An OpenTelemetry collector: each batch is one request of OTLP over HTTP, on a connection of its own.

internal import AuditExport
internal import ClocheModel
internal import LinuxSystem
internal import NetworkRules

/// A collector.
final class CollectorTarget: ExportTarget {
    private let address: SocketAddress
    private let authority: String
    private let path: String
    private let wait: ExportWait
    /// How long one request may take.
    private static let patience: Int64 = 15_000

    init(_ address: IPAddress, _ port: UInt16, _ path: String, _ wait: ExportWait) {
        self.address =
            address.isIPv4
            ? SocketAddress(ipv4: UInt32(truncatingIfNeeded: address.low), port: port)
            : SocketAddress(high: address.high, low: address.low, port: port)
        authority = "\(Host.address(address)):\(port)"
        self.path = path
        self.wait = wait
    }

    func send(_ records: ArraySlice<ExportRecord>) throws(ExportProblem) -> ExportTaken {
        let body = OTLPRequest.body(records, now: WallClock.milliseconds)
        let head = HTTPPost.head(path: path, authority: authority, length: body.count)
        let answer: HTTPAnswer
        do throws(SystemError) {
            answer = try exchange(head + body)
        } catch { throw ExportProblem("\(authority): \(error.errno)") }
        switch OTLPOutcome(answer) {
        case .taken(let rejected, let why):
            return ExportTaken(count: records.count, refused: rejected, why: why)
        case .later(let why, let milliseconds): throw ExportProblem(why, .again(milliseconds: milliseconds))
        case .refused(let why): throw ExportProblem(why, .never)
        }
    }

    private func exchange(_ request: [UInt8]) throws(SystemError) -> HTTPAnswer {
        let until = MonotonicClock.milliseconds + Self.patience
        let socket = try StreamSocket.make(isIPv4: address.ipv4 != nil)
        let number = socket.number
        try StreamSocket.connect(number, to: address)
        repeat { try awaitRoom(number, writable: true, until) } while try !StreamSocket.isConnected(number)
        var answer: [UInt8] = []
        var rest = request[...]
        while true {
            try awaitRoom(number, writable: !rest.isEmpty, until)
            if !rest.isEmpty, case .moved(let count) = StreamSocket.send(number, rest) {
                rest = rest.dropFirst(count)
            }
            // An answer may come before all is sent: a refusal does.
            let result = StreamSocket.receive(number, upTo: 16 << 10, into: &answer)
            let known = HTTPAnswer(answer)
            if let known, known.isWhole || result == .end || answer.count > HTTPAnswer.mostBytes {
                return known
            }
            switch result {
            case .moved, .wouldBlock: if answer.count > HTTPAnswer.mostBytes { throw Self.noAnswer }
            case .end: throw Self.noAnswer
            case .failed(let failure): throw SystemError("recv", failure)
            }
        }
    }

    private static let noAnswer = SystemError("recv", .connectionReset)

    private func awaitRoom(_ number: CInt, writable: Bool, _ until: Int64) throws(SystemError) {
        let left = until - MonotonicClock.milliseconds
        // What fails here fails in the call, too.
        let isReady = try? wait.wait(
            Poll.Interest(number, readable: true, writable: writable),
            milliseconds: max(0, left)
        )
        if isReady != true { throw SystemError("poll", .timedOut) }
    }
}

// `cloche internal gateway`: the process that is an agent's gateway. It hears its supervisor at standard input, and ends
// when that ends.

internal import ClocheModel
internal import LinuxSystem
internal import NetworkRelay

/// A gateway as a process.
final class GatewayProcess {
    private let socket: FileDescriptor.Shared
    private let loop: GatewayLoop
    private var outgoing = OutgoingMessages()
    private var watched: Watched
    private var gateway: Gateway?
    private var id: UInt64 = 0
    private var hasEnded = false

    /// While so many words wait for a supervisor that is busy, no agent's request is taken: memory is bounded.
    private static let mostWaiting = 256

    /// Serves until the supervisor has gone.
    static func run() -> Int32 {
        guard let socket = FileDescriptor(duplicating: 0) else { return 125 }
        do throws(SystemError) {
            ProcessMemory.hide()
            _ = OpenFiles.raise()
            let process = try GatewayProcess(FileDescriptor.Shared(socket))
            return try process.serve()
        } catch { return 125 }
    }

    private init(_ socket: FileDescriptor.Shared) throws(SystemError) {
        self.socket = socket
        loop = try GatewayLoop()
        watched = Watched(socket.number, side: 0)
        id = loop.register(self)
    }

    private func serve() throws(SystemError) -> Int32 {
        gateway = Gateway(loop) { [unowned self] in report($0) }
        watched.want(true, false, of: id, in: loop)
        while !hasEnded {
            try loop.turn()
            while !hasEnded, outgoing.count > Self.mostWaiting { try awaitSupervisor() }
            watched.want(true, outgoing.count > 0, of: id, in: loop)
        }
        return 0
    }

    private func awaitSupervisor() throws(SystemError) {
        _ = try Poll.wait([Poll.Interest(socket.number, readable: true, writable: true)])
        exchange()
    }

    private func report(_ report: GatewayReport) {
        do throws(SystemError) {
            try outgoing.send(report.bytes, to: socket)
        } catch { hasEnded = true }
    }

    private func exchange() {
        do throws(SystemError) {
            try outgoing.flush(to: socket)
            while !hasEnded, var message = try socket.receiveMessage() {
                if message.bytes.isEmpty {
                    hasEnded = true
                    return
                }
                var descriptor: FileDescriptor.Shared?
                if let one = message.descriptors.takeFirst() { descriptor = FileDescriptor.Shared(one) }
                guard let order = GatewayOrder(message.bytes) else { continue }
                obey(order, descriptor)
            }
        } catch { hasEnded = true }
    }

    private func obey(_ order: GatewayOrder, _ descriptor: FileDescriptor.Shared?) {
        do {
            switch order {
            case .serve(let services, let proxy, let servers):
                try gateway?.serve(
                    services,
                    keys: try keys(descriptor),
                    upstreamProxy: proxy,
                    nameServers: servers
                )
                report(.ready)
            case .listen: if let descriptor { gateway?.listen(descriptor) }
            case .intercept(let port): if let descriptor { gateway?.intercept(descriptor, at: port) }
            case .rotate(let service):
                if descriptor == nil, gateway?.readLogin(service) ?? false {
                    return report(.changed(service: service))
                }
                guard let key = try keys(descriptor)[service] else {
                    throw ClocheError(.system, "the key did not arrive")
                }
                try gateway?.setKey(key, of: service)
                report(.changed(service: service))
            case .revoke(let service):
                gateway?.revoke(service) { [unowned self] in report(.changed(service: service)) }
            case .copyKeys(let services):
                if let descriptor { try gateway?.copyKeys(of: services, to: descriptor) }
            case .verdict(let id, let refusal, let status):
                gateway?.decided(id, refusal, status: status)
            }
        } catch let error as ClocheError {
            report(.failed(error.description))
        } catch { report(.failed("\(error)")) }
    }

    private func keys(_ pipe: FileDescriptor.Shared?) throws -> [String: Secret] {
        guard let pipe, let keys = try GatewayKeys.read(pipe) else {
            throw ClocheError(.system, "the keys did not arrive")
        }
        return keys
    }
}

extension GatewayProcess: Watcher {
    func ready(_ side: Int, _ event: Readiness) { exchange() }

    func timeUp() {}
}

/// `cloche internal gateway`.
package enum GatewayProgram {
    /// Serves until the supervisor has gone, and returns the exit code.
    package static func run() -> Int32 { GatewayProcess.run() }
}

// A proxy of the user's, through which all connections go: of a company, as a rule. It is asked by CONNECT with the name,
// so that names are not resolved here, and their addresses cannot be judged.

package import LinuxSystem
package import NetworkRules

extension UpstreamProxy {
    /// The request that asks it to connect.
    package func request(for destination: Destination) -> [UInt8] {
        var text = "CONNECT \(destination) HTTP/1.1\r\nHost: \(destination)\r\n"
        if let credentials {
            text += "Proxy-Authorization: Basic \(Base64.encode(Array(credentials.utf8)))\r\n"
        }
        return Array((text + "\r\n").utf8)
    }
}

/// Binary as text.
///
/// See RFC 4648, 4.
package enum Base64 {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8
    )

    /// The text of some bytes.
    package static func encode(_ bytes: [UInt8]) -> String {
        String(decoding: self.bytes(bytes), as: UTF8.self)
    }

    /// The text of some bytes, as bytes that can be wiped.
    package static func bytes(_ bytes: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        // Never moved: what was moved would stay behind.
        output.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
            for index in 0..<4 {
                let digit = alphabet[Int(bits >> UInt32(18 - 6 * index)) & 63]
                output.append(index <= group.count ? digit : UInt8(ascii: "="))
            }
        }
        return output
    }
}

/// Why a proxy did not connect.
package struct ProxyFailure: Error {
    /// In words.
    package let why: String
}

/// The exchange with the proxy before the connection is the client's.
package final class ProxyHandshake: Watcher {
    private unowned let network: any SocketLoop
    private let socket: FileDescriptor.Shared
    private let completion: (Result<[UInt8], ProxyFailure>) -> Void
    private var request: ArraySlice<UInt8>
    private var answer: [UInt8] = []
    private var id: UInt64 = 0

    private static let patience: Int64 = 10_000
    private static let mostBytes = 16384

    /// Sends a request and waits for the answer; `completion` is given what came behind it.
    package init(
        _ network: any SocketLoop,
        _ socket: FileDescriptor.Shared,
        _ request: [UInt8],
        _ completion: @escaping (Result<[UInt8], ProxyFailure>) -> Void
    ) {
        self.network = network
        self.socket = socket
        self.completion = completion
        self.request = request[...]
        id = network.register(self)
        network.watch(socket.number, id, 0, readable: false, writable: true)
        network.wake(id, at: MonotonicClock.milliseconds + Self.patience)
    }

    /// See `Watcher.ready`.
    package func ready(_ side: Int, _ event: Readiness) { request.isEmpty ? read() : write() }

    /// See `Watcher.timeUp`.
    package func timeUp() { finish(.failure(ProxyFailure(why: "it did not answer within 10 s"))) }

    private func write() {
        switch StreamSocket.send(socket.number, request) {
        case .moved(let count): request = request.dropFirst(count)
        case .wouldBlock: return
        case .end, .failed: return finish(.failure(ProxyFailure(why: "it closed the connection")))
        }
        if request.isEmpty { network.change(socket.number, id, 0, readable: true, writable: false) }
    }

    private func read() {
        switch StreamSocket.receive(socket.number, upTo: 4096, into: &answer) {
        case .moved: break
        case .wouldBlock: return
        case .end, .failed: return finish(.failure(ProxyFailure(why: "it closed the connection")))
        }
        guard let end = Self.endOfHead(answer) else {
            if answer.count > Self.mostBytes {
                finish(.failure(ProxyFailure(why: "its answer is too long")))
            }
            return
        }
        let line = String(decoding: answer.prefix { $0 != 13 && $0 != 10 }.prefix(100), as: UTF8.self)
        let words = line.split(separator: " ")
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), words[1].hasPrefix("2"),
            words[1].utf8.count == 3
        else { return finish(.failure(ProxyFailure(why: "it answers '\(ShownText.of(line))'"))) }
        finish(.success(Array(answer[end...])))
    }

    private static func endOfHead(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        let end: [UInt8] = [13, 10, 13, 10]
        return (4...bytes.count).first { bytes[($0 - 4)..<$0].elementsEqual(end) }
    }

    private func finish(_ result: Result<[UInt8], ProxyFailure>) {
        cancel()
        completion(result)
    }

    /// Gives up; nobody is told.
    package func cancel() {
        network.forget(socket.number)
        network.unregister(id)
    }
}

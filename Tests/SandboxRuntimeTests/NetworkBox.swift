// A real sandbox with a network by name, and a program on the host's side of it that answers in place of the supervisor.

import ClocheModel
import Glibc
import LinuxSystem
import Testing

@testable import SandboxRuntime

/// One sandbox in which a Python script runs, with the answering program beside it.
struct NetworkBox: ~Copyable {
    /// The running sandbox.
    let sandbox: Sandbox
    /// What it had of sockets; nil if it has no network by name.
    let network: SandboxNetwork?
    private let output: FileDescriptor
    private let answerer: Int32

    private static let path = "/usr/local/bin:/usr/bin:/bin"

    /// Says to every connection what it is called there, and to every datagram where it was asked.
    private static let answers = """
        import os, selectors, socket, struct, sys
        IPV6_PKTINFO = 50
        wait = selectors.DefaultSelector()
        udp = socket.socket(fileno=int(sys.argv[1]))
        wait.register(udp, selectors.EVENT_READ)
        for number in sys.argv[2:]:
            wait.register(socket.socket(fileno=int(number)), selectors.EVENT_READ)
        def plain(address): return address.removeprefix("::ffff:")
        while True:
            for key, _ in wait.select():
                if key.fileobj is udp:
                    text, extra, _, who = udp.recvmsg(512, 512)
                    (level, kind, data), = extra
                    if level == socket.IPPROTO_IPV6:
                        where = plain(socket.inet_ntop(socket.AF_INET6, data[:16]))
                    else:
                        where, data = socket.inet_ntop(socket.AF_INET, data[8:12]), data[:4] + data[8:12] + bytes(4)
                    udp.sendmsg([b"%s asked at %s" % (text, where.encode())], [(level, kind, data)], 0, who)
                else:
                    peer, _ = key.fileobj.accept()
                    local, far = peer.getsockname(), peer.getpeername()
                    at = key.fileobj.getsockname()[1]
                    peer.sendall(f"{plain(local[0])} {local[1]} of {plain(far[0])} at {at}".encode())
                    peer.close()

        """

    /// What scripts inside may use.
    private static let prelude = """
        import errno, os, socket, sys, time
        def tcp(address, port):
            try:
                with socket.create_connection((address, port), 5) as peer: return peer.makefile().read()
            except OSError as error: return errno.errorcode.get(error.errno, str(error))
        def udp(address, port, text=b"x"):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            with socket.socket(family, socket.SOCK_DGRAM) as sock:
                sock.settimeout(1)
                try:
                    sock.connect((address, port))
                    sock.send(text)
                    return sock.recv(512).decode()
                except OSError as error: return errno.errorcode.get(error.errno, str(error))

        """

    /// Starts both.
    ///
    /// - Parameter isFiltered: whether the usual filters lie on the script; none, otherwise.
    init(_ script: String, _ wanted: SandboxNetworkRequest?, isFiltered: Bool = true) throws {
        let executable = try Files.readLink("/proc/self/exe")
        let python = try #require(ProcessEnvironment.findProgram("python3", path: Self.path))
        let policy = Policy(profile: "test", harness: HarnessPolicy(command: ["python3"]))
        let null = try Files.open("/dev/null", O_RDWR)
        let stdout = try Pipe()
        let spec = ProcessSpec(
            arguments: [python, "-c", Self.prelude + script],
            environment: ["PATH=\(Self.path)"],
            directory: "/"
        )
        var request = SandboxRequest(
            policy: policy,
            identity: .current(key: "test"),
            hostname: "test",
            executable: executable
        )
        request.network = wanted
        let end = stdout.writeEnd.number
        var sandbox = try Sandbox.launch(
            request,
            isFiltered ? try SandboxFilters(policy.syscalls) : .none,
            starting: SpawnRequest(1, spec, stdio: [null.number, end, end])
        )
        let network = sandbox.takeNetwork()
        var answerer: Int32 = 0
        if let network {
            let numbers = ([network.questions].compactMap { $0 } + network.listeners.map(\.socket)).map(
                \.number
            )
            answerer = try Subprocess(python, ["-c", Self.answers] + numbers.map { "\($0)" })
                .spawn(stdin: null.number, stdout: null.number, stderr: 2, extra: numbers)
        }
        (self.network, self.answerer) = (network, answerer)
        output = stdout.readOnlyEnd()
        self.sandbox = sandbox
    }

    /// The lines that the script prints, when it has ended.
    func lines() throws -> [String] {
        let text = String(decoding: try output.readToEnd(), as: UTF8.self)
        return text.split(separator: "\n").map(String.init)
    }

    /// The next line.
    func line() throws -> String {
        var bytes: [UInt8] = []
        while let byte = try output.read(upTo: 1).first, byte != UInt8(ascii: "\n") { bytes.append(byte) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What init tells next, but for starts and ends of programs.
    func answer() throws -> SandboxEvent {
        while let event = try sandbox.nextEvent(wait: true) {
            switch consume event {
            case .started: continue
            case .exited: continue
            case .failed(_, let error): throw error
            case .counted(let last): return .counted(last)
            case .socket(let id, let socket): return .socket(id: id, socket)
            case .closed: throw SetupFailure.silence
            }
        }
        throw SetupFailure.silence
    }

    deinit {
        var status: CInt = 0
        if answerer > 0, kill(answerer, SIGKILL) == 0 { unsafe waitpid(answerer, &status, 0) }
    }
}

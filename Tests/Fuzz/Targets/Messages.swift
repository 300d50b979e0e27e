// The messages between processes: commands and supervisor, supervisor and init, and the records on disk.

import CLinux
import ClocheModel
import Glibc
import LinuxSystem
import StructuredText

@testable import SandboxRuntime
@testable import Supervision

/// What comes over an agent's socket: nothing traps, and what is a message is written as it was understood.
@Sendable func fuzzControl(_ bytes: [UInt8]) {
    if let message = ControlMessage(bytes) {
        require(ControlMessage(message.bytes) == message, "read again: \(message)")
        if case .exec(let request) = message { requireSameInC(request) }
    }
    if let order = SupervisorOrder(bytes) {
        require(SupervisorOrder(order.bytes) == order, "read again: \(order)")
    }
    if let error = SupervisorReady.error(in: bytes) {
        require(!error.what.isEmpty || !error.description.isEmpty, "an error has words")
    }
}

/// A request as the supervisor would pass it on to init.
private func requireSameInC(_ request: ExecRequest) {
    let spec = ProcessSpec(
        arguments: request.arguments,
        environment: request.environment,
        directory: request.directory
    )
    let message = Wire.spawn(SpawnRequest(7, spec))
    guard message.count <= UnixSocket.messageLimit else { return }
    guard let read = readSpawn(message) else { fatalError("init does not understand: \(request)") }
    func sent(_ strings: [String]) -> [[UInt8]] { strings.map { $0.utf8.filter { $0 != 0 } } }
    require(read.directory == sent([request.directory])[0], "the directory")
    require(read.arguments == sent(request.arguments), "the arguments")
    require(read.environment == sent(request.environment), "the environment")
}

private struct ReadSpawn {
    let directory: [UInt8]
    let arguments: [[UInt8]]
    let environment: [[UInt8]]
}

/// init's own reading, of a copy that ends where the message ends.
private func readSpawn(_ message: [UInt8]) -> ReadSpawn? {
    let count = message.count
    let copy = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 8)
    defer { unsafe copy.deallocate() }
    unsafe message.withUnsafeBytes { source in
        unsafe UnsafeMutableRawBufferPointer(start: copy, count: count).copyMemory(from: source)
    }
    var argv: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
    var envp: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
    guard let strings = unsafe clinux_read_spawn(copy, count, &argv, &envp) else { return nil }
    defer { unsafe free(strings) }
    func list(_ first: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> [[UInt8]] {
        var found: [[UInt8]] = []
        var next = unsafe first
        while let place = unsafe next, let text = unsafe place.pointee {
            let length = unsafe strlen(text)
            unsafe found.append([UInt8](UnsafeRawBufferPointer(start: text, count: length)))
            unsafe next = place + 1
        }
        return found
    }
    return unsafe ReadSpawn(directory: list(strings)[0], arguments: list(argv), environment: list(envp))
}

/// Both directions of the socket between supervisor and init.
@Sendable func fuzzInit(_ bytes: [UInt8]) {
    // What init, taken over by a program, could say to the supervisor.
    if let message = Wire.Message(bytes) {
        _ = Wire.end(message.value)
        require(!SetupError.spawn(message).description.isEmpty, "a failed start has words")
        let failure = SetupFailure.stage(clinux_stage(message.id), Int(message.value), Errno(message.error))
        require(
            !SetupError.explain(failure, somePlan, someFacts).description.isEmpty,
            "a failed stage has words"
        )
    }
    // What the supervisor says to init.
    guard let read = readSpawn(bytes) else { return }
    let text = bytes.dropFirst(MemoryLayout<clinux_spawn_request>.size)
    let strings = [read.directory] + read.arguments + read.environment
    let joined: [UInt8] = strings.flatMap { string -> [UInt8] in string + [0] }
    require(joined == Array(text), "every byte of the message is in one string")
    require(!read.arguments.isEmpty, "there is a program")
}

private let somePlan = SandboxPlan(
    identity: SandboxIdentity(user: 1000, group: 1000, hostUser: 1000, hostGroup: 1000, startedByRoot: false),
    sharesNetwork: false,
    executable: "/usr/bin/cloche",
    sources: [MountSource(path: "/usr", attributes: [], device: 1, inode: 1, reason: "a test")],
    operations: [PlanOperation(.directory(mode: 0o755), at: "usr", reason: "a test")]
)

private let someFacts = HostFacts.current

// One program for all fuzz targets; its own name says which, since libFuzzer starts it anew with the same
// name (to make a crash smaller, to merge a corpus). Built and run by scripts/fuzz.

import CLibFuzzer
import Glibc

/// A target: takes any bytes, and traps when a property does not hold.
private let targets: [String: @Sendable ([UInt8]) -> Void] = [
    "profile": fuzzProfile, "config": fuzzConfig, "project": fuzzProject, "control": fuzzControl,
    "init": fuzzInit, "git-names": fuzzGitNames, "terminal": fuzzTerminal, "screen": fuzzScreen,
    "json": fuzzJSON,
    "dns": fuzzDNS, "tls-hello": fuzzHello, "http-head": fuzzHTTPHead, "chunked": fuzzChunked,
    "socks": fuzzSocks, "gate": fuzzGate, "negotiation": fuzzNegotiation,
    "network-rules": fuzzNetworkRules, "audit": fuzzAudit, "recording": fuzzRecording,
    "usage": fuzzUsage,
    "credential": fuzzCredential, "gateway": fuzzGateway, "login": fuzzLogin,
    "self-test": fuzzSelfTest,
]

private let selected: (@Sendable ([UInt8]) -> Void)? = CommandLine.arguments.first.flatMap { path in
    targets[String(path.split(separator: "/").last ?? "")]
}

/// Ends the run with the input as a finding.
func require(_ holds: Bool, _ property: @autoclosure () -> String) {
    if !holds { fatalError("does not hold: \(property())") }
}

/// What AddressSanitizer and the search are tried on: a read behind the buffer, after four bytes that
/// chance alone does not find.
@Sendable private func fuzzSelfTest(_ bytes: [UInt8]) {
    guard bytes.count >= 4, bytes[0] == 0x1B, bytes[1] == UInt8(ascii: "]"), bytes[2] == UInt8(ascii: "5"),
        bytes[3] == UInt8(ascii: "2")
    else { return }
    let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count)
    unsafe copy.initialize(repeating: bytes[0], count: bytes.count)
    if unsafe copy[bytes.count] == 0 { print("read behind the end") }
    unsafe copy.deallocate()
}

@main enum Fuzz {
    static func main() {
        guard selected != nil else {
            print(
                "usage: \(targets.keys.sorted().joined(separator: "|")) [LIBFUZZER OPTION | FILE | DIRECTORY]..."
            )
            exit(2)
        }
        var count = CommandLine.argc
        var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = unsafe CommandLine.unsafeArgv
        let status = unsafe LLVMFuzzerRunDriver(&count, &arguments) { data, size in
            selected?(unsafe [UInt8](UnsafeBufferPointer(start: data, count: size)))
            return 0
        }
        exit(status)
    }
}

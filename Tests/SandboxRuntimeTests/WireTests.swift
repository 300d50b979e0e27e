// The request to start a program, as the supervisor writes it and as init's C reads it.

import CLinux
import ClocheModel
import Glibc
import Testing

@testable import SandboxRuntime

@Suite struct WireTests {
    /// Directory, arguments and environment as init takes them from a message; nil when it refuses it.
    private func read(_ message: [UInt8]) -> [[String]]? {
        let copy = UnsafeMutableRawPointer.allocate(byteCount: max(1, message.count), alignment: 8)
        defer { unsafe copy.deallocate() }
        unsafe message.withUnsafeBytes { source in
            unsafe UnsafeMutableRawBufferPointer(start: copy, count: message.count).copyMemory(from: source)
        }
        var argv: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
        var envp: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
        guard let first = unsafe clinux_read_spawn(copy, message.count, &argv, &envp) else { return nil }
        defer { unsafe free(first) }
        return unsafe [first, argv, envp].map { list in
            var strings: [String] = []
            var next = unsafe list
            while let place = unsafe next, let text = unsafe place.pointee {
                unsafe strings.append(String(cString: text))
                unsafe next = place + 1
            }
            return strings
        }
    }

    private func message(_ directory: String, _ arguments: [String], _ environment: [String]) -> [UInt8] {
        let spec = ProcessSpec(arguments: arguments, environment: environment, directory: directory)
        return Wire.spawn(SpawnRequest(7, spec))
    }

    @Test func initReadsWhatTheSupervisorWrote() {
        let sent = message("/workspace", ["sh", "", "ü\n"], ["A=1", ""])
        #expect(read(sent) == [["/workspace"], ["sh", "", "ü\n"], ["A=1", ""]])
        #expect(read(message("/", ["true"], [])) == [["/"], ["true"], []])
    }

    /// A null in one string would move the bounds of all that follow.
    @Test func aNullEndsNoString() {
        let sent = message("/a\0rm", ["true\0x", "b"], ["A=\0B"])
        #expect(read(sent) == [["/arm"], ["truex", "b"], ["A=B"]])
    }

    @Test func initRefusesWhatIsNoRequest() {
        let whole = message("/", ["a", "b"], ["C=d"])
        let head = MemoryLayout<clinux_spawn_request>.size
        #expect(read(whole) != nil)
        for length in 0..<whole.count { #expect(read(Array(whole.prefix(length))) == nil, "\(length) bytes") }
        #expect(read(whole + [0]) == nil, "a string too many")
        #expect(read(message("/", [], ["A=b"])) == nil, "no program")
        // The number of arguments, then of variables, then of bytes.
        for place in [head - 12, head - 8, head - 4] {
            for byte in [0, 1, 3, 4, 255] as [UInt8] where whole[place] != byte {
                var wrong = whole
                wrong[place] = byte
                #expect(read(wrong) == nil, "\(byte) at \(place)")
                wrong[place + 3] = 255
                #expect(read(wrong) == nil, "a great number at \(place)")
            }
        }
    }
}

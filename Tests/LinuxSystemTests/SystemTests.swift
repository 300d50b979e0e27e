// Small pieces: ids in /etc/subuid, times as text, errors and retries, waiting.

import Glibc
import LinuxSystem
import Testing

@Suite struct SystemTests {
    static let ranges: [(text: String, range: SubordinateRange?)] = [
        ("dev:100000:65536\n", SubordinateRange(first: 100_000, count: 65536)),
        ("other:1:2\ndev:100000:65536\ndev:200000:1\n", SubordinateRange(first: 100_000, count: 65536)),
        ("1001:300000:10\n", SubordinateRange(first: 300_000, count: 10)),
        ("dev:4294967295:1", SubordinateRange(first: .max, count: 1)),
        // Lines that are broken are passed over; host id 0 is never lent.
        ("dev:0:65536\ndev:5:0\ndev:a:1\ndev:1\ndev:-1:5\ndev:1:4294967296\n", nil),
        ("devil:1:2\n# dev:1:2\n dev:1:2\n\n", nil), ("", nil),
    ]

    @Test(arguments: ranges) func readsSubordinateIDs(_ text: String, _ range: SubordinateRange?) {
        #expect(SubordinateRange.parse(["dev", "1001"], in: text) == range)
    }

    static let times: [(milliseconds: Int64, text: String)] = [
        (0, "1970-01-01T00:00:00.000Z"), (1_700_000_000_007, "2023-11-14T22:13:20.007Z"),
        (951_782_399_999, "2000-02-28T23:59:59.999Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
    ]

    @Test(arguments: times) func writesTimes(_ milliseconds: Int64, _ text: String) {
        #expect(WallClock.format(milliseconds) == text)
    }

    @Test func triesAgainAfterASignal() throws {
        var calls = 0
        let result = try check("call") { () -> Int in
            calls += 1
            if calls < 3 {
                errno = EINTR
                return -1
            }
            return 5
        }
        #expect(result == 5 && calls == 3)
    }

    @Test func tellsWhatFailed() {
        let error = #expect(throws: SystemError.self) {
            try check("open", "/x") { () -> CInt in
                errno = ENOENT
                return -1
            }
        }
        #expect(error == SystemError("open", .noEntry, "/x"))
        #expect(error?.description == "open /x: No such file or directory")
    }

    @Test func waitsForWhatIsReady() throws {
        let epoll = try Epoll()
        let pipe = try Pipe()
        try epoll.add(pipe.readEnd.number, token: 7)
        #expect(try epoll.wait(milliseconds: 0).isEmpty)
        try pipe.writeEnd.write([1])
        let events = try epoll.wait(milliseconds: nil)
        #expect(events.map(\.token) == [7] && events.map(\.readable) == [true])
        let (near, far) = (pipe.readEnd.number, pipe.writeEnd.number)
        #expect(
            try Poll.wait([
                Poll.Interest(near, readable: true), Poll.Interest(far), Poll.Interest(far, writable: true),
            ])
                == [true, false, true]
        )
        epoll.remove(pipe.readEnd.number)
        #expect(try epoll.wait(milliseconds: 0).isEmpty)
    }

    @Test func findsProgramsInThePathGiven() throws {
        #expect(ProcessEnvironment.findProgram("sh", path: "/none:/bin") == "/bin/sh")
        #expect(ProcessEnvironment.findProgram("/bin/sh", path: "") == "/bin/sh")
        #expect(ProcessEnvironment.findProgram("sh", path: "bin:.") == nil)
        #expect(ProcessEnvironment.findProgram("none", path: "/bin") == nil)
        #expect(ProcessEnvironment.findProgram("/etc", path: "/") == nil)
    }
}

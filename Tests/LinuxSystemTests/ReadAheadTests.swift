// The thread that reads a pty before anybody asks. Whatever happens, no byte is lost.

import Glibc
import LinuxSystem
import Testing

@Suite struct ReadAheadTests {
    /// What the pipe brings until it ends.
    private static func drain(_ ahead: borrowing ReadAhead) throws -> [UInt8] {
        var all: [UInt8] = []
        while true {
            _ = try Poll.wait([Poll.Interest(ahead.pipe.number, readable: true)], milliseconds: 10_000)
            let part = ahead.pipe.readAvailable(upTo: 30_000)
            all += part.bytes
            if case .closed = part.end { return all }
        }
    }

    @Test func everythingComesInItsOrderAndThenTheEnd() throws {
        let source = try Pipe()
        try source.readEnd.setNonBlocking()
        try source.writeEnd.setNonBlocking()
        let sent = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
        var count = try #require(try source.writeEnd.writeSome(sent[...]))
        let ahead = try source.readEnd.readAhead(Pipe())
        var came: [UInt8] = []
        while count < sent.count {
            came += ahead.pipe.readAvailable(upTo: 5000).bytes
            count += try source.writeEnd.writeSome(sent[count...]) ?? 0
        }
        came += try Self.drain(ahead)
        #expect(came == sent)
        // Nobody reads ahead any more: what comes now is here.
        #expect(try source.writeEnd.writeSome([1, 2, 3][...]) == 3)
        #expect(source.readEnd.readAvailable(upTo: 10).bytes == [1, 2, 3])
    }

    @Test func itEndsWithTheSource() throws {
        let source = try Pipe()
        try source.readEnd.setNonBlocking()
        #expect(try source.writeEnd.writeSome([9][...]) == 1)
        let read = source.readOnlyEnd()
        #expect(try Self.drain(read.readAhead(Pipe())) == [9])
        guard case .closed = read.readAvailable(upTo: 1).end else {
            Issue.record("the source has not ended")
            return
        }
    }

    @Test func whoClosesThePipeEndsIt() throws {
        let source = try Pipe()
        try source.readEnd.setNonBlocking()
        try source.writeEnd.setNonBlocking()
        do {
            let ahead = try source.readEnd.readAhead(Pipe())
            #expect(try source.writeEnd.writeSome([1][...]) == 1)
            _ = try Poll.wait([Poll.Interest(ahead.pipe.number, readable: true)], milliseconds: 10_000)
        }
        // Nobody reads ahead any more.
        Pause.milliseconds(100)
        #expect(try source.writeEnd.writeSome([2][...]) == 1)
        #expect(source.readEnd.readAvailable(upTo: 10).bytes == [2])
    }
}

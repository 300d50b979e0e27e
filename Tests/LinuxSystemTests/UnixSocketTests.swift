// Messages on sockets: their borders, the descriptors that come along, and what a closed end looks like.

import Glibc
import LinuxSystem
import Testing

@Suite struct UnixSocketTests {
    @Test func messagesKeepTheirBorders() throws {
        let pair = try UnixSocket.pair()
        try UnixSocket.send(pair.near, [1, 2])
        try UnixSocket.send(pair.near, [3])
        #expect(try UnixSocket.receive(pair.far)?.bytes == [1, 2])
        #expect(try UnixSocket.receive(pair.far)?.bytes == [3])
        #expect(try isMissing(UnixSocket.receive(pair.far, wait: false)))
    }

    @Test func lastWordsArriveThoughOursWereNotRead() throws {
        let pair = try UnixSocket.pair()
        try UnixSocket.send(pair.near, [1])
        try UnixSocket.send(pair.far, [2])
        let near = pair.closingFar()
        #expect(try UnixSocket.receive(near)?.bytes == [2])
        #expect(try UnixSocket.receive(near)?.bytes == [])
    }

    @Test func descriptorsComeAlongInOrder() throws {
        let pair = try UnixSocket.pair()
        let first = try Pipe()
        let second = try Pipe()
        try UnixSocket.send(pair.near, [7], descriptors: [first.writeEnd.number, second.writeEnd.number])
        var message = try needed(UnixSocket.receive(pair.far))
        #expect(message.bytes == [7] && message.descriptors.count == 2)
        let one = try needed(message.descriptors.takeFirst())
        let two = try needed(message.descriptors.takeFirst())
        #expect(message.descriptors.count == 0)
        try one.write(Array("one".utf8))
        try two.write(Array("two".utf8))
        #expect(try first.readEnd.read(upTo: 10) == Array("one".utf8))
        #expect(try second.readEnd.read(upTo: 10) == Array("two".utf8))
        #expect(fcntl(one.number, F_GETFD) & FD_CLOEXEC != 0)
    }

    @Test func descriptorsThatNobodyTakesAreClosed() throws {
        let pair = try UnixSocket.pair()
        let reading = try {
            let pipe = try Pipe()
            try UnixSocket.send(pair.near, [7], descriptors: [pipe.writeEnd.number])
            _ = try UnixSocket.receive(pair.far)
            return pipe.readOnlyEnd()
        }()
        // Were the received end still open, this would wait for ever.
        #expect(try reading.read(upTo: 1).isEmpty)
    }

    @Test func aClosedEndIsAnEmptyMessage() throws {
        let near = try UnixSocket.pair().closingFar()
        #expect(try UnixSocket.receive(near)?.bytes == [])
        let error = #expect(throws: SystemError.self) { try UnixSocket.send(near, [1]) }
        #expect(error?.errno.number == EPIPE)
    }

    @Test func aFullSocketSaysSo() throws {
        let pair = try UnixSocket.pair()
        let message = [UInt8](repeating: 0, count: 32768)
        var sent = 0
        while try UnixSocket.send(pair.near, message, wait: false) { sent += 1 }
        #expect(sent > 0)
        #expect(try UnixSocket.receive(pair.far)?.bytes == message)
        #expect(try UnixSocket.send(pair.near, message, wait: false))
    }

    @Test func theLengthOfADirectorysPathDoesNotMatter() throws {
        let folder = try TemporaryFolder()
        let deep = folder.path + "/" + String(repeating: "d", count: 200)
        try Files.makeDirectory(deep)
        let directory = try Files.open(deep, O_RDONLY | O_DIRECTORY)
        let listener = try UnixSocket.listen(in: directory, name: "control.sock")
        #expect(try isMissing(UnixSocket.accept(listener)))
        let client = try UnixSocket.connect(in: directory, name: "control.sock")
        let server = try needed(UnixSocket.accept(listener))
        try UnixSocket.send(client, [42])
        #expect(try UnixSocket.receive(server)?.bytes == [42])
        #expect(try UnixSocket.peerUser(server) == CurrentUser.id)
        #expect(try UnixSocket.peerUser(client) == CurrentUser.id)
    }

    @Test func nobodyListening() throws {
        let folder = try TemporaryFolder()
        let directory = try Files.open(folder.path, O_RDONLY | O_DIRECTORY)
        let absent = #expect(throws: SystemError.self) {
            _ = try UnixSocket.connect(in: directory, name: "control.sock")
        }
        #expect(absent?.errno == .noEntry)
        _ = try UnixSocket.listen(in: directory, name: "control.sock")
        let left = #expect(throws: SystemError.self) {
            _ = try UnixSocket.connect(in: directory, name: "control.sock")
        }
        #expect(left?.errno.number == ECONNREFUSED)
    }
}

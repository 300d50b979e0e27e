// Which socket has a connection: asked of the kernel, for real ones.

import Glibc
import Testing

@testable import LinuxSystem

@Suite struct SocketDiagnosisTests {
    @Test(arguments: [true, false]) func bothEndsOfAConnectionAreToldApart(isIPv4: Bool) throws {
        let number = socket(AF_NETLINK, CInt(SOCK_RAW.rawValue), 4)
        try #require(number >= 0)
        let diagnosis = SocketDiagnosis(FileDescriptor.Shared(FileDescriptor(owning: number)))
        let listener = try StreamSocket.listen(.loopback(isIPv4: isIPv4, port: 0))
        let address = try #require(StreamSocket.localAddress(listener.number))
        var client = FileDescriptor.Shared?(FileDescriptor.Shared(try StreamSocket.make(isIPv4: isIPv4)))
        try StreamSocket.connect(client?.number ?? -1, to: address)
        guard let accepted = try StreamSocket.accept(listener.number) else {
            throw SystemError("accept", .wouldBlock)
        }
        var server = FileDescriptor.Shared?(FileDescriptor.Shared(accepted))
        let local = try #require(StreamSocket.remoteAddress(server?.number ?? -1))
        #expect(diagnosis.inode(local: local, remote: address) == (try client?.status().inode))
        #expect(diagnosis.inode(local: address, remote: local) == (try server?.status().inode))
        // No connection of that port, and none at all.
        #expect(
            diagnosis.inode(local: SocketAddress(high: local.high, low: local.low, port: 1), remote: local)
                == nil
        )
        (client, server) = (nil, nil)
        #expect(diagnosis.inode(local: local, remote: address) == nil)
    }

    @Test func whatIsNoAnswerTellsNothing() {
        #expect(SocketDiagnosis.inode(in: []) == nil)
        var answer = [UInt8](repeating: 1, count: 88)
        #expect(SocketDiagnosis.inode(in: answer) == nil)
        (answer[4], answer[5]) = (20, 0)
        #expect(SocketDiagnosis.inode(in: answer) == 0x0101_0101)
        #expect(SocketDiagnosis.inode(in: Array(answer.dropLast())) == nil)
    }

    @Test func aQuestionIsAsTheKernelReadsIt() {
        let question = SocketDiagnosis.question(
            SocketAddress(ipv4: 0x7f00_0001, port: 0x1234),
            SocketAddress(ipv4: 0x0a00_0001, port: 443)
        )
        #expect(question.count == 72 && question[0] == 72 && question[16..<18] == [2, 6])
        #expect(question[24..<28] == [0x12, 0x34, 1, 187] && question[28..<32] == [127, 0, 0, 1])
        #expect(question[44..<48] == [10, 0, 0, 1])
    }
}

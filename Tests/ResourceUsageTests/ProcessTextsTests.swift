// Texts of /proc as the kernel writes them around what an agent has chosen.

import Testing

@testable import ResourceUsage

@Suite struct ProcessTextsTests {
    private func bytes(_ text: String) -> ArraySlice<UInt8> { Array(text.utf8)[...] }

    private let tail = " S 7 1 1 0 -1 4194368 1 2 3 4 100 20 3 -1 20 0 5 0 3496767 11849728 305\n"

    @Test(arguments: ["sh", "a) S 1 2 3 4 5 6 7 8 9 1 1 1 1 1 1 1 1 1 1", "((", "a\nb", ")", ""])
    func theNameOfAProgramDoesNotMatter(_ name: String) throws {
        let stat = try #require(ProcessStat(bytes("12 (\(name))" + tail)))
        #expect(stat.threads == 5 && stat.ticks == 123 && stat.parent == 7 && stat.start == 3_496_767)
        #expect(stat.isFork)
    }

    @Test func whatIsCutOffIsNone() {
        let whole = "12 (sh)" + tail
        for length in 0..<(whole.utf8.count - 20) {
            _ = ProcessStat(bytes(whole).prefix(length))
            _ = ProcessPages(bytes(whole).prefix(length))
            _ = MappingHead(bytes(whole).prefix(length))
        }
        #expect(ProcessStat(bytes("12 (sh) S 1 1")) == nil)
        #expect(ProcessStat([]) == nil)
        #expect(ProcessPages(bytes("100 50")) == nil)
        #expect(ProcessPages(bytes("100 50 20 1 0 9 0\n"))?.anonymous == 30)
    }

    @Test func linesOfKilobytes() {
        let text = bytes("5-7 ---p 00000000 00:00 0    [rollup]\nRss:   12 kB\nPss_Anon:   3 kB\nSwapPss:\n")
        #expect(KilobyteLine.bytes("Pss_Anon:", in: text) == 3072)
        #expect(KilobyteLine.bytes("Pss:", in: text) == 0)
        #expect(KilobyteLine.bytes("SwapPss:", in: text) == 0)
    }

    @Test func headsOfMappings() {
        let head = MappingHead(bytes("7f12-7f13 rw-s 00000000 00:01 4242   /memfd:a b (deleted)"))
        #expect(head?.device == 1 && head?.inode == 4242)
        #expect(
            MappingHead(bytes("7f12-7f13 rw-p 00000000 103:0002 5"))?.device == DeviceNumber.make(0x103, 2)
        )
        #expect(MappingHead(bytes("Pss:  4 kB")) == nil)
        #expect(MappingHead(bytes("7f12-7f13 rw-s")) == nil)
        #expect(MappingHead([]) == nil)
    }

    @Test func mountsInMemory() {
        let text = """
            84 43 0:40 / / ro - tmpfs none rw
            94 84 0:47 / /tmp rw,nosuid shared:5 master:2 - tmpfs none rw
            95 84 0:48 / /x rw - ext4 /dev/sda rw
            96 84 0:49 / /a\\040b rw - tmpfs none rw
            broken - tmpfs
            """
        let found = MemoryMount.all(Array(text.utf8))
        #expect(found.map(\.path) == [".", "tmp", "a\\040b"])
        #expect(found.map(\.device) == [40, 47, 49])
    }

    @Test func boundsOfAnEstimate() {
        let first = MemoryEstimate(.init(anonymous: 100, largest: 60, placed: 10, host: 1000), last: nil)
        #expect(
            first == MemoryEstimate(.init(anonymous: 100, largest: 60, placed: 10, host: 1000), last: nil)
        )
        #expect(first.least == 70 && first.most == 110 && first.isInDoubt(100) && !first.isInDoubt(60))
        var findings = MemoryFindings()
        (findings.anonymous, findings.shared) = (70, 5)
        let then = MemoryEstimate.Moment(anonymous: 100, largest: 60, placed: 10, host: 1000)
        // Ten more of a process, twenty of a file system in memory, and another thirty of the host's.
        let now = MemoryEstimate.Moment(anonymous: 110, largest: 70, placed: 30, host: 1050)
        let later = MemoryEstimate(now, last: (findings, then))
        #expect(later.least == 100 && later.likely == 115 && later.most == 175)
    }
}

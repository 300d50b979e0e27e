// What is read of another process's memory for the record: here, of this one's.

import Glibc
import Testing

@testable import SandboxRuntime

@Suite struct ProcessWordsTests {
    /// A list of words at so many bytes before the end of a page.
    private func read(_ list: [String], before end: Int, until: Int64? = nil) throws -> ProcessWords {
        let bytes = list.map { $0.utf8CString }
        let memory = unsafe mmap(nil, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        let pages = unsafe try #require(memory)
        defer { unsafe munmap(pages, 8192) }
        var (text, place) = (4096, 4096 - end)
        var words = ProcessWords(getpid(), until: until)
        let base = UInt64(UInt(bitPattern: pages))
        // The texts are behind the list.
        text += 1024
        for word in bytes {
            for (i, byte) in word.enumerated() {
                unsafe pages.storeBytes(of: byte, toByteOffset: text + i, as: CChar.self)
            }
            unsafe pages.storeBytes(of: base + UInt64(text), toByteOffset: place, as: UInt64.self)
            text += word.count
            place += 8
        }
        words.readList(at: base + UInt64(4096 - end))
        return words
    }

    @Test(arguments: [0, 4, 7, 8, 9, 64]) func aListMayBeInTwoPages(_ end: Int) throws {
        let found = try read(["one", "two words", "", "four"], before: end)
        #expect(found.words == ["one", "two words", "", "four"] && !found.isCut)
    }

    @Test func readingEndsInTime() throws {
        let found = try read(["one", "two"], before: 64, until: 0)
        #expect(found.words.isEmpty && found.isCut)
    }

    /// A control character is six in a record.
    @Test func wordsAreCutAsTheyAreWritten() throws {
        let found = try read([String(repeating: "\u{1}", count: 700), "two"], before: 64)
        #expect(found.words == [String(repeating: "\u{1}", count: 682), "two"] && found.isCut)
    }
}

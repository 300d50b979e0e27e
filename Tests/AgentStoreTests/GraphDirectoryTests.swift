// The journal of a plan's run: whole lines in their order, one process at it, and what a crash leaves at its end.

import ClocheModel
import LinuxSystem
import Testing

@testable import AgentStore

@Suite struct GraphDirectoryTests {
    private func event(_ number: Int64) -> Document {
        .object(["event": .string("x"), "n": .integer(number)])
    }

    @Test func eventsAreReadInTheirOrderByWhoeverComesNext() throws {
        let state = try TemporaryState()
        let place = try state.project().graph("plan")
        #expect(!place.exists && !place.isHeld)
        do {
            let holder = try #require(try place.take())
            #expect(try holder.events().isEmpty)
            for number in 1...3 as ClosedRange<Int64> { try holder.append(event(number)) }
            #expect(place.isHeld)
            #expect(try place.take() == nil)
        }
        let next = try #require(try place.take())
        #expect(try next.events() == [event(1), event(2), event(3)])
        #expect(try state.project().agents().isEmpty)
    }

    /// Whatever a cut leaves of the last line, the lines before it stay, and the next one is readable.
    @Test(arguments: ["{\"event\":\"x\",\"n\"", "{", "\0\0\0\0", "\0\0\0\n", "{\"n\":9}"])
    func aLineThatWasCutShortWasNeverSaid(end: String) throws {
        let state = try TemporaryState()
        let place = try state.project().graph("plan")
        try #require(try place.take()).append(event(1))
        let file = try Files.openForAppending(place.journal)
        try file.write(Array(end.utf8))
        #expect(try place.read() == [event(1)])
        let holder = try #require(try place.take())
        #expect(try holder.events() == [event(1)])
        try holder.append(event(2))
        #expect(try place.read() == [event(1), event(2)])
    }

    @Test func aDamagedLineInTheMiddleIsRefused() throws {
        let state = try TemporaryState()
        let place = try state.project().graph("plan")
        try #require(try place.take()).append(event(1))
        let file = try Files.openForAppending(place.journal)
        try file.write(Array("{\"event\n{\"event\":\"x\"}\n".utf8))
        #expect(throws: ClocheError.self) { try place.read() }
    }

    @Test func anAnswerRingsForWhoeverIsAtIt() throws {
        let state = try TemporaryState()
        let place = try state.project().graph("plan")
        try state.project().graph("other").answer("a", approved: true)
        let holder = try #require(try place.take())
        let interest = [Poll.Interest(holder.bellNumber, readable: true)]
        #expect(try Poll.wait(interest, milliseconds: 0) == [false])
        #expect(place.answer(to: "a") == nil)
        try place.answer("a", approved: false)
        #expect(try Poll.wait(interest, milliseconds: 0) == [true])
        holder.silence()
        #expect(try Poll.wait(interest, milliseconds: 0) == [false])
        #expect(place.answer(to: "a") == false)
        try place.forgetAnswer(to: "a")
        #expect(place.answer(to: "a") == nil)
    }
}

import ClocheModel
import TerminalText
import Testing

@testable import Supervision

/// What a program does, by what it says and shows.
struct StateWatchTests {
    private func watch(_ policy: StatePolicy = StatePolicy(), at now: Int64 = 1000) -> StateWatch {
        var watch = StateWatch(policy)
        watch.started(at: now)
        return watch
    }

    private func finding(
        _ activity: HarnessState.Activity,
        _ source: HarnessState.Source,
        _ text: String = "",
        since: Int64
    ) -> StateWatch.Finding {
        StateWatch.Finding(activity: activity, source: source, text: text, since: since)
    }

    // MARK: Without a word

    @Test func outputIsWorkAndSilenceIsIdleness() {
        var watch = watch()
        #expect(watch.settle(at: 1000) == finding(.starting, .start, since: 1000))
        watch.output(at: 2000)
        #expect(watch.settle(at: 2000) == finding(.working, .output, since: 1000))
        #expect(watch.nextChange == 7000)
        watch.output(at: 6000)
        #expect(watch.settle(at: 10_999).activity == .working && watch.nextChange == 11_000)
        #expect(watch.settle(at: 11_000) == finding(.idle, .silence, since: 6000))
        #expect(watch.nextChange == nil)
        watch.output(at: 20_000)
        #expect(watch.settle(at: 20_010) == finding(.working, .output, since: 20_000))
    }

    @Test func whoNeverShowsAnythingIsIdleInTheEnd() {
        var watch = watch()
        #expect(watch.nextChange == 6000)
        #expect(watch.settle(at: 6000) == finding(.idle, .silence, since: 1000))
    }

    @Test func withoutSilenceWorkNeverEnds() {
        var watch = watch(StatePolicy(silenceMilliseconds: nil))
        watch.output(at: 2000)
        #expect(watch.settle(at: 1_000_000_000).activity == .working)
        #expect(watch.nextChange == nil)
    }

    @Test func whatIsTypedIsNoSilence() {
        var watch = watch()
        watch.output(at: 1000)
        #expect(watch.settle(at: 6000).activity == .idle)
        watch.typed(at: 7000)
        #expect(watch.settle(at: 7000) == finding(.working, .output, since: 7000))
    }

    @Test func timeInWhichItIsFrozenIsNoSilence() {
        var watch = watch()
        watch.output(at: 2000)
        watch.pause(at: 3000)
        #expect(watch.settle(at: 100_000).activity == .working && watch.nextChange == nil)
        watch.unpause(at: 100_000)
        #expect(watch.settle(at: 103_999).activity == .working && watch.nextChange == 104_000)
        #expect(watch.settle(at: 104_000).activity == .idle)
    }

    // MARK: Words

    @Test func aWordCountsMoreThanOutputAndSilence() {
        var watch = watch()
        watch.hook(.working, "", at: 2000)
        #expect(watch.settle(at: 500_000) == finding(.working, .hook, since: 2000))
        #expect(watch.nextChange == nil && !watch.isGuess)
        watch.hook(.waiting, "may I?", at: 600_000)
        watch.output(at: 600_001)
        #expect(watch.settle(at: 600_002) == finding(.waiting, .hook, "may I?", since: 600_000))
    }

    @Test func theNewestWordCounts() {
        var watch = watch()
        watch.hook(.working, "", at: 2000)
        watch.signal(.prompt, at: 3000)
        #expect(watch.settle(at: 3000) == finding(.idle, .mark, since: 3000))
        watch.bell(at: 4000)
        #expect(watch.settle(at: 4000) == finding(.waiting, .bell, since: 4000))
        watch.hook(.idle, "", at: 4000)
        #expect(watch.settle(at: 4000).source == .hook)
    }

    @Test func theSameWordAgainBeginsNothing() {
        var watch = watch()
        watch.hook(.working, "", at: 2000)
        _ = watch.settle(at: 2000)
        watch.hook(.working, "more", at: 3000)
        #expect(watch.settle(at: 3000) == finding(.working, .hook, "more", since: 2000))
    }

    @Test func marksAreThoseOfPromptsAndCommands() {
        var watch = watch()
        watch.signal(.commandBegins, at: 2000)
        #expect(watch.settle(at: 60_000) == finding(.working, .mark, since: 2000))
        watch.signal(.commandEnds, at: 61_000)
        #expect(watch.settle(at: 61_000).activity == .idle)
        var deaf = self.watch(StatePolicy(marks: false))
        deaf.signal(.commandBegins, at: 2000)
        #expect(deaf.isGuess)
    }

    @Test func bellsAndNotificationsLastUntilSomethingIsTyped() {
        var watch = watch()
        watch.output(at: 2000)
        watch.bell(at: 2000)
        #expect(watch.settle(at: 2000) == finding(.waiting, .bell, since: 2000))
        watch.output(at: 3000)
        #expect(watch.settle(at: 100_000).activity == .waiting)
        watch.signal(.notification("look"), at: 100_000)
        #expect(watch.settle(at: 100_000) == finding(.waiting, .notification, "look", since: 2000))
        watch.typed(at: 101_000)
        #expect(watch.settle(at: 101_000) == finding(.working, .output, since: 101_000))
    }

    @Test func aBellMeansWhatTheProfileSays() {
        var quiet = watch(StatePolicy(bell: nil))
        quiet.bell(at: 2000)
        quiet.signal(.notification("x"), at: 2000)
        #expect(quiet.isGuess)
        var idle = watch(StatePolicy(bell: .idle))
        idle.bell(at: 2000)
        #expect(idle.settle(at: 2000).activity == .idle)
    }

    @Test func anAnsweredBellLeavesTheWordBefore() {
        var watch = watch()
        watch.signal(.commandBegins, at: 2000)
        _ = watch.settle(at: 2000)
        watch.bell(at: 3000)
        _ = watch.settle(at: 3000)
        watch.typed(at: 4000)
        // It counts again from then on: what it was before is another time.
        #expect(watch.settle(at: 4000) == finding(.working, .mark, since: 3000))
    }

    // MARK: What stands somewhere

    @Test func whatStandsOnTheScreenHoldsWhileItStandsThere() {
        var watch = watch()
        watch.output(at: 2000)
        watch.screen(.working, at: 2000)
        #expect(watch.settle(at: 90_000) == finding(.working, .screen, since: 2000))
        watch.screen(nil, at: 90_000)
        #expect(watch.settle(at: 90_000).activity == .idle)
    }

    @Test func whatStandsThereIsSaidOnce() {
        var watch = watch()
        watch.title(.working, at: 2000)
        watch.hook(.idle, "", at: 3000)
        watch.title(.working, at: 4000)
        #expect(watch.settle(at: 4000).source == .hook)
        watch.title(.waiting, at: 5000)
        #expect(watch.settle(at: 5000) == finding(.waiting, .title, since: 5000))
        watch.title(nil, at: 6000)
        #expect(watch.settle(at: 6000) == finding(.idle, .hook, since: 5000))
    }

    // MARK: Ends

    @Test func anEndIsAllThatCounts() {
        var watch = watch()
        watch.hook(.working, "", at: 2000)
        watch.ended(isGood: false, at: 3000)
        watch.output(at: 3001)
        #expect(watch.settle(at: 90_000) == finding(.failed, .exit, since: 3000))
        #expect(watch.nextChange == nil)
        watch.started(at: 100_000)
        #expect(watch.settle(at: 100_000) == finding(.starting, .start, since: 100_000))
    }
}

/// Lines of hooks.
struct StateLinesTests {
    private func lines(_ pieces: String...) -> [StateLines.Line] {
        var lines = StateLines()
        return pieces.flatMap { lines.feed(Array($0.utf8)) }
    }

    @Test func wordsAndTexts() {
        let found = lines("waiting for you\nworking\n", "id", "le\nfailed  no tokens\ndone\n")
        #expect(found.map(\.activity) == [.waiting, .working, .idle, .failed, .done])
        #expect(found.map(\.text) == ["for you", "", "", " no tokens", ""])
    }

    @Test func whatIsNoWordIsNothing() {
        #expect(
            lines("\n\n \nasleep\nWAITING\nstarting\nwaiting\0\nidle\t\n\u{1B}]0;x\u{07}\nworking").isEmpty
        )
    }

    @Test func aTextIsHarmless() {
        let found = lines("waiting \u{1B}[31mred\u{202E} \u{07}\r\n")
        #expect(found.map(\.text) == ["\\u{1B}[31mred\\u{202E} \\u{7}\\r"])
        var lines = StateLines()
        let broken = lines.feed(Array("waiting ".utf8) + [0xFF, 0x0A])
        #expect(broken.map(\.text) == ["\u{FFFD}"])
    }

    @Test func aLineThatIsTooLongIsNoneAndIsNotKept() {
        var lines = StateLines()
        for _ in 0..<1000 { #expect(lines.feed([UInt8](repeating: 0x61, count: 4096)).isEmpty) }
        #expect(lines.feed(Array("\nidle\n".utf8)).map(\.activity) == [.idle])
        #expect(lines.feed(Array(("waiting " + String(repeating: "x", count: 1016) + "\n").utf8)).count == 1)
        #expect(lines.feed(Array(("waiting " + String(repeating: "x", count: 1017) + "\n").utf8)).isEmpty)
    }
}

/// What screens mean, and when they are looked at.
struct ScreenPatternsTests {
    @Test func theFirstPatternCounts() {
        let patterns = ScreenPatterns([
            .init("esc to interrupt", .working), .init("^[?] .*\\[y/n\\]$", .waiting), .init("^> $", .idle),
        ])
        #expect(patterns.meaning(of: ["? go on [y/n]", "> "]) == .waiting)
        #expect(patterns.meaning(of: ["? go on [y/n]", "(esc to interrupt)"]) == .working)
        #expect(patterns.meaning(of: ["nothing", ""]) == nil)
        #expect(ScreenPatterns([]).isEmpty && ScreenPatterns([.init("(", .idle)]).isEmpty)
    }

    @Test func aScreenIsLookedAtOnceItRests() {
        var pace = ScreenPace()
        #expect(pace.due == nil)
        pace.output(at: 1000)
        pace.output(at: 1030)
        #expect(pace.due == 1030 + ScreenPace.rest)
        let early = pace.looks(at: 1080)
        let due = pace.looks(at: 1090)
        #expect(!early && due && pace.due == nil)
        pace.output(at: 1100)
        #expect(pace.due == 1090 + ScreenPace.interval)
    }

    /// However dear a pattern is on a hostile screen: a second of looking is followed by twenty without.
    @Test func aDearLookIsFollowedByALongRest() {
        var pace = ScreenPace()
        pace.output(at: 1000)
        let looks = pace.looks(at: 1000 + ScreenPace.rest)
        pace.took(1_000_000)
        pace.output(at: 1100)
        #expect(looks && pace.due == 1000 + ScreenPace.rest + 20_000)
    }

    @Test func aScreenThatNeverRestsIsLookedAtNowAndThen() {
        var pace = ScreenPace()
        var looks = 0
        for now in Int64(0)..<10_000 {
            pace.output(at: now)
            if pace.looks(at: now) { looks += 1 }
        }
        #expect(9...10 ~= looks)
    }
}

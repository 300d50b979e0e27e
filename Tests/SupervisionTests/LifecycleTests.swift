// When a supervisor acts by itself, on a clock that the tests set.

import ClocheModel
import Testing

@testable import Supervision

@Suite struct LifecycleTests {
    private let limits = LimitsPolicy(wallClockSeconds: 60, idleSeconds: 10)

    private func running(from now: Int64 = 1000) -> Lifecycle {
        var lifecycle = Lifecycle()
        lifecycle.started(at: now)
        return lifecycle
    }

    @Test func waitsForNothingWithoutLimits() {
        var lifecycle = running()
        #expect(lifecycle.nextDeadline(LimitsPolicy()) == nil)
        #expect(lifecycle.due(LimitsPolicy(), now: .max) == nil)
    }

    @Test func findsALimitAtItsDeadlineAndNotBefore() {
        var lifecycle = running()
        #expect(lifecycle.nextDeadline(limits) == 11_000)
        #expect(lifecycle.due(limits, now: 10_999) == nil)
        #expect(lifecycle.due(limits, now: 11_000) == .limit(.idle))
    }

    @Test func activityPostponesTheIdleLimitOnly() {
        var lifecycle = running()
        for now in stride(from: Int64(5000), through: 60_000, by: 5000) { lifecycle.activity(at: now) }
        #expect(lifecycle.nextDeadline(limits) == 61_000)
        #expect(lifecycle.due(limits, now: 60_999) == nil)
        #expect(lifecycle.due(limits, now: 61_000) == .limit(.wallClock))
    }

    @Test func idleTimeDoesNotRunWhileTheAgentIsFrozen() {
        var lifecycle = running()
        lifecycle.pause(at: 5000)
        #expect(lifecycle.idleMilliseconds(now: 50_000) == 4000)
        #expect(lifecycle.nextDeadline(limits) == 61_000, "the wall clock goes on")
        #expect(lifecycle.due(limits, now: 60_999) == nil)
        lifecycle.unpause(at: 25_000)
        #expect(lifecycle.nextDeadline(limits) == 31_000, "four of ten seconds were over")
        #expect(lifecycle.idleMilliseconds(now: 26_000) == 5000)
        lifecycle.unpause(at: 40_000)
        #expect(lifecycle.nextDeadline(limits) == 31_000, "it was not frozen")
    }

    @Test func whatIsTypedToAFrozenAgentIsActivity() {
        var lifecycle = running()
        lifecycle.pause(at: 5000)
        lifecycle.activity(at: 20_000)
        lifecycle.unpause(at: 25_000)
        #expect(lifecycle.idleMilliseconds(now: 25_000) == 0)
    }

    @Test func killsWhenTheGraceIsOver() {
        var lifecycle = running()
        lifecycle.stop(.operatorStop, now: 2000, graceSeconds: 3)
        #expect(lifecycle.stopReason == .operatorStop)
        #expect(lifecycle.nextDeadline(limits) == 5000)
        #expect(lifecycle.due(limits, now: 4999) == nil)
        #expect(lifecycle.due(limits, now: 5000) == .kill)
    }

    /// Seconds of a first and a second stop, one second later, and when the agent is killed.
    static let graces: [(first: Int64, second: Int64, killed: Int64)] = [
        (10, 0, 3000), (10, 2, 5000), (2, 10, 4000), (-5, 10, 2000),
    ]

    @Test(arguments: graces)
    func theShorterGraceAndTheFirstReasonCount(_ first: Int64, _ second: Int64, _ killed: Int64) {
        var lifecycle = running()
        lifecycle.stop(.idle, now: 2000, graceSeconds: first)
        lifecycle.stop(.operatorStop, now: 3000, graceSeconds: second)
        #expect(lifecycle.stopReason == .idle)
        #expect(lifecycle.due(limits, now: killed - 1) == nil)
        #expect(lifecycle.due(limits, now: killed) == .kill)
    }

    @Test func aLimitIsNotReportedWhileTheAgentIsEnding() {
        var lifecycle = running()
        lifecycle.stop(.wallClock, now: 61_000, graceSeconds: 10)
        #expect(lifecycle.due(limits, now: 62_000) == nil)
    }

    @Test func waitsLongerBeforeEachRestart() {
        var lifecycle = running()
        var delays: [Int64] = []
        for _ in 0..<10 {
            delays.append(lifecycle.restartDelay)
            lifecycle.scheduleRestart(now: 0)
        }
        #expect(delays == [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000])
    }

    @Test func restartsOnceAndNoLimitRunsMeanwhile() {
        var lifecycle = running()
        lifecycle.scheduleRestart(now: 20_000)
        #expect(lifecycle.nextDeadline(limits) == 20_200)
        #expect(lifecycle.due(limits, now: 20_199) == nil)
        #expect(lifecycle.due(limits, now: 20_200) == .restart)
        lifecycle.started(at: 21_500)
        #expect(lifecycle.due(limits, now: 21_500) == nil)
        #expect(lifecycle.nextDeadline(limits) == 31_500)
    }

    @Test func aRestartGivesNoTimeBack() {
        var lifecycle = running()
        lifecycle.scheduleRestart(now: 30_000)
        #expect(lifecycle.due(limits, now: 30_200) == .restart)
        lifecycle.started(at: 30_200)
        lifecycle.activity(at: 55_000)
        #expect(lifecycle.due(limits, now: 60_999) == nil)
        #expect(lifecycle.due(limits, now: 61_000) == .limit(.wallClock))
        #expect(lifecycle.elapsedMilliseconds(now: 61_000) == 60_000)
    }

    @Test func aStopTakesARestartBack() {
        var lifecycle = running()
        lifecycle.scheduleRestart(now: 2000)
        lifecycle.stop(.operatorStop, now: 2100, graceSeconds: 0)
        #expect(lifecycle.due(limits, now: 3000) == .kill)
    }

    @Test func restartsAsOftenAsThePolicySays() {
        var lifecycle = running()
        #expect(!lifecycle.mayRestart(.never))
        #expect(!lifecycle.mayRestart(.onFailure(attempts: 0)))
        #expect(lifecycle.mayRestart(.onFailure(attempts: 1)))
        lifecycle.scheduleRestart(now: 0)
        #expect(!lifecycle.mayRestart(.onFailure(attempts: 1)))
        #expect(lifecycle.mayRestart(.onFailure(attempts: 2)))
    }
}

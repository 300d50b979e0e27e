// The state machine: what follows from which events; and that a run which is cut off anywhere, and goes on from its journal,
// comes to the same end.

import ClocheModel
import StructuredText
import Testing

@testable import TaskGraph

@Suite struct GraphRunTests {
    private func run(_ text: String) throws -> GraphRun { GraphRun(try read(text)) }

    private func finish(_ run: inout GraphRun, _ task: String, _ part: TaskUnit.Part = .only) {
        let unit = TaskUnit(task, part)
        run.apply(.begin(unit, base: "base"))
        run.apply(.ended(unit, failure: nil))
        run.apply(.result(unit, commit: "r-" + unit.name))
    }

    @Test func whatIsNeededComesFirst() throws {
        var run = try run("tasks: {b: {prompt: x, needs: a}, a: {prompt: x}, c: {prompt: x, needs: b}}")
        #expect(run.next == [.begin(TaskUnit("a", .only))])
        finish(&run, "a")
        #expect(run.next == [.begin(TaskUnit("b", .only))] && run.result(of: "a") == "r-a")
        finish(&run, "b")
        finish(&run, "c")
        #expect(run.next == [.merge] && !run.isOver)
        run.apply(.merged(commit: "m", previous: nil))
        #expect(run.next == [.land(commit: "m", previous: nil)])
        run.apply(.landed)
        #expect(run.isOver && run.hasSucceeded)
    }

    @Test func aFailureStopsOnlyWhatNeedsIt() throws {
        var run = try run(
            "tasks: {a: {prompt: x}, b: {prompt: x, needs: a}, c: {prompt: x}, d: {prompt: x, needs: [b, c]}}"
        )
        run.apply(.begin(TaskUnit("a", .only), base: ""))
        run.apply(.ended(TaskUnit("a", .only), failure: "exit code 3"))
        #expect(run.state(of: "a") == .failed("exit code 3") && run.state(of: "b") == .skipped("a"))
        #expect(run.state(of: "d") == .skipped("a") && run.next == [.begin(TaskUnit("c", .only))])
        finish(&run, "c")
        #expect(run.isOver && !run.hasSucceeded)
        run.apply(.again)
        #expect(run.next == [.begin(TaskUnit("a", .only))] && run.result(of: "c") == "r-c")
    }

    @Test func attemptsAreCountedAndLossesAreNot() throws {
        var run = try run("tasks: {a: {prompt: x, retries: 1, check: make}}")
        let unit = TaskUnit("a", .only)
        for _ in 0..<5 {
            run.apply(.begin(unit, base: ""))
            run.apply(.lost(unit, why: "killed"))
            #expect(run.next == [.begin(unit)])
        }
        finish(&run, "a")
        #expect(run.next == [.check(unit, commit: "r-a")])
        run.apply(.checked(unit, failure: "no"))
        #expect(run.next == [.begin(unit)] && run[unit].lastFailure == "no")
        finish(&run, "a")
        run.apply(.checked(unit, failure: "no"))
        #expect(run.isOver && run.state(of: "a") == .failed("no"))
    }

    @Test func aJudgeChoosesAmongGoodCandidates() throws {
        var run = try run("tasks: {a: {prompt: x, best_of: 3, judge: ls}}")
        finish(&run, "a", .candidate(1))
        run.apply(.ended(TaskUnit("a", .candidate(2)), failure: "no"))
        #expect(run.state(of: "a") == .running)
        finish(&run, "a", .candidate(3))
        #expect(run.next == [.judge(task: "a")])
        run.apply(.chosen(task: "a", candidate: 3))
        #expect(run.result(of: "a") == "r-a-3")
        var agent = try self.run("tasks: {a: {prompt: x, best_of: 2, judge: {prompt: y}}}")
        finish(&agent, "a", .candidate(1))
        finish(&agent, "a", .candidate(2))
        #expect(agent.next == [.begin(TaskUnit("a", .judge))])
        finish(&agent, "a", .judge)
        #expect(agent.next == [.readVerdict(task: "a", commit: "r-a-judge")])
        // Among one there is nothing to choose, and without a judge the first is taken.
        var one = try self.run("tasks: {a: {prompt: x, best_of: 2, judge: ls}}")
        one.apply(.ended(TaskUnit("a", .candidate(1)), failure: "no"))
        finish(&one, "a", .candidate(2))
        #expect(one.result(of: "a") == "r-a-2")
    }

    @Test func aGateWaitsForAPerson() throws {
        var run = try run("tasks: {a: {prompt: x}, b: {prompt: x, needs: a, gate: human}}")
        finish(&run, "a")
        #expect(run.next == [.ask(task: "b")] && run.state(of: "b") == .gated)
        var refused = run
        run.apply(.gate(task: "b", approved: true))
        #expect(run.next == [.begin(TaskUnit("b", .only))])
        refused.apply(.gate(task: "b", approved: false))
        #expect(refused.isOver && !refused.hasSucceeded)
    }

    @Test func aPlanMayChangeWhereNothingHasBegun() throws {
        var run = try run("tasks: {a: {prompt: x}, b: {prompt: x, needs: a}}")
        finish(&run, "a")
        #expect(run.change(to: try read("tasks: {a: {prompt: other}, b: {prompt: x, needs: a}}")) == ["a"])
        #expect(run.change(to: try read("tasks: {b: {prompt: x}}")) == ["a"])
        #expect(
            run.change(to: try read("tasks: {a: {prompt: x}, b: {prompt: other, needs: a}, c: {prompt: z}}"))
                == []
        )
        #expect(run.next == [.begin(TaskUnit("b", .only)), .begin(TaskUnit("c", .only))])
    }

    @Test func whatHasFailedMayChangeAndBeginsAnew() throws {
        var run = try run(
            "tasks: {a: {prompt: x}, b: {prompt: ehco, needs: a}, c: {prompt: x, needs: b}, d: {prompt: x, gate: human}}"
        )
        finish(&run, "a")
        run.apply(.begin(TaskUnit("b", .only), base: "r-a"))
        run.apply(.ended(TaskUnit("b", .only), failure: "exit code 127"))
        run.apply(.gate(task: "d", approved: true))
        let good = """
            tasks: {a: {prompt: x}, b: {prompt: echo, needs: a}, c: {prompt: x, needs: b}, d: {prompt: y, gate: human}}
            """
        #expect(run.change(to: try read(good)) == [])
        // A person agreed to what it was.
        #expect(run.next == [.begin(TaskUnit("b", .only)), .ask(task: "d")])
        #expect(run[TaskUnit("b", .only)].begins == 1 && run.result(of: "a") == "r-a")
        finish(&run, "b")
        #expect(run.change(to: try read(good.replacing("echo", with: "printf"))) == ["b"])
        // Of those that wait for their judge, only how they are judged may change without their beginning anew.
        var judged = try self.run("tasks: {a: {prompt: x, best_of: 2, judge: ls}}")
        finish(&judged, "a", .candidate(1))
        finish(&judged, "a", .candidate(2))
        judged.apply(.failed(task: "a", why: "no"))
        var other = judged
        #expect(judged.change(to: try read("tasks: {a: {prompt: x, best_of: 2, judge: echo 1}}")) == [])
        #expect(judged.next == [.judge(task: "a")])
        #expect(other.change(to: try read("tasks: {a: {prompt: y, best_of: 2, judge: ls}}")) == [])
        #expect(other.next == [.begin(TaskUnit("a", .candidate(1))), .begin(TaskUnit("a", .candidate(2)))])
    }

    @Test func aBranchThatIsGoneIsMadeAgain() throws {
        var run = try run("tasks: {a: {prompt: x}, b: {prompt: x}}")
        finish(&run, "a")
        finish(&run, "b")
        run.apply(.conflict(why: "both"))
        #expect(run.conflict == "both" && run.next == [.merge])
        run.apply(.merged(commit: "m", previous: nil))
        #expect(run.conflict == nil)
        run.apply(.landed)
        run.apply(.gone)
        #expect(run.next == [.land(commit: "m", previous: nil)] && !run.hasSucceeded)
    }

    @Test func everyEventIsReadAsItWasWritten() throws {
        let unit = TaskUnit("a.b", .candidate(2))
        let events: [GraphEvent] = [
            .plan(text: "tasks: \"\u{1B}\"\n", run: "r", pins: ["": "c", "main": "d"]),
            .gate(task: "a", approved: false), .begin(unit, base: "c"), .lost(unit, why: "w"),
            .ended(unit, failure: nil), .ended(TaskUnit("a", .only), failure: "f"),
            .result(TaskUnit("a", .judge), commit: "c"), .checked(unit, failure: nil),
            .checked(unit, failure: "x"),
            .chosen(task: "a", candidate: 2), .failed(task: "a", why: "w"), .again,
            .merged(commit: "c", previous: nil), .merged(commit: "c", previous: "p"), .conflict(why: "w"),
            .landed, .gone,
        ]
        for event in events {
            let line = JSONText.serialize(event.document)
            #expect(GraphEvent(document: try JSONText.parse(line)) == event, "\(line)")
        }
        #expect(GraphEvent(document: .object(["event": .string("begin")])) == nil)
    }

    // MARK: any prefix

    /// A machine whose agents do the same however often they are begun: what an attempt comes to is a function of its number
    /// alone.
    private struct World {
        var random: Random
        /// Every third unit fails its first attempt, and every ninth all of them.
        func outcome(_ unit: TaskUnit, _ failures: Int) -> String? {
            let sum = unit.name.utf8.reduce(7) { ($0 &* 31 &+ Int($1)) & 0xFFFF }
            return sum % 9 == 0 || sum % 3 == 0 && failures == 0 ? "failed" : nil
        }

        /// Does one thing of those that can be done; nil when nothing can.
        mutating func event(_ run: GraphRun, cut: Bool) -> GraphEvent? {
            let actions = run.next
            guard !actions.isEmpty else { return nil }
            switch actions[random.below(actions.count)] {
            case .ask(let task): return .gate(task: task, approved: true)
            case .begin(let unit): return .begin(unit, base: "base")
            case .watch(let unit):
                if cut { return .lost(unit, why: "cut") }
                return .ended(unit, failure: outcome(unit, run[unit].failures))
            case .take(let unit): return .result(unit, commit: "r-\(unit.name)-\(run[unit].failures)")
            case .check(let unit, _): return .checked(unit, failure: outcome(unit, run[unit].failures))
            case .judge(let task), .readVerdict(let task, _):
                let good = run.plan[task].map { run.candidates(of: $0) } ?? []
                return .chosen(task: task, candidate: good[good.count - 1].number)
            case .merge: return .merged(commit: "m", previous: nil)
            case .land: return .landed
            }
        }
    }

    private struct Random {
        var state: UInt64
        mutating func below(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(count))
        }
    }

    private func plan(_ random: inout Random) -> String {
        var lines = ["tasks:"]
        for index in 0..<12 {
            var keys = ["prompt: x", "retries: \(random.below(3))"]
            let needs = (0..<index).filter { _ in random.below(4) == 0 }.map { "t\($0)" }
            if !needs.isEmpty { keys.append("needs: [\(needs.joined(separator: ", "))]") }
            switch random.below(4) {
            case 0: keys += ["best_of: 3", random.below(2) == 0 ? "judge: ls" : "judge: {prompt: y}"]
            case 1: keys.append("check: make")
            case 2: keys.append("gate: human")
            default: break
            }
            lines.append("  t\(index): {\(keys.joined(separator: ", "))}")
        }
        return lines.joined(separator: "\n")
    }

    private func end(_ start: [GraphEvent], _ seed: UInt64, cuts: Bool) throws -> (
        journal: [GraphEvent], run: GraphRun
    ) {
        var journal = start
        var history = try #require(try GraphHistory(journal, file: "plan.yaml"))
        var world = World(random: Random(state: seed))
        for step in 0..<5000 {
            // Losses come early on, or nothing would ever end.
            guard let event = world.event(history.run, cut: cuts && step < 60 && world.random.below(3) == 0)
            else { break }
            journal.append(event)
            try history.apply(event, file: "plan.yaml")
        }
        #expect(history.run.isOver)
        return (journal, history.run)
    }

    private func outcome(_ run: GraphRun) -> [String] { run.states.map { "\($0.task.name): \($0.state)" } }

    @Test(arguments: 1...40) func anyPrefixLeadsToTheSameEnd(seed: Int) throws {
        var random = Random(state: UInt64(seed))
        let first = GraphEvent.plan(text: plan(&random), run: "r", pins: [:])
        let (journal, undisturbed) = try end([first], UInt64(seed), cuts: false)
        for length in stride(from: 1, through: journal.count, by: 1 + journal.count / 25) {
            let prefix = Array(journal.prefix(length))
            let (whole, resumed) = try end(prefix, UInt64(seed &* 1000 &+ length), cuts: true)
            #expect(outcome(resumed) == outcome(undisturbed) && resumed.hasLanded == undisturbed.hasLanded)
            // Who reads the journal knows what the process knew that wrote it.
            #expect(try GraphHistory(whole, file: "plan.yaml")?.run == resumed)
            // No result is taken of a task that has one: each effect is there once.
            for unit in resumed.units.keys {
                let taken = whole.filter { if case .result(unit, _) = $0 { true } else { false } }.count
                let refused = whole.filter { if case .checked(unit, .some) = $0 { true } else { false } }
                    .count
                #expect(taken <= 1 + refused, "\(unit.name)")
            }
        }
    }
}

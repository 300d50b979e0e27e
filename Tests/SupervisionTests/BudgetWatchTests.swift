// Budgets, on a clock that the tests set.

import AgentStore
import ClocheModel
import Glibc
import LinuxSystem
import ModelUsage
import Testing

@testable import Supervision

@Suite final class BudgetWatchTests {
    private let root: StateRoot
    private let project: ProjectState
    /// 2026-11-21 10:00 UTC.
    private let noon: Int64 = 1_795_255_200_000
    private let day: Int64 = 86_400_000

    init() throws {
        root = StateRoot(path: "/tmp/cloche-budget-test.\(getpid()).\(UInt32.random(in: 0...UInt32.max))")
        try Files.makeDirectories(root.path)
        project = root.project("/p")
        try project.prepare()
    }

    // What stays behind is in the temporary directory.
    deinit { try? Files.removeTree(root.path) }

    private func agent(_ name: String) throws -> AgentDirectory {
        let directory = project.agent(name)
        if !directory.exists {
            let record = AgentRecord(
                name: name,
                project: "/p",
                workspace: .empty,
                access: .readWrite,
                workspacePath: "/w",
                profile: "shell",
                effective: .object([:]),
                task: "",
                created: 7
            )
            _ = try directory.create(record)
        }
        return directory
    }

    private func watch(
        _ name: String = "fixer",
        _ budget: BudgetPolicy = BudgetPolicy(),
        project shared: BudgetPolicy = BudgetPolicy()
    ) throws -> BudgetWatch {
        var prices = try PriceList.builtIn()
        try prices.add(
            Array("models: {m: {input: 1, output: 1}, dear: {input: 900, output: 900}}".utf8),
            file: "t"
        )
        let policy = Policy(
            profile: "shell",
            harness: HarnessPolicy(command: ["sh"]),
            budget: budget,
            projectBudget: shared
        )
        return try BudgetWatch(policy, agent(name), created: 7, project: project, prices: prices)
    }

    private func reading(_ output: Int64, _ model: String? = "m", isEstimated: Bool = false) -> UsageReading {
        UsageReading(model: model, usage: TokenUsage(input: 0, output: output), isEstimated: isEstimated)
    }

    @Test func withoutABudgetAllIsCountedAndNothingRefused() throws {
        let watch = try watch()
        for _ in 0..<10 {
            #expect(watch.begins(noon) == nil)
            #expect(watch.ended(reading(1 << 40), noon) == [])
        }
        #expect(watch.ledger.sum().requests == 10)
    }

    @Test func requestsAreCountedExactlyEvenSideBySide() throws {
        let watch = try watch("fixer", BudgetPolicy(requests: 3, warnPercent: nil))
        for _ in 0..<3 { #expect(watch.begins(noon) == nil) }
        let refusal = try #require(watch.begins(noon))
        #expect(refusal.text.contains("leaves nothing for another request now"), "\(refusal.text)")
        #expect(refusal.text.contains("while 3 requests more, or over, are under way"), "\(refusal.text)")
        #expect(refusal.event == nil)
        // One that failed has begun, too.
        #expect(watch.ended(nil, noon) == [])
        #expect(watch.begins(noon) != nil)
        #expect(watch.ended(reading(1), noon) == [])
        let events = watch.ended(reading(1), noon)
        #expect(events.map(\.state) == [.reached] && events.first?.used == 3)
        #expect(
            watch.begins(noon)?.text.contains(
                "is used up: budget.requests is 3 requests, and 3 requests are used"
            ) == true
        )
    }

    @Test func warnsOnceAndTellsTheEndOnce() throws {
        let watch = try watch("fixer", BudgetPolicy(outputTokens: 100, warnPercent: 50, action: .pause))
        func use(_ tokens: Int64) -> [BudgetEvent] {
            #expect(watch.begins(noon) == nil)
            return watch.ended(reading(tokens), noon)
        }
        #expect(use(49) == [])
        let warning = use(1)
        #expect(warning.map(\.state) == [.warning] && warning.first?.pauses == false)
        #expect(use(40) == [])
        let reached = use(20)
        #expect(reached.map(\.state) == [.reached] && reached.first?.pauses == true)
        #expect(reached.first?.facts(isFrozen: true).first { $0.key == "used" }?.value == .integer(110))
        let refusal = try #require(watch.begins(noon))
        #expect(refusal.event == nil && refusal.endsAt == nil)
        #expect(
            refusal.text
                == "the budget of agent fixer is used up: budget.output-tokens is 100 tokens, and 110 tokens are used. "
                + "For more: `cloche stop fixer`, then `cloche resume fixer --set budget.output-tokens=MORE`"
        )
    }

    @Test func aDayBeginsAnew() throws {
        let watch = try watch("fixer", BudgetPolicy(requests: 1, period: .day))
        #expect(watch.begins(noon) == nil)
        #expect(watch.ended(reading(1), noon).map(\.state) == [.reached])
        let refusal = try #require(watch.begins(noon))
        #expect(refusal.endsAt == 1_795_305_600_000)
        #expect(refusal.text.contains("is 1 request a day, and 1 request is used"), "\(refusal.text)")
        #expect(refusal.text.contains("it begins anew at 2026-11-22 00:00 UTC"), "\(refusal.text)")
        #expect(watch.begins(noon + day) == nil)
        // And is told anew.
        #expect(watch.ended(reading(1), noon + day).map(\.state) == [.reached])
        // A clock that is set back gives nothing back.
        #expect(watch.begins(noon) != nil)
    }

    @Test func whatIsUsedStaysWhenTheAgentIsResumed() throws {
        let first = try watch("fixer", BudgetPolicy(requests: 2))
        #expect(first.begins(noon) == nil)
        _ = first.ended(reading(5), noon)
        first.close(noon)
        #expect(try agent("fixer").readUsage()?.sum().tokens.output == 5)
        let second = try watch("fixer", BudgetPolicy(requests: 2))
        #expect(second.begins(noon) == nil)
        _ = second.ended(reading(5), noon)
        #expect(second.begins(noon) != nil)
        second.close(noon)
        // A budget for a run begins with each.
        let third = try watch("fixer", BudgetPolicy(requests: 1, period: .run))
        #expect(third.begins(noon) == nil)
        _ = third.ended(reading(5), noon)
        #expect(
            third.begins(noon)?.text.contains("it begins anew when the agent is stopped and resumed") == true
        )
    }

    @Test func workThatIsPutOffIsRefusedUnderABudgetAlone() throws {
        // Without one it is counted, with what it sends.
        let free = try watch()
        #expect(free.deferredBegins(noon, expecting: reading(5)) == nil)
        #expect(free.ended(reading(5), expected: reading(5), noon).isEmpty && free.ledger.sum().requests == 1)
        let refusal = try #require(
            try watch("fixer", project: BudgetPolicy(cost: Money("5"))).deferredBegins(0)
        )
        #expect(refusal.text.contains("under a budget (project.budget)") && refusal.event == nil)
    }

    @Test func anotherBudgetHoldsAtOnce() throws {
        let watch = try watch("fixer", BudgetPolicy(requests: 1))
        #expect(watch.begins(noon) == nil)
        _ = watch.ended(reading(1), noon)
        #expect(watch.begins(noon) != nil)
        let harness = HarnessPolicy(command: ["sh"])
        watch.change(Policy(profile: "shell", harness: harness, budget: BudgetPolicy(requests: 2)))
        #expect(watch.begins(noon) == nil)
        #expect(watch.ended(reading(1), noon).map(\.most) == [2])
        watch.change(Policy(profile: "shell", harness: harness))
        #expect(watch.begins(noon) == nil)
    }

    @Test func moneyIsCountedExactlyAndUnpricedModelsAtTheDearest() throws {
        let watch = try watch("fixer", BudgetPolicy(cost: Money("0.5")))
        #expect(watch.begins(noon) == nil)
        #expect(watch.ended(reading(400_000), noon).map(\.state) == [.warning])
        #expect(watch.begins(noon) == nil)
        // 112 tokens at 900 dollars for a million.
        let events = watch.ended(reading(112, "nobody-knows"), noon)
        #expect(events.map(\.state) == [.reached] && events.first?.used == 500_800_000)
        let refusal = try #require(watch.begins(noon))
        #expect(refusal.text.contains("budget.cost is $0.5000, and $0.5008 are used"), "\(refusal.text)")
        #expect(refusal.text.contains("$0.1008 of that for models without a price"), "\(refusal.text)")
        let sums = watch.ledger.sum()
        #expect(sums.cost == Money("0.4") && sums.assumed == Money("0.1008") && sums.unpriced == 1)
    }

    @Test func whatIsSentIsCountedWhileItIsUnderWay() throws {
        let watch = try watch("fixer", BudgetPolicy(inputTokens: 1000))
        let expected = UsageReading.expected(model: "m", requestBytes: 1500)
        #expect(watch.begins(noon, expecting: expected) == nil)
        #expect(watch.begins(noon, expecting: expected) == nil)
        #expect(watch.begins(noon, expecting: expected) != nil)
        // It was less than that.
        _ = watch.ended(
            UsageReading(model: "m", usage: TokenUsage(input: 1), isEstimated: false),
            expected: expected,
            noon
        )
        #expect(watch.begins(noon, expecting: expected) == nil)
    }

    @Test func theProjectsBudgetIsUsedByAll() throws {
        let budget = BudgetPolicy(requests: 4, warnPercent: nil)
        let first = try watch("a", project: budget)
        let second = try watch("b", project: budget)
        for watch in [first, first, second] {
            #expect(watch.begins(noon) == nil)
            _ = watch.ended(reading(1), noon)
            watch.write(noon)
        }
        // Others are looked at once a second.
        #expect(first.begins(noon + 1000) == nil)
        #expect(first.ended(reading(1), noon + 1000).map(\.key) == ["project.budget.requests"])
        #expect(first.begins(noon + 1000)?.text.contains("the budget of the project is used up") == true)
        first.write(noon + 1000)
        let refusal = try #require(second.begins(noon + 2000))
        #expect(refusal.event?.scope == .project && refusal.event?.used == 4)
        // Told once.
        #expect(second.begins(noon + 2000)?.event == nil)
    }

    @Test func deletingAnAgentGivesNothingBack() throws {
        let budget = BudgetPolicy(requests: 3, period: .day, warnPercent: nil)
        let first = try watch("a", project: budget)
        #expect(first.begins(noon) == nil)
        _ = first.ended(reading(1), noon)
        first.close(noon)
        let second = try watch("b", project: budget)
        #expect(second.begins(noon) == nil)
        // Cut short: in both places it counts once.
        try project.keepUsage(of: agent("a"))
        _ = second.ended(nil, noon)
        #expect(second.begins(noon + 1000) == nil)
        _ = second.ended(nil, noon + 1000)
        #expect(second.begins(noon + 1000) != nil)
        try agent("a").remove()
        #expect(second.begins(noon + 2000) != nil)
        second.close(noon + 2000)
        // One of the same name is another one, and finds what was used.
        let third = try watch("a", project: budget)
        #expect(third.ledger.sum().requests == 0)
        #expect(third.begins(noon + 3000) != nil)
        #expect(third.begins(noon + day) == nil)
    }

    @Test func whatCannotBeCountedIsRefused() throws {
        let directory = try agent("broken")
        try Files.writeAtomically(directory.usageFile, Array("{".utf8))
        #expect(throws: ClocheError.self) { try self.watch("broken") }
        let watch = try watch("fixer", project: BudgetPolicy(requests: 100))
        let refusal = try #require(watch.begins(noon))
        #expect(refusal.text.contains("no request goes out") && refusal.text.contains(directory.usageFile))
        try Files.remove(directory.usageFile)
        #expect(watch.begins(noon + 1000) == nil)
        // Without a budget of the project nobody looks at others.
        try Files.writeAtomically(directory.usageFile, Array("{".utf8))
        #expect(try self.watch("other", BudgetPolicy(requests: 1)).begins(noon) == nil)
    }

    @Test func aLedgerThatCannotBeWrittenEndsABudget() throws {
        let watch = try watch("fixer", BudgetPolicy(requests: 100))
        #expect(watch.begins(noon) == nil)
        let directory = try agent("fixer")
        try Files.makeDirectory(directory.usageFile)
        try Files.makeDirectory(directory.usageFile + "/x")
        _ = watch.ended(reading(1), noon)
        #expect(watch.begins(noon)?.text.contains("no request goes out") == true)
        try Files.removeTree(directory.usageFile)
        watch.write(noon)
        #expect(watch.begins(noon) == nil)
    }

    @Test func theLedgerIsWrittenAtOnceAndThenNotTooOften() throws {
        let watch = try watch()
        let directory = try agent("fixer")
        #expect(watch.nextWrite == nil)
        for _ in 0..<3 {
            #expect(watch.begins(noon) == nil)
            _ = watch.ended(reading(1), noon)
        }
        #expect(try directory.readUsage()?.sum().requests == 1)
        #expect(watch.nextWrite == noon + BudgetWatch.writeInterval)
        watch.write(noon + 100)
        #expect(watch.nextWrite == nil)
        #expect(try directory.readUsage()?.sum().requests == 3)
    }
}

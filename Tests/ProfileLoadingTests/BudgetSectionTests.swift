// The section `budget`, an agent's and its project's: values, what is refused, and what a project's file may do.

import ClocheModel
import LinuxSystem
import Testing

@testable import ProfileLoading

@Suite struct BudgetSectionTests {
    private func policy(_ text: String) throws -> Policy {
        let tree = try ConfigurationTree(["user/config.yaml": "profile: shell\noverrides:\n  \(text)\n"])
        return try Policy(document: tree.loader.load().document)
    }

    @Test func thereIsNoneByItself() throws {
        let policy = try policy("limits: {idle: 1h}")
        #expect(policy.budget == BudgetPolicy() && !policy.budget.isSet)
        #expect(policy.projectBudget == BudgetPolicy())
    }

    @Test func everyKeyArrives() throws {
        let policy = try policy(
            """
            budget: {requests: 5, input-tokens: 6, output-tokens: 7, tokens: 8, cost: 5 USD, per: run, warn: 50%, action: pause}
              project: {budget: {cost: 0.1, per: day, warn: none}}
            """
        )
        #expect(
            policy.budget
                == BudgetPolicy(
                    requests: 5,
                    inputTokens: 6,
                    outputTokens: 7,
                    tokens: 8,
                    cost: Money("5"),
                    period: .run,
                    warnPercent: 50,
                    action: .pause
                )
        )
        #expect(policy.projectBudget == BudgetPolicy(cost: Money("0.1"), period: .day, warnPercent: nil))
    }

    @Test(arguments: [
        ("5", "5"), ("5.00", "5"), ("\"5.00 USD\"", "5"), ("$0.25", "0.25"), ("0.0001", "0.0001"),
        ("12.345", "12.345"),
    ])
    func moneyIsReadExactly(_ text: String, _ dollars: String) throws {
        #expect(try policy("budget: {cost: \(text)}").budget.cost == Money(dollars))
    }

    @Test(arguments: [
        ("cost: 0", "an amount of US dollars such as 5 USD, 5.00 or 0.25, and not zero, or `none`"),
        ("cost: -1", "US dollars"), ("cost: 5 EUR", "US dollars"), ("cost: 1e-9", "US dollars"),
        ("cost: 9000000000.5", "US dollars"), ("requests: 0", "a whole number from 1 to"),
        ("tokens: 2M", "a whole number from 1 to"), ("warn: 0", "from 1% to 100%"),
        ("warn: 101%", "from 1% to 100%"),
        ("per: week", "one of `total`, `day`, `run`"), ("action: stop", "one of `pause`, `refuse`"),
        ("dollars: 5", "unknown key `dollars`"),
    ])
    func refuses(_ text: String, _ message: String) throws {
        let tree = try ConfigurationTree([
            "user/config.yaml": "profile: shell\noverrides:\n  budget: {\(text)}\n"
        ])
        #expect(tree.failure().contains(message), "\(tree.failure())")
    }

    @Test func aProjectHasNoRuns() throws {
        let tree = try ConfigurationTree([
            "user/config.yaml": "profile: shell\noverrides:\n  project: {budget: {per: run}}\n"
        ])
        #expect(tree.failure().contains("one of `total`, `day`"), "\(tree.failure())")
    }

    private static let user = """
        profile: shell
        overrides:
          budget: {requests: 100, cost: 5, per: day, warn: 50, action: pause}
          project: {budget: {tokens: 1000}}

        """

    @Test(arguments: [
        "budget: {requests: 101}", "budget: {requests: none}", "budget: {cost: 5.01}", "budget: {cost: ~}",
        "budget: {per: run}", "budget: {warn: 51%}", "budget: {action: refuse}",
        "project: {budget: {tokens: 1001}}",
    ])
    func anUntrustedProjectCannotWiden(_ text: String) throws {
        let tree = try ConfigurationTree([
            "user/config.yaml": Self.user, "project/config.yaml": "overrides:\n  \(text)\n",
        ])
        #expect(tree.failure().contains("gives the agent more than your settings"), "\(tree.failure())")
        // Trusted, it may.
        _ = try tree.loader.trustProject()
        #expect(throws: Never.self) { try tree.loader.load() }
    }

    @Test(arguments: [
        "budget: {requests: 99, cost: 4.99, tokens: 5, per: total, warn: 40%}",
        "project: {budget: {tokens: 999, cost: 1}}", "budget: {per: day}",
    ])
    func anUntrustedProjectMayNarrow(_ text: String) throws {
        let tree = try ConfigurationTree([
            "user/config.yaml": Self.user, "project/config.yaml": "overrides:\n  \(text)\n",
        ])
        #expect(tree.failure() == "no error, but profile shell")
    }

    @Test func aSectionWithoutContentChangesNothing() throws {
        let tree = try ConfigurationTree([
            "user/config.yaml": Self.user, "project/config.yaml": "overrides:\n  budget: ~\n  project: ~\n",
        ])
        let policy = try Policy(document: tree.loader.load().document)
        #expect(policy.budget.requests == 100 && policy.projectBudget.tokens == 1000)
    }

    @Test func canBeChangedLater() throws {
        let tree = try ConfigurationTree(["user/config.yaml": Self.user])
        let document = try tree.loader.load().document
        let changed = try StoredProfile.changed(
            document,
            [.option("budget.cost=10 USD"), .option("project.budget.tokens=none")]
        )
        let policy = try Policy(document: changed)
        #expect(policy.budget.cost == Money("10") && policy.budget.requests == 100)
        #expect(!policy.projectBudget.isSet)
    }
}

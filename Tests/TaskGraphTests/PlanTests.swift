// Reading plans: what they say, and what is refused with line, key and a way out.

import ClocheModel
import Testing

@testable import TaskGraph

func read(_ text: String) throws -> TaskPlan { try TaskPlan.read(Array(text.utf8), file: "plan.yaml") }

/// Why a plan is refused.
func refusal(_ text: String) -> String {
    do {
        _ = try read(text)
        return ""
    } catch { return "\(error)" }
}

@Suite struct PlanTests {
    @Test func everyKeyIsRead() throws {
        let plan = try read(
            """
            name: release
            parallel: 3
            into: release/next
            keep: true
            defaults: {profile: shell, retries: 1, timeout: 10m}
            tasks:
              plan:
                prompt: Write docs/plan.md
                outputs: {plan: docs/plan.md}
              build:
                needs: plan
                profile: command
                prompt: "Build for {matrix.os} by {tasks.plan.outputs.plan}; keep {this} and {}"
                matrix: {os: [linux, mac]}
                retries: 2
                budget: {cost: 2 USD, warn: 50%}
                set: {limits: {memory: 1GiB}, network.mode: none}
                check: make {matrix.os}
              pick:
                needs: [build-mac, build]
                base: "{tasks.build-linux}"
                best_of: 3
                judge: ls
                prompt: x
                gate: human
            """
        )
        #expect(plan.name == "release" && plan.parallel == 3 && plan.into == "release/next" && plan.keep)
        #expect(plan.tasks.map(\.name) == ["plan", "build-linux", "build-mac", "pick"])
        let build = try #require(plan["build-linux"])
        #expect(build.prompt == "Build for linux by {tasks.plan.outputs.plan}; keep {this} and {}")
        #expect(build.profile == "command" && build.retries == 2 && build.check == "make linux")
        #expect(
            build.overrides == [
                "limits.wall-clock=10m", "budget.cost=2 USD", "budget.warn=50%", "limits.memory=1GiB",
                "network.mode=none",
            ]
        )
        #expect(plan["plan"]?.profile == "shell" && plan["plan"]?.retries == 1)
        let pick = try #require(plan["pick"])
        #expect(
            pick.needs == ["build-mac", "build-linux"] && pick.base == .task("build-linux") && pick.hasGate
        )
        #expect(plan.agent(TaskUnit("pick", .candidate(2))) == "release-pick-2")
        #expect(pick.units.count == 3 && pick.judge == .command("ls"))
        #expect(plan.sinks.map(\.name) == ["pick"])
    }

    @Test func withoutANameTheFileGivesIt() throws {
        let plan = try read("tasks: {a: {prompt: x}}")
        #expect(plan.name == "plan" && plan.into == "cloche/plan" && plan.tasks[0].base == .needs)
    }

    /// Each refusal has its line, and words that a person can act on.
    @Test(
        arguments: [
            (
                "tasks: {a: {prompt: x, neds: b}}",
                "plan.yaml:1:24: task `a` has no key `neds`; did you mean `needs`?"
            ),
            (
                "tasks:\n  a: {prompt: x}\nparalel: 2",
                ":3:1: a plan has no key `paralel`; did you mean `parallel`?"
            ),
            ("tasks:\n  build: {prompt: x}\n  b: {prompt: x, needs: biuld}", ":3:25: task `b` needs `biuld`"),
            ("tasks:\n  build: {prompt: x}\n  b: {prompt: x, needs: biuld}", "did you mean `build`?"),
            ("tasks: {a: {needs: []}}", ":1:9: task `a` has no `prompt`"),
            ("tasks: {a: {prompt: x, retries: many}}", ":1:33: `retries` must be a number from 0 to 100"),
            ("tasks: {a: {prompt: x, gate: robot}}", "`gate` must be `human`"),
            ("tasks: {a: {prompt: x}, a: {prompt: y}}", "is here twice"),
            ("tasks: {a: {prompt: x, matrix: {v: [1, 2]}}, a-2: {prompt: y}}", "would be named `plan-a-2`"),
            ("tasks: {a: {prompt: x, best_of: 2}, a-2: {prompt: y}}", "would be named `plan-a-2`"),
            ("tasks: {'a b': {prompt: x}}", "`a b` cannot be a task's name"),
            ("tasks: {aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: {prompt: x}}", "at most 48"),
            ("name: ../x\ntasks: {a: {prompt: x}}", ":1:7: `../x` cannot be a plan's name"),
            ("tasks: {a: {prompt: x, judge: ls}}", "nothing to choose from"),
            ("tasks: {a: {prompt: '{matrix.os}'}}", "the matrix of `a` has no such key"),
            (
                "tasks: {a: {prompt: '{tasks.b.outputs.x}'}, b: {prompt: x, outputs: {x: y}}}",
                "does not need `b`"
            ),
            ("tasks: {b: {prompt: x}, a: {needs: b, prompt: '{tasks.b.outputs.x}'}}", "has no output `x`"),
            ("tasks: {b: {prompt: x, outputs: {x: ../y}}}", "must be a path below the workspace"),
            (
                "tasks: {b: {prompt: x, outputs: {x: y}}, a: {needs: b, prompt: p, check: 'cat {tasks.b.outputs.x}'}}",
                "never part of a command"
            ),
            ("tasks: []", "`tasks` must be a map"), ("3", "a plan is a map"),
            ("tasks: {a: 3}", "must be a map"),
        ]
    )
    func aMistakeIsNamedWithItsPlace(plan: String, words: String) {
        #expect(refusal(plan).contains(words), "\(refusal(plan))")
    }

    @Test func aCircleIsNamedWithItsPath() {
        let words = refusal(
            """
            tasks:
              z: {prompt: x, needs: a}
              a: {prompt: x, needs: c}
              b: {prompt: x, base: "{tasks.a}"}
              c: {prompt: x, needs: b}
            """
        )
        #expect(words.contains(":3:25: tasks need each other in a circle: a -> c -> b -> a"), "\(words)")
    }

    @Test func allMistakesAreToldAtOnce() {
        let words = refusal("paralel: 1\ntasks:\n  a: {promt: x}\n  b: {prompt: 3}")
        #expect(words.contains(":1:1:") && words.contains(":3:7:") && words.contains(":4:15:"), "\(words)")
    }

    @Test func aMatrixThatExplodesIsRefused() {
        let values = (0..<30).map(String.init).joined(separator: ", ")
        let words = refusal("tasks: {a: {prompt: x, matrix: {k: [\(values)], l: [\(values)]}}}")
        #expect(words.contains("at most 500"), "\(words)")
    }

    @Test func theDrawingFitsEightyColumns() throws {
        let plan = try read(
            """
            tasks:
              plan: {prompt: x, gate: human}
              a: {prompt: x, needs: plan, matrix: {v: [one, two, three]}}
              b: {prompt: x, needs: [a, plan], best_of: 4, check: make, retries: 2}
              apart: {prompt: x}
            """
        )
        let lines = GraphDrawing(plan).lines()
        #expect(
            lines == [
                "plan: 6 tasks, 9 agents, 3 levels, into cloche/plan", "",
                "plan        after a person's yes",
                "├─ a-one",
                "│  └─ b     + a-two, a-three, plan; best of 4; checked; 2 retries",
                "├─ a-two",
                "└─ a-three",
                "apart",
            ]
        )
        let svg = GraphDrawing(plan).svg(of: plan)
        #expect(
            svg.components("<rect").count == 8 && svg.components("<path").count == 8
                && svg.hasSuffix("</svg>\n")
        )
    }
}

extension String {
    fileprivate func components(_ word: String) -> [Substring] {
        var parts: [Substring] = []
        var rest = self[...]
        while let range = rest.firstRange(of: word) {
            parts.append(rest[..<range.lowerBound])
            rest = rest[range.upperBound...]
        }
        return parts + [rest]
    }
}

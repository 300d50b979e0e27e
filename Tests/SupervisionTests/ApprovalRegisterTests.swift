// What waits for a person, who is let go by an answer, and what time alone decides.

import ClocheModel
import Gateway
import Testing

@testable import Supervision

@Suite struct ApprovalRegisterTests {
    private typealias Waiter = ApprovalRegister.Waiter

    private func host(_ target: String) -> ApprovalSubject {
        ApprovalSubject(kind: .newHost, target: target, scope: "host \(target)")
    }

    private func post(_ path: String = "/deploy") -> ApprovalSubject {
        let kind = ApprovalClass.credential("deploy")
        return ApprovalSubject(kind: kind, target: "POST deploy \(path)", scope: "credential deploy")
    }

    private func push(_ step: ApprovalSubject.Step) -> ApprovalSubject {
        ApprovalSubject(kind: .push, target: "github /a/b.git", scope: "push github /a/b.git", step: step)
    }

    private func register(_ seconds: Int64 = 60) -> ApprovalRegister {
        ApprovalRegister(ApprovalPolicy([.newHost], timeoutSeconds: seconds), firstNumber: 100_000)
    }

    private func decision(_ number: Int64, _ isApproval: Bool, always: Bool = false)
        -> ApprovalRegister.Decision
    {
        ApprovalRegister.Decision(number: number, isApproval: isApproval, isLasting: always, user: 7)
    }

    private func number(_ register: ApprovalRegister, _ index: Int = 0) -> Int64 {
        register.held(calendar: 0, at: 0)[index].number
    }

    @Test func anAnswerIsForThatOneAlone() throws {
        var register = register()
        #expect(register.ask(host("a:443"), by: .connection(1), at: 0) == .wait)
        #expect(register.ask(host("b:443"), by: .connection(2), at: 0) == .wait)
        #expect(register.ask(host("a:443"), by: .connection(3), at: 0) == .wait)
        #expect(register.held(calendar: 0, at: 0).map(\.count) == [2, 1])
        let first = number(register)
        #expect(register.decide(decision(first + 1, true), at: 1) == nil && register.released.isEmpty)
        #expect(register.decide(decision(first, true), at: 1)?.target == "a:443")
        #expect(register.takeReleased().map(\.waiter) == [.connection(1), .connection(3)])
        // Its number is of nothing any more, and the next of the same is asked anew with another.
        #expect(register.decide(decision(first, true), at: 1) == nil)
        #expect(register.ask(host("a:443"), by: .connection(4), at: 2) == .wait)
        #expect(Set(register.held(calendar: 0, at: 0).map(\.number)).isDisjoint(with: [first]))
        #expect(register.events.map(\.action) == [.asked, .asked, .approved, .asked])
    }

    @Test func aDeedWithAKeyIsOneEach() {
        var register = register()
        for id in 1...3 { #expect(register.ask(post(), by: .request(Int64(id)), at: 0) == .wait) }
        let first = number(register)
        _ = register.decide(decision(first, true), at: 1)
        #expect(register.takeReleased().map(\.waiter) == [.request(1)])
        // The others are asked about under a number that nobody has seen before.
        #expect(register.held(calendar: 0, at: 0).map(\.count) == [2] && number(register) != first)
        _ = register.decide(decision(number(register), false), at: 2)
        let denied = register.takeReleased()
        #expect(denied.map(\.waiter) == [.request(2), .request(3)])
        for release in denied { if case .refused = release.answer {} else { Issue.record("\(release)") } }
    }

    @Test func alwaysIsForTheScopeAndEndsNothingElse() {
        var register = register()
        _ = register.ask(post("/a"), by: .request(1), at: 0)
        _ = register.decide(decision(number(register), true, always: true), at: 1)
        guard case .allowed = register.ask(post("/b"), by: .request(2), at: 2) else {
            Issue.record("not allowed")
            return
        }
        #expect(register.ask(push(.change), by: .request(3), at: 2) == .wait)
        _ = register.decide(decision(number(register), false, always: true), at: 3)
        guard case .refused = register.ask(push(.prelude), by: .request(4), at: 1_000_000) else {
            Issue.record("not refused")
            return
        }
    }

    @Test func oneApprovalIsOnePush() {
        var register = register()
        #expect(register.ask(push(.prelude), by: .request(1), at: 0) == .wait)
        _ = register.decide(decision(number(register), true), at: 1)
        #expect(register.takeReleased().count == 1)
        for step in [ApprovalSubject.Step.prelude, .prelude, .change] {
            guard case .allowed = register.ask(push(step), by: .request(2), at: 2) else {
                Issue.record("\(step) was not allowed")
                return
            }
        }
        #expect(register.ask(push(.change), by: .request(3), at: 3) == .wait)
        // Approved by itself, it leaves nothing for a second one.
        _ = register.decide(decision(number(register), true), at: 4)
        #expect(register.ask(push(.change), by: .request(4), at: 5) == .wait)
        // And what is not begun in time is asked again.
        var late = self.register()
        _ = late.ask(push(.prelude), by: .request(1), at: 0)
        _ = late.decide(decision(number(late), true), at: 1)
        #expect(late.ask(push(.change), by: .request(2), at: 1 + ApprovalRegister.grace) == .wait)
    }

    @Test func timeDenies() {
        var register = register(5)
        _ = register.ask(host("a:443"), by: .connection(1), at: 0)
        #expect(register.nextMoment == 5000)
        register.expire(at: 4999)
        #expect(register.released.isEmpty)
        register.expire(at: 5000)
        guard case .refused? = register.takeReleased().first?.answer else {
            Issue.record("no refusal")
            return
        }
        #expect(register.events.map(\.action) == [.asked, .timedOut] && register.nextMoment == nil)
        // Who asks again at once is not heard; later he is.
        guard case .refused = register.ask(host("a:443"), by: .connection(2), at: 5001) else {
            Issue.record("asked at once")
            return
        }
        let later = 5000 + ApprovalRegister.quiet
        #expect(register.ask(host("a:443"), by: .connection(3), at: later) == .wait)
    }

    @Test func whoGoesTakesItAlongAfterAMoment() {
        var register = register()
        _ = register.ask(host("a:443"), by: .connection(1), at: 0)
        let first = number(register)
        register.withdraw(.connection(1), at: 1000)
        #expect(register.held(calendar: 0, at: 0).map(\.count) == [0])
        // A program that tries again finds its request as it was.
        #expect(register.ask(host("a:443"), by: .connection(2), at: 5000) == .wait)
        register.expire(at: 20_000)
        #expect(number(register) == first && register.events.count == 1)
        register.withdraw(.connection(2), at: 20_000)
        register.expire(at: 20_000 + ApprovalRegister.lingering)
        #expect(register.events.map(\.action) == [.asked, .withdrawn])
        #expect(register.held(calendar: 0, at: 0).isEmpty && register.released.isEmpty)
        // Approved between two tries, the next one goes on, and only that.
        _ = register.ask(host("a:443"), by: .connection(3), at: 40_000)
        register.withdraw(.connection(3), at: 40_001)
        _ = register.decide(decision(number(register), true), at: 40_002)
        guard case .allowed = register.ask(host("a:443"), by: .connection(4), at: 40_003) else {
            Issue.record("not allowed")
            return
        }
        #expect(register.ask(host("a:443"), by: .connection(5), at: 40_004) == .wait)
    }

    @Test func whatWaitsIsBounded() {
        var register = register()
        for id in 0..<ApprovalRegister.most {
            #expect(register.ask(host("\(id):443"), by: .connection(UInt64(id)), at: 0) == .wait)
        }
        var told = 0
        for id in 100..<1000 {
            guard case .refused = register.ask(host("\(id):443"), by: .connection(UInt64(id)), at: 0) else {
                Issue.record("\(id) is held")
                return
            }
        }
        told = register.events.count { $0.action == .refused }
        #expect(told > 0 && told <= 10)
        for id in 0..<UInt64(ApprovalRegister.mostWaiters) - 1 {
            #expect(register.ask(host("0:443"), by: .connection(2000 + id), at: 0) == .wait)
        }
        guard case .refused = register.ask(host("0:443"), by: .connection(5000), at: 0) else {
            Issue.record("more wait")
            return
        }
    }

    @Test func numbersBeginAnywhereAndLeaveGaps() {
        let policy = ApprovalPolicy([.newHost])
        var firsts: Set<Int64> = []
        for _ in 0..<50 {
            var register = ApprovalRegister(policy)
            for id in 0..<10 { _ = register.ask(host("\(id):1"), by: .connection(UInt64(id)), at: 0) }
            let numbers = register.held(calendar: 0, at: 0).map(\.number)
            #expect(numbers[0] >= 100_000 && zip(numbers, numbers.dropFirst()).allSatisfy { $1 - $0 > 1 })
            firsts.insert(numbers[0])
        }
        #expect(firsts.count > 40)
    }
}

@Suite struct ApprovalSubjectTests {
    private func subject(
        _ method: String,
        _ target: String,
        _ classes: [ApprovalClass],
        length: Int64? = nil
    ) -> ApprovalSubject? {
        var request = GatewayRequest(service: "github", method: method, path: target)
        request.length = length
        return ApprovalPolicy(classes).subject(of: request, names: ["github", "deploy"])
    }

    @Test func aPushIsKnownHoweverItIsSpelled() {
        let discovery = subject("GET", "/a/b.git/info/refs?service=git-receive-pack", [.push])
        #expect(discovery?.target == "github /a/b.git" && discovery?.step == .prelude)
        #expect(subject("POST", "/a/b.git/git-receive-pack", [.push], length: 900)?.step == .change)
        #expect(subject("POST", "/a/b.git/git-receive-pack", [.push])?.step == .change)
        #expect(subject("POST", "/a/b.git/git-receive-pack", [.push], length: 4)?.step == .prelude)
        for target in [
            "/a/b.git/git%2Dreceive-pack", "/a/b.git/git%252dreceive%2Dpack", "/a/b.git/GIT-RECEIVE-PACK",
            "/a/b.git/git-receive-pack?x", "/a/b.git/info/refs?x=1&service=git-receive-pac%6B",
            "/a/b.git/git-receive-pack/", "/?/git-receive-pack",
        ] {
            let found = subject("POST", target, [.push], length: 4)
            #expect(found?.kind == .push && found?.step == nil, "\(target)")
            #expect(found?.target.contains(target) == true)
        }
        for target in ["/a/b.git/info/refs?service=git-upload-pack", "/a/b.git/git-upload-pack", "/%zz%"] {
            #expect(subject("POST", target, [.push]) == nil, "\(target)")
        }
    }

    @Test func manyLayersAreHeldUnseen() {
        // Unwrapping them all would take the supervisor seconds, in which it holds no limit.
        #expect(subject("POST", "/%" + String(repeating: "25", count: 3900) + "41", [.push])?.kind == .push)
        #expect(subject("POST", "/a%2520b", [.push]) == nil)
    }

    @Test func aCredentialIsKnownByBothNames() {
        for name in ["github", "deploy"] {
            let found = subject("POST", "/x?env=prod", [.credential(name)])
            #expect(found?.target == "POST github /x?env=prod" && found?.scope == "credential github")
        }
        #expect(subject("POST", "/x", [.credential("other"), .newHost, .push]) == nil)
        // A push is told as one, where both are asked about.
        #expect(subject("POST", "/x/git-receive-pack", [.credential("deploy"), .push])?.kind == .push)
    }

    @Test func whatCannotBeShownWholeIsAskedAboutInVain() {
        let long = "/" + String(repeating: "x", count: 9000)
        #expect(GatewayRequest(service: "a", method: "GET", path: long).target == nil)
        #expect(
            GatewayRequest(service: "a", method: String(repeating: "G", count: 40), path: "/").target == nil
        )
        #expect(subject("GET", long, [.push])?.kind == .push)
        #expect(subject("GET", long, [.credential("github")]) != nil)
        #expect(subject("GET", long, [.newHost]) == nil)
    }
}

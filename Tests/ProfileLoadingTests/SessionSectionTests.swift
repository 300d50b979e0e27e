// Section `session`: how a program's state is known, and who is told.

import ClocheModel
import Testing

@testable import ProfileLoading

@Suite struct SessionSectionTests {
    private func policy(_ session: String) throws -> SessionPolicy {
        let tree = try ConfigurationTree(["user/config.yaml": "overrides:\n  session:\n    \(session)\n"])
        return try tree.loader.load().policy.session
    }

    @Test func theDefaults() throws {
        let session = try policy("rows: 30")
        #expect(session.state == StatePolicy())
        #expect(session.commands.isEmpty && session.notice == .off)
    }

    @Test func everyKeyIsRead() throws {
        let state = try policy(
            "state: {silence: 1m30s, bell: idle, marks: false, title: [{match: '^a', state: idle}], "
                + "screen: [{match: b, state: working}, {match: 'c\\\\1', state: waiting}]}"
        ).state
        #expect(state.silenceMilliseconds == 90_000 && state.bell == .idle && !state.marks)
        #expect(state.title == [StatePolicy.Pattern("^a", .idle)])
        #expect(state.screen.map(\.match) == ["b", "c\\\\1"])
        let quiet = try policy("state: {silence: none, bell: off}").state
        #expect(quiet.silenceMilliseconds == nil && quiet.bell == nil)
        let session = try policy("{notify: desktop, on-state: {waiting: 'a b', done: c, idle: ''}}")
        #expect(session.notice == .desktop && session.commands == [.waiting: "a b", .done: "c"])
    }

    @Test(arguments: [
        ("state: {screen: [{match: '(', state: idle}]}", "regular expression"),
        ("state: {screen: [{match: '(a)\\1', state: idle}]}", "without back references"),
        ("state: {screen: [{match: '((a{255}){255}){255}', state: idle}]}", "no more than 1,000 times"),
        ("state: {screen: [{match: 'a{99999999999999999999}', state: idle}]}", "regular expression"),
        ("state: {title: [{match: a}]}", "needs the key `state`"),
        ("state: {title: [{state: idle}]}", "needs the key `match`"),
        ("state: {title: [{match: a, state: starting}]}", "one of `working`, `waiting`, `idle`"),
        ("state: {silence: 0}", "`session.state.silence`"),
        ("state: {bell: working}", "`session.state.bell`"),
        ("on-state: {asleep: x}", "a state: starting, working, waiting, idle, done, failed"),
        ("notify: loud", "`off`, `bell`, `desktop`"),
    ])
    func mistakesAreTold(session: String, why: String) throws {
        let tree = try ConfigurationTree(["user/config.yaml": "overrides:\n  session:\n    \(session)\n"])
        #expect(tree.failure().contains(why), "\(tree.failure())")
    }

    @Test(arguments: [
        ("on-state: {waiting: x}", "on-state"), ("notify: bell", "`session.notify`"),
        ("state: {screen: [{match: a, state: idle}]}", "`session.state.screen` decides"),
        ("state: {title+: [{match: a, state: idle}]}", "`session.state.title` decides"),
    ])
    func anUntrustedFileCannotMakeTheHostDoAnything(session: String, why: String) throws {
        let tree = try ConfigurationTree([
            "project/config.yaml": "overrides:\n  session:\n    \(session)\n"
        ])
        #expect(
            tree.failure().contains(why) && tree.failure().contains("is not trusted"),
            "\(tree.failure())"
        )
        _ = try tree.loader.trustProject()
        #expect(throws: Never.self) { try tree.loader.load() }
    }

    /// Nothing is less than what the user has said, and still not the project's to say.
    @Test func anUntrustedFileCannotTakeCommandsAway() throws {
        let tree = try ConfigurationTree([
            "user/config.yaml": "overrides:\n  session:\n    on-state: {waiting: x}\n",
            "project/config.yaml": "overrides:\n  session:\n    on-state: null\n",
        ])
        #expect(tree.failure().contains("on-state") && tree.failure().contains("is not trusted"))
    }

    @Test func anUntrustedFileMayChooseWhatCostsNobodyAnything() throws {
        let tree = try ConfigurationTree([
            "project/config.yaml":
                "overrides:\n  session:\n    notify: off\n    state: {silence: 7s, bell: off, marks: false}\n"
        ])
        #expect(try tree.loader.load().policy.session.state.silenceMilliseconds == 7000)
    }
}

// `cloche profile check NAME`: a profile is loaded and its program started in a sandbox, as `run` and `start` would, so that
// what is wrong shows before an agent is to work with it.

internal import ClocheModel
internal import LinuxSystem
internal import ProfileLoading
internal import TerminalText

/// One thing that was tried of a profile.
package struct ProfileFinding: Equatable, Sendable {
    /// How it went.
    package enum Outcome: String, Sendable {
        case ok, failed
        /// Neither; to be known.
        case note
    }

    /// What was tried, in a word.
    package let subject: String
    /// How it went.
    package let outcome: Outcome
    /// What was seen, harmless to show.
    package let detail: String
    /// What to do; empty where there is nothing.
    package let remedy: String

    init(_ subject: String, _ outcome: Outcome, _ detail: String, remedy: String = "") {
        self.subject = subject
        self.outcome = outcome
        self.detail = visible(detail, limit: 2000)
        self.remedy = visible(remedy, limit: 1000)
    }

    init(_ subject: String, _ error: ClocheError) {
        let why = error.why.isEmpty ? "" : ": \(error.why)"
        self.init(subject, .failed, error.what + why, remedy: error.remedy)
    }
}

extension Project {
    /// Tries a profile.
    ///
    /// - Parameters:
    ///   - name: the profile's.
    ///   - task: given to an agent of this profile, which is then resumed, and deleted if all went well; nil for none.
    ///   - seconds: how long a program may take.
    ///   - each: called with every finding as soon as it is there.
    /// - Returns: whether nothing failed.
    package func tryProfile(
        _ name: String,
        task: String? = nil,
        seconds: Int,
        each: (ProfileFinding) -> Void
    ) -> Bool {
        var trial = ProfileTrial(project: self, name: name, seconds: seconds)
        return trial.run(task, each)
    }
}

private struct ProfileTrial {
    let project: Project
    let name: String
    let seconds: Int
    var hasFailed = false

    mutating func run(_ task: String?, _ each: (ProfileFinding) -> Void) -> Bool {
        func tell(_ finding: ProfileFinding) {
            if finding.outcome == .failed { hasFailed = true }
            each(finding)
        }
        let policy: Policy
        do throws(ClocheError) {
            let profile = try project.profiles.load(name: name)
            policy = profile.policy
            tell(ProfileFinding("profile", .ok, profile.chain.reversed().joined(separator: " extends ")))
        } catch {
            tell(ProfileFinding("profile", error))
            return false
        }
        tell(equipment(policy))
        tell(interrupt(policy))
        tell(credential(policy))
        tell(program(policy))
        // A sandbox that cannot begin would only say the same again.
        if hasFailed { return false }
        if policy.harness.check.isEmpty {
            let remedy = "a command such as [\(policy.harness.program), --version] there would be run"
            tell(
                ProfileFinding(
                    "check",
                    .note,
                    "`harness.check` is not set, so the program was not run",
                    remedy: remedy
                )
            )
        } else {
            tell(check(policy.harness.check))
        }
        if let task, !hasFailed { for finding in agent(task, policy) { tell(finding) } }
        return !hasFailed
    }

    // MARK: without a sandbox

    private func equipment(_ policy: Policy) -> ProfileFinding {
        do throws(ClocheError) {
            try HarnessFiles.check(policy, project.installation)
        } catch { return ProfileFinding("takes", error) }
        let harness = policy.harness
        let taken = [
            ("model", !harness.model.isEmpty), ("instructions", harness.instructions.isThere),
            ("skills", harness.skills != nil), ("mcp-servers", harness.servers != nil),
            ("task", !harness.task.isEmpty), ("resume", !harness.resume.isEmpty),
        ]
        let (yes, no) = (taken.filter(\.1).map(\.0), taken.filter { !$0.1 }.map(\.0))
        let without = no.isEmpty ? "" : "; not: " + no.joined(separator: ", ")
        return ProfileFinding("takes", .ok, (yes.isEmpty ? "nothing" : yes.joined(separator: ", ")) + without)
    }

    private func interrupt(_ policy: Policy) -> ProfileFinding {
        let keys = policy.harness.interrupt
        if keys.isEmpty { return ProfileFinding("interrupt", .note, "`harness.interrupt` is not set") }
        if let wrong = keys.first(where: { !Self.isKey($0) }) {
            let remedy = "`cloche keys --help` lists the names of keys"
            return ProfileFinding("interrupt", .failed, "\(wrong) is no key", remedy: remedy)
        }
        return ProfileFinding("interrupt", .ok, keys.joined(separator: " "))
    }

    private static func isKey(_ word: String) -> Bool {
        // A key that is not known is none; which one was meant does not matter here.
        switch try? KeyWord(word) {
        case .key?: true
        case .text(let text)?: text.count == 1
        case nil: false
        }
    }

    private func credential(_ policy: Policy) -> ProfileFinding {
        do throws(ClocheError) {
            let chosen = try CredentialChoice.choose(policy.credentials, project.installation).map(\.kind)
                .map(Self.word)
            if !chosen.isEmpty { return ProfileFinding("credential", .ok, chosen.joined(separator: ", ")) }
        } catch { return ProfileFinding("credential", error) }
        let all = policy.credentials.map(\.kind).map(Self.word)
        if all.isEmpty { return ProfileFinding("credential", .note, "the profile has none") }
        let remedy = "set one of them, or log in with the program once"
        return ProfileFinding(
            "credential",
            .note,
            "none is there of: " + all.joined(separator: ", "),
            remedy: remedy
        )
    }

    private static func word(_ kind: CredentialPolicy.Kind) -> String {
        switch kind {
        case .environment(let name): name
        case .file(let source, _): source
        case .service(let service, let source): "\(service.name) (\(source.map { "\($0)" } ?? "public"))"
        }
    }

    // MARK: in a sandbox

    /// Where the program is, asked inside: what the sandbox has is what counts.
    private func program(_ policy: Policy) -> ProfileFinding {
        let harness = policy.harness
        guard !harness.program.isEmpty else {
            return ProfileFinding("program", .failed, "`harness.command` is empty", remedy: harness.install)
        }
        let look = #"command -v -- "$1" || exit 1"#
        do throws(ClocheError) {
            let result = try inside(["/bin/sh", "-c", look, "sh", harness.program])
            // Of Cloche's own failures the text says what to do.
            if result.status >= 125 && result.status < 128 {
                return ProfileFinding(
                    "sandbox",
                    .failed,
                    Self.lastLines(result.errorText),
                    remedy: "`cloche doctor`"
                )
            }
            if result.status == 0 {
                return ProfileFinding("program", .ok, Self.firstLine(result.outputText))
            }
        } catch { return ProfileFinding("program", error) }
        return ProfileFinding(
            "program",
            .failed,
            "\(harness.program) is not there in the sandbox",
            remedy: harness.install.isEmpty
                ? "install it below /usr, or bind its directory with filesystem.binds" : harness.install
        )
    }

    private func check(_ command: [String]) -> ProfileFinding {
        let shown = command.joined(separator: " ")
        do throws(ClocheError) {
            let result = try inside(command)
            let said = Self.firstLine(result.outputText + "\n" + result.errorText)
            if result.status == 0 { return ProfileFinding("check", .ok, "\(shown): \(said)") }
            return ProfileFinding(
                "check",
                .failed,
                "\(shown) ended with \(result.status): \(Self.lastLines(result.errorText + result.outputText))",
                remedy: "try it: cloche run --profile \(name) --workspace none -- \(shown)"
            )
        } catch { return ProfileFinding("check", error) }
    }

    /// A command in a throw-away sandbox of this profile, as a person would run it.
    private func inside(_ command: [String]) throws(ClocheError) -> SubprocessResult {
        let options =
            ["--profile", name, "--workspace", "none", "--set", "limits.wall-clock=\(seconds)s"]
            // Nobody is there to be asked.
            + ["--set", "ask=[]"]
        do throws(SystemError) {
            return try Subprocess(
                project.installation.executable,
                ["-C", project.directory, "run"] + options + ["--"] + command,
                environment: ProcessEnvironment.atStart(),
                directory: project.directory
            ).run()
        } catch { throw ClocheError(.system, "cannot start a sandbox", why: error.description) }
    }

    private static func firstLine(_ text: String) -> String {
        text.split(separator: "\n").first.map(String.init) ?? "no output"
    }

    private static func lastLines(_ text: String) -> String {
        text.split(separator: "\n").suffix(4).joined(separator: " | ")
    }

    // MARK: as an agent

    /// Gives the task to an agent, and resumes it.
    private func agent(_ task: String, _ policy: Policy) -> [ProfileFinding] {
        let agent = "check-\(WallClock.milliseconds)"
        var findings: [ProfileFinding] = []
        do throws(ClocheError) {
            let options = StartOptions(name: agent, task: task, profile: name, workspace: .empty)
            _ = try project.start(options)
            findings.append(try outcome(of: agent, "task"))
            try project.stop(agent)
            if policy.harness.resume.isEmpty {
                findings.append(
                    ProfileFinding("resume", .note, "`harness.resume` is not set: it would begin anew")
                )
            } else {
                _ = try project.resume(agent)
                findings.append(try outcome(of: agent, "resume"))
                try project.stop(agent)
            }
        } catch { findings.append(ProfileFinding("task", error)) }
        let isGood = !findings.contains { $0.outcome == .failed }
        do throws(ClocheError) {
            if isGood { try project.delete(agent, force: true) }
        } catch { findings.append(ProfileFinding("agent", error)) }
        return findings
    }

    /// Waits until the program has ended, or says or seems to have nothing more to do.
    private func outcome(of agent: String, _ subject: String) throws(ClocheError) -> ProfileFinding {
        let remedy =
            "see `cloche look \(agent)` and `cloche logs \(agent)`; then `cloche delete --force \(agent)`"
        let deadline = MonotonicClock.milliseconds + Int64(seconds) * 1000
        while MonotonicClock.milliseconds < deadline {
            if let end = try project.wait(for: [agent], milliseconds: 200).first {
                let code =
                    end.exitCode.map { "ended with \($0)" } ?? "ended: \(end.reason?.text ?? "never ran")"
                return end.exitCode == 0
                    ? ProfileFinding(subject, .ok, code)
                    : ProfileFinding(subject, .failed, code, remedy: remedy)
            }
            let state = try project.agent(agent).activity
            if let state, [.idle, .waiting, .done].contains(state.activity) {
                let by = "is \(state.activity.rawValue), as known by \(state.source.rawValue)"
                return ProfileFinding(subject, .ok, by)
            }
        }
        return ProfileFinding(subject, .failed, "still at work after \(seconds) s", remedy: remedy)
    }
}

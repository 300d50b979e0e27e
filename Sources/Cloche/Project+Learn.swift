// learn: a run under a recording policy, and the smallest profile for it; and a run under a profile that counts what is
// refused.

package import ClocheModel
internal import Glibc
package import Learning
internal import LinuxSystem
internal import NetworkRules
internal import ProfileLoading
internal import Supervision
internal import SyscallFilter

/// A run that was looked at.
package struct ObservedRun {
    /// What was learned of it.
    package let profile: LearnedProfile
    /// What was seen.
    package let facts: RunFacts
}

extension Project {
    /// Runs a program under the recording policy of a profile, and learns the profile NAME that extends it.
    package func learn(
        _ name: String,
        _ options: RunOptions,
        in current: String,
        notice: (String) -> Void
    ) throws(ClocheError) -> ObservedRun {
        let base = options.profile ?? profiles.defaultName()
        if base.contains("/") || base.hasSuffix(".yaml") {
            throw ClocheError(
                .usage,
                "cannot extend the file \(base)",
                why: "a profile extends another by its name",
                remedy: "put it into \(installation.configDirectory)/profiles and name it without .yaml"
            )
        }
        let policy = try profiles.load(name: base).policy
        let recording = RecordingPolicy.recording(policy)
        let given = policy.credentials.isEmpty ? "" : ", and it is given the credentials of \(base)"
        notice("recording: every public host can be reached while the command runs\(given)")
        let hostFiles = HostFiles(home: installation.home)
        let recorder = RunRecorder(measures: true) { hostFiles.has($0) }
        _ = try run(
            recording,
            options,
            in: current,
            recording: OneShot.Recording(
                recorder: recorder,
                beyond: RecordingPolicy.smallest(policy.syscalls)
            ),
            notice: notice
        )
        var context = LearningContext(
            name: name,
            base: base,
            policy: policy,
            command: options.command,
            home: installation.home,
            hostFiles: hostFiles.found
        )
        try Self.explainCalls(recording.syscalls, &context)
        context.rules = try Self.rules(policy.network, recorder.facts.contacts.keys)
        return ObservedRun(profile: Learner.learn(recorder.facts, context), facts: recorder.facts)
    }

    /// Runs a program under a profile as it is, and counts what is refused.
    ///
    /// - Parameter text: the profile, if it is not stored anywhere yet.
    package func check(
        _ name: String,
        text: String? = nil,
        _ options: RunOptions,
        in current: String,
        notice: (String) -> Void
    ) throws(ClocheError) -> RunFacts {
        let policy: Policy
        if let text { policy = try load(text, name) } else { policy = try profiles.load(name: name).policy }
        let recorder = RunRecorder(measures: false)
        _ = try run(
            RecordingPolicy.counting(policy),
            options,
            in: current,
            recording: OneShot.Recording(recorder: recorder, beyond: nil),
            notice: notice
        )
        var facts = recorder.facts
        facts.countAbsent(try Self.grantableCalls(policy.syscalls))
        return facts
    }

    /// Calls that a profile with more groups would allow.
    private static func grantableCalls(_ policy: SyscallPolicy) throws(ClocheError) -> Set<String> {
        var policy = policy
        policy.groups += RecordingPolicy.offeredGroups.filter { !policy.groups.contains($0) }
        do throws(FilterError) {
            let rows = try SyscallTable(policy).rows.filter {
                if case .refuse = $0.verdict { false } else { true }
            }
            return Set(rows.map(\.name))
        } catch { throw ClocheError(error) }
    }

    /// The policy of a profile's text.
    private func load(_ text: String, _ name: String) throws(ClocheError) -> Policy {
        let directory = "\(installation.cacheDirectory)/learned.\(getpid())"
        do throws(SystemError) {
            try Files.makeDirectories(directory)
            try Files.writeAtomically("\(directory)/\(name).yaml", Array(text.utf8))
        } catch {
            throw ClocheError(
                .system,
                "cannot write \(directory)",
                why: error.description,
                remedy: "make room there, or name another place with XDG_CACHE_HOME"
            )
        }
        // What is left there is in a cache.
        defer { try? Files.removeTree(directory) }
        return try profiles.load(name: "\(directory)/\(name).yaml").policy
    }

    /// Writes a learned profile; into the user's own configuration unless a file is named.
    ///
    /// - Returns: where it is.
    package func save(_ profile: LearnedProfile, to file: String?, force: Bool) throws(ClocheError) -> String
    {
        let path = place(of: profile.name, file)
        _ = try load(profile.yaml, profile.name)
        // The command took its time since this was asked first.
        try checkPlace(of: profile.name, at: file, force: force)
        do throws(SystemError) {
            if file == nil { try Files.makeDirectories(path.parentPath) }
            try Files.writeAtomically(path, Array(profile.yaml.utf8))
        } catch { throw Self.cannotWrite(path, error) }
        return path
    }

    private func place(of name: String, _ file: String?) -> String {
        file ?? "\(installation.configDirectory)/profiles/\(name).yaml"
    }

    /// Refuses a place where what is learned could not be written: better before the command runs than after.
    package func checkPlace(of name: String, at file: String?, force: Bool) throws(ClocheError) {
        let path = place(of: name, file)
        if path.lastComponent.isEmpty || Files.isDirectory(path) {
            throw ClocheError(
                .usage,
                "cannot write \(path.isEmpty ? "a file without a name" : path)",
                why: "a profile is a file, and no directory",
                remedy: "name a file, for example --output \(name).yaml"
            )
        }
        if !force, Files.exists(path) {
            throw ClocheError(
                .exists,
                "cannot write \(path)",
                why: "it is there already",
                remedy: "with --force it is written anew; or name another file with --output"
            )
        }
        var directory = path.parentPath
        // Of the user's own configuration, what is missing is made.
        while file == nil, !Files.exists(directory), directory.parentPath != directory {
            directory = directory.parentPath
        }
        do throws(SystemError) {
            guard try Files.status(directory).kind == .directory else {
                throw SystemError("open", .notDirectory, directory)
            }
            try Files.checkWritable(directory)
        } catch { throw Self.cannotWrite(path, error) }
    }

    private static func cannotWrite(_ path: String, _ error: SystemError) -> ClocheError {
        let remedy =
            switch error.errno {
            case .noEntry: "make its directory first, or name another file with --output"
            case .noSpace: "make room there, or name another file with --output"
            default: "name a file with --output, in a directory that you may write in"
            }
        return ClocheError(
            .system,
            "cannot write \(path)",
            why: error.subject == path ? "\(error.errno)" : "\(error.subject): \(error.errno)",
            remedy: remedy
        )
    }

    /// Refuses a name under which no profile can be learned.
    package func checkLearnedName(_ name: String, extending base: String?) throws(ClocheError) {
        let isPlain = name.utf8.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "-")
                || $0 == UInt8(ascii: "_")
        }
        if !isPlain || name.isEmpty || name.hasPrefix("-") || name.utf8.count > 64 {
            throw ClocheError(
                .usage,
                "\(name.debugDescription) cannot be the name of a profile",
                why: "it has letters, digits, dashes and underscores",
                remedy: "for example `cloche learn build -- make`"
            )
        }
        let others = profiles.names().first { $0.name == name && $0.layers != [.user] }
        if others != nil || name == base ?? profiles.defaultName() {
            throw ClocheError(
                .usage,
                "there is a profile \(name) already",
                why: "what is learned would change it, and not only add to it",
                remedy: "choose another name"
            )
        }
    }

    private static func explainCalls(_ policy: SyscallPolicy, _ context: inout LearningContext)
        throws(ClocheError)
    {
        do throws(FilterError) {
            for row in try SyscallTable(policy).rows {
                let groups = row.group.split(separator: ",").map { String($0.drop { $0 == " " }) }
                let chosen = groups.first { !RecordingPolicy.neededGroups.contains($0) } ?? groups.first
                if let chosen { context.groups[row.name] = chosen }
                let why = row.why.isEmpty ? row.refusals.first?.why ?? "" : row.why
                if !why.isEmpty { context.reasons[row.name] = why }
            }
        } catch { throw ClocheError(error) }
    }

    /// Rules that say more than host and port, for those of the contacts that they are for: what is learned is not
    /// wider than they are.
    private static func rules(_ settings: NetworkSettings, _ contacts: some Collection<Contact>)
        throws(ClocheError) -> [Contact: NetworkEntry]
    {
        var found: [Contact: NetworkEntry] = [:]
        for entry in settings.allow where entry.description != entry.target {
            let alone = try NetworkPolicy(NetworkSettings(mode: .allow, allow: [entry]))
            for contact in contacts where found[contact] == nil {
                // What cannot be read was no host of a rule.
                guard let host = try? Host(parsing: contact.host) else { continue }
                if alone.decide(Destination(host, port: contact.port)).grant != nil { found[contact] = entry }
            }
        }
        return found
    }
}

/// What the host has of the paths that a program looks for.
private final class HostFiles {
    private(set) var found: [String: LearningContext.HostFile] = [:]
    private let home: String

    init(home: String) { self.home = home }

    func has(_ path: String) -> Bool {
        let there = LearningContext.hostPath(path, home: home)
        // What cannot be seen is not there for the user either.
        guard let status = try? Files.status(there), let place = try? Files.canonicalPath(there) else {
            return false
        }
        let kind: LearningContext.HostFile.Kind =
            switch status.kind {
            case .regular: .file
            case .directory: .directory
            default: .other
            }
        found[path] = LearningContext.HostFile(kind, at: place)
        return true
    }
}

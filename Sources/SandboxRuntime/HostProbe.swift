// `cloche doctor`: tries everything that Cloche wants of the kernel and the host, and gives the remedy for
// what is refused. A check is decided by a trial, never by a version. Everything that is made goes again; the
// one thing made outside a namespace is an empty temporary directory beside the state directory, to try that
// file system.

package import ClocheModel
internal import Glibc
internal import LinuxSystem

/// One feature of the host, tried.
package struct HostCheck: Equatable, Sendable {
    /// What a trial showed.
    package enum Status: String, Sendable {
        /// It works.
        case ok
        /// Something that Cloche can do without, or only some profiles need, does not work.
        case degraded
        /// Something that Cloche needs does not work.
        case missing
    }

    /// Stable and hyphenated: `user-namespaces`.
    package let id: String
    /// The feature in a few words.
    package let title: String
    /// What the trial showed.
    package let status: Status
    /// What was tried and what the kernel answered.
    package let detail: String
    /// What to do; empty when there is nothing to do.
    package let remedy: String
    /// What stops working without it.
    package let requiredFor: String

    /// The check as `doctor --json` prints it.
    package var document: Document {
        .object([
            "id": .string(id), "title": .string(title), "status": .string(status.rawValue),
            "detail": .string(detail), "remedy": .string(remedy), "required-for": .string(requiredFor),
        ])
    }
}

/// A feature that is to be tried: its name, and what needs it.
struct HostFeature: Sendable {
    let id: String
    let title: String
    let requiredFor: String

    init(_ id: String, _ title: String, for requiredFor: String) {
        self.id = id
        self.title = title
        self.requiredFor = requiredFor
    }

    func ok(_ detail: String) -> HostCheck { check(.ok, detail, "") }
    func degraded(_ detail: String, _ remedy: String) -> HostCheck { check(.degraded, detail, remedy) }
    func missing(_ detail: String, _ remedy: String) -> HostCheck { check(.missing, detail, remedy) }

    /// What a failed start would have said.
    func missing(_ error: ClocheError) -> HostCheck {
        missing(error.why.isEmpty ? error.what : "\(error.what): \(error.why)", error.remedy)
    }

    /// Something that it rests on is missing already.
    func untried(_ cause: HostCheck) -> HostCheck {
        missing("not tried, because it needs \(cause.title)", "first see \(cause.id)")
    }

    private func check(_ status: HostCheck.Status, _ detail: String, _ remedy: String) -> HostCheck {
        HostCheck(
            id: id,
            title: title,
            status: status,
            detail: detail,
            remedy: remedy,
            requiredFor: requiredFor
        )
    }
}

/// Tries the host.
///
/// It must run in the `cloche` program itself, which is also the init of a sandbox.
package enum HostProbe {
    /// Tries every feature, in the order in which they build on each other.
    ///
    /// - Parameters:
    ///   - executable: path of the running program; nil finds it.
    ///   - state: the state directory; it need not exist.
    ///   - directory: where the user works.
    package static func run(executable: String? = nil, state: String, directory: String) -> [HostCheck] {
        let facts = HostFacts.current
        // /proc hidden altogether: the trials then fail with the reason.
        let program = executable ?? (try? Files.readLink("/proc/self/exe")) ?? "/proc/self/exe"
        let place = ProbePlace(state: state)
        var checks = namespaces(facts, executable: program)
        checks += kernelCalls(facts)
        let failed = checks.first { $0.status == .missing }
        checks.append(idmappedMounts(facts, place, directory))
        if let failed {
            checks += sandboxFeatures.map { $0.untried(failed) }
        } else {
            checks += sandbox(facts, executable: program, place)
        }
        checks += [landlock()] + optionalMechanisms()
        checks += [seccompNotification(facts), cgroup(facts), subordinateIDs()]
        checks += [git(), stateDirectory(state, place)]
        return checks
    }
}

// The second fence: what Landlock allows, derived from the mounts of a plan. The mounts decide what there is and who may
// write it; the fence says the same again in the kernel's other words, so that a mistake in one is not yet a way out.
//
// Rules add up and hold for all that is below a place, so that nothing can be carved out of what is granted above it: a
// read-only place within a writable one is the mount's alone. Ports of TCP cannot be told apart from loopback's and are
// left to the network namespace.

internal import CLinux
package import ClocheModel
internal import Glibc

extension Fence {
    /// The newest version whose rights are known here.
    package static let newest: Int32 = 7

    /// The fence of a plan on a kernel with this version of Landlock.
    static func make(_ plan: SandboxPlan, version: Int32) -> Fence {
        let access = Access.known(to: version)
        let rules = visibleMounts(plan).map { mount in
            Rule(target: mount.target, access: mount.access.intersection(access).rawValue)
        }
        return Fence(
            version: version,
            access: access.rawValue,
            scopes: version >= 6 ? Self.abstractSockets | Self.signals : 0,
            rules: rules
        )
    }

    /// What this version of Landlock lacks; empty when nothing.
    package static func lacks(_ version: Int32) -> [String] {
        [
            (2, "moving files between directories"), (3, "truncation"), (5, "device ioctls"),
            (6, "signals and abstract sockets"),
        ].filter { version < $0.0 }.map { $0.1 }
    }

    private static let abstractSockets: UInt64 = 1
    private static let signals: UInt64 = 2

    private static func visibleMounts(_ plan: SandboxPlan) -> [(target: String, access: Access)] {
        // The root itself: names may be listed, what they name needs a rule of its own.
        var mounts = [(target: "", access: Access.list)]
        for (index, operation) in plan.operations.enumerated() {
            guard let access = access(operation, plan), access != [] else { continue }
            let later = plan.operations[(index + 1)...]
            if !later.contains(where: { $0.covers(operation.target) }) {
                mounts.append((operation.target, access))
            }
        }
        return mounts
    }

    private static func access(_ operation: PlanOperation, _ plan: SandboxPlan) -> Access? {
        switch operation.action {
        case .filesystem("proc", _, _):
            // A process writes its own settings; what else can be written is masked or read-only.
            return [.readFile, .list, .writeFile, .truncate]
        case .filesystem("devpts", _, _): return [.readFile, .list, .writeFile, .truncate, .deviceControl]
        case .filesystem(_, _, let attributes):
            // /dev holds devices, which have rules of their own.
            return attributes.contains(.noDevices) ? access(attributes, isDirectory: true) : nil
        case .part: return access([], isDirectory: true)
        case .bind(let index):
            let source = plan.sources[index]
            if operation.reason == Planner.maskReason { return nil }
            if [Planner.statePipeReason, Planner.socketReason].contains(operation.reason) {
                return .writeFile
            }
            if operation.reason == Planner.shareReason {
                return access(source.attributes, isDirectory: true).subtracting(.special)
            }
            if source.attributes.contains(.noDevices) {
                return access(source.attributes, isDirectory: source.isDirectory)
            }
            return device(operation.target)
        default: return nil
        }
    }

    private static func access(_ attributes: MountAttributes, isDirectory: Bool) -> Access {
        var access: Access = attributes.contains(.readOnly) ? [.readFile, .list] : .write
        if !attributes.contains(.noExec) { access.insert(.execute) }
        return isDirectory ? access : access.intersection(.ofFiles)
    }

    /// An agent has no need to add to the host's entropy, and so `/dev/random` is where init sees that the fence holds.
    private static func device(_ target: String) -> Access {
        switch target {
        case "dev/random": .readFile
        case "dev/tty": [.readFile, .writeFile, .truncate, .deviceControl]
        default: [.readFile, .writeFile, .truncate]
        }
    }
}

extension PlanOperation {
    /// Whether it mounts something on this place or on one above it.
    fileprivate func covers(_ place: String) -> Bool {
        switch action {
        case .filesystem, .bind, .part: place == target || place.hasPrefix(target + "/")
        default: false
        }
    }
}

/// `LANDLOCK_ACCESS_FS_*`.
///
/// See `landlock(7)`.
private struct Access: OptionSet {
    let rawValue: UInt64

    static let execute = Access(rawValue: 1 << 0)
    static let writeFile = Access(rawValue: 1 << 1)
    static let readFile = Access(rawValue: 1 << 2)
    static let list = Access(rawValue: 1 << 3)
    static let truncate = Access(rawValue: 1 << 14)
    static let deviceControl = Access(rawValue: 1 << 15)
    private static let devices = Access(rawValue: 1 << 6 | 1 << 11)
    /// Making sockets, FIFOs and symbolic links.
    static let special = Access(rawValue: 1 << 9 | 1 << 10 | 1 << 12)

    /// All but making devices, and ioctls on those that are there.
    static let write = known(to: 4).subtracting(devices).subtracting(.execute)
    /// What can be said of a file that is no directory.
    static let ofFiles: Access = [.execute, .writeFile, .readFile, .truncate, .deviceControl]

    /// Every right that a version of Landlock knows.
    static func known(to version: Int32) -> Access {
        let bits: UInt64 = version >= 5 ? 16 : version >= 3 ? 15 : version >= 2 ? 14 : 13
        return Access(rawValue: (1 << bits) - 1)
    }
}

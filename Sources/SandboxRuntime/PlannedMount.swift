// The mount table that a plan leads to, to be compared with the one the kernel shows.

internal import ClocheModel
internal import LinuxSystem

/// One mount that there must be.
struct PlannedMount: Sendable {
    /// The file of the host that is mounted.
    struct Source: Sendable {
        let path: String
        let device: UInt64
        let inode: UInt64

        var text: String { "device \(device), inode \(inode)" }
    }

    /// Absolute, inside.
    let target: String
    /// The kind of file system; nil where it is that of the host's.
    let kind: String?
    /// It has these flags at least.
    var attributes: MountAttributes
    let source: Source?
    let isOptional: Bool
    let isRecursive: Bool
    /// Something else is mounted on it or above it later.
    var isCovered = false

    /// In the words of `mount(8)`.
    var text: String { MountTable.Mount.text(kind ?? "bind", attributes) }

    /// Whether a mount of the table is this one.
    func isMet(by mount: MountTable.Mount) -> Bool {
        mount.point == target && (kind == nil || mount.kind == kind)
            && mount.attributes.isSuperset(of: attributes)
    }

    /// Every mount of a plan.
    static func all(of plan: SandboxPlan) -> [PlannedMount] {
        var mounts = [
            PlannedMount(
                target: "/",
                kind: "tmpfs",
                attributes: [.noSetID, .noDevices],
                source: nil,
                isOptional: false,
                isRecursive: false
            )
        ]
        for operation in plan.operations { add(operation, plan, to: &mounts) }
        return mounts
    }

    private static func add(_ operation: PlanOperation, _ plan: SandboxPlan, to mounts: inout [PlannedMount])
    {
        let target = "/" + operation.target
        let (kind, attributes, source): (String?, MountAttributes, MountSource?)
        switch operation.action {
        case .filesystem(let name, _, let flags): (kind, attributes, source) = (name, flags, nil)
        case .bind(let index):
            let bound = plan.sources[index]
            (kind, attributes, source) = (nil, bound.attributes, bound)
        case .part(let directory):
            let whole = mounts.last { "/\(directory)".hasPrefix($0.target + "/") }
            (kind, attributes, source) = (whole?.kind, whole?.attributes ?? [], nil)
        case .readOnly, .pin:
            let above = mounts.last { target.hasPrefix($0.target + "/") || $0.target == "/" }
            let more: MountAttributes = operation.action == .readOnly ? .readOnly : []
            (kind, attributes, source) = (above?.kind, (above?.attributes ?? []).union(more), nil)
        case .seal(let flags):
            guard let index = mounts.lastIndex(where: { $0.target == target }) else { return }
            mounts[index].attributes.formUnion(flags)
            return
        default: return
        }
        for index in mounts.indices.dropFirst()
        where mounts[index].target == target || mounts[index].target.hasPrefix(target + "/") {
            mounts[index].isCovered = true
        }
        mounts.append(
            PlannedMount(
                target: target,
                kind: kind,
                attributes: attributes,
                source: source.map { Source(path: $0.path, device: $0.device, inode: $0.inode) },
                isOptional: operation.optional,
                isRecursive: source?.recursive ?? false
            )
        )
    }
}

// Shared directories at `/shared/NAME`. Whatever one agent puts there, another gets content and nothing else: no link
// leads out of it (nosymfollow), nothing in it is a device or raises rights, and what is no file or directory cannot be
// made in it (the fence). Hard links stay within one mount by themselves.

package import ClocheModel
internal import LinuxSystem

/// A shared directory of an agent, on the host.
package struct SharedDirectory: Equatable, Sendable {
    /// Its name.
    package var name: String
    /// What the agent may do in it.
    package var mode: ShareMode
    /// The directory with what is shared.
    package var files: String
    /// The most bytes that it may hold.
    package var bytes: Int64
    /// The most files and directories.
    package var count: Int64

    /// A directory with its limits.
    package init(name: String, mode: ShareMode, files: String, bytes: Int64, count: Int64) {
        (self.name, self.mode, self.files) = (name, mode, files)
        (self.bytes, self.count) = (bytes, count)
    }
}

extension Planner {
    static let shareReason = "shares"

    mutating func addShares() throws(ClocheError) {
        if request.shares.isEmpty { return }
        for bind in request.policy.filesystem.binds
        where bind.target == InsidePath.shared || bind.target.hasPrefix(InsidePath.shared + "/") {
            throw ClocheError(
                .configuration,
                "cannot mount at \(bind.target)",
                why: "the agent's shared directories are in \(InsidePath.shared)",
                remedy: "choose another target for \(bind.source)"
            )
        }
        for share in request.shares {
            var attributes: MountAttributes = [.noSetID, .noDevices, .noLinks]
            if share.mode != .readWrite { attributes.insert(.readOnly) }
            let target = String(InsidePath.shared.dropFirst()) + "/" + share.name
            try addBind(share.files, at: target, attributes, owned: true, Self.shareReason)
        }
    }

    /// Through a socket in a shared directory two agents could hand each other open files; that there is none is the fence's
    /// alone.
    func refuseUnfencedShares(_ plan: SandboxPlan) throws(ClocheError) {
        guard plan.confinement.fence == nil,
            let share = request.shares.first(where: { $0.mode == .readWrite })
        else { return }
        throw ClocheError(
            .host,
            "the agent cannot be given the shared directory \(share.name) for writing",
            why: "without Landlock, it could make a socket there, and be handed open files of other agents",
            remedy: "give it `append` or `ro`, or take `landlock` out of `confinement`"
        )
    }
}

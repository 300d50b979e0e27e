// A credential that was revoked is kept and not given: it may be the only copy, and it may be needed to be withdrawn where it
// was issued. Another secret under the name ends the revocation.

package import ClocheModel
internal import Glibc
internal import LinuxSystem

extension CredentialStore {
    private func mark(_ name: String) -> String { "\(directory)/\(name).revoked" }

    /// Whether it is not to be given to anybody.
    package func isRevoked(_ name: String) -> Bool { Files.exists(mark(name)) }

    /// Gives it to nobody from now on.
    package func revoke(_ name: String) throws(ClocheError) {
        _ = try entry(name)
        do throws(SystemError) {
            try Files.writeAtomically(mark(name), [], mode: 0o600, sync: true)
        } catch { throw Self.cannotMark(mark(name), error) }
    }

    /// Ends a revocation, if there is one: it has other bytes, or is gone.
    func forgetRevocation(_ name: String) throws(ClocheError) {
        do throws(SystemError) {
            if isRevoked(name) { try Files.remove(mark(name)) }
        } catch { throw Self.cannotMark(mark(name), error) }
    }

    /// Refuses one that was revoked.
    func refuseRevoked(_ name: String) throws(ClocheError) {
        guard isRevoked(name) else { return }
        throw ClocheError(
            .state,
            "the credential \(name) was revoked",
            remedy: "`cloche credential rotate \(name)` gives it other bytes"
        )
    }

    private static func cannotMark(_ path: String, _ error: SystemError) -> ClocheError {
        ClocheError(.system, "cannot write \(path)", why: error.description)
    }
}

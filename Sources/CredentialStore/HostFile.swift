// A file of the host that holds a secret: named by the user, so links on the way are followed (orchestrators give secrets
// as links); what is opened in the end is judged.

internal import Glibc
internal import LinuxSystem

/// An open file that may hold a secret.
struct HostFile: ~Copyable {
    /// To be read.
    let descriptor: FileDescriptor
    /// Whether nobody else may read it.
    let isPrivate: Bool

    /// Opens a regular file that nobody else could have written.
    static func open(_ path: String) throws(SystemError) -> HostFile {
        // A pipe would make us wait for its writer, a terminal would become ours.
        let file = try Files.open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY)
        let status = try Files.status(of: file)
        guard status.kind == .regular else {
            throw SystemError("open", Errno(EINVAL), "\(path) is no regular file")
        }
        guard status.owner == CurrentUser.id || status.owner == 0 else {
            throw SystemError("open", .access, "\(path) belongs to user \(status.owner)")
        }
        guard status.mode & 0o022 == 0 else {
            throw SystemError("open", .access, "others may write \(path)")
        }
        return HostFile(descriptor: file, isPrivate: status.mode & 0o044 == 0)
    }
}

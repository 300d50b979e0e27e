// The file of a login on the host's disk: read as a whole, replaced as a whole, and locked by whoever renews it. One lock is
// ours, which the kernel drops with its holder; the others are directories that the host's program makes.

internal import ClocheModel
internal import Glibc
package import LinuxSystem

/// Where Cloche keeps what belongs to a login: its lock, and the mark that it was revoked.
package struct LoginPlace: Equatable, Sendable {
    /// The file, without links.
    package let file: String
    private let base: String

    /// - Throws: when there is not even a directory for the file.
    package init(_ file: String, in directory: String) throws(SystemError) {
        // One name for a file, however it is reached; a file that is replaced, or not there for a while, keeps it.
        self.file = try Self.canonical(file, links: 40)
        base = "\(directory)/\(StableHash.hexadecimal(self.file))"
    }

    private static func canonical(_ file: String, links: Int) throws(SystemError) -> String {
        do throws(SystemError) {
            return try Files.canonicalPath(file)
        } catch {
            guard error.errno == .noEntry, links > 0 else { throw error }
        }
        let directory = try Files.canonicalPath(file.parentPath)
        let name = "\(directory == "/" ? "" : directory)/\(file.lastComponent)"
        // What is no link, or not there, is the file itself.
        guard let target = try? Files.readLink(name) else { return name }
        return try canonical(target.hasPrefix("/") ? target : "\(directory)/\(target)", links: links - 1)
    }

    /// Held by whoever renews it.
    var lock: String { "\(base).lock" }
    private var mark: String { "\(base).revoked" }

    /// Whether no gateway may use it.
    package var isRevoked: Bool { Files.exists(mark) }

    /// Has gateways use it no more, or again.
    package func setRevoked(_ isRevoked: Bool) throws(SystemError) {
        if isRevoked {
            try Files.makeDirectories(mark.parentPath)
            try Files.writeAtomically(mark, [])
        } else {
            try Files.remove(mark)
        }
    }
}

/// A login's file as it is now.
struct LoginFile {
    let place: LoginPlace
    let text: Secret

    /// A longer one is not read, and none is written that is so long.
    static let limit = 256 << 10

    /// Reads it.
    init(_ form: LoginForm, evenIfRevoked: Bool = false) throws(LoginFailure) {
        do throws(SystemError) {
            place = try LoginPlace(form.file, in: form.lockDirectory)
        } catch { throw LoginFailure(why: "there is no file with the login", kind: .dead) }
        guard evenIfRevoked || !place.isRevoked else {
            throw LoginFailure(why: "the login was revoked", kind: .revoked)
        }
        guard Files.exists(place.file) else {
            throw LoginFailure(why: "there is no file with the login", kind: .dead)
        }
        do throws(SystemError) {
            // A pipe would make us wait for its writer.
            let file = try Files.open(place.file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW)
            let status = try Files.status(of: file)
            guard status.kind == .regular, status.owner == CurrentUser.id || status.owner == 0,
                status.mode & 0o022 == 0
            else { throw SystemError("open", .access) }
            text = try Secret(reading: file, upTo: Self.limit)
        } catch { throw LoginFailure(why: "the login's file cannot be read: \(error.errno)") }
        guard text.count < Self.limit else { throw LoginFailure(why: "the login's file is too long") }
    }
}

/// The file that takes a login's place.
///
/// Made, with room on the disk, before the service is asked, so that what it answers can be kept.
struct LoginReplacement {
    private let path: String
    private let target: String
    let descriptor: FileDescriptor.Shared

    /// What a renewed login may have more than the one before: all of an answer, and a time.
    private static let more = TokenExchange.limit + 32

    init(_ file: LoginFile) throws(SystemError) {
        // The service is not asked for what could not be read again.
        guard file.text.count + Self.more < LoginFile.limit else { throw SystemError("write", Errno(EFBIG)) }
        target = file.place.file
        path = "\(target).cloche-new"
        let status = try Files.status(target)
        // Of a gateway that was killed; whoever has the lock is alone.
        try Files.remove(path)
        let made = try Files.open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW)
        descriptor = FileDescriptor.Shared(made)
        do throws(SystemError) {
            let (number, mode) = (descriptor.number, status.mode & 0o777)
            try check("fchmod", path) { fchmod(number, mode) }
            try descriptor.write([UInt8](repeating: 0x20, count: file.text.count + Self.more))
        } catch {
            discard()
            throw error
        }
    }

    /// Writes the text.
    func fill(_ text: Secret) throws(SystemError) {
        let number = descriptor.number
        try unsafe text.withBytes { bytes throws(SystemError) in
            var written = 0
            while written < bytes.count {
                written += try check("pwrite", path) {
                    unsafe pwrite(
                        number,
                        bytes.baseAddress?.advanced(by: written),
                        bytes.count - written,
                        off_t(written)
                    )
                }
            }
        }
        try check("ftruncate", path) { ftruncate(number, off_t(text.count)) }
    }

    /// Puts it into the login's place.
    ///
    /// - Returns: the directory, which is to be brought to the disk as well.
    func take() throws(SystemError) -> FileDescriptor.Shared {
        try Files.rename(path, target)
        return FileDescriptor.Shared(try Files.open(target.parentPath, O_RDONLY | O_DIRECTORY))
    }

    /// Takes it away.
    func discard() {
        // The next one finds it, and replaces it.
        try? Files.remove(path)
    }
}

/// The locks of a login: all, or none.
final class LoginLocks {
    private let own: FileLock
    private let directories: [String]

    /// A directory whose holder has not touched it for so long is nobody's: seconds, as Claude Code counts them.
    private static let stale: Int64 = 60

    /// Takes them; nil while somebody else has one.
    init?(_ place: LoginPlace, _ form: LoginForm) throws(LoginFailure) {
        do throws(SystemError) {
            try Files.makeDirectories(form.lockDirectory)
            guard let lock = try FileLock(place.lock) else { return nil }
            // As the host's program names it: it does not follow the file itself.
            let directory = try Files.canonicalPath(form.file.parentPath)
            var taken: [String] = []
            for name in form.locks.map({ $0.replacing("{directory}", with: directory) }) {
                guard try Self.make(name) else {
                    for name in taken { Self.remove(name) }
                    return nil
                }
                taken.append(name)
            }
            own = lock
            directories = taken
        } catch { throw LoginFailure(why: "the login cannot be locked: \(error.errno)") }
    }

    deinit { for name in directories { Self.remove(name) } }

    /// Says to those who look that we are alive.
    func touch() {
        // A lock that somebody took away by force cannot be touched: it is not ours any more, and what then is written is
        // compared with the file.
        for name in directories { unsafe _ = utimensat(AT_FDCWD, name, nil, 0) }
    }

    private static func make(_ name: String) throws(SystemError) -> Bool {
        do throws(SystemError) {
            try Files.makeDirectory(name)
            return true
        } catch {
            guard error.errno == .exists else { throw error }
        }
        // It may have gone meanwhile, or another may be quicker: then the next try tells.
        guard let status = try? Files.status(name, followLinks: false),
            status.modified < WallClock.milliseconds / 1000 - stale
        else { return false }
        remove(name)
        return false
    }

    private static func remove(_ name: String) { unsafe _ = rmdir(name) }
}

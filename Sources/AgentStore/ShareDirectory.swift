// The directories that agents of a project have together: `STATE/PROJECT/.shares/NAME`, with a record and `files/`, which
// is what agents see. No agent's name begins with a dot. Whatever is below `files/` may be an agent's doing: nothing there
// is opened but beneath it and through no link.

package import ClocheModel
internal import Glibc
package import LinuxSystem
internal import StructuredText

/// What is known of a shared directory.
package struct ShareRecord: Equatable, Sendable {
    /// The format of the file; a newer one is refused.
    package static let version: Int64 = 1

    /// When it was made, in milliseconds since 1970.
    package var created: Int64
    /// The most bytes that it may hold, as `du` counts them.
    package var bytes: Int64
    /// The most files and directories.
    package var files: Int64

    /// A record.
    package init(created: Int64, bytes: Int64, files: Int64) {
        (self.created, self.bytes, self.files) = (created, bytes, files)
    }

    fileprivate var document: Document {
        .object([
            "version": .integer(Self.version), "created": .integer(created), "size": .integer(bytes),
            "files": .integer(files),
        ])
    }

    fileprivate init?(_ document: Document) {
        guard let version = document["version"]?.integer, version <= Self.version,
            let created = document["created"]?.integer, let bytes = document["size"]?.integer,
            let files = document["files"]?.integer
        else { return nil }
        self.init(created: created, bytes: bytes, files: files)
    }
}

/// One shared directory's place on the host.
package struct ShareDirectory: Equatable, Sendable {
    /// Absolute path.
    package let path: String

    /// Its name.
    package var name: String { path.lastComponent }
    /// What agents see.
    package var files: String { path + "/files" }
    private var recordFile: String { path + "/share.json" }
    /// Held while something is added, or the whole is removed.
    private var lockFile: String { path + "/share.lock" }

    /// Whether it is there.
    package var exists: Bool { Files.exists(recordFile) }

    /// Makes it, in one step.
    package func create(_ record: ShareRecord) throws(ClocheError) {
        let temporary = "\(path.parentPath)/.new-\(name)-\(record.created)"
        do throws(SystemError) {
            try Files.makeDirectories(path.parentPath)
            try Files.makeDirectory(temporary)
            do throws(SystemError) {
                try Files.makeDirectory(temporary + "/files", mode: 0o755)
                let text = JSONText.serialize(record.document, pretty: true)
                try Files.writeAtomically(temporary + "/share.json", Array(text.utf8))
                try Files.renameWithoutReplacing(temporary, path)
            } catch {
                // The failure that matters is the one above.
                try? Files.removeTree(temporary)
                throw error
            }
        } catch  where error.errno == .exists {
            throw ClocheError(
                .exists,
                "a shared directory named \(name) exists already",
                why: path,
                remedy: "choose another name, or `cloche share delete \(name)` first"
            )
        } catch { throw StoreError.cannotWrite(error) }
    }

    /// Reads the record.
    package func read() throws(ClocheError) -> ShareRecord {
        do {
            let document = try JSONText.parse(try Files.read(recordFile, limit: 1 << 16), file: recordFile)
            if let record = ShareRecord(document) { return record }
        } catch let error as SystemError where error.errno == .noEntry || error.errno == .notDirectory {
            throw ClocheError(
                .notFound,
                "no shared directory named \(name)",
                why: "\(path) does not exist",
                remedy:
                    "`cloche share create \(name)` makes it; `cloche share list` shows those that there are"
            )
        } catch let error as SystemError {
            throw ClocheError(
                .system,
                "cannot read the shared directory \(name)",
                why: error.description,
                remedy: "see what has become of \(path)"
            )
        } catch {}
        throw ClocheError(
            .state,
            "cannot read the shared directory \(name)",
            why: "\(recordFile) is not complete, or of a newer Cloche",
            remedy: "`cloche share delete --force \(name)` removes it"
        )
    }

    /// Whether there is anything in it; what cannot be read may hold anything.
    package var isEmpty: Bool {
        // See above.
        (try? Files.list(files))?.isEmpty ?? !Files.exists(files)
    }

    /// Takes the right to add to it, or to remove it; whoever has it is waited for.
    package func lock() throws(ClocheError) -> FileLock {
        do {
            if let lock = try FileLock(lockFile, wait: true) { return lock }
        } catch { throw StoreError.cannotWrite(error) }
        throw ClocheError(
            .state,
            "the shared directory \(name) is being changed by another command",
            why: "\(lockFile) is held",
            remedy: "wait for that command to end"
        )
    }

    /// Removes it with all that is in it.
    ///
    /// It is renamed first, so that what a crash leaves is no shared directory any more.
    package func remove() throws(ClocheError) {
        let doomed = "\(path.parentPath)/.deleted-\(name)-\(WallClock.milliseconds)"
        do {
            try Files.rename(path, doomed)
            try Files.removeTree(doomed)
        } catch {
            throw ClocheError(
                .system,
                "cannot remove the shared directory \(name)",
                why: error.description,
                remedy: "see what is at \(path)"
            )
        }
    }

    /// Adds to the end of a regular file of it, which is made if it is missing.
    ///
    /// It is opened through no link, beneath `files/`, and without waiting for anybody.
    ///
    /// - Returns: whether the file was missing.
    package func append(_ bytes: [UInt8], to file: String) throws(SystemError) -> Bool {
        let root = try Files.open(files, Files.placeOnly | O_DIRECTORY | O_NOFOLLOW)
        let flags = O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY
        do throws(SystemError) {
            try write(bytes, to: Files.openBeneath(root, file, flags), file)
            return false
        } catch  where error.errno == .noEntry {
            try write(bytes, to: Files.openBeneath(root, file, flags | O_CREAT, mode: 0o644), file)
            return true
        }
    }

    private func write(_ bytes: [UInt8], to opened: consuming FileDescriptor, _ file: String)
        throws(SystemError)
    {
        guard try Files.status(of: opened).kind == .regular else {
            throw SystemError("open", Errno(EINVAL), file)
        }
        try opened.write(bytes)
    }
}

extension ProjectState {
    /// A shared directory; it need not exist.
    package func share(_ name: String) -> ShareDirectory { ShareDirectory(path: "\(path)/.shares/\(name)") }

    /// All shared directories, sorted by name.
    package func shares() -> [ShareDirectory] {
        // None was made.
        let names = (try? Files.list("\(path)/.shares")) ?? []
        return names.filter { ShareName.isValid($0) && share($0).exists }.map { share($0) }
    }
}

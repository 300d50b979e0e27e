// The directory of credentials: one file for each, and one with the locks of the key that seals them. Whoever writes holds
// the directory's lock meanwhile, and no longer: nobody is asked anything under it. Readers need none, since files are
// replaced as a whole.
//
//     key                 the locks: see KeyFile
//     NAME.credential     header and sealed bytes: see CredentialEntry
//     lock                held by whoever writes

package import ClocheModel
package import LinuxSystem

/// The credentials of one user.
package struct CredentialStore: Equatable, Sendable {
    /// Where they are.
    package let directory: String

    /// The store of a directory, which need not exist.
    package init(directory: String) { self.directory = directory }

    /// What is to be kept of a credential.
    package enum Content: Sendable {
        /// The bytes, sealed.
        case kept(Secret, MasterKey)
        /// Where to read them each time.
        case reference(CredentialSource)
    }

    /// What a file of the store turned out to be.
    package enum Finding: Sendable {
        case entry(CredentialEntry)
        /// The name, and what is wrong with its file.
        case damaged(String, ClocheError)
    }

    private static let suffix = ".credential"

    func path(_ name: String) -> String { "\(directory)/\(name)\(Self.suffix)" }
    var keyPath: String { directory + "/key" }

    // MARK: Reading

    /// Every credential, by name; damaged ones as well.
    package func list() throws(ClocheError) -> [Finding] {
        try names().map { name in
            do throws(ClocheError) {
                return .entry(try read(name).entry)
            } catch { return .damaged(name, error) }
        }
    }

    private func names() throws(ClocheError) -> [String] {
        do throws(SystemError) {
            return try Files.list(directory).filter { $0.hasSuffix(Self.suffix) }
                .map { String($0.dropLast(Self.suffix.count)) }
        } catch  where error.errno == .noEntry {
            return []
        } catch { throw cannotRead(directory, error) }
    }

    /// Whether there is one of the name, be it damaged.
    package func holds(_ name: String) -> Bool {
        do throws(ClocheError) {
            _ = try entry(name)
            return true
        } catch { return error.code != .notFound }
    }

    /// What is known of one, without its bytes.
    package func entry(_ name: String) throws(ClocheError) -> CredentialEntry { try read(name).entry }

    /// The bytes of one that is kept.
    package func secret(_ name: String, _ key: MasterKey) throws(ClocheError) -> Secret {
        let (entry, file) = try read(name)
        guard case .kept(let store) = entry.place else {
            throw ClocheError(.state, "\(name) is not kept by Cloche", why: "its bytes are elsewhere")
        }
        guard store == key.store else {
            throw damaged(path(name), "it is of another store, whose key is not here")
        }
        do throws(SystemError) {
            if let secret = try Sealing.open(file.payload, with: key.sealing, for: file.context) {
                return secret
            }
        } catch { throw cannotRead(path(name), error) }
        throw damaged(path(name), "the store's key does not open it")
    }

    private func read(_ name: String) throws(ClocheError) -> (entry: CredentialEntry, file: SealedFile) {
        try CredentialEntry.check(name)
        guard let file = try readFile(.credential, path(name)) else {
            throw ClocheError(
                .notFound,
                "there is no credential \(name)",
                remedy: "`cloche credential list` shows those that there are"
            )
        }
        guard let entry = CredentialEntry(header: file.header) else {
            throw damaged(path(name), "its header is none of a credential")
        }
        // Somebody has moved the file: another key would be sent to a service than the one that is named.
        guard entry.name == name else { throw damaged(path(name), "it is the file of \(entry.name)") }
        if case .reference = entry.place, !file.payload.isEmpty {
            throw damaged(path(name), "something stands behind its header")
        }
        return (entry, file)
    }

    /// A file taken apart; nil when there is none.
    func readFile(_ kind: SealedFile.Kind, _ path: String) throws(ClocheError) -> SealedFile? {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try Files.read(path, limit: SealedFile.mostBytes + 1)
        } catch  where error.errno == .noEntry {
            return nil
        } catch { throw cannotRead(path, error) }
        do throws(SealedFile.Problem) {
            guard bytes.count <= SealedFile.mostBytes else { throw .damaged("it is too long") }
            return try SealedFile(kind, reading: bytes)
        } catch {
            switch error {
            case .damaged(let why): throw damaged(path, why)
            case .newer(let version):
                throw ClocheError(
                    .state,
                    "a later Cloche has written \(path)",
                    why: "its form has version \(version), and this one knows \(SealedFile.version)",
                    remedy: "use that Cloche"
                )
            }
        }
    }

    // MARK: Writing

    /// Adds a credential; refuses a name that is taken.
    package func add(_ name: String, _ content: Content) throws(ClocheError) {
        try CredentialEntry.check(name)
        try locked { () throws(ClocheError) in
            if Files.exists(path(name)) { throw Self.taken(name) }
            try write(name, content, created: WallClock.milliseconds, rotated: nil)
        }
    }

    /// Refuses a name that is taken, before anybody is asked for anything.
    package func checkIsFree(_ name: String) throws(ClocheError) {
        try CredentialEntry.check(name)
        if Files.exists(path(name)) { throw Self.taken(name) }
    }

    private static func taken(_ name: String) -> ClocheError {
        ClocheError(
            .exists,
            "there is a credential \(name) already",
            remedy: "`cloche credential rotate \(name)` gives it other bytes"
        )
    }

    /// Gives a credential other bytes, or another place.
    package func rotate(_ name: String, _ content: Content) throws(ClocheError) {
        try locked { () throws(ClocheError) in
            let old = try entry(name)
            let now = WallClock.milliseconds
            try write(name, content, created: old.created, rotated: max(now, old.created))
            try forgetRevocation(name)
        }
    }

    /// Deletes a credential; a damaged one as well.
    package func delete(_ name: String) throws(ClocheError) {
        try CredentialEntry.check(name)
        try locked { () throws(ClocheError) in
            guard Files.exists(path(name)) else {
                _ = try read(name)
                return
            }
            do throws(SystemError) {
                try Files.remove(path(name))
                // A name without a credential is refused in any case; a new one begins without it.
                try? forgetRevocation(name)
                try Files.synchronizeDirectory(directory)
            } catch { throw cannotWrite(error) }
        }
    }

    private func write(_ name: String, _ content: Content, created: Int64, rotated: Int64?)
        throws(ClocheError)
    {
        switch content {
        case .reference(let source):
            let entry = CredentialEntry(
                name: name,
                place: .reference(source),
                created: created,
                rotated: rotated
            )
            try replace(path(name), SealedFile(.credential, entry.header))
        case .kept(let secret, let key):
            // Under the lock: what nobody could ever open must not be written.
            try check(key)
            let entry = CredentialEntry(
                name: name,
                place: .kept(store: key.store),
                created: created,
                rotated: rotated
            )
            var file = SealedFile(.credential, entry.header)
            do throws(SystemError) {
                file.payload = try Sealing.seal(secret, with: key.sealing, for: file.context)
            } catch { throw cannotWrite(error) }
            try replace(path(name), file)
        }
    }

    /// Puts a file in the place of the old one, which is there until the new one is on disk.
    func replace(_ path: String, _ file: SealedFile) throws(ClocheError) {
        do throws(SystemError) {
            try Files.writeAtomically(path, file.bytes)
            try Files.synchronizeDirectory(directory)
        } catch { throw cannotWrite(error) }
    }

    /// Does something while no other process writes, in a directory that is ours alone.
    func locked<Result>(_ body: () throws(ClocheError) -> Result) throws(ClocheError) -> Result {
        let lock = try takeLock()
        defer { precondition(lock.isLocked) }
        return try body()
    }

    private func takeLock() throws(ClocheError) -> FileLock {
        do throws(SystemError) {
            for place in [directory.parentPath, directory] {
                try Files.makeDirectories(place)
                let status = try Files.status(place)
                guard status.owner == CurrentUser.id, status.mode & 0o022 == 0 else {
                    throw SystemError("stat", .access, "\(place) is another's, or others may write it")
                }
            }
            guard let lock = try FileLock(directory + "/lock", wait: true) else {
                throw SystemError("fcntl", .wouldBlock, directory)
            }
            // What a command left that was killed while it wrote; sealed, and of no use.
            for rest in try Files.list(directory) where rest.hasSuffix(".new") {
                try Files.remove("\(directory)/\(rest)")
            }
            return lock
        } catch { throw cannotWrite(error) }
    }

    // MARK: Words

    func damaged(_ path: String, _ why: String) -> ClocheError {
        ClocheError(
            .state,
            "damaged: \(path)",
            why: why,
            remedy: "put a copy of the file back if you have one; or delete the credential and add it anew"
        )
    }

    func cannotRead(_ path: String, _ error: SystemError) -> ClocheError {
        ClocheError(.system, "cannot read \(path)", why: error.description)
    }

    func cannotWrite(_ error: SystemError) -> ClocheError {
        ClocheError(
            .system,
            "cannot write the store of credentials",
            why: error.description,
            remedy: "see that \(directory) is on a disk with free space, and yours alone"
        )
    }
}

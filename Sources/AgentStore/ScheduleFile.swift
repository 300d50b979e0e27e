// The schedules of a project: `STATE/PROJECT/.schedules/NAME.json`. No agent's name begins with a dot. A file has what
// `cloche internal scheduled` needs, so that systemd's unit only has to name it.

package import ClocheModel
package import LinuxSystem
internal import StructuredText

/// What is known of a schedule.
package struct ScheduleRecord: Equatable, Sendable {
    /// The format of the file; a newer one is refused.
    package static let version: Int64 = 1

    /// Its name.
    package var name: String
    /// When it is due, as in crontab(5).
    package var time: String
    /// The project's directory.
    package var project: String
    /// The working directory, in which paths of the words are meant.
    package var directory: String
    /// Options and task of `cloche start`, as its command line has them after the name.
    package var words: [String]
    /// Variables to start with, `NAME=value`: a user manager of systemd's knows little of a person's shell.
    package var environment: [String]
    /// Whether a run may begin while an earlier one still runs.
    package var overlaps: Bool
    /// When it was made, in milliseconds since 1970.
    package var created: Int64

    /// A record.
    package init(
        name: String,
        time: String,
        project: String,
        directory: String,
        words: [String],
        environment: [String],
        overlaps: Bool,
        created: Int64
    ) {
        (self.name, self.time, self.project, self.directory) = (name, time, project, directory)
        (self.words, self.environment) = (words, environment)
        (self.overlaps, self.created) = (overlaps, created)
    }

    fileprivate var document: Document {
        .object([
            "version": .integer(Self.version), "name": .string(name), "time": .string(time),
            "project": .string(project), "directory": .string(directory),
            "words": .strings(words),
            "environment": .strings(environment), "overlap": .bool(overlaps),
            "created": .integer(created),
        ])
    }

    fileprivate init?(_ document: Document) {
        guard let version = document["version"]?.integer, version <= Self.version,
            let name = document["name"]?.string, let time = document["time"]?.string,
            let project = document["project"]?.string, let directory = document["directory"]?.string,
            let words = document["words"]?.stringList,
            let environment = document["environment"]?.stringList,
            let overlaps = document["overlap"]?.bool, let created = document["created"]?.integer
        else { return nil }
        self.init(
            name: name,
            time: time,
            project: project,
            directory: directory,
            words: words,
            environment: environment,
            overlaps: overlaps,
            created: created
        )
    }
}

/// One schedule's file.
package struct ScheduleFile: Equatable, Sendable {
    /// Absolute path.
    package let path: String

    /// A file by its path.
    package init(path: String) { self.path = path }

    /// The schedule's name.
    package var name: String { String(path.lastComponent.dropLast(".json".utf8.count)) }

    /// Whether it is there.
    package var exists: Bool { Files.exists(path) }

    /// Writes the record; a crash leaves the old one or the new one.
    package func write(_ record: ScheduleRecord) throws(ClocheError) {
        do throws(SystemError) {
            try Files.makeDirectories(path.parentPath)
            let text = JSONText.serialize(record.document, pretty: true)
            try Files.writeAtomically(path, Array(text.utf8))
        } catch { throw StoreError.cannotWrite(error) }
    }

    /// Reads the record.
    package func read() throws(ClocheError) -> ScheduleRecord {
        do {
            let document = try JSONText.parse(try Files.read(path, limit: 1 << 20), file: path)
            if let record = ScheduleRecord(document), record.name == name { return record }
        } catch let error as SystemError where error.errno == .noEntry || error.errno == .notDirectory {
            throw ClocheError(
                .notFound,
                "no schedule named \(name)",
                why: "\(path) does not exist",
                remedy: "`cloche schedule list` shows those that there are"
            )
        } catch let error as SystemError {
            throw ClocheError(
                .system,
                "cannot read the schedule \(name)",
                why: error.description,
                remedy: "see what has become of \(path)"
            )
        } catch {}
        throw ClocheError(
            .state,
            "cannot read the schedule \(name)",
            why: "\(path) is not complete, or of a newer Cloche",
            remedy: "`cloche schedule remove \(name)` removes it"
        )
    }

    /// Removes it; absent is fine.
    package func remove() throws(ClocheError) {
        do { try Files.remove(path) } catch { throw StoreError.cannotWrite(error) }
    }
}

extension ProjectState {
    private var schedulesPath: String { path + "/.schedules" }

    /// The file of a schedule; it need not exist.
    package func schedule(_ name: String) -> ScheduleFile {
        ScheduleFile(path: "\(schedulesPath)/\(name).json")
    }

    /// All schedules' files, by name.
    package func schedules() -> [ScheduleFile] {
        // No directory means no schedules.
        let names = (try? Files.list(schedulesPath)) ?? []
        return names.filter { $0.hasSuffix(".json") }.map { ScheduleFile(path: "\(schedulesPath)/\($0)") }
    }

    /// Takes the right to change schedules; whoever has it is waited for.
    package func lockSchedules() throws(ClocheError) -> FileLock {
        do {
            try Files.makeDirectories(schedulesPath)
            if let lock = try FileLock(schedulesPath + "/lock", wait: true) { return lock }
        } catch { throw StoreError.cannotWrite(error) }
        throw ClocheError(
            .state,
            "schedules are being changed by another command",
            remedy: "wait for it to end"
        )
    }
}

// Where the run of a plan is kept: `.graphs/PLAN/` in the project's state, which no agent's name can be. The journal grows by
// whole lines, each on disk before what it tells of is done or believed; a line that a crash cut short was never said.

package import ClocheModel
internal import Glibc
internal import LinuxSystem
internal import StructuredText

/// The place of one plan's run.
package struct GraphDirectory: Equatable, Sendable {
    /// Absolute path.
    package let path: String

    /// The journal.
    package var journal: String { path + "/journal.jsonl" }
    /// What checks and judges printed, by what they were for.
    package var outputs: String { path + "/outputs" }
    /// Files of results, while something is tried with them.
    package var scratch: String { path + "/scratch" }
    private var answers: String { path + "/answers" }
    private var bell: String { path + "/bell" }
    private var lock: String { path + "/lock" }

    /// Whether there is a run, ended or not.
    package var exists: Bool { Files.exists(journal) }

    /// Whether a process is at it.
    package var isHeld: Bool { FileLock.isHeld(lock) }

    /// How long another holder is waited for, in milliseconds: of one that was killed, a child that it was starting holds
    /// the lock up to its exec.
    private static let patience: Int64 = 3000

    /// Makes the directory, and takes the right to go on with the run; nil when another process has it.
    package func take() throws(ClocheError) -> GraphHolder? {
        do throws(SystemError) {
            for place in [path.parentPath, path, outputs, answers] { try Files.makeDirectories(place) }
            guard let held = try hold() else { return nil }
            // Of processes that were killed: nobody needs them any more.
            try Files.removeTree(scratch)
            try Files.makeDirectory(scratch)
            try Files.remove(bell)
            try Files.makePipe(bell)
            // For writing, too, so that it has no end when the last writer goes.
            let bell = try Files.openForUpdate(bell)
            try bell.setNonBlocking()
            return GraphHolder(self, held, bell)
        } catch { throw StoreError.cannotWrite(error) }
    }

    private func hold() throws(SystemError) -> FileLock? {
        let last = MonotonicClock.milliseconds + Self.patience
        while true {
            if let held = try FileLock(lock) { return held }
            if MonotonicClock.milliseconds >= last { return nil }
            Pause.milliseconds(10)
        }
    }

    /// Every event of the journal.
    ///
    /// - Throws: when a line that is not the last cannot be read.
    package func read() throws(ClocheError) -> [Document] { try readLines().documents }

    /// The events, and how many bytes of the file they are.
    fileprivate func readLines() throws(ClocheError) -> (documents: [Document], size: Int) {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try Files.read(journal)
        } catch  where error.errno == .noEntry {
            return ([], 0)
        } catch { throw ClocheError(.system, "the journal cannot be read", why: error.description) }
        var documents: [Document] = []
        var start = 0
        while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
            do throws(StructuredTextError) {
                documents.append(try JSONText.parse(Array(bytes[start..<end]), file: journal))
            } catch {
                // A power cut can leave a last line of zeros with its end.
                if end == bytes.count - 1 { break }
                throw ClocheError(
                    .state,
                    "the journal is damaged",
                    why: "line \(documents.count + 1) of \(journal) is no event",
                    remedy: "`cloche up --restart --force` begins anew"
                )
            }
            start = end + 1
        }
        return (documents, start)
    }

    // MARK: answers of persons

    /// Keeps a person's answer to a gate, and tells the process that is at the run.
    package func answer(_ task: String, approved: Bool) throws(ClocheError) {
        do throws(SystemError) {
            try Files.makeDirectories(answers)
            try Files.writeAtomically("\(answers)/\(task)", Array((approved ? "yes\n" : "no\n").utf8))
        } catch { throw StoreError.cannotWrite(error) }
        // Nobody is at it: whoever goes on with the run reads the answer.
        guard let pipe = try? Files.open(bell, O_WRONLY | O_NONBLOCK) else { return }
        _ = try? pipe.writeSome([1])  // full: then it is rung already
    }

    /// What a person has said to a gate; nil when nothing.
    package func answer(to task: String) -> Bool? {
        // No file, no answer.
        switch try? Files.readText("\(answers)/\(task)") {
        case "yes\n": true
        case "no\n": false
        default: nil
        }
    }

    /// Removes an answer that has been taken in.
    package func forgetAnswer(to task: String) throws(ClocheError) {
        do throws(SystemError) {
            try Files.remove("\(answers)/\(task)")
        } catch { throw StoreError.cannotWrite(error) }
    }
}

/// The one process that goes on with a run.
package final class GraphHolder {
    /// Where the run is kept.
    package let directory: GraphDirectory
    private let lock: FileLock
    private let bell: FileDescriptor
    private var file: FileDescriptor?

    fileprivate init(
        _ directory: GraphDirectory,
        _ lock: consuming FileLock,
        _ bell: consuming FileDescriptor
    ) {
        self.directory = directory
        self.lock = lock
        self.bell = bell
    }

    /// Readable when a person has answered something.
    package var bellNumber: CInt { bell.number }

    /// Takes in that the bell was rung.
    package func silence() { _ = bell.readAvailable(upTo: 4096) }

    /// The events that there are; a line that was cut short is removed.
    package func events() throws(ClocheError) -> [Document] {
        let (documents, size) = try directory.readLines()
        guard directory.exists else { return documents }
        do throws(SystemError) {
            let file = try Files.openForUpdate(directory.journal)
            try file.truncate(to: Int64(size))
            try file.synchronize()
        } catch { throw StoreError.cannotWrite(error) }
        return documents
    }

    /// Adds an event; when this returns it is on disk.
    package func append(_ event: Document) throws(ClocheError) {
        do throws(SystemError) {
            let isNew = !directory.exists
            if file == nil { file = try Files.openForAppending(directory.journal) }
            try file?.write(JSONText.serializeBytes(event) + [UInt8(ascii: "\n")])
            try file?.synchronize()
            if isNew { try Files.synchronizeDirectory(directory.path) }
        } catch { throw StoreError.cannotWrite(error) }
    }

    /// Puts the run aside, so that another can begin; the last one that was put aside is kept.
    package func putAside() throws(ClocheError) {
        file = nil
        do throws(SystemError) {
            if directory.exists { try Files.rename(directory.journal, directory.journal + ".old") }
            for place in [directory.path + "/answers", directory.outputs] {
                try Files.removeTree(place)
                try Files.makeDirectory(place)
            }
        } catch { throw StoreError.cannotWrite(error) }
    }
}

extension ProjectState {
    /// The place of a plan's run.
    package func graph(_ plan: String) -> GraphDirectory { GraphDirectory(path: "\(path)/.graphs/\(plan)") }

    /// The names of plans that are carried out now.
    package func graphs() -> [String] {
        // Where there is no such directory, there never was a plan.
        ((try? Files.list(path + "/.graphs")) ?? []).filter { graph($0).isHeld }
    }
}

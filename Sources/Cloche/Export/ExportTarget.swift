// What all destinations have in common: they take records until they cannot, and say whether it is worth trying again.

internal import AuditExport
internal import LinuxSystem

/// Why a destination did not take records.
struct ExportProblem: Error {
    /// What is to become of them.
    enum Outcome {
        /// They are sent again, after so many milliseconds if the destination said so.
        case again(milliseconds: Int64?)
        /// It will never take them.
        case never
    }

    let why: String
    let outcome: Outcome
    /// What a person must mend, where waiting alone does not help.
    let remedy: String?

    init(_ why: String, _ outcome: Outcome = .again(milliseconds: nil), remedy: String? = nil) {
        (self.why, self.outcome, self.remedy) = (why, outcome, remedy)
    }

    init(_ error: SystemError) { self.init(error.description) }
}

/// What a destination did take.
struct ExportTaken {
    /// How many records it need not be sent again, at least one.
    let count: Int
    /// How many of them it did not want, and what it says of that.
    var refused: Int64 = 0
    var why = ""
}

/// A destination, ready to take records.
protocol ExportTarget: AnyObject {
    /// Sends records in their order, all or some of the first.
    func send(_ records: ArraySlice<ExportRecord>) throws(ExportProblem) -> ExportTaken

    /// Has what it took put on disk where that is ours to do.
    func settle() throws(ExportProblem)
}

extension ExportTarget {
    func settle() throws(ExportProblem) {}
}

/// Waits for time, for descriptors, and for the end of the process that all this is done for.
final class ExportWait {
    /// How long there is for what is left when that process has ended.
    private static let lastMilliseconds: Int64 = 2000

    /// The end of a pipe that nobody writes to.
    private var parent: CInt?
    /// When to give up.
    private(set) var deadline: Int64?

    /// Waits on its own account, or until the other end of a pipe is closed and a little longer.
    init(parent: CInt? = nil) { self.parent = parent }

    /// Whether only what is on record is to be sent yet.
    var isEnding: Bool { deadline != nil }
    /// Whether there is no time left.
    var isOver: Bool { deadline.map { MonotonicClock.milliseconds >= $0 } ?? false }

    /// Waits, at most so long, until something can be done with a descriptor; without one, also until the end is near.
    ///
    /// - Returns: whether something can be done with it.
    @discardableResult
    func wait(_ interest: Poll.Interest? = nil, milliseconds: Int64) throws(ExportProblem) -> Bool {
        let until = MonotonicClock.milliseconds + milliseconds
        while true {
            let end = min(until, deadline ?? .max)
            let left = max(0, end - MonotonicClock.milliseconds)
            let watched = Poll.Interest(parent ?? -1, readable: parent != nil)
            let ready: [Bool]
            do throws(SystemError) {
                ready = try Poll.wait(
                    [interest ?? Poll.Interest(-1), watched],
                    milliseconds: Int32(clamping: left)
                )
            } catch { throw ExportProblem(error) }
            if ready[1] {
                parent = nil
                deadline = MonotonicClock.milliseconds + Self.lastMilliseconds
                if interest == nil { return false }
            }
            if ready[0] { return true }
            if left == 0 { return false }
        }
    }
}

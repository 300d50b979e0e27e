// What is wrong with a log, as `cloche audit verify` tells it.

package import ClocheModel

/// One thing that is wrong with a log.
package struct ChainFinding: Equatable, Sendable {
    /// What kind of thing.
    package enum Problem: String, Equatable, Sendable {
        /// A line is no record.
        case unreadable
        /// A record is not the one that its successor, or the head, was written after.
        case altered
        /// A record does not follow the one before it: it was put there.
        case foreign
        /// Another record stands where this one should.
        case misplaced
        /// Records are not there.
        case missing
        /// The log is another one than the agent's.
        case otherLog = "other-log"
        /// There is no head, or it cannot be read.
        case headless
        /// The last line was not written to its end, and nobody was told that it was.
        case torn
    }

    /// What is wrong.
    package let problem: Problem
    /// The number that the first bad record has or should have; nil when it is not about a record.
    package let sequence: Int64?
    /// The file and the line, from 1.
    package let file: String
    /// See `file`; 0 when it is not about a line.
    package let line: Int
    /// In words.
    package let text: String

    /// For JSON.
    package var document: Document {
        .object([
            "problem": .string(problem.rawValue), "record": .optional(sequence), "file": .string(file),
            "line": .integer(Int64(line)), "text": .string(text),
        ])
    }
}

/// What a record says was signed.
package struct ChainSign: Equatable, Sendable {
    /// The number of that record.
    package let sequence: Int64
    /// The last record that the signature covers, and its hash.
    package let covered: Int64
    /// See `covered`.
    package let hash: String
}

/// What verifying a log found out.
package struct ChainReport: Equatable, Sendable {
    /// What is wrong, in the order of the log; not more than a hundred things.
    package var findings: [ChainFinding] = []
    /// The numbers of the first and the last record that are there; nil in an empty log.
    package var first: Int64?
    /// See `first`.
    package var last: ChainEnd?
    /// What the first is said to have been written after.
    package var firstPrevious: RecordHash?
    /// How many lines were read.
    package var records: Int64 = 0
    /// The hashes that were asked for, by the records' numbers.
    package var hashes: [Int64: RecordHash] = [:]
    /// What was signed, oldest first.
    package var signs: [ChainSign] = []
    /// The log's id, as its first record has it.
    package var log: String?

    /// Whether somebody changed it.
    package var isChanged: Bool { findings.contains { $0.problem != .torn } }
    /// Whether a crash cut its last line short.
    package var isTorn: Bool { findings.contains { $0.problem == .torn } }
    /// The number of the first bad record, if one is.
    package var firstBad: Int64? { findings.first { $0.problem != .torn }?.sequence }
}

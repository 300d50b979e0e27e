// The programs that were started inside, as a tree: from the events `exec` with program, arguments, directory, pid and
// parent. Starts of the same command by the same parent are one node with a count, so that a loop of a thousand is one
// line.

internal import ClocheModel

/// One node: a command, started once or often by one parent.
struct ProcessNode {
    var program: String
    var command: String
    var directory: String
    var parent: Int?
    var children: [Int] = []
    var count = 1
    /// How many of them were only counted with another: their arguments may be others.
    var counted = 0
    var firstTime: String
    var lastTime: String
    /// The process ids of the first of them.
    var pids: [Int64]
    /// It took the place of another program in the same process.
    var isReplacement: Bool
    /// What they exited with, other than 0, if that is on record.
    var failures = 0
    /// One of those codes.
    var exitCode: Int64?
}

/// All of them.
struct Processes {
    private struct Key: Hashable {
        let parent: Int?
        let program: String
        let command: String
        let directory: String
        let isReplacement: Bool
    }

    private(set) var nodes: [ProcessNode] = []
    private(set) var roots: [Int] = []
    /// How many starts there were.
    private(set) var starts = 0
    /// How many found no room.
    private(set) var left = 0
    /// How many were of programs that are not there.
    private(set) var missing = 0
    private var numbers: [Key: Int] = [:]
    private var current: [Int64: Int] = [:]
    private var parents: [Int64: Int64] = [:]

    private static let most = 2000
    private static let mostPids = 65536

    /// Another run: process ids begin anew.
    mutating func beginRun() { (current, parents) = ([:], [:]) }

    mutating func add(_ event: Document) {
        let start = ProgramStart(event)
        guard start.isFound else {
            missing = Self.sum(missing, start.count)
            return
        }
        starts = Self.sum(starts, start.count)
        let (pid, parentPid) = (start.pid, start.parent)
        // An agent can have any number of ids on record.
        if current.count >= Self.mostPids { beginRun() }
        // The same process once more, with another program; or a new one that got the number of one that ended.
        let before = pid.flatMap { current[$0] }
        let isReplacement = before != nil && pid.flatMap { parents[$0] } == parentPid
        let parent = isReplacement ? before : parentPid.flatMap { current[$0] }
        let key = Key(
            parent: parent,
            program: start.program,
            command: start.arguments?.list == nil ? start.program : EventWords.command(start.arguments),
            directory: start.directory,
            isReplacement: isReplacement
        )
        let time = event["time"]?.string ?? ""
        if let number = numbers[key] {
            nodes[number].count = Self.sum(nodes[number].count, start.count)
            nodes[number].counted = Self.sum(nodes[number].counted, start.count - 1)
            nodes[number].lastTime = time
            if let pid, nodes[number].pids.count < 3, !nodes[number].pids.contains(pid) {
                nodes[number].pids.append(pid)
            }
            note(pid, number, parentPid)
            return
        }
        guard nodes.count < Self.most else {
            left = Self.sum(left, start.count)
            return
        }
        numbers[key] = nodes.count
        if let parent { nodes[parent].children.append(nodes.count) } else { roots.append(nodes.count) }
        note(pid, nodes.count, parentPid)
        nodes.append(
            ProcessNode(
                program: start.program,
                command: key.command,
                directory: key.directory,
                parent: parent,
                count: start.count,
                counted: start.count - 1,
                firstTime: time,
                lastTime: time,
                pids: pid.map { [$0] } ?? [],
                isReplacement: isReplacement
            )
        )
    }

    private static func sum(_ count: Int, _ more: Int) -> Int {
        let (sum, overflow) = count.addingReportingOverflow(more)
        return overflow ? .max : sum
    }

    private mutating func note(_ pid: Int64?, _ number: Int, _ parent: Int64?) {
        guard let pid else { return }
        current[pid] = number
        parents[pid] = parent
    }

    /// A process has ended.
    mutating func end(_ event: Document) {
        guard let pid = event["pid"]?.integer, let number = current[pid] else { return }
        if let code = event["exit-code"]?.integer, code != 0 {
            nodes[number].failures += 1
            nodes[number].exitCode = code
        }
        current[pid] = nil
        parents[pid] = nil
    }
}

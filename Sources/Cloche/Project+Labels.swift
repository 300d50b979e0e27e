// Labels of agents that are there.

internal import AgentStore
public import ClocheModel
internal import LinuxSystem
internal import Supervision

extension Project {
    /// Changes an agent's labels: `KEY=VALUE`, `KEY`, or `KEY-` to take one away.
    ///
    /// - Returns: all that it has then.
    public func label(_ name: String, _ changes: [String]) throws(ClocheError) -> [Document.Entry] {
        let directory = try agentDirectory(name)
        // Nobody starts it meanwhile: while it runs, its record is its supervisor's.
        let lock = try directory.lockForOperation(wait: true)
        defer { _ = lock.isLocked }
        if directory.isSupervised {
            return try report(of: name, .label(changes))["labels"]?.entries ?? []
        }
        var record = try directory.read()
        record.labels = try AgentLabel.changed(record.labels, by: changes)
        try directory.write(record)
        return record.labels
    }
}

// What the kernel counts of a cgroup, and why it stopped something in it.

package import ClocheModel
internal import LinuxSystem

extension ControlGroup {
    /// Fills in what this cgroup's controllers count.
    package func measure(_ report: inout ResourceReport) {
        report.cpuMicroseconds = number("cpu.stat", "usage_usec") ?? report.cpuMicroseconds
        report.memoryBytes = number("memory.current") ?? report.memoryBytes
        report.memoryPeakBytes = number("memory.peak") ?? report.memoryPeakBytes
        report.swapBytes = number("memory.swap.current") ?? report.swapBytes
        report.tasks = number("pids.current") ?? report.tasks
        if let text = text("io.stat") {
            report.ioReadBytes = Self.total(text, "rbytes=")
            report.ioWriteBytes = Self.total(text, "wbytes=")
        }
        report.cpuPressure = pressure("cpu.pressure")
        report.memoryPressure = pressure("memory.pressure")
        report.ioPressure = pressure("io.pressure")
    }

    /// `some avg10=1.23 ...` in hundredths of a percent; nil where the kernel has no PSI.
    private func pressure(_ file: String) -> Int64? { text(file).flatMap(Self.pressure) }

    static func pressure(_ text: String) -> Int64? {
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("some ") }),
            let word = line.split(separator: " ").first(where: { $0.hasPrefix("avg10=") })
        else { return nil }
        let parts = word.dropFirst("avg10=".count).split(separator: ".")
        guard parts.count == 2, parts[1].count == 2, let whole = Int64(parts[0]), let rest = Int64(parts[1])
        else { return nil }
        return whole * 100 + rest
    }

    /// The sum over all disks of one of `io.stat`'s numbers.
    static func total(_ text: String, _ key: String) -> Int64 {
        text.split(whereSeparator: \.isWhitespace).reduce(0) { sum, word in
            word.hasPrefix(key) ? sum + (Int64(word.dropFirst(key.count)) ?? 0) : sum
        }
    }
}

/// What happened in a cgroup because of its limits.
package struct CgroupEvents: Equatable, Sendable {
    /// Processes killed because `memory.max` was reached.
    package var memoryKills: Int64 = 0
    /// Forks refused because `pids.max` was reached.
    package var refusedForks: Int64 = 0

    /// Nothing happened.
    package init() {}
}

extension ControlGroup {
    /// What happened in it since it was made.
    package var events: CgroupEvents {
        var events = CgroupEvents()
        // Its own limit's kills and those of a limit above it look alike here; both are by memory.
        events.memoryKills = number("memory.events", "oom_kill") ?? 0
        events.refusedForks = number("pids.events", "max") ?? 0
        return events
    }
}

// What holds the limits of a running sandbox, beside the kernel: who holds which, how much is used, and what has gone
// beyond it. The supervisor of an agent and `cloche run` have one each.

package import ClocheModel
package import ControlGroups
internal import LinuxSystem
internal import ResourceUsage
package import SandboxRuntime

/// A limit that was reached.
package struct LimitBreach: Equatable, Sendable {
    /// How the agent ends by it.
    package let reason: EndReason
    /// What was found, in words.
    package let text: String

    /// A limit of time.
    init(ofTime reason: EndReason, _ limits: LimitsPolicy) {
        switch reason {
        case .idle:
            self.init(
                .idle,
                reason,
                "nothing was shown or typed for \(Amount.duration(limits.idleSeconds ?? 0))"
            )
        default:
            self.init(.wallClock, reason, "it has run for \(Amount.duration(limits.wallClockSeconds ?? 0))")
        }
    }

    /// A shared directory that holds too much.
    init(ofShare share: SharedDirectory, _ text: String) {
        reason = .share
        self.text = "the shared directory \(share.name), which it may write, is full: \(text)"
    }

    /// `limits.memory` and the like in a sentence.
    package init(_ limit: LimitName, _ reason: EndReason, _ text: String) {
        self.reason = reason
        self.text = "limits.\(limit.rawValue) was reached: \(text)"
    }
}

/// Holds the limits of one sandbox after another.
package final class LimitWatch {
    private(set) var limits: LimitsPolicy
    private let projectLimits: ResourceLimits
    private let trees: [String]
    /// What the sandbox is born in; nil where there is none to be had, or none is needed.
    package let cgroup: AgentCgroup?
    /// The sandbox's init; nil while there is none.
    private var pid: Int32?
    private var meter: UsageMeter?
    private var reading: UsageReading?
    /// Processor time of the sandboxes before, in microseconds, where no cgroup counts it: a run may start its program again.
    private var cpuBefore: Int64 = 0
    /// There where a limit on disk is set.
    private var disk: DiskMeter?
    private var diskReading: DiskReading?
    /// The shared directories that the agent may write.
    private var shares: [ShareMeter]
    private var starts: StartRate?
    /// When init is asked next how many processes were started.
    private var nextAsking: Int64 = 0
    /// When processor time is counted next.
    private var nextCount: Int64 = 0

    /// Prepares to hold limits.
    ///
    /// - Parameters:
    ///   - policy: the limits, the agent's own and those of its project.
    ///   - owner: for whom.
    ///   - trees: what the agent may write on disk; none of them in another.
    ///   - shares: the shared directories that it has, which are measured each by itself.
    ///   - always: whether a cgroup is wanted even where no limit asks for it, to freeze and to count.
    /// - Throws: when a cgroup cannot be made where there should be one, and when the policy is `strict` and a limit
    ///   would not be held by the kernel.
    package init(
        _ policy: Policy,
        _ owner: AgentCgroup.Owner,
        trees: [String],
        shares: [SharedDirectory] = [],
        always: Bool
    ) throws(ClocheError) {
        self.shares = shares.filter { $0.mode == .readWrite }.map { ShareMeter($0) }
        limits = policy.limits
        self.trees = trees
        projectLimits = policy.projectLimits
        var place = CgroupPlace(.none(.notDelegated))
        let isWanted = always || limits.profitsFromCgroup || policy.projectLimits != ResourceLimits()
        if limits.enforcement != .measured && isWanted { place = .find(.host) }
        var needed: [String] = []
        if limits.enforcement == .strict {
            needed = Self.controllers(policy)
            try Self.refuse(place, needed)
        }
        if limits.diskBytes != nil || limits.diskFiles != nil {
            disk = DiskMeter(trees, bytes: limits.diskBytes, files: limits.diskFiles)
        }
        cgroup = try AgentCgroup.make(
            place,
            owner,
            limits.shares,
            shared: policy.projectLimits,
            needing: needed
        )
    }

    /// `strict`: what a cgroup would hold is not left to anybody else.
    private static func refuse(_ place: CgroupPlace, _ needed: [String]) throws(ClocheError) {
        let lacking = needed.filter { !place.way.isThere || !place.controllers.contains($0) }
        guard let first = lacking.first else { return }
        throw ClocheError(
            .host,
            "limits.enforcement is strict, and the kernel cannot hold every limit here",
            why: "no cgroup of yours has the controller \(first)",
            remedy:
                "`cloche doctor` says how to get it; with `available`, what can be measured is held by measuring"
        )
    }

    /// The controllers without which a limit of this policy is not the kernel's.
    private static func controllers(_ policy: Policy) -> [String] {
        var own = policy.limits.shares
        // `setrlimit(2)` holds it as well.
        own.processes = nil
        return own.controllers + policy.projectLimits.controllers
    }

    /// Who holds each limit that is set, by its key below `limits`; those of the project too, by their whole key.
    package var holders: [Document.Entry] {
        func entry(_ name: String, _ holder: LimitHolder) -> Document.Entry {
            Document.Entry(name, .string(holder.rawValue))
        }
        let own = LimitName.all(in: limits).map { entry($0.rawValue, holder(of: $0)) }
        // Only a cgroup sees all agents of a project.
        let shared = LimitName.all(in: LimitsPolicy(shares: projectLimits)).map { name in
            entry("project.limits." + name.rawValue, holder(of: name) == .cgroup ? .cgroup : .nobody)
        }
        return own + shared
    }

    /// Who holds a limit.
    func holder(of limit: LimitName) -> LimitHolder {
        func kernel(_ controller: String, else other: LimitHolder) -> LimitHolder {
            cgroup?.controllers.contains(controller) == true ? .cgroup : other
        }
        return switch limit {
        case .memory: kernel("memory", else: .supervisor)
        case .memoryHigh, .swap: kernel("memory", else: .nobody)
        case .processes: kernel("pids", else: .rlimit)
        case .cpu, .cpuWeight: kernel("cpu", else: .nobody)
        case .ioRead, .ioWrite, .ioReadOperations, .ioWriteOperations: kernel("io", else: .nobody)
        case .openFiles, .fileSize: .rlimit
        case .wallClock, .idle, .cpuTime, .processStarts, .disk, .diskFiles, .output, .logSize: .supervisor
        }
    }

    /// Why a sandbox ended by itself, if it was by a limit that the kernel holds.
    package func cause() -> LimitBreach? {
        guard let now = cgroup?.group.events, now.memoryKills > 0 else { return nil }
        let most =
            limits.shares.memoryBytes.map { "more than \(Amount.bytes($0))" } ?? "more than its project may"
        return LimitBreach(.memory, .memory, "it wanted \(most), and the kernel killed all of its processes")
    }

    /// Whether processes were refused in this sandbox.
    package func refusedForks() -> Bool { (cgroup?.group.events.refusedForks ?? 0) > 0 }

    /// What is used now.
    func report() -> ResourceReport {
        let now = MonotonicClock.milliseconds
        var report = ResourceReport(measuredAt: now, source: cgroup == nil ? .supervisor : .cgroup)
        measureProcesses(&report, now)
        cgroup?.group.measure(&report)
        if let pid, let network = NetworkCounters(of: pid) {
            (report.networkReceivedBytes, report.networkSentBytes) = (
                network.receivedBytes, network.sentBytes
            )
        }
        (report.diskBytes, report.diskFiles) = (diskReading?.usage.bytes, diskReading?.usage.files)
        return report
    }

    /// Where no controller counts, the processes are looked at, now: rates are made of these numbers.
    private func measureProcesses(_ report: inout ResourceReport, _ now: Int64) {
        if holder(of: .memory) == .cgroup && holder(of: .processes) == .cgroup { return }
        if meter == nil, let pid {
            // One that has ended uses nothing.
            meter = try? UsageMeter(init: pid, memoryLimit: memoryToHold)
        }
        reading = meter?.look(now: now, isAsked: true)
        guard let reading else { return }
        report.cpuMicroseconds = cpuBefore + reading.cpuMicroseconds
        report.memoryBytes = reading.memoryBytes
        report.tasks = reading.threads
    }

    // MARK: Measuring

    /// A sandbox was built, and this is its init.
    package func began(_ pid: Int32) throws(ClocheError) {
        self.pid = pid
        cpuBefore += reading?.cpuMicroseconds ?? 0
        reading = nil
        meter = nil
        starts = limits.startsPerMinute.map { StartRate(limit: $0, init: pid) }
        guard isMeasuring else { return }
        do throws(SystemError) {
            meter = try UsageMeter(init: pid, memoryLimit: memoryToHold)
        } catch {
            throw ClocheError(
                .sandbox,
                "cannot measure what the agent uses",
                why: error.description,
                remedy: "without that, its limits do not hold; it was ended again"
            )
        }
    }

    /// Whether the processes are to be looked at all the time.
    private var isMeasuring: Bool {
        // Files without a name are seen in the processes that have them open.
        memoryToHold != nil || (limits.cpuSeconds != nil && cgroup == nil) || disk != nil
    }

    /// The limit of memory, if the supervisor holds it: for that of a cgroup nobody needs to look often.
    private var memoryToHold: Int64? {
        holder(of: .memory) == .supervisor ? limits.shares.memoryBytes : nil
    }

    /// When `look` has something to do, in milliseconds of the monotonic clock; nil for never.
    var nextLook: Int64? {
        guard pid != nil else { return nil }
        var next: [Int64] = []
        if isMeasuring, let look = meter?.nextLook { next.append(look) }
        if limits.cpuSeconds != nil { next.append(nextCount) }
        if starts != nil { next.append(nextAsking) }
        if let look = disk?.nextLook { next.append(look) }
        next += shares.map(\.nextLook)
        return next.min()
    }

    /// Measures what is due, and tells the first limit that was reached.
    func look(_ now: Int64) -> LimitBreach? {
        guard pid != nil else { return nil }
        if isMeasuring, let next = meter?.nextLook, now >= next {
            reading = meter?.look(now: now)
        }
        return memoryBreach() ?? timeBreach(now) ?? diskBreach(now) ?? shareBreach(now)
    }

    /// Whether init is to be asked now how many processes were started.
    func mustAsk(_ now: Int64) -> Bool {
        guard starts != nil, now >= nextAsking else { return false }
        nextAsking = now + 1000
        return true
    }

    /// Init has answered.
    func counted(_ lastPid: Int32) -> LimitBreach? {
        guard let most = limits.startsPerMinute,
            starts?.counted(lastPid, now: MonotonicClock.milliseconds) == true
        else { return nil }
        let text =
            "\(starts?.startsInLastMinute ?? 0) processes and threads within a minute, at most \(most) may be"
        return LimitBreach(.processStarts, .pids, text)
    }

    private func memoryBreach() -> LimitBreach? {
        guard let most = memoryToHold, let reading, reading.isBeyondMemoryLimit else { return nil }
        let text = "\(Amount.bytes(reading.memoryBytes)) were in use, at most \(Amount.bytes(most)) may be"
        return LimitBreach(.memory, .memory, text)
    }

    private func timeBreach(_ now: Int64) -> LimitBreach? {
        guard let most = limits.cpuSeconds, now >= nextCount else { return nil }
        nextCount = now + 1000
        let used =
            cgroup?.group.number("cpu.stat", "usage_usec") ?? cpuBefore + (reading?.cpuMicroseconds ?? 0)
        guard used > most * 1_000_000 else { return nil }
        let text = "it has used \(Amount.duration(used / 1_000_000)) of processor time"
        return LimitBreach(.cpuTime, .cpuTime, text)
    }

    private func diskBreach(_ now: Int64) -> LimitBreach? {
        guard let due = disk?.nextLook, now >= due else { return nil }
        let unlinked = (reading?.unlinkedBytes ?? 0, reading?.unlinkedFiles ?? 0)
        guard let found = disk?.look(now: now, unlinked: unlinked) else { return nil }
        diskReading = found
        if found.isUncountable {
            return LimitBreach(.disk, .disk, "there are more directories side by side than can be counted")
        }
        if found.isBeyondBytes, let most = limits.diskBytes {
            let text = "\(Amount.bytes(found.usage.bytes)) are on disk, at most \(Amount.bytes(most)) may be"
            return LimitBreach(.disk, .disk, text)
        }
        if found.isBeyondFiles, let most = limits.diskFiles {
            return LimitBreach(
                .diskFiles,
                .disk,
                "there are \(found.usage.files) files, at most \(most) may be"
            )
        }
        return nil
    }

    private func shareBreach(_ now: Int64) -> LimitBreach? {
        for index in shares.indices where now >= shares[index].nextLook {
            if let breach = shares[index].look(now) { return breach }
        }
        return nil
    }

    /// Holds other limits from now on: the rest is for agents that this one has started.
    ///
    /// - Throws: when the kernel does not take them.
    func change(_ limits: LimitsPolicy) throws(SystemError) {
        let old = self.limits
        self.limits = limits
        try cgroup?.change(limits.shares)
        if old.diskBytes != limits.diskBytes || old.diskFiles != limits.diskFiles {
            disk?.stop()
            disk = DiskMeter(trees, bytes: limits.diskBytes, files: limits.diskFiles)
        }
        if let pid, meter != nil, isMeasuring {
            meter = try UsageMeter(init: pid, memoryLimit: memoryToHold)
        }
        if let pid, let most = limits.startsPerMinute, old.startsPerMinute != most {
            starts = StartRate(limit: most, init: pid)
        }
    }

    /// The sandbox is about to be killed: nothing of it may be held open.
    func ended() {
        pid = nil
        meter = nil
        starts = nil
        disk?.stop()
        for index in shares.indices { shares[index].stop() }
    }

    /// The sandbox is gone: so is what was made for it.
    package func end() { cgroup?.end() }
}

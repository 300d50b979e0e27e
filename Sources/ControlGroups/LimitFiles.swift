// Limits as the files of a cgroup that hold them.

package import ClocheModel
package import LinuxSystem

/// One file of a cgroup and what is written to it.
package struct LimitFile: Equatable, Sendable {
    /// The controller it belongs to.
    package let controller: String
    /// The file.
    package let name: String
    /// What is written.
    package let value: String
}

extension ResourceLimits {
    /// The period in which `cpu.max` counts, in microseconds; the kernel's own.
    private static let cpuPeriod: Int64 = 100_000

    /// What has to be written for these limits; no limit is written as `max`, so that an earlier one goes.
    ///
    /// - Parameter disks: the numbers of the disks that `io.max` is to hold for, as `8:0`.
    package func files(disks: [String]) -> [LimitFile] {
        func limit(_ controller: String, _ name: String, _ value: Int64?) -> LimitFile {
            LimitFile(controller: controller, name: name, value: value.map(String.init) ?? "max")
        }
        var files = [
            limit("memory", "memory.max", memoryBytes), limit("memory", "memory.high", memoryHighBytes),
            limit("memory", "memory.swap.max", effectiveSwapBytes), limit("pids", "pids.max", processes),
            LimitFile(
                controller: "cpu",
                name: "cpu.max",
                value: (cpuMillicores.map { String($0 * Self.cpuPeriod / 1000) } ?? "max")
                    + " \(Self.cpuPeriod)"
            ),
            LimitFile(controller: "cpu", name: "cpu.weight", value: String(cpuWeight ?? 100)),
        ]
        let io = [
            ("rbps", ioReadBytes), ("wbps", ioWriteBytes), ("riops", ioReadOperations),
            ("wiops", ioWriteOperations),
        ].map { "\($0.0)=\($0.1.map(String.init) ?? "max")" }.joined(separator: " ")
        for disk in disks {
            files.append(LimitFile(controller: "io", name: "io.max", value: "\(disk) \(io)"))
        }
        return files
    }

    /// Memory that is swapped out is memory still: where that has a limit and swap none of its own, there is no swap to
    /// hide it in.
    var effectiveSwapBytes: Int64? { swapBytes ?? (memoryBytes == nil ? nil : 0) }

    /// The controllers without which one of these limits does not hold.
    package var controllers: [String] {
        var names: [String] = []
        if memoryBytes != nil || memoryHighBytes != nil || swapBytes != nil { names.append("memory") }
        if processes != nil { names.append("pids") }
        if cpuMillicores != nil || cpuWeight != nil { names.append("cpu") }
        if [ioReadBytes, ioWriteBytes, ioReadOperations, ioWriteOperations].contains(where: { $0 != nil }) {
            names.append("io")
        }
        return names
    }
}

/// The disks of this host, as `io.max` names them.
package enum Disks {
    /// Major and minor number of every disk with a queue of its own; partitions share their disk's.
    package static var numbers: [String] {
        names.compactMap { name in
            // One that was unplugged meanwhile.
            guard let text = try? Files.readText("/sys/block/\(name)/dev") else { return nil }
            return text.split(separator: "\n").first.map(String.init)
        }
    }

    /// The same disks as systemd names them.
    package static var paths: [String] { names.map { "/dev/\($0)" }.filter { Files.exists($0) } }

    private static var names: [String] {
        // A host without sysfs has no limits on disks either.
        let names = (try? Files.list("/sys/block")) ?? []
        return names.filter { name in !["loop", "ram", "zram"].contains { name.hasPrefix($0) } }
    }
}

extension ControlGroup {
    /// Whether its files say these limits already.
    func holds(_ limits: ResourceLimits) -> Bool {
        let wantsDisks = limits.controllers.contains("io") || text("io.max")?.isEmpty == false
        if wantsDisks { return false }
        return limits.files(disks: []).allSatisfy { file in
            // Where the controller is not enabled, nothing is limited by it.
            guard let text = text(file.name) else { return !limits.controllers.contains(file.controller) }
            return text == file.value
        }
    }

    /// Writes limits, as far as this cgroup has their controllers.
    package func apply(_ limits: ResourceLimits) throws(SystemError) {
        let controllers = words("cgroup.controllers")
        let wantsDisks = limits.controllers.contains("io") || text("io.max")?.isEmpty == false
        for file in limits.files(disks: wantsDisks ? Disks.numbers : [])
        where controllers.contains(file.controller) {
            do {
                try write(file.value, to: file.name)
            } catch  where file.controller == "io" && (error.errno == .noDevice || error.errno == .noEntry) {
                continue  // a disk without a queue that could be held
            } catch  where file.name == "memory.swap.max" && error.errno == .noEntry {
                continue  // a kernel without swap
            }
        }
        // One process of a program killed leaves the others broken and the person wondering: all go, or none.
        if controllers.contains("memory") { try write("1", to: "memory.oom.group") }
    }
}

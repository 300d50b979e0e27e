// The file systems in memory of a sandbox: what is in them is memory that no process has.

internal import Glibc
internal import LinuxSystem

/// File systems in memory that only the sandbox has, held open as places.
///
/// They stay as long as this value: it must go with the sandbox. What an agent mounts in namespaces nested in its own is
/// not among them.
struct MemoryPlaces {
    private let places: [FileDescriptor.Shared]
    /// Their devices.
    let devices: Set<UInt64>
    /// The device of files in memory that have no name.
    let kernel: UInt64
    /// Their mount, as `fdinfo` names it.
    let kernelMount: Int64?
    /// How many namespaces of process ids the sandbox's is below that of this `/proc`.
    let depth: Int?

    /// Finds those of the sandbox whose init has this process id here.
    init(ofInit pid: Int32) throws(SystemError) {
        let file = try MemoryFile.make()
        kernel = try Files.status(of: file).device
        let text = try Files.readText("/proc/self/fdinfo/\(file.number)")
        kernelMount = DescriptorText.number("mnt_id:", in: Array(text.utf8))
        let ids = NamespaceIDs.all(ofHost: pid)
        depth = ids.isEmpty ? nil : ids.count - 1
        let process = try ProcessFiles(of: pid)
        let host = Set(MemoryMount.all(try ProcessFiles(of: nil).read("mountinfo")).map(\.device))
        let root = try process.root()
        var places: [FileDescriptor.Shared] = []
        var devices: Set<UInt64> = []
        for mount in MemoryMount.all(try process.read("mountinfo")) where !host.contains(mount.device) {
            if devices.contains(mount.device) { continue }
            // One that another mount hides leads elsewhere; a part of it may be attached where it can be seen.
            // And one below a directory that is closed to us cannot be reached at all.
            guard let place = try? Files.openBeneath(root, mount.path, Files.placeOnly),
                // What is open has a status.
                let status = try? Files.status(of: place), status.device == mount.device
            else { continue }
            devices.insert(mount.device)
            places.append(FileDescriptor.Shared(place))
        }
        (self.places, self.devices) = (places, devices)
    }

    /// Bytes that they hold.
    var bytes: Int64 {
        places.reduce(0) { sum, place in
            guard let room = FileSystemRoom(of: place.number) else { return sum }
            return sum + max(0, room.bytes - room.freeBytes)
        }
    }
}

/// A mount of a file system in memory, as `/proc/N/mountinfo` has it.
struct MemoryMount: Equatable {
    let device: UInt64
    /// Below the root of the process, without a leading slash; `.` is the root.
    let path: String

    /// All of a text; the kernel writes blanks in paths as octal numbers, and such paths are left out.
    static func all(_ text: [UInt8]) -> [MemoryMount] {
        String(decoding: text, as: UTF8.self).split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard let dash = words.firstIndex(of: "-"), dash > 5, dash + 1 < words.count,
                words[dash + 1] == "tmpfs"
            else { return nil }
            let numbers = words[2].split(separator: ":").compactMap { UInt64($0) }
            guard numbers.count == 2, words[4].hasPrefix("/") else { return nil }
            let path = words[4].dropFirst()
            return MemoryMount(
                device: DeviceNumber.make(numbers[0], numbers[1]),
                path: path.isEmpty ? "." : String(path)
            )
        }
    }
}

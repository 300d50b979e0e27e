// Files in memory that processes have open which do not let an ordinary user list their descriptors: those that are not
// dumpable. `fdinfo` still names their mounts and inodes, and pidfd_getfd(2) hands them out.

internal import Glibc
internal import LinuxSystem

/// The look at the descriptors of processes that hide them.
///
/// Only descriptors that `fdinfo` says are files in memory without a name are taken over for a moment: to close another
/// one could wait for whoever serves its file system.
struct HiddenDescriptors {
    private let places: MemoryPlaces
    private var processes: [Int32]
    /// Processes of the host, until all are known.
    private var hosts: DirectoryStream?
    /// Ids on the host that may be those of an id inside; another sandbox may have the same id.
    private var names: [Int32: [Int32]] = [:]
    private var open: (pid: Int32, listing: DirectoryStream)?

    /// Begins with these processes, by their ids inside.
    init(_ processes: [Int32], _ places: MemoryPlaces) {
        (self.processes, self.places) = (processes, places)
        for process in processes { names[process] = [] }
        // Nil is told: then nothing is found.
        hosts = try? DirectoryStream(Files.open("/proc", O_RDONLY | O_DIRECTORY))
    }

    /// Goes on with one thing; a file that was found, and whether that was all.
    mutating func step(_ table: inout ProcessTable, _ known: Set<FileKey>) -> (found: OpenFile?, isDone: Bool)
    {
        if let listing = hosts {
            if let host = listing.nextNumber() { learn(host) } else { hosts = nil }
            return (nil, false)
        }
        if let (pid, listing) = open {
            if let number = listing.nextNumber() { return (look(pid, listing, number, known), false) }
            open = nil
            return (nil, false)
        }
        guard let next = processes.popLast() else { return (nil, true) }
        if let listing = table.descriptorTexts(next) { open = (next, listing) }
        return (nil, false)
    }

    private mutating func learn(_ host: Int32) {
        let ids = NamespaceIDs.all(ofHost: host)
        guard let depth = places.depth, ids.count > depth else { return }
        names[ids[depth]]?.append(host)
    }

    private mutating func look(
        _ pid: Int32,
        _ listing: DirectoryStream,
        _ number: Int32,
        _ known: Set<FileKey>
    ) -> OpenFile? {
        guard let text = ProcessTable.text(listing, number) else { return nil }
        guard let mount = DescriptorText.number("mnt_id:", in: text),
            let inode = DescriptorText.number("ino:", in: text)
        else { return nil }  // a kernel before 5.15 does not tell the inode
        let key = FileKey(device: places.kernel, inode: UInt64(inode))
        guard mount == places.kernelMount, !known.contains(key) else { return nil }
        for host in names[pid] ?? [] {
            guard let file = FileDescriptor.borrowed(from: host, number) else { continue }
            var status = stat()
            let opened = file.number
            guard unsafe fstat(opened, &status) == 0, UInt64(status.st_dev) == key.device,
                UInt64(status.st_ino) == key.inode
            else { continue }
            return OpenFile(file: key, bytes: Int64(status.st_blocks) * 512)
        }
        return nil
    }
}

/// Lines `name:  123` of `/proc/N/fdinfo/M`.
enum DescriptorText {
    /// The number of the line that begins so; nil when there is none.
    static func number(_ name: String, in text: [UInt8]) -> Int64? {
        for line in text.split(separator: UInt8(ascii: "\n")) where line.starts(with: name.utf8) {
            let digits = line.dropFirst(name.utf8.count).filter { (48...57).contains($0) }
            return Int64(String(decoding: digits, as: UTF8.self))
        }
        return nil
    }
}

/// The ids of a process in the namespaces that it is in, outermost first.
enum NamespaceIDs {
    /// Those of a process of the host; empty when it is gone.
    static func all(ofHost pid: Int32) -> [Int32] {
        // What is gone has none.
        guard let text = try? Files.readText("/proc/\(pid)/status") else { return [] }
        // The name of the program, which comes first, has no line break of its own.
        for line in text.split(separator: "\n") where line.hasPrefix("NSpid:") {
            return line.dropFirst(6).split(whereSeparator: { $0 == "\t" || $0 == " " }).compactMap {
                Int32($0)
            }
        }
        return []
    }
}

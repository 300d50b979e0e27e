// Numbers of the whole machine: memory that files in memory take, room on file systems.

internal import CLinux
internal import Glibc

/// Memory of the whole host, `sysinfo(2)`.
package struct SystemMemory: Equatable, Sendable {
    /// Bytes of files in memory: tmpfs, memfd, shared mappings and System V segments of everybody.
    package let shared: Int64
    /// Bytes swapped out.
    package let swapped: Int64

    /// As it is now.
    package static var now: SystemMemory {
        var (shared, swapped): (Int64, Int64) = (0, 0)
        unsafe clinux_host_memory(&shared, &swapped)
        return SystemMemory(shared: shared, swapped: swapped)
    }
}

/// The machine's processors.
package enum Processors {
    /// How many are in use, `sysconf(3)`.
    package static var count: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}

/// Room on one file system, `fstatvfs(3)`.
package struct FileSystemRoom: Equatable, Sendable {
    /// Bytes in all.
    package let bytes: Int64
    /// Bytes free, those kept for root as well.
    package let freeBytes: Int64
    /// Files that there can be; 0 where that is not bounded.
    package let files: Int64
    /// Files that may still be made.
    package let freeFiles: Int64

    /// These numbers.
    package init(bytes: Int64, freeBytes: Int64, files: Int64, freeFiles: Int64) {
        (self.bytes, self.freeBytes, self.files, self.freeFiles) = (bytes, freeBytes, files, freeFiles)
    }

    /// Of the file system that a descriptor is on; nil when it does not tell.
    package init?(of descriptor: CInt) {
        var facts = statvfs()
        guard unsafe fstatvfs(descriptor, &facts) == 0 else { return nil }
        func number(_ blocks: some BinaryInteger) -> Int64 { Int64(clamping: blocks) }
        func size(_ blocks: some BinaryInteger) -> Int64 {
            number(blocks).multipliedReportingOverflow(by: number(facts.f_frsize)).partialValue
        }
        bytes = size(facts.f_blocks)
        freeBytes = size(facts.f_bfree)
        files = number(facts.f_files)
        freeFiles = number(facts.f_ffree)
    }
}

/// A file in memory that nobody else sees, `memfd_create(2)`.
package enum MemoryFile {
    /// An empty one.
    package static func make() throws(SystemError) -> FileDescriptor {
        FileDescriptor(owning: try check("memfd_create") { clinux_memory_file() })
    }

    /// One with this content, which nobody can change any more: `F_ADD_SEALS` of `fcntl(2)`.
    package static func sealed(_ content: [UInt8]) throws(SystemError) -> FileDescriptor {
        let file = try make()
        try file.write(content)
        let number = file.number
        // F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW and F_SEAL_WRITE; the macros are not imported.
        try check("fcntl") { fcntl(number, 1033, CInt(0xf)) }
        return file
    }
}

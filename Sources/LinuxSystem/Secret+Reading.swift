// Secrets from where they are: read straight into their locked pages, so that no copy is left in the heap. Used by
// CredentialStore, and by commands that ask a person.

internal import CLinux
internal import Glibc

extension Secret {
    /// Most bytes that are taken from a file, a program or a person.
    package static let mostBytes = 65536

    /// What a file has, up to so many bytes.
    package convenience init(reading file: borrowing FileDescriptor, upTo most: Int = mostBytes)
        throws(SystemError)
    {
        let number = file.number
        try unsafe self.init(capacity: most) { room throws(SystemError) in
            var filled = 0
            while filled < room.count {
                let part = unsafe UnsafeMutableRawBufferPointer(rebasing: room[filled...])
                let count = try check("read") { unsafe Glibc.read(number, part.baseAddress, part.count) }
                if count == 0 { break }
                filled += count
            }
            return filled
        }
    }

    /// The value of a variable of this process's environment; nil when it is not set.
    package convenience init?(environment name: String) throws(SystemError) {
        guard let value = unsafe getenv(name) else { return nil }
        try unsafe self.init(UnsafeRawBufferPointer(start: value, count: strlen(value)))
    }

    /// A part of it, in pages of its own.
    package func part(_ range: Range<Int>) throws(SystemError) -> Secret {
        unsafe try withBytes { bytes throws(SystemError) in
            try unsafe Secret(UnsafeRawBufferPointer(rebasing: bytes[range]))
        }
    }

    /// Whether both have the same bytes; how long that takes tells nothing but their length.
    package func isSame(as other: Secret) -> Bool {
        unsafe withBytes { mine in
            unsafe other.withBytes { theirs in
                guard mine.count == theirs.count else { return false }
                var difference: UInt8 = 0
                for index in mine.indices { unsafe difference |= mine[index] ^ theirs[index] }
                return difference == 0
            }
        }
    }
}

/// This process's memory.
package enum ProcessMemory {
    /// Nobody but root may look into it from now on, and it leaves no core dump: for processes that hold secrets.
    package static func hide() { clinux_hide_memory() }
}

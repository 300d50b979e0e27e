// Work in a second thread: it really goes on beside its caller, and is over when it is asked for or dropped.

import Glibc
import LinuxSystem
import Testing

@Suite struct BesideTests {
    /// Two that wait for each other's byte end only when both go on at once.
    @Test func bothGoOnAtOnce() throws {
        let one = try Pipe()
        let other = try Pipe()
        let (read, write) = (one.readEnd.number, other.writeEnd.number)
        let beside = Beside {
            var byte: UInt8 = 0
            return unsafe Glibc.read(read, &byte, 1) == 1 && Glibc.write(write, &byte, 1) == 1 ? byte : 0
        }
        try one.writeEnd.write([7])
        #expect(try other.readEnd.read(upTo: 1) == [7])
        #expect(beside.value == 7 && beside.value == 7, "the same as often as it is asked for")
    }

    @Test func whatIsDroppedIsOver() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/made"
        do {
            _ = Beside {
                _ = usleep(50_000)
                // The test below tells.
                try? Files.writeAtomically(path, [1], sync: false)
            }
        }
        #expect(Files.exists(path))
    }
}

// The measuring of real processes in a real pid namespace: what is counted, what is not counted twice, and what an agent
// cannot do to it.

import Glibc
import LinuxSystem
import Testing

@testable import ResourceUsage

private let mebibyte: Int64 = 1 << 20

@Suite struct UsageMeterTests {
    /// Bytes that the script adds to those of a box that does nothing.
    private func added(_ script: String) throws -> Int64 {
        let box = try Box("done()\n" + script)
        var driver = try UsageMeterDriver(box)
        let before = try driver.settle().memoryBytes
        try box.goOn()
        driver = try UsageMeterDriver(box)
        return try driver.settle().memoryBytes - before
    }

    @Test(
        arguments: [
            "m = bytearray(os.urandom(1)) * (32 << 20)",
            "m = mmap.mmap(-1, 32 << 20); m[:] = b'x' * (32 << 20)",
            "f = os.memfd_create('f'); [os.write(f, b'x' * (1 << 20)) for _ in range(32)]",
            "f = os.memfd_create('f'); os.ftruncate(f, 32 << 20); m = mmap.mmap(f, 32 << 20)\n"
                + "m[:] = b'x' * (32 << 20)",
            "f = os.memfd_create('f'); os.ftruncate(f, 32 << 20); m = mmap.mmap(f, 32 << 20)\n"
                + "for i in range(0, 32 << 20, 4096): m[i] = 1\nos.close(f); os.system(':')",
            "f = open('/tmp/f', 'wb'); [f.write(b'x' * (1 << 20)) for _ in range(32)]; f.flush()",
            "f = open('/tmp/f', 'wb'); [f.write(b'x' * (1 << 20)) for _ in range(32)]; f.flush()\n"
                + "os.unlink('/tmp/f')",
            "open('/tmp/f', 'wb').truncate(32 << 20); f = open('/tmp/f', 'r+b'); m = mmap.mmap(f.fileno(), 32 << 20)\n"
                + "for i in range(0, 32 << 20, 4096): m[i] = 1",
        ]
    )
    func eachKindOfMemoryIsCountedOnce(_ script: String) throws {
        let bytes = try added(script)
        #expect((31 * mebibyte...36 * mebibyte).contains(bytes), "\(bytes / mebibyte) MiB")
    }

    @Test(
        arguments: [
            "m = bytearray(b'x') * (32 << 20)",
            "f = os.memfd_create('f'); [os.write(f, b'x' * (1 << 20)) for _ in range(32)]",
            "m = mmap.mmap(-1, 32 << 20); m[:] = b'x' * (32 << 20)",
        ]
    )
    func whatAProcessWithoutItsFirstThreadHasIsCounted(_ script: String) throws {
        let bytes = try added(
            """
            import threading
            ready, tell = os.pipe()
            if os.fork() == 0:
                def fill():
                    while open('/proc/self/stat').read().split(')')[1][1] != 'Z': time.sleep(0.01)
                    \(script)
                    os.write(tell, b'x')
                    time.sleep(1000)
                threading.Thread(target=fill).start()
                libc.syscall(60 if os.uname().machine == 'x86_64' else 93, 0)
            os.read(ready, 1)
            """
        )
        #expect((31 * mebibyte...40 * mebibyte).contains(bytes), "\(bytes / mebibyte) MiB")
    }

    @Test func aThreadsOwnTableOfDescriptorsIsLookedAt() throws {
        let bytes = try added(
            """
            import threading
            told = threading.Event()
            def fill():
                assert libc.unshare(0x400) == 0
                f = os.memfd_create('f'); [os.write(f, b'x' * (1 << 20)) for _ in range(32)]
                told.set()
                time.sleep(1000)
            threading.Thread(target=fill, daemon=True).start()
            told.wait()
            """
        )
        #expect((31 * mebibyte...36 * mebibyte).contains(bytes), "\(bytes / mebibyte) MiB")
    }

    @Test func whatProcessesShareIsCountedOnce() throws {
        let script = """
            m = bytearray(b'x') * (32 << 20)
            f = os.memfd_create('f'); [os.write(f, b'x' * (1 << 20)) for _ in range(16)]
            for _ in range(6): child(lambda: None)
            """
        let bytes = try added(script)
        #expect((47 * mebibyte...70 * mebibyte).contains(bytes), "\(bytes / mebibyte) MiB")
    }

    /// Bytes of anonymous memory that a pass finds.
    private func anonymous(_ box: Box, borrowed: Int64) throws -> Int64 {
        var table = try ProcessTable(ofInit: box.pid)
        var pass = MemoryPass(table, try MemoryPlaces(ofInit: box.pid), borrowed: borrowed)
        while !pass.step(&table, deadline: .max) {}
        return pass.found.anonymous
    }

    @Test func aChildInItsParentsMemoryIsNotCountedTwice() throws {
        // It opens the FIFO before it executes anything, and waits there for a writer.
        let vforked = try Box(
            """
            os.mkfifo('/tmp/fifo')
            pid = os.fork()
            if pid == 0:
                m = bytearray(b'x') * (32 << 20)
                wait = [(os.POSIX_SPAWN_OPEN, 0, '/tmp/fifo', os.O_RDONLY, 0)]
                os.posix_spawn('/bin/true', ['true'], {}, file_actions=wait)
            def waits():
                child = open('/proc/%d/task/%d/children' % (pid, pid)).read().strip()
                return child and open('/proc/%s/stat' % child).read().split(')')[1][1] == 'S'
            while not waits(): time.sleep(0.01)
            """
        )
        // While init still copies pages that it shares, parent and child differ from one look to the next.
        try vforked.waitUntilStill()
        let once = try anonymous(vforked, borrowed: .max)
        #expect((32 * mebibyte...50 * mebibyte).contains(once), "\(once / mebibyte) MiB")
        #expect(try anonymous(vforked, borrowed: -1) > 64 * mebibyte)
    }

    @Test func aYoungChildWithACopyIsCounted() throws {
        let written = try Box(
            """
            m = bytearray(b'x') * (32 << 20)
            def write():
                global more
                for i in range(0, len(m), 4096): m[i] = 1
                # Otherwise it may have as much as its parent, to the byte, and no look from outside tells them apart.
                more = bytearray(b'x') * (1 << 20)
            child(write)
            """
        )
        try written.waitUntilStill()
        #expect(try anonymous(written, borrowed: .max) > 64 * mebibyte)
        // Parent and child have the same PSS, half of what each maps: all that takes new pages was done once before.
        let shared = try Box(
            """
            os.kill(child(lambda: None), 9); os.wait()
            m = bytearray(b'x') * (32 << 20)
            done()
            child(lambda: None)
            """
        )
        try shared.goOn()
        try shared.waitUntilStill()
        let once = try anonymous(shared, borrowed: .max)
        #expect((32 * mebibyte...50 * mebibyte).contains(once), "\(once / mebibyte) MiB")
    }

    @Test func pagesOfProgramsAndFilesAreNotCounted() throws {
        let bytes = try added(
            """
            f = open(sys.executable, 'rb'); m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)
            n = sum(m[i] for i in range(0, len(m), 4096))
            """
        )
        #expect(bytes < 2 * mebibyte)
    }

    @Test func sharedPagesAreNoBreachAndCopiedOnesAre() throws {
        let box = try Box(
            """
            m = bytearray(b'x') * (48 << 20)
            got, go = os.pipe(); told, tell = os.pipe()
            for _ in range(4):
                if os.fork() == 0:
                    os.read(got, 1)
                    for i in range(0, len(m), 4096): m[i] = 1
                    os.write(tell, b'x')
                    while True: signal.pause()
            done()
            os.write(go, b'xxxx')
            for _ in range(4): os.read(told, 1)
            """
        )
        var driver = try UsageMeterDriver(box, limit: 128 * mebibyte)
        let isBeyond = driver.findsBeyond(within: 50)
        #expect(!isBeyond)
        try box.goOn()
        let isBeyondNow = driver.findsBeyond(within: 200)
        #expect(isBeyondNow)
    }

    @Test(arguments: [
        "m = bytearray(b'x') * (48 << 20)", "f = os.memfd_create('f'); os.write(f, b'x' * (48 << 20))",
    ])
    func oneProcessBeyondTheLimitIsFound(_ script: String) throws {
        let box = try Box("done()\n" + script)
        var driver = try UsageMeterDriver(box, limit: 40 * mebibyte)
        var isBeyond = driver.findsBeyond(within: 50)
        #expect(!isBeyond)
        try box.goOn()
        isBeyond = driver.findsBeyond(within: 50)
        #expect(isBeyond)
    }

    @Test func filesInMemoryOfProcessesThatHideThemAreCountedOnce() throws {
        let box = try Box(
            """
            f = os.memfd_create('f'); os.write(f, b'x' * (48 << 20)); libc.prctl(4, 0, 0, 0, 0)
            for _ in range(3): child(lambda: libc.prctl(4, 0, 0, 0, 0))
            """
        )
        var table = try ProcessTable(ofInit: box.pid)
        let places = try MemoryPlaces(ofInit: box.pid)
        var hidden = HiddenDescriptors([2, 3, 4], places)
        var files: Set<FileKey> = []
        var bytes: Int64 = 0
        while true {
            let (found, isDone) = hidden.step(&table, files)
            if let found {
                files.insert(found.file)
                bytes += found.bytes
            }
            if isDone { break }
        }
        #expect(bytes == 48 * mebibyte)
        // For root nothing is hidden: then this is the ordinary way.
        var driver = try UsageMeterDriver(box)
        let used = try driver.settle().memoryBytes
        #expect((48 * mebibyte...90 * mebibyte).contains(used), "\(used / mebibyte) MiB")
    }

    @Test func processesThreadsAndTimeAreThoseOfTheNamespace() throws {
        let box = try Box(
            """
            import threading
            for i in range(5): child(lambda: name(') R 9 9 9\\n((' if i % 2 else 'x y ) )'))
            for _ in range(3): threading.Thread(target=signal.pause, daemon=True).start()
            def burn():
                end = time.process_time() + 0.3
                while time.process_time() < end: pass
            def gone():
                if os.fork() == 0: burn(); os._exit(0)
                os.wait(); os._exit(0)
            if os.fork() == 0: gone()
            os.wait()
            """
        )
        var driver = try UsageMeterDriver(box)
        let reading = try driver.settle()
        #expect(reading.processes == 6)
        #expect(reading.threads == 9)
        #expect((270_000...900_000).contains(reading.cpuMicroseconds), "\(reading.cpuMicroseconds)")
    }

    @Test func timeDoesNotFallWhenNobodyWaits() throws {
        let box = try Box(
            """
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            def burn():
                end = time.process_time() + 0.3
                while time.process_time() < end: pass
            pid = child(burn)
            done()
            os.kill(pid, 9)
            while os.path.exists('/proc/%d' % pid): time.sleep(0.01)
            """
        )
        var driver = try UsageMeterDriver(box)
        let before = try driver.settle().cpuMicroseconds
        try box.goOn()
        for _ in 0..<20 where driver.look().processes > 1 {}
        let reading = driver.look()
        #expect(reading.processes == 1)
        #expect(reading.cpuMicroseconds >= before && before >= 250_000)
    }

    @Test func openFilesWithoutANameAreCountedOnce() throws {
        let folder = "/var/tmp"
        let box = try Box(
            """
            f = open('\(folder)/cloche-usage-%d' % os.getpid() + str(time.time()), 'w+b')
            os.write(f.fileno(), b'x' * (1 << 20)); os.fsync(f.fileno()); os.unlink(f.name)
            g = os.dup(f.fileno()); child(lambda: None)
            """
        )
        var driver = try UsageMeterDriver(box)
        let reading = try driver.settle()
        #expect(reading.unlinkedFiles == 1)
        #expect((mebibyte...mebibyte + 65536).contains(reading.unlinkedBytes))
    }

    /// Microseconds that this thread has worked.
    private var processorTime: Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }

    @Test func noLookIsLongHoweverManyDescriptorsThereAre() throws {
        let box = try Box(
            """
            import resource
            most = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 20000)
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
            f = [os.memfd_create('f') for _ in range(most - 20)]
            for _ in range(40): child(lambda: None)
            """
        )
        var driver = try UsageMeterDriver(box)
        var longest: Int64 = 0
        var looks = 0
        while !driver.meter.isSettled && looks < 5000 {
            let start = processorTime
            _ = driver.look()
            longest = max(longest, processorTime - start)
            looks += 1
        }
        #expect(looks > 3 && looks < 5000)
        // Work, not time: the machine may be busy.
        #expect(longest < 200_000, "\(longest) us")
    }

    @Test func aNamespaceThatIsGoneHasNothing() throws {
        let box = try Box("done()\nchild(lambda: None)\nos._exit(0)")
        var driver = try UsageMeterDriver(box)
        try driver.settle()
        try? box.goOn()  // it ends instead of answering
        for _ in 0..<20 where driver.look().processes > 0 {}
        let left = driver.look().processes
        #expect(left == 0)
    }
}

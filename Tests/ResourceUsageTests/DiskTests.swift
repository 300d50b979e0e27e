// Walks over real trees that set traps, and the decision when to walk.

import Glibc
import LinuxSystem
import Testing

@testable import ResourceUsage

/// A directory for one test, removed with everything in it.
private final class Folder {
    let path = "/var/tmp/cloche-usage-test.\(getpid()).\(UInt32.random(in: 0...UInt32.max))"

    init() throws { try Files.makeDirectory(path) }

    // What stays behind is in the temporary directory.
    deinit { try? Files.removeTree(path) }

    func write(_ name: String, bytes: Int = 1) throws {
        let file = "\(path)/\(name)"
        try Files.makeDirectories(file.parentPath)
        try Files.writeAtomically(file, [UInt8](repeating: 1, count: bytes))
    }

    func shell(_ script: String) throws {
        let result = try Subprocess(
            "/bin/sh",
            ["-ec", script],
            environment: ["PATH=/usr/bin:/bin"],
            directory: path
        )
        .run()
        try #require(result.status == 0, "\(result.errorText)")
    }
}

@Suite struct DiskWalkTests {
    private func walk(_ trees: String...) -> DiskUsage {
        var walk = DiskWalk(trees)
        var usage = walk.step()
        while usage == nil { usage = walk.step() }
        return usage ?? DiskUsage()
    }

    /// What `du` says, in bytes.
    private func du(_ path: String) throws -> Int64 {
        let result = try Subprocess("/usr/bin/du", ["-s", "--block-size=512", path]).run()
        let words = result.outputText.split(separator: "\t")
        return try #require(words.first.flatMap { Int64($0) }) * 512
    }

    @Test func countsAsDuDoes() throws {
        let folder = try Folder()
        try folder.write("a/b/c", bytes: 100_000)
        try folder.write("a/d", bytes: 5000)
        try folder.shell("ln a/d hard; ln -s /etc link; ln -s / a/root; mkfifo fifo; truncate -s 1G sparse")
        let usage = walk(folder.path)
        #expect(usage.bytes == (try du(folder.path)))
        #expect(usage.files == 8)
        #expect(usage.passedOver == 0)
    }

    @Test func severalTreesAndNone() throws {
        let (one, two) = (try Folder(), try Folder())
        try one.write("a")
        try two.write("b/c")
        try two.shell("ln ../\(one.path.lastComponent)/a same")
        #expect(walk(one.path, two.path).files == 3)
        #expect(walk(one.path + "/none") == DiskUsage())
        #expect(walk() == DiskUsage())
        try one.shell("ln -s \(two.path) link")
        #expect(walk(one.path + "/link") == DiskUsage())
    }

    @Test func deepTreesAreCountedWithFewDescriptors() throws {
        let folder = try Folder()
        // Deeper than a path can be long, with a file beside each level.
        try folder.shell(
            "i=0; n=$(printf '%0100d' 0); while [ $i -lt 150 ]; do mkdir $n; : > f; mkdir z; cd -P $n; i=$((i+1)); done"
        )
        var walk = DiskWalk([folder.path])
        var most = 0
        var usage: DiskUsage?
        repeat {
            usage = walk.step(names: 3)
            most = max(most, try openDirectories(below: folder.path))
        } while usage == nil
        #expect(usage?.files == 450)
        #expect(usage?.passedOver == 0)
        #expect(most > 0 && most < 60)
    }

    /// Of this process, whose other tests open others.
    ///
    /// Nobody but this test has one that is too deep for a path.
    private func openDirectories(below path: String) throws -> Int {
        try Files.list("/proc/self/fd").count { number in
            do throws(SystemError) {
                return try Files.readLink("/proc/self/fd/\(number)").hasPrefix(path)
            } catch {
                return error.errno == Errno(ENAMETOOLONG)
            }
        }
    }

    @Test func closedDirectoriesAreCountedAndStayClosed() throws {
        let folder = try Folder()
        try folder.write("closed/in/file", bytes: 50_000)
        try folder.write("listed/file")
        try folder.shell("chmod 0 closed/in closed; chmod 400 listed")
        let usage = walk(folder.path)
        #expect(usage.files == 5 && usage.bytes >= 50_000)
        #expect(try Files.status(folder.path + "/closed").mode == 0)
        #expect(try Files.status(folder.path + "/listed").mode == 0o400)
        try folder.shell("chmod 700 closed; test \"$(stat -c %a closed/in)\" = 0")
    }

    @Test func aWalkThatIsGivenUpLeavesModesAsTheyWere() throws {
        let folder = try Folder()
        try folder.write("closed/in/file")
        try folder.shell("chmod 0 closed")
        func mode() throws -> UInt32 { try Files.status(folder.path + "/closed").mode }
        var seen: Set<UInt32> = []
        var usage: DiskUsage?
        var steps = 0
        while usage == nil {
            steps += 1
            try #require(steps < 100)
            var walk: DiskWalk? = DiskWalk([folder.path])
            for _ in 0..<steps { usage = walk?.step(names: 1) }
            seen.insert(try mode())
            walk = nil
            #expect(try mode() == 0, "given up after \(steps) steps")
        }
        #expect(usage?.files == 3)
        // Root looks into any directory as it is.
        #expect(seen == (CurrentUser.isRoot ? [0] : [0, 0o500]))
        try folder.shell("chmod 700 closed")
    }

    @Test func treesThatChangeDuringTheWalkEnd() throws {
        let folder = try Folder()
        for index in 0..<20 { try folder.write("d\(index)/x/y/file") }
        var walk = DiskWalk([folder.path])
        var usage: DiskUsage?
        var round = 0
        repeat {
            usage = walk.step(names: 1)
            round += 1
            try folder.shell("mv d\(round) e\(round) 2>&1 || rm -rf e\(round - 10); ln -sfn / d\(round)")
        } while usage == nil && round < 500
        #expect(round < 500)
        #expect((usage?.files ?? 0) < 200)
    }

    @Test func aDirectoryThatMovesFromUnderTheWalkIsTold() throws {
        let folder = try Folder()
        try folder.shell("p=.; for i in $(seq 100); do p=$p/d; mkdir -p $p/z; done; mkdir aside")
        var walk = DiskWalk([folder.path])
        // Down to the bottom; the root is closed by then.
        for _ in 0..<150 { _ = walk.step(names: 1) }
        let place = String(repeating: "/d", count: 50)
        try folder.shell("mv .\(place) aside/")
        var usage = walk.step()
        while usage == nil { usage = walk.step() }
        #expect((usage?.passedOver ?? 0) >= 0)
        #expect((usage?.files ?? 0) < 400)
    }

    @Test func namesOfDirectoriesThatWaitHaveABound() throws {
        let folder = try Folder()
        for index in 0..<50 { try folder.write("\(index % 10)/\(index)/file") }
        func walk(_ most: Int) -> (usage: DiskUsage?, isUncountable: Bool) {
            var walk = DiskWalk([folder.path], mostWaiting: most)
            return (walk.step(), walk.isUncountable)
        }
        // Nine wait while the tenth is looked into, which has five.
        let (whole, isCut) = walk(14)
        #expect(whole?.files == 110 && !isCut)
        let (part, isUncountable) = walk(13)
        #expect(isUncountable)
        // What is beyond the bound is left out, and the walk ends nevertheless.
        #expect((80..<110).contains(part?.files ?? 0))
        #expect(walk(0).isUncountable)
    }

    @Test func aStepHasABound() throws {
        let folder = try Folder()
        try folder.shell("seq 3000 | xargs touch")
        var walk = DiskWalk([folder.path])
        var steps = 0
        var usage: DiskUsage?
        repeat {
            usage = walk.step(names: 64)
            steps += 1
        } while usage == nil
        #expect(steps > 40)
        #expect(usage?.files == 3000)
    }
}

@Suite struct DiskWatchTests {
    private func room(_ bytes: Int64, _ files: Int64 = 1000, counted: Bool = true) -> [FileSystemRoom] {
        [FileSystemRoom(bytes: 1 << 40, freeBytes: bytes, files: counted ? 1 << 20 : 0, freeFiles: files)]
    }

    private func watch(bytes: Int64? = 1000, files: Int64? = nil, cost: Int64 = 0, counted: Bool = true)
        -> DiskWatch
    {
        var watch = DiskWatch(bytes: bytes, files: files)
        watch.walked(DiskUsage(bytes: 400, files: 10), room(10_000, counted: counted), now: 0, cost: cost)
        return watch
    }

    @Test func theFirstWalkIsDueAtOnce() { #expect(DiskWatch(bytes: nil, files: nil).isDue([], now: 0)) }

    @Test func noWalkWhileTheRoomThatHasGoneIsWithinTheLimit() {
        #expect(!watch().isDue(room(9400), now: 4000))
        #expect(watch().isDue(room(9399), now: 4000))
    }

    @Test func roomThatOthersFreeHidesNothingForLong() {
        #expect(!watch().isDue(room(20_000), now: 4999))
        #expect(watch().isDue(room(20_000), now: 5000))
        #expect(!watch(cost: 30_000).isDue(room(20_000), now: 29_999))
        #expect(watch(cost: 30_000).isDue(room(20_000), now: 30_000))
        #expect(!watch(cost: 100_000).isDue(room(20_000), now: 59_999))
        #expect(watch(cost: 100_000).isDue(room(20_000), now: 60_000))
    }

    @Test func filesCountAsBytesDo() {
        // So dear that nothing but room asks for a walk within half a minute.
        func files(_ most: Int64?, counted: Bool = true) -> DiskWatch {
            watch(files: most, cost: 40_000, counted: counted)
        }
        #expect(!files(20).isDue(room(10_000, 990), now: 30_000))
        #expect(files(20).isDue(room(10_000, 989), now: 30_000))
        #expect(!files(20, counted: false).isDue(room(10_000, 1000, counted: false), now: 9999))
        #expect(files(20, counted: false).isDue(room(10_000, 1000, counted: false), now: 10_000))
        #expect(!files(nil, counted: false).isDue(room(10_000, 1000, counted: false), now: 30_000))
    }

    @Test func dearWalksAreRarer() {
        #expect(!watch(cost: 1_000_000).isDue(room(0), now: 9999))
        #expect(watch(cost: 1_000_000).isDue(room(0), now: 10_000))
        #expect(!watch(cost: 10_000_000).isDue(room(10_000), now: 99_999))
        #expect(watch(cost: 10_000_000).isDue(room(10_000), now: 1_000_000))
    }

    @Test func aMeterFindsWhatIsWritten() throws {
        let folder = try Folder()
        var meter = DiskMeter([folder.path, folder.path + "/none"], bytes: 1 << 20, files: 5)
        var now: Int64 = 0
        func next(_ unlinked: Int64 = 0) -> DiskReading? {
            for _ in 0..<200 {
                now = max(now, meter.nextLook)
                if let reading = meter.look(now: now, unlinked: (unlinked, 0)) { return reading }
            }
            return nil
        }
        var reading = try #require(next())
        #expect(!reading.isBeyondBytes && !reading.isBeyondFiles && reading.usage.files == 0)
        try folder.write("big", bytes: 2 << 20)
        let started = now
        reading = try #require(next())
        #expect(reading.isBeyondBytes && !reading.isBeyondFiles)
        #expect(now - started <= DiskWatch.routine.lowerBound + 1000)
        try folder.shell("rm big; touch 1 2 3 4 5 6")
        reading = try #require(next())
        #expect(!reading.isBeyondBytes && reading.isBeyondFiles)
        reading = try #require(next(2 << 20))
        #expect(reading.isBeyondBytes)
    }
}

// What is left of a share, what fits in it, and the smaller of two.

import ClocheModel
import Testing

@Suite struct LimitSharesTests {
    private static let gib: Int64 = 1 << 30
    private let share = ResourceLimits(
        memoryBytes: 8 * gib,
        memoryHighBytes: 6 * gib,
        swapBytes: 0,
        processes: 1000,
        cpuMillicores: 4000,
        cpuWeight: 50,
        ioReadBytes: 100,
        ioWriteBytes: 100,
        ioReadOperations: 10,
        ioWriteOperations: 10
    )

    @Test func whatNobodyHasTakenIsThere() {
        var expected = share
        expected.cpuWeight = nil
        #expect(share.remaining(after: []) == expected)
        #expect(ResourceLimits().remaining(after: [share, ResourceLimits()]) == ResourceLimits())
    }

    @Test func whatIsTakenIsSubtracted() {
        let first = ResourceLimits(
            memoryBytes: Self.gib,
            memoryHighBytes: Self.gib / 2,
            swapBytes: 0,
            processes: 100,
            cpuMillicores: 1500,
            cpuWeight: 9000,
            ioReadBytes: 10,
            ioWriteBytes: 20,
            ioReadOperations: 1,
            ioWriteOperations: 2
        )
        let expected = ResourceLimits(
            memoryBytes: 6 * Self.gib,
            memoryHighBytes: 5 * Self.gib,
            swapBytes: 0,
            processes: 800,
            cpuMillicores: 1000,
            ioReadBytes: 80,
            ioWriteBytes: 60,
            ioReadOperations: 8,
            ioWriteOperations: 6
        )
        #expect(share.remaining(after: [first, first]) == expected)
    }

    @Test func whoHasNoLimitTakesTheRest() {
        let open = ResourceLimits(processes: 100)
        let rest = share.remaining(after: [open])
        #expect(rest.processes == 900)
        #expect(rest.memoryBytes == 0 && rest.memoryHighBytes == 0 && rest.cpuMillicores == 0)
        #expect(rest.ioReadBytes == 0 && rest.ioWriteOperations == 0)
        // One without a soft limit uses no more than its hard one.
        #expect(
            share.remaining(after: [ResourceLimits(memoryBytes: Self.gib)]).memoryHighBytes == 5 * Self.gib
        )
    }

    @Test func nothingIsLeftOfWhatWasGivenTwice() {
        let greedy = ResourceLimits(memoryBytes: .max, processes: 600)
        let rest = share.remaining(after: [greedy, greedy, greedy])
        #expect(rest.memoryBytes == 0 && rest.processes == 0)
        #expect(ResourceLimits(processes: 5).remaining(after: [ResourceLimits(processes: -3)]).processes == 5)
        #expect(ResourceLimits(processes: -5).remaining(after: [ResourceLimits(processes: 3)]).processes == 0)
    }

    @Test func namesWhatIsExceeded() {
        #expect(share.covers(share))
        var part = share
        part.memoryBytes = 8 * Self.gib + 1
        part.cpuMillicores = 4001
        part.ioWriteOperations = 11
        #expect(share.exceeded(by: part) == ["memory", "cpu", "io-write-operations"])
        #expect(!share.covers(part))
        #expect(ResourceLimits().covers(part) && ResourceLimits().covers(ResourceLimits()))
        #expect(
            share.exceeded(by: ResourceLimits()) == [
                "memory", "memory-high", "swap", "processes", "cpu", "io-read", "io-write",
                "io-read-operations",
                "io-write-operations", "cpu-weight",
            ]
        )
    }

    @Test func aMissingWeightIsTheKernels() {
        #expect(ResourceLimits(cpuWeight: 100).covers(ResourceLimits()))
        #expect(ResourceLimits(cpuWeight: 99).exceeded(by: ResourceLimits()) == ["cpu-weight"])
        #expect(ResourceLimits().narrowed(to: ResourceLimits(cpuWeight: 200)).cpuWeight == nil)
        #expect(ResourceLimits().narrowed(to: ResourceLimits(cpuWeight: 50)).cpuWeight == 50)
        #expect(ResourceLimits(cpuWeight: 300).narrowed(to: ResourceLimits()).cpuWeight == 300)
    }

    @Test func narrowingTakesTheSmallerOfEach() {
        #expect(ResourceLimits().narrowed(to: share) == share)
        #expect(share.narrowed(to: ResourceLimits()) == share)
        let part = ResourceLimits(memoryBytes: Self.gib, processes: 5000, cpuMillicores: 500)
        let narrowed = part.narrowed(to: share)
        #expect(
            narrowed.memoryBytes == Self.gib && narrowed.processes == 1000 && narrowed.cpuMillicores == 500
        )
        #expect(narrowed.memoryHighBytes == nil && narrowed.swapBytes == 0 && narrowed.cpuWeight == 50)
        #expect(share.covers(narrowed))
    }

    @Test func aSoftLimitAboveTheHardOneGoes() {
        let part = ResourceLimits(memoryBytes: 8 * Self.gib, memoryHighBytes: 6 * Self.gib)
        let bounds = ResourceLimits(memoryBytes: 4 * Self.gib)
        #expect(part.narrowed(to: bounds) == bounds)
        let both = ResourceLimits(memoryBytes: 4 * Self.gib, memoryHighBytes: 3 * Self.gib)
        #expect(part.narrowed(to: both) == both)
    }

    /// Whatever the values, what comes out fits, and nothing grows.
    @Test func narrowingAlwaysFits() {
        let values: [Int64?] = [nil, 0, 3, 100, .max]
        for own in values {
            for bound in values {
                for high in values {
                    let part = ResourceLimits(
                        memoryBytes: own,
                        memoryHighBytes: high,
                        processes: own,
                        cpuWeight: own
                    )
                    let bounds = ResourceLimits(
                        memoryBytes: bound,
                        memoryHighBytes: high,
                        processes: bound,
                        cpuWeight: bound
                    )
                    let narrowed = part.narrowed(to: bounds)
                    #expect(bounds.covers(narrowed), "\(part) \(bounds) \(narrowed)")
                    #expect((narrowed.memoryBytes ?? .max) <= (part.memoryBytes ?? .max))
                    #expect((narrowed.processes ?? .max) <= (part.processes ?? .max))
                    #expect(
                        bounds.narrowed(to: narrowed).narrowed(to: bounds) == bounds.narrowed(to: narrowed)
                    )
                }
            }
        }
    }
}

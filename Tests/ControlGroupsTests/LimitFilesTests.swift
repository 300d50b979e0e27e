// Limits as the files of a cgroup, and the numbers that the kernel counts there.

import ClocheModel
import Testing

@testable import ControlGroups

@Suite struct LimitFilesTests {
    private func value(_ name: String, _ limits: ResourceLimits) -> String? {
        limits.files(disks: ["8:0"]).first { $0.name == name }?.value
    }

    @Test func noLimitTakesAnEarlierOneAway() {
        for file in ResourceLimits().files(disks: []) where file.name != "cpu.weight" {
            #expect(file.value.hasPrefix("max"), "\(file)")
        }
        #expect(value("cpu.weight", ResourceLimits()) == "100")
    }

    @Test(
        arguments: [(1500, "150000 100000"), (10, "1000 100000"), (250, "25000 100000")] as [(Int64, String)]
    )
    func coresAreAQuotaOfAPeriod(_ millicores: Int64, _ text: String) {
        #expect(value("cpu.max", ResourceLimits(cpuMillicores: millicores)) == text)
    }

    @Test func memoryWithoutSwapHasNowhereElseToGo() {
        #expect(value("memory.swap.max", ResourceLimits(memoryBytes: 4096)) == "0")
        #expect(value("memory.swap.max", ResourceLimits(memoryBytes: 4096, swapBytes: 8192)) == "8192")
        #expect(value("memory.swap.max", ResourceLimits()) == "max")
    }

    @Test func disksAreNamedOneByOne() {
        let limits = ResourceLimits(ioWriteBytes: 1 << 20, ioReadOperations: 50)
        let lines = limits.files(disks: ["8:0", "259:0"]).filter { $0.name == "io.max" }.map(\.value)
        #expect(
            lines == [
                "8:0 rbps=max wbps=1048576 riops=50 wiops=max",
                "259:0 rbps=max wbps=1048576 riops=50 wiops=max",
            ]
        )
    }

    @Test func controllersAreThoseOfTheLimits() {
        #expect(ResourceLimits(processes: 5).controllers == ["pids"])
        #expect(
            ResourceLimits(memoryHighBytes: 1, cpuWeight: 5, ioReadBytes: 1).controllers == [
                "memory", "cpu", "io",
            ]
        )
    }

    @Test func pressureIsInHundredthsOfAPercent() {
        #expect(
            ControlGroup.pressure("some avg10=12.34 avg60=0.00 avg300=0.00 total=9\nfull avg10=1.00\n")
                == 1234
        )
        #expect(ControlGroup.pressure("full avg10=1.00 avg60=0.00\n") == nil)
        #expect(ControlGroup.pressure("") == nil)
    }

    @Test func disksAreAddedUp() {
        let text = "8:0 rbytes=10 wbytes=3 rios=1\n259:0 rbytes=5 wbytes=4 rios=2\n"
        #expect(ControlGroup.total(text, "rbytes=") == 15 && ControlGroup.total(text, "wbytes=") == 7)
    }

    @Test func aSliceOfAProjectIsInNoOther() {
        #expect(Scope.slice("my-repo-1a") == "cloche-my\\x2drepo\\x2d1a.slice")
    }
}

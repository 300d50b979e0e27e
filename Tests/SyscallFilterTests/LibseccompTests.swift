// The assembler against libseccomp: the same list of calls without conditions, compiled by both, decides the same for
// every number and architecture. What only the assembler can say is tested call by call in FilterCompilerTests.

import CSeccomp
import ClocheModel
import Glibc
import Testing

@testable import SyscallFilter

#if arch(x86_64)
@Suite struct LibseccompTests {
    /// `SCMP_ACT_ERRNO`, `SCMP_ACT_ALLOW` and `SCMP_ACT_KILL_PROCESS`, which are macros.
    private static func refuse(_ answer: Int32) -> UInt32 { 0x0005_0000 | UInt32(answer) }
    private static let (allow, kill): (UInt32, UInt32) = (0x7fff_0000, 0x8000_0000)

    /// The calls whose answer depends on nothing but their number.
    private static func list() throws -> [UInt32: UInt32] {
        var list: [UInt32: UInt32] = [:]
        for (name, rule) in try SyscallTable(SyscallPolicy()).rules {
            guard case .number(let number) = SyscallNumbers.meaning(of: name) else { continue }
            switch rule.verdict {
            case .allow: list[number] = allow
            case .refuse(let answer): list[number] = refuse(answer)
            case .allowWhen: continue
            }
        }
        return list
    }

    private static func libseccomps(_ list: [UInt32: UInt32]) throws -> FilterProgram {
        guard let filter = unsafe seccomp_init(refuse(ENOSYS)) else { throw Failure.library }
        defer { unsafe seccomp_release(filter) }
        try expectZero(unsafe seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, kill))
        try expectZero(unsafe seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2))
        // What is the default already needs no rule, and libseccomp takes none.
        for (number, action) in list where action != refuse(ENOSYS) {
            try expectZero(unsafe seccomp_rule_add_exact_array(filter, action, Int32(number), 0, nil))
        }
        guard let file = unsafe tmpfile() else { throw Failure.library }
        defer { unsafe fclose(file) }
        try expectZero(unsafe seccomp_export_bpf(filter, fileno(file)))
        unsafe rewind(file)
        var bytes = [UInt8](repeating: 0, count: 8 * 4096)
        let count = unsafe fread(&bytes, 1, bytes.count, file)
        return FilterProgram(bytes: Array(bytes[..<count]))
    }

    private enum Failure: Error { case library }

    private static func expectZero(_ result: CInt) throws { if result != 0 { throw Failure.library } }

    @Test func bothCompilersAgree() throws {
        let list = try Self.list()
        #expect(list.count > 300)
        let leaves = list.mapValues { action in
            FilterLeaf(otherwise: action == Self.allow ? .allow : .errno(Int32(action & 0xffff)))
        }
        let ours = try #require(FilterAssembler.program(leaves, otherwise: .errno(ENOSYS)))
        let theirs = try Self.libseccomps(list)
        for number in Array(0...1024) + [0x3fff_ffff, 0x4000_0000, 0x4000_0001, 0x7fff_ffff] as [UInt32] {
            let call = CallFacts(number: number)
            #expect(try ours.run(call) == theirs.run(call), "call \(number)")
        }
        for architecture in [0x4000_0003, 0xc000_00b7, 0, .max] as [UInt32] {
            let call = CallFacts(number: 1, architecture: architecture)
            #expect(try ours.run(call) == theirs.run(call), "architecture \(architecture)")
            #expect(try ours.run(call) == Self.kill)
        }
    }
}
#endif

// The self-check: what the kernel says of a finished sandbox against what was planned. The supervisor reads it in the
// host's /proc, where nothing inside can lie, after init has confined itself and before it is given a program; `cloche
// inspect` reads it again at any time. Only what no file shows (`clinux_fact`) is init's own word.

internal import CLinux
package import ClocheModel
internal import Glibc
internal import LinuxSystem

/// One comparison of plan and reality.
package struct CheckRow: Equatable, Sendable {
    /// A mechanism, a mount or another property.
    package let subject: String
    /// What the plan says.
    package let planned: String
    /// What the kernel says.
    package let found: String
    /// Whether the two agree.
    package let holds: Bool

    /// For JSON.
    package var document: Document {
        .object([
            "subject": .string(subject), "planned": .string(planned), "found": .string(found),
            "holds": .bool(holds),
        ])
    }
}

/// What a sandbox must be like; the part of a plan that can be read back.
package struct SandboxExpectation: Sendable {
    let identity: SandboxIdentity
    let sharesNetwork: Bool
    let timeNamespace: Bool
    let facts: UInt32
    let mounts: [PlannedMount]
    let cgroup: String?
    /// Every mechanism, as decided.
    package let states: [MechanismState]

    init(_ plan: SandboxPlan) {
        identity = plan.identity
        sharesNetwork = plan.sharesNetwork
        timeNamespace = plan.confinement.timeNamespace
        states = plan.confinement.states
        var facts =
            CLINUX_FACT_NOT_DUMPABLE.rawValue | CLINUX_FACT_SECUREBITS.rawValue | CLINUX_FACT_NO_CORE.rawValue
        if plan.confinement.fence != nil { facts |= CLINUX_FACT_FENCED.rawValue }
        if plan.confinement.memoryDenyWriteExecute { facts |= CLINUX_FACT_NO_WRITE_EXECUTE.rawValue }
        for operation in plan.operations {
            switch operation.action {
            // A trial of `doctor` has no /proc to see them in.
            case .filesystem("proc", _, _): facts |= CLINUX_FACT_DESCRIPTORS.rawValue
            case .setting("0"): facts |= CLINUX_FACT_NO_USER_NAMESPACES.rawValue
            default: continue
            }
        }
        self.facts = facts
        mounts = PlannedMount.all(of: plan)
        cgroup = plan.cgroup
    }

    /// The filters that init puts on itself: the allow-list and the argument rules.
    static let filters: Int64 = 2
}

/// Reads a sandbox back and compares.
struct SelfCheck: ~Copyable {
    private let expected: SandboxExpectation
    private let process: ProcessFiles
    /// This process, which the sandbox must differ from, or not.
    private let own: ProcessFiles
    /// Whether rows that agree are kept too.
    private let keepsAll: Bool
    private var rows: [CheckRow] = []

    private init(
        _ expected: SandboxExpectation,
        _ process: consuming ProcessFiles,
        _ own: consuming ProcessFiles,
        keepsAll: Bool
    ) {
        self.expected = expected
        self.process = process
        self.own = own
        self.keepsAll = keepsAll
    }

    /// What a check that ended has compared: `begin` and `finish` in words.
    static let parts = [
        "namespaces", "interfaces", "identity", "cgroup", "mounts", "status", "filters", "init",
    ]

    private static func begin(_ expected: SandboxExpectation, pid: Int32, keepsAll: Bool) throws(SystemError)
        -> SelfCheck
    {
        var check = SelfCheck(
            expected,
            try ProcessFiles(of: pid),
            try ProcessFiles(of: nil),
            keepsAll: keepsAll
        )
        try check.compareNamespaces()
        try check.compareInterfaces()
        try check.compareIdentity()
        try check.compareMounts()
        return check
    }

    /// Everything, of the sandbox whose init has this process id and said these `clinux_fact`s of itself.
    static func all(_ expected: SandboxExpectation, pid: Int32, facts: UInt32) throws(SystemError)
        -> [CheckRow]
    {
        var check = try begin(expected, pid: pid, keepsAll: true)
        try check.compareStatus()
        check.compareFacts(facts)
        return check.rows
    }

    /// The first half, of what is true from the moment when all mounts are made and no capability is left.
    static func ofBuilt(_ expected: SandboxExpectation, pid: Int32) throws(SetupFailure) -> SelfCheck {
        do {
            return try begin(expected, pid: pid, keepsAll: false)
        } catch { throw unreadable(error) }
    }

    /// The second half, when init has confined itself; throws what differs in either.
    mutating func finish(_ facts: UInt32) throws(SetupFailure) {
        do {
            try compareStatus()
        } catch { throw Self.unreadable(error) }
        compareFacts(facts)
        if !rows.isEmpty { throw Self.difference(rows) }
    }

    private static func unreadable(_ error: SystemError) -> SetupFailure {
        .told(
            ClocheError(
                .sandbox,
                "the finished sandbox cannot be checked",
                why: error.description,
                remedy: "Cloche needs to see its own processes in /proc; nothing was started"
            )
        )
    }

    private static func difference(_ rows: [CheckRow]) -> SetupFailure {
        let differences = rows.map { "\($0.subject): planned \($0.planned), found \($0.found)" }
        return .told(
            ClocheError(
                .sandbox,
                "the finished sandbox is not what was planned",
                why: differences.joined(separator: "; "),
                remedy: "nothing was started; please report this with the output of `cloche doctor --json`"
            )
        )
    }

    // MARK: Comparisons

    private mutating func compare(
        _ subject: @autoclosure () -> String,
        _ planned: @autoclosure () -> String,
        _ found: @autoclosure () -> String,
        _ holds: Bool
    ) {
        if holds && !keepsAll { return }
        rows.append(CheckRow(subject: subject(), planned: planned(), found: found(), holds: holds))
    }

    private static let namespaces: [(kind: StaticString, mechanism: Mechanism)] = [
        ("user", .userNamespace), ("mnt", .mountNamespace), ("pid", .pidNamespace), ("net", .netNamespace),
        ("ipc", .ipcNamespace), ("uts", .utsNamespace), ("cgroup", .cgroupNamespace),
        ("time", .timeNamespace),
    ]

    private mutating func compareNamespaces() throws(SystemError) {
        for (kind, mechanism) in Self.namespaces {
            let isWanted =
                switch mechanism {
                case .netNamespace: !expected.sharesNetwork
                case .timeNamespace: expected.timeNamespace
                default: true
                }
            // A kernel without time namespaces has no such file; whoever wants one has been refused before.
            if mechanism == .timeNamespace && !isWanted { continue }
            let isOwn = try process.namespace(kind) != own.namespace(kind)
            compare(
                mechanism.rawValue,
                isWanted ? "its own" : "the host's",
                isOwn ? "its own" : "the host's",
                isOwn == isWanted
            )
        }
    }

    /// What some modules of the kernel put into every namespace.
    ///
    /// Without a route they lead nowhere, and bringing one up takes rights that nobody inside has. See
    /// `net.core.fb_tunnels_only_for_init_net`.
    private static let tunnels: Set<String> = [
        "tunl0", "gre0", "gretap0", "erspan0", "ip_vti0", "sit0", "ip6tnl0", "ip6gre0", "ip6_vti0",
    ]

    /// A network of the sandbox's own has no way out: what all rules of it rest on.
    private mutating func compareInterfaces() throws(SystemError) {
        if expected.sharesNetwork { return }
        let names = Self.interfaces(try process.read("net/dev"))
        var used: [String] = []
        // Where there is nothing else, no route can lead elsewhere.
        if names != ["lo"] {
            // Not there without IPv6.
            let routes6 = (try? process.read("net/ipv6_route")) ?? []
            used = Self.routed(try process.read("net/route"), routes6)
        }
        let found = names.joined(separator: ", ")
        compare(
            "interfaces",
            "lo",
            used.isEmpty ? found : found + ", routes by " + used.joined(separator: ", "),
            Self.isClosed(names, used)
        )
    }

    /// The names of `/proc/net/dev`: two lines of head, then a line for each.
    static func interfaces(_ text: [UInt8]) -> [String] {
        text.split(separator: UInt8(ascii: "\n")).dropFirst(2).map { line in
            let end = line.lastIndex(of: UInt8(ascii: ":")) ?? line.endIndex
            return String(decoding: line[..<end].drop { $0 == UInt8(ascii: " ") }, as: UTF8.self)
        }
    }

    /// The interfaces but lo that routes name.
    ///
    /// In `/proc/net/route` it is the first word of each line after the head, in `/proc/net/ipv6_route` the last.
    static func routed(_ routes: [UInt8], _ routes6: [UInt8]) -> [String] {
        func lines(_ bytes: [UInt8]) -> [[Substring]] {
            String(decoding: bytes, as: UTF8.self).split(separator: "\n").map {
                $0.split { $0 == " " || $0 == "\t" }
            }
        }
        let names = lines(routes).dropFirst().compactMap(\.first) + lines(routes6).compactMap(\.last)
        return Set(names.map(String.init)).subtracting(["lo"]).sorted()
    }

    /// Whether lo is the only way there is.
    static func isClosed(_ interfaces: [String], _ used: [String]) -> Bool {
        interfaces.contains("lo") && used.isEmpty
            && interfaces.allSatisfy { $0 == "lo" || tunnels.contains($0) }
    }

    private mutating func compareIdentity() throws(SystemError) {
        let identity = expected.identity
        for (file, inside, outside) in [
            ("uid_map", identity.user, identity.hostUser), ("gid_map", identity.group, identity.hostGroup),
        ] {
            let words = try process.read(file).split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
            let found = words.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
            let planned = "\(inside) \(outside) 1"
            compare(file, planned, found, found == planned)
        }
        let found = try process.read("cgroup")
        let planned = Self.membership(try own.read("cgroup"), expected.cgroup)
        compare("cgroup", Self.oneLine(planned), Self.oneLine(found), found == planned)
    }

    /// The cgroups of this process, with the sandbox's own in the hierarchy of v2 if it has one.
    private static func membership(_ own: [UInt8], _ cgroup: String?) -> [UInt8] {
        guard let cgroup else { return own }
        let lines = own.split(separator: UInt8(ascii: "\n")).filter { !$0.starts(with: Array("0::".utf8)) }
        return lines.flatMap { $0 + [UInt8(ascii: "\n")] } + Array("0::\(cgroup)\n".utf8)
    }

    private static func oneLine(_ text: [UInt8]) -> String {
        String(decoding: text.map { $0 == UInt8(ascii: "\n") ? UInt8(ascii: " ") : $0 }, as: UTF8.self)
    }

    private mutating func compareStatus() throws(SystemError) {
        let status = StatusFile(try process.read("status"))
        let identity = expected.identity
        for (key, id) in [("Uid", identity.hostUser), ("Gid", identity.hostGroup)] as [(StaticString, UInt32)]
        {
            let found = status[key]
            let planned = "\(id) \(id) \(id) \(id)"
            compare("\(key)", planned, found, found == planned)
        }
        let sets: [StaticString] = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]
        let full = sets.filter { status[$0] != "0000000000000000" }
        compare(
            Mechanism.capabilities.rawValue,
            "none in any set",
            full.isEmpty ? "none in any set" : full.map { "\($0) \(status[$0])" }.joined(separator: ", "),
            full.isEmpty
        )
        let privileges = status["NoNewPrivs"]
        compare(Mechanism.noNewPrivileges.rawValue, "1", privileges, privileges == "1")
        let ids = status["NSpid"]
        let inside = ids.split(separator: " ").last.map(String.init) ?? ""
        compare("pid of init", "1 inside", "\(inside) inside", inside == "1" && ids != "1")
        try compareFilters(status)
    }

    private mutating func compareFilters(_ status: StatusFile) throws(SystemError) {
        let name = Mechanism.seccomp.rawValue
        compare(name, "mode 2", "mode \(status["Seccomp"])", status["Seccomp"] == "2")
        // The count came with Linux 5.9.
        guard let found = Int64(status["Seccomp_filters"]) else { return }
        var planned = SandboxExpectation.filters
        // Those that lie on us already lie on it too.
        if CurrentUser.hasFilters {
            planned += Int64(StatusFile(try own.read("status"))["Seccomp_filters"]) ?? 0
        }
        compare("\(name) filters", "\(planned)", "\(found)", found == planned)
    }

    /// The names of `clinux_fact`, with what it means that one is not there.
    private static let facts: [(fact: clinux_fact, subject: String, yes: String, no: String)] = [
        (CLINUX_FACT_FENCED, Mechanism.landlock.rawValue, "refuses what has no rule", "refuses nothing"),
        (CLINUX_FACT_NOT_DUMPABLE, "init", "not dumpable", "dumpable"),
        (CLINUX_FACT_SECUREBITS, "securebits", "all set and locked", "not all set and locked"),
        (CLINUX_FACT_DESCRIPTORS, "descriptors of init", "its own only", "others too"),
        (
            CLINUX_FACT_NO_USER_NAMESPACES, Mechanism.nestedNamespaces.rawValue,
            "user.max_user_namespaces is 0",
            "user.max_user_namespaces is not 0"
        ),
        (CLINUX_FACT_NO_CORE, Mechanism.coreDumps.rawValue, "RLIMIT_CORE is 0", "RLIMIT_CORE is not 0"),
        (CLINUX_FACT_NO_WRITE_EXECUTE, Mechanism.memoryDenyWriteExecute.rawValue, "on", "off"),
    ]

    private mutating func compareFacts(_ found: UInt32) {
        for row in Self.facts {
            let (planned, there) = (expected.facts & row.fact.rawValue != 0, found & row.fact.rawValue != 0)
            compare(row.subject, planned ? row.yes : row.no, there ? row.yes : row.no, planned == there)
        }
    }

    // MARK: Mounts

    private mutating func compareMounts() throws(SystemError) {
        var found = MountTable.mounts(try process.read("mountinfo"))
        let root = try process.root()
        for planned in expected.mounts {
            // Where one is mounted on another, the host's may have more flags than the plan's.
            let exact = found.firstIndex { planned.isMet(by: $0) && $0.attributes == planned.attributes }
            guard let index = exact ?? found.firstIndex(where: planned.isMet) else {
                let there = found.filter { $0.point == planned.target }.map(\.text)
                if planned.isOptional && there.isEmpty && isAbsent(planned.target, root) { continue }
                compare(
                    "mount \(planned.target)",
                    planned.text,
                    there.isEmpty ? "nothing" : there.joined(separator: " and "),
                    false
                )
                continue
            }
            let mount = found.remove(at: index)
            compare("mount \(planned.target)", planned.text, mount.text, true)
            if let source = planned.source, !planned.isCovered { try compareSource(planned, source, root) }
        }
        for mount in found where !isBelowRecursive(mount) {
            compare("mount \(mount.point)", "nothing", mount.text, false)
        }
    }

    /// Kernels differ in what their /proc has.
    private func isAbsent(_ target: String, _ root: borrowing FileDescriptor) -> Bool {
        // Whatever the reason, it cannot be opened.
        (try? Files.openBeneath(root, String(target.dropFirst()), clinux_O_PATH)) == nil
    }

    /// What is mounted below a directory of the host's comes along with its flags.
    private func isBelowRecursive(_ mount: MountTable.Mount) -> Bool {
        expected.mounts.contains {
            $0.isRecursive && mount.point.hasPrefix($0.target + "/")
                && mount.attributes.isSuperset(of: $0.attributes)
        }
    }

    /// What is seen at the place is the very file or directory of the host that the planner saw.
    private mutating func compareSource(
        _ planned: PlannedMount,
        _ source: PlannedMount.Source,
        _ root: borrowing FileDescriptor
    ) throws(SystemError) {
        let path = String(planned.target.dropFirst())
        let status: FileStatus
        do throws(SystemError) {
            status = try Files.status(of: Files.openBeneath(root, path, clinux_O_PATH))
        } catch {
            return compare("source of \(planned.target)", source.text, "\(error.errno)", false)
        }
        let agree = status.device == source.device && status.inode == source.inode
        compare(
            "source of \(planned.target)",
            source.text,
            "device \(status.device), inode \(status.inode)",
            agree
        )
    }
}

/// `/proc/PID/status`, by key.
///
/// See `proc_pid_status(5)`.
struct StatusFile {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Empty when the kernel does not tell.
    subscript(_ key: StaticString) -> String {
        let count = key.utf8CodeUnitCount
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
            if end - start > count && bytes[start + count] == UInt8(ascii: ":") && begins(start, key) {
                let value = bytes[(start + count + 1)..<end]
                let spaced = value.map { $0 == UInt8(ascii: "\t") ? UInt8(ascii: " ") : $0 }
                return String(decoding: spaced.drop { $0 == UInt8(ascii: " ") }, as: UTF8.self)
            }
            start = end + 1
        }
        return ""
    }

    private func begins(_ start: Int, _ key: StaticString) -> Bool {
        key.withUTF8Buffer { unsafe bytes[start...].starts(with: $0) }
    }
}

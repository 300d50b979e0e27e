// swift-tools-version: 6.3
// The targets are the layers of ARCHITECTURE.md: an arrow of `dependencies` is the only direction in
// which one may import another, and the build checks it (`--explicit-target-dependency-import-check`).
import PackageDescription

let swift: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]
let c: [CSetting] = [
    .define("_GNU_SOURCE"),
    .enableWarning("all"),
    .enableWarning("extra"),
    .treatAllWarnings(as: .error),
]

func layer(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: swift)
}

func tests(_ subject: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: subject + "Tests",
        dependencies: [.byName(name: subject)] + dependencies,
        swiftSettings: swift
    )
}

let package = Package(
    name: "cloche",
    products: [
        .library(name: "Cloche", targets: ["Cloche"]),
        .executable(name: "cloche", targets: ["cloche"]),
    ],
    targets: [
        // C: what Swift cannot import, the stage between clone3 and exec, and PID 1 of a sandbox.
        .target(name: "CLinux", cSettings: c, linkerSettings: [.linkedLibrary("cap")]),
        .systemLibrary(name: "CSeccomp", pkgConfig: "libseccomp", providers: [.apt(["libseccomp-dev"])]),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CJansson", pkgConfig: "jansson", providers: [.apt(["libjansson-dev"])]),
        .systemLibrary(name: "CCares", pkgConfig: "libcares", providers: [.apt(["libc-ares-dev"])]),
        .systemLibrary(name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CUTF8Proc", providers: [.apt(["libutf8proc-dev"])]),
        .systemLibrary(name: "CDBus", pkgConfig: "dbus-1", providers: [.apt(["libdbus-1-dev"])]),

        // L0: how Linux is called, and what Cloche's values are. They do not know each other.
        layer("LinuxSystem", ["CLinux"]),
        layer("ClocheModel"),

        // L1: one subject each; SyscallFilter's data are YAML.
        layer("StructuredText", ["ClocheModel", "CYAML", "CJansson"]),
        layer("TerminalText"),
        layer("CommandSyntax"),
        layer("NetworkMessages"),
        layer("NetworkRules", ["ClocheModel"]),
        layer("SyscallFilter", ["ClocheModel", "StructuredText", "CSeccomp"]),
        layer("AuditReport", ["ClocheModel", "StructuredText", "TerminalText", "CommandSyntax"]),

        layer("TerminalScreen", ["TerminalText", "CUTF8Proc"]),
        layer("SessionRecording", ["ClocheModel", "StructuredText"]),
        layer("Learning", ["ClocheModel", "TerminalText"]),
        layer("AuditRecords", ["ClocheModel", "StructuredText", "CSodium"]),
        layer("AuditExport", ["ClocheModel", "StructuredText", "NetworkRules"]),

        layer("ModelUsage", ["ClocheModel", "StructuredText"]),
        layer("Messaging", ["ClocheModel", "TerminalText"]),

        layer("TaskGraph", ["ClocheModel", "StructuredText", "CommandSyntax"]),

        layer("ControlGroups", ["ClocheModel", "LinuxSystem", "CDBus"]),

        // L2: the work.
        layer(
            "ProfileLoading",
            ["ClocheModel", "StructuredText", "LinuxSystem", "SyscallFilter", "NetworkRules", "AuditExport"]
        ),
        layer(
            "AgentStore",
            ["ClocheModel", "StructuredText", "LinuxSystem", "AuditRecords", "ModelUsage", "Messaging"]
        ),
        layer("CredentialStore", ["ClocheModel", "LinuxSystem", "StructuredText", "CSodium"]),
        layer("GitWorkspace", ["ClocheModel", "LinuxSystem"]),
        layer("Snapshots", ["ClocheModel", "LinuxSystem", "StructuredText", "TerminalText", "AgentStore"]),
        layer("ResourceUsage", ["ClocheModel", "LinuxSystem"]),
        layer(
            "NetworkRelay",
            ["ClocheModel", "LinuxSystem", "NetworkRules", "NetworkMessages", "CCares"]
        ),
        layer(
            "Gateway",
            [
                "ClocheModel", "LinuxSystem", "StructuredText", "NetworkRules", "NetworkMessages",
                "NetworkRelay",
                "ModelUsage", "COpenSSL",
            ]
        ),
        layer(
            "SandboxRuntime",
            ["ClocheModel", "LinuxSystem", "SyscallFilter", "ControlGroups", "CLinux"]
        ),
        layer(
            "Supervision",
            [
                "ClocheModel", "LinuxSystem", "StructuredText", "AuditRecords", "AgentStore",
                "ControlGroups", "ResourceUsage", "NetworkRelay", "NetworkRules", "Gateway", "SandboxRuntime",
                "TerminalText", "TerminalScreen", "SessionRecording", "Learning", "ModelUsage", "Messaging",
            ]
        ),

        // L3: the library others import.
        layer(
            "Cloche",
            [
                "ClocheModel", "LinuxSystem", "StructuredText", "ProfileLoading", "AuditRecords",
                "AgentStore", "GitWorkspace", "ControlGroups", "NetworkRules", "ResourceUsage",
                "SandboxRuntime", "Supervision", "SyscallFilter", "TerminalText", "TerminalScreen",
                "AuditReport", "AuditExport", "SessionRecording", "Learning", "CredentialStore", "Gateway",
                "ModelUsage", "Messaging", "Snapshots", "TaskGraph",
            ]
        ),

        // L4, L5: the command line.
        layer(
            "ClocheCLI",
            [
                "Cloche", "ClocheModel", "LinuxSystem", "CommandSyntax", "StructuredText", "TerminalText",
                "TerminalScreen", "ProfileLoading", "GitWorkspace", "Supervision", "SandboxRuntime",
                "SyscallFilter",
                "NetworkRules", "AuditReport", "SessionRecording", "Learning", "CredentialStore", "Gateway",
                "ModelUsage", "Messaging", "Snapshots", "TaskGraph",
            ]
        ),
        .executableTarget(name: "cloche", dependencies: ["ClocheCLI"], swiftSettings: swift),

        tests("LinuxSystem"),
        tests("ClocheModel"),
        tests("StructuredText", ["ClocheModel"]),
        tests("TerminalText"),
        // libvterm is what the screen model is compared with; no program links it.
        .systemLibrary(
            name: "CVTerm",
            path: "Tests/TerminalScreenTests/CVTerm",
            pkgConfig: "vterm",
            providers: [.apt(["libvterm-dev"])]
        ),
        .testTarget(
            name: "TerminalScreenTests",
            dependencies: ["TerminalScreen", "TerminalText", "LinuxSystem", "CVTerm"],
            exclude: ["CVTerm", "Streams", "programs", "record-streams", "torture_streams.py"],
            swiftSettings: swift
        ),
        tests("SessionRecording"),
        tests("NetworkRules", ["ClocheModel"]),
        tests("CommandSyntax", ["LinuxSystem"]),
        tests("NetworkMessages"),
        tests("NetworkRelay", ["ClocheModel", "LinuxSystem", "NetworkMessages", "NetworkRules"]),
        tests("AuditReport", ["ClocheModel", "LinuxSystem", "StructuredText"]),
        tests("SyscallFilter", ["ClocheModel", "StructuredText", "CSeccomp"]),
        tests(
            "ProfileLoading",
            ["ClocheModel", "StructuredText", "LinuxSystem", "SyscallFilter", "NetworkRules"]
        ),
        tests("Learning", ["ClocheModel"]),
        tests("TaskGraph", ["ClocheModel", "StructuredText"]),
        tests("ModelUsage", ["ClocheModel", "StructuredText"]),
        tests("AuditExport", ["ClocheModel", "NetworkRules", "StructuredText"]),
        tests("AuditRecords", ["ClocheModel", "LinuxSystem", "StructuredText"]),
        tests("ControlGroups", ["ClocheModel", "LinuxSystem"]),
        tests("Messaging", ["ClocheModel"]),
        tests(
            "AgentStore",
            ["AuditRecords", "ClocheModel", "LinuxSystem", "Messaging", "StructuredText", "ModelUsage"]
        ),
        tests("Gateway", ["ClocheModel", "LinuxSystem", "ModelUsage", "NetworkMessages"]),
        tests("CredentialStore", ["ClocheModel", "LinuxSystem"]),
        tests("GitWorkspace", ["ClocheModel", "LinuxSystem"]),
        tests("Snapshots", ["AgentStore", "ClocheModel", "LinuxSystem"]),
        tests("ResourceUsage", ["LinuxSystem"]),
        tests("SandboxRuntime", ["ClocheModel", "ControlGroups", "LinuxSystem", "CLinux"]),
        tests(
            "Supervision",
            [
                "AgentStore", "AuditRecords", "ClocheModel", "Gateway", "LinuxSystem", "Messaging",
                "ModelUsage",
                "SandboxRuntime",
                "SessionRecording", "TerminalText",
            ]
        ),
        tests("Cloche", ["ClocheModel", "LinuxSystem", "Messaging"]),
        tests(
            "ClocheCLI",
            [
                "Cloche", "ClocheModel", "LinuxSystem", "Messaging", "ModelUsage", "Supervision",
                "TerminalScreen",
                "TerminalText",
            ]
        ),
    ]
)

// scripts/fuzz asks for this: the same sources with libFuzzer's counters and AddressSanitizer, and the fuzz targets in
// the place of the unit tests. No other build sees it: no package may depend on one with unsafe flags, and the fuzz
// targets do not link without libFuzzer.
if Context.environment["CLOCHE_FUZZ"] == "1" {
    package.targets.removeAll { $0.isTest }
    package.targets += [
        .systemLibrary(name: "CLibFuzzer", path: "Tests/Fuzz/LibFuzzer"),
        .executableTarget(
            name: "cloche-fuzz",
            dependencies: [
                "CLibFuzzer", "CLinux", "ClocheModel", "LinuxSystem", "StructuredText", "TerminalText",
                "NetworkMessages", "NetworkRelay", "NetworkRules", "ProfileLoading", "GitWorkspace",
                "SandboxRuntime", "Supervision", "AuditRecords", "AuditReport", "SessionRecording",
                "TerminalScreen", "CredentialStore", "ModelUsage", "Gateway",
            ],
            path: "Tests/Fuzz/Targets",
            swiftSettings: swift,
            linkerSettings: [.unsafeFlags(["-sanitize=address"]), .linkedLibrary("stdc++")]
        ),
    ]
    for target in package.targets {
        target.swiftSettings?.append(.unsafeFlags(["-sanitize=fuzzer,address", "-enable-testing"]))
        target.cSettings?.append(.unsafeFlags(["-fsanitize=fuzzer-no-link,address"]))
    }
}

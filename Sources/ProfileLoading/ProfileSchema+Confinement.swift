// Rows of the schema for the mechanisms that confine an agent.

internal import ClocheModel

extension ProfileSchema {
    private static let switches = ["on", "off"]

    /// What some kernels have not got, and a sandbox holds without.
    private static let permitted: [Mechanism] = [.landlock, .timeNamespace, .memoryDenyWriteExecute]

    static let confinement: [SchemaKey] = [
        SchemaKey(
            "mode",
            .choice(["strict", "standard"]),
            default: .string("standard"),
            project: .narrower(.earlier(["strict", "standard"])),
            """
            `standard`: a mechanism that the kernel has not got stops the start, unless `permit` names it; one that it has in an \
            older version is used as far as it goes, and `inspect`, `doctor` and the audit log say what it lacks. \
            `strict`: what is lacking stops the start too.
            """
        ),
        SchemaKey(
            "permit",
            .list(.choice(permitted.map(\.rawValue))),
            default: .list([]),
            project: .narrower(.fewer),
            "Mechanisms that may be missing. `inspect`, `doctor` and the audit log say so."
        ),
        SchemaKey(
            "landlock",
            .choice(switches),
            default: .string("on"),
            project: .narrower(.earlier(switches)),
            """
            The second fence around files: what the mounts show can be used as the plan says, and nothing else even if it \
            showed. It also keeps signals and abstract sockets inside. Programs that mount (with `nested-namespaces`) need it off.
            """
        ),
        SchemaKey(
            "nested-namespaces",
            .integer(0...4096),
            default: .integer(0),
            project: .narrower(.smaller),
            """
            How many user namespaces the agent's programs may make inside, for those that have a sandbox of their own. They \
            need the group `nested-namespaces` in `syscalls.groups` too.
            """
        ),
        SchemaKey(
            "memory-deny-write-execute",
            .choice(switches),
            default: .string("off"),
            project: .narrower(.earlier(switches)),
            """
            Memory that was ever writable cannot become executable (`PR_SET_MDWE`, Linux 6.3). Programs that compile as they \
            run, such as Node and Java, do not work then.
            """
        ),
        SchemaKey(
            "time-namespace",
            .choice(switches),
            default: .string("off"),
            project: .narrower(.earlier(switches)),
            "The clocks that count from boot start with the sandbox, so that the host's uptime does not show. It costs a millisecond of a start."
        ),
    ]
}

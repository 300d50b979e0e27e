// Rows of the schema for limits: those that a cgroup can hold, which an agent and a project have both, and those
// of one run.

internal import ClocheModel

extension ProfileSchema {
    /// Less is a mistake of units (`memory: 512`): no program starts with it.
    private static let leastMemory: Int64 = 1 << 20

    /// What a cgroup can hold.
    private static let resources: [SchemaKey] = [
        limit(
            "memory",
            .size(minimum: leastMemory),
            """
            Memory of all processes together, with what they have in `/tmp` and `/dev/shm` and in the cache of files. With a \
            cgroup the kernel holds it (`memory.max`): it takes cache back, swaps out what `swap` allows, and then \
            kills all of the agent. Without one the supervisor measures, and kills an agent that is beyond. Either way it ends with `memory`.
            """
        ),
        limit(
            "memory-high",
            .size(minimum: leastMemory),
            """
            Memory beyond which processes are slowed down and memory is taken back, so that an agent near its limit \
            becomes slow before it is killed. Only with a cgroup (`memory.high`).
            """
        ),
        limit(
            "swap",
            .size(minimum: 0),
            """
            How much of its memory may be swapped out; `0` is nothing. What is swapped out is not counted by \
            `memory`: an agent with a limit of that and none of this gets no swap. Only with a cgroup (`memory.swap.max`).
            """
        ),
        limit(
            "processes",
            .integer(8...4_194_304),
            """
            Processes and threads at a time; one more cannot be started (EAGAIN). The kernel holds it: by the cgroup \
            (`pids.max`), and always by `RLIMIT_NPROC`, which it counts in the agent's user namespace.
            """
        ),
        limit(
            "cpu",
            .cores(minimum: 10),
            """
            Processor cores, as `2`, `1.5` or `0.25`: the processor time that may be used in each tenth of a second, on \
            whichever cores. The agent is slowed down, not ended. Only with a cgroup (`cpu.max`).
            """
        ),
        SchemaKey(
            "cpu-weight",
            .integer(1...10000),
            default: .integer(100),
            project: .narrower(.smaller),
            """
            Its part of the processor when there is not enough for all: who has 200 gets twice what who has 100 gets. 100 \
            is what everything on the host has. Only with a cgroup (`cpu.weight`).
            """
        ),
        limit(
            "io-read",
            .rate(minimum: 65536),
            """
            Bytes per second read from each disk, as `50MiB` or `50MiB/s`; what the kernel has in its cache is not \
            counted. The agent is slowed down, not ended. Only with a cgroup that has the controller `io` (`io.max`).
            """
        ),
        limit("io-write", .rate(minimum: 65536), "Bytes per second written to each disk; see `io-read`."),
        limit(
            "io-read-operations",
            .integer(2...4_294_967_294),
            "Reads per second from each disk; see `io-read`."
        ),
        limit(
            "io-write-operations",
            .integer(2...4_294_967_294),
            "Writes per second to each disk; see `io-read`."
        ),
    ]

    static let limits: [SchemaKey] =
        resources + [
            limit(
                "cpu-time",
                .duration(minimum: 1),
                "Processor time of all processes together. The supervisor measures it; the agent ends with `cpu-time`."
            ),
            limit(
                "process-starts",
                .integer(1...100_000_000),
                """
                Processes and threads that may be started within a minute. The supervisor counts them; the agent ends \
                with `pids`.
                """
            ),
            limit(
                "disk",
                .size(minimum: leastMemory),
                """
                Bytes on disk of its workspace, its home and its own layer together, as `du` counts them, with what was in \
                the workspace before. The supervisor counts from time to time, so that more may be written before it \
                notices; the agent ends with `disk`.
                """
            ),
            limit(
                "disk-files",
                .integer(16...(1 << 32)),
                "Files and directories in the same places; see `disk`."
            ),
            limit(
                "wall-clock",
                .duration(minimum: 1),
                "How long one run may take; then the agent is stopped, and ends with `wall-clock`."
            ),
            limit(
                "idle",
                .duration(minimum: 1),
                """
                How long the terminal may be silent, without output or input; then the agent is stopped, and ends with `idle`.
                """
            ),
            limit(
                "output",
                .size(minimum: 1),
                "Bytes that the terminal may be sent in one run. The supervisor counts them; the agent ends with `output`."
            ),
            limit("open-files", .integer(16...1_048_576), "Open files of each process (`RLIMIT_NOFILE`)."),
            limit("file-size", .size(minimum: 1), "The largest file it may write (`RLIMIT_FSIZE`)."),
            SchemaKey(
                "log-size",
                .size(minimum: 1),
                default: .string("16MiB"),
                project: .narrower(.smaller),
                "Terminal output kept on disk; the oldest is dropped first."
            ),
            SchemaKey(
                "enforcement",
                .choice(["strict", "available", "measured"]),
                default: .string("available"),
                project: .narrower(.earlier(["strict", "available", "measured"])),
                """
                `available`: a limit that only a cgroup can hold, where there is none, is measured by the supervisor if that is \
                possible, and else told at the start and not held. `strict`: it stops the start. `measured`: no cgroup is asked \
                for, even where there is one.
                """
            ),
        ]

    static let project: [SchemaKey] = [
        SchemaKey(
            "limits",
            .section(
                resources.map { row in
                    SchemaKey(
                        row.name,
                        row.type,
                        default: row.standard,
                        project: row.project,
                        "What `limits.\(row.name)` says, for all of them together."
                    )
                }
            ),
            """
            Limits of all agents of the project together; an agent is held to the smaller of its own and what is \
            left of these.
            """
        ),
        SchemaKey(
            "budget",
            .section(budget(periods: ["total", "day"])),
            """
            What `budget` says, for all agents of the project together, those that were deleted among them. Each agent is held \
            to the one that it was started with.
            """
        ),
    ]

    private static func limit(_ name: String, _ type: ValueType, _ description: String) -> SchemaKey {
        SchemaKey(
            name,
            .orNone(type),
            default: .string("none"),
            project: .narrower(.smaller),
            description
        )
    }
}

// The messages of the control socket as bytes; the structures are those of child_stage.h.

internal import CLinux
internal import ClocheModel
internal import Glibc
internal import LinuxSystem
internal import SyscallFilter

enum Wire {
    /// The head of every message.
    struct Message {
        let type: UInt32
        let id: UInt32
        let value: Int32
        let error: Int32

        /// Nil when the bytes are too few to be one: the other end is closed.
        init?(_ bytes: [UInt8]) {
            guard bytes.count >= MemoryLayout<clinux_message>.size else { return nil }
            let head = unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(as: clinux_message.self) }
            (type, id, value, error) = (head.type, head.id, head.value, head.error)
        }
    }

    static func message(_ type: clinux_message_type, id: UInt32 = 0, value: Int32 = 0) -> [UInt8] {
        bytes(of: clinux_message(type: type.rawValue, id: id, value: value, error: 0))
    }

    /// A part of what this process may have of what the kernel counts of a user inside and outside together; of files,
    /// because as many descriptors of one user may be on their way through sockets as the sender may have open.
    private static func share(_ resource: __rlimit_resource, _ parts: UInt64) -> (soft: UInt64, hard: UInt64)
    {
        var now = rlimit()
        // It fails for unknown resources only.
        guard unsafe getrlimit(__rlimit_resource_t(resource.rawValue), &now) == 0 else { return (.max, .max) }
        // RLIM_INFINITY, which the message has for no limit, too.
        let hard = now.rlim_max == .max ? .max : UInt64(now.rlim_max) / parts
        return (min(UInt64(now.rlim_cur), hard), hard)
    }

    static func configure(
        _ filters: SandboxFilters,
        _ limits: LimitsPolicy,
        _ confinement: ConfinementPlan,
        countsProcesses: Bool
    )
        -> [UInt8]
    {
        var head = clinux_configure()
        head.head.type = CLINUX_CONFIGURE.rawValue
        head.no_write_execute = confinement.memoryDenyWriteExecute ? 1 : 0
        let files = share(RLIMIT_NOFILE, 2)
        head.most_open_files = min(limits.openFiles.map { UInt64($0) } ?? .max, files.hard)
        head.open_files = limits.openFiles == nil ? files.soft : head.most_open_files
        head.signals = share(__RLIMIT_SIGPENDING, 4).hard
        head.queue_bytes = share(__RLIMIT_MSGQUEUE, 4).hard
        // A cgroup's own limit is to be met first: it tells that it was.
        let spare: Int64 = countsProcesses ? 16 : 0
        head.processes = limits.shares.processes.map { UInt64($0 + spare) } ?? .max
        head.file_bytes = limits.fileBytes.map { UInt64($0) } ?? .max
        let first = filters.listening?.allowList ?? filters.allowList
        let second = filters.listening?.argumentRules ?? filters.argumentRules
        head.listens = filters.listening == nil ? 0 : 1
        head.filter_lengths.0 = UInt32(first.count)
        head.filter_lengths.1 = UInt32(second.count)
        return bytes(of: head) + first.bytes + second.bytes
    }

    static func spawn(_ program: SpawnRequest) -> [UInt8] {
        let spec = program.spec
        var text: [UInt8] = []
        // A null would end a string early, and everything after it would be read as the next.
        for string in [spec.directory] + spec.arguments + spec.environment {
            text += Array(string.utf8.filter { $0 != 0 }) + [0]
        }
        var head = clinux_spawn_request()
        head.head = clinux_message(type: CLINUX_SPAWN.rawValue, id: program.id, value: 0, error: 0)
        head.terminal = program.stdio == nil ? 1 : 0
        head.columns = program.size.columns
        head.rows = program.size.rows
        head.argument_count = UInt32(spec.arguments.count)
        head.environment_count = UInt32(spec.environment.count)
        head.text_length = UInt32(text.count)
        return bytes(of: head) + text
    }

    /// A status of `wait(2)`.
    static func end(_ status: Int32) -> ProcessEnd {
        clinux_exited(status) != 0
            ? .exited(clinux_exit_code(status)) : .signalled(clinux_term_signal(status))
    }

    private static func bytes<T>(of value: T) -> [UInt8] {
        var copy = value
        return unsafe withUnsafeBytes(of: &copy) { unsafe Array($0) }
    }
}

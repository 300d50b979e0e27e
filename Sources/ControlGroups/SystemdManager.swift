// systemd's manager over D-Bus: it alone may move a process from a session's cgroup into another branch of the
// hierarchy, and it knows which cgroups it has given away. See org.freedesktop.systemd1(5).

internal import CDBus
internal import ClocheModel
internal import Glibc
internal import LinuxSystem

/// A property of a unit.
enum UnitProperty {
    case text(String)
    case flag(Bool)
    case number(UInt64)
    case processes([UInt32])
    /// A number for each block device, by its path.
    case devices([(String, UInt64)])
}

/// A connection to a manager of systemd's: the user's own, or the system's for root.
@safe final class SystemdManager {
    /// Milliseconds that an answer may take.
    private static let patience: Int32 = 10_000
    private static let service = "org.freedesktop.systemd1"
    private static let object = "/org/freedesktop/systemd1"
    private static let interface = "org.freedesktop.systemd1.Manager"

    /// The error of a job that would undo one that is queued.
    private static let isInTheWay = "org.freedesktop.systemd1.TransactionIsDestructive"

    private let connection: OpaquePointer
    private let socket: String

    /// Connects to the first of these sockets that answers.
    init(sockets: [String]) throws(ClocheError) {
        var failure = "no socket of it is there"
        for socket in sockets {
            var error = unsafe DBusError()
            unsafe dbus_error_init(&error)
            defer { unsafe dbus_error_free(&error) }
            guard let connection = unsafe dbus_connection_open_private("unix:path=\(socket)", &error) else {
                failure = unsafe "\(socket): " + Self.text(error.message)
                continue
            }
            // Ending the program when the bus ends is libdbus's way with a session's programs.
            unsafe dbus_connection_set_exit_on_disconnect(connection, 0)
            // systemd's own socket has no bus behind it to be introduced to.
            if !socket.hasSuffix("/private"), unsafe dbus_bus_register(connection, &error) == 0 {
                failure = unsafe "\(socket): " + Self.text(error.message)
                unsafe dbus_connection_close(connection)
                unsafe dbus_connection_unref(connection)
                continue
            }
            unsafe self.connection = connection
            self.socket = socket
            return
        }
        throw Self.silence("cannot speak to systemd", failure)
    }

    deinit {
        unsafe dbus_connection_close(connection)
        unsafe dbus_connection_unref(connection)
    }

    private static func silence(_ what: String, _ why: String) -> ClocheError {
        ClocheError(
            .host,
            what,
            why: why,
            remedy: "`systemctl \(CurrentUser.isRoot ? "" : "--user ")status` shows its state;"
                + " --set limits.enforcement=measured does without it: Cloche then measures, and ends what uses too much"
        )
    }

    private static func text(_ message: UnsafePointer<CChar>?) -> String {
        guard let message = unsafe message else { return "no reason given" }
        return unsafe String(cString: message)
    }

    // MARK: What is asked of it

    /// Moves processes into a new scope and returns when they are there.
    ///
    /// See `systemd.scope(5)`.
    func startScope(_ name: String, _ properties: [(String, UnitProperty)]) throws(ClocheError) {
        let rule =
            "type='signal',interface='\(Self.interface)',member='JobRemoved',path='\(Self.object)'"
        if !socket.hasSuffix("/private") { unsafe dbus_bus_add_match(connection, rule, nil) }
        let reply = try call("StartTransientUnit") { message in
            message.text(name)
            message.text("fail")
            message.properties(properties)
            message.noUnits()
        }
        guard let job = reply.path else {
            throw Self.silence("cannot get a cgroup from systemd", "its answer names no job")
        }
        try awaitJob(job, name)
    }

    /// Gives a unit that is there these properties, as long as it lives.
    func set(_ name: String, _ properties: [(String, UnitProperty)]) throws(ClocheError) {
        _ = try call("SetUnitProperties") { message in
            message.text(name)
            message.flag(true)
            message.properties(properties)
        }
    }

    /// Stops a unit and those that need it; does not wait for that.
    func stop(_ name: String) throws(ClocheError) {
        _ = try call("StopUnit") { message in
            message.text(name)
            message.text("fail")
        }
    }

    private func awaitJob(_ job: String, _ unit: String) throws(ClocheError) {
        let end = MonotonicClock.milliseconds + Int64(Self.patience)
        while true {
            while let message = unsafe dbus_connection_pop_message(connection) {
                let signal = unsafe BusMessage(owning: message)
                guard signal.isSignal("JobRemoved"), let (path, result) = signal.job, path == job else {
                    continue
                }
                if result == "done" { return }
                throw Self.silence(
                    "cannot get a cgroup from systemd",
                    "the job for \(unit) ended as \(result)"
                )
            }
            let left = end - MonotonicClock.milliseconds
            if left <= 0 {
                throw Self.silence("cannot get a cgroup from systemd", "it has not made \(unit) within 10 s")
            }
            if unsafe dbus_connection_read_write(connection, Int32(min(left, 1000))) == 0 {
                throw Self.silence("cannot get a cgroup from systemd", "\(socket) was closed")
            }
        }
    }

    /// Calls a method; one that is in the way of what the manager is about to do is called again until that is done.
    ///
    /// The last agent to end has a slice stopped, which takes as long as its supervisor is there.
    private func call(_ method: String, _ fill: (inout MessageBody) -> Void) throws(ClocheError) -> BusMessage
    {
        let end = MonotonicClock.milliseconds + Int64(Self.patience)
        while true {
            if let reply = try attempt(method, fill, isLast: MonotonicClock.milliseconds > end) {
                return reply
            }
            usleep(10_000)
        }
    }

    /// Calls a method once; nil if it has to wait for a job of the manager's.
    private func attempt(
        _ method: String,
        _ fill: (inout MessageBody) -> Void,
        isLast: Bool
    ) throws(ClocheError) -> BusMessage? {
        guard
            let message = unsafe dbus_message_new_method_call(
                Self.service,
                Self.object,
                Self.interface,
                method
            )
        else { preconditionFailure("no memory for a message") }
        let request = unsafe BusMessage(owning: message)
        var body = MessageBody(request)
        fill(&body)
        var error = unsafe DBusError()
        unsafe dbus_error_init(&error)
        defer { unsafe dbus_error_free(&error) }
        guard
            let reply = unsafe dbus_connection_send_with_reply_and_block(
                connection,
                request.pointer,
                Self.patience,
                &error
            )
        else {
            if !isLast, unsafe dbus_error_has_name(&error, Self.isInTheWay) != 0 { return nil }
            throw Self.silence(
                "cannot get a cgroup from systemd",
                unsafe "\(method) at \(socket): " + Self.text(error.message)
            )
        }
        return unsafe BusMessage(owning: reply)
    }
}

/// A message of libdbus's.
@safe private final class BusMessage {
    let pointer: OpaquePointer

    init(owning pointer: OpaquePointer) { unsafe self.pointer = pointer }

    deinit { unsafe dbus_message_unref(pointer) }

    func isSignal(_ name: String) -> Bool {
        unsafe dbus_message_is_signal(pointer, "org.freedesktop.systemd1.Manager", name) != 0
    }

    /// The first argument, an object path.
    var path: String? {
        var at = unsafe DBusMessageIter()
        guard unsafe dbus_message_iter_init(pointer, &at) != 0 else { return nil }
        return unsafe Self.string(&at, "o")
    }

    /// A job's path and its result: the second and fourth argument of `JobRemoved`.
    var job: (path: String, result: String)? {
        var at = unsafe DBusMessageIter()
        guard unsafe dbus_message_iter_init(pointer, &at) != 0, unsafe dbus_message_iter_next(&at) != 0,
            let path = unsafe Self.string(&at, "o"), unsafe dbus_message_iter_next(&at) != 0,
            unsafe dbus_message_iter_next(&at) != 0, let result = unsafe Self.string(&at, "s")
        else { return nil }
        return (path, result)
    }

    private static func string(_ at: inout DBusMessageIter, _ kind: Unicode.Scalar) -> String? {
        guard unsafe dbus_message_iter_get_arg_type(&at) == CInt(kind.value) else { return nil }
        var text: UnsafePointer<CChar>?
        unsafe dbus_message_iter_get_basic(&at, &text)
        return unsafe text.map { unsafe String(cString: $0) }
    }
}

/// The arguments of a message that is being made.
///
/// libdbus fails here only without memory, or where the types are a mistake of ours.
@safe private struct MessageBody {
    private var top = unsafe DBusMessageIter()

    init(_ message: BusMessage) { unsafe dbus_message_iter_init_append(message.pointer, &top) }

    mutating func text(_ value: String) { unsafe Self.text(value, "s", &top) }

    mutating func flag(_ value: Bool) { unsafe Self.flag(value, &top) }

    /// `a(sv)`.
    mutating func properties(_ values: [(String, UnitProperty)]) {
        unsafe Self.container("a", "(sv)", &top) { list in
            for (name, value) in values {
                unsafe Self.container("r", nil, &list) { pair in
                    unsafe Self.text(name, "s", &pair)
                    unsafe Self.variant(value, &pair)
                }
            }
        }
    }

    /// `a(sa(sv))`: further units, of which there are none.
    mutating func noUnits() { unsafe Self.container("a", "(sa(sv))", &top) { _ in } }

    private static func variant(_ value: UnitProperty, _ at: inout DBusMessageIter) {
        switch value {
        case .text(let text): unsafe container("v", "s", &at) { unsafe Self.text(text, "s", &$0) }
        case .flag(let flag): unsafe container("v", "b", &at) { unsafe Self.flag(flag, &$0) }
        case .number(let number):
            unsafe container("v", "t", &at) { inner in
                var number = number
                unsafe dbus_message_iter_append_basic(&inner, kind("t"), &number)
            }
        case .processes(let ids):
            unsafe container("v", "au", &at) { inner in
                unsafe container("a", "u", &inner) { list in
                    for id in ids {
                        var id = id
                        unsafe dbus_message_iter_append_basic(&list, kind("u"), &id)
                    }
                }
            }
        case .devices(let rows):
            unsafe container("v", "a(st)", &at) { inner in
                unsafe container("a", "(st)", &inner) { list in
                    for (device, number) in rows {
                        unsafe container("r", nil, &list) { pair in
                            var number = number
                            unsafe text(device, "s", &pair)
                            unsafe dbus_message_iter_append_basic(&pair, kind("t"), &number)
                        }
                    }
                }
            }
        }
    }

    private static func text(_ value: String, _ type: Unicode.Scalar, _ at: inout DBusMessageIter) {
        unsafe value.withCString { pointer in
            var pointer: UnsafePointer<CChar>? = unsafe pointer
            unsafe dbus_message_iter_append_basic(&at, kind(type), &pointer)
        }
    }

    private static func flag(_ value: Bool, _ at: inout DBusMessageIter) {
        var number: dbus_bool_t = value ? 1 : 0
        unsafe dbus_message_iter_append_basic(&at, kind("b"), &number)
    }

    private static func container(
        _ type: Unicode.Scalar,
        _ signature: String?,
        _ at: inout DBusMessageIter,
        _ fill: (inout DBusMessageIter) -> Void
    ) {
        var inner = unsafe DBusMessageIter()
        unsafe dbus_message_iter_open_container(&at, kind(type), signature, &inner)
        unsafe fill(&inner)
        unsafe dbus_message_iter_close_container(&at, &inner)
    }

    private static func kind(_ type: Unicode.Scalar) -> CInt { CInt(type.value) }
}

// What the supervisor waits on: one epoll set, signals as a descriptor, children as descriptors.

internal import CLinux
internal import Glibc

/// Readiness of one registered descriptor.
package struct Readiness: Sendable {
    /// The token it was registered with.
    package let token: UInt64
    /// A read does not block: bytes, a connection, or the end.
    package let readable: Bool
    /// A write does not block.
    package let writable: Bool
    /// The other end is closed, or an error waits.
    package let hangup: Bool

    fileprivate init(_ event: epoll_event) {
        unsafe token = event.data.u64
        unsafe readable = event.events & EPOLLIN.rawValue != 0
        unsafe writable = event.events & EPOLLOUT.rawValue != 0
        unsafe hangup = event.events & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0
    }
}

/// An epoll set, level-triggered.
///
/// See `epoll(7)`.
package struct Epoll: ~Copyable {
    private let set: FileDescriptor

    /// An empty set.
    package init() throws(SystemError) {
        set = FileDescriptor(owning: try check("epoll_create1") { epoll_create1(CInt(EPOLL_CLOEXEC)) })
    }

    /// Registers a descriptor; with `edge`, only what is new is told.
    ///
    /// Tokens are never used twice, so that an event for a closed and reused number is told apart from the
    /// new one's.
    package borrowing func add(
        _ descriptor: CInt,
        token: UInt64,
        readable: Bool = true,
        writable: Bool = false,
        edge: Bool = false
    )
        throws(SystemError)
    {
        try control(EPOLL_CTL_ADD, descriptor, token, readable, writable, edge)
    }

    /// Readable when a descriptor of the set is ready: a set can be in another.
    package var descriptor: CInt { self.set.number }

    /// Changes what a registered descriptor is watched for; with `edge`, only what is new is told.
    package borrowing func modify(
        _ descriptor: CInt,
        token: UInt64,
        readable: Bool,
        writable: Bool,
        edge: Bool = false
    )
        throws(SystemError)
    {
        try control(EPOLL_CTL_MOD, descriptor, token, readable, writable, edge)
    }

    /// Removes a descriptor before it is closed.
    package borrowing func remove(_ descriptor: CInt) {
        _ = epoll_ctl(set.number, EPOLL_CTL_DEL, descriptor, nil)
    }

    /// Waits for events, at most `milliseconds`; nil waits for ever.
    ///
    /// A signal that interrupts gives no events.
    package borrowing func wait(milliseconds: Int32?) throws(SystemError) -> [Readiness] {
        let number = set.number
        var failure: Errno?
        let found: [Readiness] = unsafe withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: 64) {
            events in
            let count = unsafe epoll_wait(number, events.baseAddress, 64, milliseconds ?? -1)
            if count < 0 { failure = Errno(errno) }
            return unsafe events.prefix(Int(max(0, count))).map { unsafe Readiness($0) }
        }
        guard let failure, failure != .interrupted else { return found }
        throw SystemError("epoll_wait", failure)
    }

    private borrowing func control(
        _ operation: CInt,
        _ descriptor: CInt,
        _ token: UInt64,
        _ readable: Bool,
        _ writable: Bool,
        _ edge: Bool = false
    ) throws(SystemError) {
        var event = unsafe epoll_event()
        unsafe event.events = (readable ? EPOLLIN.rawValue : 0) | (writable ? EPOLLOUT.rawValue : 0)
        if edge { unsafe event.events |= EPOLLET.rawValue }
        unsafe event.data.u64 = token
        let number = set.number
        try check("epoll_ctl") { unsafe epoll_ctl(number, operation, descriptor, &event) }
    }
}

/// Signals of this process, blocked and read as data.
///
/// See `signalfd(2)`.
package struct SignalDescriptor: ~Copyable {
    /// Readable while signals wait; non-blocking.
    package let descriptor: FileDescriptor
    private let mask: sigset_t

    /// Blocks these signals and collects them here.
    package init(_ signals: [CInt]) throws(SystemError) {
        var mask = sigset_t()
        unsafe sigemptyset(&mask)
        for signal in signals { unsafe sigaddset(&mask, signal) }
        self.mask = mask
        unsafe sigprocmask(SIG_BLOCK, &mask, nil)
        descriptor = FileDescriptor(
            owning: try check("signalfd") {
                unsafe signalfd(-1, &mask, CInt(SFD_CLOEXEC | SFD_NONBLOCK))
            }
        )
    }

    /// Lets them do again what they do.
    package borrowing func unblock() {
        var mask = mask
        unsafe sigprocmask(SIG_UNBLOCK, &mask, nil)
    }

    /// Whether a signal was to be ignored when this program was executed, as by nohup(1): it is not to be collected, then.
    package static func isIgnored(_ signal: CInt) -> Bool {
        var action = sigaction()
        unsafe sigaction(signal, nil, &action)
        // SIG_IGN is 1, which Swift cannot compare with a function.
        return unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
    }

    /// The signals that have come in.
    package borrowing func take() -> [CInt] {
        var taken: [CInt] = []
        var information = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        while unsafe Glibc.read(descriptor.number, &information, size) == size {
            taken.append(CInt(information.ssi_signo))
        }
        return taken
    }
}

/// Time since boot, unaffected by changes of the clock; see `clock_gettime(2)`.
package enum MonotonicClock {
    /// Milliseconds of `CLOCK_MONOTONIC`.
    package static var milliseconds: Int64 { microseconds / 1000 }

    /// Microseconds of the same clock, for the cost of a piece of work.
    package static var microseconds: Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}

/// What this thread has used of a processor.
package enum ThreadClock {
    /// Microseconds of `CLOCK_THREAD_CPUTIME_ID`.
    package static var microseconds: Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}

/// Time since the machine started, with that in which it slept.
package enum BootClock {
    /// Milliseconds of `CLOCK_BOOTTIME`.
    package static var milliseconds: Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_BOOTTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}

/// Waiting for time to pass.
package enum Pause {
    /// Sleeps, `poll(2)` without descriptors.
    package static func milliseconds(_ count: Int32) { _ = poll(nil, 0, count) }

    /// Lets others that wait for this processor go first, `sched_yield(2)`.
    package static func yield() { sched_yield() }
}

/// The calendar's time.
package enum WallClock {
    /// Milliseconds since 1970, UTC.
    package static var milliseconds: Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// Nanoseconds since 1970, as files have their times.
    package static var nanoseconds: Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// `Nov 21 10:00:00` in local time, as syslog has it.
    package static func syslogStamp(_ milliseconds: Int64) -> String {
        var seconds = time_t(milliseconds / 1000)
        var parts = unsafe tm()
        unsafe localtime_r(&seconds, &parts)
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func pad(_ value: CInt, _ filling: String = "0") -> String {
            (value < 10 ? filling : "") + "\(value)"
        }
        let day = unsafe "\(months[Int(parts.tm_mon)]) \(pad(parts.tm_mday, " "))"
        return unsafe "\(day) \(pad(parts.tm_hour)):\(pad(parts.tm_min)):\(pad(parts.tm_sec))"
    }

    /// `20261121-1000` in local time: for names.
    package static func minuteStamp(_ milliseconds: Int64) -> String {
        minuteText(milliseconds, date: "", between: "-", time: "")
    }

    /// `2026-11-21 10:00` in local time.
    package static func minuteText(
        _ milliseconds: Int64,
        date: String = "-",
        between: String = " ",
        time: String = ":"
    ) -> String {
        var seconds = time_t(milliseconds / 1000)
        var parts = unsafe tm()
        unsafe localtime_r(&seconds, &parts)
        func pad(_ value: CInt) -> String { (value < 10 ? "0" : "") + "\(value)" }
        let day = unsafe [pad(parts.tm_year + 1900), pad(parts.tm_mon + 1), pad(parts.tm_mday)]
        let hour = unsafe [pad(parts.tm_hour), pad(parts.tm_min)]
        return day.joined(separator: date) + between + hour.joined(separator: time)
    }

    /// RFC 3339 in UTC, to the millisecond.
    package static func format(_ milliseconds: Int64) -> String {
        var seconds = time_t(milliseconds / 1000)
        var parts = unsafe tm()
        unsafe gmtime_r(&seconds, &parts)
        func pad(_ value: some BinaryInteger, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date =
            unsafe "\(pad(Int(parts.tm_year) + 1900, 4))-\(pad(parts.tm_mon + 1, 2))-\(pad(parts.tm_mday, 2))"
        let time = unsafe "\(pad(parts.tm_hour, 2)):\(pad(parts.tm_min, 2)):\(pad(parts.tm_sec, 2))"
        return "\(date)T\(time).\(pad(milliseconds % 1000, 3))Z"
    }
}

/// `poll(2)`, for loops that also read regular files, which epoll does not take.
package enum Poll {
    /// What one descriptor is waited for; a negative number is passed over.
    package struct Interest {
        /// The number, or -1 for none.
        package var descriptor: CInt
        /// Waits for bytes, a connection or the end.
        package var readable: Bool
        /// Waits for room.
        package var writable: Bool

        /// Interest in one descriptor; in neither direction means that it is passed over, hangups included.
        package init(_ descriptor: CInt, readable: Bool = false, writable: Bool = false) {
            self.descriptor = readable || writable ? descriptor : -1
            self.readable = readable
            self.writable = writable
        }
    }

    /// Waits, and tells for each whether something can be done with it, a hangup or error included.
    package static func wait(_ interests: [Interest], milliseconds: Int32 = -1) throws(SystemError) -> [Bool]
    {
        var polls = interests.map { interest in
            let events = (interest.readable ? POLLIN : 0) | (interest.writable ? POLLOUT : 0)
            return pollfd(fd: interest.descriptor, events: Int16(events), revents: 0)
        }
        let count = nfds_t(polls.count)
        try check("poll") { unsafe poll(&polls, count, milliseconds) }
        return polls.map { $0.revents != 0 }
    }
}

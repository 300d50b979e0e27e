// Calls of a sandbox's programs that its filters hand over: refused with the error that the filters would have given,
// or, for executions, noted and let go on. See notices.h.
//
// What is read of a program's memory is for the record alone. The program, and every other that shares its memory, can
// change it at any time: before the kernel reads it, too. So nothing here decides by it.

internal import CLinux
internal import ClocheModel
internal import Glibc
package import LinuxSystem
internal import SyscallFilter

/// A call that was refused.
package struct RefusedCall: Equatable, Sendable {
    /// Its number.
    package let number: UInt32
    /// Its name; empty if this program knows none.
    package let name: String
    /// The six arguments.
    package let arguments: [UInt64]
    /// The name of the error that it got.
    package let error: String
    /// The program that made it.
    package let program: String
    /// Its process, as the sandbox numbers it; nil when it was gone before it could be asked for.
    package let pid: Int32?

    /// A refused call.
    package init(
        number: UInt32,
        name: String,
        arguments: [UInt64],
        error: String,
        program: String,
        pid: Int32?
    ) {
        (self.number, self.name, self.arguments) = (number, name, arguments)
        (self.error, self.program, self.pid) = (error, program, pid)
    }
}

/// A program that is about to be executed.
package struct ExecutedProgram: Equatable, Sendable {
    /// The path, as it was given, up to a bound.
    package let program: String
    /// The command line, as far as it was read.
    package let arguments: [String]
    /// Whether there is more of it, or of the path or directory.
    package let isCut: Bool
    /// The working directory.
    package let directory: String?
    /// The process, as the sandbox numbers it.
    package let pid: Int32?
    /// Its parent.
    package let parent: Int32?
    /// False only if there surely was no file of that name; looking for a program in `PATH` tries such names.
    package let isFound: Bool

    /// A program.
    package init(
        program: String,
        arguments: [String],
        isCut: Bool = false,
        directory: String?,
        pid: Int32?,
        parent: Int32?,
        isFound: Bool = true
    ) {
        (self.program, self.arguments, self.isCut) = (program, arguments, isCut)
        (self.directory, self.pid, self.parent, self.isFound) = (directory, pid, parent, isFound)
    }
}

/// A call that went on while somebody records what a program needs.
package struct PassedCall: Equatable, Sendable {
    /// Its name.
    package let name: String
    /// The program that made it, and its process, as the sandbox numbers it.
    package let program: String
    package let pid: Int32?
    /// The path that it has in vain; such a call is in every list.
    package let path: PathInVain?
}

/// What a listener was told.
package enum CallNotice: Equatable, Sendable {
    /// A call went on, in a recording.
    case passed(PassedCall)
    /// A call was refused.
    case refused(RefusedCall)
    /// A program is about to be executed.
    case executed(ExecutedProgram)
    /// A process that had executed one has ended.
    case ended(ProgramExit)
    /// Of the one that was executed last it will not be told how it ends.
    case unwatched
}

/// Answers the calls that a sandbox's filters hand over; while nobody does, they wait, and once it is closed, they fail
/// with ENOSYS.
package final class CallListener {
    /// Readable when a call waits.
    package let descriptor: FileDescriptor.Shared
    private let filters: ListeningFilters
    /// The sandbox's root directory; nil where it cannot be opened, and then every program counts as found.
    private let root: FileDescriptor.Shared?
    /// The sandbox's pid namespace; nil where it cannot be opened, and then process ids take longer to find.
    private let namespace: FileDescriptor.Shared?
    /// Whether programs' memory is read; not if one of them could keep a reader waiting.
    private let readsMemory: Bool
    /// There in a recording.
    private var paths: SoughtPaths?
    /// Who threads are, by the host's number; for a moment, since numbers are used again.
    private var owners: [Int32: Owner] = [:]
    private var ownersEnd: Int64 = 0
    private var wakesHere = false
    /// There if it is told how programs end.
    private let exits: ProgramExits?
    /// The process that executes a program now, for them.
    private var caller: FileDescriptor.Shared?

    private struct Owner {
        var pid: Int32?
        var program: String
    }

    private static let mostOwners = 512
    private static let ownerMilliseconds: Int64 = 1000

    /// Listens for the sandbox whose init has this process id, and with `exits` to how programs end.
    init(
        _ descriptor: FileDescriptor.Shared,
        _ filters: ListeningFilters,
        ofInit pid: Int32,
        exits: Bool
    ) throws(SystemError) {
        self.exits = exits ? try ProgramExits() : nil
        self.descriptor = descriptor
        self.filters = filters
        readsMemory = !filters.allows("userfaultfd")
        do throws(SystemError) {
            root = FileDescriptor.Shared(try ProcessFiles(of: pid).root())
        } catch { root = nil }
        do throws(SystemError) {
            namespace = FileDescriptor.Shared(try Files.open("/proc/\(pid)/ns/pid"))
        } catch { namespace = nil }
        if filters.isRecording, readsMemory { paths = root.map { SoughtPaths(below: $0) } }
    }

    /// Says where the caller goes on.
    ///
    /// A refused call takes a moment, and is over in a third of the time where the answer is. An execution has more to do: where the
    /// answer is it would wait for the supervisor, and what it starts would be there as well (`scripts/bench audit`).
    private func wake(here: Bool) {
        if wakesHere == here { return }
        wakesHere = here
        clinux_wake_callers(descriptor.number, here)
    }

    /// Answers up to `most` calls that wait, and tells of each; none is begun later than at `end`, in milliseconds of the
    /// monotonic clock: a program decides how long its answer takes, by memory that must be read from a disk.
    ///
    /// - Returns: how many.
    /// - Throws: when the kernel takes no answers any more; what waits then goes on waiting, and ends with the sandbox.
    @discardableResult
    package func answer(most: Int, until end: Int64, _ tell: (CallNotice) -> Void) throws(SystemError) -> Int
    {
        let listener = descriptor.number
        var notice = clinux_notice()
        for done in 0..<most {
            if MonotonicClock.milliseconds > end { return done }
            let count = try check("ioctl", "seccomp listener") {
                unsafe clinux_take_notice(listener, &notice)
            }
            if count == 0 { return done }
            let arguments = [
                notice.arguments.0, notice.arguments.1, notice.arguments.2, notice.arguments.3,
                notice.arguments.4, notice.arguments.5,
            ]
            let call = SystemCall(
                number: notice.number,
                architecture: notice.architecture,
                arguments: arguments
            )
            switch filters.answer(call) {
            case .refuse(let error):
                var caller = owner(notice.thread)
                wake(here: true)
                let hasWaited = try check("ioctl", "seccomp listener") {
                    unsafe clinux_refuse_notice(listener, &notice, error)
                }
                if hasWaited == 0 {
                    // It was killed meanwhile, and whoever has its number now did not call.
                    owners[notice.thread] = nil
                    caller = Owner(pid: nil, program: "")
                }
                tell(.refused(Self.refused(call, error, caller)))
            case .pass:
                let passed = passed(call, notice.thread)
                wake(here: true)
                try check("ioctl", "seccomp listener") {
                    unsafe clinux_continue_recorded(listener, &notice)
                }
                if let passed { tell(.passed(passed)) }
            case .execute:
                let program = executed(call, notice.thread)
                wake(here: false)
                let hasWaited = try check("ioctl", "seccomp listener") {
                    unsafe clinux_continue_execution(listener, &notice)
                }
                // Otherwise what was read may be of another process that has the number now.
                if hasWaited != 0 {
                    // Who had this number before has ended before.
                    let isWatched = watch(program, tell)
                    tell(.executed(program))
                    if !isWatched { tell(.unwatched) }
                }
                caller = nil
            }
        }
        return most
    }

    /// Waits for the end of a program, if ends are told; false if it will not be told of this one.
    private func watch(_ program: ExecutedProgram, _ tell: (CallNotice) -> Void) -> Bool {
        guard let exits, program.isFound else { return true }
        guard let caller, let pid = program.pid else { return false }
        let (ended, isWatched) = exits.watch(caller, pid, program.program)
        for exit in ended { tell(.ended(exit)) }
        return isWatched
    }

    /// Readable when a program has ended; nil if that is not told.
    package var exitDescriptor: CInt? { exits?.descriptor }

    /// How programs have ended since it was asked last.
    package func takeExits() throws(SystemError) -> [ProgramExit] { try exits?.take() ?? [] }

    private static func refused(_ call: SystemCall, _ error: Int32, _ owner: Owner) -> RefusedCall {
        RefusedCall(
            number: call.number,
            name: SyscallNumbers.name(of: call.number) ?? "",
            arguments: call.arguments,
            error: ListeningFilters.name(ofError: error),
            program: owner.program,
            pid: owner.pid
        )
    }

    /// Nil for a call that says nothing: it would have been allowed in any case.
    private func passed(_ call: SystemCall, _ thread: Int32) -> PassedCall? {
        var path: PathInVain?
        if paths?.watches(call) == true {
            path = paths?.look(call, thread)
            if path == nil { return nil }
        }
        let caller = owner(thread)
        let name = SyscallNumbers.name(of: call.number) ?? ""
        return PassedCall(name: name, program: caller.program, pid: caller.pid, path: path)
    }

    // MARK: Who calls

    private func owner(_ thread: Int32) -> Owner {
        let now = MonotonicClock.milliseconds
        if now >= ownersEnd || owners.count >= Self.mostOwners {
            owners = [:]
            ownersEnd = now + Self.ownerMilliseconds
        }
        if let known = owners[thread] { return known }
        guard let status = Self.status(thread) else { return Owner(pid: nil, program: "") }
        let owner = Owner(pid: status.lastNumber("NStgid"), program: status["Name"])
        owners[thread] = owner
        return owner
    }

    /// Nil when there is no such process any more.
    private static func status(_ thread: Int32) -> StatusFile? {
        do throws(SystemError) {
            return StatusFile(try ProcessFiles(of: thread).read("status"))
        } catch { return nil }
    }

    // MARK: What is executed

    /// Longer paths and directories are cut in records.
    private static let mostPath = 1024

    private func executed(_ call: SystemCall, _ thread: Int32) -> ExecutedProgram {
        let arguments = call.arguments
        // execveat(2) has a directory before the path.
        let isAt = SyscallNumbers.name(of: call.number) == "execveat"
        let (path, list) = isAt ? (arguments[1], arguments[2]) : (arguments[0], arguments[1])
        var given = ProcessWords(thread)
        if readsMemory { given.readWord(at: path) }
        var line = ProcessWords(beside: given)
        if readsMemory { line.readList(at: list) }
        let number = Int32(truncatingIfNeeded: arguments[0])
        let base = isAt && number != AT_FDCWD ? "fd/\(number)" : nil
        let directory = Self.link("/proc/\(thread)/cwd")
        var program = given.words.first ?? ""
        if let base, !program.hasPrefix("/"), let place = Self.link("/proc/\(thread)/\(base)") {
            program = program.isEmpty ? place : "\(place)/\(program)"
        }
        let isKnown = readsMemory && !given.isCut
        let isAbsent = isKnown && isSurelyAbsent(given.bytes, at: "/proc/\(thread)/\(base ?? "cwd")", thread)
        let (pid, parent) = ids(thread)
        let shown = program.cut(recordedLength: Self.mostPath)
        let shownDirectory = directory?.cut(recordedLength: Self.mostPath)
        return ExecutedProgram(
            program: shown,
            arguments: line.words,
            isCut: !isKnown || line.isCut || shown != program || shownDirectory != directory,
            directory: shownDirectory,
            pid: pid,
            parent: parent,
            isFound: !isAbsent
        )
    }

    /// The process and its parent, as the sandbox numbers them.
    private func ids(_ thread: Int32) -> (Int32?, Int32?) {
        // It is another program from now on.
        owners[thread] = nil
        var (process, parent, handle): (pid_t, pid_t, CInt) = (0, 0, -1)
        if let namespace {
            let number = namespace.number
            let result = unsafe clinux_find_family(number, thread, &process, &parent, &handle)
            keep(handle)
            if result == 0 { return (process, parent) }
        }
        guard let status = Self.status(thread) else { return (nil, nil) }
        if exits != nil, caller == nil, let number = Int32(status["Tgid"]) {
            keep(clinux_pidfd_open(number))
        }
        // In a namespace of the agent's own it has numbers of the agent's choice, too.
        let own = process > 0 ? process : status.lastNumber("NStgid")
        return (own, status.lastNumber("PPid").flatMap { owner($0).pid })
    }

    /// Keeps the process that calls, if its end is to be told; it may be gone.
    private func keep(_ handle: CInt) {
        if handle < 0 { return }
        let process = FileDescriptor(owning: handle)
        if exits != nil { caller = FileDescriptor.Shared(process) }
    }

    /// Nil when there is no such process or number.
    private static func link(_ path: String) -> String? { try? Files.readLink(path) }

    /// Whether there is surely no file of that name now; for the record only.
    ///
    /// What is in the calling process's own `/proc` (`/proc/self`, `/dev/fd`) is not there for anybody else, and links may lead
    /// there; a thread may have another root and other mounts than init.
    private func isSurelyAbsent(_ name: [UInt8], at place: String, _ thread: Int32) -> Bool {
        guard let root, let first = name.first else { return false }
        let isAbsolute = first == UInt8(ascii: "/")
        let resolve = UInt64(isAbsolute ? RESOLVE_IN_ROOT : RESOLVE_BENEATH)
        // Most are there, and cost one call.
        if isAbsolute, !SoughtName(name, below: root.number, resolve).isMissing { return false }
        do throws(SystemError) {
            let place = isAbsolute ? "/proc/\(thread)/root" : place
            let own = try Files.open(place, clinux_O_PATH | O_DIRECTORY)
            return SoughtName(name, below: own.number, resolve).isSurelyAbsent
        } catch { return false }
    }
}

/// A name that is looked up for somebody else, without following the links of `/proc`.
private struct SoughtName {
    private var path: [CChar]
    private let place: CInt
    private let resolve: UInt64

    private static let slash = CChar(bitPattern: UInt8(ascii: "/"))
    /// So many directories above it are looked at.
    private static let mostSteps = 8

    init(_ name: [UInt8], below place: CInt, _ resolve: UInt64) {
        (path, self.place) = (name.map { CChar(bitPattern: $0) } + [0], place)
        self.resolve = resolve | UInt64(RESOLVE_NO_MAGICLINKS)
    }

    private func open(_ flags: CInt = 0) -> FileDescriptor? {
        let flags = UInt64(clinux_O_PATH | O_CLOEXEC | flags)
        let file = unsafe clinux_openat2(place, path, flags, 0, resolve)
        return file < 0 ? nil : FileDescriptor(owning: file)
    }

    /// Whether the kernel says that there is no such file.
    var isMissing: Bool { open() == nil && (errno == ENOENT || errno == ENOTDIR) }

    /// Whether it is missing in a directory, or below a file, that is there and not of `/proc`.
    var isSurelyAbsent: Bool {
        var name = self
        for _ in 0..<Self.mostSteps {
            // A link is there, whatever it leads to.
            guard name.isMissing, name.open(O_NOFOLLOW) == nil else { return false }
            name.dropLast()
            if let parent = name.open() { return !Files.isProcessFileSystem(parent.number) }
        }
        return false
    }

    private mutating func dropLast() {
        path.removeLast()
        while path.last == Self.slash { path.removeLast() }
        while let last = path.last, last != Self.slash { path.removeLast() }
        while path.last == Self.slash { path.removeLast() }
        if path.isEmpty { path = [resolve & UInt64(RESOLVE_IN_ROOT) != 0 ? Self.slash : CChar(46)] }
        path.append(0)
    }
}

extension StatusFile {
    /// The last number of a line: of process ids, the one in the innermost namespace.
    fileprivate func lastNumber(_ key: StaticString) -> Int32? {
        self[key].split(separator: " ").last.flatMap { Int32($0) }
    }
}

/// Texts in the memory of another process, up to a bound of bytes, as records have them, and of time.
struct ProcessWords {
    private(set) var words: [String] = []
    /// The last of them as it is.
    private(set) var bytes: [UInt8] = []
    /// Whether there are more of them, or longer ones, or some cannot be read.
    private(set) var isCut = false
    /// When to stop, in milliseconds of the monotonic clock.
    let end: Int64
    private let thread: Int32
    private var room = 4096
    /// The one that was read last.
    private var page: (address: UInt64, bytes: [UInt8]) = (0, [])

    /// The smallest page of any kernel: what lies behind its end may not be there.
    private static let pageBytes: UInt64 = 4096
    private static let mostWords = 64
    /// What is on a disk is read from there, page by page, and others wait meanwhile.
    ///
    /// Reading from memory takes some microseconds: the rest is for a host with more to do than it can.
    private static let mostMilliseconds: Int64 = 20

    init(_ thread: Int32, until end: Int64? = nil) {
        self.thread = thread
        self.end = end ?? MonotonicClock.milliseconds + Self.mostMilliseconds
    }

    /// Others of the same process, read at the same moment.
    init(beside other: ProcessWords) {
        self.init(other.thread, until: other.end)
        page = other.page
    }

    /// Up to so many bytes, to the end of a page; none if they cannot be read.
    private mutating func read(_ address: UInt64, _ count: Int) -> ArraySlice<UInt8> {
        let start = Int(address % Self.pageBytes)
        // Words lie beside each other, and most often their list does, too.
        if page.bytes.isEmpty || page.address != address - UInt64(start) {
            page = (address - UInt64(start), Self.readPage(thread, address - UInt64(start)))
        }
        return page.bytes.dropFirst(start).prefix(count)
    }

    private static func readPage(_ thread: Int32, _ address: UInt64) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: Int(pageBytes)) { buffer, filled in
            filled = 0
            guard let base = buffer.baseAddress else { return }
            filled = unsafe max(0, clinux_read_memory(thread, address, base, Int(pageBytes)))
        }
    }

    /// Reads one that ends with a null.
    mutating func readWord(at address: UInt64) {
        bytes = []
        var nul: Int?
        while nul == nil, bytes.count <= room {
            // Most are short.
            let part = read(address &+ UInt64(bytes.count), bytes.isEmpty ? 256 : 4096)
            if part.isEmpty {
                isCut = true
                return
            }
            nul = part.firstIndex(of: 0).map { bytes.count + $0 - part.startIndex }
            bytes += part
        }
        bytes.removeSubrange((nul ?? min(bytes.count, room))...)
        let text = String(decoding: bytes, as: UTF8.self)
        let word = text.cut(recordedLength: max(0, room))
        if nul == nil || word.utf8.count < text.utf8.count { isCut = true }
        words.append(word)
        room -= word.recordedLength + 1
    }

    /// Reads those whose addresses are in a list that ends with a null, as `execve(2)` takes them.
    mutating func readList(at list: UInt64) {
        if list == 0 { return }
        var place = list
        while words.count < Self.mostWords, room > 0 {
            // In one piece, as far as there are more.
            var part = read(place, 8 * (Self.mostWords - words.count + 1))
            // At an odd place one address is in two pages.
            let rest = part.count % 8
            if rest != 0 { part += read(place &+ UInt64(part.count), 8 - rest) }
            let addresses = stride(from: part.startIndex, to: part.endIndex - 7, by: 8).map { at in
                (0..<8).reduce(UInt64(0)) { $0 | UInt64(part[at + $1]) << ($1 * 8) }
            }
            if addresses.isEmpty { break }
            for address in addresses {
                if address == 0 { return }
                if words.count == Self.mostWords || room <= 0 || MonotonicClock.milliseconds > end {
                    isCut = true
                    return
                }
                readWord(at: address)
            }
            place = place &+ UInt64(addresses.count * 8)
        }
        isCut = true
    }
}

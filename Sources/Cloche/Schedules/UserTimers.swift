// The user's own manager of systemd, as far as schedules need it: units in its directory, and systemctl(1). Called by
// Project+Schedules.

internal import ClocheModel
internal import LinuxSystem
internal import StructuredText

/// A user manager that answers.
struct UserTimers {
    /// What is known of a timer and of its service's last run.
    struct State: Equatable {
        /// Whether it waits for its time.
        var isActive = false
        /// Milliseconds since 1970 of its next time.
        var next: Int64?
        /// Of its last.
        var last: Int64?
        /// systemd's word for how the service ended: `success`, `exit-code`, ...
        var result: String?
    }

    private let systemctl: String
    private let environment: [String]

    /// Finds the user's manager.
    ///
    /// - Throws: why there is none.
    init() throws(ClocheError) {
        let runtime = "/run/user/\(CurrentUser.id)"
        guard Files.exists("/run/systemd/system") else {
            throw Self.absence("systemd does not run this machine: there is no /run/systemd/system")
        }
        // Not of the environment: the manager that runs this user's timers is at this place.
        guard ["/systemd/private", "/bus"].contains(where: { Files.exists(runtime + $0) }) else {
            throw Self.absence("systemd runs no manager for you: there is no \(runtime)/systemd/private")
        }
        guard let program = ProcessEnvironment.findProgram("systemctl") else {
            throw Self.absence("there is no systemctl in PATH")
        }
        systemctl = program
        environment = [
            "XDG_RUNTIME_DIR=\(runtime)", "DBUS_SESSION_BUS_ADDRESS=unix:path=\(runtime)/bus",
            "HOME=\(ProcessEnvironment.home)", "PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C",
            "SYSTEMD_COLORS=0",
        ]
        do throws(ClocheError) {
            _ = try ask(["show", "--property=Version"])
        } catch { throw Self.absence(error.why) }
    }

    private static func absence(_ why: String) -> ClocheError {
        ClocheError(.host, "there is no systemd user manager", why: why)
    }

    /// Runs systemctl(1) and returns what it prints.
    @discardableResult func ask(_ words: [String]) throws(ClocheError) -> String {
        let command = Subprocess(
            systemctl,
            ["--user", "--no-pager", "--no-ask-password"] + words,
            environment: environment,
            directory: "/"
        )
        let why: String
        do throws(SystemError) {
            let result = try command.run()
            if result.status == 0 { return result.outputText }
            let said = result.errorText.split(separator: "\n").joined(separator: " / ")
            why = said.isEmpty ? "its status is \(result.status)" : said
        } catch { why = error.description }
        throw ClocheError(
            .host,
            "systemctl --user \(words[0]) failed",
            why: why,
            remedy: "`systemctl --user status` shows the state of your manager"
        )
    }

    /// Takes a timer's unit into force, and lets it wait for its time.
    func enable(_ units: TimerUnits) throws(ClocheError) {
        try ask(["daemon-reload"])
        try ask(["enable", "--now", units.timerName])
    }

    /// Ends a timer; what is not there needs no ending.
    func disable(_ name: String) {
        // A timer that is half made, or gone already, is refused by one of these and ended by the others.
        _ = try? ask(["disable", "--now", name + ".timer"])
        // When it ran last; else a new schedule of the same name would make up for what this one missed.
        _ = try? ask(["clean", "--what=state", name + ".timer"])  // as above
        _ = try? ask(["reset-failed", name + ".timer", name + ".service"])  // as above
    }

    /// The state of timers, by the name of their units.
    func states(_ names: [String]) throws(ClocheError) -> [String: State] {
        if names.isEmpty { return [:] }
        let properties = "Id,ActiveState,Result"
        let units = names.flatMap { [$0 + ".timer", $0 + ".service"] }
        let shown = try ask(["show", "--property=" + properties] + units)
        // `show` has times only as a person reads them.
        let listed = try ask(["list-timers", "--all", "--output=json"] + names.map { $0 + ".timer" })
        return Self.states(shown: shown, listed: listed)
    }

    /// Reads blocks of `NAME=VALUE`, one block for each unit, and the array of timers.
    static func states(shown: String, listed: String) -> [String: State] {
        var states: [String: State] = [:]
        for block in shown.split(separator: "\n\n") {
            var values: [Substring: Substring] = [:]
            for line in block.split(separator: "\n") {
                let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                values[parts[0]] = parts.last
            }
            let id = values["Id"] ?? ""
            if id.hasSuffix(".timer") {
                states[String(id.dropLast(6)), default: State()].isActive = values["ActiveState"] == "active"
            } else if id.hasSuffix(".service") {
                states[String(id.dropLast(8)), default: State()].result = values["Result"].map(String.init)
            }
        }
        // Without the times, the rest is still true.
        for timer in (try? JSONText.parse(listed))?.list ?? [] {
            guard let unit = timer["unit"]?.string, unit.hasSuffix(".timer") else { continue }
            let name = String(unit.dropLast(6))
            states[name, default: State()].next = milliseconds(timer["next"])
            states[name]?.last = milliseconds(timer["last"])
        }
        return states
    }

    /// Of microseconds; 0 and null are no time.
    private static func milliseconds(_ time: Document?) -> Int64? {
        guard let time = time?.integer, time > 0 else { return nil }
        return time / 1000
    }
}

/// The directory in which the user's manager looks for units.
struct UserUnits {
    /// Absolute path.
    let path: String

    /// `$XDG_CONFIG_HOME/systemd/user`.
    init(_ installation: Installation) {
        path = installation.configDirectory.parentPath + "/systemd/user"
    }

    /// Whether there is a unit of that name.
    func has(_ units: String) -> Bool {
        [".timer", ".service"].contains { Files.exists("\(path)/\(units)\($0)") }
    }

    /// Writes both units; the timer last, since it needs the service.
    func write(_ units: TimerUnits) throws(ClocheError) {
        do throws(SystemError) {
            try Files.makeDirectories(path, mode: 0o755)
            try Files.writeAtomically("\(path)/\(units.serviceName)", Array(units.service.utf8), mode: 0o644)
            try Files.writeAtomically("\(path)/\(units.timerName)", Array(units.timer.utf8), mode: 0o644)
        } catch {
            throw ClocheError(
                .system,
                "cannot write the units of the schedule",
                why: error.description,
                remedy: "make \(path) writable for you"
            )
        }
    }

    /// Removes both, and the link by which the timer is enabled; absent is fine.
    func remove(_ name: String) throws(ClocheError) {
        do throws(SystemError) {
            let wanted = path + "/timers.target.wants"
            if Files.isDirectory(wanted) { try Files.remove("\(wanted)/\(name).timer") }
            if Files.isDirectory(path) {
                try Files.remove("\(path)/\(name).timer")
                try Files.remove("\(path)/\(name).service")
            }
        } catch {
            throw ClocheError(
                .system,
                "cannot remove the units of the schedule",
                why: error.description,
                remedy: "remove \(path)/\(name).timer and .service, then `systemctl --user daemon-reload`"
            )
        }
    }
}

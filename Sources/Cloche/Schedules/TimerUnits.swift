// The two units of a schedule as text: systemd.service(5), systemd.timer(5). Pure; `UserTimers` writes them.

internal import ClocheModel

/// A service that starts an agent, and the timer that starts the service.
struct TimerUnits: Equatable {
    /// The units' name without `.service` and `.timer`.
    let name: String
    /// What the service executes.
    let program: String
    /// Its arguments.
    let arguments: [String]
    /// When, as in systemd.time(7); one of them suffices.
    let calendar: [String]
    /// What the schedule is called; a name, with no character that systemd would read as anything else.
    let schedule: String

    var timerName: String { name + ".timer" }
    var serviceName: String { name + ".service" }

    var service: String {
        """
        # Made by `cloche schedule add`; `cloche schedule remove \(schedule)` removes it.
        [Unit]
        Description=Cloche: an agent of the schedule \(schedule)

        [Service]
        Type=oneshot
        ExecStart=\(([Self.word(program, expands: false)] + arguments.map { Self.word($0) }).joined(separator: " "))
        # The agent outlives the command that starts it, also where it has no cgroup of its own.
        KillMode=process
        # Programs of agents expect what a shell gives them.
        IgnoreSIGPIPE=no

        """
    }

    var timer: String {
        """
        # Made by `cloche schedule add`; `cloche schedule remove \(schedule)` removes it.
        [Unit]
        Description=Cloche: the schedule \(schedule)

        [Timer]
        \(calendar.map { "OnCalendar=" + $0 }.joined(separator: "\n"))
        # Within its minute, as cron would; systemd's own choice is one minute later at most.
        AccuracySec=1s
        # Once after the machine was off, or nobody was logged in, when it was due.
        Persistent=yes

        [Install]
        WantedBy=timers.target

        """
    }

    /// A word of a command line as systemd.service(5) reads it: quotes, escapes and specifiers, and for all but the
    /// program variables.
    static func word(_ text: String, expands: Bool = true) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\", "\"": result += "\\\(scalar)"
            case "%": result += "%%"
            case "$" where expands: result += "$$"
            case _ where scalar.value < 0x20 || scalar.value == 0x7f:
                let digits = String(scalar.value, radix: 16)
                result += "\\x" + (digits.count == 1 ? "0" : "") + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

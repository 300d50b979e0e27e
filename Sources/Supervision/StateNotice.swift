// How people learn of a change: what a command of theirs is told, and what a notification says. The text is an agent's; it
// goes into variables and into a notification as one harmless line, never into a command line.

internal import ClocheModel
internal import LinuxSystem

/// What is told of an agent's new state.
package struct StateNotice {
    let agent: String
    let project: String
    let state: HarnessState

    /// What of the supervisor's environment the programs get that a state starts.
    package static let variables = [
        "HOME", "PATH", "USER", "LOGNAME", "LANG", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY",
        "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS",
    ]

    private var inherited: [String] {
        Self.variables.compactMap { name in ProcessEnvironment.value(name).map { "\(name)=\($0)" } }
    }

    /// The variables of a command of `session.on-state`.
    var environment: [String] {
        inherited + [
            "CLOCHE_AGENT=\(agent)", "CLOCHE_PROJECT=\(project)",
            "CLOCHE_STATE=\(state.activity.rawValue)", "CLOCHE_STATE_BY=\(state.source.rawValue)",
            "CLOCHE_STATE_TEXT=\(state.text)",
        ]
    }

    /// Whether a person is to be told.
    var isWorthANotice: Bool { [.waiting, .done, .failed].contains(state.activity) }

    /// The notification's first line.
    var title: String {
        switch state.activity {
        case .waiting: "\(agent) waits for you"
        case .done: "\(agent) is done"
        case .failed: "\(agent) has failed"
        case .starting, .working, .idle: "\(agent): \(state.activity.rawValue)"
        }
    }

    /// The program that shows a notification, if there is one.
    var desktop: Subprocess? {
        guard let program = ProcessEnvironment.findProgram("notify-send") else { return nil }
        let words = ["--app-name=Cloche", "--", title, Self.plain(state.text)]
        return Subprocess(program, words, environment: inherited, directory: "/")
    }

    /// A notification's text may have marks of HTML, and notify-send undoes backslashes.
    static func plain(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\\": result += "\\\\"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

/// How many records there may be: some at once, then one in a while.
struct Allowance: Equatable {
    private let most: Int64
    /// For each one, in milliseconds.
    private let interval: Int64
    private var debt: Int64 = 0
    private var counted: Int64 = 0
    /// How many were too many since the last one.
    private(set) var refused: Int64 = 0

    init(most: Int64, interval: Int64) { (self.most, self.interval) = (most, interval) }

    /// Whether there may be one now; how many were too many before it.
    mutating func take(at now: Int64) -> Int64? {
        debt = max(0, debt - max(0, now - counted))
        counted = now
        guard debt + interval <= most * interval else {
            refused += 1
            return nil
        }
        debt += interval
        defer { refused = 0 }
        return refused
    }
}

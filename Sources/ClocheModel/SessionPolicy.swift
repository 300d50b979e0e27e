// Section `session` of a profile: an agent's terminal, and what is known of its program by it. Data only.

/// Terminal sessions.
public struct SessionPolicy: Equatable, Sendable {
    /// What is recorded of the agent's terminal.
    public enum Recording: String, Equatable, Sendable, CaseIterable {
        /// Nothing.
        case off
        /// What it shows.
        case output
        /// And what people type.
        case input
    }

    /// How people are told that the state of the program has changed.
    public enum Notice: String, Equatable, Sendable, CaseIterable {
        /// Not at all.
        case off
        /// By the bell of the terminals that are attached.
        case bell
        /// By a notification of the desktop.
        case desktop
    }

    /// The keys that detach, as `ctrl-] d`.
    public var detachKeys: String
    /// Terminal size before anybody attaches.
    public var columns: Int64
    /// Terminal size before anybody attaches.
    public var rows: Int64
    /// What is recorded.
    public var recording: Recording
    /// By what the program's state is known.
    public var state: StatePolicy
    /// Command lines for the host's shell that are run when a state begins.
    public var commands: [HarnessState.Activity: String]
    /// How people are told that the program waits for them, or has ended.
    public var notice: Notice

    /// ctrl-] d, 120 by 40; what is shown is recorded.
    public init(
        detachKeys: String = "ctrl-] d",
        columns: Int64 = 120,
        rows: Int64 = 40,
        recording: Recording = .output,
        state: StatePolicy = StatePolicy(),
        commands: [HarnessState.Activity: String] = [:],
        notice: Notice = .off
    ) {
        self.recording = recording
        self.detachKeys = detachKeys
        self.columns = columns
        self.rows = rows
        self.state = state
        self.commands = commands
        self.notice = notice
    }
}

/// By what the state of an agent program is known, beside what its hooks write.
public struct StatePolicy: Equatable, Sendable {
    /// A text that means a state.
    public struct Pattern: Equatable, Sendable {
        /// An extended regular expression of POSIX.
        public var match: String
        /// What it means.
        public var activity: HarnessState.Activity

        /// A pattern.
        public init(_ match: String, _ activity: HarnessState.Activity) {
            self.match = match
            self.activity = activity
        }
    }

    /// After so long without output a program that says nothing of its state is idle; nil for never.
    public var silenceMilliseconds: Int64?
    /// What the bell and notifications mean; nil for nothing.
    public var bell: HarnessState.Activity?
    /// Whether marks of prompts and commands (OSC 133) count.
    public var marks: Bool
    /// What titles of the window mean; the first that matches counts.
    public var title: [Pattern]
    /// What lines on the screen mean; the first that matches counts.
    public var screen: [Pattern]

    /// Five seconds of silence; whoever rings is waiting; marks count.
    public init(
        silenceMilliseconds: Int64? = 5000,
        bell: HarnessState.Activity? = .waiting,
        marks: Bool = true,
        title: [Pattern] = [],
        screen: [Pattern] = []
    ) {
        self.silenceMilliseconds = silenceMilliseconds
        self.bell = bell
        self.marks = marks
        self.title = title
        self.screen = screen
    }
}

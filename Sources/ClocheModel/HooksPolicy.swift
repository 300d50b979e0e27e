// Commands that run inside the sandbox before the agent program starts and after it has ended.

/// When a command of `hooks` runs.
public enum HookStage: String, Equatable, Sendable, CaseIterable {
    /// Before the agent program, in its sandbox.
    case preStart = "pre-start"
    /// After the agent program, before its sandbox is taken down.
    case postStop = "post-stop"
}

/// The commands, each with its program first.
public struct HooksPolicy: Equatable, Sendable {
    /// In their order; one that fails stops the start.
    public var preStart: [[String]]
    /// In their order.
    public var postStop: [[String]]
    /// Seconds that each may take.
    public var timeoutSeconds: Int64

    /// These commands.
    public init(preStart: [[String]] = [], postStop: [[String]] = [], timeoutSeconds: Int64 = 60) {
        self.preStart = preStart
        self.postStop = postStop
        self.timeoutSeconds = timeoutSeconds
    }

    /// The commands of a stage.
    public func commands(_ stage: HookStage) -> [[String]] {
        switch stage {
        case .preStart: preStart
        case .postStop: postStop
        }
    }

    /// A command as a profile has it: a line for the shell, or a program with its arguments.
    public static func arguments(_ command: Document) -> [String] {
        command.string.map { ["/bin/sh", "-c", $0] } ?? command.stringList ?? []
    }
}

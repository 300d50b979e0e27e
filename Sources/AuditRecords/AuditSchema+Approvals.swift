// The row of the table of events for what is held until a person approves of it.

extension EventKind {
    /// A request is held, or was answered.
    package static let approval = EventKind(
        "approval",
        .security,
        "Something that the profile's `ask` names is held until a person approves of it, or what became of that.",
        [
            .always(
                "action",
                .word(["approved", "asked", "denied", "refused", "timed-out", "withdrawn"]),
                "What happened: `withdrawn` when the program or the agent has gone, `refused` when nobody was asked."
            ),
            .maybe("number", .number, "The request's number, which no other of this run has."),
            .always("class", .text, "The class, as the profile has it."),
            .always("target", .foreignText, "What is asked for, whole."),
            .maybe("always", .truth, "Whether the answer holds for the like until the agent ends."),
            .maybe("by", .number, "The user on the host who has answered."),
            .maybe("why", .foreignText, "Why nobody was asked."),
            .maybe("untold", .number, "How many before were refused and are not on record one by one."),
        ]
    )
}

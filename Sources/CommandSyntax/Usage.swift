// Usage lines: one line that shows how a command is put together, used by help, errors and manual.

extension ToolSpec {
    /// The usage line of a command, or of the whole tool for nil: `cloche start [OPTIONS] NAME [TASK]`.
    package func usage(of place: CommandLocation?) -> String {
        guard let place else { return "\(name) [OPTIONS] COMMAND [ARGUMENTS]" }
        return ([name] + place.path + place.spec.usageWords).joined(separator: " ")
    }
}

extension CommandSpec {
    /// What follows the command's name in its usage line.
    var usageWords: [String] {
        guard isRunnable else { return ["COMMAND [ARGUMENTS]"] }
        return (visibleOptions.isEmpty ? [] : ["[OPTIONS]"]) + arguments.map(usageWord)
    }

    private func usageWord(_ argument: ArgumentSpec) -> String {
        let placeholder = (argument.isRest && stopsAtRest ? "[--] " : "") + argument.placeholder
        if let stand = argument.insteadOf, let option = options.named(stand) {
            return "(\(placeholder) | \(option.longForm))"
        }
        return argument.isRequired ? placeholder : "[\(placeholder)]"
    }
}

extension OptionSpec {
    /// The long name with the placeholder of its value: `--profile NAME`.
    var longForm: String { "--" + name + (placeholder.map { " " + $0 } ?? "") }
}

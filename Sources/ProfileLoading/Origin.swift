// Where a setting comes from: the layers of configuration, lowest first, and a place within one.

/// A layer of configuration; a later one wins.
package enum Layer: String, Comparable, Sendable, CaseIterable {
    /// No layer said anything.
    case standard = "default"
    /// Shipped with the program.
    case builtIn = "built-in"
    /// The user's `~/.config/cloche`.
    case user
    /// The project's `.cloche`.
    case project
    /// A file named with `--profile`.
    case profileOption = "--profile"
    /// `--set key=value`.
    case setOption = "--set"

    package static func < (first: Layer, second: Layer) -> Bool {
        guard let a = allCases.firstIndex(of: first), let b = allCases.firstIndex(of: second) else {
            return false
        }
        return a < b
    }
}

/// Where a setting comes from.
package struct Origin: Equatable, Sendable, CustomStringConvertible {
    /// The layer.
    package let layer: Layer
    /// The file's path, the built-in profile's name, or the option as typed.
    package let place: String
    /// The line; 0 where there is none.
    package let line: Int
    /// Whether it is a project's file that the user has not trusted.
    let isUntrusted: Bool

    init(_ layer: Layer, place: String = "", line: Int = 0, isUntrusted: Bool = false) {
        self.layer = layer
        self.place = place
        self.line = line
        self.isUntrusted = isUntrusted
    }

    /// As `explain` prints it.
    package var description: String {
        switch layer {
        case .standard: "default"
        case .builtIn: "built-in profile \(place), line \(line)"
        case .user, .project, .profileOption: "\(place):\(line)"
        case .setOption: place
        }
    }
}

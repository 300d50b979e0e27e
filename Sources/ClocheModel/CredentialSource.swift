// Where the bytes of a credential come from, on the host. Read anew at each start, and never by whoever reads an agent's
// bytes.

/// Where a secret is to be had.
public enum CredentialSource: Equatable, Sendable {
    /// A variable of the caller's environment.
    case environment(name: String)
    /// The first line of a file of the host's.
    case file(path: String)
    /// The first line that a program of the host's prints (`op read ...`, `pass show ...`).
    case command([String])
    /// Kept by Cloche, encrypted, under this name.
    case kept(name: String)
    /// A file with a login that a program of the host renews; only a gateway reads it.
    case login(path: String)
}

extension CredentialSource: CustomStringConvertible {
    /// As a person names it; of a program, no arguments.
    public var description: String {
        switch self {
        case .environment(let name): "variable \(name)"
        case .file(let path): path
        case .command(let words): "program \(words.first ?? "")"
        case .kept(let name): "credential \(name)"
        case .login(let path): "login \(path)"
        }
    }
}

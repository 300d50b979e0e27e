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
}

// Which paths are never added to a profile by themselves: what may be a secret, and what would give much.

/// Why a path is left to a person.
package enum SensitivePath {
    /// Names of files and directories that hold keys, tokens, passwords, or sessions.
    private static let secretNames: Set<String> = [
        ".ssh", ".aws", ".azure", ".gnupg", ".kube", ".docker", ".netrc", "_netrc", ".git-credentials",
        ".pgpass",
        ".my.cnf", ".npmrc", ".yarnrc", ".yarnrc.yml", ".pypirc", ".pip", ".gem", ".m2", ".cargo",
        ".terraform.d",
        ".vault-token", ".password-store", ".gitconfig", ".mozilla", ".thunderbird",
        ".claude", ".claude.json", ".codex", ".gemini", ".aider", ".copilot", ".opencode", ".cursor",
        ".cloche",
        ".htpasswd", "wallet.dat", "shadow", "gshadow", "sudoers", "sudoers.d", "docker.sock",
        "containerd.sock",
        "keyrings", "private", "secrets", "credentials", "gcloud", "google-chrome", "chromium",
    ]
    private static let secretEndings = [
        ".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".ppk", ".asc", ".gpg", "_history",
        "_rsa", "_dsa", "_ecdsa", "_ed25519", ".sock",
    ]
    /// Files by which programs know their users, in directories of any name.
    private static let credentialFiles: Set<String> = [
        ".env", "credentials", "credentials.json", "credentials.toml", ".credentials.json", "auth.json",
        "oauth_creds.json", "_netrc",
    ]
    private static let keyEndings = [
        ".kdbx", ".ppk", ".p12", ".pfx", ".jks", ".keystore", "_rsa", "_dsa", "_ecdsa", "_ed25519",
    ]
    private static let secretWords = [
        "secret", "password", "passwd", "credential", "token", "cookie", "apikey",
    ]

    /// Whether it looks like a secret; too many do rather than too few.
    static func isSecret(_ path: String) -> Bool {
        path.lowercased().split(separator: "/").contains { part in
            let name = String(part)
            return secretNames.contains(name) || name == ".env" || name.hasPrefix(".env.")
                || secretEndings.contains { name.hasSuffix($0) }
                || secretWords.contains { word in name.indices.contains { name[$0...].hasPrefix(word) } }
        }
    }

    /// Whether a directory that has an entry of this name, or that is called so, holds credentials: surely, where
    /// `isSecret` says perhaps, because packages have modules called `token` and certificates that are public.
    package static func isCredential(_ name: String) -> Bool {
        secretNames.contains(name) && name.hasPrefix(".") || credentialFiles.contains(name)
            || keyEndings.contains { name.hasSuffix($0) }
    }

    /// Where whole trees belong to the system, other users, or the kernel.
    private static let ownedTrees = [
        "/root", "/run", "/var/run", "/boot", "/proc", "/sys", "/dev", "/lost+found",
    ]
    private static let broadTrees = [
        "/home", "/mnt", "/media", "/srv", "/var", "/var/lib", "/var/log", "/var/cache", "/var/spool",
        "/data",
    ]

    /// Whether it gives much at once.
    package static func isBroad(_ path: String, home: String) -> Bool {
        let depth = path.split(separator: "/").count
        return depth < 2 || path == home || (home + "/").hasPrefix(path + "/") || broadTrees.contains(path)
    }

    /// Whether it is in a tree of the system's or of other users'.
    static func isForeign(_ path: String, home: String) -> Bool {
        let isIn = { (tree: String) in path == tree || path.hasPrefix(tree + "/") }
        if isIn(home), home != "/" { return false }
        return ownedTrees.contains { isIn($0) } || isIn("/home")
    }
}

// A login that a program of the host keeps in a file and renews by itself (OAuth), as a gateway shares it: where in the file
// what stands, and how it is renewed. A provider is data in a profile; no code names one.

/// How a login is read, renewed and written.
public struct LoginForm: Equatable, Sendable {
    /// The form of a request for a renewal.
    public enum RequestForm: String, Sendable {
        /// A JSON object.
        case json
        /// As HTML forms are sent.
        case form
    }

    /// The unit of the time in the file at which the access token expires.
    public enum TimeUnit: String, Sendable {
        case milliseconds, seconds
    }

    /// Where it is renewed: host, port and TLS of it; its base path is the path of the request.
    public var server: Server
    /// Fixed members of the request, such as `client_id`.
    public var fields: [Document.Entry] = []
    /// The form of the request.
    public var requestForm = RequestForm.json
    /// Where in the file the access token is, as the names on the way to it.
    public var access: [String]
    /// Where the refresh token is.
    public var refresh: [String]
    /// Where it stands when the access token expires; nil where the file does not say.
    public var expires: [String]?
    /// The unit of `expires`.
    public var unit = TimeUnit.milliseconds
    /// Further members of the server's answer that are kept, each with its place in the file.
    public var keep: [(name: String, place: [String])] = []
    /// Directories that the host's program makes while it renews; `{directory}` is the one of the file.
    public var locks: [String] = []
    /// The file; of one user's, and not in a profile's `services`.
    public var file = ""
    /// Where Cloche's own locks for such files are.
    public var lockDirectory = ""

    /// Where a login is renewed.
    public struct Server: Equatable, Sendable {
        /// Whether TLS is spoken to it.
        public var usesTLS: Bool
        /// Its host, a name or an address without brackets.
        public var host: String
        /// Its port.
        public var port: UInt16
        /// The path of the request.
        public var path: String

        /// A server.
        public init(usesTLS: Bool, host: String, port: UInt16, path: String) {
            (self.usesTLS, self.host, self.port, self.path) = (usesTLS, host, port, path)
        }
    }

    /// A login with these tokens.
    public init(server: Server, access: [String], refresh: [String]) {
        (self.server, self.access, self.refresh) = (server, access, refresh)
    }

    /// The names on the way to a member, from how a profile writes them.
    public static func place(_ text: String) -> [String] { text.split(separator: ".").map(String.init) }

    /// Whether both are the same.
    public static func == (one: LoginForm, other: LoginForm) -> Bool { one.document == other.document }
}

extension LoginForm {
    /// Everything there is to it.
    public var document: Document {
        func text(_ place: [String]) -> Document { .string(place.joined(separator: ".")) }
        return .object([
            "tls": .bool(server.usesTLS), "host": .string(server.host),
            "port": .integer(Int64(server.port)), "path": .string(server.path), "fields": .map(fields),
            "form": .string(requestForm.rawValue), "access": text(access), "refresh": text(refresh),
            "expires": expires.map(text) ?? .null, "unit": .string(unit.rawValue),
            "keep": .map(keep.map { Document.Entry($0.name, text($0.place)) }), "locks": .strings(locks),
            "file": .string(file), "lock-directory": .string(lockDirectory),
        ])
    }

    /// Reads it back; nil if it is none.
    public init?(document: Document) {
        guard let host = document["host"]?.string, let path = document["path"]?.string,
            let port = document["port"]?.integer.flatMap({ UInt16(exactly: $0) }),
            let access = document["access"]?.string, let refresh = document["refresh"]?.string
        else { return nil }
        self.init(
            server: Server(usesTLS: document["tls"]?.bool ?? true, host: host, port: port, path: path),
            access: Self.place(access),
            refresh: Self.place(refresh)
        )
        fields = document["fields"]?.entries ?? []
        requestForm = document["form"]?.string.flatMap(RequestForm.init) ?? .json
        expires = document["expires"]?.string.map(Self.place)
        unit = document["unit"]?.string.flatMap(TimeUnit.init) ?? .milliseconds
        keep = (document["keep"]?.entries ?? []).map { ($0.key, Self.place($0.value.string ?? "")) }
        locks = document["locks"]?.stringList ?? []
        file = document["file"]?.string ?? ""
        lockDirectory = document["lock-directory"]?.string ?? ""
    }
}

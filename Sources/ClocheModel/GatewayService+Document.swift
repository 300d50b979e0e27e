// A service as a document: between the processes that decide and the one that has the key.

extension GatewayService {
    /// Everything there is to it.
    public var document: Document {
        .object([
            "name": .string(name), "tls": .bool(usesTLS), "host": .string(host),
            "port": .integer(Int64(port)),
            "base-path": .string(basePath), "headers": .map(headers), "drop": .strings(drop),
            "paths": .strings(paths), "variables": .map(variables), "placeholder": .string(placeholder),
            "usage": .optional(usage), "certificates": .optional(certificates),
            "git": .strings(git), "public": .bool(isPublic), "links": .strings(links),
            "number": .integer(Int64(number)),
            "intercept": .bool(isIntercepted),
            "append": .map(append), "login": login?.document ?? .null,
        ])
    }

    /// Reads it back; nil if it is none.
    public init?(document: Document) {
        guard let name = document["name"]?.string, let host = document["host"]?.string,
            let port = document["port"]?.integer.flatMap({ UInt16(exactly: $0) })
        else { return nil }
        self.init(
            name: name,
            usesTLS: document["tls"]?.bool ?? true,
            host: host,
            port: port,
            basePath: document["base-path"]?.string ?? ""
        )
        headers = document["headers"]?.entries ?? []
        drop = document["drop"]?.stringList ?? []
        paths = document["paths"]?.stringList ?? []
        variables = document["variables"]?.entries ?? []
        placeholder = document["placeholder"]?.string ?? Self.standardPlaceholder
        usage = document["usage"]?.string
        certificates = document["certificates"]?.string
        git = document["git"]?.stringList ?? []
        isPublic = document["public"]?.bool ?? false
        links = document["links"]?.stringList ?? []
        number = document["number"]?.integer.flatMap { UInt16(exactly: $0) } ?? 0
        isIntercepted = document["intercept"]?.bool ?? false
        append = document["append"]?.entries ?? []
        login = document["login"].flatMap { LoginForm(document: $0) }
    }
}

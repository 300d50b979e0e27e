// Rows of the schema for what of the network an agent may reach.

internal import ClocheModel

extension ProfileSchema {
    static let network: [SchemaKey] = [
        SchemaKey(
            "mode",
            .choice(NetworkMode.allCases.map(\.rawValue)),
            default: .string("none"),
            project: .narrower(.earlier(NetworkMode.allCases.map(\.rawValue))),
            """
            `none`: a network of its own with loopback only. `allow`: what `allow` names and nothing else. `open`: every \
            public address, and of others what `allow` names. `host`: the host's network without any filter, its \
            loopback and abstract sockets included; `start` and `list` say so.
            """
        ),
        SchemaKey(
            "allow",
            .list(.networkRule(denies: false)),
            default: .list([]),
            project: .narrower(.fewerRules),
            """
            What may be reached: bundles, hosts and ranges of addresses, with ports; see [Network](#network-by-name). \
            An empty list allows nothing.
            """
        ),
        SchemaKey(
            "deny",
            .list(.networkRule(denies: true)),
            default: .list([]),
            project: .narrower(.more),
            """
            What may not be reached although `allow` or `mode: open` has it. Without a port, all ports. A range of \
            addresses also counts for the addresses of names.
            """
        ),
        SchemaKey("dns", .section(dns), "How names are resolved on the host, once a connection is allowed."),
        SchemaKey(
            "upstream-proxy",
            .orNone(.text(.proxyURL)),
            default: .string("none"),
            project: .never,
            """
            The HTTP proxy through which this host reaches other networks; connections are made with CONNECT. A password \
            in it is kept in the agent's state file.
            """
        ),
        SchemaKey(
            "proxy-variables",
            .boolean,
            default: .bool(true),
            """
            Whether `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` are set inside. No program needs them; some \
            tell their user more when a proxy refuses.
            """
        ),
        SchemaKey(
            "hidden-names",
            .choice(["refuse", "allow"]),
            default: .string("refuse"),
            project: .narrower(.earlier(["refuse", "allow"])),
            """
            What becomes of TLS that names no server, or hides the name (encrypted client hello): whether it goes to the \
            host that a rule allows cannot be seen.
            """
        ),
    ]

    private static let dns: [SchemaKey] = [
        SchemaKey(
            "servers",
            .list(.text(.nameServer)),
            default: .list([]),
            project: .never,
            "Addresses of the name servers; without any, those of the host's `/etc/resolv.conf`."
        )
    ]

    /// An entry of `allow` or `deny` that is more than a host and ports.
    static let networkRule: [SchemaKey] = [
        SchemaKey(
            "host",
            .text(.line),
            "A name, which may have wildcards, an address or a range of addresses."
        ),
        SchemaKey(
            "ports",
            .list(.text(.ports)),
            "Ports and ranges of ports, or `*`; without the key 443, in `deny` all."
        ),
        SchemaKey(
            "addresses",
            .list(.text(.line)),
            "Addresses and ranges, not public ones, that the name may have beside public ones."
        ),
        SchemaKey(
            "methods",
            .list(.text(.line)),
            "Methods of HTTP; this and `paths` hold for plain HTTP, and allow no TLS."
        ),
        SchemaKey(
            "paths",
            .list(.text(.line)),
            "Paths of HTTP, where `*` stands for any characters of one segment and `**` for one or more segments."
        ),
        SchemaKey(
            "protocol",
            .choice(NetworkProtocol.allCases.map(\.rawValue)),
            """
            What the connection must be. Without the key: port 443 TLS and port 80 HTTP, each with the name that was \
            asked for; on other ports whatever looks like one of them, and anything else. `any`: nothing is looked at.
            """
        ),
    ]
}

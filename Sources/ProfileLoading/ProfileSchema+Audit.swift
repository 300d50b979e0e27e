// Rows of the schema for the audit log.

internal import ClocheModel

extension ProfileSchema {
    static let audit: [SchemaKey] = [
        SchemaKey(
            "level",
            .choice(["full", "standard", "minimal"]),
            default: .string("standard"),
            project: .narrower(.earlier(["full", "standard", "minimal"])),
            """
            `minimal`: what people do with the agent, and how it starts and ends. `standard`: what it does as well. \
            `full`: all that can be told. docs/audit.md lists the events of each level.
            """
        ),
        SchemaKey(
            "sync",
            .choice(["all", "security", "none"]),
            default: .string("security"),
            project: .narrower(.earlier(["all", "security", "none"])),
            """
            Which records are on disk (`fdatasync(2)`) before whoever caused them is answered: `all`, those of level \
            `security`, or `none`. Others follow within 200 ms, but with `none`: then a power cut may cost the last half minute.
            """
        ),
        SchemaKey(
            "rotate",
            .size(minimum: 65536),
            default: .string("64MiB"),
            project: .never,
            "A file of the log that has become as long is followed by another; the chain of records goes on."
        ),
        SchemaKey(
            "keep",
            .orNone(.integer(1...1_000_000)),
            default: .string("none"),
            project: .never,
            "How many files before the last are kept; `none` is no bound. Older ones are removed, and the next file says so."
        ),
        SchemaKey(
            "export",
            .list(.text(.exportDestination)),
            default: .list([]),
            project: .never,
            """
            Where records are sent besides, each by a process of its own that nobody waits for: `journald`, `syslog`, \
            `file:/PATH`, or `otlp:http://ADDRESS:PORT/v1/logs` for an OpenTelemetry collector. What a destination cannot take \
            now it gets later; docs/audit-export.md describes what arrives.
            """
        ),
    ]
}

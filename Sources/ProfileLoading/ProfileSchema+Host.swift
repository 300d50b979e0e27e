// Rows of the schema for what an agent gets of the host: files, credentials.

internal import ClocheModel

extension ProfileSchema {
    static let filesystem: [SchemaKey] = [
        SchemaKey(
            "workspace",
            .choice(["ro", "rw"]),
            default: .string("rw"),
            project: .narrower(.earlier(["ro", "rw"])),
            "Whether the agent may write in `/workspace`: `rw`, or `ro`."
        ),
        SchemaKey(
            "system",
            .list(.text(.hostPath)),
            default: .list([]),
            project: .narrower(.fewer),
            """
            Host directories shown at their own place: the programs and libraries of the sandbox. They are lower \
            layers of an overlay, so nothing the agent does reaches the host's. What is missing on the host is left \
            out; a symbolic link (`/bin`) stays one.
            """
        ),
        SchemaKey(
            "writable",
            .list(.text(.insidePath)),
            default: .list([]),
            """
            Directories below `/etc`, `/var`, `/usr`, `/opt` or one of `system` in which the agent may make files. They are written \
            to the agent's own layer, kept across stop and resume, and thrown away by `cloche run` and `delete`. \
            Files of the host in them can be replaced but not opened for writing, because they belong to the host's \
            root.
            """
        ),
        SchemaKey(
            "etc",
            .list(.text(.etcName)),
            default: .list([]),
            project: .narrower(.fewer),
            """
            Names below the host's `/etc` that are shown; `*` stands for any characters of one component. What is \
            missing is left out. `passwd`, `group`, `hosts`, `hostname`, `resolv.conf`, `nsswitch.conf` and \
            `machine-id` are made for each agent and cannot be named here.
            """
        ),
        SchemaKey(
            "binds",
            .list(.record(bind, .bind)),
            default: .list([]),
            project: .narrower(.fewer),
            "Further files and directories of the host, each shown at the place named."
        ),
        SchemaKey(
            "protect",
            .list(.text(.protectedName)),
            default: .list([]),
            project: .narrower(.more),
            """
            Names below the workspace that programs on your side obey by themselves. `cloche diff` and `merge` name \
            each change of one, or of anything below one, at any depth and in any spelling of its letters. In a \
            directory of yours (`run`, `--workspace dir`) they are read-only at its top, and cannot be made where they \
            are absent: as long as a sandbox runs, an empty directory (with a `/` at the end) or file stands there. A \
            name with `*` in it, which stands for any characters of one component, or with `**/` before it is only \
            told by `diff` and `merge`. A list replaces; `protect+` adds to it.
            """
        ),
        SchemaKey(
            "tmp-size",
            .size(minimum: 1),
            default: .string("1GiB"),
            project: .narrower(.smaller),
            """
            Most that `/tmp`, `/run` and `/dev/shm` may each hold, and all together that `cloche run` throws away besides. It \
            is memory, used as it is filled.
            """
        ),
        SchemaKey(
            "tmp-inodes",
            .integer(16...(1 << 32)),
            default: .integer(1 << 20),
            project: .narrower(.smaller),
            "Most files and directories in each of `/tmp`, `/run` and `/dev/shm`."
        ),
    ]

    static let bind: [SchemaKey] = [
        SchemaKey("source", .text(.hostPath), "The file or directory on the host; `~` is the user's home."),
        SchemaKey(
            "target",
            .text(.insidePath),
            """
            Where it is shown; `~` is `/home/agent`, `$HOST_HOME` the path that the user's home has on the host. \
            Without the key, at its own place, the user's home becoming the agent's.
            """
        ),
        SchemaKey(
            "mode",
            .choice(["ro", "rw"]),
            default: .string("ro"),
            "`ro`, or `rw` to let the agent write."
        ),
        SchemaKey(
            "optional",
            .boolean,
            default: .bool(false),
            "If true, a missing source is left out; otherwise it stops the start."
        ),
        SchemaKey(
            "sockets",
            .boolean,
            default: .bool(false),
            """
            If true, sockets of the host may be in it. Otherwise one at the source, or up to two levels below it, stops \
            the start: whoever listens there would serve the agent, and `ro` does not stop that.
            """
        ),
    ]

    static let service: [SchemaKey] = [
        SchemaKey(
            "url",
            .text(.serviceURL),
            "Where it is: `https://HOST`, with a port and a path if need be. Plain `http://` is for hosts of your own."
        ),
        SchemaKey(
            "headers",
            .map(.headerName, .text(.line)),
            default: .map([]),
            """
            Fields of each request that show the secret: `{key}` stands for it, `{basic USER}` for user and secret in \
            base 64. What the agent sends in them is dropped.
            """
        ),
        SchemaKey(
            "append",
            .map(.headerName, .text(.line)),
            default: .map([]),
            """
            Fields with a list, such as `anthropic-beta`, and a member that each must have: added to what the agent sends \
            in it.
            """
        ),
        SchemaKey(
            "drop",
            .list(.text(.headerName)),
            default: .list([]),
            "Further fields of the agent's that are not passed on."
        ),
        SchemaKey(
            "paths",
            .list(.text(.servicePath)),
            default: .list([]),
            "Beginnings of paths that may be asked for, such as `/v1/`; without any, all."
        ),
        SchemaKey(
            "variables",
            .map(.variableName, .text(.line)),
            default: .map([]),
            """
            Variables inside, by which programs find the gateway: `{url}` stands for its address with the service's name, \
            `{root}` for an address at which paths are the service's own, `{placeholder}` for what stands for the secret.
            """
        ),
        SchemaKey(
            "placeholder",
            .text(.line),
            default: .string(GatewayService.standardPlaceholder),
            "What stands for the secret inside; some programs look at its form."
        ),
        SchemaKey(
            "usage",
            .choice(["anthropic", "openai", "gemini"]),
            "The form in which its answers say how many tokens were used; without it, only requests are counted."
        ),
        SchemaKey(
            "certificates",
            .text(.hostPath),
            "A file of certificates that are trusted for it, instead of the system's."
        ),
        SchemaKey(
            "git",
            .list(.text(.gitAddress)),
            default: .list([]),
            """
            Beginnings of addresses of git repositories, such as `https://github.com/`: git inside asks the gateway for \
            them, by `url.*.insteadOf` in its variables.
            """
        ),
        SchemaKey(
            "links",
            .list(.text(.profileName)),
            default: .list([]),
            """
            Services, this one or others, whose addresses in its answers (HTML and JSON) are replaced by those that the gateway has \
            for them: files on another host, which a registry's pages name. Others are given along, without a secret.
            """
        ),
        SchemaKey(
            "login",
            .record(login, .login),
            """
            How a login for it is read from the file in which a program of the host keeps it, and renewed; for credentials \
            with `login`. See docs/logins.md.
            """
        ),
    ]

    static let login: [SchemaKey] = [
        SchemaKey("token-url", .text(.serviceURL), "Where a refresh token is given for an access token."),
        SchemaKey(
            "fields",
            .map(.fileKey, .text(.line)),
            default: .map([]),
            "Fixed members of the request besides `grant_type` and `refresh_token`, such as `client_id`."
        ),
        SchemaKey(
            "form",
            .choice(["json", "form"]),
            default: .string("json"),
            "How the request is written: `json`, or `form` as RFC 6749 has it."
        ),
        SchemaKey("access", .text(.memberPlace), "Where in the file the access token stands."),
        SchemaKey("refresh", .text(.memberPlace), "Where the refresh token stands."),
        SchemaKey(
            "expires",
            .text(.memberPlace),
            "Where it stands when the access token expires, as a number; without it, only the service's answer tells."
        ),
        SchemaKey(
            "expires-in",
            .choice(["milliseconds", "seconds"]),
            default: .string("milliseconds"),
            "The unit of that number, which counts since 1970."
        ),
        SchemaKey(
            "keep",
            .map(.fileKey, .text(.memberPlace)),
            default: .map([]),
            "Further members of the answer, such as `id_token`, each with its place in the file."
        ),
        SchemaKey(
            "locks",
            .list(.text(.lockPlace)),
            default: .list([]),
            """
            Directories that the host's program makes while it renews the login, and Cloche as well; `{directory}` is the \
            one that the file is in.
            """
        ),
    ]

    static let credential: [SchemaKey] = [
        SchemaKey(
            "env",
            .text(.variableName),
            "A variable of the caller's environment, given under the same name."
        ),
        SchemaKey(
            "file",
            .text(.hostPath),
            "A file on the host; `~` is the user's home. With `service`, its first line is the secret."
        ),
        SchemaKey(
            "command",
            .list(.text(.any)),
            "With `service`: a program of the host, run at each start; the first line it prints is the secret."
        ),
        SchemaKey(
            "kept",
            .text(.profileName),
            "With `service`: a secret that `cloche credential add` keeps under this name."
        ),
        SchemaKey(
            "login",
            .text(.hostPath),
            """
            With a `service` that has `login`: the file in which a program of the host keeps a login. The gateway reads and \
            renews it.
            """
        ),
        SchemaKey(
            "service",
            .text(.profileName),
            """
            One of `services`: the agent gets no secret, but the address of a gateway that adds it to requests for that \
            service, and to no others.
            """
        ),
        SchemaKey(
            "public",
            .boolean,
            """
            With `service`, in the place of a secret: requests go on without one, as to a registry that serves everybody. \
            It is given besides all others, unless the same service is given with a secret.
            """
        ),
        SchemaKey(
            "intercept",
            .boolean,
            default: .bool(false),
            """
            With `service`, for programs that take no other address: if true, `https://` and the service's own host lead \
            to the gateway as well. It answers with certificates of an authority that is made for this agent alone.
            """
        ),
        SchemaKey(
            "target",
            .text(.insidePath),
            """
            Where the file is shown; `~` is `/home/agent`. Without the key, at its own place, the user's home \
            becoming the agent's.
            """
        ),
        SchemaKey(
            "required",
            .boolean,
            default: .bool(false),
            "If true, the start fails when the credential is missing."
        ),
    ]
}

"""git over https through the gateway: git's own protocol, against git's own server, with a token that is outside."""

import base64
import http.server
import os
import subprocess
import threading

import case
import test_gateway

TOKEN = "ghp_canary52b7d1c04e9f"
REPOSITORY = "https://github.com/owner/repo"


class Handler(http.server.BaseHTTPRequestHandler):
    """git http-backend, for whoever has the token; without it, nothing at all, as for a private repository."""

    protocol_version = "HTTP/1.1"

    def handle_any(self):
        body = self.body()
        path, _, query = self.path.partition("?")
        self.server.requests.append((self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, len(body)))
        wanted = "Basic " + base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
        if self.headers.get("authorization") != wanted:
            self.send_response(401)
            self.send_header("www-authenticate", 'Basic realm="git"')
            self.send_header("content-length", "0")
            return self.end_headers()
        environment = {
            "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(self.server.root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
            "QUERY_STRING": query, "REQUEST_METHOD": self.command, "CONTENT_TYPE": self.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(body)), "HTTP_CONTENT_ENCODING": self.headers.get("content-encoding", ""),
            "GIT_PROTOCOL": self.headers.get("git-protocol", ""), "REMOTE_USER": "x", "REMOTE_ADDR": "127.0.0.1",
        }  # fmt: skip
        answer = subprocess.run(["git", "http-backend"], input=body, env=environment, stdout=subprocess.PIPE, check=False).stdout
        head, _, content = answer.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for start in range(0, len(content), 50000):
            piece = content[start : start + 50000]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST = do_PUT = handle_any

    def body(self):
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, root, context):
        self.root, self.requests = root, []
        super().__init__(("127.0.0.1", 0), Handler)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        pass


def hosted(t, *, service=""):
    """A server with `owner/repo` and `owner/other`, and a profile whose github it is."""
    authority, context = test_gateway.certificates(t, "localhost")
    root = t.dir / "hosted"
    seed = t.repository("seed", files={"README.md": "# Hosted\n"})
    for name in ("repo", "other"):
        # By either name, as the real one.
        bare = root / "owner" / f"{name}.git"
        t.command("git", "clone", "-q", "--bare", seed, bare)
        t.git("config", "http.receivepack", "true", cwd=bare)
        (root / "owner" / name).symlink_to(bare)
    server = Server(root, context)
    t.env["REAL_KEY"] = TOKEN
    t.profile(
        "hosted",
        f"""
extends: shell
services:
  github:
    url: https://localhost:{server.server_address[1]}
    certificates: {authority}
    headers: {{authorization: "Basic {{basic x-access-token}}"}}
    git: ["https://github.com/", "git@github.com:"]
    variables: {{GIT_TERMINAL_PROMPT: "0"}}
    {service}
credentials: [{{service: github, env: REAL_KEY, required: true}}]
environment: {{set: {{GIT_CONFIG_COUNT: "1", GIT_CONFIG_KEY_0: core.abbrev, GIT_CONFIG_VALUE_0: "12"}}}}
""",
    )
    return server, root / "owner/repo.git"


def inside(t, project, script, **options):
    return t.cloche("exec", "-T", "a", "--", "sh", "-ec", script, cwd=project, timeout=120, **options)


@case.timeout(240)
def test_clone_fetch_and_push(t):
    server, bare = hosted(t)
    for number in range(60):
        t.git("branch", f"b{number}", t.git("commit-tree", "-m", f"{number}", "HEAD^{tree}", cwd=bare).out.strip(), cwd=bare)
    project = t.repository()
    t.start("a", "exec sleep 1000", cwd=project, profile="hosted")
    # The profile's own setting of git holds besides; what was asked for is written down as it was meant.
    result = inside(
        t,
        project,
        f"git clone -q {REPOSITORY} /tmp/clone && cd /tmp/clone && cat README.md && git config core.abbrev && git branch -r | wc -l"
        " && git config remote.origin.url; env",
    )
    assert result.out.startswith(f"# Hosted\n12\n62\n{REPOSITORY}\n"), result
    assert TOKEN not in result.out and base64.b64encode(TOKEN.encode()).decode()[:20] not in result.out
    asked = server.requests[:]
    assert any(headers.get("git-protocol") == "version=2" for _, _, headers, _ in asked), asked
    # What is wanted is many names: git compresses that.
    assert any(headers.get("content-encoding") == "gzip" for _, _, headers, _ in asked), asked
    # A pack of megabytes goes in chunks, from a clone and by the name that ssh has.
    commit = "git -c user.name=a -c user.email=a@b commit -qm"
    inside(
        t,
        project,
        f"cd /tmp/clone && head -c 9000000 /dev/urandom >big && git add big && {commit} Big && git push -q origin HEAD:refs/heads/big"
        " && git push -q git@github.com:owner/repo HEAD:refs/heads/again",
    )
    assert len(t.git("cat-file", "blob", "big:big", cwd=bare, check=True).out.encode(errors="surrogateescape")) > 8_000_000
    assert t.git("rev-parse", "big", cwd=bare).out == t.git("rev-parse", "again", cwd=bare).out
    sent = [(headers, size) for method, _, headers, size in server.requests if size > 8_000_000]
    assert sent and sent[0][0].get("transfer-encoding") == "chunked", sent
    # And from the agent's own worktree, which has no remote of its own, with the repository's objects borrowed.
    inside(
        t,
        project,
        f"cd /workspace && git remote add origin {REPOSITORY}.git && echo work >work && git add work && {commit} Work"
        " && git push -q origin HEAD:refs/heads/work && git fetch -q origin && git log -1 --format=%s origin/work",
    )
    assert t.git("show", "work:work", cwd=bare).out == "work\n"
    text = t.cloche("audit", "a", "--json", cwd=project).out
    assert "/owner/repo.git/git-receive-pack" in text and TOKEN not in text
    # Until it is taken away.
    t.cloche("credential", "revoke", "github")
    refused = inside(t, project, "cd /workspace && git fetch origin", check=None)
    assert refused.code != 0 and "403" in refused.err, refused


def test_without_the_right_token_nothing_is_had(t):
    """The control: it is the gateway's token that opens; nobody is asked for another, and none that is inside counts."""
    server, _ = hosted(t)
    t.env["REAL_KEY"] = "ghp_another"
    project = t.repository()
    t.start("a", "exec sleep 1000", cwd=project, profile="hosted")
    result = inside(t, project, f"git ls-remote {REPOSITORY}", check=None)
    assert result.code != 0 and "terminal prompts disabled" in result.err, result
    own = f"git -c http.extraHeader='Authorization: Basic {base64.b64encode(f'x-access-token:{TOKEN}'.encode()).decode()}'"
    assert inside(t, project, f"{own} ls-remote {REPOSITORY}", check=None).code != 0
    assert server.requests and all("authorization" in headers for _, _, headers, _ in server.requests)
    # Without the gateway there is no way at all.
    t.profile("none", "extends: shell\n")
    result = t.cloche("run", "--profile", "none", "--workspace", "none", "--", "git", "ls-remote", REPOSITORY, check=None)
    assert result.code != 0, result
    t.cloche("stop", "a", "--kill", cwd=project)
    t.env["REAL_KEY"] = TOKEN
    t.cloche("resume", "a", cwd=project)
    assert "refs/heads/main" in inside(t, project, f"git ls-remote {REPOSITORY}").out


def test_one_repository_alone(t):
    """`paths` keeps a token that could do more to one repository, by either of its names."""
    server, _ = hosted(t, service="paths: [/owner/repo, /owner/repo.git]")
    project = t.repository()
    t.start("a", "exec sleep 1000", cwd=project, profile="hosted")
    for name in ("repo", "repo.git"):
        assert "HEAD" in inside(t, project, f"git ls-remote https://github.com/owner/{name}").out
    before = len(server.requests)
    for path in ("owner/other", "owner/other.git", "owner/repository", "owner/repo/../other", "owner/repo.git/%2e%2e/other.git"):
        refused = inside(t, project, f"git ls-remote https://github.com/{path}", check=None)
        assert refused.code != 0 and ("403" in refused.err or "400" in refused.err), (path, refused)
    assert len(server.requests) == before
    # The control: without `paths`, the token is good for the other as well.
    text = (t.config / "cloche/profiles/hosted.yaml").read_text()
    t.profile("wide", text.replace("paths: [/owner/repo, /owner/repo.git]", ""))
    result = t.cloche("run", "--profile", "wide", "--workspace", "none", "--", "git", "ls-remote", "https://github.com/owner/other")
    assert "HEAD" in result.out and len(server.requests) > before

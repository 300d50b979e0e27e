"""The gateway: a key that is used and never there, what passes and what does not, and what becomes of it when things end."""

import http.server
import json
import os
import pathlib
import shlex
import signal
import ssl
import threading
import time

import case

KEY = "sk-canary-7f3a9c51e2d84b60"

# Sends bytes as they are to the gateway, and prints what comes back until the connection closes or is silent.
RAW = """
import socket, sys
s = socket.create_connection(("127.0.0.1", 4180)); s.settimeout(3)
s.sendall(sys.stdin.buffer.read()); out = b""
try:
    while piece := s.recv(65536): out += piece
except OSError: pass
sys.stdout.buffer.write(out)
"""


class Service(http.server.ThreadingHTTPServer):
    """A service on loopback that remembers what it was asked; `answer` is called with the handler for each request."""

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, answer=None, context=None):
        self.requests, self.answer = [], answer
        super().__init__(("127.0.0.1", 0), Handler)
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_any(self):
        if self.headers.get("transfer-encoding"):
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.requests.append((self.command, self.path, dict(self.headers), body))
        if self.server.answer:
            return self.server.answer(self, body)
        self.reply(b"fine")

    do_GET = do_POST = do_PUT = do_HEAD = handle_any

    def reply(self, body, status=200, kind="text/plain"):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def events(self, pieces, kind="text/event-stream"):
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_):
        pass


def profile(t, port, *, name="served", scheme="http", host="127.0.0.1", more="", source="env: REAL_KEY", service="", network="none"):
    t.env["REAL_KEY"] = KEY
    t.profile(
        name,
        f"""
extends: shell
network: {{mode: {network}}}
services:
  model:
    url: {scheme}://{host}:{port}
    headers: {{x-api-key: "{{key}}"}}
    variables: {{MODEL_URL: "{{url}}", MODEL_KEY: "{{placeholder}}"}}
    {service}
credentials: [{{service: model, {source}, required: true}}]
{more}
""",
    )
    return name


def run(t, script, *, name="served", input=None, check=True, timeout=60):
    return t.cloche(
        "run", "--profile", name, "--workspace", "none", "--", "sh", "-c", script, input=input, check=check, timeout=timeout
    )


def state_of(t, name, project):
    return pathlib.Path(t.cloche("path", name, "state", cwd=project).out.strip())


def gateways(t):
    """Gateways of this test's agents: children of its supervisors."""
    found = []
    for supervisor in t.supervisors():
        children = pathlib.Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
        for pid in map(int, children):
            try:
                if b"gateway" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                    found.append(pid)
            except OSError:
                pass
    return found


def test_the_key_is_added_outside(t):
    service = Service()
    profile(t, service.port)
    result = run(
        t,
        'env; curl -sS -d body "$MODEL_URL/v1/messages?beta=true" -H "x-api-key: $MODEL_KEY" -H "Authorization: Bearer $MODEL_KEY"'
        ' -H "Cookie: a=b" -H "X-Other: kept"; curl -sS -T - "$MODEL_URL/put" </etc/hostname',
    )
    assert KEY not in result.out and result.out.endswith("finefine"), result
    (method, path, headers, body), second = service.requests
    assert (method, path, body) == ("POST", "/v1/messages?beta=true", b"body")
    names = {name.lower(): value for name, value in headers.items()}
    assert names["x-api-key"] == KEY and names["x-other"] == "kept" and names["host"] == f"127.0.0.1:{service.port}"
    assert "authorization" not in names and "cookie" not in names and "cloche-holds-the-key" not in str(headers)
    assert second[:2] == ("PUT", "/put") and second[3]


def memory_has(pid, canary):
    """Whether a process's memory has some bytes; None when it may not be read."""
    try:
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
            for line in maps:
                if " r" not in line.split("-", 1)[1][:20] or "[v" in line:
                    continue
                start, end = (int(word, 16) for word in line.split()[0].split("-"))
                try:
                    memory.seek(start)
                    if canary in memory.read(end - start):
                        return True
                except (OSError, ValueError, OverflowError):
                    continue
        return False
    except PermissionError:
        return None
    except FileNotFoundError:
        return False


def places_with(t, canary):
    """Files of the test's that have some bytes; arguments and environments of its processes; memory of each."""
    found = []
    for top in (t.state, t.home, t.run, t.dir / "cache", t.dir / "project"):
        for folder, _, files in os.walk(top):
            for file in files:
                path = pathlib.Path(folder, file)
                if path.is_file() and not path.is_symlink() and canary in path.read_bytes():
                    found.append(str(path))
    for pid in set(t.processes()) | set(gateways(t)):
        for part in ("cmdline", "environ"):
            try:
                if canary in pathlib.Path(f"/proc/{pid}/{part}").read_bytes():
                    found.append(f"{part} of {pid}")
            except OSError:
                pass
        name = "gateway" if pid in gateways(t) else "process"
        if memory_has(pid, canary):
            found.append(f"memory of {name} {pid}")
    return found


@case.timeout(180)
def test_a_canary_is_found_nowhere(t):
    """But in the gateway, whose memory root alone may read; with the key given as a variable, the same search finds it."""
    project = t.repository()
    service = Service(lambda handler, body: handler.reply(b"echo " + str(handler.headers).encode()))
    profile(t, service.port)
    task = 'curl -sS -d x $MODEL_URL/v1/a >answer; cat answer; printf "%s" "$MODEL_KEY" >key; exec sleep 1000'
    t.start("a", task, cwd=project, profile="served")
    t.cloche("wait", "a", "--for", "output:echo", "--since-start", cwd=project)
    assert service.requests and service.requests[0][2]["x-api-key"] == KEY
    (gateway,) = gateways(t)
    # The test's own shell has the variable, the commands that it starts as well; nothing of the agent's has.
    found = places_with(t, KEY.encode())
    isolated = [place for place in found if place != f"memory of gateway {gateway}"]
    assert not isolated, found
    if os.getuid() == 0:
        assert f"memory of gateway {gateway}" in found, "the search does not see what is there"
    else:
        assert memory_has(gateway, KEY.encode()) is None, "a gateway's memory can be read"
    text = t.cloche("audit", "a", "--json", cwd=project).out + t.cloche("logs", "a", cwd=project).out
    assert KEY not in text and "key-in-answer" in text
    t.cloche("stop", "a", "--kill", cwd=project)
    t.wait_until(lambda: not pathlib.Path(f"/proc/{gateway}").exists(), "the gateway's end")
    # The control: a key that the agent is given is there, and found.
    t.profile("given", "extends: shell\ncredentials: [{env: REAL_KEY}]\n")
    t.start("b", "exec sleep 1000", cwd=project, profile="given")
    assert any("environ of" in place for place in places_with(t, KEY.encode()))


def test_answers_stream(t):
    """Each event is there before the next is sent; and a key in an answer is replaced however it is cut."""
    gate = threading.Semaphore(0)

    def pieces():
        for number in range(5):
            yield f"data: {number}\n\n".encode()
            assert gate.acquire(timeout=20), "the event before did not arrive"
        for cut in range(1, len(KEY)):
            yield b"<" + KEY[:cut].encode()
            yield KEY[cut:].encode() + b">"

    service = Service(lambda handler, body: handler.events(pieces()))
    profile(t, service.port)
    # Each event that is seen is acknowledged.
    script = (
        "import os, urllib.request\n"
        "answer = urllib.request.urlopen(os.environ['MODEL_URL'] + '/s')\n"
        "for n in range(5):\n"
        "    assert answer.readline() == b'data: %d\\n' % n; answer.readline(); print('got', n, flush=True)\n"
        f"rest = answer.read(); print(rest.count(b'<' + b'*' * {len(KEY)} + b'>'), len(rest))\n"
    )
    program = t.spawn("run", "--profile", "served", "--workspace", "none", "--", "python3", "-c", script)
    for number in range(5):
        assert program.stdout.readline() == f"got {number}\n".encode(), program.communicate()
        gate.release()
    out, errors = program.communicate(timeout=60)
    count = len(KEY) - 1
    assert out.decode().split() == [str(count), str(count * (len(KEY) + 2))], (out, errors)


HEAD = b"POST /model/v1/x HTTP/1.1\r\nHost: gateway\r\n"
SMUGGLING = {
    "both lengths": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /model/smuggled HTTP/1.1\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhellox",
    "length with a sign": HEAD + b"Content-Length: +5\r\n\r\nhello",
    "list of lengths": HEAD + b"Content-Length: 5, 5\r\n\r\nhello",
    "unknown coding": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "coding before a tab": HEAD + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "two codings": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunk extension": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n",
    "bare line feeds": b"POST /model/v1/x HTTP/1.1\nHost: gateway\nContent-Length: 0\n\n",
    "space before the colon": HEAD + b"Content-Length : 5\r\n\r\nhello",
    "folded field": HEAD + b"X-A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "null in a value": HEAD + b"X-A: b\0c\r\nContent-Length: 0\r\n\r\n",
    "no host": b"GET /model/v1/x HTTP/1.1\r\n\r\n",
    "two hosts": HEAD + b"Host: other\r\nContent-Length: 0\r\n\r\n",
    "another protocol": HEAD + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "proxy request": b"GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n",
    "tunnel": b"CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n",
    "dot segments": b"GET /model/v1/../../admin HTTP/1.1\r\nHost: gateway\r\n\r\n",
    "encoded dots": b"GET /model/v1/%2e%2e/admin HTTP/1.1\r\nHost: gateway\r\n\r\n",
    "encoded slash": b"GET /model/v1%2f..%2fadmin HTTP/1.1\r\nHost: gateway\r\n\r\n",
    "path outside": b"GET /model/admin HTTP/1.1\r\nHost: gateway\r\n\r\n",
    "prefix of a path": b"GET /model/v1admin HTTP/1.1\r\nHost: gateway\r\n\r\n",
    "other service": b"GET /other/v1/x HTTP/1.1\r\nHost: gateway\r\n\r\n",
    "version 2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "long head": HEAD + b"X-A: " + b"a" * 70000 + b"\r\n\r\n",
    "no request": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


@case.once
@case.timeout(180)
def test_requests_with_two_meanings_are_refused(t):
    """docs/security-tests.md, rows of request smuggling: the service sees none of them; a plain request, it does."""
    service = Service()
    profile(t, service.port, service="paths: [/v1/]")
    project = t.repository()
    t.start("a", "exec sleep 1000", cwd=project, profile="served")
    for what, request in {**SMUGGLING, "plain": HEAD + b"Content-Length: 5\r\nConnection: close\r\n\r\nhello"}.items():
        before = len(service.requests)
        result = t.cloche("exec", "-T", "a", "--", "python3", "-c", RAW, cwd=project, input=request, timeout=30)
        seen = service.requests[before:]
        if what == "plain":
            assert len(seen) == 1 and seen[0][3] == b"hello" and result.out.endswith("fine"), (result, seen)
        elif what == "chunk extension":
            # The head is whole before its body is seen: it may have been begun, and cannot be ended.
            assert not seen, seen
        else:
            assert not seen and (result.out[:12] in ("HTTP/1.1 400", "HTTP/1.1 403", "HTTP/1.1 404") or not result.out), (what, result)
    # Two requests at once are two, in order.
    twice = HEAD + b"Content-Length: 1\r\n\r\n1" + HEAD + b"Content-Length: 1\r\nConnection: close\r\n\r\n2"
    t.cloche("exec", "-T", "a", "--", "python3", "-c", RAW, cwd=project, input=twice)
    assert [request[3] for request in service.requests[-2:]] == [b"1", b"2"]


def certificates(t, name):
    """A certificate authority, and a server's certificate for a name."""
    folder = t.dir / f"tls-{name}"
    folder.mkdir()
    new = ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    t.command(*new, "-x509", "-subj", "/CN=Test", "-keyout", folder / "ca.key", "-out", folder / "ca.pem")
    t.command(*new, "-subj", f"/CN={name}", "-keyout", folder / "key.pem", "-out", folder / "request")
    (folder / "names").write_text(f"subjectAltName={'IP' if name[0].isdigit() else 'DNS'}:{name}\n")
    authority = ["-CA", folder / "ca.pem", "-CAkey", folder / "ca.key", "-CAcreateserial"]
    t.command(
        "openssl", "x509", "-req", "-in", folder / "request", *authority, "-days", "2", "-extfile", folder / "names",
        "-out", folder / "cert.pem",
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return folder / "ca.pem", context


def test_who_a_service_is_must_be_proved(t):
    """A private authority is named by the service; without it, or for another name, the key does not go out."""
    authority, context = certificates(t, "localhost")
    service = Service(context=context)
    trusted = f"certificates: {authority}"
    profile(t, service.port, scheme="https", host="localhost", service=trusted)
    ask = 'curl -sS -w " %{http_code}" $MODEL_URL/v1/x; for n in 1 2 3; do curl -sS $MODEL_URL/v1/$n >/dev/null; done'
    assert run(t, ask).out == "fine 200" and len(service.requests) == 4
    assert service.requests[0][2]["x-api-key"] == KEY
    profile(t, service.port, name="unknown", scheme="https", host="localhost")
    result = run(t, 'curl -sS -w " %{http_code}" $MODEL_URL/v1/x', name="unknown")
    assert result.out.endswith(" 502") and "certificate" in result.out and len(service.requests) == 4, result
    profile(t, service.port, name="other", scheme="https", host="127.0.0.1", service=trusted)
    result = run(t, 'curl -sS -w " %{http_code}" $MODEL_URL/v1/x', name="other")
    assert result.out.endswith(" 502") and len(service.requests) == 4, result
    # And a redirection is the agent's to follow, without the key.
    def moved(handler, body):
        handler.send_response(307)
        handler.send_header("location", f"https://localhost:{service.port}/elsewhere")
        handler.send_header("content-length", "0")
        handler.end_headers()
    service.answer = moved
    assert run(t, 'curl -sS -o /dev/null -w "%{http_code}" $MODEL_URL/v1/x').out == "307"
    assert len(service.requests) == 5


def test_a_key_can_be_changed_and_taken_away(t):
    """At once, at agents that run, and for good; another agent's own key stays."""
    service = Service()
    t.cloche("credential", "protect", "--key-file", t.home / "opener")
    t.cloche("credential", "add", "work", "--stdin", input=KEY + "\n")
    profile(t, service.port, source="kept: work")
    profile(t, service.port, name="other", source="env: OTHER_KEY")
    t.env["OTHER_KEY"] = "sk-other-key-000000000000"
    project = t.repository()
    for name, kind in (("a", "served"), ("b", "served"), ("c", "other")):
        t.start(name, "exec sleep 1000", cwd=project, profile=kind)

    def ask(agent):
        script = 'curl -sS -o /dev/null -w "%{http_code}" $MODEL_URL/v1/x'
        before = len(service.requests)
        status = t.cloche("exec", "-T", agent, "--", "sh", "-c", script, cwd=project).out
        return status, [request[2]["x-api-key"] for request in service.requests[before:]]

    assert ask("a") == ask("b") == ("200", [KEY])
    second = "sk-second-4711-4711-4711"
    began = time.monotonic()
    t.cloche("credential", "rotate", "work", "--stdin", input=second + "\n")
    assert time.monotonic() - began < 10 * case.patience
    assert ask("a") == ask("b") == ("200", [second])
    # A request that is under way with a revoked key is broken off.
    begun, leave = threading.Event(), threading.Event()
    def slow(handler, body):
        begun.set()
        leave.wait(30)
        handler.reply(b"late")
    service.answer = slow
    waiting = t.spawn("exec", "-T", "a", "--", "sh", "-c", "curl -sS -w ' %{http_code}' $MODEL_URL/v1/slow", cwd=project)
    assert begun.wait(30)
    answer = t.json("credential", "revoke", "work")
    assert {change["agent"] for change in answer["agents"]} == {"a", "b"}, answer
    out, _ = waiting.communicate(timeout=20)
    assert b"revoked" in out and out.endswith(b" 403"), out
    leave.set()
    service.answer = None
    assert ask("a") == ask("b") == ("403", [])
    assert ask("c") == ("200", [t.env["OTHER_KEY"]])
    # Nor does another start bring it back.
    t.cloche("stop", "a", "--kill", cwd=project)
    refused = t.cloche("resume", "a", cwd=project, check=None)
    assert refused.code and "revoked" in refused.err, refused
    text = t.cloche("audit", "b", cwd=project).out
    assert "revoke" in text and "rotate" in text, text


def test_a_revocation_is_told_when_it_is_done(t):
    """A gateway that stands still has the key: nobody is told otherwise; and it is gone once it goes on."""
    service = Service()
    t.cloche("credential", "protect", "--key-file", t.home / "opener")
    t.cloche("credential", "add", "work", "--stdin", input=KEY + "\n")
    profile(t, service.port, source="kept: work")
    project = t.repository()
    t.start("a", "exec sleep 1000", cwd=project, profile="served")
    (gateway,) = gateways(t)
    os.kill(gateway, signal.SIGSTOP)
    refused = t.cloche("credential", "revoke", "work", check=None)
    assert refused.code == 1 and "did not answer" in refused.out, refused
    os.kill(gateway, signal.SIGCONT)
    ask = "curl -sS -o /dev/null -w '%{http_code}' $MODEL_URL/v1/x"
    status = lambda: t.cloche("exec", "-T", "a", "--", "sh", "-c", ask, cwd=project).out  # noqa: E731
    t.wait_until(lambda: status() == "403", "the end of the key")
    # Told again, it is done at once.
    assert t.json("credential", "revoke", "work")["agents"][0]["failure"] is None


ANSWER = {
    "model": "claude-test", "type": "message", "stop_reason": "end_turn",
    "usage": {"input_tokens": 1000, "output_tokens": 500, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0},
}  # fmt: skip


def test_budgets_hold(t):
    """Requests are counted exactly, also at once; what they used is on record, and in `cost`."""
    service = Service(lambda handler, body: handler.reply(json.dumps(ANSWER).encode(), kind="application/json"))
    (t.config / "cloche/prices.yaml").write_text("models: {claude-test: {input: 1000, output: 2000}}\n")
    profile(t, service.port, service="usage: anthropic", more="budget: {requests: 5}")
    project = t.repository()
    t.start("a", "exec sleep 1000", cwd=project, profile="served")
    script = (
        "for n in $(seq 20); do curl -sS -o /dev/null -w '%{http_code}\\n' -d '{\"model\": \"claude-test\"}' $MODEL_URL/v1/messages & done; wait"
    )
    statuses = t.cloche("exec", "-T", "a", "--", "sh", "-c", script, cwd=project).out.split()
    assert sorted(statuses) == ["200"] * 5 + ["429"] * 15, statuses
    assert len(service.requests) == 5
    refused = t.cloche("exec", "-T", "a", "--", "sh", "-c", "curl -sS -d '{}' $MODEL_URL/v1/messages", cwd=project).out
    assert "budget" in refused and "5 requests" in refused, refused
    # A thousand tokens at 1000 dollars a million, and 500 at 2000: two dollars each. Written within a moment.
    sums = lambda: t.json("cost", cwd=project)["total"]  # noqa: E731
    t.wait_until(lambda: sums()["requests"] == 5, "five requests in the ledger", 5)
    assert (sums()["input"], sums()["output"], sums()["nanodollars"]) == (5000, 2500, 10 * 10**9), sums()
    assert "budget" in t.cloche("audit", "a", cwd=project).out
    # Who would not count refuses.
    refused = t.cloche("run", "--profile", "served", "--workspace", "none", "--", "true", cwd=project, check=None)
    assert refused.code == 125 and "budget" in refused.err, refused
    # It holds after a stop, and when more is allowed, for more.
    t.cloche("stop", "a", "--kill", cwd=project)
    t.cloche("resume", "a", cwd=project)
    one = "curl -sS -o /dev/null -w '%{http_code}' -d '{\"model\": \"claude-test\"}' $MODEL_URL/v1/messages"
    assert t.cloche("exec", "-T", "a", "--", "sh", "-c", one, cwd=project).out == "429"


def test_what_nobody_waits_for_is_counted(t):
    """An agent that breaks off before an answer has used the model; only what cannot have reached one is free."""
    got = threading.Event()

    def silent(handler, body):
        got.set()
        time.sleep(20)

    service = Service(silent)
    profile(t, service.port, service="usage: anthropic")
    project = t.repository()
    t.start("a", "exec sleep 1000", cwd=project, profile="served")
    ask = "head -c 90000 /dev/zero | tr '\\0' x | curl -sS -m 6 -o /dev/null --data-binary @- $MODEL_URL/v1/messages"
    t.cloche("exec", "-T", "a", "--", "sh", "-c", ask, cwd=project, check=None)
    assert got.is_set()
    total = lambda: t.json("cost", cwd=project)["total"]  # noqa: E731
    t.wait_until(lambda: total()["input"] >= 30000 and total()["output"] > 0, "an estimate", 10)
    # A service that is not there is asked for nothing.
    service.shutdown()
    service.server_close()
    before = total()
    script = "curl -sS -o /dev/null -w '%{http_code}' -d '{}' $MODEL_URL/v1/messages"
    assert t.cloche("exec", "-T", "a", "--", "sh", "-c", script, cwd=project).out == "502"
    t.wait_until(lambda: total()["requests"] == before["requests"] + 1, "the request", 10)
    assert total()["input"] == before["input"], total()


@case.timeout(120)
def test_a_slow_service_is_waited_for(t):
    """A body much larger than what waits anywhere arrives whole, and waiting costs no time."""
    sums = []

    def slow(handler):
        length, count = int(handler.headers["content-length"]), 0
        time.sleep(2)
        while count < length:
            count += len(handler.rfile.read(min(1 << 20, length - count)))
        sums.append(count)
        handler.reply(b"%d" % count)

    service = Service()
    profile(t, service.port)
    project = t.repository()
    original = Handler.handle_any
    Handler.do_PUT = slow
    try:
        t.start("a", "exec sleep 1000", cwd=project, profile="served")
        (gateway,) = gateways(t)
        before = cpu_seconds(gateway)
        script = "head -c 60000000 /dev/zero | curl -sS -H Expect: -T - $MODEL_URL/x -H 'content-length: 60000000' -H transfer-encoding:"
        assert t.cloche("exec", "-T", "a", "--", "sh", "-c", script, cwd=project).out == "60000000"
        assert sums == [60000000] and cpu_seconds(gateway) - before < 1.5
    finally:
        Handler.do_PUT = original


def test_an_old_key_is_taken_out_of_answers_too(t):
    """A request that was sent with a key before it was changed: its answer may still have that key in it."""
    begun, leave = threading.Event(), threading.Event()

    def echo(handler, body):
        begun.set()
        leave.wait(30)
        handler.reply(str(handler.headers).encode())

    service = Service(echo)
    t.cloche("credential", "protect", "--key-file", t.home / "opener")
    t.cloche("credential", "add", "work", "--stdin", input=KEY + "\n")
    profile(t, service.port, source="kept: work")
    project = t.repository()
    t.start("a", "exec sleep 1000", cwd=project, profile="served")
    waiting = t.spawn("exec", "-T", "a", "--", "sh", "-c", "curl -sS $MODEL_URL/v1/x", cwd=project)
    assert begun.wait(30)
    t.cloche("credential", "rotate", "work", "--stdin", input="sk-second-4711-4711-4711\n")
    leave.set()
    out, _ = waiting.communicate(timeout=30)
    assert KEY.encode() not in out and b"x-api-key: ****" in out.lower(), out


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@case.timeout(240)
def test_floods_block_nobody(t):
    """Thousands of requests that are refused, from an agent that does not read: its supervisor goes on, and nothing spins."""
    service = Service()
    profile(t, service.port, more="budget: {requests: 1}")
    project = t.repository()
    flood = (
        "import socket, os\n"
        "head = b'GET /model/' + b'x' * 2000 + b' HTTP/1.1\\r\\nHost: g\\r\\n\\r\\n'\n"
        "held = []\n"
        "for n in range(900):\n"
        "    s = socket.create_connection(('127.0.0.1', 4180)); s.sendall(head * 3); held.append(s)\n"
        "s = socket.create_connection(('127.0.0.1', 4180)); s.setblocking(False)\n"
        "one = b'GET /none HTTP/1.1\\r\\nHost: g\\r\\n\\r\\n' * 100000\n"
        "sent = 0\n"
        "try:\n"
        "    while sent < len(one): sent += s.send(one[sent:])\n"
        "except BlockingIOError: pass\n"
        "held.append(s); print('flooded', flush=True)\n"
        "os.read(0, 1)\n"
    )
    t.start("a", "exec python3 -c " + shlex.quote(flood), cwd=project, profile="served")
    t.cloche("wait", "a", "--for", "output:flooded", "--since-start", "--timeout", "120s", cwd=project, timeout=150)
    began = time.monotonic()
    t.json("list", "--all", cwd=project)
    assert time.monotonic() - began < 10 * case.patience
    pids = t.supervisors() + gateways(t)
    # What is left is to be nothing: hang-ups and answers that nobody reads take no time.
    t.wait_until(lambda: quiet(pids), "quiet", 60)
    t.cloche("stop", "a", "--kill", cwd=project, timeout=30)
    assert len(service.requests) <= 1


def quiet(pids):
    before = [cpu_seconds(pid) for pid in pids]
    time.sleep(1)
    return all(cpu_seconds(pid) - then < 0.2 for pid, then in zip(pids, before))


def test_a_gateway_that_dies_takes_the_key_with_it(t):
    """Nothing is weaker then: the agent is refused, that is on record, and a restart of its sandbox does not matter."""
    service = Service()
    profile(t, service.port)
    project = t.repository()
    t.start("a", "exec sleep 1000", cwd=project, profile="served")
    (gateway,) = gateways(t)
    os.kill(gateway, signal.SIGKILL)
    ask = "curl -sS -o /dev/null -w '%{http_code}' $MODEL_URL/v1/x"
    t.wait_until(lambda: "lost" in t.cloche("audit", "a", cwd=project).out, "the record of it")
    result = t.cloche("exec", "-T", "a", "--", "sh", "-c", ask, cwd=project, check=None)
    assert result.out == "000" and not service.requests, result
    t.cloche("stop", "a", "--kill", cwd=project)
    t.cloche("resume", "a", cwd=project)
    assert t.cloche("exec", "-T", "a", "--", "sh", "-c", ask, cwd=project).out == "200"
    # And one whose supervisor is killed ends as well.
    (gateway,) = gateways(t)
    for supervisor in t.supervisors():
        if supervisor != gateway:
            os.kill(supervisor, signal.SIGKILL)
    t.wait_until(lambda: not pathlib.Path(f"/proc/{gateway}").exists(), "the gateway's end")


def test_profiles_that_cannot_be_served_are_refused(t):
    service = Service()
    profile(t, service.port, network="host")
    result = run(t, "true", check=None)
    assert result.code == 125 and "host's network" in result.err, result
    profile(t, service.port)
    del t.env["REAL_KEY"]
    result = run(t, "true", check=None)
    assert result.code == 125 and "variable REAL_KEY" in result.err, result
    t.profile("lost", "extends: shell\ncredentials: [{service: antropic, env: X}]\n")
    result = run(t, "true", name="lost", check=None)
    assert result.code == 125 and "anthropic" in result.err, result
    t.profile("bare", "extends: shell\nservices: {anthropic: {url: 'https://x.test'}}\ncredentials: [{service: anthropic, env: X}]\n")
    assert "{key}" in run(t, "true", name="bare", check=None).err
    t.profile("twice", "extends: shell\ncredentials: [{service: anthropic, env: X, kept: y}]\n")
    assert "exactly one" in run(t, "true", name="twice", check=None).err
    t.env["REAL_KEY"] = KEY
    profile(t, service.port, scheme="https", service="certificates: /nowhere.pem")
    result = run(t, "true", check=None)
    assert result.code == 125 and "/nowhere.pem" in result.err, result
    # A project's own file makes no services.
    project = t.repository()
    (project / ".cloche").mkdir()
    (project / ".cloche/config.yaml").write_text(
        f"overrides:\n  services: {{model: {{url: 'http://127.0.0.1:{service.port}', headers: {{x: '{{key}}'}}}}}}\n"
    )
    result = t.cloche("run", "--profile", "shell", "--", "true", cwd=project, check=None)
    assert result.code == 125 and "trust" in result.err, result
    assert not service.requests

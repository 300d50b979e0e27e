"""Logins that are renewed: shared by agents through their gateways, with the host's own program writing meanwhile. The server
plays an OAuth service that rotates refresh tokens, and takes one that is shown twice for stolen."""

import http.client
import json
import os
import pathlib
import shlex
import socket
import ssl
import threading
import time
import urllib.parse

import case
from test_gateway import Handler, Service, certificates, gateways

# Asks as fast as it is answered, until it is told to stop; each request says when it began.
CLIENT = """
import http.client, json, os, sys, time
seen, connection, problem = {}, None, ""
while True:
    try:
        connection = connection or http.client.HTTPConnection("127.0.0.1", 4180, timeout=100)
        connection.request("POST", "/model/v1/work", b"x" * 500, {"X-Began": repr(time.monotonic())})
        answer = connection.getresponse()
        status, text = answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        connection, status, text = None, "broken", b""
    seen[status] = seen.get(status, 0) + 1
    if text == b"stop": break
    # Revoked, or the connection broke off with what was revoked.
    if status in (403, "broken"): time.sleep(0.02)
    # Used up by the others, twice in a row: possible, and no loss.
    elif status == 401 and b"expired" in text: pass
    elif status != 200: problem = problem or repr((status, text))
print("seen", json.dumps(seen), problem, flush=True)
sys.exit(1 if problem else 0)
"""


class Issuer:
    """An OAuth service and an API. An access token is good for some uses; a refresh token for one."""

    def __init__(self, uses=15, context=None, lifetime=3600):
        self.uses, self.lifetime, self.lock = uses, lifetime, threading.Lock()
        self.number, self.access, self.refresh, self.spent = 0, {}, {}, {}
        self.dead, self.closed = set(), set()
        self.renewals, self.by_cloche, self.reuses, self.violations, self.connections = 0, 0, 0, [], 0
        self.requests, self.stopping, self.revoked_at = [], False, {}
        self.before_answer = lambda: None
        self.api = lambda handler, body: handler.reply(b"stop" if self.stopping else b"fine")
        self.service = CountingService(self, context)
        self.port = self.service.port

    def new(self, grant):
        """A new pair of tokens; with the lock held."""
        self.number += 1
        access, refresh = f"oat-{grant}-{self.number}-{'a' * 20}", f"ort-{grant}-{self.number}-{'r' * 20}"
        self.access[access], self.refresh[grant] = [grant, self.uses], refresh
        return access, refresh

    def login(self):
        with self.lock:
            self.number += 1
            grant = f"grant{self.number}"
            return grant, *self.new(grant)

    def renew(self, refresh, by_cloche=False):
        """The answer to a request for a renewal."""
        with self.lock:
            self.renewals += 1
            grant = refresh.split("-")[1]
            if grant in self.revoked_at:
                self.violations.append(("renewal", refresh))
            if self.refresh.get(grant) != refresh:
                self.reuses += 1
                self.dead.add(grant)
            if grant in self.dead:
                return 400, {"error": "invalid_grant"}
            self.by_cloche += by_cloche
            access, refresh = self.new(grant)
            answer = {"token_type": "Bearer", "access_token": access, "expires_in": self.lifetime, "refresh_token": refresh}
            return 200, answer | {"id_token": f"id-{self.number}"}

    def use(self, handler):
        """Whether the access token of a request is taken."""
        token = handler.headers.get("authorization", "").removeprefix("Bearer ")
        with self.lock:
            grant, left = self.access.get(token, (None, 0))
            if grant in self.closed:
                self.violations.append(("late", token))
            elif grant in self.revoked_at and float(handler.headers.get("x-began", "inf")) > self.revoked_at[grant]:
                self.violations.append(("begun after", token))
            if grant in self.dead or left <= 0:
                return False
            self.access[token][1] -= 1
            return True

    def answer(self, handler, body):
        if handler.path == "/oauth/token":
            kind = handler.headers["content-type"]
            asked = json.loads(body) if kind == "application/json" else dict(urllib.parse.parse_qsl(body.decode()))
            self.requests.append((kind, asked))
            self.before_answer()
            assert asked["grant_type"] == "refresh_token" and asked["client_id"] == "the client"
            status, document = self.renew(asked["refresh_token"], handler.headers.get("user-agent") == "cloche")
            return handler.reply(json.dumps(document).encode(), status, "application/json")
        if not self.use(handler):
            return handler.reply(b'{"error": "expired"}', 401, "application/json")
        self.api(handler, body)


class CountingService(Service):
    """Knows how many connections are open."""

    def __init__(self, issuer, context):
        self.issuer = issuer
        super().__init__(issuer.answer, context)

    def process_request(self, request, address):
        # Heads and bodies are written apart.
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.issuer.lock:
            self.issuer.connections += 1
        super().process_request(request, address)

    def shutdown_request(self, request):
        super().shutdown_request(request)
        with self.issuer.lock:
            self.issuer.connections -= 1


class HostProgram:
    """The program whose login it is: writes its file under its lock, as Claude Code does."""

    def __init__(self, t, issuer, milliseconds=True):
        self.issuer, self.file, self.own = issuer, t.home / ".agent/login.json", threading.Lock()
        self.scale, self.lock = 1000 if milliseconds else 1, self.file.parent / ".renew.lock"
        self.file.parent.mkdir()
        self.counter = 0
        self.grant = None
        self.log_in()

    def log_in(self, expires=None):
        self.grant, access, refresh = self.issuer.login()
        old = json.loads(self.file.read_text()) if self.file.exists() else {"other": {"big": 12345678901234567890, "real": 1.50}}
        expires = int((time.time() + 3600 if expires is None else expires) * self.scale)
        old["oauth"] = {"access": access, "scopes": ["a", "b"], "refresh": refresh, "expires": expires}
        old["counter"] = self.counter
        self.write(old)

    def write(self, document):
        new = self.file.with_suffix(".tmp")
        new.write_text(json.dumps(document, indent=3))
        new.chmod(0o600)
        new.rename(self.file)

    def read(self):
        return json.loads(self.file.read_text())

    def work(self, renews):
        """Once: counts in the file, and renews the login by itself; False when somebody else has the lock."""
        with self.own:
            try:
                self.lock.mkdir()
            except FileExistsError:
                return False
            try:
                document = self.read()
                self.counter += 1
                document["counter"] = self.counter
                if renews:
                    status, answer = self.issuer.renew(document["oauth"]["refresh"])
                    assert status == 200, answer
                    document["oauth"] |= {"access": answer["access_token"], "refresh": answer["refresh_token"]}
                self.write(document)
            finally:
                self.lock.rmdir()
            return True

    def check(self):
        """That nothing was lost."""
        text = self.file.read_text()
        document = json.loads(text)
        assert document["oauth"]["refresh"] == self.issuer.refresh[self.grant], (text, self.issuer.refresh)
        assert document["counter"] == self.counter, (text, self.counter)
        # As it was written: no reader of ours has made other numbers of them.
        assert "12345678901234567890" in text and document["oauth"]["scopes"] == ["a", "b"], text
        assert self.file.stat().st_mode & 0o777 == 0o600 and not self.issuer.reuses, self.issuer.reuses


def profile(t, issuer, host, *, name="shared", scheme="http", service="", login="", more="", credential=""):
    t.profile(
        name,
        f"""
extends: shell
network: {{mode: none}}
services:
  model:
    url: {scheme}://localhost:{issuer.port}
    headers: {{authorization: "Bearer {{key}}"}}
    paths: [/v1/]
    variables: {{MODEL_URL: "{{url}}", MODEL_KEY: "{{placeholder}}"}}
    {service}
    login:
      token-url: {scheme}://localhost:{issuer.port}/oauth/token
      fields: {{client_id: the client}}
      access: oauth.access
      refresh: oauth.refresh
      expires: oauth.expires
      locks: ["{{directory}}/.renew.lock"]
      {login}
credentials:
  - {{service: model, login: {host.file}, required: true}}
{credential}
{more}
""",
    )
    return name


def ask(t, project, agent, script='curl -sS -w " %{http_code}" $MODEL_URL/v1/x', **more):
    return t.cloche("exec", "-T", agent, "--", "sh", "-c", script, cwd=project, **more).out


def records(t, project, agent):
    lines = t.cloche("audit", agent, "--json", cwd=project).out.splitlines()
    return [line for line in map(json.loads, lines) if line["event"] == "gateway"]


def tokens_in_files(t):
    """Files of Cloche's that have a token."""
    found = []
    for top in (t.state, t.run, t.dir / "cache"):
        for path in pathlib.Path(top).rglob("*"):
            if path.is_file() and not path.is_symlink() and any(mark in path.read_bytes() for mark in (b"oat-grant", b"ort-grant")):
                found.append(str(path))
    return found


@case.once
@case.timeout(600)
def test_ten_agents_share_a_login(t):
    """A thousand renewals and fifty revocations: no update is lost, and nothing is used after a revocation."""
    authority, context = certificates(t, "localhost")
    issuer = Issuer(context=context)
    host = HostProgram(t, issuer)
    profile(t, issuer, host, scheme="https", service=f"certificates: {authority}")
    project = t.repository()
    agents = [f"a{number}" for number in range(10)]
    for agent in agents:
        t.start(agent, f"python3 -c {shlex.quote(CLIENT)}", cwd=project, profile="shared")
    ended, problems = threading.Event(), []

    def write_meanwhile():
        turn = 0
        while not ended.wait(0.02):
            turn += 1
            try:
                host.work(renews=turn % 10 == 0)
            except Exception as error:  # told by the test itself
                problems.append(repr(error))

    program = threading.Thread(target=write_meanwhile)
    program.start()
    try:
        for number in range(50):
            wanted = 20 * (number + 1)
            t.wait_until(lambda: issuer.by_cloche >= wanted or problems, f"{wanted} renewals", 120)
            grant = host.grant
            with host.own:
                answer = t.json("credential", "revoke", "model")
                issuer.revoked_at[grant] = time.monotonic()
                assert len(answer["agents"]) == 10 and not any(one["failure"] for one in answer["agents"]), answer
                settle(t, issuer, authority)
                issuer.closed.add(grant)
                host.check()
                host.log_in()
                answer = t.json("credential", "rotate", "model")
                assert len(answer["agents"]) == 10 and not any(one["failure"] for one in answer["agents"]), answer
            assert not problems and not issuer.violations, (problems, issuer.violations[:5])
        t.wait_until(lambda: issuer.by_cloche >= 1000 + 20, "renewals with the last login", 120)
    finally:
        ended.set()
        program.join()
        issuer.stopping = True
    for agent in agents:
        entry = t.wait_ended(agent, project)
        assert entry["state"] == "done" or entry.get("exit-code") == 0, (entry, t.cloche("logs", agent, cwd=project).out)
    host.check()
    assert not issuer.violations and not problems, (issuer.violations[:5], problems)
    told = [record for agent in agents for record in records(t, project, agent)]
    renewed = [record for record in told if record["action"] == "renew"]
    assert len(renewed) == issuer.by_cloche, (len(renewed), issuer.by_cloche)
    assert not [record for record in told if record["action"] == "renew-failed"], told
    assert len([record for record in told if record["action"] == "revoke"]) == 500
    assert not tokens_in_files(t), tokens_in_files(t)


def settle(t, issuer, authority):
    """Until what gateways had sent before they were told is read: they have closed all their connections, and the last one
    of the queue is ours."""
    connection = http.client.HTTPSConnection("localhost", issuer.port, context=ssl.create_default_context(cafile=authority))
    connection.request("GET", "/v1/probe")
    assert connection.getresponse().status == 401
    connection.close()
    t.wait_until(lambda: issuer.connections == 0, "the end of all connections")


# What agents do that have the file itself.
ALONE = """
import http.client, json, os, sys
def ask(path, body, fields):
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=60)
    connection.request("POST", path, body, fields)
    answer = connection.getresponse()
    return answer.status, answer.read()
login = json.load(open("/login/login.json"))["oauth"]
status, _ = ask("/v1/work", b"", {"authorization": "Bearer " + login["access"]})
asked = {"grant_type": "refresh_token", "client_id": "the client", "refresh_token": login["refresh"]}
status, text = ask("/oauth/token", json.dumps(asked), {"content-type": "application/json"})
print("renewed", status)
"""


def test_agents_with_the_file_lose_it(t):
    """The control: agents that have the file and renew for themselves show one refresh token twice, and lose the login."""
    issuer = Issuer(uses=0)
    host = HostProgram(t, issuer)
    both = threading.Barrier(2)
    issuer.before_answer = lambda: both.wait(60)
    t.profile("given", f"extends: shell\nnetwork: {{mode: host}}\nfilesystem:\n  binds+: [{{source: {host.file.parent}, target: /login}}]\n")
    words = ("run", "--profile", "given", "--workspace", "none", "--", "python3", "-c", ALONE, issuer.port)
    programs = [t.spawn(*words) for _ in range(2)]
    outs = [program.communicate(timeout=100) for program in programs]
    assert sorted(out.split()[-1] for out, _ in outs) == [b"200", b"400"], outs
    assert issuer.reuses == 1 and host.grant in issuer.dead
    # Through gateways, the same two ask once, and both are answered.
    issuer = Issuer(uses=1000)
    issuer.access.clear()
    host.issuer = issuer
    host.log_in(expires=time.time() - 10)
    profile(t, issuer, host)
    came = threading.Event()
    issuer.before_answer = lambda: came.wait(2)
    words = ("run", "--profile", "shared", "--workspace", "none", "--", "sh", "-c", "curl -sS -w ' %{http_code}' $MODEL_URL/v1/x")
    programs = [t.spawn(*words) for _ in range(2)]
    outs = [program.communicate(timeout=100) for program in programs]
    assert [out for out, _ in outs] == [b"fine 200"] * 2, outs
    assert issuer.renewals == 1 and not issuer.reuses, (issuer.renewals, issuer.reuses)
    host.check()


def test_a_login_is_renewed_outside(t):
    """The agent has a placeholder; the file, behind a link, has the new tokens in the places of the old ones; both tokens are
    taken out of answers; other requests go on while the service is asked."""
    issuer = Issuer(uses=3)
    host = HostProgram(t, issuer)
    real = t.home / "elsewhere.json"
    host.file.rename(real)
    host.file.symlink_to(real)
    before = real.read_text()
    first = host.read()["oauth"]["access"]
    other = Service()
    t.env["OTHER_KEY"] = "sk-other-key-000000000000"
    more = "  - {service: other, env: OTHER_KEY, required: true}"
    profile(t, issuer, host, credential=more)
    text = (t.config / "cloche/profiles/shared.yaml").read_text()
    other_service = f"services:\n  other:\n    url: http://127.0.0.1:{other.port}\n    headers: {{x-api-key: '{{key}}'}}\n"
    t.profile("shared", text.replace("services:\n", other_service))
    project = t.repository()
    t.start("a", "env >environment; exec sleep 1000", cwd=project, profile="shared")
    issuer.api = lambda handler, body: handler.reply(f"{body.decode()} {handler.headers['authorization']} {first}".encode())
    post = 'curl -sS -w " %{http_code}" -d body $MODEL_URL/v1/x -H "Authorization: Bearer $MODEL_KEY"'
    for _ in range(3):
        out = ask(t, project, "a", post)
        assert "oat-" not in out and out.startswith("body Bearer ***") and out.endswith(" 200"), out
    assert not issuer.renewals
    # The fourth is answered 401, and sent again with its body: the agent sees nothing of it.
    begun, leave = threading.Event(), threading.Event()
    def hold():
        begun.set()
        assert leave.wait(60)
    issuer.before_answer = hold
    waiting = t.spawn("exec", "-T", "a", "--", "sh", "-c", post, cwd=project)
    assert begun.wait(30)
    assert ask(t, project, "a", "curl -sS http://127.0.0.1:4180/other/x") == "fine"
    assert real.read_text() == before and host.lock.is_dir()
    leave.set()
    out, errors = waiting.communicate(timeout=60)
    out = out.decode()
    assert out.startswith("body Bearer ***") and out.endswith(" 200") and "oat-" not in out, (out, errors)
    host.check()
    assert host.file.is_symlink() and not host.lock.exists() and issuer.renewals == 1
    # Nothing but the three values is another one.
    after, document = real.read_text(), json.loads(real.read_text())["oauth"]
    old = json.loads(before)["oauth"]
    for name in ("access", "refresh", "expires"):
        before = before.replace(json.dumps(old[name]), json.dumps(document[name]))
    assert after == before
    assert sorted(path.name for path in t.home.iterdir() if "elsewhere" in path.name) == ["elsewhere.json"]
    environment = (t.workspace("a", project) / "environment").read_text()
    assert "MODEL_KEY=cloche-holds-the-key" in environment and "oat-" not in environment
    assert [record["action"] for record in records(t, project, "a")] == ["renew"]
    assert not tokens_in_files(t), tokens_in_files(t)


def test_no_token_comes_back(t):
    """A service that says what it was sent long ago: all tokens of a gateway's life are taken out, not only the last ones."""
    issuer = Issuer(uses=1)
    host = HostProgram(t, issuer)
    profile(t, issuer, host)
    project = t.repository()
    t.start("a", "exec sleep 1000", cwd=project, profile="shared")
    sent = []
    def api(handler, body):
        sent.append(handler.headers["authorization"].removeprefix("Bearer "))
        handler.reply(" ".join([*sent, "oat-of-nobody"]).encode())
    issuer.api = api
    for number in range(1, 5):
        out = ask(t, project, "a").split()
        assert out == ["*" * len(token) for token in sent] + ["oat-of-nobody", "200"] and len(sent) == number, (out, sent)
    # Nor after others have taken their place.
    t.cloche("credential", "revoke", "model")
    host.log_in()
    t.cloche("credential", "rotate", "model")
    out = ask(t, project, "a")
    assert len(set(sent)) == 5 and out.split()[5:] == ["oat-of-nobody", "200"] and "oat-grant" not in out, (out, sent)


def test_a_request_that_is_long_is_asked_for_again(t):
    """One that is not kept whole is answered 503 with the reason, and its next try has the new token."""
    issuer = Issuer(uses=1)
    host = HostProgram(t, issuer)
    profile(t, issuer, host)
    script = (
        "head -c 6000000 /dev/zero >/tmp/long; curl -sS $MODEL_URL/v1/x; for n in 1 2; do"
        ' curl -sS -w " %{http_code}\\n" --data-binary @/tmp/long -H "Expect:" $MODEL_URL/v1/x; done'
    )
    out = t.cloche("run", "--profile", "shared", "--workspace", "none", "--", "sh", "-c", script).out
    first, second = out.removeprefix("fine").splitlines()
    assert first.endswith(" 503") and "ask again" in first and second == "fine 200", out
    assert issuer.renewals == 1
    host.check()


FULL = """
import socket, sys, time
kept = []
for number in range(60):
    client = socket.create_connection(("127.0.0.1", 4180))
    client.sendall(b"POST /model/v1/x HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: %d\\r\\n\\r\\n" % (4 << 20) + bytes(1024))
    kept.append(client)
time.sleep(2)
# All but the last byte, as far as it is taken: the answer cannot come yet.
for client in kept:
    client.settimeout(2)
    try: client.sendall(bytes((4 << 20) - 1025))
    except TimeoutError: pass
open("full", "w").close()
time.sleep(1000)
"""


def test_what_could_be_sent_again_has_its_limit(t):
    """Bodies are kept in case that the key is renewed meanwhile: an agent that sends many does not fill the host's memory."""
    issuer = Issuer()
    host = HostProgram(t, issuer)
    host.log_in()
    profile(t, issuer, host)
    project = t.repository()
    t.start("a", "exec sleep 1000", cwd=project, profile="shared")
    assert ask(t, project, "a") == "fine 200"
    (gateway,) = gateways(t)
    client = t.spawn("exec", "-T", "a", "--", "python3", "-c", FULL, cwd=project)
    highest = 0
    def filled():
        nonlocal highest
        status = pathlib.Path(f"/proc/{gateway}/status").read_text()
        highest = max(highest, int(status.split("VmRSS:")[1].split()[0]) >> 10)
        return (t.workspace("a", project) / "full").exists()
    t.wait_until(filled, "all that is taken", 120)
    client.kill()
    client.communicate()
    print(f"# {highest} MiB at most, of 240 that were sent")
    # 64 MiB that wait, and what it has besides.
    assert highest < 140, highest


def test_a_form_and_seconds(t):
    """A provider is data: a form instead of JSON, seconds, further members that are kept."""
    issuer = Issuer()
    host = HostProgram(t, issuer, milliseconds=False)
    host.log_in(expires=time.time() - 100)
    document = host.read()
    document["oauth"]["id"] = "old"
    host.write(document)
    profile(t, issuer, host, login="form: form\n      expires-in: seconds\n      keep: {id_token: oauth.id}")
    out = t.cloche("run", "--profile", "shared", "--workspace", "none", "--", "sh", "-c", "curl -sS $MODEL_URL/v1/x").out
    assert out == "fine" and issuer.requests[0][0] == "application/x-www-form-urlencoded", (out, issuer.requests)
    host.check()
    document = host.read()["oauth"]
    assert document["id"].startswith("id-") and 3000 < document["expires"] - time.time() < 3700, document


def test_a_path_that_is_always_closed(t):
    """Its 401 costs one renewal, and the request is sent twice; after some, others pay no more. Also where the agent does not
    wait, or sends what is not kept."""
    issuer = Issuer(uses=1000)
    host = HostProgram(t, issuer)
    profile(t, issuer, host)
    project = t.repository()
    came = []
    def api(handler, body):
        came.append(handler.path)
        handler.reply(b"closed" if handler.path == "/v1/closed" else b"fine", 401 if handler.path == "/v1/closed" else 200)
    issuer.api = api
    t.start("a", "head -c 5000000 /dev/zero >/tmp/long; exec sleep 1000", cwd=project, profile="shared")
    closed = 'curl -sS -w " %{http_code}" $MODEL_URL/v1/closed -d x'
    assert ask(t, project, "a", closed) == "closed 401" and issuer.renewals == 1 and len(came) == 2, (issuer.renewals, came)
    assert ask(t, project, "a") == "fine 200" and issuer.renewals == 1
    # One in 15 seconds is forgiven; a machine that stands still is as patient.
    started = time.monotonic()
    many = "for n in $(seq 15); do curl -sS -o /dev/null --data-binary @/tmp/long -H Expect: $MODEL_URL/v1/closed; done"
    ask(t, project, "a", f"{many}; {many.replace('@/tmp/long', 'x')}; {many.replace('-sS', '-s -m 0.2')}; true")
    most = 9 + (time.monotonic() - started) / 15
    assert 8 <= issuer.renewals <= most, (issuer.renewals, most)
    assert ask(t, project, "a") == "fine 200"
    host.check()


def test_a_login_that_ended(t):
    """The agent is told, once the service; a new login in the file is used without a word."""
    issuer = Issuer()
    host = HostProgram(t, issuer)
    profile(t, issuer, host)
    project = t.repository()
    t.start("a", "exec sleep 1000", cwd=project, profile="shared")
    assert ask(t, project, "a") == "fine 200"
    issuer.dead.add(host.grant)
    for _ in range(3):
        out = ask(t, project, "a")
        assert out.endswith(" 401") and "log in again" in out, out
    assert issuer.renewals == 1
    host.log_in()
    assert ask(t, project, "a") == "fine 200"
    # A server that sends elsewhere is not followed.
    elsewhere = Service()
    def moved(handler, body):
        handler.send_response(307)
        handler.send_header("location", f"http://127.0.0.1:{elsewhere.port}/oauth/token")
        handler.send_header("content-length", "0")
        handler.end_headers()
    host.log_in(expires=time.time() - 100)
    t.cloche("credential", "rotate", "model")
    answer, issuer.service.answer = issuer.service.answer, moved
    out = ask(t, project, "a")
    assert out.endswith(" 503") and "307" in out and not elsewhere.requests, out
    issuer.service.answer = answer
    t.wait_until(lambda: ask(t, project, "a") == "fine 200", "the login after the failure")
    host.check()
    told = [(record["action"], record.get("why", "")) for record in records(t, project, "a")]
    assert [action for action, _ in told] == ["renew-failed", "rotate", "renew-failed", "renew"], told
    assert "no longer valid" in told[0][1] and "307" in told[2][1], told


def test_what_is_under_way_when_it_is_revoked(t):
    """What the service answers still goes into the file, and is not used; nobody gets the login until `rotate`."""
    issuer = Issuer()
    host = HostProgram(t, issuer)
    host.log_in(expires=time.time() - 100)
    profile(t, issuer, host)
    project = t.repository()
    t.start("a", "exec sleep 1000", cwd=project, profile="shared")
    begun, leave = threading.Event(), threading.Event()
    def hold():
        begun.set()
        assert leave.wait(60)
    issuer.before_answer = hold
    waiting = t.spawn("exec", "-T", "a", "--", "sh", "-c", "curl -sS -w ' %{http_code}' $MODEL_URL/v1/x", cwd=project)
    assert begun.wait(30)
    revoking = t.spawn("credential", "revoke", "model")
    out, _ = waiting.communicate(timeout=60)
    assert b"revoked" in out and out.endswith(b" 403"), out
    leave.set()
    revoking.communicate(timeout=60)
    t.wait_until(lambda: host.read()["oauth"]["refresh"] == issuer.refresh[host.grant], "the renewed login")
    # It was told when that was done; a busy machine is told that it was not, and told again.
    assert revoking.returncode == 0 or not t.json("credential", "revoke", "model")["agents"][0]["failure"]
    host.check()
    assert all(left == issuer.uses for _, left in issuer.access.values()), issuer.access
    assert ask(t, project, "a").endswith(" 403") and issuer.renewals == 1
    refused = t.cloche("start", "b", "--profile", "shared", "exec sleep 1000", cwd=project, check=None)
    assert refused.code and "revoked" in refused.err and "rotate" in refused.err, refused
    once = t.cloche("run", "--profile", "shared", "--workspace", "none", "--", "true", check=None)
    assert once.code and "revoked" in once.err, once
    issuer.before_answer = lambda: None
    t.cloche("credential", "rotate", "model")
    assert ask(t, project, "a") == "fine 200"
    # The file's own name will do as well.
    t.cloche("credential", "revoke", host.file)
    assert ask(t, project, "a").endswith(" 403")
    t.cloche("credential", "rotate", host.file)
    assert ask(t, project, "a") == "fine 200"


def test_a_revocation_reaches_who_cannot_be_told(t):
    """A `run` that has the token already, with an answer under way; agents that have the file by a link, or under the name of
    another service."""
    issuer = Issuer()
    host = HostProgram(t, issuer)
    profile(t, issuer, host)
    text = (t.config / "cloche/profiles/shared.yaml").read_text()
    link = t.home / "link.json"
    link.symlink_to(host.file)
    t.profile("linked", text.replace(str(host.file), str(link)))
    t.profile("renamed", text.replace("model", "other"))
    project = t.repository()
    for name in ("linked", "renamed"):
        t.start(name, "exec sleep 1000", cwd=project, profile=name)
        assert ask(t, project, name) == "fine 200"
    leave, begun = threading.Event(), threading.Event()
    def api(handler, body):
        if handler.path != "/v1/slow":
            return handler.reply(b"fine")
        handler.send_response(200)
        handler.send_header("content-length", "1000")
        handler.end_headers()
        handler.wfile.write(b"begun")
        begun.set()
        leave.wait(100)
    issuer.api = api
    # Nobody asks while the slow one is under way; 18 of curl is an answer that is not whole.
    script = 'curl -sS $MODEL_URL/v1/x; curl -s -o /dev/null $MODEL_URL/v1/slow; echo " slow $?"; curl -sS -w " %{http_code}" $MODEL_URL/v1/x'
    once = t.spawn("run", "--profile", "shared", "--workspace", "none", "--", "sh", "-c", script)
    try:
        assert begun.wait(60)
        told = t.json("credential", "revoke", link)["agents"]
        assert sorted(one["agent"] for one in told) == ["linked", "renamed"] and not any(one["failure"] for one in told), told
        for name in ("linked", "renamed"):
            assert ask(t, project, name).endswith(" 403")
        out, _ = once.communicate(timeout=60)
        out = out.decode()
        assert out.startswith("fine slow 18\n") and "revoked" in out and out.endswith(" 403"), out
    finally:
        leave.set()
    told = t.json("credential", "rotate", host.file)["agents"]
    assert sorted(one["agent"] for one in told) == ["linked", "renamed"], told
    assert [ask(t, project, name) for name in ("linked", "renamed")] == ["fine 200"] * 2
    # By the name of one service; the other has the file as well.
    told = t.json("credential", "revoke", "other")["agents"]
    assert sorted(one["agent"] for one in told) == ["linked", "renamed"], told
    assert ask(t, project, "linked").endswith(" 403")
    t.json("credential", "rotate", "other")
    assert ask(t, project, "linked") == "fine 200"


def test_a_login_that_is_replaced_meanwhile_stays(t):
    """By a program that knows no lock, while the service is asked: its login holds, and not what the old one became."""
    issuer = Issuer()
    host = HostProgram(t, issuer)
    host.log_in(expires=time.time() - 100)
    profile(t, issuer, host)
    issuer.before_answer = host.log_in
    out = t.cloche("run", "--profile", "shared", "--workspace", "none", "--", "sh", "-c", "curl -sS $MODEL_URL/v1/x").out
    assert out == "fine" and issuer.renewals == 1, out
    host.check()
    # A file of which others could write is none; the service is not asked.
    host.file.chmod(0o666)
    out = t.cloche("run", "--profile", "shared", "--workspace", "none", "--", "sh", "-c", "curl -sS $MODEL_URL/v1/x").out
    assert "cannot be read" in out and issuer.renewals == 1, out

"""TLS that the gateway answers in the place of a service, for programs that take no other address.

Each test is in a network of its own (Tests/NetworkTests/internet.py): the service has its real port, a public address and a name that a DNS
server of the test knows, and nothing of it is the machine's.
"""

import json
import os
import pathlib
import re
import shlex
import shutil
import socket
import threading

import case
import internet
import name_server
from test_gateway import KEY, SMUGGLING, Service, certificates, gateways, places_with

HOST, ADDRESS, OTHER = "api.example.com", "93.184.216.34", "other.example.com"
LIST, AUTHORITY = "/run/cloche/certificates.pem", "/run/cloche/authority.pem"

# Speaks TLS with a name, asks with what comes in, and prints what it got, or why it got none.
CLIENT = """
import socket, ssl, sys
name, port, protocols = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
context = ssl.create_default_context(); context.check_hostname = False
if name == "-": context.verify_mode = ssl.CERT_NONE
if protocols: context.set_alpn_protocols(protocols)
try:
    s = context.wrap_socket(socket.create_connection(("127.0.0.2", port)), server_hostname=None if name == "-" else name)
except (ssl.SSLError, OSError) as error:
    sys.exit(f"handshake: {error}")
print(s.version(), s.selected_alpn_protocol(), file=sys.stderr)
s.settimeout(3); s.sendall(sys.stdin.buffer.read()); out = b""
try:
    while piece := s.recv(65536): out += piece
except OSError: pass
sys.stdout.buffer.write(out)
"""


class Real(Service):
    """A service at its real port."""

    def __init__(self, context, answer=None, address=(ADDRESS, 443)):
        self.place = address
        super().__init__(answer, context)

    def server_bind(self):
        self.server_address = self.place
        super().server_bind()


def network(t, answer=None, *, port=443):
    """A network with a resolver and the service; the service, and the file with who vouches for it."""
    internet.enter(t.dir)
    names = name_server.NameServer({HOST: [ADDRESS], OTHER: [ADDRESS]}, lambda **_: None)
    asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asked.bind(("127.0.0.1", 53))

    def serve():
        while True:
            data, client = asked.recvfrom(4096)
            for reply in names.answer(data, "udp", client[0]):
                asked.sendto(reply, client)

    threading.Thread(target=serve, daemon=True).start()
    authority, context = certificates(t, HOST)
    return Real(context, answer, (ADDRESS, port)), authority


def profile(t, authority, *, name="served", intercept=True, mode="none", path="", port="", service="", more=""):
    t.env["REAL_KEY"] = KEY
    network = {"mode": mode} if mode == "none" else {"mode": mode, "allow": [f"{OTHER}:443"]}
    t.profile(
        name,
        f"""
extends: shell
network: {json.dumps(network)}
services:
  model:
    url: https://{HOST}{port}{path}
    headers: {{x-api-key: "{{key}}"}}
    variables: {{MODEL_KEY: "{{placeholder}}"}}
    certificates: {authority}
    {service}
credentials: [{{service: model, env: REAL_KEY, required: true, intercept: {str(intercept).lower()}}}]
{more}
""",
    )
    return name


def run(t, script, *, name="served", check=True, **more):
    return t.cloche("run", "--profile", name, "--workspace", "none", "--", "sh", "-c", script, check=check, timeout=60, **more)


def start(t, project, name="a", task="exec sleep 1000", **more):
    t.start(name, task, cwd=project, profile="served", **more)
    return lambda script, **also: t.cloche("exec", "-T", name, "--", "sh", "-c", script, cwd=project, **also)


def ask(t, project, request, *words, port=443, check=None):
    """What comes back for bytes in TLS with this name."""
    return t.cloche("exec", "-T", "a", "--", "python3", "-c", CLIENT, words[0] if words else HOST, str(port), *words[1:],
                    cwd=project, input=request, timeout=30, check=check)  # fmt: skip


PROGRAMS = {
    "curl": f"curl -sS https://{HOST}/v1/x?a=1",
    "urllib": f"python3 -c 'import urllib.request; print(urllib.request.urlopen(\"https://{HOST}/v1/x?a=1\").read().decode(), end=\"\")'",
    "wget": f"wget -q -O - --no-hsts --ca-certificate=$SSL_CERT_FILE 'https://{HOST}/v1/x?a=1'",
    "openssl": f"printf 'GET /v1/x?a=1 HTTP/1.0\\r\\nHost: {HOST}\\r\\n\\r\\n' | openssl s_client -quiet -verify_return_error -connect {HOST}:443 2>/dev/null | tail -n 1",
    "node": f"node -e 'require(\"https\").get(\"https://{HOST}/v1/x?a=1\", a => a.on(\"data\", d => process.stdout.write(d)))'",
}  # fmt: skip


@case.timeout(180)
def test_programs_ask_the_service_by_its_name(t):
    """No address is set, the key is added outside, and nothing of it is inside."""
    service, authority = network(t)
    profile(t, authority)
    for what, command in PROGRAMS.items():
        if not shutil.which("python3" if what == "urllib" else what):
            continue
        before = len(service.requests)
        result = run(t, f"{command}; env")
        assert result.out.startswith("fine") and KEY not in result.out, (what, result)
        (request,) = service.requests[before:]
        fields = {name.lower(): value for name, value in request[2].items()}
        assert request[:2] == ("GET", "/v1/x?a=1") and fields["x-api-key"] == KEY and fields["host"] == HOST, (what, request)
    # git finds its way by the variables alone; there is no repository, but its questions have come.
    service.requests.clear()
    result = run(t, f"git ls-remote https://{HOST}/repo.git", check=None)
    asked = [(path, fields["x-api-key"]) for _, path, fields, _ in service.requests]
    assert ("/repo.git/info/refs?service=git-upload-pack", KEY) in asked and "certificate" not in result.err, (asked, result)


def test_it_is_off_by_default(t):
    """Without the word, the name leads nowhere, nothing is trusted, and the gateway's own address serves as ever."""
    service, authority = network(t)
    profile(t, authority, intercept=False)
    result = run(t, f"curl -sS https://{HOST}/v1/x; echo $?; env | grep -c /run/cloche/cert; ls /run/cloche; cat /etc/hosts")
    assert not service.requests and "Could not resolve" in result.err, result
    assert result.out.splitlines()[:2] == ["6", "0"] and HOST not in result.out and "pem" not in result.out, result
    assert run(t, "curl -sS http://127.0.0.1:4180/model/v1/x").out == "fine"
    profile(t, authority)
    assert run(t, f"curl -sS https://{HOST}/v1/x; curl -sS http://127.0.0.1:4180/model/v1/x").out == "finefine"


def test_who_does_not_trust_it_is_told_of(t):
    """It is TLS of the gateway's own: with the system's list alone it is refused; that is on record once, with what helps."""
    service, authority = network(t)
    profile(t, authority)
    project = t.repository()
    inside = start(t, project)
    for _ in range(3):
        result = inside(f"env -u SSL_CERT_FILE -u CURL_CA_BUNDLE curl -sS https://{HOST}/v1/x", check=None)
        assert result.code == 60 and "certificate" in result.err, result
    assert not service.requests
    assert inside(f"curl -sS https://{HOST}/v1/x").out == "fine"
    records = lambda: [r for r in map(json.loads, t.cloche("audit", "a", "--json", cwd=project).out.splitlines()) if r["event"] == "gateway"]  # noqa: E731
    t.wait_until(lambda: any(r["action"] == "distrusted" for r in records()), "the record of it")
    found = [r for r in records() if r["action"] == "distrusted"]
    assert len(found) == 1 and found[0]["service"] == "model" and LIST in found[0]["why"], found


def test_another_name_is_refused(t):
    """In TLS, in the request, and in the path; HTTP/2 as well."""
    service, authority = network(t)
    profile(t, authority, path="/api", service="paths: [/v1/]")
    project = t.repository()
    start(t, project)
    line = b"GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"
    good = line % (b"/api/v1/x", HOST.encode())
    assert ask(t, project, good).out.endswith("fine") and service.requests.pop()[1] == "/api/v1/x"
    # Names and protocols in TLS.
    for words in (["-"], [OTHER], ["x." + HOST], [HOST, "h2"]):
        result = ask(t, project, good, *words)
        assert "handshake" in result.err and not result.out, (words, result)
    result = ask(t, project, good, HOST, "h2", "http/1.1")
    assert result.out.endswith("fine") and "http/1.1" in result.err, result
    service.requests.clear()
    # Hosts and paths in it.
    refused = {
        "other host": (line % (b"/api/v1/x", OTHER.encode()), "421"),
        "other port": (line % (b"/api/v1/x", HOST.encode() + b":8443"), "421"),
        "the gateway's": (line % (b"/model/v1/x", b"127.0.0.1:4180"), "421"),
        "no host": (b"GET /api/v1/x HTTP/1.0\r\n\r\n", "421"),
        "outside the base": (line % (b"/v1/x", HOST.encode()), "403"),
        "beside the base": (line % (b"/apiv1/v1/x", HOST.encode()), "403"),
        "not among paths": (line % (b"/api/admin", HOST.encode()), "403"),
        "as at the gateway": (line % (b"/model/v1/x", HOST.encode()), "403"),
        "out of the base": (line % (b"/api/../v1/x", HOST.encode()), "400"),
        "by a URL": (line % (b"https://" + HOST.encode() + b"/api/v1/x", HOST.encode()), "400"),
    }
    for what, (request, status) in refused.items():
        result = ask(t, project, request)
        assert result.out.startswith(f"HTTP/1.1 {status}") and not service.requests, (what, result)
    # Plain HTTP at the port of TLS is none.
    result = t.cloche("exec", "-T", "a", "--", "curl", "-sS", f"http://{HOST}:443/api/v1/x", cwd=project, check=None)
    assert result.code and not service.requests, result
    # As does the service's own name in capital letters, and with the port.
    for name in (HOST.upper(), HOST + ":443"):
        assert ask(t, project, line % (b"/api/v1/x", name.encode())).out.endswith("fine"), name


@case.once
@case.timeout(180)
def test_requests_with_two_meanings_are_refused(t):
    """The rows of test_gateway.py, within TLS: it is the same reader."""
    service, authority = network(t)
    profile(t, authority, service="paths: [/v1/]")
    project = t.repository()
    start(t, project)
    rows = {what: re.sub(rb"(?i)(\w:? ?)gateway\r", rb"\1" + HOST.encode() + rb"\r", row).replace(b" /model/", b" /") for what, row in SMUGGLING.items()}
    plain = b"POST /v1/x HTTP/1.1\r\nHost: %s\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello" % HOST.encode()
    for what, request in {**rows, "plain": plain}.items():
        before = len(service.requests)
        result = ask(t, project, request)
        seen = service.requests[before:]
        if what == "plain":
            assert len(seen) == 1 and seen[0][3] == b"hello" and result.out.endswith("fine"), (result, seen)
        elif what == "chunk extension":
            assert not seen, seen
        else:
            assert not seen and (result.out[:11] == "HTTP/1.1 40" or result.out[:12] == "HTTP/1.1 421" or not result.out), (what, result)


def test_what_is_inside_is_worth_nothing(t):
    """The authority is for one host, its key is nowhere, each agent has another one, and `inspect` and the log show which."""
    service, authority = network(t)
    profile(t, authority)
    project = t.repository()
    inside = start(t, project)
    pem = inside(f"cat {AUTHORITY}").out
    assert pem.count("BEGIN CERTIFICATE") == 1 and "PRIVATE" not in pem and inside(f"cat {LIST}").out.endswith(pem)
    file = t.dir / "authority.pem"
    file.write_text(pem)
    text = t.command("openssl", "x509", "-noout", "-text", "-in", file).out
    assert re.search(r"Name Constraints: critical\s+Permitted:\s+DNS:" + re.escape(HOST) + r"\s+Excluded:", text), text
    assert "IP:0.0.0.0/0.0.0.0" in text and "CA:TRUE, pathlen:0" in text and "prime256v1" in text, text
    shown = t.json("inspect", "a", cwd=project)["intercepts"]
    digest = t.command("openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", file).out.split("=")[1]
    assert shown == {"hosts": [HOST], "fingerprint": digest.strip().replace(":", "").lower()}, shown
    assert HOST in t.cloche("inspect", "a", cwd=project).out and shown["fingerprint"] in t.cloche("inspect", "a", cwd=project).out
    (record,) = [r for r in map(json.loads, t.cloche("audit", "a", "--json", cwd=project).out.splitlines()) if r["event"] == "gateway"]
    assert (record["action"], record["hosts"], record["fingerprint"]) == ("intercept", [HOST], shown["fingerprint"]), record
    # The certificate that is shown is for the host alone, by that authority, and strict readers take it.
    leaf = inside(f"openssl s_client -connect {HOST}:443 -servername {HOST} </dev/null 2>/dev/null | openssl x509").out
    (t.dir / "leaf.pem").write_text(leaf)
    strict = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", file]
    assert "OK" in t.command(*strict, "-verify_hostname", HOST, t.dir / "leaf.pem").out
    assert "mismatch" in t.command(*strict, "-verify_hostname", "x." + HOST, t.dir / "leaf.pem", check=None).err
    # A key is nowhere in files, arguments, environments, and memory that may be read; the service's key in no other place either.
    inside(f"curl -sS https://{HOST}/v1/x")
    (gateway,) = gateways(t)
    assert not places_with(t, b"PRIVATE KEY-----\nM")
    t.command("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", t.home / "control.pem")
    assert places_with(t, b"PRIVATE KEY-----\nM") == [str(t.home / "control.pem")], "the search does not see what is there"
    assert not [place for place in places_with(t, KEY.encode()) if place != f"memory of gateway {gateway}"]
    t.start("b", "exec sleep 1000", cwd=project, profile="served")
    assert t.json("inspect", "b", cwd=project)["intercepts"]["fingerprint"] != shown["fingerprint"]


def test_answers_stream_and_many_at_once(t):
    """Each event is there before the next is sent; ten connections, each with several requests, and a large body each way."""
    gate = threading.Semaphore(0)

    def pieces():
        for number in range(5):
            yield f"data: {number}\n\n".encode()
            assert gate.acquire(timeout=20), "the event before did not arrive"
        for cut in range(1, len(KEY)):
            yield b"<" + KEY[:cut].encode()
            yield KEY[cut:].encode() + b">"

    def answer(handler, body):
        if handler.path == "/s":
            handler.events(pieces())
        else:
            handler.reply(body or b"fine")

    service, authority = network(t, answer)
    profile(t, authority)
    script = (
        "import urllib.request\n"
        f"answer = urllib.request.urlopen('https://{HOST}/s')\n"
        "for n in range(5):\n"
        "    assert answer.readline() == b'data: %d\\n' % n; answer.readline(); print('got', n, flush=True)\n"
        f"rest = answer.read(); print(rest.count(b'<' + b'*' * {len(KEY)} + b'>'), len(rest))\n"
    )
    program = t.spawn("run", "--profile", "served", "--workspace", "none", "--", "python3", "-c", script)
    for number in range(5):
        assert program.stdout.readline() == f"got {number}\n".encode(), program.communicate()
        gate.release()
    out, errors = program.communicate(timeout=60)
    assert out.decode().split() == [str(len(KEY) - 1), str((len(KEY) - 1) * (len(KEY) + 2))], (out, errors)
    many = (
        "import http.client, threading, os\n"
        "good = []\n"
        "def work():\n"
        f"    c = http.client.HTTPSConnection('{HOST}')\n"
        "    for size in (1, 20000, 3000000, 0):\n"
        "        body = os.urandom(size)\n"
        "        c.request('POST', '/echo', body)\n"
        "        assert c.getresponse().read() == (body or b'fine')\n"
        "    good.append(1)\n"
        "all = [threading.Thread(target=work) for _ in range(10)]\n"
        "[one.start() for one in all]; [one.join() for one in all]; print(len(good))\n"
    )
    result = run(t, "python3 -c " + shlex.quote(many))
    assert result.out == "10\n" and sum(path == "/echo" for _, path, _, _ in service.requests) == 40, result


def test_with_a_network_by_name(t):
    """The gateway answers there as well, programs with a proxy in their variables included; around it, the policy judges."""
    service, authority = network(t)
    profile(t, authority, mode="allow")
    project = t.repository()
    inside = start(t, project)
    assert f",{HOST}" in inside("echo $NO_PROXY").out
    assert inside(f"curl -sS https://{HOST}/v1/x").out == "fine" and service.requests.pop()[2]["x-api-key"] == KEY
    # The resolver says the same as /etc/hosts, to programs that read none; of IPv6 it has nothing.
    def resolve(kind):
        question = b"\0\7\1\0\0\1\0\0\0\0\0\0\3api\7example\3com\0\0%c\0\1" % kind
        send = f"s.sendto(bytes.fromhex('{question.hex()}'), ('198.18.0.1', 53)); print(s.recv(999).hex())"
        return bytes.fromhex(inside(f'python3 -c "import socket; s = socket.socket(type=2); s.settimeout(20); {send}"').out)

    assert resolve(1).endswith(socket.inet_aton("127.0.0.2"))
    answer = resolve(28)
    assert answer[3] & 15 == 0 and answer[6:8] == b"\0\0", answer
    # What goes another way is judged as ever, and has no key.
    by_proxy = f"curl -sS --noproxy '' -x http://127.0.0.1:3128 https://{HOST}/v1/x"
    assert inside(by_proxy, check=None).code and not service.requests
    direct = inside(f"curl -sS --cacert {LIST} --resolve {HOST}:443:{ADDRESS} https://{HOST}/v1/x", check=None)
    assert direct.code and not service.requests, direct
    # The port is the gateway's for that host alone: another one is reached as the rules say.
    (t.dir / "other.pem").write_bytes(pathlib.Path(authority).read_bytes())
    inside(f"curl -sSk --noproxy '*' https://{OTHER}/v1/y")
    assert service.requests[-1][1] == "/v1/y" and "x-api-key" not in {name.lower() for name in service.requests[-1][2]}


def test_connections_that_say_nothing_hold_nobody_up(t):
    """Hellos that are never ended, noise, and clients that go away: the next one is served, and nothing is kept."""
    service, authority = network(t)
    profile(t, authority)
    project = t.repository()
    inside = start(t, project)
    (gateway,) = gateways(t)
    files = lambda: len(os.listdir(f"/proc/{gateway}/fd"))  # noqa: E731
    readable = os.getuid() == 0
    before = files() if readable else 0
    noise = (
        "import os, socket\n"
        "held = []\n"
        "for n in range(200):\n"
        "    s = socket.create_connection(('127.0.0.2', 443)); held.append(s)\n"
        "    s.sendall([b'', b'\\x16\\x03\\x01\\x02\\x00\\x01', os.urandom(300), b'GET / HTTP/1.1\\r\\n\\r\\n'][n % 4])\n"
        f"os.system('curl -sS https://{HOST}/v1/x')\n"
    )
    assert inside("python3 -c " + shlex.quote(noise)).out == "fine" and len(service.requests) == 1
    if readable:
        # A few stay: the one to the service, those to the resolver.
        t.wait_until(lambda: files() < before + 20, "the end of all connections", 60)
    assert inside(f"curl -sS https://{HOST}/v1/x").out == "fine"


def test_after_a_restart_and_with_a_dead_gateway(t):
    """A resume has another authority; when the gateway has died, nothing answers in its place."""
    service, authority = network(t)
    profile(t, authority)
    project = t.repository()
    inside = start(t, project)
    before = t.json("inspect", "a", cwd=project)["intercepts"]["fingerprint"]
    (gateway,) = gateways(t)
    os.kill(gateway, 9)
    t.wait_until(lambda: "lost" in t.cloche("audit", "a", cwd=project).out, "the record of it")
    assert inside(f"curl -sS -m 5 https://{HOST}/v1/x", check=None).code and not service.requests
    t.cloche("stop", "a", "--kill", cwd=project)
    t.cloche("resume", "a", cwd=project)
    assert inside(f"curl -sS https://{HOST}/v1/x").out == "fine"
    assert t.json("inspect", "a", cwd=project)["intercepts"]["fingerprint"] != before


def test_profiles_that_cannot_be_intercepted(t):
    t.env["REAL_KEY"] = KEY
    head = "extends: shell\nservices:\n  model: {url: 'URL', headers: {x: '{key}'}}\n  twin: {url: 'https://api.example.com/b', headers: {x: '{key}'}}\n"
    one = "credentials: [{service: model, env: REAL_KEY, required: true, intercept: true}]\n"
    cases = [
        ("http://api.example.com", one, "without TLS"),
        ("https://93.184.216.34", one, "no name"),
        ("https://api.example.com:4180", one, "Cloche's own"),
        ("https://api.example.com", one.replace("}]", "}, {service: twin, env: REAL_KEY, required: true, intercept: true}]"), "either"),
        ("https://api.example.com", "credentials: [{env: REAL_KEY, intercept: true}]\n", "goes with `service`"),
    ]
    for url, credentials, words in cases:
        t.profile("bad", head.replace("URL", url) + credentials)
        result = t.cloche("run", "--profile", "bad", "--workspace", "none", "--", "true", check=None)
        assert result.code == 125 and words in result.err, (url, result)
    # The plan says it, and a project's own file cannot ask for it.
    t.profile("good", head.replace("URL", "https://api.example.com") + one)
    plan = t.cloche("explain", "--profile", "good", "--plan").out
    assert "4180, 443" in plan and LIST in plan, plan
    project = t.repository()
    (project / ".cloche").mkdir()
    (project / ".cloche/config.yaml").write_text("overrides:\n  credentials: [{service: github, env: REAL_KEY, intercept: true}]\n")
    result = t.cloche("run", "--profile", "shell", "--", "true", cwd=project, check=None)
    assert result.code == 125 and "trust" in result.err, result

"""An agent's network while it runs: policy, forward, ports, why, and where else the network is shown."""

import json
import os
import pathlib
import re
import socket
import time

import internet

# Echoes each line of a connection for as long as it lives, into files of its own: `HOST-PORT.log`.
TALKER = """
import socket, sys, threading, time
def talk(host, port):
    log = open(f"/workspace/{host}-{port}.log", "w", buffering=1)
    try:
        stream = socket.create_connection((host, port), timeout=20)
        while True:
            stream.sendall(b"\\0")
            if not stream.recv(1): raise EOFError("end")
            print("echo", file=log)
            time.sleep(0.02)
    except Exception as error:
        print("closed", type(error).__name__, file=log)
for place in sys.argv[1:]:
    host, port = place.rsplit(":", 1)
    threading.Thread(target=talk, args=(host, int(port))).start()
"""
# Serves one line with its own port to whoever connects, on the places given as ADDRESS:PORT.
SERVER = """
import socket, sys, threading
def serve(listener, port):
    while True:
        stream, _ = listener.accept()
        stream.sendall(b"inside %d " % port + stream.recv(100)); stream.close()
for place in sys.argv[1:]:
    address, port = place.rsplit(":", 1)
    listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, int(port))); listener.listen(64)
    threading.Thread(target=serve, args=(listener, int(port))).start()
print("serving", flush=True)
"""


class Agent:
    """A running agent `a` in a project, whose workspace is the directory `ground` of a test's internet."""

    def __init__(self, t, task="sleep 1000", *allow, mode="allow", options=(), system=None, **network):
        self.t, self.net = t, internet.Internet(t)
        self.net.profile(*(allow or ["api.test:7"]), mode=mode, system=system, **network)
        self.project = t.repository()
        self.ground = self.net.ground
        (self.ground / "talker.py").write_text(TALKER)
        (self.ground / "server.py").write_text(SERVER)
        place = ["--workspace", f"dir:{self.ground}"]
        self.started = t.start("a", task, *place, *options, cwd=self.project, profile="net")

    def cloche(self, *words, **more):
        return self.t.cloche(*words, cwd=self.project, **more)

    def json(self, *words, **more):
        return json.loads(self.cloche(*words, "--json", **more).out)

    def reaches(self, host, port):
        """Whether a program inside gets an echo there."""
        script = f"import socket; s = socket.create_connection(('{host}', {port}), timeout=20); s.sendall(bytes(1)); s.recv(1) or 1/0"
        return self.cloche("exec", "a", "--", "/usr/bin/python3", "-c", script, check=None).code == 0

    def log(self, place):
        file = self.ground / (place.replace(":", "-") + ".log")
        return file.read_text().splitlines() if file.exists() else []

    def audit(self, event):
        lines = [json.loads(line) for line in self.cloche("audit", "a", "--json").out.splitlines()]
        return [line for line in lines if line["event"] == event]

    def talks(self, place):
        """Waits for another echo on the connection, which is open therefore."""
        count = len(self.log(place))
        self.t.wait_until(lambda: len(self.log(place)) > count, f"an echo from {place}")
        assert "closed" not in self.log(place)[-1], self.log(place)[-1]

    def refuses(self, *words, code=125, says=()):
        """A command that must fail in clear words and change nothing of the record."""
        before = self.cloche("explain", "a", "--json").out
        result = self.cloche(*words, check=code)
        assert result.err.startswith("cloche: ") and "Fatal" not in result.err, result
        for text in says:
            assert text in result.err, f"no {text!r} in {result}"
        assert self.cloche("explain", "a", "--json").out == before, result
        return result.err


def connect(port, address="127.0.0.1"):
    """What a server inside says to a connection of the host; None when nobody answers."""
    try:
        with socket.create_connection((address, port), timeout=20) as stream:
            stream.sendall(b"hello")
            stream.shutdown(socket.SHUT_WR)
            text = b""
            while data := stream.recv(100):
                text += data
            return text.decode() or None
    except OSError:
        return None


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


# policy


def test_a_rule_that_is_added_counts_at_once_and_for_later_starts(t):
    a = Agent(t)
    assert a.reaches("api.test", 7) and not a.reaches("other.test", 7)
    result = a.cloche("policy", "allow", "a", "other.test:7")
    assert result.out == "a has the new rules\n" and result.err == "", result
    assert a.reaches("other.test", 7)
    (event,) = a.audit("policy")
    assert event["old"]["allow"] == ["api.test:7"] and event["new"]["allow"] == ["api.test:7", "other.test:7"], event
    again = a.cloche("policy", "allow", "a", "other.test:7")
    assert "nothing changed" in again.out and len(a.audit("policy")) == 1, again
    a.cloche("stop", "a", "--kill")
    a.cloche("resume", "a")
    assert a.reaches("other.test", 7) and a.reaches("api.test", 7) and not a.reaches("six.test", 7)


def test_a_rule_that_is_added_holds_through_a_restart(t):
    system = {"restart": {"on-failure": 3}}
    a = Agent(t, "rm -f fail; touch ready; while [ ! -e fail ]; do sleep 0.05; done; exit 3", system=system)
    t.wait_until(lambda: (a.ground / "ready").exists(), "it runs")
    a.cloche("policy", "allow", "a", "other.test:7")
    (a.ground / "fail").touch()
    t.wait_until(lambda: t.agents(a.project)["a"]["starts"] == 2, "a restart")
    t.wait_until(lambda: a.reaches("other.test", 7), "the rule holds after a restart")


def test_connections_that_are_no_longer_allowed_are_closed(t):
    places = ["api.test:7", "other.test:7", "six.test:7"]
    a = Agent(t, "exec /usr/bin/python3 talker.py " + " ".join(places), *places)
    for place in places:
        t.wait_until(lambda: a.log(place), f"{place} talks")
    result = a.cloche("policy", "deny", "a", "other.test")
    assert result.out == "a has the new rules; 1 connection was closed\n", result
    t.wait_until(lambda: a.log("other.test:7")[-1].startswith("closed"), "it is closed")
    a.talks("api.test:7")
    a.talks("six.test:7")
    # Rules in place of those before.
    result = a.json("policy", "set", "a", "network.allow=[api.test:7]")
    assert result == {"changed": True, "running": True, "closed": 1, "later-ports": []}, result
    t.wait_until(lambda: a.log("six.test:7")[-1].startswith("closed"), "it is closed")
    a.talks("api.test:7")
    ends = [event["host"] for event in a.audit("disconnect") if "no longer allowed" in event.get("why", "")]
    assert ends == ["other.test", "six.test"], ends
    # A range of addresses also counts for what a name has led to.
    assert a.json("policy", "deny", "a", f"{internet.API}/32", f"[{internet.API6}/128]:*")["closed"] == 1
    t.wait_until(lambda: a.log("api.test:7")[-1].startswith("closed"), "it is closed")


def test_broken_policies_leave_the_old_one_in_force(t):
    """T99: whatever is wrong with a new policy, the old one holds, and connections are as they were."""
    a = Agent(t, "exec /usr/bin/python3 talker.py api.test:7")
    t.wait_until(lambda: a.log("api.test:7"), "it talks")
    bundle = t.config / "cloche/network/mine.yaml"
    bundle.parent.mkdir()
    whole = 'description: Ours\nallow:\n  - other.test:7\n  - "*.wild.test:7"\n'

    def holds():
        a.talks("api.test:7")
        assert a.reaches("api.test", 7) and not a.reaches("other.test", 7)
        assert not a.audit("policy")

    for words, says in [
        (["allow", "a", "other.test:99999"], ["other.test:99999", "ports"]),
        (["allow", "a", "other.test:7", "http://evil.test"], ["HOST:PORT"]),
        (["allow", "a", "gthub"], ["gthub", "github"]),
        (["allow", "a", "{host: other.test, ports: [7]"], []),
        (["allow", "a", "mine"], ["mine"]),
        (["deny", "a", "{host: other.test, methods: [GET]}"], ["deny"]),
        (["set", "a", "network.allow=other.test:7"], ["network.allow"]),
        (["set", "a", "network.alow=[other.test:7]"], ["network.allow"]),
        (["set", "a", "network.allow=[api.test:7", "network.mode=open"], []),
        (["set", "a", "network.mode=everything"], ["network.mode"]),
        # An empty variable of a script.
        (["set", "a", "network.deny="], ["no value", "[]"]),
        (["set", "a", "network.allow=null"], ["no value"]),
        (["set", "a", "network=~"], ["no value"]),
        (["set", "a", "network.dns={}"], ["no value"]),
        (["set", "a", "network.mode=none"], ["while it runs", "cloche stop a"]),
        (["set", "a", "network.mode=host"], ["while it runs", "cloche stop a"]),
        (["set", "a", "network.upstream-proxy=socks5://p.test"], ["upstream-proxy"]),
        (["set", "a", "limits.memory=1GiB"], ["cloche resume a --set"]),
        (["set", "a", "harness.command=[sh]"], ["another agent"]),
        (["set", "a", "network.allow+=[other.test:7]", "limits.memory=1GiB"], ["cloche resume a --set"]),
    ]:
        a.refuses("policy", *words, says=says)
    holds()
    # The file of a bundle, half written at every byte at which that can be seen, with a mistake, empty, and gone.
    cut = [whole[:length] for length in range(1, len(whole))]
    for text in [cut[3], cut[20], cut[-2], cut[-4], whole.replace("allow", "alow"), whole + "  - other.test:0\n"]:
        bundle.write_text(text)
        a.refuses("policy", "allow", "a", "mine", says=["mine.yaml"])
    bundle.unlink()
    a.refuses("policy", "allow", "a", "mine", says=["mine"])
    holds()
    # What is kept of the agent: unreadable, half, gone. The supervisor has it in mind.
    state = pathlib.Path(a.cloche("path", "a", "state").out.strip()) / "agent.json"
    record = state.read_text()
    for text in ["", record[: len(record) // 2], '{"version": 1}', None]:
        state.unlink()
        if text is not None:
            state.write_text(text)
        result = a.cloche("policy", "allow", "a", "other.test:7", check=125)
        assert result.err.startswith("cloche: "), result
        a.talks("api.test:7")
    state.write_text(record)
    holds()
    # And now one that is right; after that, what becomes of its file is of no interest.
    bundle.write_text(whole)
    a.cloche("policy", "allow", "a", "mine")
    assert a.reaches("other.test", 7)
    bundle.unlink()
    a.cloche("policy", "allow", "a", "six.test:7")
    assert a.reaches("other.test", 7) and a.reaches("six.test", 7)
    a.cloche("stop", "a", "--kill")
    a.cloche("resume", "a")
    assert a.reaches("other.test", 7)


def test_a_full_disk_leaves_the_old_policy_in_force(t):
    """The record and the log cannot be written: what is not on record does not hold."""
    a = Agent(t)
    state = pathlib.Path(a.cloche("path", "a", "state").out.strip())
    log = state / "audit.jsonl"
    # What is still on its way there, a fifth of a second at most, would end the agent.
    kept = b""
    while kept != (kept := log.read_bytes()):
        time.sleep(0.6)
    log.unlink()
    log.mkdir()
    result = a.cloche("policy", "allow", "a", "other.test:7", check=125)
    assert "audit log" in result.err, result
    log.rmdir()
    log.write_bytes(kept)
    assert not a.reaches("other.test", 7) and a.reaches("api.test", 7)
    assert json.loads((state / "agent.json").read_text())["effective"]["network"]["allow"] == ["api.test:7"]


def test_the_policy_of_a_stopped_agent(t):
    a = Agent(t)
    a.cloche("stop", "a", "--kill")
    result = a.cloche("policy", "set", "a", "network.mode=open", "limits.idle=7h")
    assert "when it is resumed" in result.out, result
    a.refuses("policy", "set", "a", "harness.command=[sh]", says=["another agent"])
    a.refuses("policy", "allow", "a", "no-such-bundle", says=["no-such-bundle"])
    a.cloche("resume", "a")
    assert a.reaches("other.test", 7)
    assert a.json("explain", "a")["effective"]["limits"]["idle"] == "7h"
    # allow and open change into each other while it runs.
    a.cloche("policy", "set", "a", "network.mode=allow")
    assert not a.reaches("other.test", 7) and a.reaches("api.test", 7)
    a.cloche("stop", "a", "--kill")
    a.cloche("resume", "a", "--set", "network.mode=none")
    assert not a.reaches("api.test", 7)
    a.refuses("policy", "set", "a", "network.mode=allow", says=["cloche stop a"])
    noted = a.cloche("policy", "allow", "a", "other.test:7")
    assert "none" in noted.err, noted


def test_new_ports_are_taken_without_a_packet_filter(t):
    """A kernel without nf_tables: rules name the ports that are caught, and new rules others."""
    lacking = t.attack("lacking_sockets")
    net = internet.Internet(t)
    net.profile("api.test:7")
    project = t.repository()
    (net.ground / "server.py").write_text(SERVER)
    words = ["start", "a", "--profile", "net", "--workspace", f"dir:{net.ground}", "sleep 1000"]
    t.projects.add(project)
    t.command(lacking, "nft", t.program, *words, cwd=project)
    a = Agent.__new__(Agent)
    a.t, a.net, a.project, a.ground = t, net, project, net.ground
    assert a.json("inspect", "a")["network"] | {"forwards": [], "connections": 0} == {
        "mode": "allow", "all-ports": False, "ports": [3128, 53, 7], "ipv6": True, "connections": 0, "forwards": [],
    }  # fmt: skip
    assert "connections to ports 7 53 3128 are judged" in a.cloche("inspect", "a").out
    assert a.reaches("api.test", 7) and not a.reaches("api.test", 22)
    # Refused by the kernel, and so not on record.
    assert not [event for event in a.audit("connect") if event["port"] == 22]
    result = a.cloche("policy", "allow", "a", "api.test:22")
    assert result.out == "a has the new rules\n" and result.err == "", result
    assert a.reaches("api.test", 22) and a.reaches("api.test", 7)
    # A program inside has one of the new ports already.
    server = serving(t, a, "127.0.0.1:8080")
    result = a.json("policy", "allow", "a", "api.test:25,8080")
    assert result["later-ports"] == [8080] and a.reaches("api.test", 25), result
    assert [event["port"] for event in a.audit("network") if "why" in event] == [8080]
    assert [port["port"] for port in a.json("ports", "a")] == [8080], "the listeners of the supervisor are not the agent's"
    server.kill()
    server.communicate()
    # More than are caught at all.
    result = a.json("policy", "allow", "a", "api.test:1000-1100")
    assert len(result["later-ports"]) == 102 - (64 - 3), result
    a.cloche("stop", "a", "--kill")
    t.command(lacking, "nft", t.program, "resume", "a", cwd=project)
    assert a.reaches("api.test", 25)


def test_policy_show_has_every_rule_with_its_place(t):
    a = Agent(t, "sleep 1000", "api.test:7", "github", {"host": "other.test", "ports": [80], "methods": ["GET"]})
    a.cloche("policy", "allow", "a", "*.wild.test:7", '{host: "six.test:80", methods: [GET], paths: ["/v1/*"]}')
    a.cloche("policy", "deny", "a", "evil.test")
    a.cloche("policy", "set", "a", "network.deny+=[10.0.0.0/8]", "network.upstream-proxy=http://me:secret@192.0.2.1:3128")
    shown = a.json("policy", "show", "a")
    assert [rule["rule"] for rule in shown["allow"][:2]] == ["api.test:7", "github"], shown
    assert shown["mode"] == "allow" and "github.com" in " ".join(shown["allow"][1]["parts"]), shown
    assert re.search(r"profiles/net\.yaml:\d+$", shown["allow"][0]["origin"]), shown
    assert shown["allow"][3] == {"rule": "*.wild.test:7", "origin": "cloche policy allow", "parts": []}, shown
    assert shown["allow"][4]["rule"] == '{host: six.test:80, methods: [GET], paths: ["/v1/*"]}', shown
    assert [rule["rule"] for rule in shown["deny"]] == ["evil.test", "10.0.0.0/8"], shown
    assert shown["deny"][0]["origin"] == "cloche policy deny" and "cloche policy set" in shown["deny"][1]["origin"], shown
    assert shown["upstream-proxy"] == "http://me:***@192.0.2.1:3128", shown
    text = a.cloche("policy", "show", "a").out
    for part in ("mode            allow", "  github  # ", "    github.com", "  evil.test  # cloche policy deny", "secret"):
        assert (part in text) == (part != "secret"), text
    state = pathlib.Path(a.cloche("path", "a", "state").out.strip())
    assert "secret" not in (state / "audit.jsonl").read_text()


# forward


def serving(t, a, *places, wait=True):
    """Starts a server inside, beside the agent."""
    process = t.spawn("exec", "a", "--", "/usr/bin/python3", "server.py", *places, cwd=a.project)
    if wait:
        assert process.stdout.readline() == b"serving\n"
    return process


def check_forward(t, mode):
    a = Agent(t, mode=mode)
    first, second = free_port(), free_port()
    server = serving(t, a, f"127.0.0.1:{first}", "::1:4000")
    assert connect(first) is None
    result = a.cloche("forward", "a", first)
    assert result.out == f"127.0.0.1:{first} leads to port {first} of a\n" and result.err == "", result
    assert connect(first) == f"inside {first} hello"
    # A server on the other family's loopback, from a port of one's choice, and from any.
    a.cloche("forward", "a", f"{second}:4000")
    assert connect(second) == "inside 4000 hello"
    (any_port,) = a.json("forward", "a", ":4000")
    assert any_port["port"] not in (0, 4000) and connect(any_port["port"]) == "inside 4000 hello", any_port
    (six,) = a.json("forward", "a", "0:4000", "--bind", "::1")
    assert connect(six["port"], "::1") == "inside 4000 hello" and connect(six["port"]) is None
    listed = a.json("forward", "a")
    assert listed == [
        {"address": "127.0.0.1", "port": first, "target": first},
        {"address": "127.0.0.1", "port": second, "target": 4000},
        any_port,
        six,
    ], listed
    assert len(a.cloche("forward", "a").out.splitlines()) == 4
    # Nobody listens inside: the connection ends at once.
    (dead,) = a.json("forward", "a", "0:4999")
    assert connect(dead["port"]) is None
    a.cloche("forward", "a", "--remove", f"{second}:4000")
    assert connect(second) is None and connect(any_port["port"])
    assert len(a.json("forward", "a", "--remove", "4000")) == 2
    assert connect(any_port["port"]) is None and connect(six["port"], "::1") is None and connect(first)
    assert [event["action"] for event in a.audit("forward")] == ["added"] * 5 + ["removed"] * 3
    server.kill()
    server.communicate()
    a.cloche("stop", "a", "--kill")
    assert connect(first) is None


def test_forward_without_a_network(t):
    check_forward(t, "none")


def test_forward_into_a_network_by_name(t):
    check_forward(t, "allow")


def test_forward_into_an_open_network(t):
    check_forward(t, "open")


def test_forwards_that_are_refused(t):
    a = Agent(t)
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    message = a.refuses("forward", "a", str(port), says=[f"127.0.0.1:{port}", f"cloche forward a 0:{port}"])
    assert "in use" in message, message
    taken.close()
    for word in ("0", "65536", "a:3000", "-1", "1:2:3", "3000:", "+80"):
        a.refuses("forward", "a", "--", word, code=2)
    a.refuses("forward", "a", "0:3128", code=2, says=["Cloche"])
    a.refuses("forward", "a", "0:3000", "--bind", "example.org", code=2, says=["example.org"])
    a.refuses("forward", "a", "--remove", "3000", says=["cloche forward a"])
    a.refuses("forward", "a", "--remove", code=2)
    assert a.json("forward", "a") == [] and "no port" in a.cloche("forward", "a").err
    a.cloche("stop", "a", "--kill")
    a.refuses("forward", "a", "3000", says=["does not run"])
    a.cloche("resume", "a", "--set", "network.mode=host")
    a.refuses("forward", "a", "3000", says=["host's port 3000"])


def test_forwards_come_back_after_a_restart(t):
    system = {"restart": {"on-failure": 3}}
    a = Agent(t, "rm -f fail; /usr/bin/python3 server.py 127.0.0.1:3000 & while [ ! -e fail ]; do sleep 0.05; done; kill $!; exit 3", mode="none", system=system)
    (made,) = a.json("forward", "a", "0:3000")
    t.wait_until(lambda: connect(made["port"]), "it serves")
    (a.ground / "fail").touch()
    t.wait_until(lambda: t.agents(a.project)["a"]["starts"] == 2, "a restart")
    t.wait_until(lambda: connect(made["port"]), "it serves again, at the same port")
    assert a.json("forward", "a") == [made]


# ports


def test_ports_lists_what_listens_inside_and_who(t):
    for mode in ("allow",):
        a = Agent(t, mode=mode)
        assert a.json("ports", "a") == [] and "nothing" in a.cloche("ports", "a").err
        server = serving(t, a, "127.0.0.1:3000", "::1:4000", "0.0.0.0:5000")
        a.cloche("forward", "a", "0:5000")
        ports = a.json("ports", "a")
        assert [(port["port"], port["address"]) for port in ports] == [(3000, "127.0.0.1"), (4000, "::1"), (5000, "0.0.0.0")], ports
        for port in ports:
            (owner,) = port["processes"]
            assert owner["program"].startswith("python3") and owner["pid"] > 1, port
        assert not ports[0]["forwards"] and ports[2]["forwards"][0]["target"] == 5000, ports
        head, *lines = a.cloche("ports", "a").out.splitlines()
        assert head.split() == ["PORT", "ADDRESS", "PROGRAM", "FORWARDED", "FROM"] and len(lines) == 3, lines
        assert re.match(r"3000 +127\.0\.0\.1 +python3\S* \(\d+\) +-$", lines[0]), lines
        server.kill()
        server.communicate()


def test_ports_of_the_hosts_network_are_the_agents_own(t):
    a = Agent(t, mode="host")
    server = serving(t, a, "127.0.0.1:3000")
    # The servers of the test listen in the same network.
    assert connect(7) and [port["port"] for port in a.json("ports", "a")] == [3000]
    server.kill()
    server.communicate()


# why


def test_why_says_what_was_refused_and_what_allows_it(t):
    a = Agent(t, "sleep 1000", "api.test:7", "six.test:80", deny=["six.test:7"])
    assert a.cloche("why", "a").out == "nothing of the network was refused to a; for refused system calls: cloche audit a --denied\n" and a.json("why", "a") == []
    for _ in range(3):
        assert not a.reaches("other.test", 7)
    assert not a.reaches("api.test", 22) and not a.reaches("six.test", 7) and not a.reaches(internet.OTHER, 7)
    refusals = a.json("why", "a")
    name, port, denied, address = refusals
    assert name["kind"] == "name" and name["host"] == "other.test" and name["count"] >= 1, name
    assert name["command"] == "cloche policy allow a other.test:443", name
    assert (port["kind"], port["host"], port["port"], port["reason"]) == ("connection", "api.test", 22, "port-not-allowed"), port
    assert port["command"] == "cloche policy allow a api.test:22" and port["paths"] == ["transparent"], port
    assert denied["reason"] == "denied" and denied["command"] is None and re.search(r"six\.test:7 \(.*net\.yaml:\d+\)", denied["denied-by"]), denied
    assert address["host"] == internet.OTHER and address["would-allow"] == f"{internet.OTHER}:7", address
    text = a.cloche("why", "a").out
    for part in ("a connection to api.test:22", "to allow   cloche policy allow a api.test:22", "denied by  six.test:7 (", "the name other.test"):
        assert part in text, text
    last = a.cloche("why", "a", "--last", "1")
    assert internet.OTHER in last.out and "api.test" not in last.out and "3 earlier" in last.err, last
    # The command does what it says.
    t.command("sh", "-c", port["command"].replace("cloche", f"{t.program} -C {a.project}", 1))
    assert a.reaches("api.test", 22)


def test_audit_has_columns_for_the_network(t):
    a = Agent(t)
    assert a.reaches("api.test", 7) and not a.reaches("api.test", 9)
    t.wait_until(lambda: a.audit("disconnect"), "the connection's end is on record")
    text = a.cloche("audit", "a").out
    assert re.search(rf"Z  connect     allowed   api\.test:7 \((\S+)\)  transparent.*  rule api\.test:7$", text, re.M), text
    assert re.search(r"Z  connect     refused   api\.test:9  transparent.*  no rule of 'network\.allow' has port 9", text, re.M), text
    # A reset, where the program ended before it had read all.
    assert re.search(r"Z  disconnect  ended     api\.test:7 \(\S+\)  (python3\S* \(\d+\)  )?sent 1 B, received \d B in \d+ ms(  Connection reset by peer)?$", text, re.M), text
    assert re.search(r"Z  dns         allowed   api\.test  A$", text, re.M), text


def test_the_program_behind_a_connection_is_on_record(t):
    """By each way, for connections that last, and for refusals; also by a program in a session of its own."""
    a = Agent(t, "sleep 1000", "api.test:7,22")
    pids = {}
    # bash connects by itself, for itself; CONNECT is said on the proxy's port.
    for name, place, script in [
        ("direct", "api.test/22", "read -t 20 line <&3"),
        ("proxied", "127.0.0.1/3128", "printf 'CONNECT api.test:7 HTTP/1.1\\r\\n\\r\\n' >&3; read -t 20 line <&3"),
        ("refused", f"{internet.OTHER}/22", "printf 'x\\n\\n' >&3; read -t 20 line <&3"),
    ]:
        shell = f"printf {name} > /proc/self/comm; exec 3<>/dev/tcp/{place}; {script}; sleep 0.1; echo $$"
        pids[name] = int(a.cloche("exec", "-T", "a", "--", "setsid", "-w", "bash", "-c", shell).out)
    t.wait_until(lambda: len(a.audit("disconnect")) == 2, "both have ended")
    found = {event.get("program"): event for event in a.audit("disconnect")}
    for name, path in (("direct", "transparent"), ("proxied", "connect")):
        assert found[name]["pid"] == pids[name] and found[name]["path"] == path, found
    (refused,) = [event for event in a.audit("connect") if event["verdict"] == "refused"]
    assert refused["program"] == "refused" and refused["pid"] == pids["refused"], refused
    (why,) = a.json("why", "a")
    assert why["programs"] == ["refused"] and "by refused" in a.cloche("why", "a").out, why
    assert f"direct ({pids['direct']})" in a.cloche("audit", "a").out


# where else it is shown


def test_the_network_is_shown_by_start_list_and_inspect(t):
    a = Agent(t, "exec /usr/bin/python3 talker.py api.test:7", "api.test:7", "github", "six.test:7", deny=["evil.test"])
    assert "  network    allow: github, 2 rules; 1 denied\n" in a.started.out, a.started
    t.wait_until(lambda: a.log("api.test:7"), "it talks")
    a.cloche("forward", "a", "0:3000")
    network = a.json("inspect", "a")["network"]
    assert network["mode"] == "allow" and network["connections"] == 1 and len(network["forwards"]) == 1, network
    assert isinstance(network["all-ports"], bool) and network["ipv6"] is os.path.exists("/proc/net/if_inet6"), network
    text = a.cloche("inspect", "a").out
    assert re.search(r"^network  allow; .*; 1 connection open\n         127\.0\.0\.1:\d+ leads to port 3000$", text, re.M), text
    assert t.agents(a.project)["a"]["network"] == "allow" and "network" not in a.cloche("list").out
    a.cloche("policy", "set", "a", "network.mode=open")
    assert "(open network" in a.cloche("list").out


def test_completion_and_help_know_the_commands(t):
    for words in (["policy"], ["policy", "allow"], ["policy", "set"], ["forward"], ["ports"], ["why"]):
        assert "Usage" in t.cloche(*words, "--help").out or "usage" in t.cloche(*words, "--help").out.lower()

"""Agents with a network: rules that change while they run (row 99 of docs/security-tests.md), what is on record, what a person is told,
and ports in the other direction."""

import json
import pathlib
import shutil
import socket
import subprocess
import time
import urllib.request

import case
import internet
from internet import API, API6, OTHER
from judging import reach


def allow(t, net, *rules, name="a", **more):
    return t.cloche("policy", "set", name, f"network.allow={json.dumps(list(rules))}", cwd=net.project, **more)


def holder(t, net, host, port, name="a"):
    """A connection that is open, and asked again by `still`."""
    if not (net.ground / "many").exists():
        shutil.copy(t.attack("many"), net.ground / "many")
    address = net.exec(name, "getent", "ahostsv4", host).out.split()[0]
    held = t.spawn("exec", "-T", name, "--", "/workspace/many", "hold", address, port, "1", cwd=net.project, stdin=subprocess.PIPE, text=True)
    assert [held.stdout.readline() for _ in range(2)] == ["opened 1\n", "echoed 1\n"]
    return held


def still(held):
    """Whether its connection still goes there and back."""
    held.stdin.write("\n")
    held.stdin.flush()
    answer = held.stdout.readline()
    held.stdin.close()
    held.wait(30)
    return answer == "echoed 1\n"


# Row 99: new rules.


def test_new_rules_judge_open_connections(t):
    """What is no longer allowed is closed; what still is goes on; the next attempts are judged by the new rules."""
    net = internet.Internet(t)
    net.profile("api.test:7,443", "six.test:7", "other.test:7")
    net.start()
    goes, stays = holder(t, net, "api.test", 7), holder(t, net, "six.test", 7)
    allow(t, net, "six.test:7", "api.test:443", "other.test:443")
    assert still(stays), "a connection that both rules allow was closed"
    assert not still(goes), "a connection that the new rules do not allow goes on"
    said = net.probe_in("a", reach("transparent", "api.test", 7), reach("connect", "api.test", 7), reach("transparent", "other.test", 7),
                        reach("transparent", "api.test"), reach("transparent", "other.test"), reach("socks5", "other.test"))  # fmt: skip
    assert [one["through"] for one in said] == [False, False, False, True, True, True], said
    # And back.
    allow(t, net, "api.test:7")
    said = net.probe_in("a", reach("transparent", "api.test", 7), reach("transparent", "six.test", 7), reach("transparent", "other.test"))
    assert [one["through"] for one in said] == [True, False, False], said


def test_a_broken_policy_changes_nothing(t):
    """claude-code #81572: a mistake in new rules was no rules. Whatever is wrong with them, the old ones stay, and what is open."""
    net = internet.Internet(t)
    net.profile("api.test:7,443")
    net.start()
    # The control: the command is right, and what is wrong below are the rules.
    allow(t, net, "api.test:7,443")
    held = holder(t, net, "api.test", 7)
    for wrong in ('["api.test:99999"]', '["a..b"]', "[", "{}", '[""]', '[{"host": "x", "portz": [1]}]', '["no-such-bundle"]', '"x" y'):
        answer = t.cloche("policy", "set", "a", f"network.allow={wrong}", cwd=net.project, check=None)
        assert answer.code != 0 and answer.err, (wrong, answer)
    for wrong in ("network.mode=hosty", "network.dns={}", "network.denyy=[]", "network.mode=none"):
        answer = t.cloche("policy", "set", "a", wrong, cwd=net.project, check=None)
        assert answer.code != 0 and answer.err, (wrong, answer)
    said = net.probe_in("a", reach("transparent", "api.test"), reach("transparent", "other.test"), reach("transparent", OTHER))
    assert [one["through"] for one in said] == [True, False, False], said
    assert still(held)


def test_an_agent_cannot_change_its_rules(t):
    """Files of the project, or a command inside: the rules are those the user gave."""
    net = internet.Internet(t)
    net.profile("api.test")
    net.start()
    (net.ground / ".cloche").mkdir(exist_ok=True)
    (net.project / ".cloche").mkdir(exist_ok=True)
    (net.project / ".cloche/config.yaml").write_text('overrides: {network: {mode: host, allow: ["other.test"]}}\n')
    (t.config / "cloche/profiles/net.yaml").write_text("extends: shell\nnetwork: {mode: host}\n")
    said = net.probe_in("a", reach("transparent", "api.test"), reach("transparent", "other.test"))
    assert [one["through"] for one in said] == [True, False], said


@case.timeout(180)
def test_rules_change_all_at_once(t):
    """While rules change to and fro, what both allow always works and what neither allows never does."""
    net = internet.Internet(t)
    net.profile("api.test:80,443", "six.test:80")
    net.start()
    ways = ("transparent", "connect", "absolute", "socks5")
    attempts = [reach(way, host, 80) for _ in range(60) for way in ways for host in ("api.test", "other.test")]
    (net.ground / "both.json").write_text(json.dumps(attempts))
    probing = t.spawn("exec", "-T", "a", "--", "python3", "-B", "/workspace/probe.py", "/workspace/both.json", cwd=net.project, text=True)
    changes = 0
    while probing.poll() is None and changes < 200:
        allow(t, net, *(["api.test:80,443"] if changes % 2 else ["api.test:80", "six.test:80", "*.wild.test:80"]))
        changes += 1
    out, _ = probing.communicate(timeout=60)
    said = [json.loads(line) for line in out.splitlines()]
    assert len(said) == len(attempts) and changes > 5, (len(said), changes)
    for attempt, one in zip(attempts, said):
        assert one["through"] == (attempt["host"] == "api.test"), (changes, attempt, one)
    assert {event["to"][0] for event in net.events("accept")} <= {API, API6}


def test_an_address_outlives_its_rule_but_not_its_permission(t):
    """A program keeps the address that it was given. With other rules the address still stands for the name, and is judged as such."""
    net = internet.Internet(t)
    net.profile("api.test:80", "six.test:80")
    net.start()
    given = net.probe_in("a", {"by": "question", "name": "api.test"}, {"by": "question", "name": "six.test"})
    address, other = (one["addresses"][0] for one in given)
    http = lambda to, host: reach("transparent", to, 80, requests=[{"host": host}])  # noqa: E731
    allow(t, net, "six.test:80")
    said = net.probe_in("a", http(address, "api.test"), http(address, "six.test"), http(other, "six.test"))
    assert [one["through"] for one in said] == [False, False, True], said
    allow(t, net, "api.test:80", "wild.test:80")
    said = net.probe_in("a", {"by": "question", "name": "wild.test"}, http(address, "api.test"), http(other, "six.test"))
    assert said[0]["addresses"][0] not in (address, other), "an address is not given to another name"
    assert said[1]["through"] and not said[2]["through"], said


# What is on record.


def records(t, net, name="a"):
    return [json.loads(line) for line in t.cloche("audit", "--json", name, cwd=net.project).out.splitlines()]


def about(found, text):
    return [record for record in found if text in json.dumps(record)]


def test_everything_is_on_record(t):
    """Questions and connections with name, address, port, verdict, rule, bytes and duration; refusals with the line that would allow
    them; and nothing that was said."""
    net = internet.Internet(t)
    net.profile("api.test:80,443", "private.test")
    net.start()
    canary = "canary-of-the-audit"
    attempts = [reach("transparent", "api.test"), reach("connect", "api.test"), reach("transparent", "other.test"), reach("connect", "other.test", 8443),
                reach("socks5", "private.test"), reach("transparent", OTHER), reach("transparent", "api.test", name="other.test"),
                reach("transparent", "api.test", 80, requests=[{"target": f"/echo?{canary}", "fields": [f"Authorization: {canary}"]}])]  # fmt: skip
    said = net.probe_in("a", *attempts)
    assert [one["through"] for one in said] == [True, True, False, False, False, False, False, True], said
    found = records(t, net)
    assert canary not in json.dumps(found), "what is said is not on record"
    of = lambda event, **facts: [one for one in found if one["event"] == event and facts.items() <= one.items()]  # noqa: E731
    assert of("dns", name="api.test", type="A", verdict="allowed") and of("dns", name="other.test", verdict="refused", **{"would-allow": "other.test:443"})
    for path in ("transparent", "connect"):
        begun = of("connect", path=path, host="api.test", port=443, verdict="allowed", rule="api.test:80,443")
        assert begun and begun[0]["address"] in (API, API6) and "net.yaml" in begun[0]["from"], found
        ended = of("disconnect", connection=begun[0]["connection"])
        assert ended and ended[0]["sent"] > 300 and ended[0]["received"] > 1000 and ended[0]["milliseconds"] < 60_000, ended
    for path, host, port, reason, line in (
        ("connect", "other.test", 8443, "host-not-allowed", "other.test:8443"),
        ("transparent", OTHER, 443, "host-not-allowed", f"{OTHER}:443"),
        ("socks", "private.test", 443, "address-not-public", "{host: private.test:443, addresses: [10.1.2.3]}"),
    ):
        (record,) = of("connect", path=path, host=host, port=port, verdict="refused")
        assert record["reason"] == reason and record["would-allow"] == line and record["why"], record
    assert of("connect", host="api.test", verdict="refused", reason="name-mismatch")


def test_a_flood_of_refusals_is_bounded_on_record(t):
    """Row 56: what an agent can do a million times must not fill the disk, nor hold the supervisor up."""
    net = internet.Internet(t)
    net.profile("api.test:443,80")
    pid = net.start()
    shutil.copy(t.attack("many"), net.ground / "many")
    net.exec("a", "/workspace/many", "storm", OTHER, "443", "20000", check=None, timeout=100)
    assert net.probe_in("a", reach("transparent", "api.test"))[0]["through"]
    log = next(t.state.rglob("audit*"))
    assert log.stat().st_size < 4 << 20, log.stat().st_size
    assert about(records(t, net), OTHER), "it is told nevertheless"
    assert pathlib.Path(f"/proc/{pid}").exists()


def test_why(t):
    """`cloche why` tells the latest refusals in words, with the line that would allow each."""
    net = internet.Internet(t)
    net.profile("api.test")
    net.start()
    net.probe_in("a", reach("transparent", "api.test"), reach("transparent", "other.test"), reach("connect", "api.test", 8443))
    (t.dir / "bin").mkdir()
    (t.dir / "bin/cloche").symlink_to(t.program)
    answer = t.cloche("why", "a", cwd=net.project)
    assert "other.test" in answer.out and "api.test:8443" in answer.out, answer
    # Names that an agent chose are shown, and drive no terminal.
    net.probe_in("a", {"by": "question", "name": "\x1b]0;x\x07.test", "patience": 1}, reach("connect", "\x1b[31mred.test", 443))
    assert "\x1b" not in t.cloche("why", "a", cwd=net.project).out + t.cloche("audit", "a", cwd=net.project).out
    # The command that it names is the one that helps.
    (line,) = [line for line in answer.out.splitlines() if "cloche policy allow" in line and "other.test" in line]
    t.command("sh", "-c", line[line.index("cloche policy") :], cwd=net.project, env={"PATH": f"{t.dir}/bin:/usr/bin:/bin"})
    assert net.probe_in("a", reach("transparent", "other.test"))[0]["through"]


def test_netcheck(t):
    """Names against rules without an agent, and without asking anybody outside."""
    net = internet.Internet(t)
    net.project = t.repository()
    net.profile("api.test", "*.wild.test:8080", {"host": "six.test", "ports": [80], "methods": ["GET"], "paths": ["/v1/*"]}, deny=["x.wild.test"])
    check = lambda *urls: t.cloche("netcheck", "net", *urls, cwd=net.project, check=None)  # noqa: E731
    for url in ("https://api.test/x", "https://a.wild.test:8080/", "http://six.test/v1/x"):
        assert check(url).code == 0 and "allowed" in check(url).out, check(url)
    for url in ("http://api.test/", "https://other.test/", "https://a.wild.test/", "https://x.wild.test:8080/", "http://six.test/v2", "https://10.1.2.3/", "http://169.254.169.254/"):
        assert check(url).code != 0 and "refused" in check(url).out + check(url).err, check(url)
    both = check("https://api.test/", "https://other.test/")
    assert both.code != 0 and "allowed" in both.out and "other.test" in both.out, both
    assert not net.events()


# In the other direction.


def served(net, port, address="127.0.0.1"):
    net.start(task=f"python3 -m http.server --bind {address} --directory /workspace {port}")


def fetch(address, path="probe.py"):
    with urllib.request.urlopen(f"http://{address}/{path}", timeout=5) as answer:
        return answer.read()


def is_served(address):
    try:
        return fetch(address).startswith(b'"""')
    except OSError:
        return False


def test_a_port_inside_from_the_hosts_loopback(t):
    """`cloche forward`: on loopback alone; several connections; until it is taken back, or the agent ends."""
    net = internet.Internet(t)
    net.profile("api.test")
    served(net, 3000)
    t.cloche("forward", "a", "18080:3000", cwd=net.project)
    t.wait_until(lambda: is_served("127.0.0.1:18080"), "the page is there")
    for _ in range(20):
        assert is_served("127.0.0.1:18080")
    big = net.ground / "big"
    big.write_bytes(bytes(range(256)) * 40000)
    assert fetch("127.0.0.1:18080", "big") == big.read_bytes()
    # Every address of this network leads to this machine; only loopback leads there.
    for address in (f"{internet.OWN}:18080", f"{API}:18080"):
        try:
            socket.create_connection(tuple([address.split(":")[0], 18080]), 2).close()
            raise AssertionError(f"{address} is served")
        except OSError:
            pass
    t.cloche("forward", "a", "--remove", "18080:3000", cwd=net.project)
    assert not is_served("127.0.0.1:18080")
    t.cloche("forward", "a", "18080:3000", cwd=net.project)
    t.wait_until(lambda: is_served("127.0.0.1:18080"), "the page is there again")
    t.cloche("stop", "a", cwd=net.project)
    t.wait_until(lambda: not is_served("127.0.0.1:18080"), "it ends with the agent")


def test_ports_that_listen_inside(t):
    """`cloche ports` lists them, with the program; not those of the network itself, and not the host's."""
    net = internet.Internet(t)
    net.profile("api.test")
    served(net, 3000, "0.0.0.0")
    t.wait_until(lambda: "3000" in t.cloche("ports", "a", cwd=net.project).out, "the port is listed")
    listing = t.cloche("ports", "a", cwd=net.project).out
    assert "python3" in listing and "3128" not in listing and "3129" not in listing, listing


def test_a_sandbox_with_a_network_ends_clean(t):
    """Its namespace goes with it, and the supervisor's sockets with the supervisor."""
    net = internet.Internet(t)
    net.profile("api.test:7,443")
    pid = net.start()
    held = holder(t, net, "api.test", 7)
    inside = [child for child in t.processes() if child != pid and pathlib.Path(f"/proc/{child}/ns/net").exists()]
    spaces = {pathlib.Path(f"/proc/{child}/ns/net").readlink() for child in inside} - {pathlib.Path("/proc/self/ns/net").readlink()}
    assert len(spaces) == 1, spaces
    began = time.monotonic()
    t.cloche("stop", "--kill", "a", cwd=net.project)
    held.kill()
    held.wait()
    t.wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists(), "the supervisor has ended")
    assert time.monotonic() - began < 10

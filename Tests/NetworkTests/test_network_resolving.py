"""How names are resolved outside: resolvers that are slow, dead, wrong or many, and what waits for them. A lookup that never ends
must hold up nothing but the connection that needs it."""

import json
import time

import case
import internet
from internet import API, API6, OTHER
from judging import each_way, reach

ALL = ["api.test:80,443", "slow.test:80,443", "silent.test:80,443", "broken.test:80,443", "garbage.test:80,443", "long.test:80,443", "forged.test:80,443",
       "alias.test:80,443", "six.test:80,443", "gone.test:80,443", "other.test:80,443"]  # fmt: skip


def test_kinds_of_answers(t):
    """Aliases, one family alone, answers that need TCP, forged ones before the true one; and names that are not there."""
    net = internet.Internet(t)
    net.profile(*ALL)
    good = ["api.test", "alias.test", "six.test", "long.test", "forged.test"]
    bad = ["broken.test", "gone.test", "garbage.test"]
    said = net.probe(*(reach("transparent", name) for name in good + bad))
    for name, one in zip(good, said):
        assert one["through"] and one["echo"]["to"][0] in (API, API6), (name, one)
    for name, one in zip(bad, said[len(good) :]):
        assert not one["through"], (name, one)
    # What is not there is told at once.
    assert said[len(good)]["ms"] < 2000 and said[len(good) + 1]["ms"] < 2000, said
    assert any(event["name"] == "long.test" and event["transport"] == "tcp" for event in net.events("dns"))
    assert OTHER not in {event["to"][0] for event in net.events("accept")}


@each_way()
def a_name_that_nobody_answers_for(t, way):
    """An error in a bounded time; a proxy says which: 502 or 504, or SOCKS's own codes."""
    net = internet.Internet(t)
    net.profile(*ALL)
    patient = (net.ground / "probe.py").read_text().replace("PATIENCE = 10", "PATIENCE = 60")
    (net.ground / "probe.py").write_text(patient)
    said = net.probe(*(reach(way, name) for name in ("silent.test", "gone.test", "api.test")), timeout=120)
    assert not said[0]["through"] and said[0]["ms"] < 30_000, said
    assert not said[1]["through"] and said[1]["ms"] < 2000, said
    assert said[2]["through"]
    if way == "connect":
        assert "50" in said[0]["error"] and "50" in said[1]["error"], said


@case.serial
def test_nothing_waits_for_a_dead_resolver(t):
    """While lookups hang: the terminal answers, programs start, other names are resolved, the state is told."""
    net = internet.Internet(t)
    net.profile(*ALL)
    net.start(task="exec bash -i")
    waiting = [reach("transparent", "silent.test", 80) for _ in range(3)] + [reach("connect", "slow.test")]
    (net.ground / "waiting.json").write_text(json.dumps(waiting))
    hanging = [t.spawn("exec", "-T", "a", "--", "python3", "-B", "/workspace/probe.py", "/workspace/waiting.json", cwd=net.project) for _ in range(5)]
    t.wait_until(lambda: any(event["name"] == "silent.test" for event in net.events("dns")), "a lookup hangs")
    terminal = t.terminal("attach", "-q", "a", cwd=net.project)
    terminal.expect(r"\$ ")
    for number in range(5):
        began = time.monotonic()
        terminal.send(f"echo $(({number}+40))\r")
        terminal.expect(rf"\)\).*{number + 40}.*\$ ")
        assert time.monotonic() - began < 1, "the terminal waits"
    terminal.close()
    began = time.monotonic()
    (said,) = net.probe_in("a", reach("transparent", "api.test"))
    assert said["through"] and said["ms"] < 2000, said
    t.cloche("list", cwd=net.project)
    t.cloche("stop", "a", cwd=net.project)
    assert time.monotonic() - began < 15, "stopping waits"
    for one in hanging:
        one.kill()
        one.wait()


def test_the_host_has_no_resolver(t):
    """None answers at the address: what needs a name fails, what does not goes on."""
    net = internet.Internet(t)
    net.profile(*ALL, f"{API}:80,443", dns={"servers": ["127.0.0.1:9999"]})
    said = net.probe(reach("transparent", "api.test"), reach("transparent", API, name="api.test"))
    assert not said[0]["through"], said
    assert said[1]["through"] or said[1].get("stage") != "connect", said


def test_the_hosts_own_resolver(t):
    """Without `dns`, /etc/resolv.conf of the host is what counts: here it names the test's server."""
    net = internet.Internet(t)
    net.profile("api.test", dns=None)
    (said,) = net.probe(reach("transparent", "api.test"))
    assert said["through"], said
    # What the sandbox sees is its own.
    assert "127.0.0.1" not in net.shell("cat /etc/resolv.conf").out


@case.timeout(180)
def test_several_resolvers(t):
    """The first is dead, the second answers. Also by IPv6, and by TCP alone."""
    net = internet.Internet(t)
    for servers in (["127.0.0.1:9999", net.resolver], ["[::1]:53"], ["23.20.0.1:53", net.resolver], [f"{OTHER}:15", net.resolver]):
        net.profile("api.test", dns={"servers": servers})
        (said,) = net.probe(reach("transparent", "api.test"))
        assert said["through"], (servers, said)


@each_way()
def a_corporate_proxy(t, way):
    """`upstream-proxy`: everything goes there, by CONNECT with the name; what the rules refuse does not; and names are its affair."""
    net = internet.Internet(t)
    net.profile("api.test:80,443", upstream_proxy="http://proxy.test:3129")
    mark = net.mark()
    said = net.probe(reach(way, "api.test"), reach(way, "other.test"), reach(way, OTHER), reach(way, "api.test", 8080))
    assert [one["through"] for one in said] == [True, False, False, False], said
    asked = net.events("proxy", since=mark)
    assert {(event["host"], event["port"]) for event in asked} == {("api.test", 80 if way == "absolute" else 443)}, asked
    assert {event["name"] for event in net.events("dns", since=mark)} <= {"proxy.test"}
    assert {tuple(event["to"]) for event in net.events("accept", since=mark)} <= {("151.101.1.33", 3129), (API, 443), (API, 80)}


def test_a_corporate_proxy_that_refuses(t):
    """What it says is told, and nothing goes around it."""
    net = internet.Internet(t, {"refused.test": [API]})
    net.profile("nowhere.test", "api.test", upstream_proxy="http://proxy.test:3129")
    said = net.probe(reach("connect", "nowhere.test"), reach("transparent", "nowhere.test"), reach("connect", "api.test"))
    assert [one["through"] for one in said] == [False, False, True] and "50" in said[0]["error"], said
    net.profile("api.test", upstream_proxy="http://proxy.test:11")
    assert not net.probe(reach("connect", "api.test"))[0]["through"]
    assert {event["to"][1] for event in net.events("accept")} <= {3129, 443, 11}

"""Hosts that no rule names, with `ask: [network:new-host]`: held on every way out until a person approves, and nothing of
them, not even their name, goes out before."""

import json

import case
import internet
from internet import API, OTHER
from judging import reach


def network(t, ask=("network:new-host",), **system):
    net = internet.Internet(t)
    net.profile("api.test", deny=["six.test"], system={"ask": list(ask)} | system)
    net.start()
    return net


def attempt(t, net, one, number=0, name="a"):
    """An attempt of probe.py's inside, under way."""
    file = net.ground / f"asked-{name}-{number}.json"
    file.write_text(json.dumps([one]))
    return t.spawn("exec", "-T", name, "--", "/usr/bin/python3", "-B", "/workspace/probe.py", f"/workspace/{file.name}", cwd=net.project, text=True)


def outcome(client):
    return json.loads(client.communicate(timeout=60 * case.patience)[0])


def requests(t, net):
    return t.json("requests", cwd=net.project)


def waiting(t, net, count=1):
    t.wait_until(lambda: len(requests(t, net)) == count, f"{count} requests wait")
    return requests(t, net)


def records(t, net, event):
    lines = t.cloche("audit", "a", "--json", cwd=net.project).out.splitlines()
    return [r for r in map(json.loads, lines) if r["event"] == event]


WAYS = [("transparent", "other.test", 443), ("connect", "other.test", 443), ("socks5", "other.test", 8443), ("absolute", "other.test", 80), ("transparent", OTHER, 80)]


@case.timeout(180)
def test_each_way_is_held_and_goes_on(t):
    """By name and by bare address; what arrives before the approval is nothing; the next connection is asked about anew."""
    net = network(t)
    # A control: what a rule names is not asked about.
    assert net.probe_in("a", reach("transparent", "api.test"))[0]["through"]
    for number, (way, host, port) in enumerate(WAYS):
        mark, before = net.mark(), net.counters()
        client = attempt(t, net, reach(way, host, port), number)
        (one,) = waiting(t, net)
        assert (one["class"], one["target"]) == ("network:new-host", f"{host}:{port}"), one
        assert not net.events(since=mark) and net.counters() == before, "something went out before it was approved"
        t.cloche("approve", one["request"], cwd=net.project)
        said = outcome(client)
        assert said["through"], (way, host, said)
        assert waiting(t, net, 0) == []
    client = attempt(t, net, reach("transparent", "other.test"), 90)
    (one,) = waiting(t, net)
    t.cloche("deny", one["request"], cwd=net.project)
    assert not outcome(client)["through"]
    refused = records(t, net, "connect")[-1]
    assert refused["verdict"] == "refused" and refused["reason"] == "host-not-allowed" and "denied" in refused["why"], refused
    assert {r["verdict"] for r in records(t, net, "dns") if r["name"] == "other.test"} == {"ask"}


def test_always_is_for_host_and_port(t):
    net = network(t)
    client = attempt(t, net, reach("transparent", "other.test"))
    (one,) = waiting(t, net)
    t.cloche("approve", one["request"], "--always", cwd=net.project)
    assert outcome(client)["through"]
    assert net.probe_in("a", reach("transparent", "other.test"), reach("connect", "other.test"))[1]["through"]
    # Not for its other ports, and not for its address.
    for number, place in enumerate((("other.test", 8443), (OTHER, 443)), 1):
        client = attempt(t, net, reach("transparent", *place), number)
        (two,) = waiting(t, net)
        t.cloche("deny", two["request"], cwd=net.project)
        assert not outcome(client)["through"]
    # And what a rule denies is denied.
    t.cloche("policy", "deny", "a", "other.test", cwd=net.project)
    assert not net.probe_in("a", reach("transparent", "other.test"))[0]["through"]


def test_nobody_is_asked_for_what_is_denied_otherwise(t):
    """Denied names, other ports of allowed ones, addresses that are not public, and names that lead there when approved."""
    net = network(t)
    own = [reach("connect", host, 80) for host in ("10.1.2.3", "169.254.169.254", internet.OWN, "127.0.0.1", "[::1]", "198.18.7.7")]
    attacks = [reach("connect", "six.test"), reach("transparent", "six.test"), reach("connect", "api.test", 8443), *own]
    for attack, said in zip(attacks, net.probe_in("a", *attacks)):
        assert not said["through"], (attack, said)
    assert requests(t, net) == [] and not records(t, net, "approval")
    mark = net.mark()
    client = attempt(t, net, reach("transparent", "private.test"))
    (one,) = waiting(t, net)
    t.cloche("approve", one["request"], cwd=net.project)
    assert not outcome(client)["through"]
    assert not net.events("accept", since=mark)
    # The name that was approved is the one that TLS must have.
    client = attempt(t, net, reach("transparent", "other.test") | {"name": "api.test"}, 1)
    (one,) = waiting(t, net)
    t.cloche("approve", one["request"], cwd=net.project)
    assert not outcome(client)["through"]


def test_curl_waits_and_times_out_to_a_refusal(t):
    net = network(t, **{"ask-timeout": "4s"})
    line = "curl -sS --max-time 60 -o /dev/null -w '%{http_code}' https://other.test/echo"
    client = t.spawn("exec", "-T", "a", "--", "sh", "-c", line, cwd=net.project, text=True)
    (one,) = waiting(t, net)
    assert one["target"] == "other.test:443", one
    out, err = client.communicate(timeout=60 * case.patience)
    assert out == "000" and err, (out, err)
    assert [r["action"] for r in records(t, net, "approval")] == ["asked", "timed-out"]
    # The control: approved, the same curl gets its answer.
    t.cloche("stop", "a", "--kill", cwd=net.project)
    t.cloche("resume", "a", cwd=net.project)
    client = t.spawn("exec", "-T", "a", "--", "sh", "-c", line, cwd=net.project, text=True)
    (one,) = waiting(t, net)
    t.cloche("approve", one["request"], cwd=net.project)
    assert client.communicate(timeout=60 * case.patience)[0] == "200"


def test_whoever_goes_withdraws_it(t):
    net = network(t)
    mark = net.mark()
    line = "for n in 1 2 3 4 5 6; do curl -sS --max-time 0.5 https://other.test/ https://second.other.test/; done"
    net.exec("a", "sh", "-c", line, check=None)
    t.wait_until(lambda: requests(t, net) == [], "all is withdrawn")
    assert sorted(r["action"] for r in records(t, net, "approval")) == ["asked", "asked", "withdrawn", "withdrawn"]
    assert not net.events(since=mark), "nothing went out"


@case.once
def test_too_many_hosts(t):
    """What is held is bounded, and what is beyond is refused at once; held connections keep nobody else waiting."""
    net = network(t)
    script = "for n in $(seq 60); do (curl -sS --max-time 20 http://h$n.test/ >/dev/null 2>&1; echo $?) & done; wait"
    client = t.spawn("exec", "-T", "a", "--", "sh", "-c", script, cwd=net.project, text=True)
    waiting(t, net, 16)
    assert net.probe_in("a", reach("transparent", "api.test"))[0]["through"]
    assert not net.probe_in("a", reach("connect", "other.test"))[0]["through"]
    assert len(requests(t, net)) == 16
    t.cloche("policy", "allow", "a", requests(t, net)[0]["target"], cwd=net.project)
    t.wait_until(lambda: len([r for r in requests(t, net) if r["count"]]) <= 15, "a new rule is an answer, too")
    client.communicate(timeout=60 * case.patience)


def test_without_it_the_same_is_refused_at_once(t):
    net = network(t, ask=())
    for way, host, port in WAYS:
        assert not net.probe_in("a", reach(way, host, port))[0]["through"], (way, host)
    assert not records(t, net, "approval") and requests(t, net) == []
    assert API

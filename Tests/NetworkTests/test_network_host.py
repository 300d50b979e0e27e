"""The network as it is on a user's machine: on the host's own loopback, with kernels that lack something, and the modes that have no
rules."""

import json

import internet
from internet import API, METADATA, OTHER
from judging import each_way, reach


def test_on_the_hosts_loopback(t):
    """No namespace around it: servers on free ports of 127.0.0.1 and ::1, which rules name with the addresses that they may have."""
    net = internet.Internet(t, {"api.test": ["127.0.0.1", "::1"], "six.test": ["::1"], "other.test": ["127.0.0.1"]}, loopback=True)
    https, http, echo = (net.ports[name] for name in ("https", "http", "echo"))
    rule = lambda host, *ports: {"host": host, "ports": list(ports), "addresses": ["127.0.0.0/8", "::1/128"]}  # noqa: E731
    net.profile(rule("api.test", https, http, echo), {"host": "other.test", "ports": [https]})
    tls = lambda way, host, **more: reach(way, host, https) | {"say": "tls"} | more  # noqa: E731
    attempts = [tls("transparent", "api.test"), tls("connect", "api.test"), tls("socks5", "api.test"), reach("transparent", "api.test", echo)]
    attempts += [reach("absolute", "api.test", http) | {"say": "http"}]
    refused = [tls("transparent", "other.test"), tls("connect", "six.test"), tls("socks5", "127.0.0.1"), tls("connect", "localhost"),
               tls("transparent", "api.test", name="other.test"), tls("transparent", "127.0.0.1"), tls("transparent", "::1")]  # fmt: skip
    said = net.probe(*attempts, *refused)
    for attempt, one, expected in zip(attempts + refused, said, [True] * len(attempts) + [False] * len(refused)):
        assert one["through"] == expected, (attempt, one)
    assert not [event for event in net.events("accept") if event["to"][1] not in (https, http, echo)]


def without(t, net, what):
    """From now on the program runs on a kernel that lacks sockets of this kind; a function that runs a probe there."""
    lacking = t.attack("lacking_sockets")

    def probe(*attempts, profile="net"):
        (net.ground / "attempts.json").write_text(json.dumps(attempts))
        words = ["run", "--profile", profile, "--workspace", f"dir:{net.ground}", "--", "/usr/bin/python3", "-B", "/workspace/probe.py", "/workspace/attempts.json"]
        answer = t.command(lacking, what, t.program, *words)
        return [json.loads(line) for line in answer.out.splitlines()]

    return probe


@each_way()
def without_nf_tables(t, way):
    """Where the kernel has no nf_tables, or lets nobody use it: the ports that the rules name are caught, others are refused by the
    kernel at once; by the proxy everything works as before."""
    net = internet.Internet(t)
    net.profile("api.test:80,443,8080", f"{OTHER}:7", "*.wild.test:443,80")
    probe = without(t, net, "nft")
    good = [reach(way, "api.test", 80), reach(way, "api.test", 8080), reach(way, OTHER, 7), reach(way, "a.wild.test", 80)]
    if way == "absolute":
        good.pop(2)
    else:
        good += [reach(way, "api.test"), reach(way, "api.test")]
    bad = [reach(way, "other.test", 80), reach(way, OTHER, 80), reach(way, "api.test", 22), reach(way, "api.test", 8443), reach(way, METADATA[0], 80), reach(way, API, 443)]
    said = probe(*good, *bad)
    for attempt, one, expected in zip(good + bad, said, [True] * len(good) + [False] * len(bad)):
        assert one["through"] == expected, (attempt, one)
    if way == "transparent":
        assert "Errno 111" in said[len(good) + 2]["error"], said[len(good) + 2]
    assert all(one["ms"] < 2000 for one in said)
    # Datagrams leave no more than with it, though they may have no error of their own.
    datagrams = [{"by": "datagram", "host": host, "port": port, "patience": 0.2} for host in (API, OTHER) for port in (443, 123, 3128)]
    assert not any(one["through"] for one in probe(*datagrams)) and not net.events("udp")


@each_way()
def without_ipv6(t, way):
    """Where the kernel has no IPv6: the same by IPv4, and a place that has IPv6 addresses alone cannot be reached."""
    net = internet.Internet(t)
    net.profile("api.test:80,443", "six.test:80,443")
    probe = without(t, net, "ipv6")
    said = probe(reach(way, "api.test"), reach(way, "other.test"), reach(way, OTHER), reach(way, "six.test"), {"by": "question", "name": "api.test"})
    assert [one["through"] for one in said[:4]] == [True, False, False, False], said
    assert said[4]["addresses"], said[4]


def test_doctor_tells_what_is_missing(t):
    """What is degraded is told, not silent."""
    lacking = t.attack("lacking_sockets")
    said = lambda *words: next(line for line in t.command(*words, check=None).out.splitlines() if "every address is local" in line)  # noqa: E731
    assert said(t.program, "doctor").startswith("ok")
    for what, word in (("nft", "packet filter"), ("ipv6", "IPv6")):
        line = said(lacking, what, t.program, "doctor")
        assert line.startswith("degraded") and word in line, line


def test_mode_none_has_no_network_at_all(t):
    """As ever: loopback, no resolver, no proxy."""
    net = internet.Internet(t)
    net.profile(mode="none")
    before = net.counters()
    said = net.probe(*(reach(way, host) for way in ("transparent", "connect", "socks5") for host in ("api.test", API)), {"by": "datagram", "host": API, "port": 443})
    assert not any(one["through"] for one in said) and all(one["ms"] < 1000 for one in said), said
    assert net.counters() == before and "proxy" not in net.shell("env").out.lower()


def test_mode_host_is_the_hosts_network(t):
    """Nothing is in the way, as whoever asks for it wants."""
    net = internet.Internet(t)
    net.profile(mode="host")
    said = net.probe(reach("transparent", "api.test"), reach("transparent", OTHER), reach("transparent", METADATA[0], 80))
    assert all(one["through"] for one in said), said


def test_a_project_may_narrow_and_not_widen(t):
    """A project's own file takes rules away, and adds none until the user trusts it."""
    net = internet.Internet(t)
    net.profile("api.test", "six.test")
    project = t.repository()
    (project / ".cloche").mkdir()
    config = project / ".cloche/config.yaml"
    config.write_text("overrides: {network: {deny: [six.test]}}\n")
    (net.ground / "attempts.json").write_text(json.dumps([reach("transparent", "api.test"), reach("transparent", "six.test")]))
    words = ["run", "--profile", "net", "--workspace", f"dir:{net.ground}", "--", "/usr/bin/python3", "-B", "/workspace/probe.py", "/workspace/attempts.json"]
    said = [json.loads(line) for line in t.cloche(*words, cwd=project).out.splitlines()]
    assert [one["through"] for one in said] == [True, False], said
    for wider in ("{allow: [other.test]}", "{mode: open}", "{mode: host}", "{upstream-proxy: 'http://other.test:1'}", "{dns: {servers: ['8.8.8.8:53']}}", "{hidden-names: allow}"):
        config.write_text(f"overrides: {{network: {wider}}}\n")
        answer = t.cloche(*words, cwd=project, check=None)
        assert answer.code == 125 and "network" in answer.err, (wider, answer)

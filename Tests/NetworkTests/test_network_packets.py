"""Rows 91, 97, 98 and 100: what leaves the sandbox beside connections. Questions to resolvers, datagrams, pings and raw packets; and
programs that take no notice of proxies. The kernel's counters tell whether anything left at all."""

import json
import random
import shutil

import case
import internet
from internet import API, API6, OTHER, OTHER6
from judging import WAYS, judge, judge_in_the_open, opens, quick, reach

BOTH = ["api.test", "api.test:80"]
RESOLVERS = [None, "198.18.0.1", "8.8.8.8", "1.1.1.1", "2001:4860:4860::8888", API, "10.1.2.3", "127.0.0.53"]
TYPES = {"A": 1, "AAAA": 28, "TXT": 16, "NULL": 10, "MX": 15, "NS": 2, "SOA": 6, "PTR": 12, "SRV": 33, "HTTPS": 65, "SVCB": 64, "ANY": 255, "AXFR": 252}


def label(size=60):
    return "".join(random.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(size))


# Row 91: DNS as a way out.


def test_questions_leave_by_no_resolver(t):
    """CVE-2025-55284: what the agent knows, in the labels of a question. Whatever is asked of whichever resolver, by UDP and TCP,
    about names that are allowed and names that are not: nobody outside hears of it."""
    net = internet.Internet(t)
    net.profile(*BOTH, "**.wild.test")
    ask = lambda **more: {"by": "question", "patience": 3} | more  # noqa: E731
    names = ["api.test", f"{label()}.other.test", f"{label()}.{label()}.{label()}.evil", "com", f"{label()}.wild.test", f"{label()}.api.test"]
    attempts = [ask(name=name, host=host, tcp=tcp) for name in names for host in RESOLVERS for tcp in (False, True)]
    attempts += [ask(name=name, type=kind) for name in names[:4] for kind in TYPES.values()]
    attempts += [ask(name="version.bind", type=16, **{"class": 3}), ask(name="8.8.8.8.in-addr.arpa", type=12), ask(name="1.0.18.198.in-addr.arpa", type=12)]
    mark, before = net.mark(), net.counters()
    answers = net.probe(*attempts)
    assert not net.events(since=mark) and net.counters() == before, net.events(since=mark)[:3]
    for attempt, one in zip(attempts, answers):
        allowed = attempt["name"] in ("api.test", names[4])
        if attempt["name"] in names and attempt.get("type", 1) == 1:
            assert one["through"] and bool(one["addresses"]) == allowed and one["code"] == (0 if allowed else 3), (attempt, one)
        elif attempt["name"] == "api.test" and attempt["type"] not in (28, 252):
            # No keys for an encrypted hello, no other records: the name is there, and has none of them.
            assert one["code"] in (0, 4) and not one["types"], (attempt, one)
    quick(answers)
    # The control: without rules each of these is heard outside.
    net.profile(name="open-network", mode="host")
    net.probe(*attempts[:6], profile="open-network")
    assert len(net.events("dns", since=mark)) == 6


def test_malformed_questions(t):
    """Answers, other operations, two questions, pointers, nothing, too much: never passed on, and the resolver goes on."""
    net = internet.Internet(t)
    net.profile(*BOTH)
    header = lambda flags, *counts: "\x12\x34" + "".join(chr(n >> 8) + chr(n & 255) for n in (flags, *counts))  # noqa: E731
    name = "\3api\4test\0\0\1\0\1"
    messages = [
        "", "\0", "\x12\x34\1\0", header(0x8180, 1, 0, 0, 0) + name, header(0x2800, 1, 0, 0, 0) + name, header(0x0100, 2, 0, 0, 0) + name * 2,
        header(0x0100, 0, 0, 0, 0), header(0x0100, 1, 0, 0, 0) + "\xc0\x0c\0\1\0\1", header(0x0100, 1, 0, 0, 0) + "\3api\xc0\x0c\0\1\0\1",
        header(0x0100, 1, 0, 0, 0) + "\3api", header(0x0100, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF) + name, header(0x0100, 1, 0, 0, 0) + name + "x" * 60000,
        header(0x0100, 1, 0, 0, 1) + name + "\0\0\x29\xff\xff\0\0\x80\0\xff\xff", header(0x0100, 1, 0, 0, 1) + name + "\0\0\x29\x10\0\0\0\0\0\0\0" * 2,
    ]  # fmt: skip
    attempts = [{"by": "question", "name": "api.test", "message": message, "patience": 0.2, "tcp": tcp} for message in messages for tcp in (False, True)]
    before = net.counters()
    # A crash of the resolver would be one of the supervisor's: the sandbox would end.
    said = net.probe(*attempts, {"by": "question", "name": "api.test"}, reach("transparent", "api.test"))
    assert said[-2]["addresses"] and said[-1]["through"], said[-2:]
    assert {event["name"] for event in net.events("dns")} == {"api.test"}
    assert net.counters()["datagrams"] - before["datagrams"] <= 4, "questions for the control, and their answers"


def test_answers_are_stable_and_of_the_right_kind(t):
    """A name keeps its address while the sandbox lives; A and AAAA both exist whatever the place has; the address asked is the one
    that answers; what does not fit is asked again by TCP."""
    net = internet.Internet(t)
    net.profile(*BOTH, "six.test:443", "**.wild.test")
    ask = lambda name, **more: {"by": "question", "name": name} | more  # noqa: E731
    said = net.probe(ask("api.test"), ask("api.test"), ask("API.TEST"), ask("six.test"), ask("api.test", type=28), ask("six.test", type=28),
                     ask("api.test", host="8.8.8.8"), reach("transparent", "api.test"), ask("api.test"))  # fmt: skip
    addresses = [one.get("addresses") for one in said]
    assert addresses[0] == addresses[1] == addresses[2] == addresses[6] == addresses[8] != addresses[3], addresses
    assert all(len(found) == 1 for found in addresses if found is not None), addresses
    assert addresses[4] != addresses[5] and ":" in addresses[4][0], addresses
    assert len({address for found in addresses if found for address in found}) == 4
    # Many names, each with an address of its own.
    many = net.probe(*(ask(f"n{number}.wild.test") for number in range(3000)))
    assert len({one["addresses"][0] for one in many}) == 3000


@case.timeout(180)
def test_names_under_a_wildcard_are_limited(t):
    """The residual of row 91: whoever has `*.wild.test` can say something to the owner of wild.test by connecting to names below it. How
    much is limited by what a second may ask outside."""
    net = internet.Internet(t)
    net.profile("*.wild.test:80", "api.test")
    mark = net.mark()
    attempts = [reach("transparent", f"{label(20)}.wild.test", 80) | {"say": "bytes", "data": "", "silence": 0.01} for _ in range(1500)]
    net.probe(*attempts, timeout=120)
    names = {event["name"] for event in net.events("dns", since=mark)}
    took = net.events("dns", since=mark)[-1]["at"] - net.events("dns", since=mark)[0]["at"]
    assert len(names) < 100 + 40 * took, f"{len(names)} names were asked in {took:.1f} s"
    assert net.probe(reach("transparent", "api.test"))[0]["through"]


# Row 100: datagrams, pings, raw packets.


def test_datagrams_fail_at_once(t):
    """UDP to whatever address and port, also to names that are allowed by TCP: an error at once, so that QUIC falls back to TCP."""
    net = internet.Internet(t)
    net.profile(*BOTH, f"{OTHER}:443", "[2a04:4e42::/32]:443")
    places = [(address, port) for address in (API, API6, OTHER, OTHER6, "169.254.169.254", "224.0.0.251", "ff02::fb", "255.255.255.255") for port in (443, 123, 51820, 3128)]
    attacks = [{"by": "datagram", "host": address, "port": port, "connected": connected} for address, port in places for connected in (False, True)]
    attacks = [opens(attack) if attack["host"] in (API, API6, OTHER) and attack["port"] == 443 else attack for attack in attacks]
    (given, given6) = net.probe({"by": "question", "name": "api.test"}, {"by": "question", "name": "api.test", "type": 28})
    attacks += [{"by": "datagram", "host": one["addresses"][0], "port": port} for one in (given, given6) for port in (443, 80)]
    before = net.counters()["datagrams"]
    answers = judge(net, "transparent", attacks, in_open=False)
    assert net.counters()["datagrams"] - before <= 2 * 4, "no datagrams but the questions for the controls' name, and their answers"
    for attack, one in zip(attacks, answers):
        assert one["stage"] in ("send", "connect") and one["ms"] < 1000, (attack, one)
    judge_in_the_open(net, attacks)


def test_pings_and_raw_sockets_fail_at_once(t):
    net = internet.Internet(t)
    net.profile(*BOTH, f"{OTHER}:443")
    dgram, raw = 2, 3
    attacks = [{"by": "ping", "host": host, "type": kind} for host in (API, API6, OTHER, OTHER6) for kind in (dgram, raw)]
    before = net.counters()
    answers = judge(net, "transparent", attacks, in_open=False)
    assert net.counters()["pings"] == before["pings"]
    for attack, one in zip(attacks, answers):
        assert one["ms"] < 1000, (attack, one)
    shutil.copy(t.attack("dial"), net.ground / "dial")
    for words in (("raw", "4"), ("raw", "6"), ("packet",)):
        answer = net.run("/workspace/dial", *words, check=None)
        assert "failed socket" in answer.out, answer


def test_packets_cannot_be_sent_to_the_loopback_of_the_host(t):
    """Inside, 127/8 and ::1 are the sandbox's own: what listens on the host's is not there, and what listens inside is."""
    net = internet.Internet(t)
    net.profile(*BOTH)
    ports = [net.ports[name] for name in ("http", "https", "echo", "ssh", "proxy")]
    attacks = [reach("transparent", host, port) for host in ("127.0.0.1", "::1", "127.0.0.2", "127.255.255.255", "localhost") for port in ports]
    quick(judge(net, "transparent", [opens(attacks[0]), *attacks[1:]]))
    inside = "python3 -m http.server --bind ADDRESS 8080 >/dev/null 2>&1 & until page=$(curl -sf http://HOST:8080/probe.py); do sleep 0.05; done; echo \"$page\""
    for address, host in (("127.0.0.1", "localhost"), ("::1", "[::1]"), ("0.0.0.0", "127.0.0.1")):
        answer = net.shell(inside.replace("ADDRESS", address).replace("HOST", host))
        assert answer.out.startswith('"""'), answer


# Rows 97 and 98: nobody has to take notice of the proxy, and a relay of one's own gains nothing.


def test_a_relay_inside_sees_the_same_rules(t):
    """claude-code #87381: a program inside that relays for others hides who asks, and not what for."""
    net = internet.Internet(t)
    net.profile(*BOTH)
    shutil.copy(internet.HERE / "proxy_server.py", net.ground)
    relay = (
        "import socket, threading, proxy_server; s = socket.create_server(('127.0.0.1', 8118));"
        "look = lambda name: socket.getaddrinfo(name, 0)[0][4][0];"
        "p = proxy_server.Proxy(look, lambda **_: None); print('ready', flush=True);"
        "[threading.Thread(target=p.serve, args=(s.accept()[0],), daemon=True).start() for _ in range(100)]"
    )
    (net.ground / "relay.sh").write_text(
        f'cd /workspace; coproc relay {{ /usr/bin/python3 -B -c "{relay}"; }}; read line <&${{relay[0]}}; /usr/bin/python3 -B probe.py attempts.json; kill $relay_PID\n'
    )
    through = lambda way, host: reach(way, host, 80 if way == "absolute" else 443, proxy=["127.0.0.1", 8118])  # noqa: E731
    attempts = [through(way, host) for way in WAYS[1:] for host in ("api.test", "other.test", OTHER, "169.254.169.254")]
    (net.ground / "attempts.json").write_text(json.dumps(attempts))
    found = [json.loads(line) for line in net.shell("bash /workspace/relay.sh").out.splitlines()]
    assert len(found) == len(attempts), found
    for attempt, one in zip(attempts, found):
        assert one["through"] == (attempt["host"] == "api.test"), (attempt, one)
    assert {event["to"][0] for event in net.events("accept")} <= {API, API6}


def test_variables_and_options_that_name_no_proxy(t):
    """srt and others: programs that take no notice of the variables went past the rules. Here it makes no difference."""
    net = internet.Internet(t)
    net.profile(*BOTH)
    for way in ("", "env -i PATH=/usr/bin CURL_CA_BUNDLE=/workspace/ca.pem", "env NO_PROXY=* no_proxy=*", "env -u HTTPS_PROXY -u https_proxy -u ALL_PROXY -u all_proxy"):
        assert net.shell(f"{way} curl -sS https://api.test/echo").code == 0
        for url in ("https://other.test/echo", f"https://{OTHER}/echo", f"https://[{OTHER6}]/echo", "http://169.254.169.254/latest/meta-data/"):
            answer = net.shell(f"{way} curl -sS -f -k '{url}'", check=None)
            assert answer.code != 0 and answer.err, (way, url, answer)
    assert {event["to"][0] for event in net.events("accept")} <= {API, API6}

"""Rows 89, 90, 94, 96 and 101 of the list of known escapes (docs/security-tests.md), and what is their next of kin: places that rules do
not allow, in every spelling, on every way out. What was tried is seen by the servers of the test's internet and by the
kernel's counters; see `judging.py`."""

import json

import internet
from internet import API, API6, METADATA, OTHER, OTHER6
from judging import each_way, judge, opens, quick, reach

BOTH = ["api.test", "api.test:80"]


# Row 89: an empty list means nothing.


@each_way()
def an_empty_list_allows_nothing(t, way):
    """CVE-2025-66479: an empty list was taken for none. The places are those that a rule would allow."""
    net = internet.Internet(t)
    places = [reach(way, "api.test"), reach(way, "other.test"), reach(way, API), reach(way, "api.test", 80)]
    questions = [{"by": "question", "name": "api.test"}]
    for settings in ({"allow": []}, {"allow": None}, {"deny": ["other.test"]}, {"allow": [], "deny": []}):
        net.profile(**{"allow": []} | settings) if "allow" not in settings else net.t.profile("net", document(net, **settings))
        mark, before = net.mark(), net.counters()
        said = net.probe(*places, *questions)
        assert not any(one["through"] for one in said[:-1]), (settings, said)
        assert said[-1].get("code") == 3, said[-1]
        assert not net.events(since=mark) and net.counters() == before, (settings, net.events(since=mark))
    # The control: with a rule the same place is reached.
    net.profile(*BOTH)
    assert net.probe(places[0])[0]["through"]


def document(net, **settings):
    """A profile whose network is just this."""
    network = {"mode": "allow", "dns": {"servers": [net.resolver]}} | {key: value for key, value in settings.items() if value is not None}
    return json.dumps({"extends": "shell", "network": network}) + "\n"


def test_an_empty_rule_is_an_error(t):
    """Neither nothing nor everything: who wrote it meant something else."""
    net = internet.Internet(t)
    for rule in ("", " ", ":443", "*:", "api.test:", "api.test:0", "api.test:70000", "http://api.test", "api.test/v1", "a..b", "10.0.0.0/33"):
        net.profile(rule)
        answer = net.run("true", check=None)
        assert answer.code != 0 and "network" in answer.err, (rule, answer)
    net.profile("api.test")
    net.run("true")


# Row 90: one name, many spellings.

# Where each leads if somebody decodes, cuts or completes it is a place that is not allowed; what is allowed has the same beginning or end.
SPELLINGS = [
    "other.test\0.api.test", "other.test%00.api.test", "other.test\r\n.api.test", "other.test\n.api.test", "other.test\t.api.test",
    "other.test .api.test", " other.test", "other.test ", "other.test#.api.test", "other.test/.api.test", "other.test?.api.test",
    "other.test\\.api.test", "other.test@api.test", "api.test@other.test", "api.test:443@other.test", "other.test;.api.test",
    "other%2etest", "%6fther.test", "api.test\0", "api.test\0.other.test", "..api.test", ".api.test", "api..test", "api.test..", "*.api.test",
    "*", "api.test:80", "\xff.api.test", "_.\x7f.api.test", "a" * 64 + ".api.test", "a." * 130 + "api.test", "-.api.test",
]  # fmt: skip
UNICODE = ["\u202eapi.test", "ａｐｉ.test", "аpi.test", "api。test", "ⓐpi.test", "API.TEſT", "faß.api.test"]
ADDRESSES = [
    "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0x7f.1", "0177.0.0.1", "017700000001", "127.0.0.01", "127.000.000.001", "127.0.0.1.",
    "0", "0.0.0.0", "127.0.0.1", "127.255.255.254", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:0001]",
    "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::1]", "[fe80::1]", "[::1%lo]", "[::1%251]", "::1", "[127.0.0.1]",
    "[fd12:3456::1]", "10.1.2.3", "192.168.0.1", "172.16.0.1", "224.0.0.251", "255.255.255.255", "240.0.0.1", "198.18.0.77", "100.64.0.1",
    OTHER, f"[{OTHER6}]", f"[::ffff:{OTHER}]", "1543829.69", "0x97650145",
]  # fmt: skip
# What a careless proxy, or the C library, makes of these leads somewhere.
CARELESS = {
    "connect": {"other.test%00.api.test", "%6fther.test", "other%2etest", "127.1", "0x7f.1", "2130706433", "[::1]", OTHER},
    "absolute": {"other.test%00.api.test", "%6fther.test", "other%2etest", "127.1", "0177.0.0.1", "017700000001", OTHER},
    "socks5": {"other.test\0.api.test", "other.test ", "127.1", "0x7f000001", "127.0.0.1", "[::1]", OTHER},
    "transparent": {"127.1", "0x7f.1", "2130706433", "0177.0.0.1", OTHER, f"[{OTHER6}]", f"[::ffff:{OTHER}]"},
}


@each_way()
def names_and_addresses_in_odd_spellings(t, way):
    """The NUL of Claude Code 2.0.24 and srt, percent signs, line ends, numbers of all kinds, other alphabets."""
    net = internet.Internet(t)
    net.profile(*BOTH, "**.api.test:80,443")
    hosts = SPELLINGS + [text.encode().decode("latin-1") for text in UNICODE] + ADDRESSES
    # In a request line these end the host or the line: they belong to other rows.
    if way in ("connect", "absolute"):
        hosts = [host for host in hosts if not {"\r", "\n"} & set(host)]
    attacks = [reach(way, host, name="other.test") for host in hosts]
    attacks = [opens(attack) if attack["host"] in CARELESS[way] else attack for attack in attacks]
    # Inside, 127/8 is the sandbox's own; that it cannot reach the host's is told by the servers.
    quick(judge(net, way, attacks))


@each_way()
def the_same_name_in_other_letters(t, way):
    """What is the same name to DNS is the same to the rules: no reason to write a rule twice."""
    net = internet.Internet(t)
    net.profile("Api.Test:443,80", "*.WILD.test:443,80")
    hosts = ["api.test", "API.TEST", "api.test.", "Api.Test.", "a.wild.test", "A.wilD.test"]
    for one in net.probe(*(reach(way, host, name=host.rstrip(".").lower()) for host in hosts)):
        assert one["through"], one


def test_labels_that_are_no_names(t):
    """The same, in questions to the resolver: a label may have any bytes, and an answer from outside is not there to
    be had; nothing is asked outside at all."""
    net = internet.Internet(t)
    net.profile(*BOTH, "**.api.test:80,443")
    labels = lambda *parts: "".join(chr(len(part)) + part for part in parts) + "\0"  # noqa: E731
    wires = [
        labels("other", "test\0", "api", "test"), labels("other.test\0", "api", "test"), labels("api.test"), labels("other.api", "test"),
        labels("other%00", "api", "test"), labels("a b", "api", "test"), labels("\xff\xfe", "api", "test"), labels("*", "api", "test"),
        labels("a" * 63, "b" * 63, "c" * 63, "d" * 61, "api", "test"), "\0", "\xc0\x0c", "\x40" + "a" * 64 + "\0", labels("api\r\n", "api", "test"),
    ]  # fmt: skip
    mark = net.mark()
    said = net.probe(*({"by": "question", "data": wire, "patience": 0.3} for wire in wires), {"by": "question", "name": "api.test"})
    assert said[-1]["addresses"], said[-1]
    for wire, one in zip(wires, said):
        assert not one.get("addresses"), (wire, one)
    assert not net.events(since=mark)


# Rows 94 and 101, and addresses that a name may not have.

PLACES = [
    "private.test", "private-six.test", "loop.test", "loop-six.test", "mapped.test", "compatible.test", "nat64.test", "six-to-four.test",
    "teredo.test", "link-local.test", "link-local-six.test", "metadata.test", "shared.test", "multicast.test", "zero.test",
    "broadcast.test", "reserved.test", "synthetic.test", "own.test", "alias-inside.test", "metadata.google.internal", "localhost",
]  # fmt: skip
REACHED = {"private.test", "private-six.test", "loop.test", "link-local.test", "metadata.test", "shared.test", "own.test", "alias-inside.test"}


@each_way()
def names_that_lead_inside(t, way):
    """Row 94 and DNS rebinding: the rules allow the name, and its address is one of the machine's or of its networks. Resolved
    once, judged, refused: not even a packet is sent there."""
    net = internet.Internet(t)
    net.profile(*BOTH, *(f"{name}:80,443" for name in PLACES))
    attacks = [opens(reach(way, name)) if name in REACHED else reach(way, name) for name in PLACES]
    # Their names may be asked for, and what an alias stands for is the resolver's affair. Only connections tell.
    quick(judge(net, way, attacks, asked=PLACES))


@each_way()
def a_name_may_have_the_addresses_that_its_rule_names(t, way):
    """The control of the tests above: `addresses` lets this name lead there, and no other name."""
    net = internet.Internet(t)
    rule = lambda host, *addresses: {"host": host, "ports": [80, 443], "addresses": list(addresses)}  # noqa: E731
    net.profile(rule("private.test", "10.1.0.0/16"), rule("loop.test", "127.0.0.0/8", "::1/128"), rule("loop-six.test", "127.0.0.0/8"), *BOTH)
    said = net.probe(reach(way, "private.test"), reach(way, "loop.test"), reach(way, "loop-six.test"), reach(way, "alias-inside.test"))
    assert [one["through"] for one in said] == [True, True, False, False], said


@each_way()
def metadata_services(t, way):
    """Row 94: by address, in all spellings, and by names that lead there; also where all that is public is open, and
    where a range around them is allowed."""
    net = internet.Internet(t)
    spellings = [*METADATA, f"[{METADATA[1]}]", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "[::ffff:169.254.169.254]",
                 "[::ffff:a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::]", "metadata.test", "metadata.google.internal"]  # fmt: skip
    attacks = [reach(way, host, 80) for host in spellings]
    attacks = [opens(attack) if attack["host"] in (METADATA[0], METADATA[2], "metadata.test") else attack for attack in attacks]
    controls = [reach(way, "api.test", 80)]
    wide = ["metadata.test:80", "metadata.google.internal:80", "169.254.0.0/16:80", "[fd00::/8]:80", "100.64.0.0/10:80", "0.0.0.0/0:80", "[::/0]:80"]
    for settings in ({"allow": ["api.test:80", *wide[:2]]}, {"allow": ["api.test:80", *wide]}, {"mode": "open", "allow": wide[:2]}):
        net.profile(*settings["allow"], mode=settings.get("mode", "allow"))
        judge(net, way, attacks, controls=controls, asked=["metadata.test", "metadata.google.internal"], in_open=settings.get("mode") == "open")
    # The control: a rule that names just this address.
    net.profile(f"{METADATA[0]}:80")
    (said,) = net.probe(reach(way, METADATA[0], 80))
    assert said["through"], said


@each_way()
def the_answer_that_was_judged_is_the_one_that_is_used(t, way):
    """Rebinding: the first answer is public and the next one is loopback. The first connection is made to the address that was
    judged, the second to none. A name with a good and a bad address is never connected to the bad one."""
    net = internet.Internet(t)
    net.profile("rebinding.test:80,443", "mixed.test:80,443", "forged.test:80,443")
    place = lambda host: reach(way, host)  # noqa: E731
    mark = net.mark()
    said = net.probe(place("rebinding.test"), *[place("rebinding.test")] * 5, *[place("mixed.test")] * 5, place("forged.test"))
    assert said[0]["through"], said[0]
    # An answer may be kept for a while, and then leads where it led; it never leads inside.
    assert said[-1]["through"], "answers to other questions, or with another number, are not taken"
    arrived = {event["to"][0] for event in net.events("accept", since=mark)}
    assert arrived == {API}, (arrived, said)


# Row 96: a port belongs to the rule.


@each_way()
def other_ports_of_an_allowed_name(t, way):
    """srt #274, and nono #1631 (row 101): on no other port, the proxy's own among them; nor another host on an allowed port."""
    net = internet.Internet(t)
    net.profile("api.test", "api.test:80", "six.test:7")
    ports = [22, 25, 7, 9, 8080, 8443, 3128, 3129] + ([443] if way == "absolute" else [])
    attacks = [opens(reach(way, "api.test", port)) if port in (22, 7, 8080, 8443) and way != "absolute" else reach(way, "api.test", port) for port in ports]
    attacks += [opens(reach(way, "other.test")), reach(way, "six.test"), reach(way, "other.test", 3128), reach(way, OTHER, 3128), reach(way, OTHER, 3129)]
    if way == "absolute":
        attacks = [attack | {"say": "http"} for attack in attacks]
    # Without rules, the port of the proxy is the careless proxy itself, and six.test has the port.
    # The rule has the port, so that a request in the clear on the port of TLS is told from one only where it arrives.
    quick(judge(net, way, attacks, allowed={(address, port) for address in (API, API6) for port in (80, 443)}))


@each_way("transparent")
def the_port_of_the_proxy_at_other_addresses(t, way):
    """What connects to port 3128 of another machine wants that machine, and not Cloche's proxy: it is judged as such, and never
    answered as a proxy."""
    net = internet.Internet(t)
    net.profile(*BOTH)
    line = "CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\n\r\n"
    attacks = [reach("connect", "api.test", proxy=[address, 3128]) for address in (OTHER, API)]
    attacks += [{"by": "transparent", "host": address, "port": 3128, "say": "bytes", "data": line} for address in (OTHER, API, OTHER6)]
    attacks[0] = opens(attacks[0])
    answers = judge(net, way, attacks)
    assert not any("200" in one.get("text", "") for one in answers), answers


@each_way()
def rules_for_addresses(t, way):
    """A range with its ports; both families; a name that leads into the range is allowed by the range only if it is allowed by
    name; `deny` wins over everything, also over what names resolve to."""
    net = internet.Internet(t)
    net.profile("10.1.0.0/16:80,443,7", "[fd12:3456::/32]:80,443", f"{API}:80", "api.test:443,80", "private.test:443,80", "other.test:443,80",
                deny=["10.1.2.4", "other.test", f"[{OTHER6}]", "10.1.9.0/24"])  # fmt: skip
    port = 80 if way == "absolute" else 443
    bracketed = lambda text: f"[{text}]" if way in ("connect", "absolute") else text  # noqa: E731
    allowed = [("10.1.2.3", port), ("10.1.255.1", port), (bracketed("fd12:3456::1"), port), (API, 80), ("api.test", port)]
    refused = [("10.2.0.1", port), ("10.1.2.4", port), ("10.1.9.1", port), ("10.1.2.3", 8080), (bracketed("fd12:3457::1"), port), (API, 8080),
               (bracketed(API6), port), ("other.test", port), (OTHER, port)]  # fmt: skip
    said = net.probe(*(reach(way, host, at) for host, at in allowed + refused))
    for (place, one), expected in zip(zip(allowed + refused, said), [True] * len(allowed) + [False] * len(refused)):
        assert one["through"] == expected, (place, one)


@each_way()
def names_below_a_wildcard(t, way):
    """`*` is one label, `**` is one or more, and neither is none."""
    net = internet.Internet(t, {"deep.test": [API]})
    net.profile("*.wild.test:80,443", "**.deep.test:80,443", "*.bad.wild.test:80,443", deny=["secret.wild.test", "**.no.deep.test"])
    allowed = ["a.wild.test", "b-1.wild.test", "a.deep.test", "a.b.deep.test", "a.b.c.d.deep.test", "no.deep.test"]
    refused = ["wild.test", "a.b.wild.test", "awild.test", "deep.test", "adeep.test", "secret.wild.test", "x.no.deep.test", "wild.test.other.test"]
    said = net.probe(*(reach(way, host) for host in allowed + refused))
    for (host, one), expected in zip(zip(allowed + refused, said), [True] * len(allowed) + [False] * len(refused)):
        assert one["through"] == expected, (host, one)


@each_way()
def mode_open(t, way):
    """Everything that is public, and nothing else; `deny` holds, and a rule can add what is not public."""
    net = internet.Internet(t)
    net.profile("private.test:80,443", {"host": "loop.test", "ports": [80, 443], "addresses": ["127.0.0.0/8"]}, mode="open",
                deny=["six.test", "151.101.0.0/16", "[2a04:4e42::/32]"])  # fmt: skip
    said = net.probe(*(reach(way, host) for host in ("api.test", API, "wild.test", "loop.test")))
    assert all(one["through"] for one in said), said
    places = ["six.test", "other.test", OTHER, "private.test", "10.1.2.3", "link-local.test", "metadata.test", "own.test", "shared.test", "127.0.0.1"]
    judge(net, way, [opens(reach(way, host)) if host in ("six.test", "other.test", "private.test") else reach(way, host) for host in places],
          asked=places)  # fmt: skip


# What only the explicit way has.


def test_requests_that_are_no_proxys(t):
    """SOCKS4, SOCKS5's other commands and methods, an origin-form request, nonsense: refused, and nothing is begun."""
    net = internet.Internet(t)
    net.profile(*BOTH)
    data = lambda text: {"by": "transparent", "host": "127.0.0.1", "port": 3128, "say": "bytes", "data": text, "silence": 0.3}  # noqa: E731
    attacks = [
        data("\4\1\1\xbb\x5d\xb8\xd8\x22\0"),
        data("\4\1\1\xbb\0\0\0\1\0api.test\0"),
        data("\5\1\2"),
        data("\5\0"),
        data("\5\1\0\5\1\0\3\0\1\xbb"),
        data("\5\1\0\5\1\0\2\x08api.test\1\xbb"),
        data("\5\1\0\4\1\0\3\x08api.test\1\xbb"),
        data("GET /echo HTTP/1.1\r\nHost: api.test\r\n\r\n"),
        data("GET /echo HTTP/1.1\r\nHost: 127.0.0.1:3128\r\n\r\n"),
        data("CONNECT api.test HTTP/1.1\r\nHost: api.test\r\n\r\n"),
        data("CONNECT http://api.test:443/ HTTP/1.1\r\nHost: api.test\r\n\r\n"),
        data("CONNECT api.test:443 HTTP/0.9\r\n\r\n"),
        data("GET https://api.test/echo HTTP/1.1\r\nHost: api.test\r\n\r\n"),
        data("GET ftp://api.test/echo HTTP/1.1\r\nHost: api.test\r\n\r\n"),
        data("GET file:///etc/passwd HTTP/1.1\r\nHost: api.test\r\n\r\n"),
        data("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        data("\x16\3\1\0\5hello"),
        data("\0" * 1000),
        data("A" * 100000),
        {"by": "socks5", "host": "api.test", "port": 443, "say": "tls", "command": 2},
        {"by": "socks5", "host": "api.test", "port": 443, "say": "tls", "command": 3},
        {"by": "socks5", "host": "api.test", "port": 443, "say": "tls", "greeting": "\5\2\1\2"},
    ]
    judge(net, "connect", attacks, controls=[reach("connect", "api.test"), reach("socks5", "api.test")], in_open=False)


@each_way("connect", "absolute", "socks5")
def the_proxy_itself_and_the_sandboxs_own_loopback(t, way):
    """A proxy that can be asked for itself is a loop; one that can be asked for loopback is on the host's. Also synthetic
    addresses: those that were given out stand for a name only to whoever asked for it."""
    net = internet.Internet(t)
    net.profile(*BOTH)
    port = net.ports["http"]
    hosts = ["127.0.0.1", "localhost", "[::1]", "127.0.0.2", "0.0.0.0", "sub.localhost", "198.18.0.1", "198.18.0.2", "198.19.255.254", "ip6-localhost"]
    attacks = [reach(way, host, at) | {"say": "http"} for host in hosts for at in (port, 3128, 53)]
    attacks[0] = opens(attacks[0])
    judge(net, way, attacks)


def test_addresses_that_were_never_given_out(t):
    """A synthetic address stands for a name only after that name was asked for here. Any other leads nowhere."""
    net = internet.Internet(t)
    net.profile(*BOTH, "**.wild.test:80,443")
    given = net.probe({"by": "question", "name": "api.test"}, {"by": "question", "name": "api.test", "type": 28})
    four, six = given[0]["addresses"][0], given[1]["addresses"][0]
    assert four.startswith(("198.18.", "198.19.")) and six.startswith("fd"), given
    head, _, last = four.rpartition(".")
    near = [f"{head}.{(int(last) + step) % 256}" for step in range(1, 9)] + ["198.18.0.0", "198.19.255.255", "198.18.128.7"]
    attacks = [reach("transparent", address, 80, requests=[{"host": "api.test"}]) for address in near]
    attacks += [reach("transparent", six[:-1] + digit, 80, requests=[{"host": "api.test"}]) for digit in "23456789abcdef" if digit != six[-1]]
    judge(net, "transparent", attacks, in_open=False)

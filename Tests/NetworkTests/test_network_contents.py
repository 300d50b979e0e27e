"""Rows 92, 93, 102, 103 and 105: what is said on a connection that may be made. The name in TLS and in HTTP must be that of the
place, each request of a connection is judged anew, and where a rule limits methods and paths, nothing gets past it.

The supervisor may have connected to the allowed place before it sees what is said. So the canary is what arrives there: a name in
TLS, a request, a tunnel."""

import posixpath
import urllib.parse

import internet
from judging import WAYS, each_way, judge, opens, reach

BOTH = ["api.test", "api.test:80"]


def said_at(*names):
    """Nothing may have been said to a server in any name but these, nor where another of them is."""

    def only(event):
        said = {"tls": event.get("name"), "http": event.get("host")}.get(event["kind"], names[0])
        said = (said or "").lower().split(":")[0]
        at = event.get("to", [None])[0] if event["kind"] in ("tls", "http") else None
        return event["kind"] != "tunnel" and said in names and (at is None or at in internet.NAMES[said])

    return only


# Row 93: TLS.


@each_way("transparent", "connect", "socks5")
def another_name_in_tls(t, way):
    """Domain fronting, and its plain form: to an allowed place, in the name of one that is not, or that is allowed too; in no name;
    behind an encrypted client hello; in two names."""
    net = internet.Internet(t)
    net.profile(*BOTH, "six.test")
    hello = lambda change, **more: reach(way, "api.test") | {"say": "hello", "change": change} | more  # noqa: E731
    attacks = [
        opens(reach(way, "api.test", name="other.test")),
        opens(reach(way, "api.test", name="six.test")),
        opens(reach(way, "api.test", name="")),
        opens(reach(way, "api.test", name="api.test.other.test")),
        reach(way, "api.test", name="xapi.test"),
        reach(way, "api.test", name="test"),
        reach(way, "api.test", name=internet.API),
        opens(hello("none", name="other.test")),
        opens(hello("records", name="other.test")),
        opens(hello("segments", name="other.test")),
        opens(hello("encrypted")),
        hello("two names"),
        hello("two extensions"),
        hello("nul"),
        hello("alert first"),
    ]
    attacks += [reach(way, "six.test", name="api.test")]
    judge(net, way, attacks, controls=[reach(way, "api.test"), reach(way, "six.test")], only=said_at("api.test", "six.test"))


@each_way("transparent", "connect", "socks5")
def a_hello_in_pieces(t, way):
    """The same hello in many records or many packets is the same hello, and a name in capitals the same name."""
    net = internet.Internet(t)
    net.profile(*BOTH)
    changes = ["none", "records", "segments", "upper case", "final dot"]
    said = net.probe(*(reach(way, "api.test") | {"say": "hello", "change": change} for change in changes))
    for change, one in zip(changes[:4], said):
        assert one["through"], (change, one)
    # A final dot is not allowed there (RFC 6066): either is right, as long as nothing else happens.
    assert {event["name"].lower().rstrip(".") for event in net.events("tls")} == {"api.test"}


@each_way("transparent", "connect", "socks5")
def hidden_names_are_a_choice(t, way):
    """`hidden-names: allow` lets TLS without a name, or with an encrypted hello, through to the place that was asked for. A name that
    can be read must still be the right one."""
    net = internet.Internet(t)
    hidden = [reach(way, "api.test", name=""), reach(way, "api.test") | {"say": "hello", "change": "encrypted"}]
    wrong = reach(way, "api.test", name="other.test")
    net.profile(*BOTH)
    assert [one["through"] for one in net.probe(*hidden, wrong)] == [False, False, False]
    net.profile(*BOTH, hidden_names="allow")
    assert [one["through"] for one in net.probe(*hidden, wrong)] == [True, True, False]
    assert {tuple(event["to"]) for event in net.events("accept")} <= {(internet.API, 443), (internet.API6, 443)}


@each_way("transparent", "connect", "socks5")
def what_is_no_tls_on_a_port_of_tls(t, way):
    """Port 443 is for TLS; `protocol: any` allows anything there."""
    net = internet.Internet(t)
    net.profile(*BOTH, {"host": "six.test", "ports": [443, 7, 22], "protocol": "any"}, "api.test:7,22")
    text = "GET /echo HTTP/1.1\r\nHost: api.test\r\n\r\n"
    attacks = [reach(way, "api.test") | {"say": "bytes", "silence": 0.5, "data": data} for data in (text, "SSH-2.0-x\r\n", "\r\n\r\n", "\x80\x2e\1\3\1")]
    judge(net, way, attacks, only=said_at("api.test"), in_open=False)
    # On other ports what looks like neither passes, also where the server speaks first.
    said = net.probe(reach(way, "api.test", 22), reach(way, "api.test", 7), reach(way, "six.test", 22), reach(way, "six.test", 7))
    assert all(one["through"] for one in said), said
    # And what looks like TLS or HTTP there is checked.
    other = [reach(way, "api.test", 7) | {"say": "hello", "change": "none", "name": "other.test"},
             reach(way, "api.test", 7) | {"say": "echo", "data": "GET / HTTP/1.1\r\nHost: other.test\r\n\r\n"}]  # fmt: skip
    assert not any(one["through"] for one in net.probe(*other))


@each_way("transparent", "connect", "socks5")
def text_of_other_protocols(t, way):
    """What begins with words and is no request passes on other ports, as it is."""
    net = internet.Internet(t)
    net.profile("api.test:7")
    texts = ["PING\r\n", "EHLO localhost\r\n", "*1\r\n$4\r\nPING\r\n", "USER anonymous\r\n", "NICK a\r\nUSER a 0 * :x\r\n", "hello\n", "\0\0\0\x08", "\xff\xfb\x18"]
    for text, one in zip(texts, net.probe(*(reach(way, "api.test", 7, data=text) for text in texts))):
        assert one["through"] and one["ms"] < 2000, (text, one)


# Row 93: HTTP.


@each_way()
def another_name_in_http(t, way):
    """The Host of a request is the place, in each request of a connection."""
    net = internet.Internet(t)
    net.profile(*BOTH, "six.test:80")
    place = reach(way, "api.test", 80)
    one = lambda **request: place | {"requests": [request]}  # noqa: E731
    second = lambda **request: place | {"requests": [{}, request]}  # noqa: E731
    raw = lambda *lines: {"raw": "\r\n".join(lines) + "\r\n\r\n"}  # noqa: E731
    absolute = way == "absolute"
    line = "GET http://api.test/echo HTTP/1.1" if absolute else "GET /echo HTTP/1.1"
    attacks = [
        one(host="other.test"),
        one(host="six.test"),
        one(host="api.test.other.test"),
        one(host="other.test:80"),
        one(host="api.test:8080"),
        one(host="api.test@other.test"),
        one(host="other.test\tapi.test"),
        one(host=""),
        one(host=None),
        one(fields=["Host: other.test"]),
        one(**raw(line, "Host: api.test", "Host: api.test")),
        one(**raw(line, "Host : other.test", "Host: api.test")),
        one(**raw(line, "Host: api.test", " other.test")),
        one(**raw(line, "X: y\nHost: other.test", "Host: api.test")),
        one(**raw(line, "X: y\rHost: other.test", "Host: api.test")),
        one(**raw(line, "X: y\0z", "Host: api.test")),
        one(**raw(line.replace("HTTP/1.1", "HTTP/1.0"), "X-No: host")),
        one(**raw("GET http://other.test/echo HTTP/1.1", "Host: api.test")),
        one(**raw("GET http://other.test/echo HTTP/1.1", "Host: other.test")),
        one(**raw("GET //other.test/echo HTTP/1.1", "Host: other.test")),
        one(**raw("GET http://api.test@other.test/echo HTTP/1.1", "Host: api.test")),
        one(**raw("GET http://api.test:80@other.test/echo HTTP/1.1", "Host: api.test")),
        one(**raw("CONNECT other.test:80 HTTP/1.1", "Host: other.test:80")),
        one(**raw("CONNECT api.test:22 HTTP/1.1", "Host: api.test")),
    ]
    if not absolute:
        attacks = [opens(attack) if index in (0, 1) else attack for index, attack in enumerate(attacks)]
        attacks.append(one(**raw("OPTIONS http://other.test HTTP/1.1", "Host: api.test")))
    else:
        attacks.append(opens(place | {"host": "other.test"}))
        # In absolute form the first place does not bind the next ones, and the target is the Host of a request that has none.
        attacks = [attack for attack in attacks if "six.test" not in str(attack) and "HTTP/1.0" not in str(attack)]
    judge(net, way, attacks, controls=[place], only=said_at("api.test", "six.test"))
    # On a connection that goes on, the next request is no freer than the first.
    mark = net.mark()
    for attack in (second(host="other.test"), second(**raw("GET http://other.test/echo HTTP/1.1", "Host: other.test"))):
        (said,) = net.probe(attack)
        assert said["through"] and len(said["all"]) == 2 and not said["all"][1]["through"], said
    assert {event["host"].removesuffix(":80") for event in net.events("http", since=mark)} == {"api.test"}


@each_way()
def two_requests_that_look_like_one(t, way):
    """Smuggling: a request whose end two readers see in two places. Where the limits of a rule are looked at, the hidden one would get
    past them; so the form is refused, or what reaches the server has one meaning."""
    net = internet.Internet(t)
    net.profile("api.test", {"host": "api.test", "ports": [80], "methods": ["GET", "POST"], "paths": ["/echo", "/upload"]})
    place = reach(way, "api.test", 80)
    prefix = "http://api.test" if way == "absolute" else ""
    hidden = "DELETE /hidden HTTP/1.1\r\nHost: other.test\r\nContent-Length: 0\r\n\r\n"
    head = f"POST {prefix}/upload HTTP/1.1\r\nHost: api.test\r\n"
    bodies = [
        f"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
        f"Content-Length: {len(hidden)}\r\nContent-Length: 0\r\n\r\n{hidden}",
        f"Content-Length: 0, {len(hidden)}\r\n\r\n{hidden}",
        f"Content-Length: +0\r\n\r\n{hidden}",
        f"Content-Length: 0x0\r\n\r\n{hidden}",
        f"Content-Length : {len(hidden)}\r\n\r\n{hidden}",
        f"Content-Length: {len(hidden)}\r\nTransfer-Encoding: xchunked\r\n\r\n{hidden}",
        f"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{hidden}",
        f"Transfer-Encoding: identity\r\nContent-Length: {len(hidden)}\r\n\r\n{hidden}",
        f"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n{hidden}",
        f"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n{hidden}",
        f"X: y\n\n{hidden}",
        f"Transfer-Encoding: chunked\r\n\r\n-0\r\n\r\n{hidden}",
        f"Transfer-Encoding: chunked\r\n\r\n0;a\n{hidden}\r\n\r\n{hidden}",
        f"Transfer-Encoding: chunked\r\n\r\n1\r\nab0\r\n\r\n{hidden}",
        f"Transfer-Encoding: chunked\r\n\r\n00000000000000000\r\n\r\n{hidden}",
        f"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n{hidden}",
        f"Transfer-Encoding: chunked\r\n\r\n0\r\nHost: other.test\r\n\r\n{hidden}",
        f"Expect: 100-continue\r\nContent-Length: 0\r\n\r\n{hidden}",
        f"Connection: Content-Length\r\nContent-Length: {len(hidden)}\r\n\r\n{hidden}",
    ]
    attempts = [place | {"say": "bytes", "data": head + body, "silence": 0.3} for body in bodies]
    mark = net.mark()
    said = net.probe({**place}, *attempts, {**place})
    assert said[0]["through"] and said[-1]["through"], (said[0], said[-1])
    for event in net.events("http", since=mark):
        assert event["method"] in ("GET", "POST") and event["host"] in ("api.test", "api.test:80") and "hidden" not in event["target"], event
    # The control: without rules the hidden request is one.
    net.profile(name="open-network", mode="host")
    data = f"POST /upload HTTP/1.1\r\nHost: api.test\r\nContent-Length: 0\r\n\r\n{hidden}"
    net.probe({"by": "transparent", "host": "api.test", "port": 80, "say": "bytes", "data": data, "silence": 0.3}, profile="open-network")
    assert any(event["method"] == "DELETE" for event in net.events("http"))


# Rows 92 and 103: methods and paths.

LIMITED = {"host": "api.test", "ports": [80], "methods": ["GET", "HEAD"], "paths": ["/v1/**", "/exact"]}


def resolved(target):
    """The path as a lenient server would understand it."""
    path = urllib.parse.unquote(urllib.parse.unquote(target.split("?")[0])).replace("\\", "/").split(";")[0]
    return posixpath.normpath("/" + path.lstrip("/"))


@each_way()
def methods_and_paths(t, way):
    """nono's dot segments, in all their codings. What arrives at the server is within the rule however the server reads it."""
    net = internet.Internet(t)
    net.profile("api.test", LIMITED)
    place = reach(way, "api.test", 80)
    request = lambda target, **more: place | {"requests": [{"target": target} | more]}  # noqa: E731
    attacks = [
        opens(request("/v1/x", method="POST", body="secret")), opens(request("/v1/x", method="DELETE")), request("/v1/x", method="PUT", body="x"),
        request("/v1/x", method="get"), request("/v1/x", method="PATCH"), request("/v1/x", method="GETX"), request("/v1/x", method="TRACE"),
        request("/v1/x", fields=["X-HTTP-Method-Override: DELETE"], method="POST"), opens(request("/")), opens(request("/v2/x")), request("/v1"),
        request("/V1/x"), request("/v1x/y"), request("/exact/more"), request("/exac"), opens(request("/v1/../v2/x")), request("/v1/..;/v2/x"),
        request("/v1/%2e%2e/v2/x"), request("/v1/%2E./v2/x"), request("/v1/.%2e/v2/x"), request("/v1/%252e%252e/v2/x"), request("/v1/..%2fv2/x"),
        request("/v1/..%5cv2/x"), request("/v1/..\\v2/x"), request("/v1\\..\\v2"), request("//v2/x"), request("/v1/x/../../v2"), request("/v1//../../v2"),
        request("/./v2/x"), request("/v1/%00/../v2"), request("/v1/%c0%ae%c0%ae/v2"), request("/v1/..%c0%af/v2"), request("/v1/%u002e%u002e/v2"),
        request("/v1/\xff"), request("*"), request("/v1/x y"), request("/v1/%zz"), request("/v1/%"), request("/%76%31/../v2"),
    ]  # fmt: skip
    harmless = lambda event: event["kind"] != "tunnel" and (  # noqa: E731
        event["kind"] != "http" or event["method"] in ("GET", "HEAD") and resolved(event["target"]).startswith(("/v1/", "/exact"))
    )
    judge(net, way, attacks, controls=[request("/v1/x"), request("/exact"), request("/v1/a/b?x=/../y"), request("/v1/x", method="HEAD")], only=harmless)
    # On a connection that goes on each request is judged.
    (said,) = net.probe(place | {"requests": [{"target": "/v1/x"}, {"target": "/v1/y"}, {"target": "/v2/x"}]})
    through = [one["through"] for one in said["all"]]
    # In absolute form a connection may end with its first request.
    assert through == [True, True, False] or way == "absolute" and through == [True, False], said


@each_way("transparent", "connect", "socks5")
def a_rule_for_requests_allows_no_tls(t, way):
    """What cannot be read cannot be limited."""
    net = internet.Internet(t)
    net.profile({"host": "api.test", "ports": [80, 443], "methods": ["GET"]}, "six.test")
    judge(net, way, [opens(reach(way, "api.test"))], controls=[reach(way, "six.test")], asked=["api.test"], only=said_at("six.test"))


# Row 102: tunnels inside of requests.


@each_way()
def upgrades(t, way):
    """OpenShell #1967: an offer of HTTP/2 in the clear turns a connection whose requests are read into one where they are not.
    Java's client makes the offer each time: it is dropped, or refused, but never taken. WebSocket is a tunnel too: allowed where all
    requests are, and not by a rule that limits them."""
    net = internet.Internet(t)
    net.profile(LIMITED, "six.test:80")
    settings = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"]
    socket = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    for host in ("api.test", "six.test"):
        place = reach(way, host, 80)
        request = lambda target, **more: place | {"requests": [{"target": target} | more]}  # noqa: E731, B023
        prefix = f"http://{host}" if way == "absolute" else ""
        prior = place | {"say": "bytes", "silence": 0.5, "data": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"}
        mixed = f"GET {prefix}/v1/x HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket, h2c\r\n\r\nDELETE /v2 HTTP/1.1\r\nHost: {host}\r\n\r\n"
        said = net.probe(request("/v1/x", fields=settings), prior, place | {"say": "bytes", "silence": 0.5, "data": mixed}, request("/socket", fields=socket))
        assert " 101 " not in said[0].get("status", ""), said[0]
        assert not said[1]["through"], said[1]
        assert (" 101 " in said[3].get("status", "")) == (host == "six.test"), (host, said[3])
    assert not net.events("tunnel")
    limited = [event for event in net.events("http") if event["host"] == "api.test"]
    assert all(event["method"] == "GET" and event["target"].startswith("/v1/") for event in limited), limited
    # The control: the server does take the offer.
    net.profile(name="open-network", mode="host")
    net.probe(reach("transparent", "api.test", 80, requests=[{"fields": settings}]), profile="open-network")
    assert net.events("tunnel")


def test_absolute_form_may_name_many_places(t):
    """On one connection to the proxy, requests for several places: each is judged and sent where it belongs."""
    net = internet.Internet(t)
    net.profile("api.test:80", "six.test:80")
    place = reach("absolute", "api.test", 80)
    requests = [{}, {"absolute": "http://six.test/echo", "host": "six.test"}, {"absolute": "http://other.test/echo", "host": "other.test"},
                {"absolute": "http://api.test/echo"}]  # fmt: skip
    (said,) = net.probe(place | {"requests": requests})
    assert said["all"][0]["through"] and said["all"][0]["echo"]["to"][0] in (internet.API, internet.API6), said
    if len(said["all"]) > 1 and said["all"][1]["through"]:
        assert said["all"][1]["echo"]["to"][0] == internet.API6, said
    assert not any(event["host"] == "other.test" for event in net.events("http"))
    assert {event["name"] for event in net.events("dns")} <= {"api.test", "six.test"}


def test_a_servers_answer_is_no_request(t):
    """What only servers say, and heads that are too large or never end."""
    net = internet.Internet(t)
    net.profile(*BOTH)
    for way in WAYS:
        place = reach(way, "api.test", 80) | {"say": "bytes", "silence": 0.5}
        prefix = "http://api.test" if way == "absolute" else ""
        large = f"GET {prefix}/echo HTTP/1.1\r\nHost: api.test\r\n" + "".join(f"X-{n}: {'y' * 1000}\r\n" for n in range(100)) + "\r\n"
        said = net.probe(place | {"data": "HTTP/1.1 200 OK\r\n\r\n"}, place | {"data": large}, place | {"data": "GET " + "/" * 100000})
        assert not any(one["through"] for one in said), (way, said)
    assert not net.events("http")


def test_bundles_are_named_in_one_word(t):
    """A bundle is a list of places; its names are reached, and nothing else."""
    net = internet.Internet(t, {"pypi.org": [internet.API], "files.pythonhosted.org": [internet.API], "api.anthropic.com": [internet.API]})
    net.profile("pypi")
    said = net.probe(*(reach("transparent", host) for host in ("pypi.org", "files.pythonhosted.org", "api.anthropic.com")))
    assert [one["through"] for one in said] == [True, True, False], said
    for bundle in ("anthropic", "openai", "google", "github", "npm", "crates", "go", "debian"):
        net.profile(bundle)
        net.run("true")
    net.profile("no-such-bundle")
    assert "no-such-bundle" in net.run("true", check=None).err

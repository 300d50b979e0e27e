"""Tries to reach servers from inside a sandbox, on every path there is. `probe.py FILE` reads a list of attempts (JSON) and
prints one object for each: whether bytes of a server's came back (`through`), what went wrong at which stage, and how
long it took. Texts are latin-1, so that an attempt can have any bytes.

An attempt:

    by        transparent (the resolver, then connect), connect (HTTP), absolute (HTTP), socks5, or
              question (DNS), datagram (UDP), ping (ICMP)
    host, port
    say       what is said when the way is open: tls (then a request in it), http, echo, banner (the server speaks first),
              hello (a ClientHello changed by `change`), bytes (`data` as it is), half_close, end, leave
    name      what TLS says (SNI); "" says nothing. Otherwise the host
    requests  a list of {method, target, host, fields, body, raw}; one GET /echo otherwise
"""

import ipaddress
import json
import os
import socket
import ssl
import struct
import sys
import time

PROXY = ("127.0.0.1", 3128)
PATIENCE = 10


class Failed(Exception):
    """What went wrong: the stage, and in whose words."""

    def __init__(self, stage, error):
        super().__init__(f"{stage}: {error}")
        self.stage, self.error = stage, str(error)


def guarded(stage, function, *arguments):
    try:
        return function(*arguments)
    except (OSError, UnicodeError, ValueError) as error:
        raise Failed(stage, f"{type(error).__name__}: {error}") from error


def literal(host):
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


# The ways.


def open_transparent(attempt):
    host, port = attempt["host"].strip("[]"), attempt["port"]
    found = guarded("resolve", socket.getaddrinfo, host.encode("latin-1"), port, socket.AF_UNSPEC, socket.SOCK_STREAM)
    stream = socket.socket(found[0][0], socket.SOCK_STREAM)
    stream.settimeout(PATIENCE)
    guarded("connect", stream.connect, found[0][4])
    return stream


def to_proxy(attempt):
    stream = socket.socket()
    stream.settimeout(PATIENCE)
    guarded("connect", stream.connect, tuple(attempt.get("proxy", PROXY)))
    return stream


def head_of(stream):
    """The head of an answer; what comes behind it may be the server's own first word, and stays."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        piece = stream.recv(1)
        if not piece:
            raise ConnectionError(f"ended after {data[:200]!r}")
        data += piece
    return data


def open_connect(attempt):
    stream, authority = to_proxy(attempt), f"{attempt['host']}:{attempt['port']}"
    line = attempt.get("line", f"CONNECT {authority} HTTP/1.1\r\nHost: {attempt.get('authority', authority)}\r\n\r\n")
    guarded("proxy", stream.sendall, line.encode("latin-1"))
    head = guarded("proxy", head_of, stream)
    if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200")):
        raise Failed("proxy", head.split(b"\r\n")[0].decode("latin-1"))
    return stream


def open_absolute(attempt):
    return to_proxy(attempt)


def open_socks5(attempt):
    stream = to_proxy(attempt)
    exactly = lambda count: stream.recv(count, socket.MSG_WAITALL)  # noqa: E731
    guarded("proxy", stream.sendall, attempt.get("greeting", "\5\1\0").encode("latin-1"))
    answer = guarded("proxy", exactly, 2)
    if answer != b"\5\0":
        raise Failed("proxy", f"greeting answered {answer!r}")
    # One byte has the length of the name.
    address, name = literal(attempt["host"]), attempt["host"].encode("latin-1")[:255]
    if address is not None:
        target = bytes([1 if address.version == 4 else 4]) + address.packed
    else:
        target = bytes([3, len(name)]) + name
    command = attempt.get("command", 1)
    guarded("proxy", stream.sendall, bytes([5, command, 0]) + target + struct.pack(">H", attempt["port"]))
    answer = guarded("proxy", exactly, 4)
    if answer[:2] != b"\5\0":
        raise Failed("proxy", f"answered {answer!r}")
    guarded("proxy", exactly, {1: 6, 4: 18}.get(answer[3], 0))
    return stream


# What is said.


def request(attempt, wanted):
    """The bytes of one request."""
    if "raw" in wanted:
        return wanted["raw"].encode("latin-1")
    port, default = attempt["port"], 443 if attempt["say"] == "tls" else 80
    host = wanted.get("host", attempt["host"] + (f":{port}" if port != default else ""))
    target = wanted.get("target", "/echo")
    if attempt["by"] == "absolute":
        target = wanted.get("absolute", f"http://{attempt['host']}:{port}" + target)
    body = wanted.get("body", "")
    lines = [f"{wanted.get('method', 'GET')} {target} HTTP/1.1"] + ([f"Host: {host}"] if host is not None else [])
    lines += wanted.get("fields", []) + ([f"Content-Length: {len(body)}"] if body else [])
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode("latin-1")


def answer(file, method):
    """One answer of a server, or of a proxy that refuses."""
    status = file.readline(65536)
    if not status:
        raise ConnectionError("ended without an answer")
    fields = {}
    while (line := file.readline(65536)).strip():
        key, _, value = line.decode("latin-1").partition(":")
        fields[key.lower()] = value.strip()
    if method == "HEAD":
        body = b""
    elif "chunked" in fields.get("transfer-encoding", ""):
        body = b""
        while size := int(file.readline(), 16):
            body += file.read(size)
            file.readline()
        file.readline()
    elif "content-length" in fields:
        body = file.read(int(fields["content-length"]))
    else:
        body = b"" if b" 101 " in status else file.read()
    through = "x-test-server" in fields
    facts = {"through": through, "status": status.decode("latin-1").strip()}
    if through and body.startswith(b"{"):
        facts["echo"] = json.loads(body)
    else:
        facts["text"] = body[:2000].decode("latin-1")
    return facts


def say_http(stream, attempt):
    file = stream.makefile("rb")
    found = []
    for wanted in attempt.get("requests", [{}]):
        try:
            stream.sendall(request(attempt, wanted))
            found.append(answer(file, wanted.get("method", "GET")))
        except (OSError, ValueError) as error:
            found.append({"through": False, "error": f"{type(error).__name__}: {error}"})
            break
    return found[0] | {"all": found} if "requests" in attempt else found[0]


def say_tls(stream, attempt):
    context = ssl.create_default_context()
    name = attempt.get("name", attempt["host"].strip("[]"))
    # Whom the attempt really wants to reach has another name, or none.
    if "name" in attempt or literal(name):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    inside = guarded("tls", lambda: context.wrap_socket(stream, server_hostname=name or None))
    return say_http(inside, attempt)


def say_echo(stream, attempt):
    token = attempt.get("data", "echo of %d\n" % time.monotonic_ns()).encode("latin-1")
    stream.sendall(token)
    found = stream.recv(len(token), socket.MSG_WAITALL)
    return {"through": found == token, "text": found[:2000].decode("latin-1")}


def say_banner(stream, attempt):
    found = stream.recv(100)
    return {"through": found.startswith(b"SSH-2.0-test"), "text": found.decode("latin-1")}


def say_half_close(stream, attempt):
    """Everything is sent, and the end of it; what comes back then, to its end. `size` bytes, or 100,000."""
    size = attempt.get("size", 100_000)
    # Not the beginning of anything.
    stream.sendall(b"\1" * size)
    stream.shutdown(socket.SHUT_WR)
    found = b""
    while data := stream.recv(65536):
        found += data
    return {"through": bool(found), "text": found[-40:].decode("latin-1"), "length": len(found)}


def say_end(stream, attempt):
    """Sends `data`, if any, and tells how the other side ends: the bytes that come, and then `end` or an error."""
    stream.sendall(attempt.get("data", "").encode("latin-1"))
    found = b""
    try:
        while data := stream.recv(65536):
            found += data
        end = "end"
    except OSError as error:
        end = type(error).__name__
    return {"through": bool(found), "text": found[:200].decode("latin-1"), "end": end}


def say_leave(stream, attempt):
    """Leaves without a word, by an end or (`reset`) by a reset."""
    if attempt.get("reset"):
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return {"through": True}


def say_bytes(stream, attempt):
    """Whatever comes back until the other side ends, or is silent for a while."""
    stream.sendall(attempt["data"].encode("latin-1"))
    stream.settimeout(attempt.get("silence", 1))
    found = b""
    try:
        while data := stream.recv(65536):
            found += data
    except TimeoutError:
        pass
    return {"through": b"X-Test-Server" in found or b"SSH-2.0-test" in found, "text": found[:4000].decode("latin-1")}


# ClientHello.


def client_hello(name):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        context.wrap_bio(incoming, outgoing, server_hostname=name or None).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()[5:]


def with_extensions(message, extensions, instead_of=()):
    """The handshake message with further extensions, and without those of some types."""
    at = 4 + 2 + 32
    at += 1 + message[at]
    at += 2 + int.from_bytes(message[at : at + 2], "big")
    at += 1 + message[at]
    old, kept = message[at + 2 :], b""
    while old:
        size = 4 + int.from_bytes(old[2:4], "big")
        if int.from_bytes(old[:2], "big") not in instead_of:
            kept += old[:size]
        old = old[size:]
    new = b"".join(struct.pack(">HH", kind, len(data)) + data for kind, data in extensions) + kept
    body = message[4:at] + struct.pack(">H", len(new)) + new
    return b"\1" + len(body).to_bytes(3, "big") + body


def server_name(*names):
    entries = b"".join(b"\0" + struct.pack(">H", len(name)) + name for name in names)
    return 0, struct.pack(">H", len(entries)) + entries


def records(*pieces):
    return b"".join(b"\x16\3\1" + struct.pack(">H", len(piece)) + piece for piece in pieces)


def changed_hello(attempt):
    """Pieces to send, one after the other."""
    name = attempt.get("name", attempt["host"])
    message, raw = client_hello(name), name.encode("latin-1")
    other = attempt.get("other", "other.test").encode("latin-1")
    # type outer, HKDF and AEAD, config id, an empty key, a payload
    encrypted = (0xFE0D, b"\0\0\1\0\1\7" + struct.pack(">H", 32) + os.urandom(32) + struct.pack(">H", 64) + os.urandom(64))
    changes = {
        "none": lambda: [records(message)],
        "records": lambda: [records(*(message[at : at + 40] for at in range(0, len(message), 40)))],
        "segments": lambda: [bytes([byte]) for byte in records(message)],
        "encrypted": lambda: [records(with_extensions(message, [encrypted]))],
        "two names": lambda: [records(with_extensions(message, [server_name(raw, other)], [0]))],
        "two extensions": lambda: [records(with_extensions(message, [server_name(raw), server_name(other)], [0]))],
        "nul": lambda: [records(with_extensions(message, [server_name(raw + b"\0." + other)], [0]))],
        "upper case": lambda: [records(with_extensions(message, [server_name(raw.upper())], [0]))],
        "final dot": lambda: [records(with_extensions(message, [server_name(raw + b".")], [0]))],
        "second hello": lambda: [records(message) + records(client_hello(other.decode()))],
        "alert first": lambda: [b"\x15\3\1\0\2\1\0" + records(client_hello(other.decode()))],
        "old version": lambda: [bytes([0x80, 0x2E, 1, 3, 1, 0, 3, 0, 0, 0, 32, 0, 0, 47]) + os.urandom(32)],
    }
    return changes[attempt["change"]]()


def say_hello(stream, attempt):
    """Through when a server's own handshake record comes back."""
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for piece in changed_hello(attempt):
        stream.sendall(piece)
    found = stream.recv(65536)
    return {"through": found[:1] == b"\x16", "text": found[:20].hex()}


# Without a connection.


def question(attempt):
    """Asks a resolver (`host`, or the system's) for `data` in wire form, or for a name."""
    name = attempt["data"].encode("latin-1") if "data" in attempt else None
    if name is None:
        name = b"".join(bytes([len(label)]) + label.encode("latin-1") for label in attempt["name"].split(".") if label) + b"\0"
    kind = attempt.get("type", 1)
    message = b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + name + struct.pack(">HH", kind, attempt.get("class", 1))
    if "message" in attempt:
        message = attempt["message"].encode("latin-1")
    server = attempt.get("host") or next(line.split()[1] for line in open("/etc/resolv.conf") if line.startswith("nameserver"))
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if attempt.get("tcp") else socket.SOCK_DGRAM) as stream:
        stream.settimeout(attempt.get("patience", PATIENCE))
        guarded("connect", stream.connect, (server, attempt.get("port", 53)))
        guarded("send", stream.sendall, (struct.pack(">H", len(message)) if attempt.get("tcp") else b"") + message)
        found = guarded("answer", stream.recv, 65536)
        if attempt.get("tcp"):
            size = int.from_bytes(found[:2], "big")
            while len(found) < size + 2:
                found += guarded("answer", stream.recv, 65536) or (_ for _ in ()).throw(Failed("answer", "ended"))
            found = found[2:]
    return {"through": True} | answered(found, len(name))


def answered(found, size):
    """Code, addresses and types of a DNS answer."""
    _, flags, _, count, _, _ = struct.unpack_from(">HHHHHH", found)
    facts = {"code": flags & 15, "truncated": bool(flags & 0x200), "addresses": [], "types": [], "text": found.hex()}
    at = 12 + size + 4
    for _ in range(count):
        while found[at] and found[at] < 64:
            at += 1 + found[at]
        at += 2 if found[at] else 1
        kind, _, ttl, length = struct.unpack_from(">HHIH", found, at)
        data = found[at + 10 : at + 10 + length]
        at += 10 + length
        facts["types"].append(kind)
        facts["ttl"] = ttl
        if kind in (1, 28):
            facts["addresses"].append(str(ipaddress.ip_address(data)))
    return facts


def datagram(attempt):
    address = literal(attempt["host"])
    with socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_DGRAM) as stream:
        stream.settimeout(attempt.get("patience", 1))
        if attempt.get("connected"):
            guarded("connect", stream.connect, (attempt["host"], attempt["port"]))
            guarded("send", stream.send, b"datagram")
        else:
            guarded("send", stream.sendto, b"datagram", (attempt["host"], attempt["port"]))
        return {"through": guarded("answer", stream.recv, 100) == b"datagram"}


def ping(attempt):
    address = literal(attempt["host"])
    family, protocol, kind = ((socket.AF_INET, 1, 8), (socket.AF_INET6, 58, 128))[address.version == 6]
    with guarded("socket", socket.socket, family, attempt.get("type", socket.SOCK_DGRAM), protocol) as stream:
        stream.settimeout(attempt.get("patience", 1))
        guarded("send", stream.sendto, bytes([kind]) + bytes(7) + b"ping", (attempt["host"], 0))
        return {"through": len(guarded("answer", stream.recv, 100)) > 0}


def make(attempt):
    if attempt["by"] in ("question", "datagram", "ping"):
        return globals()[attempt["by"]](attempt)
    stream = globals()["open_" + attempt["by"]](attempt)
    with stream:
        return guarded("answer", globals()["say_" + attempt["say"]], stream, attempt)


def main():
    for attempt in json.load(open(sys.argv[1])):
        began = time.monotonic()
        try:
            facts = make(attempt)
        except Failed as failure:
            facts = {"through": False, "stage": failure.stage, "error": failure.error}
        facts["ms"] = round(1000 * (time.monotonic() - began), 2)
        print(json.dumps(facts), flush=True)


main()

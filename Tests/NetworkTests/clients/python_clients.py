"""`python_clients.py LIBRARY URL...`: fetches each URL by urllib or requests, with the time that it took.

`websocket URL` sends messages and wants them back; `events URL` prints when each event of a stream arrived. One JSON object a line."""

import base64
import json
import os
import socket
import ssl
import sys
import time
import urllib.parse
import urllib.request


def by_urllib(url):
    with urllib.request.urlopen(url, timeout=20) as answer:
        return json.load(answer)


def by_requests(url):
    import requests

    answer = requests.get(url, timeout=20)
    answer.raise_for_status()
    return answer.json()


def connect(url):
    parts = urllib.parse.urlsplit(url)
    stream = socket.create_connection((parts.hostname, parts.port or {"wss": 443, "https": 443}.get(parts.scheme, 80)), 20)
    if parts.scheme in ("wss", "https"):
        stream = ssl.create_default_context().wrap_socket(stream, server_hostname=parts.hostname)
    return stream, parts


def by_websocket(url):
    """Text, a message larger than any buffer on the way, a ping, and the end in both directions."""
    stream, parts = connect(url)
    key = base64.b64encode(os.urandom(16)).decode()
    head = [f"GET {parts.path} HTTP/1.1", f"Host: {parts.netloc}", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
    stream.sendall(("\r\n".join(head) + f"\r\nSec-WebSocket-Key: {key}\r\n\r\n").encode())
    file = stream.makefile("rb")
    status = file.readline()
    assert b" 101 " in status, (status + file.read(1000)).decode()
    while file.readline().strip():
        pass

    def exchange(kind, data):
        mask = os.urandom(4)
        size = len(data)
        length = bytes([0x80 | size]) if size < 126 else b"\xff" + size.to_bytes(8, "big")
        stream.sendall(bytes([0x80 | kind]) + length + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(data)))
        first, second = file.read(2)
        size = second if second < 126 else int.from_bytes(file.read(2 if second == 126 else 8), "big")
        return first & 15, file.read(size)

    large = os.urandom(300_000)
    assert exchange(1, b"hello") == (1, b"hello")
    assert exchange(2, large) == (2, large)
    assert exchange(9, b"beat") == (10, b"beat")
    assert exchange(8, b"\x03\xe8") == (8, b"\x03\xe8")
    assert file.read() == b""
    return {"messages": 4}


def by_events(url):
    """When each event came, in seconds since the first."""
    stream, parts = connect(url)
    stream.sendall(f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: text/event-stream\r\n\r\n".encode())
    came = []
    for line in stream.makefile("rb"):
        if line.startswith(b"data: "):
            came.append(time.monotonic())
        elif line == b"0\r\n":
            break
    return {"came": [round(at - came[0], 4) for at in came]}


def chain(error):
    found = []
    while error is not None:
        found.append(f"{type(error).__name__}: {error}")
        error = error.__cause__ or error.__context__
    return " <- ".join(found)


library = globals()["by_" + sys.argv[1]]
if sys.argv[1] == "requests":
    import requests  # noqa: F401 - not a part of the time
for url in sys.argv[2:]:
    began = time.monotonic()
    try:
        facts = {"answer": library(url)}
    except Exception as error:
        facts = {"error": chain(error)}
    print(json.dumps(facts | {"ms": round(1000 * (time.monotonic() - began), 2)}), flush=True)

"""The web of the network tests: HTTP/1.1 on a connected socket, plain or inside TLS. `servers.py` calls `serve`.

    /echo                          what arrived, as JSON
    /bytes/N                       N bytes, whole or by `Range`
    /chunked/N                     the same in chunks
    /upload                        length and SHA-256 of the body
    /redirect?to=URL               302
    /events?count=N                server-sent events, one each 100 ms
    /socket                        WebSocket: each message comes back
    /wait?seconds=S                an answer after so long
    /late?seconds=S                a head at once, the body after so long
    /close, /reset                 the connection ends without an answer
    /status/N                      an answer with that status and no body
    /git/...                       git's own CGI program, on the repositories in `DIRECTORY/git`
    /simple/tiny/, /files/...      an index for pip, with one wheel

An offer to go over to HTTP/2 is taken (101), and then whatever comes is sent back: a tunnel, if one gets that far.
"""

import base64
import hashlib
import io
import json
import os
import socket
import struct
import subprocess
import threading
import time
import urllib.parse
import zipfile

WHEEL = "tiny-1.0-py3-none-any.whl"
BLOCK = bytes(range(256)) * 256


def wheel():
    """A package with one module, whose `word` is `tiny`."""
    files = {
        "tiny.py": 'word = "tiny"\n',
        "tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        "tiny-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},{len(text)}\n"
        for name, text in files.items()
    )
    files["tiny-1.0.dist-info/RECORD"] = record + "tiny-1.0.dist-info/RECORD,,\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return buffer.getvalue()


class Request:
    """One request: its head as it came, and its body."""

    def __init__(self, file):
        self.raw = b""
        while not self.raw.endswith(b"\r\n\r\n"):
            line = file.readline(65537)
            if not line:
                raise EOFError
            if self.raw or line.strip():
                self.raw += line
            if len(self.raw) > 1 << 20:
                raise ValueError("a head without an end")
            if line == b"\n":
                break
        first, *lines = self.raw.decode("latin-1").split("\n")
        words = first.strip().split(" ")
        self.method, self.target, self.version = (words + ["", "", ""])[:3]
        self.fields = [tuple(part.strip() for part in line.split(":", 1)) for line in lines if ":" in line]
        self.file = file

    def field(self, name):
        return next((value for key, value in self.fields if key.lower() == name), None)

    def body(self):
        """Its pieces; must be read to the end before the next request."""
        if "chunked" in (self.field("transfer-encoding") or "").lower():
            while size := int(self.file.readline().split(b";")[0], 16):
                yield self.file.read(size)
                self.file.readline()
            while self.file.readline().strip():
                pass
        else:
            left = int(self.field("content-length") or 0)
            while left:
                piece = self.file.read(min(left, 1 << 18))
                if not piece:
                    raise EOFError
                left -= len(piece)
                yield piece


class Web:
    """`record(**facts)` notes each request; files are below `directory`."""

    def __init__(self, directory, record):
        self.directory, self.record, self.wheel = directory, record, wheel()

    def serve(self, stream, to, name, connection):
        """All requests of a connection. `stream` is a socket, `to` what was connected to, `name` what TLS said."""
        file = stream.makefile("rb", 1 << 18)
        serial = 0
        try:
            while True:
                request = Request(file)
                serial += 1
                self.record(
                    kind="http", method=request.method, target=request.target, host=request.field("host"), name=name, to=to,
                    connection=connection, serial=serial, raw=request.raw.decode("latin-1"),
                )  # fmt: skip
                facts = {"name": name, "to": to, "connection": connection, "serial": serial}
                if not self.answer(stream, request, facts):
                    return
        except (EOFError, OSError, ValueError):
            pass
        finally:
            file.close()

    def answer(self, stream, request, facts):
        """Whether the connection stays open."""
        path, _, query = request.target.partition("?")
        if "://" in path:
            path = "/" + path.split("/", 3)[3] if path.count("/") > 2 else "/"
        query = dict(urllib.parse.parse_qsl(query))
        parts = path.strip("/").split("/")
        upgrade = (request.field("upgrade") or "").lower()
        if request.method == "PRI" or "h2c" in upgrade:
            return self.tunnel(stream, request)
        if parts[0] == "socket" and upgrade == "websocket":
            return self.websocket(stream, request)
        if (request.field("expect") or "").lower() == "100-continue":
            stream.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        handler = getattr(self, "get_" + parts[0], None) or self.get_echo
        handler(stream, request, parts[1:], query, facts)
        return (request.field("connection") or "").lower() != "close" and request.version != "HTTP/1.0"

    def send(self, stream, body, status="200 OK", kind="application/json", fields=(), method="GET"):
        head = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "X-Test-Server: yes", *fields]
        stream.sendall(("\r\n".join(head) + "\r\n\r\n").encode() + (b"" if method == "HEAD" else body))

    def start_chunks(self, stream, kind):
        stream.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\nX-Test-Server: yes\r\n\r\n".encode())

    def chunk(self, stream, data):
        stream.sendall(b"%x\r\n%s\r\n" % (len(data), data))

    def get_echo(self, stream, request, parts, query, facts):
        size, digest = 0, hashlib.sha256()
        for piece in request.body():
            size += len(piece)
            digest.update(piece)
        facts |= {"method": request.method, "target": request.target, "host": request.field("host"), "fields": request.fields}
        facts |= {"length": size, "sha256": digest.hexdigest()}
        self.send(stream, json.dumps(facts).encode(), method=request.method)

    get_upload = get_echo

    def get_bytes(self, stream, request, parts, query, facts):
        size, first, status, fields = int(parts[0]), 0, "200 OK", ["Accept-Ranges: bytes"]
        end = size
        if wanted := request.field("range"):
            low, _, high = wanted.partition("=")[2].partition("-")
            first, end = int(low), min(size, int(high) + 1 if high else size)
            status = "206 Partial Content"
            fields.append(f"Content-Range: bytes {first}-{end - 1}/{size}")
        head = [f"HTTP/1.1 {status}", f"Content-Length: {end - first}", "Content-Type: application/octet-stream", *fields]
        stream.sendall(("\r\n".join(head) + "\r\n\r\n").encode())
        while first < end:
            piece = BLOCK[first % 256 :][: end - first]
            stream.sendall(piece)
            first += len(piece)

    def get_chunked(self, stream, request, parts, query, facts):
        at, size = 0, int(parts[0])
        self.start_chunks(stream, "application/octet-stream")
        while at < size:
            piece = BLOCK[at % 256 :][: min(size - at, 40000)]
            at += len(piece)
            self.chunk(stream, piece)
        self.chunk(stream, b"")

    def get_redirect(self, stream, request, parts, query, facts):
        self.send(stream, b"", "302 Found", fields=["Location: " + query["to"]])

    def get_events(self, stream, request, parts, query, facts):
        self.start_chunks(stream, "text/event-stream")
        for number in range(int(query.get("count", 10))):
            self.chunk(stream, f"id: {number}\ndata: {time.monotonic():.6f}\n\n".encode())
            time.sleep(0.1)
        self.chunk(stream, b"")

    def get_wait(self, stream, request, parts, query, facts):
        time.sleep(float(query["seconds"]))
        self.send(stream, b"{}")

    def get_late(self, stream, request, parts, query, facts):
        stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-Test-Server: yes\r\n\r\n")
        time.sleep(float(query["seconds"]))
        stream.sendall(b"late")

    def get_close(self, stream, request, parts, query, facts):
        raise EOFError

    def get_reset(self, stream, request, parts, query, facts):
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise EOFError

    def get_status(self, stream, request, parts, query, facts):
        code = int(parts[0])
        bodyless = code in (204, 304) or code < 200
        stream.sendall(f"HTTP/1.1 {code} So\r\n{'' if bodyless else 'Content-Length: 0' + chr(13) + chr(10)}\r\n".encode())

    def get_simple(self, stream, request, parts, query, facts):
        digest = hashlib.sha256(self.wheel).hexdigest()
        self.send(stream, f'<!DOCTYPE html><a href="/files/{WHEEL}#sha256={digest}">{WHEEL}</a>'.encode(), kind="text/html")

    def get_files(self, stream, request, parts, query, facts):
        self.send(stream, self.wheel, kind="application/octet-stream", method=request.method)

    def get_git(self, stream, request, parts, query, facts):
        path, _, words = request.target.partition("?")
        environment = {
            "PATH": "/usr/bin:/bin", "GIT_PROJECT_ROOT": f"{self.directory}/git", "GIT_HTTP_EXPORT_ALL": "1", "REMOTE_USER": "agent",
            "PATH_INFO": path.removeprefix("/git"), "QUERY_STRING": words, "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.field("content-type") or "", "HTTP_CONTENT_ENCODING": request.field("content-encoding") or "",
            "GIT_PROTOCOL": request.field("git-protocol") or "", "HOME": self.directory, "GIT_CONFIG_NOSYSTEM": "1",
        }  # fmt: skip
        body = b"".join(request.body())
        answer = subprocess.run(["git", "http-backend"], input=body, stdout=subprocess.PIPE, env=environment | {"CONTENT_LENGTH": str(len(body))})
        head, _, body = answer.stdout.partition(b"\r\n\r\n")
        fields = head.decode().split("\r\n")
        status = next((line.partition(": ")[2] for line in fields if line.startswith("Status: ")), "200 OK")
        kind = next((line.partition(": ")[2] for line in fields if line.startswith("Content-Type: ")), "text/plain")
        self.send(stream, body, status, kind)

    def tunnel(self, stream, request):
        self.record(kind="tunnel", target=request.target)
        stream.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nX-Test-Server: yes\r\n\r\n")
        while data := request.file.read1(65536):
            stream.sendall(data)
        return False

    def websocket(self, stream, request):
        key = request.field("sec-websocket-key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        head = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Accept: {accept}"]
        stream.sendall(("\r\n".join(head) + "\r\n\r\n").encode())
        file = request.file
        while True:
            first, second = file.read(2)
            size = second & 127
            if size > 125:
                size = int.from_bytes(file.read(2 if size == 126 else 8), "big")
            mask = file.read(4)
            data = bytes(byte ^ mask[index % 4] for index, byte in enumerate(file.read(size)))
            short = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big") if size < 65536 else b"\x7f" + size.to_bytes(8, "big")
            # A ping is answered by a pong; everything else by itself.
            stream.sendall(bytes([0x8A if first & 15 == 9 else first]) + short + data)
            if first & 15 == 8:
                return False


def certificate_authority(directory):
    """A CA of this test's own; returns a function from a name or address to a file with its key and certificate."""
    place = os.path.join(directory, "certificates")
    os.makedirs(place)
    run = lambda *words, **more: subprocess.run(["openssl", *words], cwd=place, check=True, capture_output=True, **more)  # noqa: E731
    for key in ("ca.key", "leaf.key"):
        run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
    authority = ["-addext", "keyUsage=critical,keyCertSign", "-subj", "/CN=Authority of the network tests"]
    run("req", "-x509", "-new", "-key", "ca.key", "-days", "2", "-out", "../ca.pem", *authority)
    made, lock = {}, threading.Lock()

    def certificate(name):
        with lock:
            return made.get(name) or make(name)

    def make(name):
        kind = "IP" if ":" in name or name.replace(".", "").isdigit() else "DNS"
        file = os.path.join(place, f"{len(made)}.pem")
        with open(file + ".ext", "w") as extensions:
            extensions.write(f"subjectAltName={kind}:{name}\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n")
        request = run("req", "-new", "-key", "leaf.key", "-subj", "/CN=leaf").stdout
        words = ["-CA", "../ca.pem", "-CAkey", "ca.key", "-set_serial", str(1000 + len(made)), "-days", "2", "-extfile", file + ".ext"]
        signed = run("x509", "-req", *words, input=request).stdout
        with open(file, "wb") as out, open(os.path.join(place, "leaf.key"), "rb") as key:
            out.write(key.read() + signed)
        made[name] = file
        return file

    return certificate

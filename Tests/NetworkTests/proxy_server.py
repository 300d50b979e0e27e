"""A proxy that lets everybody through: HTTP (CONNECT and absolute form) and SOCKS5 on one port. It is the corporate proxy
that `upstream-proxy` names; and, in a sandbox that shares the host's network, what an attack on Cloche's own proxy finds in its
place. For that it makes the mistakes that others made: it takes a host's name up to its first NUL, decodes `%`, and takes
any notation of an address that the C library takes."""

import socket
import threading
import urllib.parse


def pump(source, target):
    try:
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def relay(one, other):
    """Both directions, until both have ended."""
    thread = threading.Thread(target=pump, args=(one, other), daemon=True)
    thread.start()
    pump(other, one)
    thread.join()


class Proxy:
    """`lookup` turns a name into an address, `record(**facts)` notes each request."""

    def __init__(self, lookup, record):
        self.lookup, self.record = lookup, record

    def connect(self, host, port, **facts):
        host = urllib.parse.unquote(host.split("\0")[0]).split("\0")[0].strip().strip("[]").rstrip(".").lower()
        self.record(kind="proxy", host=host, port=port, **facts)
        try:
            address = socket.inet_ntoa(socket.inet_aton(host))
        except OSError:
            address = self.lookup(host)
        return socket.create_connection((address, port), 10) if address else None

    def serve(self, stream):
        first = stream.recv(1, socket.MSG_PEEK)
        self.socks(stream) if first == b"\5" else self.http(stream)

    def http(self, stream):
        head = b""
        while b"\r\n\r\n" not in head:
            piece = stream.recv(65536)
            if not piece:
                return
            head += piece
        head, _, rest = head.partition(b"\r\n\r\n")
        method, target, _ = head.split(b"\r\n")[0].decode("latin-1").split(" ", 2)
        facts = {"method": method, "head": head.decode("latin-1")}
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
        else:
            authority, _, path = target.partition("://")[2].partition("/")
            host, _, port = authority.rpartition(":") if authority.rpartition(":")[2].isdigit() else (authority, "", "80")
            head = head.replace(target.encode("latin-1"), b"/" + path.encode("latin-1"), 1) + b"\r\nConnection: close"
            rest = head + b"\r\n\r\n" + rest
        upstream = self.connect(host, int(port), **facts)
        if upstream is None:
            stream.sendall(b"HTTP/1.1 502 No such name\r\nContent-Length: 0\r\n\r\n")
            return
        if method == "CONNECT":
            stream.sendall(b"HTTP/1.1 200 Established\r\n\r\n")
        upstream.sendall(rest)
        relay(stream, upstream)
        upstream.close()

    def socks(self, stream):
        exactly = lambda count: stream.recv(count, socket.MSG_WAITALL)  # noqa: E731
        exactly(exactly(2)[1])
        stream.sendall(b"\5\0")
        _, command, _, kind = exactly(4)
        if kind == 3:
            host = exactly(exactly(1)[0]).decode("latin-1")
        else:
            host = socket.inet_ntop(*((socket.AF_INET, exactly(4)) if kind == 1 else (socket.AF_INET6, exactly(16))))
        port = int.from_bytes(exactly(2), "big")
        upstream = self.connect(host, port, method=f"SOCKS{command}") if command == 1 else None
        stream.sendall(bytes([5, 4 if upstream is None else 0, 0, 1, 0, 0, 0, 0, 0, 0]))
        if upstream is not None:
            relay(stream, upstream)
            upstream.close()

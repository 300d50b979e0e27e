"""What agents talk to in the network tests: one process with a DNS server, HTTP and HTTPS, plain TCP, UDP and a proxy.

`internet.py` starts it, in the test's own network namespace or, with `loopback`, on free ports of the host's loopback. The
first line on its input is its configuration, the first on its output the ports. Every further line is a command, answered by one
line: `{"names": {...}}` changes the names, `{"sync": true}` is answered when everything that had arrived is on record. It
ends with its input. What arrives is written to `events.jsonl`, an object a line.

TCP services by name and port (the port in a network of the test's own):

    http 80, 8080     https 443, 8443     domain 53
    ssh 22            speaks first, then sends back what it gets
    echo 7            sends back what it gets; when that ends, `bye N` with the number of bytes, and its own end
    count 9           says nothing until the other side has ended, then `N`
    zero 11           ends at once          reset 12      resets after the first byte
    silent 14         takes, says nothing   full 15       never answers even the first packet
    proxy 3129        a proxy               naive 3128    the same, where Cloche's own would be

UDP: 53, and 123, 443, 3128 and 51820, which answer with what they got. A service with a `*` behind its addresses is on every address.
"""

import itertools
import json
import os
import selectors
import socket
import ssl
import struct
import sys
import threading
import time

import name_server
import proxy_server
import web_server

PORTS = {
    "http": [80, 8080], "https": [443, 8443], "domain": [53], "ssh": [22, 25], "echo": [7], "count": [9], "zero": [11], "reset": [12],
    "silent": [14], "full": [15], "proxy": [3129], "naive": [3128],
}  # fmt: skip
# To answer from an address that is here by a route alone.
IP_PKTINFO, IPV6_FREEBIND = 8, 78
DATAGRAMS = [53, 123, 443, 3128, 51820]


def plain(address):
    """An address as text; IPv4 as such."""
    return address.removeprefix("::ffff:") if "." in address else address


class Servers:
    """Listeners, a thread for each connection, and the record of what arrived."""

    def __init__(self, settings):
        self.directory, self.loopback = settings["directory"], settings["loopback"]
        self.events = open(os.path.join(self.directory, "events.jsonl"), "a", buffering=1)
        self.lock, self.connections = threading.Lock(), itertools.count(1)
        self.names = name_server.NameServer(settings["names"], self.record)
        self.web = web_server.Web(self.directory, self.record)
        self.proxy = proxy_server.Proxy(self.names.lookup, self.record)
        self.certificate = web_server.certificate_authority(self.directory)
        self.selector, self.ports, self.kept = selectors.DefaultSelector(), {}, []

    def record(self, **facts):
        with self.lock:
            self.events.write(json.dumps({"at": time.monotonic()} | facts) + "\n")

    # Sockets.

    def socket(self, kind, family, address, port):
        made = socket.socket(family, kind)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(self.loopback))
            made.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
        made.bind((address, port))
        return made

    def addresses(self):
        if not self.loopback:
            return [(socket.AF_INET6, "::")]
        found = [(socket.AF_INET, "127.0.0.1")]
        try:
            socket.socket(socket.AF_INET6, socket.SOCK_STREAM).bind(("::1", 0))
            found.append((socket.AF_INET6, "::1"))
        except OSError:
            pass
        return found

    def open(self):
        for service, ports in PORTS.items():
            for port in ports[:1] if self.loopback else ports:
                self.listen(service, port)
        for port in DATAGRAMS[:1] if self.loopback else DATAGRAMS:
            self.datagrams(port)

    def listen(self, service, port):
        chosen = 0 if self.loopback else port
        for family, address in self.addresses():
            listener = self.socket(socket.SOCK_STREAM, family, address, chosen)
            chosen = listener.getsockname()[1]
            listener.listen(0 if service == "full" else 4096)
            listener.setblocking(False)
            if service == "full":
                self.fill(listener)
            else:
                self.selector.register(listener, selectors.EVENT_READ, (self.accept, service))
        self.ports.setdefault(service, chosen)

    def fill(self, listener):
        """Connections of our own, so that the kernel drops what comes after them."""
        for _ in range(2):
            filler = socket.socket(listener.family)
            filler.setblocking(False)
            filler.connect_ex((*(("::1",) if listener.family == socket.AF_INET6 else ("127.0.0.1",)), listener.getsockname()[1]))
            self.kept.append(filler)
        self.kept.append(listener)

    def datagrams(self, port):
        for family, address in self.addresses():
            # Free for TCP does not mean free for UDP, but nobody else's tests are that unlucky.
            chosen = self.ports["domain"] if self.loopback else port
            made = self.socket(socket.SOCK_DGRAM, family, address, chosen)
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            else:
                made.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
            made.setblocking(False)
            self.selector.register(made, selectors.EVENT_READ, (self.datagram, port))

    # What arrives.

    def accept(self, listener, service):
        try:
            stream, peer = listener.accept()
        except BlockingIOError:
            return False
        stream.setblocking(True)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        to, number = [plain(stream.getsockname()[0]), stream.getsockname()[1]], next(self.connections)
        self.record(kind="accept", service=service, to=to, connection=number)
        threading.Thread(target=self.connection, args=(service, stream, to, number), daemon=True).start()
        return True

    def connection(self, service, stream, to, number):
        try:
            getattr(self, "serve_" + service)(stream, to, number)
        except (OSError, EOFError, ValueError, IndexError):
            pass
        finally:
            # An end and not a reset, although there may be bytes that nobody read.
            stream.close()

    def datagram(self, receiver, port):
        try:
            data, control, _, peer = receiver.recvmsg(65536, 256)
        except BlockingIOError:
            return False
        to = next((plain(socket.inet_ntop(socket.AF_INET6, info[:16])) for level, kind, info in control if level == 41 and kind == 50), None)
        if to is None:
            to = next((socket.inet_ntoa(info[8:12]) for level, kind, info in control if level == 0 and kind == 8), "?")
        answer = lambda reply: receiver.sendmsg([reply], control, 0, peer)  # noqa: E731
        if port == 53:
            threading.Thread(target=self.question, args=(data, to, answer), daemon=True).start()
        else:
            self.record(kind="udp", to=[to, port], data=data.decode("latin-1"))
            answer(data)
        return True

    def question(self, data, to, answer):
        for reply in self.names.answer(data, "udp", to):
            answer(reply)

    # Services.

    def serve_http(self, stream, to, number):
        self.web.serve(stream, to, None, number)

    def serve_https(self, stream, to, number):
        context, said = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), []

        def named(stream, name, _):
            said.append(name)
            self.record(kind="tls", name=name, to=to, connection=number)
            chosen = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            chosen.load_cert_chain(self.certificate(name or to[0]))
            stream.context = chosen

        context.load_cert_chain(self.certificate(to[0]))
        context.set_alpn_protocols(["http/1.1"])
        context.sni_callback = named
        with context.wrap_socket(stream, server_side=True) as inside:
            self.web.serve(inside, to, said[0] if said else None, number)

    def serve_domain(self, stream, to, number):
        while len(size := stream.recv(2, socket.MSG_WAITALL)) == 2:
            data = stream.recv(struct.unpack(">H", size)[0], socket.MSG_WAITALL)
            for reply in self.names.answer(data, "tcp", to[0])[-1:]:
                stream.sendall(struct.pack(">H", len(reply)) + reply)

    def serve_ssh(self, stream, to, number):
        stream.sendall(b"SSH-2.0-test\r\n")
        while data := stream.recv(65536):
            stream.sendall(data)

    def serve_echo(self, stream, to, number):
        count = 0
        while data := stream.recv(65536):
            count += len(data)
            stream.sendall(data)
        stream.sendall(b"bye %d" % count)

    def serve_count(self, stream, to, number):
        count = 0
        while data := stream.recv(1 << 18):
            count += len(data)
        stream.sendall(b"%d" % count)

    def serve_zero(self, stream, to, number):
        pass

    def serve_reset(self, stream, to, number):
        stream.recv(1)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def serve_silent(self, stream, to, number):
        try:
            while stream.recv(65536):
                pass
        finally:
            self.record(kind="ended", to=to, connection=number)

    def serve_proxy(self, stream, to, number):
        self.proxy.serve(stream)

    serve_naive = serve_proxy

    # The loop.

    def take(self):
        """Everything that has arrived."""
        again = True
        while again:
            again = False
            for key, _ in self.selector.select(0):
                if key.data is not None:
                    function, argument = key.data
                    while function(key.fileobj, argument):
                        again = True

    def run(self):
        self.open()
        print(json.dumps(self.ports), flush=True)
        commands = sys.stdin.fileno()
        self.selector.register(commands, selectors.EVENT_READ, None)
        buffer = b""
        while True:
            self.selector.select()
            self.take()
            if not any(key.data is None for key, _ in self.selector.select(0)):
                continue
            data = os.read(commands, 65536)
            if not data:
                os._exit(0)
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                command = json.loads(line)
                self.take()
                if "names" in command:
                    self.names.names, self.names.asked = command["names"], {}
                print("{}", flush=True)


if __name__ == "__main__":
    # A thread for each connection, and there may be many.
    threading.stack_size(256 << 10)
    Servers(json.loads(sys.stdin.readline())).run()

"""What is on record of the network when somebody tries to have it otherwise."""

import ctypes
import json

import internet

SENDER = """
import itertools, socket
# Until the agent is ended.
for number in itertools.count():
    with socket.create_connection(("api.test", 9)) as stream:
        stream.sendall(b"\\0%08d" % number)
        stream.shutdown(socket.SHUT_WR)
        while stream.recv(100): pass
"""
TWO_WITH_ONE_PORT = """
import ctypes, os, socket, struct, time
def called(name): ctypes.CDLL(None).prctl(15, name, 0, 0, 0)
def at(family, port):
    one = socket.socket(family)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    one.bind(("", port))
    return one
ready, told = os.pipe()
if os.fork() == 0:
    called(b"bystander")
    listener = at(socket.AF_INET, 5555)
    listener.listen()
    os.write(told, b"1")
    time.sleep(100)
os.read(ready, 1)
called(b"culprit")
for place in (("api.test", 7), ("151.101.1.69", 9)):
    stream = at(socket.AF_INET, 5555)
    stream.connect(place)
    stream.sendall(b"\\0 words")
    if place[1] == 7: stream.recv(100)
    # It ends with a reset, and nobody has it any more.
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.close()
print(os.getpid())
"""
ASKER = """
import os, selectors, socket, struct, time
question = struct.pack(">HHHHHH", 7, 256, 1, 0, 0, 0) + b"\\x01a\\x05zone9\\x07example\\x01x\\0" + struct.pack(">HH", 1, 1)
questions = (struct.pack(">H", len(question)) + question) * 800
if os.fork() == 0:
    selector = selectors.DefaultSelector()
    for _ in range(64):
        stream = socket.create_connection(("198.18.0.1", 53))
        stream.setblocking(False)
        selector.register(stream, selectors.EVENT_READ | selectors.EVENT_WRITE)
    while selector.get_map():
        for key, mask in selector.select():
            try:
                if mask & selectors.EVENT_READ: key.fileobj.recv(1 << 20)
                if mask & selectors.EVENT_WRITE: key.fileobj.send(questions)
            except BlockingIOError: pass
            except OSError: selector.unregister(key.fileobj)
    os._exit(0)
stream = socket.create_connection(("api.test", 7))
open("/workspace/asking", "w")
waits = []
for _ in range(10):
    time.sleep(0.1)
    began = time.monotonic()
    stream.sendall(b"\\0")
    stream.recv(1)
    waits.append(time.monotonic() - began)
print(max(waits))
"""


def records(t, event):
    """Records of the agent, all of whose lines must be whole."""
    (file,) = t.state.rglob("audit.jsonl")
    assert file.read_bytes().endswith(b"\n")
    found = [json.loads(line) for line in file.read_text().splitlines()]
    return [record for record in found if record["event"] == event]


def test_a_full_disk_ends_the_agent_and_loses_no_record(t):
    net = internet.Internet(t)
    net.profile("api.test:9")
    (net.ground / "sender.py").write_text(SENDER)
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.mount(b"none", bytes(t.state), b"tmpfs", 0, b"size=6m,mode=700") == 0, ctypes.get_errno()
    net.start("a", "while [ ! -e /workspace/go ]; do sleep 0.01; done; exec python3 -B /workspace/sender.py")
    mark = net.mark()
    with open(t.state / "filler", "wb", buffering=0) as filler:
        for size in (4096, 1):
            try:
                while filler.write(bytes(size)):
                    pass
            except OSError:
                pass
    (net.ground / "go").touch()
    t.wait_until(lambda: t.agents(net.project)["a"]["state"] == "failed", "its end")
    (t.state / "filler").unlink()
    arrived = len(net.events("accept", since=mark))
    allowed = [record for record in records(t, "connect") if record["verdict"] == "allowed"]
    # Some hundred fit into what was reserved. The last one may have come to the server's ear, and nothing been said on it.
    assert arrived > 100 and arrived - 1 <= len(allowed) <= arrived, (arrived, len(allowed))
    (end,) = records(t, "end")
    assert "audit log" in json.dumps(end), end


def test_nobody_else_is_named(t):
    net = internet.Internet(t)
    net.profile("api.test:7")
    (net.ground / "two.py").write_text(TWO_WITH_ONE_PORT)
    net.start("a")
    net.exec("a", "python3", "-B", "/workspace/two.py")
    made = lambda: records(t, "connect") + records(t, "disconnect")  # noqa: E731
    t.wait_until(lambda: len(made()) == 3, "what it did is on record")
    # It is known or it is not.
    assert {record.get("program", "culprit") for record in made()} == {"culprit"}, made()


def test_questions_without_end_stop_nothing_else(t):
    net = internet.Internet(t)
    net.profile("api.test:7", *(f"*.zone{number}.example.com:443" for number in range(300)))
    (net.ground / "asker.py").write_text(ASKER)
    net.start("a")
    asker = t.spawn("exec", "-T", "a", "--", "python3", "-B", "/workspace/asker.py", cwd=net.project)
    t.wait_until((net.ground / "asking").exists, "the questions")
    longest = float(asker.communicate(timeout=60)[0])
    # Eight seconds, when all that one connection had sent was answered at once.
    assert longest < 2, longest


def test_a_run_says_at_its_end_what_it_refused(t):
    net = internet.Internet(t)
    net.profile("api.test:7", "gone.test:7")
    # Connections are open when it ends.
    script = """
import os, socket
def connect(host, port):
    stream = socket.create_connection((host, port))
    stream.sendall(b"\\0")
    return stream
first = connect("api.test", 7)
first.recv(1)
others = [connect("151.101.1.69", 9), connect("gone.test", 7)]
for one in others:
    try: one.recv(1)
    except OSError: pass
for name in ("other.test", *(f"n{number}.test" for number in range(20))):
    try: socket.gethostbyname(name)
    except OSError: pass
others.append(connect("api.test", 7))
os._exit(7)
"""
    for _ in range(5):
        said = net.run("python3", "-B", "-c", script, check=7).err
        assert "refused a connection to 151.101.1.69:9: no rule" in said and "--set 'network.allow+=[151.101.1.69:9]'" in said, said
        assert "refused the name other.test: " in said and "13 more were refused or failed" in said, said
        assert "no address of gone.test was found" in said, said
    assert net.run("/bin/true").err == ""
    quiet = t.cloche("run", "--profile", "shell", "--workspace", "none", "--set", "network.allow=[pypi]", "--", "/bin/true")
    assert "network.mode=allow" in quiet.err, quiet

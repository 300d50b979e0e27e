"""Many connections, slow ones, ones that end in every way, and servers that do not answer: what they cost the supervisor, and that
nobody else waits for them."""

import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import time

import case
import internet
from judging import each_way, reach

CROWD = "199.232.1.1"


def supervisor(pid):
    """(open descriptors, KiB of memory) of a process."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return len(os.listdir(f"/proc/{pid}/fd")), int(re.search(r"VmRSS:\s+(\d+)", status)[1])


def crowd(t, net):
    """A server for any number of connections, at crowd.test:7000."""
    shutil.copy(t.attack("many"), net.ground / "many")
    server = subprocess.Popen([net.ground / "many", "serve", "0.0.0.0", "7000"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=t.env, text=True)
    assert server.stdout.readline() == "ready\n"
    return server


def address_of(net, name="crowd.test"):
    return net.exec("a", "getent", "ahostsv4", name).out.split()[0]


@case.serial
@case.timeout(300)
def test_ten_thousand_connections(t):
    """All at once through one supervisor, each with its bytes there and back, twice; memory and descriptors are given back."""
    wanted = 10_000
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(hard, 65536), max(hard, 65536)))
        hard = max(hard, 65536)
    except ValueError:  # an ordinary user, or a root that may not
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # A connection has two sockets; some descriptors are for pipes, for names with several addresses and for the supervisor itself.
    count = min(wanted, (hard - 256 - 2 * min(1024, hard // 16)) * 4 // 9 - 20)
    net = internet.Internet(t, {"crowd.test": [CROWD]})
    net.profile("crowd.test:7000", "api.test")
    server = crowd(t, net)
    pid = net.start()
    address = address_of(net)
    net.exec("a", "/workspace/many", "storm", address, "7000", "100")
    before = supervisor(pid)
    # A program inside has half of the descriptors: several share the work.
    share = count // 4
    holders = [
        t.spawn("exec", "-T", "a", "--", "/workspace/many", "hold", address, "7000", share, cwd=net.project, stdin=subprocess.PIPE, text=True) for _ in range(4)
    ]
    said = [[holder.stdout.readline() for _ in range(2)] for holder in holders]
    assert said == [[f"opened {share}\n", f"echoed {share}\n"]] * 4, (said, [holder.stdout.readline() for holder in holders])
    during = supervisor(pid)
    began = time.monotonic()
    assert net.probe_in("a", reach("transparent", "api.test"))[0]["through"]
    took = time.monotonic() - began
    for holder in holders:
        holder.stdin.write("\n")
        holder.stdin.flush()
    assert [holder.stdout.readline() for holder in holders] == [f"echoed {share}\n"] * 4
    assert [holder.wait(60) for holder in holders] == [0] * 4
    t.wait_until(lambda: supervisor(pid)[0] <= before[0] + 5, "the descriptors are closed")
    each = (during[1] - before[1]) / (4 * share)
    print(f"# {4 * share} connections (descriptors: {hard}): {during[0]} descriptors, {each:.2f} KiB each; one more request {1000 * took:.0f} ms")
    assert during[0] >= 2 * 4 * share and each < 6, (before, during)
    assert took < 5, took
    after = supervisor(pid)[1]
    assert after < before[1] + 0.5 * (during[1] - before[1]) + 2048, (before, during, after)
    t.cloche("stop", "a", cwd=net.project)
    server.stdin.close()
    server.wait(10)


def test_more_connections_than_descriptors(t):
    """When the supervisor has no descriptors left, new connections fail; those that are there go on, and so does the terminal."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
    net = internet.Internet(t, {"crowd.test": [CROWD]})
    net.profile("crowd.test:7000", "api.test")
    server = crowd(t, net)
    pid = net.start()
    address = address_of(net)
    held = t.spawn("exec", "-T", "a", "--", "/workspace/many", "hold", address, "7000", "50", cwd=net.project, stdin=subprocess.PIPE, text=True)
    assert [held.stdout.readline() for _ in range(2)] == ["opened 50\n", "echoed 50\n"]
    flood = [t.spawn("exec", "-T", "a", "--", "/workspace/many", "slow", address, "7000", "450", "\1", cwd=net.project, stdin=subprocess.PIPE, text=True) for _ in range(3)]
    opened = [int(one.stdout.readline().removeprefix("opened ")) for one in flood]
    # The kernel takes a connection before anybody can refuse it; what is refused is reset.
    t.wait_until(lambda: supervisor(pid)[0] > 256, "the supervisor has all it can")
    assert supervisor(pid)[0] <= 1000, (opened, supervisor(pid))
    assert net.exec("a", "echo", "here", timeout=10).out == "here\n"
    held.stdin.write("\n")
    held.stdin.flush()
    assert held.stdout.readline() == "echoed 50\n" and held.wait(20) == 0
    for one in flood:
        one.stdin.close()
        one.wait(30)
    t.wait_until(lambda: net.probe_in("a", reach("transparent", "api.test"))[0]["through"], "there is room again")
    server.stdin.close()
    server.wait(10)


def test_a_storm_of_short_connections_leaves_nothing(t):
    net = internet.Internet(t, {"crowd.test": [CROWD]})
    net.profile("crowd.test:7000")
    server = crowd(t, net)
    pid = net.start()
    address = address_of(net)
    net.exec("a", "/workspace/many", "storm", address, "7000", "500")
    before = supervisor(pid)
    assert "echoed 5000" in net.exec("a", "/workspace/many", "storm", address, "7000", "5000", timeout=120).out
    t.wait_until(lambda: supervisor(pid)[0] <= before[0] + 2, "the descriptors are closed")
    assert supervisor(pid)[1] < before[1] + 2048, (before, supervisor(pid))
    server.stdin.close()
    server.wait(10)


@case.once
@case.timeout(240)
def test_slow_clients_hold_nobody_up(t):
    """Slow loris: heads, hellos and greetings that arrive a byte at a time and never end. Others are served meanwhile; after a
    while they are closed, whatever they go on sending."""
    net = internet.Internet(t)
    net.profile("api.test:80,443")
    shutil.copy(t.attack("many"), net.ground / "many")
    pid = net.start()
    address = address_of(net, "api.test")
    before = supervisor(pid)
    head = "GET /echo HTTP/1.1\r\nX: " + "y" * 2000
    kinds = [("127.0.0.1", "3128", head), ("127.0.0.1", "3128", "\5" * 2000), (address, "80", head), (address, "443", "\x16\3\1\x20" + "y" * 2000)]
    slow = [t.spawn("exec", "-T", "a", "--", "/workspace/many", "slow", where, port, "100", text, cwd=net.project, stdin=subprocess.PIPE, text=True) for where, port, text in kinds]
    for one in slow:
        assert one.stdout.readline() == "opened 100\n"
    for way in ("transparent", "connect", "socks5"):
        (said,) = net.probe_in("a", reach(way, "api.test"))
        assert said["through"] and said["ms"] < 2000, said
    assert supervisor(pid)[1] < before[1] + 16 * 1024, (before, supervisor(pid))
    # `many` ends by itself when all of its connections have been closed.
    for one in slow:
        assert one.wait(120 * case.patience) is not None
        assert "living 0" in one.stdout.read()
    t.wait_until(lambda: supervisor(pid)[0] <= before[0] + 5, "the descriptors are closed")
    assert sum(event["kind"] == "http" and event["target"] == "/echo" for event in net.events()) == 3


@each_way("transparent", "connect", "socks5")
def ends_of_connections(t, way):
    """Half-closed in either direction, ended without a byte, reset, left: each arrives at the other side as it was."""
    net = internet.Internet(t)
    net.profile("api.test:7,9,11,12,14,22,80")
    to = lambda port, say, **more: reach(way, "api.test", port) | {"say": say} | more  # noqa: E731
    said = net.probe(
        to(9, "half_close"), to(9, "half_close", size=5_000_000), to(9, "half_close", size=0), to(7, "half_close"), to(11, "end"),
        to(12, "end", data="\1"), to(22, "banner"), to(14, "leave"), to(14, "leave", reset=True), to(14, "leave", data="\1"),
    )  # fmt: skip
    assert said[0]["text"] == "100000" and said[1]["text"] == "5000000" and said[2]["text"] == "0", said[:3]
    assert said[3]["text"].endswith("bye 100000") and said[3]["length"] == 100_010, said[3]
    assert said[4]["end"] == "end" and not said[4]["text"], said[4]
    assert said[5]["end"] == "ConnectionResetError", "a reset of the server's is a reset here"
    assert said[6]["through"] and said[6]["ms"] < 2000, said[6]
    begun = [event["connection"] for event in net.events("accept") if event["to"][1] == 14]
    t.wait_until(lambda: len({e["connection"] for e in net.events("ended") if e["to"][1] == 14}) == len(begun), "the server sees them leave")


def test_a_reader_that_does_not_read(t):
    """Back-pressure: what is not read is not held. In both directions, and while others are served."""
    net = internet.Internet(t)
    net.profile("api.test:80,443,14")
    pid = net.start()
    net.probe_in("a", reach("transparent", "api.test"))
    before = supervisor(pid)
    script = """
import socket, time, sys
down = [socket.create_connection(("api.test", 80)) for _ in range(20)]
for one in down: one.sendall(b"GET /bytes/1000000000 HTTP/1.1\\r\\nHost: api.test\\r\\n\\r\\n")
up = [socket.create_connection(("api.test", 80)) for _ in range(20)]
for one in up:
    one.sendall(b"POST /wait?seconds=60 HTTP/1.1\\r\\nHost: api.test\\r\\nContent-Length: 1000000000\\r\\n\\r\\n")
    one.settimeout(0.2)
    try:
        while True: one.send(b"x" * 65536)
    except TimeoutError: pass
print("stuck", flush=True)
sys.stdin.readline()
"""
    (net.ground / "stuck.py").write_text(script)
    stuck = t.spawn("exec", "-T", "a", "--", "python3", "/workspace/stuck.py", cwd=net.project, stdin=subprocess.PIPE, text=True)
    assert stuck.stdout.readline() == "stuck\n"
    cpu = lambda: sum(map(int, pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]))  # noqa: E731
    used, began = cpu(), time.monotonic()
    said = net.probe_in("a", *[reach("transparent", "api.test")] * 20)
    assert all(one["through"] and one["ms"] < 2000 for one in said), said
    assert supervisor(pid)[1] < before[1] + 8 * 1024, (before, supervisor(pid))
    t.wait_until(lambda: time.monotonic() - began > 2, "two seconds have passed")
    # Nothing moves, so nothing is done: less than half of one processor, of which the requests above took a part.
    assert cpu() - used < 50 * (time.monotonic() - began), "the supervisor is busy with connections on which nothing moves"
    stuck.stdin.close()
    stuck.wait(30)


@case.once
@case.timeout(180)
def test_servers_that_do_not_answer(t):
    """Connecting takes for ever, or leads nowhere: an error in words, in a bounded time, and nobody else waits."""
    net = internet.Internet(t)
    net.profile("api.test:15,80,443", "unreachable.test", "half-reachable.test")
    net.start()
    (nowhere, half) = net.probe_in("a", reach("transparent", "unreachable.test"), reach("transparent", "half-reachable.test"))
    assert not nowhere["through"] and nowhere["ms"] < 2000, nowhere
    assert half["through"] and half["ms"] < 2000, half
    file = net.ground / "full.json"
    file.write_text(f'[{{"by": "connect", "host": "api.test", "port": 15, "say": "echo"}}, {{"by": "transparent", "host": "api.test", "port": 15, "say": "end"}}]')
    patient = (net.ground / "probe.py").read_text().replace("PATIENCE = 10", "PATIENCE = 60")
    (net.ground / "patient.py").write_text(patient)
    waiting = t.spawn("exec", "-T", "a", "--", "python3", "-B", "/workspace/patient.py", "/workspace/full.json", cwd=net.project, text=True)
    for _ in range(3):
        (said,) = net.probe_in("a", reach("transparent", "api.test"))
        assert said["through"] and said["ms"] < 2000, said
    out, _ = waiting.communicate(timeout=150 * case.patience)
    said = [json.loads(line) for line in out.splitlines()]
    assert len(said) == 2 and not any(one["through"] for one in said) and all(one["ms"] < 45_000 for one in said), said
    assert "504" in said[0]["error"] or "502" in said[0]["error"], said[0]


def test_large_transfers_are_whole(t):
    """Some hundred megabytes in each direction, several at a time, compared."""
    net = internet.Internet(t)
    net.profile("api.test:80,443,7")
    script = """
    cd /tmp; head -c 60000000 /dev/urandom >up; sha256sum <up
    for url in https://api.test/upload http://api.test/upload; do curl -sS -T up $url & done; wait; echo
    for i in 1 2 3; do curl -sS https://api.test/bytes/50000000 | sha256sum & curl -sS http://api.test/bytes/50000000 | sha256sum & done; wait
    """
    answer = net.shell(script, timeout=120)
    digest = answer.out.split()[0]
    assert answer.out.count(digest) == 3, answer
    sums = re.findall(r"^([0-9a-f]{64})  -$", answer.out, re.M)[1:]
    assert len(sums) == 6 and len(set(sums)) == 1, answer

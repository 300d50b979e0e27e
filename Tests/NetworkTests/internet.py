"""The internet of one test: a network namespace in which every address there is leads to the test's own servers.

The test's process enters it, and with it the servers (`servers.py`) and Cloche with its supervisor; the sandbox has its own
below. So a test has the real ports, public addresses and those of clouds' metadata services, as root and as an ordinary
user, and nothing of it reaches the machine's network. The kernel's counters of this namespace are the last canary: who else
is there that could have connected?

With `loopback` the test stays on the host's network, and the servers are on free ports of 127.0.0.1 and ::1.
"""

import ctypes
import json
import os
import pathlib
import shutil
import subprocess
import sys

import surroundings

HERE = pathlib.Path(__file__).resolve().parent
CLIENTS = HERE / "clients"
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x20000, 0x10000000, 0x40000000
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4

# Where names lead. The addresses are public ones, of whomever: here they are the servers'.
API, OTHER = "93.184.216.34", "151.101.1.69"
API6, OTHER6 = "2606:2800:220:1::34", "2a04:4e42::645"
# Addresses with no way to them.
NOWHERE, NOWHERE6 = "23.20.0.1", "2a00:dead::1"
METADATA = ["169.254.169.254", "fd00:ec2::254", "100.100.100.200"]
NAMES = {
    "api.test": [API, API6],
    "other.test": [OTHER, OTHER6],
    "six.test": [API6],
    "private.test": ["10.1.2.3"],
    "private-six.test": ["fd12:3456::1"],
    "loop.test": ["127.0.0.1", "::1"],
    "loop-six.test": ["::1"],
    "mapped.test": ["::ffff:127.0.0.1"],
    "compatible.test": ["::127.0.0.1"],
    "nat64.test": ["64:ff9b::7f00:1"],
    "six-to-four.test": ["2002:7f00:1::1"],
    "teredo.test": ["2001:0:4136:e378:8000:63bf:80ff:fffe"],
    "link-local.test": ["169.254.10.20"],
    "link-local-six.test": ["fe80::1"],
    "metadata.test": METADATA,
    "shared.test": ["100.64.0.1"],
    "multicast.test": ["224.0.0.251", "ff02::fb"],
    "zero.test": ["0.0.0.0", "::"],
    "broadcast.test": ["255.255.255.255"],
    "reserved.test": ["240.0.0.1"],
    "synthetic.test": ["198.18.0.1"],
    "own.test": ["203.0.113.77"],
    "mixed.test": [API, "127.0.0.1"],
    "rebinding.test": {"answers": [[API], ["127.0.0.1", "::1"]], "ttl": 0},
    "alias.test": {"alias": "second-alias.test"},
    "second-alias.test": {"alias": "api.test"},
    "alias-inside.test": {"alias": "loop.test"},
    "wild.test": [API],
    "*.wild.test": [API],
    "*.deep.test": [API],
    "slow.test": {"answers": [[API]], "delay": 2},
    "silent.test": {"silent": True},
    "broken.test": {"code": 2},
    "garbage.test": {"garbage": True},
    "long.test": {"answers": [[API, API6]], "truncated": True},
    "forged.test": {"answers": [[API]], "forged": [OTHER, OTHER6]},
    "proxy.test": ["151.101.1.33"],
    "unreachable.test": [NOWHERE, NOWHERE6],
    "half-reachable.test": [NOWHERE, NOWHERE6, API],
    "metadata.google.internal": ["169.254.169.254"],
    "localhost": ["127.0.0.1", "::1"],
}
# An address of the machine itself, which is not loopback.
OWN = "203.0.113.77"
SECRETS = {"SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO", "PIP_CERT"}


def enter(directory):
    """Puts this process into a network of its own, with a resolver of its own in /etc/resolv.conf."""
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWNET | CLONE_NEWNS | (CLONE_NEWUSER if uid else 0)) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    if uid:
        surroundings.write("/proc/self/setgroups", "deny")
        surroundings.write("/proc/self/uid_map", f"{uid} {uid} 1")
        surroundings.write("/proc/self/gid_map", f"{gid} {gid} 1")
        surroundings.keep_capabilities()
    if libc.mount(b"none", b"/", None, surroundings.MS_REC | surroundings.MS_PRIVATE, None) != 0:
        raise OSError(ctypes.get_errno(), "mount / private")
    resolver = pathlib.Path(directory, "resolv.conf")
    resolver.write_text("nameserver 127.0.0.1\n")
    target = os.path.realpath("/etc/resolv.conf")
    if libc.mount(bytes(resolver), target.encode(), None, 4096, None) != 0:
        raise OSError(ctypes.get_errno(), "mount /etc/resolv.conf")
    # Every address is here, as in the sandbox itself; one belongs to the machine.
    commands = ["link set lo up", "route add local 0.0.0.0/0 dev lo", f"addr add {OWN}/32 dev lo"]
    commands.append(f"route add unreachable {NOWHERE} table local")
    if os.path.exists("/proc/net/if_inet6"):
        commands += ["-6 route add local ::/0 dev lo", f"-6 route add unreachable {NOWHERE6} dev lo table local"]
    for command in commands:
        subprocess.run(["/usr/sbin/ip", *command.split()], check=True)
    # The servers are ordinary programs and have the real ports.
    surroundings.write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0")
    surroundings.write("/proc/sys/net/ipv4/ping_group_range", f"{gid} {gid}" if uid else "0 2147483647")
    libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)


class Internet:
    """The servers of one test, what they saw, and sandboxes that reach them."""

    def __init__(self, t, names=None, loopback=False):
        self.t, self.names = t, NAMES | (names or {})
        self.ground, self.outside = t.dir / "ground", t.dir / "outside"
        self.ground.mkdir()
        self.outside.mkdir()
        t.dir.chmod(0o755)
        if not loopback:
            enter(t.dir)
        settings = {"directory": str(self.outside), "loopback": loopback, "names": self.names}
        words = [sys.executable, "-B", HERE / "servers.py"]
        # Ends with its input, that is with the test.
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=t.env, cwd="/")
        self.ports = self.command(settings)
        shutil.copy(self.outside / "ca.pem", self.ground)
        for client in CLIENTS.iterdir():
            shutil.copy(client, self.ground)
        self.resolver = f"127.0.0.1:{self.ports['domain']}"
        self.seen = 0

    # The servers.

    def command(self, value):
        self.process.stdin.write(json.dumps(value).encode() + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the servers have ended: {self.process.wait()}"
        return json.loads(line)

    def rename(self, **names):
        """Other answers of the resolver from now on; dots in names are written `__`."""
        self.names = self.names | {name.replace("__", "."): spec for name, spec in names.items()}
        self.command({"names": self.names})

    def events(self, *kinds, since=0):
        """What arrived at the servers, in order."""
        self.command({"sync": True})
        found = [json.loads(line) for line in (self.outside / "events.jsonl").read_text().splitlines()]
        return [event for event in found[since:] if not kinds or event["kind"] in kinds]

    def mark(self):
        """A place in the record, for `events(since=...)`."""
        return len(self.events())

    def counters(self):
        """What the kernel counted in this namespace: connections that were begun, datagrams and pings that came."""
        lines = pathlib.Path("/proc/net/snmp").read_text().splitlines()
        six = dict(line.split() for line in pathlib.Path("/proc/net/snmp6").read_text().splitlines())
        tables = {}
        for names, values in zip(lines[::2], lines[1::2]):
            tables[names.split(":")[0]] = dict(zip(names.split()[1:], map(int, values.split()[1:])))
        return {
            "connections": tables["Tcp"]["ActiveOpens"],
            "datagrams": tables["Udp"]["InDatagrams"] + tables["Udp"]["NoPorts"] + int(six["Udp6InDatagrams"]) + int(six["Udp6NoPorts"]),
            "pings": tables["Icmp"]["InEchos"] + int(six["Icmp6InEchos"]),
        }

    # Sandboxes.

    def start(self, name="a", task="sleep 1000", profile="net", **more):
        """An agent with the clients in its workspace; returns the pid of its supervisor."""
        if not hasattr(self, "project"):
            self.project = self.t.repository()
        known = set(self.t.supervisors())
        self.t.start(name, task, "--workspace", f"dir:{self.ground}", cwd=self.project, profile=profile, **more)
        (pid,) = set(self.t.supervisors()) - known
        return pid

    def exec(self, name, *words, **more):
        return self.t.cloche("exec", "-T", name, "--", *words, cwd=self.project, **more)

    def probe_in(self, name, *attempts, **more):
        """`probe` in an agent that runs."""
        file = self.ground / f"attempts-{name}.json"
        file.write_text(json.dumps(attempts))
        answer = self.exec(name, "/usr/bin/python3", "-B", "/workspace/probe.py", f"/workspace/{file.name}", **more)
        return [json.loads(line) for line in answer.out.splitlines()]

    def profile(self, *allow, name="net", mode="allow", system=None, **network):
        """A profile with these rules; the servers' resolver is its own unless `dns` says otherwise."""
        settings = {"mode": mode}
        if mode in ("allow", "open"):
            settings |= {"allow": list(allow), "dns": {"servers": [self.resolver]}} | network
        settings = {key.replace("_", "-"): value for key, value in settings.items() if value is not None}
        trust = {variable: "/workspace/ca.pem" for variable in SECRETS}
        document = {"extends": "shell", "network": settings, "environment": {"set": trust}} | (system or {})
        # JSON is YAML.
        return self.t.profile(name, json.dumps(document, indent=1) + "\n")

    def run(self, *words, profile="net", options=(), **more):
        """A command in a one-shot sandbox, with the clients in its workspace."""
        place = ["--workspace", f"dir:{self.ground}"]
        return self.t.cloche("run", "--profile", profile, *place, *options, "--", *words, **more)

    def shell(self, script, **more):
        return self.run("bash", "-c", script, **more)

    def probe(self, *attempts, profile="net", **more):
        """What `clients/probe.py` says of each attempt, in order, each made in one sandbox."""
        file = self.ground / "attempts.json"
        file.write_text(json.dumps(attempts))
        answer = self.run("/usr/bin/python3", "-B", "/workspace/probe.py", "/workspace/attempts.json", profile=profile, **more)
        found = [json.loads(line) for line in answer.out.splitlines()]
        assert len(found) == len(attempts), answer
        return found

"""The part `network` of scripts/bench: Cloche beside slirp4netns and pasta, in a network namespace of the run's own.

There every address is the machine's own (Tests/NetworkTests/internet.py), one server answers for all, and one resolver. Each case asks it
for the name, connects, and has a byte there and back; then it loads down and up. Nothing reaches the machine's network."""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / "Tests/NetworkTests"))
import internet  # noqa: E402

PORT, SERVER, RESOLVER = 5201, "93.184.216.34", "9.9.9.9"
FIGURES = ("connect + first byte, us", "nine of ten", "down MB/s", "up MB/s")
RULES = [f"bench.test:{PORT}", f"kept.test:{PORT}"]
PROFILE = {
    "extends": "idle",
    "network": {"mode": "allow", "allow": RULES, "dns": {"servers": ["127.0.0.1:53"]}},
}


def apart(function, bench):
    """What the function returns in a process of its own, because nothing leads out of the namespace that it enters."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        status = 2
        try:
            status = 0 if function(bench) else 1
        except SystemExit as error:
            print(error, file=sys.stderr)
        finally:
            sys.stdout.flush()
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


class Surroundings:
    """The namespace, the servers in it, and a process in another that slirp4netns serves."""

    def __init__(self, bench):
        self.bench, self.processes = bench, []
        internet.enter(bench.dir)
        # pasta takes its addresses and its route from an interface that has a default route.
        for command in ("link add uplink type veth peer name far", "link set far up", "addr add 192.0.2.2/24 dev uplink",
                        "link set uplink up", "route add default via 192.0.2.1 dev uplink"):  # fmt: skip
            subprocess.run(["/usr/sbin/ip", *command.split()], check=False)
        # Tens of thousands of connections to one port would use up the ports of the other end for a minute.
        pathlib.Path("/proc/sys/net/ipv4/tcp_max_tw_buckets").write_text("500")
        tun = pathlib.Path("/dev/net/tun")
        if os.getuid() == 0 and tun.exists() and tun.stat().st_mode & 0o777 != 0o666:
            # As udev makes it on an ordinary machine; here alone.
            node = bench.dir / "tun"
            os.mknod(node, 0o20666, os.makedev(10, 200))
            node.chmod(0o666)
            subprocess.run(["mount", "--bind", node, tun], check=True)
        self.program = bench.shared / "network"
        source = ROOT / "scripts/bench-tools/network.c"
        subprocess.run(["gcc", "-O2", "-static", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-o", self.program, source], check=True)
        self.program.chmod(0o755)
        bench.shared.chmod(0o755)
        self.start([self.program, "serve", str(PORT)])
        self.start([self.program, "dns", "53", SERVER])

    def start(self, words):
        null = subprocess.DEVNULL
        self.processes.append(subprocess.Popen(words, stdin=null, stdout=null, stderr=null))
        return self.processes[-1]

    def as_user(self, words):
        """A process that stays, started as the run's user."""
        prefix = ["setpriv", f"--reuid={self.bench.user}", f"--regid={self.bench.user}", "--init-groups"] if os.getuid() == 0 else []
        return self.start([*prefix, *map(str, words)])

    def slirp(self):
        """Words that run a command behind slirp4netns."""
        holder = self.as_user(["unshare", "-Urn", "sleep", "100000"])
        self.wait(lambda: os.readlink(f"/proc/{holder.pid}/ns/net") != os.readlink("/proc/self/ns/net"), "a namespace")
        self.wait(lambda: pathlib.Path(f"/proc/{holder.pid}/comm").read_text() == "sleep\n", "a namespace with a root")
        self.as_user(["slirp4netns", "--configure", "--mtu=65520", holder.pid, "tap0"])
        self.wait(lambda: "tap0" in pathlib.Path(f"/proc/{holder.pid}/net/route").read_text(), "slirp4netns (is /dev/net/tun open to users?)")
        return ["nsenter", "--preserve-credentials", "-U", "-n", "-t", str(holder.pid)]

    def wait(self, condition, what):
        deadline = time.monotonic() + 10
        while not condition():
            if time.monotonic() > deadline:
                raise SystemExit(f"bench: no {what} within 10 s")
            time.sleep(0.01)

    def end(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait()


def cases(bench, here):
    """Name, words; the client's own words follow, with the resolver and the name as this case has them."""
    count, megabytes = (200, 200) if bench.runs < 100 else (1000, 1000)
    client = lambda resolver, name: [here.program, "client", resolver, name, PORT, count, megabytes]  # noqa: E731
    pasta = ["pasta", "--config-net", "-q", "-f"]
    cloche = [bench.cloche, "run", "--profile", "network", "--workspace", "none", "--"]
    inside = lambda name: ["/bench/network", *client("198.18.0.1", name)[1:]]  # noqa: E731
    return [
        ("bare loopback", client(RESOLVER, "bench.test")),
        ("cloche", [*cloche, *inside("bench.test")]),
        ("cloche, an answer that may be kept", [*cloche, *inside("kept.test")]),
        ("slirp4netns, MTU 65520", [*here.slirp(), *client(RESOLVER, "bench.test")]),
        ("slirp4netns, its resolver", None),
        ("pasta", [*pasta, "--", *client(RESOLVER, "bench.test")]),
        ("pasta, port of its loopback", [*pasta, "-T", PORT, "--", *client(RESOLVER, "near.test")]),
    ]


def measure(bench, here):
    """Figures of each case, a list for each run; the cases in rotating order. What cannot be run is told once and left out."""
    listed = cases(bench, here)
    words = dict(listed)
    slirp = words["slirp4netns, MTU 65520"]
    words["slirp4netns, its resolver"] = ["10.0.2.3" if word == RESOLVER else word for word in slirp]
    found, failed = {name: [] for name in words}, {}
    rounds = 5 if bench.runs < 100 else 9
    for turn in range(rounds):
        for offset in range(len(listed)):
            name = listed[(turn + offset) % len(listed)][0]
            if len(failed.get(name, [])) > 2 and not found[name]:
                continue
            answer = bench.as_user(words[name], stdin=subprocess.DEVNULL, timeout=120)
            figures = answer.stdout.split()
            if answer.returncode == 0 and len(figures) == len(FIGURES):
                found[name].append([float(figure) for figure in figures])
            else:
                failed.setdefault(name, []).append(answer.stderr.strip().splitlines()[-1:])
    for name, words in failed.items():
        print(f"\n`{name}` failed in {len(words)} runs: {' '.join(words[-1])}")
    return {name: figures for name, figures in found.items() if figures}


def judge(found):
    """The table, and Cloche beside the better peer in each figure."""
    print("\n### Network: from a sandbox to a server of the host\n\n| case | " + " | ".join(FIGURES) + " | runs |\n|---|" + "---:|" * 5)
    middle = {}
    for name, runs in found.items():
        middle[name] = [statistics.median(column) for column in zip(*runs)]
        low, high = [[f"{pick(column):.0f}" for column in zip(*runs)] for pick in (min, max)]
        spread = [f"{value:.0f} ({least}-{most})" for value, least, most in zip(middle[name], low, high)]
        print(f"| {name} | " + " | ".join(spread) + f" | {len(runs)} |")
    peers = [figures for name, figures in middle.items() if name.startswith(("slirp4netns", "pasta"))]
    bare = middle.get("bare loopback")
    if peers and bare:
        print("\nThe better peer beside bare loopback: " + ", ".join(ratio(peers, index, bare) for index in (0, 2, 3)))
    if not peers or "cloche" not in middle:
        print("\nGoal: Cloche beside the better peer: MISSED (not measured).")
        return False
    goals = []
    for index, limit in ((0, 0.8), (2, 1.0), (3, 1.0)):
        best = best_of(peers, index)
        against = middle["cloche"][index] / best
        met = against <= limit if index == 0 else against >= limit
        goals.append(met)
        bound = "at most" if index == 0 else "at least"
        print(f"\nGoal: {FIGURES[index]} {bound} {limit:.1f} x the better peer ({best:.0f}): {'met' if met else 'MISSED'} ({against:.2f}).")
    return all(goals)


def best_of(peers, index):
    return (min if index == 0 else max)(figures[index] for figures in peers)


def ratio(peers, index, bare):
    return f"{FIGURES[index]} {best_of(peers, index) / bare[index]:.2f} x"


def idle(bench, profile, used):
    """KiB PSS of all processes of Cloche per idle agent, without its shell; `used` makes a connection from each first."""
    names = [f"idle{index}" for index in range(bench.agents)]
    for name in names:
        answer = bench.as_user([bench.cloche, "start", name, "--profile", profile, "--workspace", "none"])
        if answer.returncode:
            raise SystemExit(f"bench: cloche start failed: {answer.stderr.strip()}")
        if used:
            words = [bench.cloche, "exec", "-T", name, "--", "/bench/network", "client", "198.18.0.1", "bench.test", PORT, 3, 1]
            if bench.as_user(words).returncode:
                raise SystemExit(f"bench: no connection from {name}")
    each = bench.memory_per_agent()
    for name in names:
        bench.as_user([bench.cloche, "delete", name, "--force"])
    return each


def idle_memory(bench):
    figures = {"without a network": idle(bench, "idle", False), "with rules": idle(bench, "network", False), "after connections": idle(bench, "network", True)}
    print(f"\n### Memory of an idle agent with a network, {bench.agents} running\n\n| case | KiB PSS per agent, without its shell |\n|---|---:|")
    for name, figure in figures.items():
        print(f"| {name} | {figure:.0f} |")
    added = figures["with rules"] - figures["without a network"]
    print(f"\nGoal: less than 100 KiB more with rules than without a network: {'met' if added < 100 else 'MISSED'} ({added:.0f}).")
    return added < 100


def network(bench):
    here = Surroundings(bench)
    try:
        folder = bench.dir / "config/cloche/profiles"
        shown = {"filesystem": {"binds": [{"source": str(bench.shared), "target": "/bench", "mode": "ro"}]}}
        (folder / "network.yaml").write_text(json.dumps(PROFILE | shown) + "\n")
        (folder / "network.yaml").chmod(0o644)
        goals = [judge(measure(bench, here))]
        answer = bench.as_user([bench.cloche, "run", "--profile", "network", "--workspace", "none", "--", "/bin/true"])
        if answer.returncode:
            print(f"\nMemory with a network is not measured: {answer.stderr.strip()}")
            return False
        return all([*goals, idle_memory(bench)])
    finally:
        here.end()


def part(bench):
    """Whether the goals of networks are met."""
    return apart(network, bench)

"""The part `sessions` of scripts/bench: terminals of agents beside tmux and dtach.

Throughput: a program writes 100 MB of text to its terminal of 160 by 50, with nobody attached and with a terminal that reads as fast as
it can. Attaching: from the start of the client until the screen's words are there. Memory: sessions that do nothing."""

import base64
import os
import statistics
import subprocess
import time

MEGABYTES = 100
# What runs in an agent with a profile of that name, and in the others' sessions.
SCRIPTS = {"payload": "payload.sh", "painted": "screen.sh", "typed": "typed.sh"}
PAYLOAD = """\
read x < {place}/go
printf s > {place}/marks
cat {place}/text
printf e > {place}/marks
sleep 0.2
"""
PROFILE = """\
extends: shell
harness:
  command: [/bin/sh, {place}/{script}]
  interactive: []
session: {{columns: 160, rows: 50}}
limits: {{output: none}}
filesystem:
  binds:
    - {{source: "{place}", target: "{place}", mode: rw}}
"""


def prepare(bench):
    subprocess.run(
        ["gcc", "-O2", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-o", bench.dir / "sessions", bench.root / "scripts/bench-tools/sessions.c", "-lutil"],
        check=True,
    )
    place = bench.shared
    for name in ("marks", "go"):
        os.mkfifo(place / name)
    text = base64.b64encode(os.urandom(MEGABYTES * 750_000)).decode()
    (place / "text").write_text("\n".join(text[start : start + 79] for start in range(0, len(text), 79))[: MEGABYTES * 1_000_000] + "\n")
    (place / "payload.sh").write_text(PAYLOAD.format(place=place))
    (place / "screen.sh").write_text("seq 1000; ls --color /usr/bin | head -60; printf 'the\\033[1m end'; sleep 100000\n")
    # Until a line that is but x: dtach ends with its program only.
    (place / "typed.sh").write_text("while read line; do [ \"$line\" != x ] || exit; done\n")
    profiles = bench.dir / "config/cloche/profiles"
    for profile, script in SCRIPTS.items():
        (profiles / f"{profile}.yaml").write_text(PROFILE.format(place=place, script=script))
    if bench.is_root:
        subprocess.run(["chown", "-R", f"{bench.user}:", bench.dir], check=True)


def run(bench, words):
    answer = bench.as_user(words, stdin=subprocess.DEVNULL)
    if answer.returncode:
        raise SystemExit(f"bench: {' '.join(map(str, words))}: {answer.stderr.strip() or answer.returncode}")
    return answer.stdout


class Cloche:
    name = "cloche"

    def start(self, bench, profile):
        run(bench, [bench.cloche, "start", "session", "--profile", profile, "--workspace", "none"])

    def attach(self, bench):
        return [bench.cloche, "attach", "--quiet", "session"]

    def end(self, bench):
        run(bench, [bench.cloche, "delete", "--force", "session"])


class Tmux:
    name = "tmux"
    words = ["tmux", "-f", "/dev/null", "-L", "session"]

    def start(self, bench, profile):
        run(bench, [*self.words, "new", "-d", "-x", "160", "-y", "50", f"/bin/sh {bench.shared}/{SCRIPTS[profile]}"])

    def attach(self, bench):
        return [*self.words, "attach"]

    def end(self, bench):
        # It ends with its last program.
        bench.as_user([*self.words, "kill-server"])


class Dtach:
    name = "dtach"

    def start(self, bench, profile):
        run(bench, ["dtach", "-n", bench.dir / "run/dtach", "/bin/sh", bench.shared / SCRIPTS[profile]])

    def attach(self, bench):
        return ["dtach", "-a", str(bench.dir / "run/dtach")]

    def end(self, bench):
        # It ends with its program, and takes its socket away then.
        for _ in range(100):
            if not (bench.dir / "run/dtach").exists():
                return
            time.sleep(0.05)
        raise SystemExit("bench: dtach has not ended")


class Nobody:
    """A program that only reads: what the kernel's terminals can do."""

    name = "read(2) alone"

    def start(self, bench, profile):
        words = [bench.dir / "sessions", "read", "/bin/sh", bench.shared / "payload.sh"]
        self.reader = subprocess.Popen(bench.words_as_user(words), cwd=bench.dir)

    def end(self, bench):
        self.reader.wait()


def rate(bench, tool, attached):
    tool.start(bench, "payload")
    client = tool.attach(bench) if attached else []
    seconds = float(run(bench, [bench.dir / "sessions", "rate", bench.shared / "marks", bench.shared / "go", *client]))
    tool.end(bench)
    return MEGABYTES / seconds


def throughput(bench, rounds):
    tools = [Cloche(), Tmux(), Dtach(), Nobody()]
    found = {(tool.name, attached): [] for tool in tools for attached in (False, True)}
    for turn in range(rounds):
        for index in range(len(tools)):
            tool = tools[(turn + index) % len(tools)]
            for attached in (False, True) if hasattr(tool, "attach") else (False,):
                found[tool.name, attached].append(rate(bench, tool, attached))
    middle = {key: statistics.median(values) if values else 0 for key, values in found.items()}
    print(f"\n### A program writes {MEGABYTES} MB to its terminal of 160 by 50, MB/s\n\n| | nobody attached | attached |\n|---|---:|---:|")
    for tool in tools:
        attached = f"{middle[tool.name, True]:.1f}" if middle[tool.name, True] else ""
        print(f"| {tool.name} | {middle[tool.name, False]:.1f} | {attached} |")
    alone = middle["cloche", False] / middle["tmux", False]
    attached = middle["cloche", True] / middle["dtach", True]
    is_met = alone >= 1.5 and attached >= 1.0
    print(
        f"\nGoals: nobody attached at least 1.5 x tmux ({alone:.2f}), attached at least 1.0 x dtach ({attached:.2f}): {'met' if is_met else 'MISSED'}.",
        flush=True,
    )
    return is_met


def painting(bench, rounds):
    tools = [Cloche(), Tmux()]
    found = {tool.name: [] for tool in tools}
    for tool in tools:
        tool.start(bench, "painted")
    for turn in range(rounds + 3):
        for index in range(len(tools)):
            tool = tools[(turn + index) % len(tools)]
            # The screen ends with them, in bold.
            elapsed = float(run(bench, [bench.dir / "sessions", "paint", " end", *tool.attach(bench)]))
            if turn >= 3:
                found[tool.name].append(elapsed)
    for tool in tools:
        tool.end(bench)
    print("\n### From the start of `attach` to a painted screen\n\n| | median ms | p10 | p90 |\n|---|---:|---:|---:|")
    for name, values in found.items():
        low, high = statistics.quantiles(values, n=10)[0], statistics.quantiles(values, n=10)[-1]
        print(f"| {name} | {statistics.median(values):.2f} | {low:.2f} | {high:.2f} |")
    ratio = statistics.median(found["cloche"]) / statistics.median(found["tmux"])
    print(f"\nGoal: at most 0.5 x tmux: {'met' if ratio <= 0.5 else 'MISSED'} ({ratio:.2f}).", flush=True)
    return ratio <= 0.5


def typing(bench, letters):
    tools = [Cloche(), Tmux(), Dtach()]
    found = {}
    for tool in tools:
        tool.start(bench, "typed")
        found[tool.name] = float(run(bench, [bench.dir / "sessions", "type", letters, *tool.attach(bench)]))
        tool.end(bench)
    print("\n### From a key to its echo on the terminal, median µs\n\n| | |\n|---|---:|")
    for name, value in found.items():
        print(f"| {name} | {value:.0f} |")
    is_met = found["cloche"] < 1000
    print(f"\nGoal: less than 1000 are added: {'met' if is_met else 'MISSED'}.", flush=True)
    return is_met


def memory(bench):
    """One tmux server for each session, as each agent has one supervisor."""
    for index in range(bench.agents):
        run(bench, ["tmux", "-f", "/dev/null", "-L", f"each{index}", "new", "-d", "sleep 100000"])
    pids = subprocess.run(["pgrep", "-u", bench.user, "-f", "tmux -f /dev/null -L each"], capture_output=True, text=True).stdout.split()
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    each = total / bench.agents
    for index in range(bench.agents):
        bench.as_user(["tmux", "-L", f"each{index}", "kill-server"])
    for index in range(bench.agents):
        run(bench, [bench.cloche, "start", f"idle{index}", "--profile", "idle", "--workspace", "none"])
    own = bench.memory_per_agent()
    for name in bench.listed():
        bench.as_user([bench.cloche, "delete", name, "--force"])
    print(f"\n### Memory of a session, {bench.agents} of them: KiB PSS without its program\n\n| cloche (supervisor and init) | tmux (a server each) |\n|---:|---:|")
    print(f"| {own:.0f} | {each:.0f} |\n\nGoal: at most 0.6 x tmux: {'met' if own <= 0.6 * each else 'MISSED'} ({own / each:.2f}).", flush=True)
    return own <= 0.6 * each


def part(bench):
    """Prints the tables; whether the goals are met."""
    prepare(bench)
    few = bench.runs < 100
    results = [throughput(bench, 3 if few else 9), painting(bench, 15 if few else 60), typing(bench, 200 if few else 2000), memory(bench)]
    return all(results)

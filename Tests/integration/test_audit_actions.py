"""Known actions of an agent and of its user: the log has every one of them with its facts, and nothing else of those
kinds; the report shows them; the log is whole and as its schema says."""

import collections
import json

import internet
from test_audit import SCHEMA, problems, records, state_of, verify
from test_network_commands import free_port

AGENT = r"""
import ctypes, os, socket, subprocess, sys, time

def wait(name):
    # What is shown keeps it from being idle.
    while not os.path.exists(name):
        print(".", end="", flush=True)
        time.sleep(0.1)

def resolve(host):
    try: return socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_STREAM)[0][4][0]
    except OSError: return None

def reach(address, port):
    try:
        with socket.create_connection((address, port), timeout=20) as stream:
            stream.sendall(b"\0")
            stream.shutdown(socket.SHUT_WR)
            while stream.recv(100): pass
    except OSError: pass

for number in range(10): subprocess.run(["/usr/bin/true", f"program-{number}"])
call = ctypes.CDLL(None).syscall
for number in map(int, sys.argv[1:]): call(number, 0, 0, 0, 0, 0, 0)
for _ in range(5): call(int(sys.argv[1]), 0, 0, 0, 0, 0, 0)
api, other, nowhere = map(resolve, ["api.test", "other.test", "unreachable.test"])
for name in ["evil-1.test", "evil-2.test", "evil-3.test"]: resolve(name)
for address, port in [(api, 7), (api, 7), (other, 7), (api, 9), (other, 22), ("23.20.0.2", 443), (nowhere, 7)]: reach(address, port)
os.rename("docs/long.txt", "docs/moved.txt")
open("README.md", "a").write("more\n")
open("new file \u202e.txt", "w").write("new\n")
os.symlink("README.md", "link")
os.remove("src/main.c")
home = os.path.expanduser("~")
open(home + "/kept", "w").write("x")
os.makedirs(home + "/folder")
open(home + "/folder/deep", "w").write("x")
os.symlink("/etc/passwd", home + "/pointer")
open("/usr/local/bin/mine", "w").write("x")
open("/etc/passwd", "a").write("agent2:x:0:0::/:/bin/sh\n")
open("/var/lib/state", "w").write("x")
os.remove("/etc/hosts")
open("phase-1", "w").close()
wait("finish")
time.sleep(1000)
"""
# What of a record is compared; the rest is numbers that differ from run to run.
FACTS = {
    "create": ("profile", "task"),
    "start": ("profile", "network", "task"),
    "running": ("arguments", "left-out"),
    "credential": ("kind", "name", "source"),
    "exec": ("program", "arguments", "found", "count"),
    "denied": ("call", "errno", "count"),
    "dns": ("name", "type", "verdict", "reason"),
    "connect": ("host", "port", "verdict", "path", "rule"),
    "disconnect": ("host", "port", "sent", "received"),
    "file": ("path", "change", "where", "kind", "from"),
    "attach": ("read-only", "by"),
    "detach": ("read-only", "by", "typed"),
    "keys": ("kind", "bytes", "by"),
    "message": ("action", "id", "bytes", "by"),
    "command": ("arguments", "number"),
    "exit": ("number", "exit-code", "signal"),
    "pause": (),
    "unpause": (),
    "policy": ("new",),
    "forward": ("port", "target", "action"),
    "sync": ("commits", "uncommitted"),
    "merge": ("into",),
    "limit": ("limit",),
    "end": ("reason", "exit-code"),
    "sign": (),
}
DETACH = "\x1dd"


class Expected:
    """What is to be on record, as it is done."""

    def __init__(self):
        self.actions, self.words = [], {}

    def add(self, event, word=None, **facts):
        """One record; `word` is what the report shows of it."""
        facts = {key.replace("_", "-"): value for key, value in facts.items()}
        assert facts.keys() <= set(FACTS[event]), (event, facts)
        self.actions.append((event, json.dumps(facts, sort_keys=True)))
        self.words[len(self.actions)] = word or event

    def exec(self, program, *arguments, **facts):
        self.add("exec", word=arguments[-1] if arguments else program, program=program, arguments=[program, *arguments], **facts)


def told(record):
    kept = {key: record[key] for key in FACTS[record["event"]] if key in record}
    if record["event"] == "policy":
        kept = {"new": {key: kept["new"].get(key, []) for key in ("allow", "deny")}}
    return record["event"], json.dumps(kept, sort_keys=True)


def expect_agent(e, calls, errors):
    """What the agent's program does."""
    e.exec("/usr/bin/python3", "/workspace/agent.py", *calls.values())
    for number in range(10):
        e.exec("/usr/bin/true", f"program-{number}")
    for name in calls:
        e.add("denied", name, call=name, errno=errors[name], count=1)
    e.add("denied", call=next(iter(calls)), errno=errors[next(iter(calls))], count=5)
    for name in ("api.test", "other.test", "unreachable.test"):
        e.add("dns", name, name=name, type="A", verdict="allowed")
    for number in (1, 2, 3):
        e.add("dns", f"evil-{number}.test", name=f"evil-{number}.test", type="A", verdict="refused", reason="host-not-allowed")
    for host in ("api.test", "api.test", "other.test"):
        e.add("connect", host, host=host, port=7, verdict="allowed", path="transparent", rule=f"{host}:7")
        e.add("disconnect", host, host=host, port=7, sent=1, received=6)
    for host, port in (("api.test", 9), ("other.test", 22)):
        e.add("connect", f"{host}:{port}", host=host, port=port, verdict="refused", path="transparent")
    e.add("connect", "23.20.0.2:443", host="23.20.0.2", port=443, verdict="refused", path="transparent")
    e.add("connect", "unreachable.test", host="unreachable.test", port=7, verdict="failed", path="transparent", rule="unreachable.test:7")


def expect_files(e):
    """What it leaves behind outside the workspace."""
    for path, change, kind, where in (
        ("/home/agent/kept", "added", "file", "home"),
        ("/home/agent/folder", "added", "directory", "home"),
        ("/home/agent/folder/deep", "added", "file", "home"),
        ("/home/agent/pointer", "added", "link", "home"),
        ("/usr/local/bin/mine", "added", "file", "upper"),
        ("/etc/passwd", "modified", "file", "upper"),
        ("/var/lib/state", "added", "file", "upper"),
        ("/etc/hosts", "deleted", "file", "upper"),
    ):
        e.add("file", path, path=path, change=change, kind=kind, where=where)


def expect_sync(e, *files, commits=0):
    e.add("sync", commits=commits, uncommitted=True)
    for path, change, kind, *before in files:
        facts = {"from": before[0]} if before else {}
        e.add("file", path.replace("\u202e", "\\u{202E}"), path=path, change=change, kind=kind, where="workspace", **facts)


def commands(t, e, project):
    """Programs that a person runs beside the agent, with how they end."""
    tries = [
        (["/usr/bin/true", "beside"], 0, {"exit_code": 0}, {}),
        (["/bin/sh", "-c", "exit 3"], 3, {"exit_code": 3}, {}),
        (["/bin/sh", "-c", "kill -9 $$"], 137, {"exit_code": 137, "signal": 9}, {}),
        (["/nonexistent/program"], None, {}, {"found": False}),
        (["/usr/bin/rm", "-f", "/workspace/link"], 0, {"exit_code": 0}, {}),
    ]
    for number, (words, code, end, more) in enumerate(tries, 1):
        t.cloche("exec", "-T", "a", "--", *words, cwd=project, check=False if code is None else code)
        e.add("command", words[-1].replace("$", "$"), arguments=words, number=number)
        e.exec(*words, **more)
        e.add("exit", f"command {number}", number=number, **end)


def people(t, e, project, user):
    """Terminals, rules, ports, freezing."""
    for words, keys in ((["attach", "-r", "a"], ""), (["attach", "a"], "hello")):
        terminal = t.terminal(*words, cwd=project)
        terminal.expect(r"\.")
        terminal.send(keys + DETACH)
        assert terminal.wait() == 0
        read_only = "-r" in words
        e.add("attach", "to look" if read_only else "to type", read_only=read_only, by=user)
        e.add("detach", f"{len(keys)} B typed" if keys else "nothing typed", read_only=read_only, by=user, typed=len(keys))
    t.cloche("keys", "a", "hello", "Up", cwd=project)
    e.add("keys", "8 B of keys typed", kind="keys", bytes=8, by=user)
    t.cloche("message", "a", "hello again", cwd=project)
    e.add("message", "queued", action="queued", id=1, bytes=11, by=user)
    e.add("message", "delivered", action="delivered", id=1, bytes=11, by=user)
    e.add("keys", "11 B of a message typed", kind="message", bytes=11, by=user)
    e.add("keys", "1 B of keys typed", kind="keys", bytes=1, by=user)
    allowed = ["api.test:7", "other.test:7", "unreachable.test:7"]
    t.cloche("policy", "allow", "a", "six.test:7", cwd=project)
    e.add("policy", "+ six.test:7", new={"allow": [*allowed, "six.test:7"], "deny": []})
    t.cloche("policy", "deny", "a", "evil-9.test", cwd=project)
    e.add("policy", "+ deny evil-9.test", new={"allow": [*allowed, "six.test:7"], "deny": ["evil-9.test"]})
    port = free_port()
    t.cloche("forward", "a", f"{port}:4000", cwd=project)
    e.add("forward", f":{port} to port 4000", port=port, target=4000, action="added")
    t.cloche("forward", "a", "--remove", f"{port}:4000", cwd=project)
    e.add("forward", "removed", port=port, target=4000, action="removed")
    # Only a cgroup freezes, and not every machine gives one.
    if t.cloche("pause", "a", cwd=project, check=False).code == 0:
        t.cloche("unpause", "a", cwd=project)
        e.add("pause")
        e.add("unpause")


def test_every_known_action_is_on_record(t):
    net = internet.Internet(t)
    secret = t.home / "key.json"
    secret.write_text("the-secret-in-a-file")
    system = {
        "harness": {"command": ["/usr/bin/python3"], "interactive": ["/workspace/agent.py"], "task": [], "seeds": {".profile": ""}},
        "credentials": [{"env": "API_TOKEN", "required": True}, {"file": str(secret), "target": "~/.secret/key.json", "required": True}],
        "limits": {"idle": "3s"},
    }
    known = {call["name"]: call for call in t.json("profile", "syscalls", "shell")["calls"]}
    calls = {name: str(known[name]["number"]) for name in ("swapon", "reboot", "mount", "bpf")}
    system["harness"]["interactive"] += calls.values()
    net.profile("api.test:7", "other.test:7", "unreachable.test:7", system=system)
    lines = "".join(f"line {number}\n" for number in range(50))
    project = t.repository(files={"README.md": "# Project\n", "src/main.c": "int x;\n", "docs/long.txt": lines, "agent.py": AGENT})
    e = Expected()

    t.cloche("start", "a", "--profile", "net", cwd=project, env={"API_TOKEN": "the-secret-in-a-variable"})
    user = t.home.stat().st_uid
    workspace = t.workspace("a", project)
    t.wait_until(lambda: (workspace / "phase-1").exists(), "the agent's work")
    e.add("create", "profile net", profile="net", task="")
    e.add("start", "network allow", profile="net", network="allow", task="")
    e.add("running", "agent.py", arguments=["/usr/bin/python3", "/workspace/agent.py", *calls.values()])
    e.add("credential", "API_TOKEN", kind="variable", name="API_TOKEN")
    e.add("credential", "/home/agent/.secret/key.json", kind="file", name="/home/agent/.secret/key.json", source=str(secret))
    expect_agent(e, calls, {name: known[name]["answer"] for name in calls})

    t.cloche("sync", "a", cwd=project)
    expect_sync(
        e,
        ("docs/moved.txt", "renamed", "file", "docs/long.txt"), ("README.md", "modified", "file"), ("link", "added", "link"),
        ("new file \u202e.txt", "added", "file"), ("phase-1", "added", "file"), ("src/main.c", "deleted", "file"),
    )
    commands(t, e, project)
    people(t, e, project, user)
    t.cloche("sync", "a", cwd=project)
    expect_sync(e, ("link", "deleted", "link"))
    t.cloche("merge", "a", cwd=project)
    expect_sync(e)
    e.add("merge", "into main", into="main")

    (workspace / "finish").touch()
    assert t.wait_ended("a", project)["state"] == "failed"
    expect_files(e)
    e.add("limit", "idle", limit="idle")
    e.add("end", "idle", reason="idle", exit_code=143)
    t.command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", t.dir / "signer")
    t.cloche("audit", "sign", "a", "--key", t.dir / "signer", cwd=project)
    e.add("sign")

    found = records(state_of(t, "a", project))
    have = collections.Counter(told(record) for record in found if record["event"] in FACTS)
    want = collections.Counter(e.actions)
    assert have == want, f"missing {dict(want - have)}\nbeyond {dict(have - want)}"
    kinds = {event for event, _ in e.actions}
    assert len(e.actions) >= 60 and len(kinds) >= 15, (len(e.actions), kinds)
    others = collections.Counter(record["event"] for record in found if record["event"] not in FACTS)
    assert others.keys() == {"log", "network", "sample"} and others["log"] == others["network"] == 1, others
    check_the_rest(t, e, project, found)
    print(f"# {len(e.actions)} actions of {len(kinds)} kinds, {len(found)} records")


def check_the_rest(t, e, project, found):
    """The chain, the schema, the page, the self-check's result, and that no secret is anywhere."""
    schema = json.loads(SCHEMA.read_text())
    assert not [problem for record in found for problem in problems(record, schema)]
    assert verify(t, project)["state"] == "whole"
    (running,) = [record for record in found if record["event"] == "running"]
    assert {"namespaces", "mounts", "filters"} <= set(running["self-check"]), running
    # One a minute, and the last.
    sample = [record for record in found if record["event"] == "sample"][-1]
    assert sample["cpu-microseconds"] > 0 and sample["tasks"] > 0 and sample["network-sent"] >= 3, sample
    detached = [record for record in found if record["event"] == "detach"]
    assert all(0 <= record["milliseconds"] < 60_000 for record in detached), detached
    page = t.cloche("audit", "report", "a", cwd=project).out
    # What the page has of each beside the records themselves.
    shown = page[: page.index('id="records"')].replace("&#39;", "'").replace("&gt;", ">")
    absent = {word for word in e.words.values() if word not in shown}
    assert not absent, absent
    text = json.dumps(found) + page
    assert "the-secret" not in text and "hello" not in text
    # The controls: the words are looked for where they can be missing.
    assert "program-10" not in shown and "evil-4.test" not in shown and "/home/agent/other" not in shown


def test_a_weakened_self_check_is_on_record(t):
    t.without("self-check")
    project = t.repository()
    t.run_task("a", "true", cwd=project)
    (running,) = [record for record in records(state_of(t, "a", project)) if record["event"] == "running"]
    assert running["self-check"] == [] and running["left-out"] == ["self-check"], running


def test_what_changes_outside_is_told_once_a_run(t):
    project = t.repository()
    changes = lambda: [(r["change"], r["path"]) for r in records(state_of(t, "a", project)) if r["event"] == "file"]  # noqa: E731
    t.run_task("a", "echo 1 > ~/one; echo 1 > ~/two", cwd=project)
    first = [("added", "/home/agent/one"), ("added", "/home/agent/two")]
    assert sorted(changes()) == first, changes()
    t.cloche("resume", "a", "echo 2 >> ~/one; rm ~/two; echo 3 > ~/three; : > ~/fleeting; rm ~/fleeting", cwd=project)
    t.wait_ended("a", project)
    second = [("added", "/home/agent/three"), ("deleted", "/home/agent/two"), ("modified", "/home/agent/one")]
    assert sorted(changes()[2:]) == second, changes()
    # A run whose supervisor is killed leaves nothing out: the next end tells it.
    t.cloche("resume", "a", "echo 4 > ~/four; sleep 1000", cwd=project)
    home = state_of(t, "a", project) / "home"
    t.wait_until(lambda: (home / "four").exists(), "its work")
    (supervisor,) = t.supervisors()
    t.command("kill", "-9", supervisor)
    t.wait_until(lambda: t.agents(project)["a"]["state"] == "lost", "its end")
    t.cloche("resume", "a", "true", cwd=project)
    t.wait_ended("a", project)
    assert changes()[5:] == [("added", "/home/agent/four")], changes()


def test_files_without_end_delay_no_stop(t):
    """Many files: so many are told, the rest is counted, and the agent ends in time."""
    project = t.repository()
    script = "mkdir -p ~/many && cd ~/many && seq 1 30000 | xargs touch && echo done && sleep 1000"
    t.start("a", script, cwd=project)
    t.wait_until(lambda: "done" in t.cloche("logs", "a", cwd=project).out, "the files", 100)
    t.cloche("stop", "a", "--kill", cwd=project)
    found = records(state_of(t, "a", project))
    files = [record for record in found if record["event"] == "file"]
    (untold,) = [record for record in found if record["event"] == "files-untold"]
    (sample,) = [record for record in found if record["event"] == "sample"]
    (end,) = [record for record in found if record["event"] == "end"]
    assert len(files) == 1000 and untold["where"] == "home" and (untold["count"] == 29001 or untold["cut"]), untold
    # The walk has 50 ms; a machine that stalls has more.
    assert 0 <= end["mono"] - sample["mono"] < 4000, (sample, end)
    walked, written = files[0]["mono"] - sample["mono"], end["mono"] - files[0]["mono"]
    print(f"# {untold['count']} counted, {walked} ms to look, {written} ms to write")

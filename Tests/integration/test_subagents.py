"""The agents' own `cloche`: what it tells, what it is allowed, agents that agents start, and that none has more than its
parent."""

import json
import os
import pathlib
import signal

import case
import test_gateway
import test_gateway_choice
from test_git import COMMIT
from test_messages import Sender

PARENT = "exec sleep 1000"


def parent(t, *options, task=PARENT, name="boss", files=None):
    project = t.repository(files=files or {"README.md": "# Project\n"})
    t.start(name, task, "--set", "agents.children=3", *options, cwd=project)
    return project


def inside(t, project, *words, name="boss", check=0, **more):
    return t.cloche("exec", "-T", name, "--", "cloche", *words, cwd=project, check=check, **more)


def shell(t, project, script, name="boss", check=0):
    return t.cloche("exec", "-T", name, "--", "sh", "-c", script, cwd=project, check=check)


def fields(t, project, *words, **more):
    return json.loads(inside(t, project, *words, "--json", **more).out)


def audit(t, project, name, kind):
    lines = t.cloche("audit", name, "--json", "--kind", kind, cwd=project).out.splitlines()
    return [json.loads(line) for line in lines]


def supervisor(t, project, name):
    """The process that holds the agent's lock."""
    lock = str(pathlib.Path(t.agents(project)[name]["directory"]) / "supervisor.lock")
    for pid in t.supervisors():
        fds = pathlib.Path(f"/proc/{pid}/fd")
        if any(os.readlink(fd) == lock for fd in fds.iterdir()):
            return pid
    raise AssertionError(f"{name} has no supervisor")


def end(t, project):
    for name, agent in t.agents(project).items():
        t.cloche("delete", "--force", name, cwd=project)


def test_an_agent_knows_itself(t):
    project = parent(t)
    me = fields(t, project, "whoami")
    assert me["name"] == "boss" and me["parent"] is None and me["most-children"] == 3 and me["branch"] == "cloche/boss", me
    assert "cloche start NAME" in inside(t, project, "help").out and "--set" in inside(t, project, "start", "--help").out
    assert "did you mean" in inside(t, project, "whoam", check=2).err.lower() or "whoami" in inside(t, project, "whoam", check=2).err
    inside(t, project, "report", "waiting", "for", "a", "decision")
    told = t.wait_until(lambda: (s := t.agents(project)["boss"]["activity"]) and s["state"] == "waiting" and s, "the state is told")
    assert told["text"] == "for a decision", told


def test_without_verbs_there_is_nothing(t):
    """And a verb that is not granted is refused by its name."""
    project = parent(t, "--set", "agents.verbs=[]")
    assert shell(t, project, "ls /run/cloche; echo $CLOCHE_SOCKET-").out.split()[-1] == "-"
    assert "socket" not in shell(t, project, "ls /run/cloche").out
    t.start("half", PARENT, "--set", "agents.verbs=[whoami]", cwd=project)
    assert "agents.verbs" in inside(t, project, "list", name="half", check=125).err
    assert "list" not in inside(t, project, "help", name="half").out


def test_the_socket_is_the_identity(t):
    """No other agent's socket is there, nothing that is said makes one agent another, and rubbish costs nobody anything."""
    project = parent(t)
    t.start("other", PARENT, cwd=project)
    assert fields(t, project, "whoami", name="other")["name"] == "other"
    # Neither a variable nor an option makes it another.
    out = shell(t, project, "CLOCHE_AGENT=other cloche whoami --json").out
    assert json.loads(out)["name"] == "boss"
    assert inside(t, project, "-C", "/", "list", check=2).err
    rubbish = r"""
import os, socket
for data in (b"", b"x", b"w", b"wlist", b"w\xff\0", b"i" * 70000, b"g", b"whelp\0" * 9000):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect(os.environ["CLOCHE_SOCKET"])
    s.send(data)
    s.close()
# One that says nothing, and keeps its place.
quiet = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(4)]
for s in quiet: s.connect(os.environ["CLOCHE_SOCKET"])
print(os.popen("cloche whoami --json").read())
"""
    out = t.cloche("exec", "-T", "boss", "--", "python3", "-c", rubbish, cwd=project).out
    assert json.loads(out)["name"] == "boss"
    # No descriptor comes through, and a message with one is none.
    sending = r"""
import array, os, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect(os.environ["CLOCHE_SOCKET"])
s.sendmsg([b"wwhoami\0"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0]))])
try:
    s.send(b"g"); print(len(s.recv(1000)))
except OSError as error: print("closed")
"""
    out = t.cloche("exec", "-T", "boss", "--", "python3", "-c", sending, cwd=project).out
    assert out.split() in (["0"], ["closed"]), out


def test_a_child_is_an_agent(t):
    project = parent(t)
    shell(t, project, f"echo mine > mine && {COMMIT} Mine")
    child = fields(t, project, "start", "kid", f"cat mine && echo kid > kid && {COMMIT} Kid && cloche report done 'all good' && sleep 1000")
    assert child["is"] == "child" and child["branch"] == "cloche/kid" and child["narrowed"] == [], child
    done = inside(t, project, "wait", "kid", "--timeout", "60").out
    assert done == "kid done: all good\n", done
    # Also when its program has gone on to something else.
    shell(t, project, "echo idle > $CLOCHE_STATE", name="kid")
    t.wait_until(lambda: t.agents(project)["kid"]["activity"]["state"] == "idle", "it is idle")
    assert inside(t, project, "wait", "kid").out == "kid done: all good\n" and t.agents(project)["kid"]["result"]["state"] == "done"
    assert "+kid" in inside(t, project, "diff", "kid").out and "kid | 1 +" in inside(t, project, "diff", "kid", "--stat").out
    assert "mine" in inside(t, project, "look", "kid").out
    shell(t, project, "git merge -q $(cloche sync kid) && test -f kid")
    listed = {one["name"]: one for one in fields(t, project, "list")}
    assert listed["kid"]["is"] == "child" and listed["boss"]["is"] == "self"
    assert fields(t, project, "whoami", name="kid")["parent"] == "boss"
    # It has a log of its own, and its parent's tells of it as well.
    assert audit(t, project, "kid", "create")[0]["parent"] == "boss"
    assert [(one["action"], one["name"]) for one in audit(t, project, "boss", "child")] == [("started", "kid"), ("looked", "kid")]
    # A child sees its family, and nobody else.
    t.start("stranger", PARENT, cwd=project)
    assert "stranger" not in inside(t, project, "list", name="kid").out
    assert "no child named" in inside(t, project, "look", "stranger", check=125).err
    assert "no child named" in inside(t, project, "stop", "boss", name="kid", check=125).err
    assert inside(t, project, "stop", "kid").out == "kid stopped\n"
    assert t.agents(project)["kid"]["state"] == "stopped"


def test_count_and_depth(t):
    project = parent(t, "--set", "agents.depth=2")
    inside(t, project, "start", "a", PARENT)
    inside(t, project, "start", "a-a", PARENT, name="a")
    told = inside(t, project, "start", "a-a-a", PARENT, name="a-a", check=125).err
    assert "agents.depth" in told, told
    assert fields(t, project, "whoami", name="a-a")["most-children"] == 0
    inside(t, project, "start", "b", PARENT)
    inside(t, project, "start", "c", PARENT)
    told = inside(t, project, "start", "d", PARENT, check=125).err
    assert "agents.children is 3" in told, told
    inside(t, project, "stop", "c")
    inside(t, project, "start", "d", PARENT)
    # A grandchild is seen, and looked at; it is not of those that count.
    assert {one["name"]: one["is"] for one in fields(t, project, "list")} == {
        "a": "child", "a-a": "descendant", "b": "child", "boss": "self", "d": "child"}


def test_children_end_with_their_parent(t):
    """Or go on as their grandparent's; also when the parent's supervisor is killed."""
    project = parent(t, "--set", "agents.depth=3")
    inside(t, project, "start", "mid", PARENT)
    inside(t, project, "start", "low", PARENT, name="mid")
    os.kill(supervisor(t, project, "mid"), signal.SIGKILL)
    t.wait_until(lambda: t.agents(project)["low"]["state"] == "stopped", "the child has ended, too")
    assert t.agents(project)["low"]["end-reason"] == "parent-ended"
    assert audit(t, project, "low", "family")[-1]["action"] == "orphaned"
    # Started again by a person, it is nobody's to stop.
    t.cloche("resume", "low", cwd=project)
    t.cloche("stop", "boss", cwd=project)
    assert t.agents(project)["low"]["state"] == "running"
    end(t, project)
    t.start("boss", PARENT, "--set", "agents.children=2", "--set", "agents.depth=3", "--set", "agents.at-end=keep", cwd=project)
    inside(t, project, "start", "mid", PARENT)
    inside(t, project, "start", "low", PARENT, name="mid")
    t.cloche("stop", "mid", cwd=project)
    t.wait_until(lambda: fields(t, project, "whoami", name="low")["parent"] == "boss", "its grandparent has it")
    assert inside(t, project, "stop", "low").out == "low stopped\n"


WIDER = [
    ("network.mode=host", "network.mode"),
    ("network.mode=open", "network.mode"),
    ("network.allow=[evil.test]", "network.allow"),
    ("network.allow+=['other.test:443']", "network.allow"),
    ("network.allow=['*.good.test']", "network.allow"),
    ("network.allow=['good.test:*']", "network.allow"),
    ("network.allow=[{host: good.test, protocol: any}]", "network.allow"),
    ("network.allow=[{host: good.test, addresses: [10.0.0.0/8]}]", "network.allow"),
    ("network.deny=[]", "network.deny"),
    ("network.hidden-names=allow", "network.hidden-names"),
    ("network.upstream-proxy=http://proxy.test:3128", "network.upstream-proxy"),
    ("network.dns.servers=[127.0.0.1]", "network.dns.servers"),
    ("filesystem.binds=[{source: /etc, target: /mnt}]", "filesystem.binds"),
    ("filesystem.system+=[/srv]", "filesystem.system"),
    ("filesystem.etc+=[shadow]", "filesystem.etc"),
    ("filesystem.protect=[]", "filesystem.protect"),
    ("filesystem.tmp-size=64GiB", "filesystem.tmp-size"),
    ("credentials=[{env: AWS_SECRET_ACCESS_KEY}]", "credentials"),
    ("environment.pass+=[SSH_AUTH_SOCK]", "environment.pass"),
    ("syscalls.groups+=[debugging]", "syscalls.groups"),
    ("syscalls.allow=[ptrace]", "syscalls.allow"),
    ("syscalls.deny=[]", "syscalls.deny"),
    ("confinement.mode=standard", "confinement.mode"),
    ("confinement.permit=[landlock]", "confinement.permit"),
    ("confinement.nested-namespaces=3", "confinement.nested-namespaces"),
    ("limits.memory=4GiB", "limits.memory"),
    ("limits.memory=none", "limits.memory"),
    ("limits.processes=100000", "limits.processes"),
    ("limits.wall-clock=3h", "limits.wall-clock"),
    ("budget.requests=101", "budget.requests"),
    ("stop.grace=3650d", "stop.grace"),
    ("restart={on-failure: 1000}", "restart"),
    ("harness.messages=typed", "harness.messages"),
    ("hooks.timeout=36500d", "hooks.timeout"),
    ("agents.depth=5", "agents.depth"),
    ("agents.children=50", "agents.children"),
    ("agents.message=['*']", "agents.message"),
    ("ask=[]", "ask"),
    ("session.on-state={done: 'touch /tmp/out'}", "session.on-state"),
    ("audit.level=minimal", "audit.level"),
    ("audit.export=['file:/tmp/x']", "audit.export"),
    ("instructions.files=[/etc/passwd]", "instructions.files"),
    ("skills=[/root]", "skills"),
]


def test_widenings_are_refused_by_name(t):
    t.profile(
        "narrow",
        """
extends: shell
network: {mode: allow, allow: ['good.test:443'], deny: [bad.test]}
confinement: {mode: strict}
syscalls: {deny: [bpf]}
limits: {memory: 2GiB, processes: 400, wall-clock: 2h}
budget: {requests: 100}
ask: [push]
agents: {children: 3, depth: 2}
""",
    )
    project = t.repository()
    t.cloche("start", "boss", "--profile", "narrow", PARENT, cwd=project)
    assert len(WIDER) >= 30
    script = "\n".join(
        f"cloche start w{number} true --set {json.dumps(option)} >/dev/null 2>/tmp/err; echo {number} $?; cat /tmp/err; echo ---"
        for number, (option, _) in enumerate(WIDER)
    )
    parts = shell(t, project, script).out.split("---\n")
    for (option, key), told in zip(WIDER, parts):
        code, text = told.split("\n", 1)
        assert code.endswith(" 125") and f"more than you have: {key}" in text, (option, told)
    assert set(t.agents(project)) == {"boss"}
    # What is narrower is given, and what is inside is the child's own.
    child = fields(t, project, "start", "kid", PARENT, "--set", "network.allow=[]", "--set", "limits.memory=64MiB",
                   "--set", "environment.set={A: b}", "--set", "audit.level=full", "--set", "ask+=['credential:x']")
    assert child["narrowed"] == []
    refused = [one["name"] for one in audit(t, project, "boss", "child") if one["action"] == "refused"]
    assert refused == [f"w{number}" for number in range(len(WIDER))]


def test_limits_and_budgets_are_shares(t):
    project = t.repository()
    t.start("boss", PARENT, "--set", "agents.children=3", "--set", "limits.memory=800MiB", "--set", "limits.processes=400",
            "--set", "budget.requests=100", cwd=project)
    # Who asks for nothing gets a fair part.
    inside(t, project, "start", "fair", PARENT)
    told = audit(t, project, "fair", "start")[0]["policy"]
    assert told["limits"]["memory"] == 200 << 20 and told["limits"]["processes"] == 100 and told["budget"]["requests"] == 25, told
    # Its parent has so much less.
    left = audit(t, project, "boss", "family")[-1]
    assert left["limits"]["memory"] == 600 << 20 and left["budget"]["requests"] == 75, left
    inside(t, project, "start", "big", PARENT, "--set", "limits.memory=500MiB")
    told = inside(t, project, "start", "more", PARENT, "--set", "limits.memory=150MiB", check=125).err
    assert "limits.memory" in told, told
    inside(t, project, "stop", "big")
    left = audit(t, project, "boss", "family")[-1]
    assert left["limits"]["memory"] == 600 << 20, left
    inside(t, project, "start", "more", PARENT, "--set", "limits.memory=150MiB")


def spend(t, project, name, count):
    """As many requests to the model, one after another; returns their statuses."""
    script = "for n in $(seq %d); do curl -sS -o /dev/null -w '%%{http_code} ' -d '{\"model\": \"claude-test\"}' $MODEL_URL/v1/messages; done"
    return shell(t, project, script % count, name=name).out.split()


def test_a_budget_is_spent_once(t):
    """By whomever it is: the agent, a child that has ended, one below that, one that was deleted; and also after `resume`."""
    answer = json.dumps(test_gateway.ANSWER).encode()
    service = test_gateway.Service(lambda handler, body: handler.reply(answer, kind="application/json"))
    test_gateway.profile(t, service.port, service="usage: anthropic", more="budget: {requests: 12}\nagents: {children: 2, depth: 3}")
    project = t.repository()
    t.start("boss", PARENT, cwd=project, profile="served")
    assert spend(t, project, "boss", 3) == ["200"] * 3
    refused = lambda name, count: inside(t, project, "start", name, PARENT, "--set", f"budget.requests={count}", check=125).err  # noqa: E731
    t.wait_until(lambda: "budget.requests" in refused("kid", 10), "what it used itself it cannot give away")
    inside(t, project, "start", "kid", PARENT, "--set", "budget.requests=6")
    inside(t, project, "start", "low", PARENT, "--set", "budget.requests=3", name="kid")
    assert spend(t, project, "low", 2) + spend(t, project, "kid", 1) == ["200"] * 3
    # While they have six, it has six: three more, and no fourth.
    assert spend(t, project, "boss", 4) == ["200"] * 3 + ["429"]
    inside(t, project, "stop", "kid")
    t.wait_ended("low", project)
    # Twelve, less three and three, less one, less the two of one further down.
    assert "budget.requests" in refused("more", 4)
    t.cloche("delete", "--force", "low", "kid", cwd=project)
    assert "budget.requests" in refused("more", 4)
    t.cloche("stop", "--kill", "boss", cwd=project)
    t.cloche("resume", "boss", cwd=project)
    assert spend(t, project, "boss", 4) == ["200"] * 3 + ["429"]
    assert len(service.requests) == 12, len(service.requests)


def test_a_restart_gives_nothing_back(t):
    """What is counted by the run is counted from a start or `resume`, not from the restart of a program that failed."""
    answer = json.dumps(test_gateway.ANSWER).encode()
    service = test_gateway.Service(lambda handler, body: handler.reply(answer, kind="application/json"))
    more = "budget: {requests: 8, per: run}\nrestart: on-failure\nagents: {children: 2}"
    test_gateway.profile(t, service.port, service="usage: anthropic", more=more)
    project = t.repository()
    t.start("boss", "until [ -e fail ]; do sleep 0.1; done; rm fail; exit 1", cwd=project, profile="served")
    inside(t, project, "start", "kid", PARENT, "--set", "budget.requests=5")
    assert spend(t, project, "kid", 4) == ["200"] * 4
    inside(t, project, "stop", "kid")
    shell(t, project, "touch fail")
    t.wait_until(lambda: t.agents(project)["boss"]["starts"] == 2 and t.agents(project)["boss"]["state"] == "running", "it is restarted")
    for deleted in (False, True):
        if deleted:
            t.cloche("delete", "--force", "kid", cwd=project)
        assert "budget.requests" in inside(t, project, "start", "more", PARENT, "--set", "budget.requests=5", check=125).err
    t.cloche("stop", "--kill", "boss", cwd=project)
    t.cloche("resume", "boss", cwd=project)
    inside(t, project, "start", "more", PARENT, "--set", "budget.requests=5")


def test_a_check_takes_of_what_its_agent_has(t):
    """Its processor time is counted, whatever becomes of it, and what it has of memory its agent has not meanwhile."""
    project = t.repository()
    t.start("solo", PARENT, "--set", "limits.cpu-time=2", "--set", "limits.memory=256MiB", cwd=project)
    shell(t, project, f"date >one && {COMMIT} One", name="solo")
    merge = lambda check, code: inside(t, project, "merge", "solo", "--check", check, name="solo", check=code)  # noqa: E731
    merge("touch fails; false", 1)
    # It has failed, which is on record, and was not refused.
    assert [one["action"] for one in audit(t, project, "solo", "child")] == ["checked"]
    waiting = t.spawn("exec", "-T", "solo", "--", "cloche", "merge", "solo", "--check", "sleep 3", cwd=project)
    shares = lambda: audit(t, project, "solo", "family")[-1]["limits"]  # noqa: E731
    t.wait_until(lambda: audit(t, project, "solo", "family") and shares()["memory"] == 128 << 20, "it has less meanwhile")
    waiting.communicate(timeout=60 * case.patience)
    assert shares()["memory"] == 256 << 20, shares()
    shell(t, project, f"date >two && {COMMIT} Two", name="solo")
    assert "nothing is left of limits.cpu-time" in merge("true", 125).err


@case.once
def test_one_family_does_not_fill_the_persons_inbox(t):
    project = parent(t)
    inside(t, project, "start", "kid", PARENT)
    senders = [Sender(t, project, name) for name in ("boss", "kid")]
    for number in range(512):
        assert senders[number % 2].post("@person", "?", asks=True)["posted"], number
    for sender in senders:
        assert "error" in sender.post("@person", "one more", asks=True)
        sender.close()
    t.start("other", PARENT, cwd=project)
    inside(t, project, "ask", "--no-wait", "May I?", name="other")
    assert t.agents(project)["other"]["questions"] == 1


def test_what_is_refused_is_on_record(t):
    project = parent(t)
    t.start("other", PARENT, cwd=project)
    t.cloche("share", "create", "notes", cwd=project)
    for words in (["look", "other"], ["stop", "other"], ["message", "other", "x"]):
        inside(t, project, *words, check=125)
    # Whether there is such a shared directory is not told.
    told = [inside(t, project, "share", "add", name, "file", "x", check=125).err.replace(name, "NAME") for name in ("notes", "nothing")]
    assert told[0] == told[1], told
    refused = [(one["name"], one["why"].split(":")[0]) for one in audit(t, project, "boss", "child") if one["action"] == "refused"]
    assert refused == [("other", "look"), ("other", "stop"), ("other", "message"), ("notes", "share"), ("nothing", "share")], refused
    # By some variables Cloche knows what it started itself.
    assert "CLOCHE_TASK" in inside(t, project, "start", "kid", PARENT, "--env", "CLOCHE_TASK=merge/x", check=2).err


def test_what_is_on_disk_stays_taken(t):
    project = t.repository()
    t.start("boss", PARENT, "--set", "agents.children=1", "--set", "limits.disk=64MiB", cwd=project)
    write = "head -c 20000000 /dev/urandom > big; sync; exec sleep 1000"
    left = lambda: audit(t, project, "boss", "family")[-1]["limits"]["disk"]  # noqa: E731
    inside(t, project, "start", "one", write, "--set", "limits.disk=32MiB")
    t.wait_until(lambda: {limit["name"]: limit for limit in t.json("stats", "one", cwd=project)[0]["limits"]}["disk"]["used"] > 20_000_000, "it is measured", 60)
    inside(t, project, "stop", "one")
    assert left() < 48 << 20, left()
    assert "limits.disk" in inside(t, project, "start", "two", write, "--set", "limits.disk=48MiB", check=125).err
    t.cloche("delete", "--force", "one", cwd=project)
    inside(t, project, "start", "two", write, "--set", "limits.disk=48MiB")


def test_names_that_stand_for_somebody_else(t):
    project = parent(t, "--set", "agents.verbs=[start, message]", "--set", "agents.message=[parent]")
    t.start("other", PARENT, cwd=project)
    for name in ("person", "Parent", "cloche", "other"):
        told = inside(t, project, "start", name, PARENT, check=125).err
        assert f"{name} cannot be the agent's name" in told and str(t.state) not in told, told
    assert "schedule" in inside(t, project, "start", "kid", PARENT, "--label", "schedule=nightly", check=2).err
    # The person is asked by those who may.
    assert "may not `cloche ask`" in inside(t, project, "message", "@person", "hello", check=125).err
    (t.dir / "plan.yaml").write_text("defaults: {profile: shell}\ntasks: {one: {prompt: 'sleep 1000'}}\n")
    up = t.spawn("up", t.dir / "plan.yaml", cwd=project)
    t.wait_until(lambda: "plan-one" in t.agents(project), "the plan is carried out", 60)
    assert "those of a plan's tasks" in inside(t, project, "start", "plan-two", PARENT, check=125).err
    up.send_signal(signal.SIGINT)
    up.wait()


def command_line(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


CHECKED = "git add -A; git -c user.name=a -c user.email=a@b commit -qm more"


def test_a_merge_of_an_agents_moves_nothing_that_is_checked_out(t):
    project = parent(t)
    shell(t, project, f"echo one > one; {CHECKED}; cloche merge boss")
    t.git("checkout", "-q", "cloche-merged/boss", cwd=project)
    told = shell(t, project, f"echo two > .envrc; {CHECKED}; cloche merge boss", check=None)
    assert told.code == 125 and "is checked out" in told.err, told
    assert not (project / ".envrc").exists() and t.git("status", "--porcelain", cwd=project).out == ""
    # The control: the same merge, when nobody has it checked out.
    t.git("checkout", "-q", "-", cwd=project)
    shell(t, project, "cloche merge boss")
    assert t.git("show", "cloche-merged/boss:.envrc", cwd=project).out == "two\n"
    # What a person merged last is what `--undo` takes back.
    t.run_task("worker", f"echo w > w; {CHECKED}", cwd=project)
    t.cloche("merge", "worker", cwd=project)
    shell(t, project, f"echo three > three; {CHECKED}; cloche merge boss")
    assert "cloche-merged" not in t.cloche("merge", "--undo", cwd=project).out
    assert not (project / "w").exists() and t.git("show", "cloche-merged/boss:three", cwd=project).out == "three\n"


def test_a_check_has_no_more_than_its_agent(t):
    """Whatever the person's own profile of the name `shell` grants; and it ends with who wants it."""
    notes = t.dir / "notes"
    notes.mkdir()
    project = t.repository()
    t.start("boss", PARENT, "--set", "limits.processes=100", "--set", "agents.children=1", cwd=project)
    # Its own profile is another one from now on.
    t.profile("shell", f"extends: base\nnetwork: {{mode: host}}\nfilesystem:\n  binds: [{{source: {notes}, target: /notes, mode: rw}}]\n")
    look = "echo $(ls -d /notes 2>/dev/null) $(tail -n +3 /proc/net/dev | cut -d: -f1) $(grep processes /proc/self/limits)"
    told = shell(t, project, f"echo one > one; {CHECKED}; cloche merge boss --check '{look} >&2; test -e one'").err
    assert "lo Max processes 50 50" in told and "/notes" not in told, told
    # The control: the person's check has what the person's profile grants.
    assert "/notes" in t.cloche("merge", "boss", "--dry-run", "--check", f"{look} >&2", cwd=project).err
    done = [one for one in audit(t, project, "boss", "child") if one["action"] == "checked"]
    assert len(done) == 1 and "succeeded" in done[0]["why"], done
    # Output that nobody reads to its end is not kept.
    told = shell(t, project, f"echo two > two; {CHECKED}; cloche merge boss --check 'yes | head -c 50000000; false'", check=None)
    assert told.code == 1 and len(told.out + told.err) < 2_500_000, (told.code, len(told.out), len(told.err))
    shell(t, project, f"echo three > three; {CHECKED}; nohup cloche merge boss --check 'exec sleep 1234' > /dev/null 2>&1 &")
    checks = lambda: [pid for pid in t.processes() if b"1234" in command_line(pid).split(b"\0")]  # noqa: E731
    t.wait_until(checks, "the check runs")
    t.cloche("stop", "--kill", "boss", cwd=project)
    t.wait_until(lambda: not checks(), "the check has ended")


def test_a_diff_is_cut(t):
    project = parent(t)
    inside(t, project, "start", "kid", "yes | head -c 7000000 > big; exec sleep 1000")
    t.wait_until(lambda: (t.workspace("kid", project) / "big").stat().st_size == 7_000_000, "it is written")
    assert len(inside(t, project, "diff", "kid").out) == 1 << 20


def test_a_profile_that_is_named_is_cut_down(t):
    t.profile("wide", "extends: shell\nnetwork: {mode: open}\nlimits: {processes: 8000}\nenvironment: {set: {WIDE: '1'}}\n")
    project = parent(t, "--set", "limits.processes=600", "--set", "agents.profiles=[wide]")
    child = fields(t, project, "start", "kid", PARENT, "--profile", "wide")
    assert child["narrowed"] == ["network.mode", "limits.processes"], child
    assert shell(t, project, "echo $WIDE; grep -c : /proc/net/dev", name="kid").out.split() == ["1", "1"]
    assert audit(t, project, "boss", "child")[-1]["narrowed"] == child["narrowed"]
    for name in ("/workspace/evil.yaml", "claude"):
        told = inside(t, project, "start", "other", PARENT, "--profile", name, check=125).err
        assert "agents.profiles" in told, told
    # What is looked for on the host is not the agent's to name.
    told = inside(t, project, "start", "other", PARENT, "--set", "harness.command=[deploy.sh]", check=125).err
    assert "harness.command" in told, told


def test_credentials_that_were_not_given_are_not_given_on(t):
    """Of alternatives the first that is there is given; a child does not get the others."""
    t.profile("keys", "extends: shell\ncredentials: [{env: FIRST}, {env: SECOND}]\nagents: {children: 2}\n")
    project = t.repository()
    env = {"FIRST": "one", "SECOND": "two"}
    t.cloche("start", "boss", "--profile", "keys", PARENT, cwd=project, env=t.env | env)
    told = inside(t, project, "start", "kid", PARENT, "--set", "credentials=[{env: SECOND}]", check=125).err
    assert "credentials" in told, told
    inside(t, project, "start", "kid", PARENT)
    assert shell(t, project, "echo $FIRST-$SECOND", name="kid").out.strip() == "one-"


def test_the_tree_is_shown(t):
    project = parent(t, "--set", "agents.depth=2")
    inside(t, project, "start", "a", PARENT)
    inside(t, project, "start", "deep", PARENT, name="a")
    lines = t.cloche("list", "--tree", cwd=project).out.splitlines()
    width = lines[0].index("STATE")
    assert [line[:width].rstrip() for line in lines[1:]] == ["boss", "`- a", "   `- deep"], lines
    assert t.agents(project)["deep"]["parent"] == "a"


def test_tools_over_mcp(t):
    project = parent(t)
    calls = [
        {"id": 1, "method": "initialize", "params": {"protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/list"},
        {"id": 3, "method": "tools/call", "params": {"name": "start", "arguments": {"name": "kid", "task": "exec sleep 1000", "set": ["limits.idle=1h"]}}},
        {"id": 4, "method": "tools/call", "params": {"name": "list", "arguments": {}}},
        {"id": 5, "method": "tools/call", "params": {"name": "stop", "arguments": {"name": ["kid"], "grace": 0}}},
        {"id": 6, "method": "tools/call", "params": {"name": "stop", "arguments": {"nonsense": True}}},
        {"id": 7, "method": "nothing"},
        {"id": 8, "method": "tools/call", "params": {"name": "report", "arguments": {"state": "waiting", "text": ["--help", "-h"]}}},
    ]
    lines = "".join(json.dumps({"jsonrpc": "2.0"} | call) + "\n" for call in calls) + "rubbish\n"
    out = inside(t, project, "mcp", input=lines).out
    answers = {one["id"]: one for one in map(json.loads, out.splitlines())}
    assert answers[1]["result"]["protocolVersion"] == "2025-03-26" and "cloche start" in answers[1]["result"]["instructions"]
    tools = {one["name"]: one for one in answers[2]["result"]["tools"]}
    assert tools["start"]["inputSchema"]["required"] == ["name"] and "help" not in tools and "mcp" not in tools
    assert not answers[3]["result"]["isError"] and "kid runs" in answers[3]["result"]["content"][0]["text"], answers[3]
    assert "kid" in answers[4]["result"]["content"][0]["text"]
    assert answers[5]["result"]["content"][0]["text"] == "kid stopped\n", answers[5]
    assert answers[6]["result"]["isError"] and answers[7]["error"]["code"] == -32601 and answers[None]["error"]["code"] == -32700
    # What looks like an option is text.
    assert answers[8]["result"]["content"][0]["text"] == "done", answers[8]


def test_many_requests_at_once(t):
    """More than are served at a time wait their turn, and those that wait for children keep no others from being served."""
    project = parent(t)
    inside(t, project, "start", "kid", PARENT)
    script = """
for n in 1 2 3 4 5 6 7 8; do cloche wait kid --timeout 20 & done
for n in $(seq 40); do cloche whoami --json > /tmp/w$n & done
sleep 0.1; cloche stop kid; wait
cat /tmp/w* | grep -c '"name": "boss"'
"""
    out = shell(t, project, script).out.splitlines()
    assert out.count("kid done: stopped") == 8 and out[-1] == "40", out


def test_messages_between_agents(t):
    project = parent(t)
    for name in ("one", "two"):
        inside(t, project, "start", name, PARENT)
    t.start("stranger", PARENT, cwd=project)
    # The one that waits has it as soon as it is there.
    waiting = t.spawn("exec", "-T", "boss", "--", "cloche", "inbox", "--wait", "--timeout", "60", "--json", cwd=project)
    sent = fields(t, project, "message", "parent", "the lexer is done", "--asks", name="one")
    assert sent == [{"name": "boss", "id": 1, "duplicate": False, "refused": None}], sent
    got = json.loads(waiting.communicate(timeout=60)[0])
    assert [(m["from"], m["text"], m["asks"]) for m in got] == [("one", "the lexer is done", True)], got
    assert inside(t, project, "message", "one", "take", "the", "parser", "--reply-to", "1").out == "one: queued as 1\n"
    told = inside(t, project, "inbox", name="one").out
    assert "[message 1 from boss in reply to your message 1;" in told and "\n> take the parser\n" in told, told
    # It has been shown.
    assert inside(t, project, "inbox", name="one").out == "" and "take the parser" in inside(t, project, "inbox", "--all", name="one").out
    # Siblings, all children, standard input, trying again.
    assert [m["name"] for m in fields(t, project, "message", "siblings", "hello", name="one")] == ["two"]
    assert sorted(m["name"] for m in fields(t, project, "message", "children", "stop soon", "--key", "k")) == ["one", "two"]
    assert all(m["duplicate"] for m in fields(t, project, "message", "children", "stop soon", "--key", "k"))
    shell(t, project, "printf 'a\\nb' | cloche message two -")
    assert "> a\n> b" in inside(t, project, "inbox", name="two").out
    # Those outside of the family are as if they were not there.
    for name in ("stranger", "nobody", "boss"):
        told = inside(t, project, "message", name, "x", check=125).err
        assert "agents.message" in told, told
    t.start("free", PARENT, "--set", "agents.message=['str*']", cwd=project)
    assert fields(t, project, "message", "stranger", "x", name="free")[0]["id"] == 1
    assert "agents.message" in inside(t, project, "message", "boss", "x", name="free", check=125).err


def test_a_question_to_the_person(t):
    project = parent(t)
    asking = t.spawn("exec", "-T", "boss", "--", "cloche", "ask", "Drop Python 3.8?", "--choice", "yes", "--choice", "no", cwd=project)
    shown = lambda: t.cloche("inbox", cwd=project).out  # noqa: E731
    t.wait_until(lambda: "Drop Python 3.8?" in shown(), "the person sees it")
    assert "cloche answer boss/1 TEXT" in shown(), shown()
    t.cloche("answer", "boss/1", "yes", cwd=project)
    assert asking.communicate(timeout=60)[0] == b"yes\n" and asking.returncode == 0
    told = inside(t, project, "ask", "anybody there?", "--timeout", "1", check=124).err
    assert "nobody has answered" in told, told
    shell(t, project, f"echo x > x && {COMMIT} Mine")
    assert "put to the person as" in inside(t, project, "request-merge", "it", "works").out
    assert "asks you to merge cloche/boss (1 commit)" in shown() and "it works" in shown(), shown()


def test_a_child_is_served_by_its_parents_keys(t):
    """The key came from a variable that is in no process any more: one gateway hands it to the next, and nobody reads it on the way."""
    service = test_gateway.Service()
    project = t.repository()
    t.env["MODEL_KEY"] = "canary-key-81f3"
    test_gateway_choice.started(t, "boss", [{"service": "model", "env": "MODEL_KEY"}], project, service)
    t.cloche("delete", "--force", "boss", cwd=project)
    t.start("boss", PARENT, "--set", "agents.children=2", "--set", "limits.processes=500", cwd=project, profile="boss")
    del t.env["MODEL_KEY"]
    inside(t, project, "start", "kid", PARENT)
    assert test_gateway_choice.key(t, "kid", project, service) == "canary-key-81f3"
    assert "canary" not in shell(t, project, "cat /proc/*/environ | tr '\\0' '\\n'; env", name="kid").out
    # And one that is to have none has none.
    inside(t, project, "start", "bare", PARENT, "--set", "credentials=[]")
    assert "MODEL_URL" not in shell(t, project, "env", name="bare").out
    t.cloche("credential", "revoke", "model", cwd=project, check=None)


def test_adding_to_a_shared_directory(t):
    project = t.repository()
    t.cloche("share", "create", "notes", cwd=project)
    t.start("boss", PARENT, "--set", "agents.children=2", "--share", "notes:append", cwd=project)
    inside(t, project, "start", "kid", PARENT, "--set", "shares={notes: ro}")
    inside(t, project, "share", "add", "notes", "found.md", "one", "line")
    shell(t, project, "printf 'two\\nthree\\n' | cloche share add notes found.md -")
    assert shell(t, project, "cat /shared/notes/found.md", name="kid").out == "one line\ntwo\nthree\n"
    assert "may not add" in inside(t, project, "share", "add", "notes", "found.md", "x", name="kid", check=125).err
    told = inside(t, project, "start", "wide", PARENT, "--set", "shares={notes: rw}", check=125).err
    assert "shares.notes" in told, told


def test_the_team_of_the_examples(t):
    """A planner, three workers and a reviewer: five bugs, one branch whose tests pass, and nobody was asked."""
    example = pathlib.Path(__file__).resolve().parent.parent / "examples/team"
    place = t.dir / "team"
    t.projects.add(place)
    t.env["PATH"] = f"{t.program.parent}:{t.env['PATH']}"
    out = t.command("sh", example / "run", place, timeout=300).out
    assert "Merge agent planner" in out or "Mend" in out, out
    assert {"planner", "worker-1", "worker-2", "worker-3", "reviewer"} == set(t.agents(place))
    t.git("worktree", "add", "-q", t.dir / "merged", "cloche-merged/planner", cwd=place)
    assert t.command("sh", t.dir / "merged/run-tests").out.count("ok ") == 5
    assert t.command("sh", place / "run-tests", check=1).out.count("not ok") == 5
    log = t.git("log", "--format=%s", "cloche-merged/planner", cwd=place).out.splitlines()
    assert sorted(line for line in log if line.startswith("Mend")) == [f"Mend {name}" for name in ("count", "leap", "max", "reverse", "sum")], log
    assert t.agents(place)["reviewer"]["access"] == "ro"
    assert all(one["parent"] == "planner" for name, one in t.agents(place).items() if name != "planner")

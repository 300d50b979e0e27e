"""`cloche learn`: the smallest profile for five real programs, under which they run without a refusal and a canary that they
never did is refused; and what is never added, whatever a program does."""

import json

import case
import internet

# A call of a group that none of the five programs uses, a host that none of them connects to.
CANARY_CALL = "import ctypes; print(ctypes.CDLL(None, use_errno=True).msgget(0, 0o1600) >= 0)"
CANARY_HOST = "curl -sS --max-time 20 https://other.test/echo"

NO_REFUSAL = "no refused call and no refused connection"


def learn(t, net, *words, name="learned", options=("--save",), **more):
    place = ["--workspace", f"dir:{net.ground}", "--profile", "net"]
    return t.cloche("learn", *place, *options, name, "--", *words, **more)


def check(t, net, *words, name="learned", **more):
    return t.cloche("learn", "--check", "--workspace", f"dir:{net.ground}", name, "--", *words, **more)


def text(t, name="learned"):
    return (t.config / f"cloche/profiles/{name}.yaml").read_text()


def begin(t, *allow, **more):
    net = internet.Internet(t, {"pypi.test": [internet.API], "git.test": [internet.API]})
    net.profile(*allow, **more)
    return net


def learned(t, net, *words, hosts=()):
    """Learns, runs again, and tries the canaries, which the profile that is extended lets pass."""
    answer = learn(t, net, *words)
    assert "written:" in answer.err, answer
    written = text(t)
    assert [line.split()[1] for line in written.splitlines() if ".test:" in line and line.startswith("    - ")] == list(hosts), written
    again = check(t, net, *words)
    assert NO_REFUSAL in again.err and "refused" not in again.err.replace(NO_REFUSAL, ""), again
    canaries(t, net, again)
    return written


def canaries(t, net, again):
    # The controls: what is not in the learned profile is there otherwise.
    call = ("/usr/bin/python3", "-c", CANARY_CALL)
    assert net.run(*call, profile="net").out == "True\n"
    assert net.run(*call, profile="learned").out == "False\n", "a call of the group ipc, which was never made"
    there = ("bash", "-c", CANARY_HOST)
    net.profile("other.test", name="other")
    mark = net.mark()
    assert "connection" in net.run(*there, profile="other").out
    assert net.events("accept", since=mark)
    mark = net.mark()
    refused = net.run(*there, profile="learned", check=None)
    assert refused.code != 0 and "connection" not in refused.out, refused
    assert not net.events("accept", since=mark)
    canary = t.dir / "canary.txt"
    canary.write_text("the canary\n")
    net.profile("other.test", name="other", system={"filesystem": {"binds+": [{"source": str(canary)}]}})
    assert net.run("cat", str(canary), profile="other").out == "the canary\n"
    assert "canary" not in net.run("cat", str(canary), profile="learned", check=None).out
    # And they are told as what they are.
    told = check(t, net, "bash", "-c", f"{CANARY_HOST}; /usr/bin/python3 -c '{CANARY_CALL}'", check=None)
    assert told.code == 1 and "other.test" in told.err and "msgget got ENOSYS" in told.err, told


@case.timeout(240)
def test_python_with_pip(t):
    net = begin(t)
    (net.ground / "job.sh").write_text(
        "set -e\n/usr/bin/python3 -m pip -q --disable-pip-version-check --no-cache-dir install --no-deps --target /tmp/there "
        "--index-url https://pypi.test/simple tiny\nPYTHONPATH=/tmp/there /usr/bin/python3 -c 'import tiny; print(tiny.word)'\n"
    )
    written = learned(t, net, "bash", "/workspace/job.sh", hosts=["pypi.test:443"])
    assert "mode" not in written.split("network:")[1].split("allow")[0], "the mode was allow, and is"


@case.timeout(240)
def test_node_script(t):
    net = begin(t, "api.test", "git.test:443", "*.wild.test")
    (net.ground / "job.mjs").write_text(
        "const answer = await fetch('https://api.test/echo'); console.log((await answer.json()).path ?? answer.status);\n"
        "import { execFileSync } from 'node:child_process'; console.log(execFileSync('/bin/echo', ['child']).toString());\n"
    )
    written = learned(t, net, "node", "/workspace/job.mjs", hosts=["api.test:443"])
    # What it never used is taken away.
    assert "git.test" not in written and "wild" not in written, written


@case.timeout(240)
def test_make_of_a_c_project(t):
    net = begin(t, "api.test")
    for number in range(8):
        (net.ground / f"part{number}.c").write_text(f"int part{number}(void) {{ return {number}; }}\n")
    (net.ground / "main.c").write_text('#include <stdio.h>\nint part3(void);\nint main(void) { printf("%d\\n", part3()); }\n')
    (net.ground / "Makefile").write_text(
        "OBJECTS = $(patsubst %.c,%.o,$(wildcard part*.c main.c))\nall: program\n\t./program\n"
        "program: $(OBJECTS)\n\t$(CC) -o $@ $^\n.PHONY: all\n"
    )
    written = learned(t, net, "make", "-B", "-j2")
    assert "mode: none" in written, written


@case.timeout(240)
def test_git(t):
    net = begin(t, mode="none")
    source = t.repository("source")
    served = net.outside / "git"
    served.mkdir()
    t.git("clone", "--quiet", "--bare", source, served / "project.git", cwd=t.dir)
    script = (
        "set -e; cd /tmp; git clone -q https://git.test/git/project.git; cd project; git checkout -q -b topic; echo more >> README.md;"
        "git add .; git -c user.name=a -c user.email=a@b commit -q -m topic; git log --oneline | wc -l; git gc -q"
    )
    written = learned(t, net, "bash", "-c", script, hosts=["git.test:443"])
    assert "mode: allow" in written, written


@case.timeout(240)
def test_sqlite(t):
    net = begin(t, "api.test")
    script = (
        "PRAGMA journal_mode=wal; CREATE TABLE t(a, b); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"
        "INSERT INTO t SELECT i, hex(randomblob(20)) FROM n; CREATE INDEX x ON t(b); SELECT count(*) FROM t; VACUUM; DROP TABLE t;"
    )
    written = learned(t, net, "sqlite3", "/workspace/job.db", script)
    assert "mode: none" in written, written


# What is learned, and what is not.


@case.timeout(180)
def test_a_group_that_is_needed_is_added_with_its_evidence(t):
    net = begin(t)
    t.profile("net", json.dumps({"extends": "shell", "syscalls": {"groups": ["files", "memory", "processes", "events", "sockets", "aio"]}}))
    words = ("/usr/bin/python3", "-c", CANARY_CALL)
    assert net.run(*words, check=None).out != "True\n", "the control: the profile does not have it"
    answer = learn(t, net, *words)
    assert "True" in answer.err, "while it is recorded, it is there"
    written = text(t)
    assert "- ipc" in written and "msgget once, by python3 (pid 2)" in written, written
    assert "- aio" not in written and "- information" in written, written
    assert net.run(*words, profile="learned").out == "True\n"


@case.timeout(180)
def test_secrets_and_broad_grants_are_never_added(t):
    """A program that looks for all of them, and fails: each is told with the line that would add it, and none is in the profile."""
    net = begin(t)
    ordinary = t.dir / "data.csv"
    ordinary.write_text("1,2\n")
    secrets = [t.home / ".ssh/id_ed25519", t.home / ".aws/credentials", t.home / ".netrc", t.home / "server.pem", t.home / "project/.env",
               t.home / ".mozilla/cookies.sqlite", t.home / ".claude/settings.json", t.dir / "api-token", t.home / ".bash_history"]  # fmt: skip
    for secret in secrets:
        secret.parent.mkdir(parents=True, exist_ok=True)
        secret.write_text("the secret\n")
    inside = [str(path).replace(str(t.home), "/home/agent") for path in secrets]
    broad = ["/home/agent/project", "/etc/shadow", "/run", "/root"]
    program = f"import os\nfor path in {[*inside, *broad, str(ordinary)]!r}:\n  try: os.close(os.open(path, os.O_RDONLY))\n  except OSError: pass\nraise SystemExit(3)"
    answer = learn(t, net, "/usr/bin/python3", "-c", program, check=3)
    written = text(t)
    lines = [line for line in written.splitlines() if not line.startswith("#")]
    assert any(str(ordinary) in line and "source:" in line for line in lines), written
    for path in secrets:
        assert not any(str(path) in line for line in lines), (path, written)
        assert str(path) in answer.err and "looks like a secret" in answer.err, (path, answer)
    assert sum("source:" in line for line in lines) <= 2 and not any("/root" in line or "shadow" in line for line in lines), written
    # What was added is there, and can be read.
    assert net.run("cat", str(ordinary), profile="learned").out == "1,2\n"
    assert net.run("cat", inside[0], profile="learned", check=None).code != 0


@case.timeout(180)
def test_private_addresses_stay_refused_while_it_is_recorded(t):
    net = begin(t)
    script = "".join(f"curl -sS --max-time 5 http://{name}/echo; " for name in ("loop.test", "private.test", "metadata.test", internet.METADATA[0]))
    mark = net.mark()
    answer = learn(t, net, "bash", "-c", script + "true")
    assert not net.events("accept", since=mark), "nothing private is reached"
    written = text(t)
    lines = [line for line in written.splitlines() if not line.startswith("#")]
    assert not any("test:" in line or "169.254" in line for line in lines), written
    assert "not added:" in answer.err and "169.254.169.254" in answer.err, answer


@case.timeout(180)
def test_a_program_cannot_write_lines_into_its_profile(t):
    """Names of programs and paths are the program's choice: none of them ends a comment or a value."""
    net = begin(t)
    evil = t.dir / "a\nnetwork: {mode: host} #"
    evil.write_text("x")
    program = (
        "import os, ctypes\nopen('/proc/self/comm', 'w').write('a\\nb: c #')\n"
        f"try: open({str(evil)!r})\nexcept OSError: pass\nos.getrandom(4)\n"
        "ctypes.CDLL(None).msgget(0, 0o1600)\nraise SystemExit(1)"
    )
    learn(t, net, "/usr/bin/python3", "-c", program, check=1)
    written = text(t)
    assert "- ipc" in written, written
    assert all(not line or line[0] in "# " or line.split(":")[0] in ("description", "extends", "network", "syscalls", "filesystem", "limits")
               for line in written.splitlines()), written  # fmt: skip
    shown = t.cloche("explain", "--profile", "learned").out
    assert "host" not in [line.split()[1] for line in shown.splitlines() if line.startswith("network.mode")], shown


@case.timeout(180)
def test_nothing_is_written_unless_asked_and_nothing_is_overwritten(t):
    net = begin(t)
    answer = learn(t, net, "true", options=())
    assert "extends: net" in answer.out and not (t.config / "cloche/profiles/learned.yaml").exists(), answer
    file = t.dir / "out.yaml"
    file.write_text("mine\n")
    refused = learn(t, net, "true", options=("-o", file), check=None)
    assert refused.code != 0 and "is there already" in refused.err and file.read_text() == "mine\n", refused
    learn(t, net, "true", options=("-o", file, "--force"))
    assert "extends: net" in file.read_text()
    document = json.loads(learn(t, net, "echo", "said", options=("--json",)).out)
    assert document["extends"] == "net" and document["yaml"].startswith("# Learned"), document
    assert (document["exit-code"], document["written"], document["verified"]) == (0, None, None), document
    document = json.loads(learn(t, net, "echo", "said", options=("--json", "--save", "--verify")).out)
    assert document["exit-code"] == 0 and document["written"] == str(t.config / "cloche/profiles/learned.yaml"), document
    assert document["verified"] == {"profile": "learned", "exit-code": 0, "refused": []}, document
    for name in ("shell", "net", "../x", "-x", "a b"):
        assert learn(t, net, "true", name=name, check=None).code != 0, name


@case.timeout(180)
def test_what_cannot_be_written_is_told_before_the_command_runs(t):
    net = begin(t)
    t.profile("learned", "extends: net\n")
    trace = net.ground / "trace"
    absent = t.dir / "absent"
    for options, why, remedy in (
        (("--save",), "it is there already", "with --force"),
        (("-o", absent / "x.yaml"), f"{absent}: No such file or directory", "make its directory first"),
        (("-o", t.dir), "no directory", "name a file"),
    ):
        refused = learn(t, net, "touch", "/workspace/trace", options=options, check=None)
        assert refused.code != 0 and why in refused.err and remedy in refused.err, refused
        assert not trace.exists() and not refused.out, refused
    assert text(t) == "extends: net\n"
    # The control: the command leaves its trace if it runs.
    learn(t, net, "touch", "/workspace/trace", options=("--save", "--force"))
    assert trace.exists() and text(t).startswith("# Learned"), text(t)


@case.timeout(180)
def test_what_cannot_be_written_in_the_end_is_printed(t):
    """The place is there when the command begins, and taken when it has ended: here, by the command itself."""
    net = begin(t)
    options = ("-o", net.ground / "late.yaml")
    refused = learn(t, net, "touch", "/workspace/late.yaml", options=options, check=None)
    assert refused.code == 125 and "it is there already" in refused.err, refused
    assert refused.out.startswith("# Learned") and (net.ground / "late.yaml").read_text() == "", refused


@case.timeout(180)
def test_a_file_of_the_home_is_shown_where_it_was_looked_for(t):
    net = begin(t)
    file = t.home / "data/file"
    file.parent.mkdir()
    file.write_text("there\n")
    assert net.run("cat", file, check=None).code != 0, "the control: the profile does not have it"
    learn(t, net, "cat", file, check=1)
    assert "target: " in text(t), text(t)
    assert net.run("cat", file, profile="learned").out == "there\n"


@case.timeout(180)
def test_verify_runs_again(t):
    net = begin(t)
    answer = learn(t, net, "/usr/bin/curl", "-sS", "https://api.test/echo", options=("--verify",))
    assert "ended with 0, no refus" in answer.err, answer
    # A program that does something else the second time.
    once = "test -e /workspace/again && curl -sS https://other.test/echo; touch /workspace/again"
    told = learn(t, net, "bash", "-c", once, options=("--verify",), check=1)
    assert "other.test" in told.err, told


@case.timeout(180)
def test_limits_that_were_learned_hold(t):
    """Twice what was seen is enough for the same again, and far less than what it had before."""
    net = begin(t)
    learn(t, net, "/usr/bin/python3", "-c", "x = bytearray(200 << 20); import time; time.sleep(0.5)")
    (line,) = [line for line in text(t).splitlines() if line.startswith("  memory:")]
    assert 384 <= int(line.split()[1].removesuffix("MiB")) <= 576, line
    again = check(t, net, "/usr/bin/python3", "-c", "x = bytearray(200 << 20); import time; time.sleep(0.5)")
    assert NO_REFUSAL in again.err, again
    hungry = "x = bytearray(1 << 30); import time; time.sleep(20)"
    ended = net.run("/usr/bin/python3", "-c", hungry, profile="learned", check=None)
    assert ended.code not in (0, 1) and "limits.memory" in ended.err, ended


@case.timeout(180)
def test_a_flood_of_paths_and_names_is_bounded(t):
    """What a program asks for is its own choice; the one who looks keeps a bounded part, and says that there was more."""
    net = begin(t)
    program = (
        "import os, socket\nfor i in range(20000):\n  try: os.stat('/usr/share/' + 'x' * 3000 + str(i))\n  except OSError: pass\n"
        "  try: open('/usr/share/n%d' % (i % 6000), 'w')\n  except OSError: pass\nraise SystemExit(1)"
    )
    answer = learn(t, net, "/usr/bin/python3", "-c", program, check=1)
    written = text(t)
    assert "more things happened than could be looked at" in answer.err, answer.err[-2000:]
    assert len(written.splitlines()) < 200, len(written.splitlines())

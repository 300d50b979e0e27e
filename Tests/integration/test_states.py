"""What an agent's program does: how it becomes known, who is told, and messages that wait for it."""

import json
import os
import pathlib
import signal
import stat
import time

from case import timeout
from test_audit import records, state_of

# Obeys what it is typed, a line of shell at a time, without an echo.
OBEY = "stty -echo; echo ready; while IFS= read -r line; do eval \"$line\"; done"
QUIET = ("--set", "session.state.silence=none")


def begin(t, project, task=OBEY, *options, name="a", profile="shell"):
    t.start(name, task, *options, cwd=project, profile=profile)
    t.cloche("wait", name, "--for", "output:^ready", "--since-start", "--timeout", "30s", cwd=project)


def do(t, project, line, name="a"):
    """Has the program carry out a line of shell."""
    t.cloche("keys", name, "-l", line, cwd=project)
    t.cloche("keys", name, "Enter", cwd=project)


def activity(t, project, name="a"):
    return t.agents(project)[name]["activity"]


def until(t, project, state, by=None, name="a"):
    """Waits for a state by the command that is for it, and for what it is known by; returns what is listed then."""
    told = t.json("wait", name, "--for", f"state:{state}", "--timeout", "30s", cwd=project)["activity"]
    assert told["state"] == state, told
    is_it = lambda found: found["state"] == state and by in (None, found["by"]) and found  # noqa: E731
    return t.wait_until(lambda: is_it(activity(t, project, name)), f"{state} by {by}, first {told}")


def test_hooks_say_what_it_does(t):
    project = t.repository()
    begin(t, project, OBEY, *QUIET)
    until(t, project, "working", "output")
    do(t, project, "echo 'waiting may I?' >\"$CLOCHE_STATE\"")
    assert until(t, project, "waiting", "hook")["text"] == "may I?"
    assert "waiting" in t.cloche("list", cwd=project).out.splitlines()[1].split()[2]
    # From a program beside it, as hooks of harnesses are.
    t.cloche("exec", "a", "sh", "-c", "echo working > $CLOCHE_STATE", cwd=project)
    since = until(t, project, "working", "hook")["since"]
    for line in ("nonsense", "starting", "WAITING", "", "idle\\033", "x" * 5000):
        t.cloche("exec", "a", "sh", "-c", f"printf '{line}\\n' > $CLOCHE_STATE", cwd=project)
    t.cloche("exec", "a", "sh", "-c", "printf 'working \\033[31m\\342\\200\\256x\\n' > $CLOCHE_STATE", cwd=project)
    t.wait_until(lambda: activity(t, project).get("text"), "the text came")
    found = activity(t, project)
    assert found == {"state": "working", "since": since, "by": "hook", "text": "\\u{1B}[31m\\u{202E}x"}, (found, since)
    told = t.cloche("wait", "a", "--for", "state:working", cwd=project).out
    assert told == "a is working: \\u{1B}[31m\\u{202E}x\n", told
    found = [(r["state"], r["by"]) for r in records(state_of(t, "a", project)) if r["event"] == "state"]
    assert found == [("waiting", "hook"), ("working", "hook")], found
    assert "may I?" in t.cloche("audit", "a", cwd=project).out


def test_what_the_terminal_is_told(t):
    project = t.repository()
    t.profile(
        "told",
        """extends: shell
session:
  state:
    silence: 1s
    title: [{match: "^build", state: working}, {match: "^ask", state: waiting}]
    screen: [{match: "esc to interrupt", state: working}, {match: "[[]y/n[]] *$", state: waiting}]
""",
    )
    begin(t, project, profile="told")
    until(t, project, "idle", "silence")
    do(t, project, "printf '\\a'")
    until(t, project, "waiting", "bell")
    do(t, project, "printf '\\033]9;look here\\a'")
    assert until(t, project, "waiting", "notification")["text"] == "look here"
    do(t, project, "printf '\\033]9;4;1;50\\a'")
    until(t, project, "idle", "silence")
    do(t, project, "printf '\\033]133;C\\a'")
    until(t, project, "working", "mark")
    do(t, project, "printf '\\033]133;D;0\\a\\033]133;A\\a'")
    until(t, project, "idle", "mark")
    do(t, project, "printf '\\033]2;build 7\\a'")
    until(t, project, "working", "title")
    do(t, project, "printf '\\033]0;ask\\a'")
    until(t, project, "waiting", "title")
    do(t, project, "printf '\\033]2;other\\a'")
    until(t, project, "idle", "mark")
    do(t, project, "printf 'thinking (esc to interrupt)'")
    until(t, project, "working", "screen")
    do(t, project, "printf '\\r\\033[Kgo on? [y/n] '")
    until(t, project, "waiting", "screen")
    do(t, project, "printf '\\r\\033[K\\n'")
    until(t, project, "idle", "mark")


def test_a_profile_can_be_deaf(t):
    project = t.repository()
    begin(t, project, OBEY, *QUIET, "--set", "session.state.bell=off", "--set", "session.state.marks=false")
    do(t, project, "printf '\\a\\033]9;x\\a\\033]133;A\\a'; echo said")
    t.cloche("wait", "a", "--for", "output:^said", "--since-start", "--timeout", "30s", cwd=project)
    until(t, project, "working", "output")
    t.cloche("wait", "a", "--for", "state:waiting,idle", "--timeout", "1s", cwd=project, check=124)


def test_patterns_must_be_right(t):
    project = t.repository()
    for pattern, why in (
        ("[{match: '(', state: idle}]", "regular expression"),
        ("[{match: '(a)\\1', state: idle}]", "without back references"),
        ("[{match: x, state: asleep}]", "`working`, `waiting`, `idle`"),
        ("[{match: x}]", "needs the key `state`"),
    ):
        for key in ("screen", "title"):
            result = t.cloche("start", "a", "--set", f"session.state.{key}={pattern}", "x", cwd=project, check=125)
            assert why in result.err, result


def test_ends_are_states(t):
    project = t.repository()
    for name, task, code, state in (("good", "exit 0", 0, "done"), ("bad", "exit 3", 3, "failed")):
        t.start(name, task, cwd=project)
        t.cloche("wait", name, cwd=project, check=code)
        told = t.json("wait", name, "--for", f"state:{state}", cwd=project)["activity"]
        assert (told["state"], told["by"]) == (state, "exit"), told
        assert activity(t, project, name) == told
        t.cloche("wait", name, "--for", "state:working,idle", cwd=project, check=1)
    begin(t, project, OBEY)
    waiting = t.spawn("wait", "a", "--for", "state:done", cwd=project)
    t.cloche("stop", "a", cwd=project)
    assert waiting.wait(30) == 0 and activity(t, project)["state"] == "done"
    t.cloche("wait", "a", "--for", "state:asleep", cwd=project, check=2)
    t.cloche("wait", "a", "--for", "state:", cwd=project, check=2)


def test_a_lost_one_has_failed(t):
    project = t.repository()
    begin(t, project)
    (supervisor,) = t.supervisors()
    os.kill(supervisor, signal.SIGKILL)
    t.wait_until(lambda: t.agents(project)["a"]["state"] == "lost", "it is lost")
    assert activity(t, project)["state"] == "failed"
    t.cloche("resume", "a", cwd=project)
    # The FIFO that was left is none of the new supervisor's.
    t.cloche("exec", "a", "sh", "-c", "echo waiting > $CLOCHE_STATE", cwd=project)
    until(t, project, "waiting", "hook")


def test_the_screen_is_waited_for(t):
    project = t.repository()
    begin(t, project)
    do(t, project, "printf '\\033[5;10Hthe %s' answer")
    told = t.json("wait", "a", "--for", "screen:^ +the answer$", "--timeout", "30s", cwd=project)
    assert told["met"] is True and told["line"].strip() == "the answer", told
    t.cloche("wait", "a", "--for", "screen:^ready$.never", "--timeout", "1s", cwd=project, check=124)


def test_the_pipe_cannot_be_replaced(t):
    project = t.repository()
    begin(t, project, OBEY, *QUIET)
    script = """
    cd /run/cloche
    for try in 'mv state other' 'rm -f state' 'mv /run/cloche /run/other' 'chmod 666 state' 'cat state' 'ln -f state /run/link' \
        'mount --bind /dev/null state' 'touch -d 2000-01-01 state'; do
        timeout 5 $try 2>/dev/null && echo "could: $try"
    done
    (exec 3<>state) 2>/dev/null && echo "could: read and write"
    test -p /run/cloche/state && echo still there
    """
    assert t.cloche("exec", "a", "sh", "-c", script, cwd=project).out == "still there\n"
    # The control: what is not protected so can be moved and read.
    other = "mkdir -p /run/x/y; mkfifo /run/x/y/state; mv /run/x /run/z && echo moved"
    assert t.cloche("exec", "a", "sh", "-c", other, cwd=project).out == "moved\n"
    t.cloche("exec", "a", "sh", "-c", "echo idle > /run/cloche/state", cwd=project)
    until(t, project, "idle", "hook")
    place = state_of(t, "a", project) / "state.pipe"
    assert stat.S_ISFIFO(place.lstat().st_mode)
    t.cloche("stop", "a", cwd=project)
    assert not place.exists()


def processor_time(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def test_a_flood_of_words_is_bounded(t):
    project = t.repository()
    begin(t, project, OBEY, *QUIET)
    (supervisor,) = t.supervisors()
    before = processor_time(supervisor)
    flood = "for i in 1 2 3 4; do (yes 'waiting x\nworking y\nnonsense' >/run/cloche/state &); done; sleep 4; kill -9 -1"
    began = time.monotonic()
    t.cloche("exec", "a", "sh", "-c", flood, cwd=project, check=None)
    took = time.monotonic() - began
    used = processor_time(supervisor) - before
    # Ticks of ten milliseconds; unbounded it would take all of a processor.
    assert used < took * 100 * 0.5, (used, took)


def test_a_flood_leaves_few_records(t):
    project = t.repository()
    begin(t, project, OBEY, *QUIET)
    line = "while :; do echo waiting >$CLOCHE_STATE; sleep 0.06; echo idle >$CLOCHE_STATE; sleep 0.06; done"
    t.cloche("exec", "a", "timeout", "12", "sh", "-c", line, cwd=project, check=None)
    found = [r for r in records(state_of(t, "a", project)) if r["event"] == "state"]
    assert 5 < len(found) <= 33, len(found)


def test_a_command_of_the_host_is_run(t):
    project = t.repository()
    told = t.dir / "told"
    command = f'echo "$CLOCHE_AGENT $CLOCHE_STATE $CLOCHE_STATE_BY <$CLOCHE_STATE_TEXT> $CLOCHE_PROJECT $SECRET" >>{told}'
    t.profile(
        "told",
        "extends: shell\nenvironment: {pass+: [SECRET]}\nsession:\n  state: {silence: none}\n  on-state:\n"
        + "".join(f"    {state}: {json.dumps(command)}\n" for state in ("waiting", "done")),
    )
    t.env = t.env | {"SECRET": "not-for-commands"}
    begin(t, project, profile="told")
    do(t, project, "echo 'waiting $(touch /tmp/x) `id` \"; touch /tmp/x' >\"$CLOCHE_STATE\"")
    t.wait_until(lambda: told.exists() and told.read_text(), "the command was run")
    assert told.read_text() == f"a waiting hook <$(touch /tmp/x) `id` \"; touch /tmp/x> {project} \n"
    do(t, project, "exit 0")
    t.wait_ended("a", project)
    t.wait_until(lambda: len(told.read_text().splitlines()) == 2, "the end was told")
    assert told.read_text().splitlines()[1] == f"a done exit <> {project} "


def test_one_command_at_a_time_and_the_last_counts(t):
    project = t.repository()
    told = t.dir / "told"
    t.profile(
        "told",
        "extends: shell\nsession:\n  state: {silence: none}\n  on-state:\n"
        f"    waiting: 'echo begin >>{told}; sleep 3; echo end >>{told}'\n    idle: 'echo idle >>{told}'\n",
    )
    begin(t, project, profile="told")
    do(t, project, "for s in waiting idle working idle; do echo $s >$CLOCHE_STATE; sleep 0.5; done")
    t.wait_until(lambda: told.exists() and "idle" in told.read_text(), "the last was run")
    assert told.read_text().split() == ["begin", "end", "idle"], told.read_text()


def test_notices(t):
    project = t.repository()
    tools = t.dir / "tools"
    tools.mkdir()
    told = t.dir / "told"
    program = tools / "notify-send"
    program.write_text(f"#!/bin/sh\nprintf '%s|' \"$@\" >>{told}\n")
    program.chmod(0o755)
    t.env = t.env | {"PATH": f"{tools}:{t.env['PATH']}"}
    begin(t, project, OBEY, *QUIET, "--set", "session.notify=desktop")
    do(t, project, "echo 'waiting <b>now</b> & --then' >\"$CLOCHE_STATE\"")
    t.wait_until(lambda: told.exists() and told.read_text(), "the notification came")
    assert told.read_text() == "--app-name=Cloche|--|a waits for you|&lt;b&gt;now&lt;/b&gt; &amp; --then|"


def test_the_bell_of_those_who_watch(t):
    project = t.repository()
    begin(t, project, OBEY, *QUIET, "--set", "session.notify=bell")
    terminal = t.terminal("attach", "-q", "a", cwd=project)
    terminal.expect(r"\x1b\[\?2026h.*\x1b\[\?2026l")
    t.cloche("exec", "a", "sh", "-c", "echo waiting > $CLOCHE_STATE", cwd=project)
    terminal.expect(r"\x07")
    terminal.close()


def test_an_untrusted_file_sets_no_commands(t):
    project = t.repository()
    (project / ".cloche").mkdir(exist_ok=True)
    file = project / ".cloche/config.yaml"
    for text, key in (
        ("on-state: {waiting: 'touch /tmp/x'}", "session.on-state.waiting"),
        ("notify: desktop", "session.notify"),
        ("state: {screen: [{match: x, state: idle}]}", "session.state.screen"),
        ("state: {title: [{match: x, state: idle}]}", "session.state.title"),
    ):
        file.write_text(f"overrides:\n  session:\n    {text}\n")
        result = t.cloche("start", "a", "--profile", "shell", "x", cwd=project, check=125)
        assert key in result.err.replace('["waiting"]', ".waiting") and "is not trusted" in result.err, result
    file.write_text("overrides:\n  session:\n    state: {silence: 7s, bell: off, marks: false}\n")
    begin(t, project)
    t.cloche("stop", "a", cwd=project)
    # The control: trusted, it may.
    file.write_text("overrides:\n  session:\n    on-state: {waiting: 'true'}\n")
    t.cloche("config", "trust", cwd=project)
    begin(t, project, name="b")


# Shows each line that it is typed, and says what it does where a line asks for it.
LISTEN = "stty -echo; echo ready; while IFS= read -r line; do case $line in =*) echo ${line#=} >$CLOCHE_STATE;; *) echo \"got: $line\";; esac; done"


def got(t, project):
    return [line for line in t.cloche("logs", "a", cwd=project).out.splitlines() if line.startswith("got")]


def test_messages_wait_until_it_is_ready(t):
    project = t.repository()
    begin(t, project, LISTEN, *QUIET)
    # It shows something, and says nothing of its state: no reason to wait.
    assert t.json("message", "a", "zero", cwd=project)["delivered"] is True
    t.cloche("keys", "a", "=working", "Enter", cwd=project)
    until(t, project, "working", "hook")
    told = t.json("message", "a", "one", cwd=project)
    assert (told["delivered"], told["position"], told["state"]) == (False, 1, "working"), told
    assert t.cloche("message", "a", "secret-two", cwd=project).out == "queued for a as message 3, at place 2: its program is working, and gets it when ready\n"
    assert t.agents(project)["a"]["queued-messages"] == 2
    assert t.json("message", "a", "--now", "urgent", cwd=project)["delivered"] is True
    t.cloche("wait", "a", "--for", "output:got: urgent", "--since-start", "--timeout", "30s", cwd=project)
    assert got(t, project) == ["got: zero", "got: urgent"]
    t.cloche("keys", "a", "=waiting", "Enter", cwd=project)
    t.cloche("wait", "a", "--for", "output:got: secret-two", "--since-start", "--timeout", "30s", cwd=project)
    assert got(t, project) == ["got: zero", "got: urgent", "got: one", "got: secret-two"]
    assert t.agents(project)["a"]["queued-messages"] == 0
    found = [(r["event"], r.get("action", r.get("kind")), r["bytes"]) for r in records(state_of(t, "a", project)) if r["event"] in ("message", "keys")]
    assert ("message", "queued", 10) in found and ("keys", "message", 10) in found and found.count(("message", "queued", 3)) == 1, found
    assert "secret-two" not in (state_of(t, "a", project) / "audit.jsonl").read_text()


def test_the_next_message_waits_for_the_answer_to_the_one_before(t):
    project = t.repository()
    task = "stty -echo; echo idle >$CLOCHE_STATE; echo ready; while IFS= read -r line; do echo working >$CLOCHE_STATE; echo \"got: $line\"; sleep 3; echo idle >$CLOCHE_STATE; echo \"got: end\"; done"
    begin(t, project, task, *QUIET)
    until(t, project, "idle", "hook")
    assert t.json("message", "a", "one", cwd=project)["delivered"] is True
    assert t.json("message", "a", "two", cwd=project)["delivered"] is False
    t.cloche("wait", "a", "--for", "output:got: two", "--since-start", "--timeout", "30s", cwd=project)
    assert got(t, project)[:3] == ["got: one", "got: end", "got: two"]
    # Idle is what it is after its work, not before it has begun.
    until(t, project, "idle", "hook")
    assert got(t, project)[-2:] == ["got: two", "got: end"], got(t, project)


def test_what_waits_at_the_end_is_not_lost(t):
    project = t.repository()
    begin(t, project, LISTEN, *QUIET)
    t.cloche("keys", "a", "=working", "Enter", cwd=project)
    until(t, project, "working", "hook")
    t.cloche("message", "a", "kept", cwd=project)
    assert "1 message waits for a" in t.cloche("stop", "a", cwd=project).err
    assert [r["action"] for r in records(state_of(t, "a", project)) if r["event"] == "message"] == ["queued", "left"]
    assert t.agents(project)["a"]["queued-messages"] == 1
    # One that does not run gets it in its next run; only what is to be typed now cannot be.
    assert "as message 2, at place 2: the agent is stopped, and gets it when it runs" in t.cloche("message", "a", "more", cwd=project).out
    assert "does not run" in t.cloche("message", "--now", "a", "more", cwd=project, check=125).err
    t.cloche("resume", "a", LISTEN, cwd=project)
    t.cloche("wait", "a", "--for", "output:got: more", "--since-start", "--timeout", "30s", cwd=project)
    assert got(t, project)[-2:] == ["got: kept", "got: more"]
    assert t.agents(project)["a"]["queued-messages"] == 0


def test_the_queue_is_bounded(t):
    project = t.repository()
    begin(t, project, LISTEN, *QUIET)
    t.cloche("keys", "a", "=working", "Enter", cwd=project)
    until(t, project, "working", "hook")
    for number in range(4):
        t.cloche("message", "a", "-", cwd=project, input="x" * 65_000)
    result = t.cloche("message", "a", "-", cwd=project, input="x" * 65_000, check=125)
    assert "too many messages wait" in result.err and "--now" in result.err, result
    assert "cannot be typed" in t.cloche("message", "a", "x\x1b[201~", cwd=project, check=2).err


@timeout(180)
def test_list_asks_no_supervisor(t):
    """A supervisor that does not answer keeps no list waiting."""
    project = t.repository()
    begin(t, project, OBEY, *QUIET)
    do(t, project, "echo waiting >$CLOCHE_STATE")
    until(t, project, "waiting", "hook")
    (supervisor,) = t.supervisors()
    os.kill(supervisor, signal.SIGSTOP)
    try:
        assert activity(t, project)["state"] == "waiting"
    finally:
        os.kill(supervisor, signal.SIGCONT)

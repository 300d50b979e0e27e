"""An agent's terminal without attaching to it: keys, message, resize, wait --for."""

import json
import os
import signal
import time

from test_audit import records, state_of

# Shows each byte that it is typed, until control-D.
BYTES = "stty raw -echo; echo ready; while :; do b=$(dd bs=1 count=1 2>/dev/null | od -An -tx1); echo \"<${b# }>\"; [ \"$b\" = ' 04' ] && break; done"


def start(t, project, task, name="a"):
    t.start(name, task, cwd=project)
    t.cloche("wait", name, "--for", "output:^ready", "--since-start", "--timeout", "30s", cwd=project)


def bytes_of(t, project):
    """What was typed, when the agent that shows it has ended."""
    t.wait_ended("a", project)
    return [line[1:-1] for line in t.cloche("logs", "a", cwd=project).out.split() if line.startswith("<")]


def test_keys_are_what_a_terminal_sends(t):
    project = t.repository()
    start(t, project, BYTES)
    assert t.cloche("keys", "a", "Escape", "x", "C-Left", "Entr", cwd=project).out == ""
    t.cloche("keys", "a", "--repeat", "2", "F5", cwd=project)
    assert t.json("keys", "a", "-l", "Up", cwd=project)["bytes"] == 2
    t.cloche("keys", "-H", "a", "fF", "0", cwd=project)
    t.cloche("keys", "a", "--", "-l", "C-d", cwd=project)
    wanted = b"\x1bx\x1b[1;5DEntr" + b"\x1b[15~" * 2 + b"Up\xff\0-l\x04"
    assert bytes_of(t, project) == [f"{byte:02x}" for byte in wanted]


def test_keys_drive_a_shell(t):
    project = t.repository()
    start(t, project, "echo ready; exec bash --norc")
    t.cloche("keys", "a", "echo one", "Enter", cwd=project)
    t.cloche("wait", "a", "--for", "output:^one$", "--since-start", "--timeout", "30s", cwd=project)
    # The line before, its last word replaced.
    t.cloche("keys", "a", "Up", "C-w", "two", "Enter", cwd=project)
    t.cloche("wait", "a", "--for", "output:^two$", "--since-start", "--timeout", "30s", cwd=project)
    # It says when the terminal is its own; an interrupt before that is taken by nobody.
    t.cloche("keys", "a", "sh -c 'echo asleep; exec sleep 1000'", "Enter", cwd=project)
    t.cloche("wait", "a", "--for", "output:^asleep$", "--since-start", "--timeout", "30s", cwd=project)
    t.cloche("keys", "a", "C-c", cwd=project)
    t.cloche("keys", "a", "exit 5", "Enter", cwd=project)
    assert t.wait_ended("a", project)["exit-code"] == 5


def test_keys_for_the_window_of_a_program_beside(t):
    project = t.repository()
    start(t, project, "echo ready; exec cat")
    beside = t.terminal("exec", "-t", "a", "--", "sh", "-c", "echo here; exec cat", cwd=project)
    beside.expect("here")
    number = next(one["number"] for one in t.json("windows", "a", cwd=project) if one["number"] != 0)
    t.cloche("keys", f"a:{number}", "hello", "Space", "you", "Enter", cwd=project)
    beside.expect("hello you.*hello you")
    assert "hello" not in t.cloche("look", "a", cwd=project).out
    typed = [record for record in records(state_of(t, "a", project)) if record["event"] == "keys"]
    assert [record.get("window") for record in typed] == [number]
    assert f"no window {number + 1}" in t.cloche("keys", f"a:{number + 1}", "x", cwd=project, check=125).err
    assert "bad window" in t.cloche("keys", "a:x", "x", cwd=project, check=2).err


def test_keys_that_are_none_are_told(t):
    project = t.repository()
    start(t, project, "echo ready; exec cat")
    for words, what, hint in (
        (["C-Entre"], "no key is named 'Entre'", "did you mean 'C-Enter'"),
        (["C-Foo"], "no key is named 'Foo'", "--literal"),
        (["x", "S-Enter"], "'S-Enter' cannot be sent", "kitty"),
        (["-H", "1b", "xyz"], "bad byte 'xyz'", "hexadecimal"),
        (["-l", "x" * 70_000], "too much", "file"),
    ):
        result = t.cloche("keys", "a", *words, cwd=project, check=2)
        assert what in result.err and hint in result.err, result
    error = json.loads(t.cloche("keys", "a", "--json", "C-Foo", cwd=project, check=2).err)["error"]
    assert error["code"] == "usage", error
    t.cloche("keys", "a", "-l", "C-Foo", cwd=project)
    t.cloche("wait", "a", "--for", "output:C-Foo", "--since-start", "--timeout", "30s", cwd=project)
    assert "no agent named" in t.cloche("keys", "nobody", "x", cwd=project, check=125).err
    t.cloche("stop", "a", cwd=project)
    assert "does not run" in t.cloche("keys", "a", "x", cwd=project, check=125).err


def test_a_message_is_one_line_for_a_program_without_pastes(t):
    project = t.repository()
    start(t, project, "echo ready; while read -r line; do echo \"got: $line.\"; done")
    result = t.cloche("message", "a", "first\n\tsecond\r\nthird\n", cwd=project)
    assert result.out == "typed into a: 3 lines of 19 characters, joined by spaces, and Enter\n", result
    t.cloche("wait", "a", "--for", "output:^got: first  second third\\.$", "--since-start", "--timeout", "30s", cwd=project)
    told = t.json("message", "a", "--no-enter", "-", cwd=project, input="half")
    assert told == {"name": "a", "lines": 1, "bytes": 4, "delivered": True, "position": None, "state": None, "bracketed-paste": False, "enter": False, "id": 2, "duplicate": False}, told
    file = t.dir / "message.txt"
    file.write_text(" a whole\n")
    t.cloche("message", "a", "--file", file, cwd=project)
    t.cloche("wait", "a", "--for", "output:^got: half a whole\\.$", "--since-start", "--timeout", "30s", cwd=project)


def test_a_message_presses_no_keys(t):
    project = t.repository()
    start(t, project, "echo ready; exec cat")
    for text, why in (("x\x1b[201~\x03", "\\u{1B} is in line 1"), ("a\nb\x03", "\\u{3} is in line 2"), ("a\rb", "\\r"), ("\n", "empty")):
        result = t.cloche("message", "a", text, cwd=project, check=2)
        assert "cannot be typed" in result.err and why in result.err, result
    assert "UTF-8" in t.cloche("message", "a", "-", cwd=project, input=b"\xff", check=2).err
    assert "too long" in t.cloche("message", "a", "-", cwd=project, input="x" * 70_000, check=2).err
    assert "cannot read" in t.cloche("message", "a", "--file", "nothing", cwd=project, check=125).err
    t.cloche("message", "a", "x", "--file", "y", cwd=project, check=2)
    assert [record["event"] for record in records(state_of(t, "a", project)) if record["event"] == "keys"] == []


def test_typing_is_on_record_without_what_was_typed(t):
    project = t.repository()
    start(t, project, "echo ready; exec cat >/dev/null")
    t.cloche("keys", "a", "secret-one", "Enter", cwd=project)
    t.cloche("message", "a", "secret-two", cwd=project)
    found = [record for record in records(state_of(t, "a", project)) if record["event"] == "keys"]
    user = t.home.stat().st_uid
    assert [(r["kind"], r["bytes"], r["by"]) for r in found] == [("keys", 11, user), ("message", 10, user), ("keys", 1, user)], found
    shown = t.cloche("audit", "a", cwd=project).out
    assert "11 B of keys typed" in shown and "10 B of a message typed" in shown and "secret" not in shown, shown


def test_resize(t):
    project = t.repository()
    start(t, project, "trap 'stty size' WINCH; stty cols 80 rows 24; echo ready; while :; do sleep 0.05; done")
    assert t.cloche("resize", "a", "100x30", cwd=project).out.endswith(" -> 100x30\n")
    t.cloche("wait", "a", "--for", "output:^30 100$", "--since-start", "--timeout", "30s", cwd=project)
    told = t.json("resize", "a", "1x1000", cwd=project)
    assert told == {"old": {"columns": 100, "rows": 30}, "new": {"columns": 1, "rows": 1000}}, told
    for size in ("0x10", "10x1001", "10", "10x", "axb"):
        assert "bad size" in t.cloche("resize", "a", size, cwd=project, check=2).err
    t.cloche("stop", "a", cwd=project)
    assert "does not run" in t.cloche("resize", "a", "80x24", cwd=project, check=125).err


def test_wait_for_output(t):
    project = t.repository()
    start(t, project, "echo ready; while read -r line; do printf '%s? ' \"$line\"; done; exit 4")
    process = t.spawn("wait", "a", "--for", "output:^no(w|pe)\\? $", "--json", cwd=project)
    # Typed again and again, as it is not seen from outside from when on it looks.
    t.wait_until(lambda: process.poll() is not None or t.cloche("keys", "a", "now", "Enter", cwd=project).code, "it came")
    told = json.loads(process.communicate(timeout=30)[0])
    assert process.returncode == 0 and told["met"] is True and told["for"] == "output", told
    assert "ready" in t.cloche("wait", "a", "--for", "output:ready", "--since-start", cwd=project).out
    result = t.cloche("wait", "a", "--for", "output:ready", "--timeout", "1s", cwd=project, check=124)
    assert "the time is over" in result.err, result
    process = t.spawn("wait", "a", "--for", "output:never", cwd=project)
    t.cloche("keys", "a", "C-d", cwd=project)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 1 and b"a ended by itself before" in err, (process.returncode, err)
    t.wait_ended("a", project)
    t.cloche("wait", "a", "--for", "output:never", cwd=project, check=1)
    t.cloche("wait", "a", "--for", "output:never", "--since-start", cwd=project, check=1)
    t.cloche("wait", "a", "--for", "output:^ready$", "--since-start", cwd=project)
    told = json.loads(t.cloche("wait", "a", "--for", "output:never", "--json", cwd=project, check=1).out)
    assert told["met"] is False and told["failure"] == "ended", told


def test_waiting_for_one_that_is_lost(t):
    project = t.repository()
    start(t, project, "echo ready; sleep 1000")
    (supervisor,) = t.supervisors()
    processes = [t.spawn("wait", "a", "--for", condition, cwd=project) for condition in ("output:never", "idle:1h")]
    os.kill(supervisor, signal.SIGKILL)
    for process in processes:
        _, err = process.communicate(timeout=30)
        assert process.returncode == 1 and b"lost" in err, (process.returncode, err)


def test_who_waits_is_nobody_attached(t):
    project = t.repository()
    t.start("a", "stty size; echo ready; sleep 1000", cwd=project)
    process = t.spawn("wait", "a", "--for", "output:never", cwd=project)
    t.cloche("wait", "a", "--for", "idle:0.5", cwd=project)
    assert process.poll() is None
    process.kill()
    process.communicate()
    kinds = [record["event"] for record in records(state_of(t, "a", project))]
    assert "attach" not in kinds and "detach" not in kinds, kinds


def test_wait_for_idle(t):
    project = t.repository()
    start(t, project, "echo ready; until [ -e quiet ]; do echo x; sleep 0.05; done; exec cat")
    t.cloche("wait", "a", "--for", "idle:1", "--timeout", "2s", cwd=project, check=124)
    (t.workspace("a", project) / "quiet").touch()
    begun = time.monotonic()
    assert t.cloche("wait", "a", "--for", "idle:1", cwd=project).out == "a is idle\n"
    assert time.monotonic() - begun > 0.5
    # It is so already.
    assert t.json("wait", "a", "--for", "idle:1", cwd=project)["met"] is True
    process = t.spawn("wait", "a", "--for", "idle:1h", cwd=project)
    t.cloche("stop", "a", cwd=project)
    process.communicate(timeout=30)
    assert process.returncode == 1


def test_conditions_that_are_none(t):
    project = t.repository()
    for condition, why in (
        ("output:(", "regular expression"), ("output:", "must be"), ("output", "must be"), ("idle:soon", "seconds"),
        ("idle:", "seconds"), ("idle:-1", "seconds"), ("output:\\d+ failed", "a digit is [0-9]"), ("exit:1", "must be"), ("screens:x", "must be"), ("", "must be"),
    ):
        result = t.cloche("wait", "a", "--for", condition, cwd=project, check=2)
        assert "bad condition" in result.err and why in result.err, result
    assert "one agent" in t.cloche("wait", "a", "b", "--for", "idle", cwd=project, check=2).err
    assert "one agent" in t.cloche("wait", "--all", "--for", "idle", cwd=project, check=2).err
    assert "--since-start" in t.cloche("wait", "a", "--since-start", cwd=project, check=2).err
    assert "no agent named" in t.cloche("wait", "a", "--for", "idle", cwd=project, check=125).err


def test_what_was_awaited_is_in_the_logs(t):
    """Events close to each other are one line of the recording, which is written when nothing more has come for a while."""
    project = t.repository()
    t.start("a", "while read number; do echo before; sleep 0.002; echo mark$number; done", cwd=project)
    for number in range(12):
        waiting = t.spawn("wait", "a", "--for", f"output:^mark{number}$", cwd=project)
        time.sleep(0.05)
        t.cloche("keys", "a", str(number), "Enter", cwd=project)
        assert waiting.wait(30) == 0
        assert f"mark{number}" in t.cloche("logs", "a", cwd=project).out, number

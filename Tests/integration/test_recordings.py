"""What an agent's terminal showed: the recording, and replay, logs and the export of it."""

import json
import os
import pathlib
import signal
import subprocess
import termios
import time


def state(t, name, project):
    return pathlib.Path(t.cloche("path", name, "state", cwd=project).out.strip())


def cast(file):
    """Header and events of an asciicast; every line must be JSON."""
    lines = [json.loads(line) for line in pathlib.Path(file).read_text().splitlines()]
    return lines[0], lines[1:]


def forge(t, name, project, events, width=80):
    """A recording that somebody has written in the place of the agent's."""
    lines = [{"version": 2, "width": width, "height": 24}, *events]
    (state(t, name, project) / "session.cast").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_the_recording_is_an_asciicast(t):
    project = t.repository()
    t.run_task("a", "printf 'one \\033[1mbold\\033[0m ä\\n'; sleep 0.3; echo 'quote\" back\\\\'", cwd=project)
    header, events = cast(state(t, "a", project) / "session.cast")
    assert header["version"] == 2 and (header["width"], header["height"]) == (120, 40), header
    assert header["title"] == "a" and header["env"] == {"TERM": "xterm-256color"}, header
    assert abs(header["timestamp"] - time.time()) < 600, header
    times = [time for time, _, _ in events]
    assert times == sorted(times) and times[-1] - times[0] >= 0.2, times
    output = "".join(text for _, kind, text in events if kind == "o")
    assert "one \x1b[1mbold\x1b[0m ä\r\n" in output and 'quote" back\\' in output, output
    assert {kind for _, kind, _ in events} <= {"o", "r"}, events
    totals = t.json("replay", "a", cwd=project)
    assert totals["events"] == len(events) and totals["bytes"] == len(output.encode()), totals
    assert (totals["width"], totals["height"], totals["skipped"]) == (120, 40, 0), totals
    assert abs(totals["duration"] - times[-1]) < 0.001 and totals["file"].endswith("/session.cast"), totals


def test_a_resumed_agent_goes_on_in_its_recording(t):
    project = t.repository()
    t.run_task("a", "echo first", cwd=project)
    before = cast(state(t, "a", project) / "session.cast")[1]
    t.cloche("resume", "a", "echo second", cwd=project)
    t.wait_ended("a", project)
    _, events = cast(state(t, "a", project) / "session.cast")
    assert events[: len(before)] == before
    marker = [index for index, (_, kind, text) in enumerate(events) if (kind, text) == ("m", "resumed")]
    assert marker == [len(before)], events
    times = [time for time, _, _ in events]
    assert times == sorted(times), times
    assert "first\nsecond\n" in t.cloche("logs", "a", cwd=project).out


def test_sizes_are_recorded(t):
    project = t.repository()
    t.start("a", "echo ready; read line", cwd=project)
    terminal = t.terminal("attach", "a", cwd=project, columns=91, rows=33)
    terminal.expect("ready")
    terminal.send("\n")
    terminal.wait()
    terminal.close()
    assert "91x33" in [text for _, kind, text in cast(state(t, "a", project) / "session.cast")[1] if kind == "r"]


def test_what_is_typed_is_recorded_only_when_asked_for(t):
    project = t.repository()
    for name, options in (("plain", ()), ("asked", ("--set", "session.record=input"))):
        t.start(name, "stty -echo; echo ready; read line; echo read", *options, cwd=project)
        terminal = t.terminal("attach", name, cwd=project)
        terminal.expect("ready")
        terminal.send("pass-word\n")
        terminal.wait()
        terminal.close()
        t.wait_ended(name, project)
    assert "pass-word" not in (state(t, "plain", project) / "session.cast").read_text()
    _, events = cast(state(t, "asked", project) / "session.cast")
    assert "pass-word" in "".join(text for _, kind, text in events if kind == "i"), events
    for words in (("logs", "asked"), ("replay", "asked")):
        assert "pass-word" not in t.cloche(*words, cwd=project).out


def test_off_keeps_nothing(t):
    project = t.repository()
    t.run_task("a", "echo canary", "--set", "session.record=off", cwd=project)
    directory = state(t, "a", project)
    assert not list(directory.glob("session*")), list(directory.iterdir())
    for command in ("logs", "replay"):
        result = t.cloche(command, "a", cwd=project, check=None)
        assert result.code != 0 and "session.record" in result.err and "canary" not in result.out, result


def test_logs_of_an_earlier_version_are_shown(t):
    project = t.repository()
    t.run_task("a", "echo new", cwd=project)
    directory = state(t, "a", project)
    (directory / "session.cast").unlink()
    (directory / "session.log.1").write_bytes(b"old one\r\n")
    (directory / "session.log").write_bytes(b"old \x1b[1mtwo\x1b[0m\r\n")
    assert t.cloche("logs", "a", cwd=project).out == "old one\nold two\n"
    result = t.cloche("replay", "a", cwd=project, check=None)
    assert result.code != 0 and "no recording" in result.err, result


def test_logs_follow_across_files(t):
    project = t.repository()
    task = "i=0; until [ -e gate ]; do sleep 0.02; done; while [ $i -lt 6000 ]; do i=$((i+1)); echo line $i; done; echo last"
    t.start("a", task, "--set", "limits.log-size=64KiB", cwd=project)
    process = t.spawn("logs", "-f", "a", cwd=project, stdin=subprocess.DEVNULL)
    (t.workspace("a", project) / "gate").touch()
    out, _ = process.communicate(timeout=60)
    lines = out.decode().splitlines()
    assert process.returncode == 0 and lines[-1] == "last", lines[-5:]
    numbers = [int(line.split()[1]) for line in lines if line.startswith("line ")]
    # Whoever reads more slowly than it is dropped misses lines, but sees none twice.
    assert numbers == sorted(set(numbers)) and numbers[-1] == 6000, numbers[-5:]
    directory = state(t, "a", project)
    assert (directory / "session.cast.1").exists()
    for part in ("session.cast", "session.cast.1"):
        header, events = cast(directory / part)
        assert header["version"] == 2 and all(len(event) == 3 for event in events)
    assert sum(file.stat().st_size for file in directory.glob("session.cast*")) <= 1 << 16


def test_replay_plays_with_the_recorded_times(t):
    project = t.repository()
    t.run_task("a", "true", cwd=project)
    forge(t, "a", project, [[0.0, "o", "one\r\n"], [1.0, "o", "two\r\n"], [61.0, "o", "three\r\n"]])
    terminal = t.terminal("replay", "--idle-limit", "1", "--speed", "2", "a", cwd=project)
    terminal.expect("one")
    began = time.monotonic()
    terminal.expect("two")
    second = time.monotonic() - began
    terminal.expect("three")
    third = time.monotonic() - began
    assert terminal.wait() == 0
    assert 0.4 < second < 5 and third - second > 0.4, (second, third)
    terminal.close()


def test_keys_of_replay(t):
    project = t.repository()
    t.run_task("a", "true", cwd=project)
    events = [[float(number * 4), "o", f"number {number}\r\n"] for number in range(1000)]
    forge(t, "a", project, events)
    terminal = t.terminal("replay", "a", cwd=project)
    terminal.expect("number 0\r\n")
    during = termios.tcgetattr(terminal.master)
    assert not during[3] & termios.ICANON and not during[3] & termios.ECHO, during
    terminal.send(".")
    terminal.expect("number 1\r\n")
    terminal.send("..")
    terminal.expect("number 3\r\n")
    # It is paused: nothing comes by itself.
    assert not terminal.read(0.3)
    terminal.send("\x1b[C")
    terminal.expect("number 4\r\n")
    # Back, which is from the beginning on, up to there.
    terminal.send("\x1b[D")
    terminal.expect("\x1b\\[2J.*number 0\r\n.*number 2\r\n")
    terminal.send("q")
    assert terminal.wait() == 0
    after = termios.tcgetattr(terminal.master)
    assert after[3] & termios.ICANON and after[3] & termios.ECHO, after
    terminal.close()


def test_replay_begins_where_it_is_told_to(t):
    project = t.repository()
    t.run_task("a", "true", cwd=project)
    forge(t, "a", project, [[0.0, "o", "one\r\n"], [600.0, "o", "two\r\n"], [632.5, "o", "three\r\n"]])
    terminal = t.terminal("replay", "--at", "10:32", "a", cwd=project)
    terminal.expect("one\r\ntwo\r\n")
    terminal.expect("three")
    assert terminal.wait() == 0
    terminal.close()
    assert t.cloche("replay", "a", cwd=project).out == "one\r\ntwo\r\nthree\r\n"
    assert t.cloche("replay", "--at", "10:32", "a", cwd=project).out == "three\r\n"
    for words in (("--at", "10:61"), ("--at", "noon"), ("--speed", "0"), ("--speed", "fast"), ("--idle-limit", "-1")):
        assert t.cloche("replay", *words, "a", cwd=project, check=2).err.startswith("cloche: "), words


def test_the_terminal_is_left_as_it_was(t):
    project = t.repository()
    t.run_task("a", "true", cwd=project)
    forge(t, "a", project, [[0.0, "o", "\x1b[?1049h\x1b[?25l\x1b[31mred"], [1000.0, "o", "end"]], width=200)
    for end in ("key", "interrupt", "signal"):
        terminal = t.terminal("replay", "a", cwd=project)
        terminal.expect("red")
        if end == "signal":
            os.kill(terminal.pid, signal.SIGTERM)
        else:
            terminal.send({"key": "q", "interrupt": "\x03"}[end])
        terminal.expect("\x1b\\[\\?1049l.*\x1b\\[0m.*\x1b\\[\\?25h")
        assert terminal.wait() == (143 if end == "signal" else 0)
        assert b"200x24" in terminal.seen and b"80x24" in terminal.seen, terminal.seen
        flags = termios.tcgetattr(terminal.master)[3]
        assert flags & termios.ICANON and flags & termios.ECHO and flags & termios.ISIG
        terminal.close()


HOSTILE = (
    "\x1b]52;c;Y2FuYXJ5\x07\x1b]0;title\x07\x1b[6n\x1b[c\x1bP$qm\x1b\\\u009b6n\x1b[>1u\x1b[?1003h\x1b[?2004h\x1b=\x1b[20t shown\r\n"
)
FORBIDDEN = (b"\x1b]52", b"\x1b]0;", b"\x1b[6n", b"\x1b[c", b"\x1bP", b"\xc2\x9b", b"20t")


def test_a_changed_recording_does_no_harm(t):
    """Invariant 9 holds for the file, too; and no recording takes away the key that ends it."""
    project = t.repository()
    t.run_task("a", "true", cwd=project)
    forge(t, "a", project, [[0.0, "o", HOSTILE], [1000.0, "o", "end"]])
    with open(state(t, "a", project) / "session.cast", "ab") as file:
        file.write(b'[1001, "o", "\xff\xfe"]\nno event\n[1002, "o", "' + b"x" * (3 << 20) + b'"]\n[1003, "o", "torn')
    terminal = t.terminal("replay", "a", cwd=project)
    shown = terminal.expect("^.*shown").group(0)
    for word in FORBIDDEN + (b"\x1b[>1u", b"1003h", b"2004h", b"\x1b="):
        assert word not in shown, (word, shown)
    terminal.send("q")
    assert terminal.wait() == 0
    terminal.close()
    printed = t.cloche("replay", "a", cwd=project).out.encode()
    t.cloche("replay", "--export", "out.cast", "a", cwd=project)
    header, events = cast(project / "out.cast")
    exported = "".join(text for _, _, text in events).encode()
    for word in FORBIDDEN:
        assert word not in printed and word not in exported, word
    assert b"shown" in printed and b"shown" in exported and b"torn" not in printed
    totals = t.json("replay", "a", cwd=project)
    assert totals["skipped"] == 2 and totals["events"] == 3, totals


def test_export_is_one_recording(t):
    project = t.repository()
    task = "i=0; while [ $i -lt 5000 ]; do i=$((i+1)); echo line $i; done; echo last"
    t.run_task("a", task, "--set", "limits.log-size=64KiB", cwd=project)
    directory = state(t, "a", project)
    assert (directory / "session.cast.1").exists()
    t.cloche("replay", "a", "--export", "a.cast", cwd=project)
    header, events = cast(project / "a.cast")
    first, second = cast(directory / "session.cast.1"), cast(directory / "session.cast")
    # What paints the screen at the beginning of the second file is passed over.
    repeated = second[0]["cloche"]["repeated"]
    assert repeated > 0 and "\x1b[?2026h" in second[1][0][2], second[1][0]
    assert header == {key: value for key, value in first[0].items() if key != "cloche"}, header
    text = lambda events: "".join(text for _, kind, text in events if kind == "o")  # noqa: E731
    painting = first[0].get("cloche", {}).get("repeated", 0)
    written = text(first[1][painting:]) + text(second[1][repeated:])
    assert text(events).endswith(written) and written.endswith("last\r\n")
    times = [time for time, _, _ in events]
    assert times == sorted(times)
    assert t.cloche("replay", "a", "--export", "-", cwd=project).out == (project / "a.cast").read_text()
    assert "there already" in t.cloche("replay", "a", "--export", "a.cast", cwd=project, check=None).err
    assert t.cloche("replay", "a", cwd=project).out.startswith(text(events))


def test_replay_of_nothing(t):
    project = t.repository()
    assert t.cloche("replay", "nobody", cwd=project, check=None).code != 0
    t.run_task("a", "true", cwd=project)
    assert t.cloche("replay", "a", cwd=project).out == ""
    terminal = t.terminal("replay", "a", cwd=project)
    assert terminal.wait() == 0
    terminal.close()

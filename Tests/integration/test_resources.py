"""What agents use, and steering them: stats, top, pause, wait. What needs a cgroup is tried where there is one."""

import json
import os
import re
import signal
import termios
import time

RATES = {"cpu-percent", "io-read-rate", "io-write-rate", "network-receive-rate", "network-send-rate"}
COUNTERS = {"cpu-microseconds", "memory", "memory-peak", "swap", "tasks", "io-read", "io-written", "network-received"}
COUNTERS |= {"network-sent", "disk", "disk-files", "output", "cpu-pressure", "memory-pressure", "io-pressure"}
OTHERS = {"name", "state", "time", "answered", "measured-at", "source", "limits"}


def names(samples):
    return [sample["name"] for sample in samples]


def test_stats_json_has_every_field_and_each_limit_with_its_holder(t):
    project = t.repository()
    options = ["--set", "limits.wall-clock=1h", "--set", "limits.processes=100"]
    t.start("a", "echo four; sleep 1000", *options, cwd=project)
    t.run_task("over", "true", cwd=project)
    t.wait_until(lambda: t.json("stats", cwd=project)[0]["output"], "the agent's output is counted")
    (sample,) = t.json("stats", cwd=project)
    assert set(sample) == RATES | COUNTERS | OTHERS, sample
    assert sample["name"] == "a" and sample["state"] == "running" and sample["answered"] is True, sample
    limits = {limit["name"]: limit for limit in sample["limits"]}
    assert limits["wall-clock"]["limit"] == 3600 and limits["wall-clock"]["unit"] == "seconds", limits
    assert 0 <= limits["wall-clock"]["used"] < 600 and limits["wall-clock"]["holder"] == "supervisor", limits
    assert limits["processes"]["limit"] == 100 and limits["processes"]["unit"] == "count", limits
    assert limits["processes"]["holder"] != "nobody", limits
    # One that has ended is shown when it is asked for, with the same fields.
    running, over = t.json("stats", "over", "a", cwd=project)
    assert set(over) == set(running) and over["state"] == "exited" and over["answered"] is False, over


def test_stats_shows_a_table_with_bars_for_limits(t):
    project = t.repository()
    t.start("a", "sleep 1000", "--set", "limits.wall-clock=1h", cwd=project)
    head, line = t.cloche("stats", cwd=project).out.splitlines()
    assert head.split()[:4] == ["NAME", "STATE", "CPU%", "MEM"], head
    assert line.split()[:2] == ["a", "running"] and re.search(r"wall-clock \S+/1h [▇░]{7}$", line), line
    ascii = t.cloche("stats", cwd=project, env={"LC_ALL": "C"}).out
    assert ascii.isascii() and re.search(r"wall-clock \S+/1h [#.]{7}$", ascii), ascii


def test_stats_counts_anew_whenever_it_is_asked(t):
    project = t.repository()
    # With a limit that is measured, and without one; a cgroup counts by itself.
    measured = ["--set", "limits.enforcement=measured"]
    t.start("a", "while :; do :; done", "--set", "limits.memory=1GiB", *measured, cwd=project)
    t.start("b", "while :; do :; done", *measured, cwd=project)
    t.wait_until(lambda: all(s["cpu-microseconds"] for s in t.json("stats", cwd=project)), "both run")
    for _ in range(3):
        percents = [sample["cpu-percent"] for sample in t.json("stats", cwd=project)]
        assert all(percents), percents


def test_inspect_tells_who_holds_each_limit(t):
    project = t.repository()
    t.start("a", "sleep 1000", "--set", "limits.wall-clock=1h", "--set", "limits.open-files=64", cwd=project)
    limits = {limit["name"]: limit for limit in t.json("inspect", "a", cwd=project)["limits"]}
    assert limits["wall-clock"]["limit"] == 3600 and limits["wall-clock"]["holder"] == "supervisor", limits
    assert limits["open-files"]["limit"] == 64 and limits["open-files"]["holder"] == "rlimit", limits
    assert "idle" not in limits, "only what is set"
    shown = t.cloche("inspect", "a", cwd=project).out
    assert re.search(r"^wall-clock +1h +\d+s +supervisor$", shown, re.M), shown
    assert re.search(r"^open-files +64 +- +rlimit$", shown, re.M), shown


def test_a_limit_that_ended_an_agent_is_told_in_words(t):
    project = t.repository()
    t.start("a", "sleep 1000", "--set", "limits.wall-clock=1s", cwd=project)
    ended = t.cloche("wait", "a", cwd=project, check=143).out
    assert ended == "a ended: wall-clock (exit code 143)\n  limits.wall-clock was reached: it has run for 1s\n", ended
    assert " failed(wall-clock) " in t.cloche("list", cwd=project).out
    entry = t.agents(project)["a"]
    assert entry["end-reason"] == "wall-clock" and "limits.wall-clock" in entry["failure"], entry
    assert "limits.wall-clock" in t.cloche("exec", "a", "true", cwd=project, check=125).err


def test_resume_with_another_limit(t):
    project = t.repository()
    t.start("a", "yes; sleep 1000", "--set", "limits.output=100kB", cwd=project)
    t.cloche("wait", "a", cwd=project, check=137)
    refused = t.cloche("resume", "a", "--set", "filesystem.workspace=ro", cwd=project, check=125)
    assert "only `limits`" in refused.err, refused.err
    t.cloche("resume", "a", "--set", "limits.output=1GiB", "sleep 1000", cwd=project)
    assert t.agents(project)["a"]["state"] == "running"
    limits = {row["name"]: row["limit"] for row in json.loads(t.cloche("inspect", "a", "--json", cwd=project).out)["limits"]}
    assert limits["output"] == 1 << 30, limits


def test_stats_without_agents_and_of_an_unknown_one(t):
    project = t.repository()
    result = t.cloche("stats", cwd=project)
    assert result.out.startswith("NAME") and "no agent runs" in result.err, result
    assert t.json("stats", cwd=project) == []
    assert "no agent named nobody" in t.cloche("stats", "nobody", cwd=project, check=125).err
    assert "bad interval" in t.cloche("stats", "--watch", "--interval", "0", cwd=project, check=2).err


def test_stats_watch_follows_agents_that_come_and_go(t):
    project = t.repository()
    t.start("a", "sleep 1000", cwd=project)
    process = t.spawn("stats", "--watch", "--json", "--interval", "0.1", cwd=project)

    def until(wanted):
        deadline = time.monotonic() + 30
        while (seen := names(json.loads(process.stdout.readline()))) != wanted:
            assert time.monotonic() < deadline, (seen, wanted)

    try:
        until(["a"])
        t.start("b", "sleep 1000", cwd=project)
        until(["a", "b"])
        t.cloche("stop", "a", "--kill", cwd=project)
        until(["b"])
    finally:
        process.kill()
        process.communicate()


def test_a_supervisor_that_hangs_keeps_nobody_waiting(t):
    project = t.repository()
    t.start("a", "sleep 1000", cwd=project)
    (stopped,) = t.supervisors()
    t.start("b", "sleep 1000", cwd=project)
    os.kill(stopped, signal.SIGSTOP)
    try:
        samples = {sample["name"]: sample for sample in t.json("stats", cwd=project)}
        assert samples["a"]["answered"] is False and samples["b"]["answered"] is True, samples
        table = t.cloche("stats", cwd=project).out.splitlines()
        assert table[1].split()[:3] == ["a", "running?", "?"], table
        # Commands that time out do so with it, too.
        assert t.cloche("wait", "a", "--timeout", "1", cwd=project, check=124).out == ""
    finally:
        os.kill(stopped, signal.SIGCONT)
    t.wait_until(lambda: all(s["answered"] for s in t.json("stats", cwd=project)), "both answer again")


def test_forty_agents_at_once(t):
    project = t.repository()
    wanted = [f"a{number}" for number in range(100, 140)]
    for name in wanted:
        t.start(name, "sleep 1000", "--workspace", "none", cwd=project)
    samples = t.json("stats", cwd=project)
    assert names(samples) == wanted and all(sample["answered"] for sample in samples), samples
    terminal = t.terminal("top", "--sort", "name", "--interval", "0.2", cwd=project, rows=20)
    terminal.expect(r"cloche: 40 agents.*a100 .*a115 .*… 24 more")
    terminal.send("j")
    terminal.expect(r"a101 .*a116 .*… 23 more")
    terminal.send("q")
    assert terminal.wait() == 0
    terminal.close()


def test_top_needs_a_terminal(t):
    project = t.repository()
    result = t.cloche("top", cwd=project, check=2)
    assert "top needs a terminal" in result.err and "cloche stats --watch" in result.err and result.out == "", result
    terminal = t.terminal("top", cwd=project, env={"TERM": "dumb"})
    assert terminal.wait() == 2 and b"TERM is dumb" in terminal.seen and b"\x1b" not in terminal.seen, terminal.seen
    terminal.close()


def test_stats_watch_rewrites_its_lines_on_a_terminal(t):
    project = t.repository()
    t.start("a", "sleep 1000", cwd=project)
    terminal = t.terminal("stats", "--watch", "--interval", "0.1", "a", cwd=project, env={"NO_COLOR": "1"})
    terminal.expect(r"\x1b\[\?2026h\rNAME[^\n]*\r\na     running")
    terminal.expect(r"\x1b\[\?2026h\r\x1b\[2ANAME[^\n]*\r\na     running")
    assert b"\x1b[?1049h" not in terminal.seen
    t.cloche("stop", "--kill", "a", cwd=project)
    assert terminal.wait() == 0, "the agents that it was asked for have ended"
    terminal.close()


def settings(terminal):
    return termios.tcgetattr(terminal.master)


def look_at_top(t, project, *options):
    """Starts top with a terminal whose settings are known; returns both when the first frame is there."""
    terminal = t.terminal("top", "--interval", "0.1", *options, cwd=project, env={"NO_COLOR": "1"})
    terminal.expect(r"\x1b\[\?1049h")
    terminal.expect(r"\x1b\[\?2026h\x1b\[Hcloche: 1 agent.*a  +running.*\x1b\[\?2026l")
    return terminal


LEAVE = r"\x1b\[\?25h\x1b\[\?1049l$"


def test_top_draws_and_leaves_the_terminal_as_it_was(t):
    project = t.repository()
    t.start("a", "sleep 1000", cwd=project)
    plain = t.terminal("list", cwd=project)
    before = settings(plain)
    plain.wait()
    plain.close()
    endings = [(lambda terminal: terminal.send("q"), 0), (lambda terminal: terminal.send("\x03"), 0)]
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        endings.append((lambda terminal, number=number: os.kill(terminal.pid, number), 128 + number))
    for end, code in endings:
        terminal = look_at_top(t, project)
        assert settings(terminal)[3] & termios.ICANON == 0, "raw while it runs"
        end(terminal)
        assert terminal.wait() == code, (code, terminal.code)
        assert re.search(LEAVE.encode(), terminal.seen), terminal.seen[-200:]
        assert b"\x1b[2J" not in terminal.seen, "nothing is cleared, so nothing flickers"
        assert settings(terminal)[:4] == before[:4], "flags of the terminal"
        terminal.close()


def test_top_is_suspended_and_goes_on(t):
    project = t.repository()
    t.start("a", "sleep 1000", cwd=project)
    terminal = look_at_top(t, project)
    for suspend in (lambda: terminal.send("\x1a"), lambda: os.kill(terminal.pid, signal.SIGTSTP)):
        suspend()
        terminal.expect(r"\x1b\[\?1049l")
        t.wait_until(lambda: state(terminal.pid) == "T", "it is stopped")
        assert settings(terminal)[3] & termios.ICANON, "the shell's settings while it is stopped"
        os.kill(terminal.pid, signal.SIGCONT)
        terminal.expect(r"\x1b\[\?1049h.*\x1b\[\?2026h\x1b\[Hcloche: 1 agent")
    terminal.send("\x1a")
    terminal.expect(r"\x1b\[\?1049l")
    t.wait_until(lambda: state(terminal.pid) == "T", "it is stopped")
    os.kill(terminal.pid, signal.SIGTERM)
    os.kill(terminal.pid, signal.SIGCONT)
    assert terminal.wait() == 128 + signal.SIGTERM
    assert b"\x1b[?1049h" not in terminal.seen, "it does not come back to end"
    terminal.close()


def state(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]


def test_top_follows_the_size_of_the_terminal_and_the_keys(t):
    project = t.repository()
    t.start("a", "sleep 1000", cwd=project)
    terminal = look_at_top(t, project)
    terminal.expect("by cpu")
    terminal.send("m")
    terminal.expect("by memory")
    terminal.send("\x1b[C")
    terminal.expect("by tasks")
    terminal.resize(30, 3)
    terminal.expect(r"\x1b\[HNAME  STATE[^\n]*\r\na     running[^\n]*\x1b\[J")
    terminal.resize(1, 1)
    terminal.expect(r"\x1b\[HN\x1b\[K\x1b\[J")
    terminal.send("q")
    assert terminal.wait() == 0
    terminal.close()


def test_pause_freezes_or_is_refused_with_a_reason(t):
    project = t.repository()
    t.start("a", "while :; do :; done", cwd=project)
    (sample,) = t.json("stats", cwd=project)
    if sample["source"] == "cgroup":
        assert sample["cpu-percent"] > 1, "the control: it is busy"
        t.cloche("pause", "a", cwd=project)
        assert t.agents(project)["a"]["state"] == "paused"
        (frozen,) = t.json("stats", cwd=project)
        assert frozen["state"] == "paused" and frozen["cpu-percent"] == 0, frozen
        assert "is paused" in t.cloche("exec", "a", "true", cwd=project, check=125).err
        assert "paused already" in t.cloche("pause", "a", cwd=project).out
        t.cloche("unpause", "--all", cwd=project)
        events = [json.loads(line)["event"] for line in t.cloche("audit", "--json", "a", cwd=project).out.splitlines()]
        assert events[-2:] == ["pause", "unpause"], events
        # A frozen agent is thawed to be stopped, and so sees the signal.
        t.start("b", "trap 'exit 5' TERM; touch up; while :; do sleep 0.05; done", cwd=project)
        t.wait_until(lambda: (t.workspace("b", project) / "up").exists(), "the task is up")
        t.cloche("pause", "b", cwd=project)
        t.cloche("stop", "b", cwd=project)
        assert t.agents(project)["b"]["exit-code"] == 5, t.agents(project)["b"]
    else:
        result = t.cloche("pause", "a", cwd=project, check=125)
        assert "cannot be paused" in result.err and "cgroup" in result.err and "cloche doctor" in result.err, result
        assert "was not paused" in t.cloche("unpause", "a", cwd=project).out
    assert t.agents(project)["a"]["state"] == "running"
    assert t.cloche("pause", "--all", cwd=t.repository("other")).out == ""
    t.cloche("stop", "--kill", "a", cwd=project)
    assert "does not run" in t.cloche("pause", "a", cwd=project, check=125).err


def test_wait_gives_the_exit_code(t):
    project = t.repository()
    t.start("a", "until [ -e go ]; do sleep 0.05; done; exit 7", cwd=project)
    process = t.spawn("wait", "a", cwd=project)
    (t.workspace("a", project) / "go").touch()
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (7, b"a ended: exited (exit code 7)\n", b"")
    again = t.cloche("wait", "a", cwd=project, check=7)
    assert again.out == "a ended: exited (exit code 7)\n", "one that has ended already"
    (end,) = json.loads(t.cloche("wait", "--json", "a", cwd=project, check=7).out)
    assert end["end-reason"] == "exited" and end["exit-code"] == 7 and end["state"] == "exited", end
    assert "no agent named" in t.cloche("wait", "a", "nobody", cwd=project, check=125).err


def test_wait_for_several_and_for_any(t):
    project = t.repository()
    t.run_task("good", "true", cwd=project)
    t.run_task("bad", "exit 3", cwd=project)
    t.start("long", "sleep 1000", cwd=project)
    assert t.cloche("wait", "good", "good", cwd=project).out.count("\n") == 1
    both = t.cloche("wait", "bad", "good", cwd=project, check=1).out
    assert both == "bad ended: exited (exit code 3)\ngood ended: exited (exit code 0)\n", both
    assert "bad ended" in t.cloche("wait", "--any", "long", "bad", cwd=project, check=3).out
    process = t.spawn("wait", "--all", cwd=project)
    t.cloche("stop", "long", cwd=project)
    out, _ = process.communicate(timeout=30)
    # Seen running it was waited for; ended before that look, there was nothing to wait for.
    assert out in (b"", b"long ended: operator (exit code 143)\n"), out
    assert t.cloche("wait", "--all", cwd=project).out == ""


def test_wait_has_a_timeout(t):
    project = t.repository()
    t.start("a", "sleep 1000", cwd=project)
    t.run_task("b", "true", cwd=project)
    result = t.cloche("wait", "b", "a", "--timeout", "0", cwd=project, check=124)
    assert result.out == "b ended: exited (exit code 0)\n" and "a has not ended" in result.err, result
    begun = time.monotonic()
    t.cloche("wait", "a", "--timeout", "1s", cwd=project, check=124)
    assert 0.9 < time.monotonic() - begun < 20
    assert t.agents(project)["a"]["state"] == "running"
    assert "bad timeout" in t.cloche("wait", "a", "--timeout", "soon", cwd=project, check=2).err


def test_wait_for_one_that_a_limit_ends_or_that_is_lost(t):
    project = t.repository()
    t.start("limited", "trap 'exit 0' TERM; while :; do sleep 0.05; done", "--set", "limits.wall-clock=1s", cwd=project)
    limited = t.cloche("wait", "limited", cwd=project, check=1)
    assert limited.out.startswith("limited ended: wall-clock (exit code 0)\n"), limited
    t.start("lost", "sleep 1000", cwd=project)
    (supervisor,) = t.supervisors()
    process = t.spawn("wait", "lost", cwd=project)
    os.kill(supervisor, signal.SIGKILL)
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (125, b"lost ended: supervisor-lost\n"), (process.returncode, out)


def test_wait_ends_when_its_agent_is_deleted(t):
    project = t.repository()
    t.start("a", "sleep 1000", "--workspace", "none", cwd=project)
    process = t.spawn("wait", "a", cwd=project)
    t.wait_until(lambda: holds_pidfd(process.pid), "it waits")
    t.cloche("delete", "--force", "a", cwd=project)
    out, _ = process.communicate(timeout=30)
    assert process.returncode in (125, 137) and out in (b"a was deleted\n", b"a ended: operator (exit code 137)\n"), out


def holds_pidfd(pid):
    """Waits for a process, that is without looking again and again."""
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            if "pidfd" in os.readlink(f"/proc/{pid}/fd/{number}"):
                return True
        except OSError:
            pass
    return False

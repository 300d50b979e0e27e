"""An agent's life: start, list, attach, logs, exec, stop, resume, delete."""

import os
import pathlib
import signal
import subprocess
import time

import case

DETACH = "\x1dd"


def test_start_tells_what_the_user_needs(t):
    project = t.repository()
    result = t.start("fixer", "sleep 1000", cwd=project)
    workspace = t.workspace("fixer", project)
    for word in ("fixer", "cloche/fixer", str(workspace), "attach"):
        assert word in result.out, (word, result)
    assert (workspace / "README.md").exists()


def test_a_task_of_the_shell_profile_is_a_command_line(t):
    project = t.repository()
    entry = t.run_task("a", "echo one > made && git add made && git commit -qm Made && echo two > loose", cwd=project)
    assert entry["exit-code"] == 0, entry
    workspace = t.workspace("a", project)
    assert (workspace / "made").read_text() == "one\n" and (workspace / "loose").read_text() == "two\n"


def test_the_exit_code_of_a_task_is_kept(t):
    project = t.repository()
    assert t.run_task("a", "exit 7", cwd=project)["exit-code"] == 7


def test_list_shows_what_it_promises(t):
    project = t.repository()
    t.start("fixer", "echo x > a; echo y > b; touch up; sleep 1000", cwd=project)
    t.wait_until(lambda: (t.workspace("fixer", project) / "up").exists(), "the task is up")
    table = t.cloche("list", cwd=project).out.splitlines()
    assert table[0].split() == ["NAME", "STATE", "ACTIVITY", "AGE", "PROFILE", "BRANCH", "CHANGES", "TASK"], table
    words = table[1].split()
    assert words[0] == "fixer" and words[1] == "running" and "shell" in words and "cloche/fixer" in words, table
    entry = t.agents(project)["fixer"]
    for key, value in {"state": "running", "profile": "shell", "branch": "cloche/fixer"}.items():
        assert entry[key] == value, (key, entry)
    assert "echo x" in entry["task"] and entry["changes"] == "new", entry
    # One that did nothing has nothing, however old it is.
    t.run_task("idle", "true", cwd=project)
    t.run_task("over", "mkdir d; echo 1 > d/ch.txt", cwd=project)
    changes = {name: agent["changes"] for name, agent in t.agents(project).items()}
    assert changes == {"fixer": "new", "idle": "-", "over": "new"}, changes
    t.cloche("sync", "fixer", cwd=project)
    assert t.agents(project)["fixer"]["changes"] == "*", "uncommitted changes, as the fetch found them"


def test_a_stop_waits_for_those_that_end_with_it(t):
    project = t.repository()
    t.start("boss", "cloche start kid 'sleep 1000'; sleep 1000", "--set", "agents.children=1", cwd=project)
    t.wait_until(lambda: t.agents(project).get("kid", {}).get("state") == "running", "it has a child")
    t.cloche("stop", "boss", cwd=project)
    assert t.agents(project)["kid"]["state"] == "stopped"


def test_an_agent_that_is_elsewhere(t):
    (t.dir / "nowhere").mkdir()
    for words in (("exec", "a", "--", "true"), ("message", "a", "x")):
        told = t.cloche(*words, cwd=t.dir / "nowhere", check=125).err
        assert "in no git repository" in told and "cloche -C DIR" in told, told
    assert "cloche -C DIR" in t.cloche("merge", "a", cwd=t.dir / "nowhere", check=125).err


def test_list_all_and_names(t):
    project = t.repository()
    t.run_task("over", "true", cwd=project)
    t.start("on", "sleep 1000", cwd=project)
    assert t.cloche("list", "--all", "--names", cwd=project).out.split() == ["on", "over"]
    assert "on" in t.cloche("list", "--names", cwd=project).out.split()


def test_list_outside_and_in_subdirectories(t):
    project = t.repository()
    t.start("a", "sleep 1000", cwd=project)
    assert "a" in t.cloche("list", "--names", cwd=project / "src").out.split()
    other = t.repository("other")
    assert t.agents(other) == {}


def test_exec_streams_and_exit_codes(t):
    project = t.repository()
    t.start("a", "echo inside > /tmp/seen; touch up; sleep 1000", cwd=project)
    t.wait_until(lambda: (t.workspace("a", project) / "up").exists(), "the task is up")
    result = t.cloche("exec", "a", "--", "sh", "-c", "cat; cat /tmp/seen; pwd; echo err >&2; exit 5", cwd=project, input="in\n", check=5)
    assert (result.out, result.err) == ("in\ninside\n/workspace\n", "err\n"), result
    t.cloche("exec", "a", "--", "no-such-program", cwd=project, check=127)
    t.cloche("exec", "a", "--", "sh", "-c", "kill -9 $$", cwd=project, check=137)
    data = os.urandom(1 << 16) * 32
    process = t.spawn("exec", "a", "--", "cat", cwd=project, stdin=subprocess.PIPE)
    out, _ = process.communicate(data, timeout=30)
    assert process.returncode == 0 and out == data


def test_exec_is_as_confined_as_the_agent(t):
    project = t.repository()
    t.start("a", "touch up; sleep 1000", cwd=project)
    t.wait_until(lambda: (t.workspace("a", project) / "up").exists(), "the task is up")
    script = "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status; readlink /proc/self/ns/*; ls /proc/self/fd; env"
    result = t.cloche("exec", "a", "--", "sh", "-c", script, cwd=project, env={"SECRET": "canary"})
    assert "canary" not in result.out, result
    for line in result.out.splitlines():
        if line.startswith("Cap"):
            assert int(line.split()[1], 16) == 0, line
    assert "NoNewPrivs:\t1" in result.out and "Seccomp:\t2" in result.out, result
    for kind in ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup"):
        assert os.readlink(f"/proc/self/ns/{kind}") not in result.out, kind


def test_exec_with_a_terminal(t):
    project = t.repository()
    t.start("a", "sleep 1000", cwd=project)
    terminal = t.terminal("exec", "a", "--", "sh", "-c", "tty && stty size; read line; echo got $line; exit 3", cwd=project, columns=77, rows=22)
    terminal.expect("22 77")
    terminal.send("word\n")
    terminal.expect("got word")
    assert terminal.wait() == 3
    terminal.close()
    piped = t.cloche("exec", "a", "--", "tty", cwd=project, check=1)
    assert "not a tty" in piped.out
    # A terminal for the program alone: the end of what is typed is told as a terminal tells it.
    alone = t.cloche("exec", "-t", "a", "--", "sh", "-c", "tty; cat; sleep 0.5; echo done; exit 4", cwd=project, check=4)
    assert alone.out.startswith("/dev/pts/") and alone.out.split()[-1] == "done" and "\x1b" not in alone.out, alone


def test_exec_leaves_nothing_when_its_caller_is_killed(t):
    project = t.repository()
    t.start("a", "sleep 1000", cwd=project)
    process = t.spawn("exec", "a", "--", "sh", "-c", "echo ready; exec sleep 4321", cwd=project)
    assert process.stdout.readline() == b"ready\n"
    process.kill()
    process.wait(5)
    t.wait_until(lambda: b"4321" not in b"".join(command_lines(t)), "the command ended with its caller")
    assert t.agents(project)["a"]["state"] == "running"


def command_lines(t):
    lines = []
    for pid in t.processes():
        try:
            lines.append(pathlib.Path(f"/proc/{pid}/cmdline").read_bytes())
        except OSError:
            pass
    return lines


def test_attach_shows_types_and_detaches(t):
    project = t.repository()
    t.start("a", "echo first line; while read line; do echo got $line; done", cwd=project)
    t.wait_until(lambda: "first line" in t.cloche("logs", "a", cwd=project).out, "the task is up")
    for round in ("one", "two"):
        terminal = t.terminal("attach", "a", cwd=project)
        terminal.expect("first line")
        terminal.send(f"{round}\n")
        terminal.expect(f"got {round}")
        terminal.send(DETACH)
        assert terminal.wait() == 0
        terminal.close()
        assert t.agents(project)["a"]["state"] == "running"
    # What was typed into one view is on the screen of the next.
    terminal = t.terminal("attach", "a", cwd=project)
    terminal.expect("got one.*got two")
    terminal.send(DETACH)
    terminal.wait()
    terminal.close()


def test_attach_ends_with_the_agent(t):
    project = t.repository()
    t.start("a", "echo ready; read line; exit 6", cwd=project)
    terminal = t.terminal("attach", "a", cwd=project)
    terminal.expect("ready")
    terminal.send("\n")
    assert terminal.wait() in (0, 6)
    terminal.close()


def test_attach_passes_the_size_on(t):
    project = t.repository()
    t.start("a", "while :; do stty size; sleep 0.05; done", cwd=project)
    terminal = t.terminal("attach", "a", cwd=project, columns=91, rows=33)
    terminal.expect("33 91")
    terminal.resize(64, 20)
    terminal.expect("20 64")
    terminal.send(DETACH)
    terminal.wait()
    terminal.close()


def test_two_viewers_at_once(t):
    project = t.repository()
    t.start("a", "while read line; do echo got $line; done", cwd=project)
    views = [t.terminal("attach", "a", cwd=project) for _ in range(2)]
    views[0].send("hello\n")
    for view in views:
        view.expect("got hello")
    views[0].close()
    views[1].send("again\n")
    views[1].expect("got again")
    views[1].send(DETACH)
    views[1].wait()
    views[1].close()


def test_attach_needs_a_terminal(t):
    project = t.repository()
    t.start("a", "sleep 1000", cwd=project)
    result = t.cloche("attach", "a", cwd=project, check=2)
    assert "terminal" in result.err


def test_attach_leaves_the_terminal_as_it_was(t):
    import termios

    project = t.repository()
    t.start("a", "printf '\\033[?1049h\\033[?25l\\033[?1000h\\033[31mred'; touch up; sleep 1000", cwd=project)
    t.wait_until(lambda: (t.workspace("a", project) / "up").exists(), "the task is up")
    terminal = t.terminal("attach", "a", cwd=project)
    before = termios.tcgetattr(terminal.master)
    terminal.expect("red")
    terminal.send(DETACH)
    assert terminal.wait() == 0
    after = termios.tcgetattr(terminal.master)
    terminal.close()
    assert before[:4] == after[:4]


def test_logs(t):
    project = t.repository()
    t.run_task("a", "for i in $(seq 1 300); do echo line $i; done", cwd=project)
    lines = t.cloche("logs", "a", cwd=project).out.splitlines()
    assert [line for line in lines if line.startswith("line ")] == [f"line {i}" for i in range(1, 301)], lines[:5]
    assert t.cloche("logs", "a", "-n", "2", cwd=project).out.splitlines() == ["line 299", "line 300"]


def test_logs_make_escape_sequences_harmless(t):
    """Invariant 9: clipboard, title, status report, DCS query, and C1 bytes."""
    project = t.repository()
    attacks = r"\033]52;c;Y2FuYXJ5\007 \033]0;title\007 \033[6n \033P$qm\033\\ \302\2331m \033[2J \b\b\r overwritten"
    t.run_task("a", f"printf '{attacks}\\n'", cwd=project)
    for options in ((), ("-n", "10")):
        out = t.cloche("logs", "a", *options, cwd=project).out
        assert "\x1b" not in out and "\x07" not in out and "\x9b" not in out and "\b" not in out, repr(out)


def test_logs_follow_until_the_end(t):
    project = t.repository()
    t.start("a", "echo one; until [ -e gate ]; do sleep 0.02; done; echo two", cwd=project)
    process = t.spawn("logs", "-f", "a", cwd=project)
    line = b""
    while b"one" not in line:
        line = process.stdout.readline()
        assert line, "the log ended before the task"
    (t.workspace("a", project) / "gate").touch()
    out, _ = process.communicate(timeout=10)
    assert process.returncode == 0 and b"two" in out, out


def test_a_program_may_close_its_terminal(t):
    """As GNU tools do just before they end; the last command of a shell is the session's leader then."""
    project = t.repository()
    task = "exec 0<&- 1>&- 2>&-; sleep 0.3; echo back > /dev/tty; sleep 0.3; touch alive; exit 7"
    assert t.run_task("a", task, cwd=project)["exit-code"] == 7
    assert (t.workspace("a", project) / "alive").exists()
    assert "back" in t.cloche("logs", "a", cwd=project).out
    for index in range(10):
        name = f"rm{index}"
        assert t.run_task(name, "touch x; rm x", cwd=project)["end-reason"] == "exited"


def test_stop_asks_first(t):
    project = t.repository()
    t.start("a", "trap 'echo asked > stopped; exit 0' TERM HUP; touch up; while :; do sleep 0.02; done", cwd=project)
    workspace = t.workspace("a", project)
    t.wait_until(lambda: (workspace / "up").exists(), "the task is up")
    t.cloche("stop", "a", cwd=project)
    assert (workspace / "stopped").read_text() == "asked\n"
    assert t.agents(project)["a"]["state"] == "stopped"
    assert not t.processes()


def test_stop_kills_after_the_grace(t):
    project = t.repository()
    t.start("a", "trap '' TERM HUP INT; touch up; while :; do sleep 0.05; done", cwd=project)
    t.wait_until(lambda: (t.workspace("a", project) / "up").exists(), "the task is up")
    began = time.monotonic()
    t.cloche("stop", "a", "--grace", "1", cwd=project)
    assert 0.9 < time.monotonic() - began < 6
    assert t.agents(project)["a"]["state"] == "stopped" and not t.processes()


def test_stop_kill_at_once_and_twice(t):
    project = t.repository()
    t.start("a", "trap '' TERM HUP INT; sleep 1000", cwd=project)
    began = time.monotonic()
    t.cloche("stop", "a", "--kill", cwd=project)
    assert time.monotonic() - began < 3
    # A second stop finds what it wants and is content, or says so.
    again = t.cloche("stop", "a", cwd=project, check=None)
    assert again.code in (0, 125) and (again.code == 0 or "not running" in again.err), again


def test_resume_goes_on_in_the_same_place(t):
    project = t.repository()
    t.start("a", "echo w > kept; echo h > ~/kept; echo u > /usr/local/kept; echo x > /tmp/kept; touch up; sleep 1000", cwd=project)
    workspace = t.workspace("a", project)
    t.wait_until(lambda: (workspace / "up").exists(), "the task is up")
    t.cloche("stop", "a", cwd=project)
    t.cloche("resume", "a", "cat kept ~/kept /usr/local/kept > found; ls /tmp/kept >> found 2>&1; true", cwd=project)
    entry = t.wait_ended("a", project)
    found = (workspace / "found").read_text()
    assert found.startswith("w\nh\nu\n") and "No such file" in found, (found, entry)
    assert not os.path.exists("/usr/local/kept")


def test_a_shell_without_a_task_waits_for_a_person(t):
    project = t.repository()
    t.cloche("start", "a", "--profile", "shell", cwd=project)
    terminal = t.terminal("attach", "a", cwd=project)
    terminal.send("echo $((6 * 7)) $PWD\n")
    terminal.expect("42 /workspace")
    terminal.send("exit 3\n")
    terminal.wait()
    terminal.close()
    assert t.wait_ended("a", project)["exit-code"] == 3


def test_delete_refuses_to_lose_work(t):
    project = t.repository()
    t.run_task("committed", "echo x > x && git add x && git commit -qm Work", cwd=project)
    t.run_task("loose", "echo x > y", cwd=project)
    t.run_task("clean", "true", cwd=project)
    t.start("running", "sleep 1000", cwd=project)
    refused = {name: t.cloche("delete", name, cwd=project, check=None).err for name in ("committed", "loose", "running")}
    assert "1 commit" in refused["committed"], refused
    assert "y" in refused["loose"] or "change" in refused["loose"], refused
    assert "run" in refused["running"], refused
    assert all("--force" in text or "stop" in text for text in refused.values()), refused
    t.cloche("delete", "clean", cwd=project)
    assert set(t.agents(project)) == {"committed", "loose", "running"}
    assert (t.workspace("committed", project) / "x").exists()


def test_delete_leaves_nothing(t):
    project = t.repository()
    t.run_task("a", "mkdir -p d/e && echo x > d/e/f && chmod 0 d/e d && echo h > ~/h && echo u > /usr/local/u", cwd=project)
    workspace = t.workspace("a", project)
    t.cloche("delete", "a", "--force", cwd=project)
    assert not workspace.exists() and t.agents(project) == {}
    assert "cloche/a" not in t.git("branch", "--all", cwd=project).out
    assert str(workspace) not in t.git("worktree", "list", cwd=project).out
    left = [str(path) for path in t.state.rglob("*") if "/a" in str(path.relative_to(t.state))]
    assert not left, left
    t.start("a", "sleep 1000", cwd=project)


def test_delete_keep_branch(t):
    project = t.repository()
    t.run_task("a", "echo x > x && git add x && git commit -qm Kept", cwd=project)
    t.cloche("delete", "a", "--keep-branch", cwd=project)
    assert "Kept" in t.git("log", "--oneline", "cloche/a", cwd=project).out


def test_kill_9_of_a_supervisor_leaves_no_process(t):
    """Invariant 10."""
    project = t.repository()
    t.start("a", "(trap '' TERM HUP; setsid sleep 1000) & touch up; sleep 1000", cwd=project)
    t.wait_until(lambda: (t.workspace("a", project) / "up").exists(), "the task is up")
    assert len(t.processes()) >= 4
    (supervisor,) = t.supervisors()
    os.kill(supervisor, signal.SIGKILL)
    t.wait_until(lambda: not t.processes(), "no process of the agent is left", deadline=1)
    entry = t.agents(project)["a"]
    assert entry["state"] not in case.LIVING, entry
    t.cloche("resume", "a", "touch resumed", cwd=project)
    t.wait_ended("a", project)
    assert (t.workspace("a", project) / "resumed").exists()


def test_the_agent_outlives_the_terminal_it_was_started_from(t):
    project = t.repository()
    terminal = t.terminal("start", "a", "--profile", "shell", "touch up; sleep 1000", cwd=project)
    assert terminal.wait() == 0
    terminal.close()
    t.wait_until(lambda: (t.workspace("a", project) / "up").exists(), "the task is up")
    assert t.agents(project)["a"]["state"] == "running"


def test_start_returns_though_its_output_is_a_pipe(t):
    """A supervisor that kept the caller's pipe open would make `cloche start | cat` hang."""
    project = t.repository()
    t.start("a", "sleep 1000", cwd=project, timeout=10)


def test_restart_on_failure(t):
    project = t.repository()
    task = "echo run >> runs; [ $(wc -l < runs) -ge 3 ]"
    entry = t.run_task("a", task, "--set", "restart=on-failure", cwd=project)
    assert (t.workspace("a", project) / "runs").read_text() == "run\n" * 3, entry
    entry = t.run_task("b", "echo run >> runs; exit 1", cwd=project)
    assert (t.workspace("b", project) / "runs").read_text() == "run\n", entry


def test_wall_clock_limit(t):
    project = t.repository()
    began = time.monotonic()
    entry = t.run_task("a", "trap '' TERM; sleep 1000", "--set", "limits.wall-clock=1s", "--set", "stop.grace=1s", cwd=project)
    assert 0.9 < time.monotonic() - began < 8 and not t.processes(), entry
    assert entry["end-reason"] == "wall-clock", entry


def test_idle_limit(t):
    project = t.repository()
    task = "for i in 1 2 3 4 5 6; do echo alive; sleep 0.4; done; touch alive; sleep 1000"
    entry = t.run_task("a", task, "--set", "limits.idle=1s", cwd=project)
    assert (t.workspace("a", project) / "alive").exists(), entry
    assert entry["end-reason"] == "idle", entry


def test_environment_for_one_agent(t):
    project = t.repository()
    t.start("a", "echo $GIVEN-$PASSED-$OTHER > seen", "--env", "GIVEN=1", "--env", "PASSED", cwd=project, env={"PASSED": "2", "OTHER": "3"})
    t.wait_ended("a", project)
    assert (t.workspace("a", project) / "seen").read_text() == "1-2-\n"


def test_secrets_are_in_no_file_and_no_command_line(t):
    """Section 6: keys never appear in any argv, log, state file or error."""
    project = t.repository()
    t.start("a", "touch up; sleep 1000", "--env", "API_KEY", cwd=project, env={"API_KEY": "canary-key-123"})
    t.wait_until(lambda: (t.workspace("a", project) / "up").exists(), "the task is up")
    files = [path for path in (*t.state.rglob("*"), *t.run.rglob("*")) if path.is_file()]
    assert files
    assert not [path for path in files if b"canary-key-123" in path.read_bytes()]
    assert b"canary-key-123" not in b"".join(command_lines(t))
    control = t.cloche("exec", "a", "--env", "API_KEY", "--", "env", cwd=project, env={"API_KEY": "canary-key-123"})
    assert "canary-key-123" in control.out


def test_state_directories_are_private(t):
    project = t.repository()
    t.start("a", "sleep 1000", cwd=project)
    workspace = t.workspace("a", project)
    base = t.state / "cloche"
    assert base.stat().st_mode & 0o077 == 0, oct(base.stat().st_mode)
    for path in base.rglob("*.json"):
        if workspace not in path.parents:
            assert path.stat().st_mode & 0o077 == 0, path


def test_workspace_dir_and_none(t):
    project = t.repository()
    elsewhere = t.dir / "elsewhere"
    elsewhere.mkdir()
    t.run_task("d", "echo x > made", "--workspace", f"dir:{elsewhere}", cwd=project)
    assert (elsewhere / "made").read_text() == "x\n"
    t.run_task("n", "ls -A > ~/listing; echo x > made", "--workspace", "none", cwd=project)
    assert not (project / "made").exists()
    assert "cloche/d" not in t.git("branch", "--all", cwd=project).out


def test_outside_git(t):
    place = t.dir / "plain"
    place.mkdir()
    t.run_task("a", "echo x > made", "--workspace", "dir", cwd=place)
    assert (place / "made").read_text() == "x\n"


def test_two_starts_of_one_name_at_once(t):
    project = t.repository()
    processes = [t.spawn("start", "same", "--profile", "shell", "sleep 1000", cwd=project) for _ in range(4)]
    codes = [process.wait(30) for process in processes]
    errors = [process.communicate()[1] for process in processes]
    assert sorted(codes) == [0, 125, 125, 125], (codes, errors)
    assert t.agents(project)["same"]["state"] == "running"


def test_a_start_that_is_refused_leaves_no_supervisor(t):
    """The supervisor is started before the command line is read, and waits for an order."""
    project = t.repository()
    program = t.dir / "cloche"
    program.write_bytes(pathlib.Path(t.program).read_bytes())
    program.chmod(0o755)

    def running():
        found = []
        for pid in t.processes():
            try:
                found += [pid] if os.readlink(f"/proc/{pid}/exe") == str(program) else []
            except OSError:
                pass  # it has ended
        return found

    for words in (["--nonsense"], ["a", "--profile", "none"], ["../x"], ["--help"]):
        t.command(program, "start", *words, cwd=project, check=None)
        t.wait_until(lambda: not running(), "the supervisor has ended", deadline=2)
    # The control: with an order it stays.
    t.command(program, "start", "a", "--profile", "shell", "sleep 1000", cwd=project)
    assert running()
